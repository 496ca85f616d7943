//! The values in a record's lines, each with both ways: from the model and back.
//!
//! Words are the field's own (`netstat(8)`'s states, `ps(1)`'s letters, errno and signal names),
//! numbers carry their unit in their name, and what has several forms says in `kind` which it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{CallResult, Cause, PacketId, Reaper, SignalOrigin};
use crate::model::{ExitStatus, ProcessName, errno_name, restart_name, signal_name};

mod socket;
mod utc;
mod words;

pub use socket::{FactsValue, HolderValue, InfoValue};
pub use utc::Utc;
pub use words::{FlagWords, StateLetter, StateWord, TimerWord};

/// A signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignalValue {
    /// Its number.
    pub number: i32,
    /// Its name: `SIGCHLD`; `signal 34` of one that has none.
    pub name: String,
}

impl From<i32> for SignalValue {
    fn from(number: i32) -> SignalValue {
        let name = signal_name(number);
        SignalValue { number, name }
    }
}

/// How a process ended, as `waitpid(2)` tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ExitValue {
    /// It called `exit(2)`.
    Exited {
        /// With this status.
        status: i32,
    },
    /// A signal ended it.
    Killed {
        /// Which.
        signal: SignalValue,
        /// Whether it left a core file.
        core: bool,
    },
}

impl From<ExitStatus> for ExitValue {
    fn from(status: ExitStatus) -> ExitValue {
        match status {
            ExitStatus::Exited(status) => ExitValue::Exited { status },
            ExitStatus::Signaled { signal, core } => ExitValue::Killed {
                signal: signal.into(),
                core,
            },
        }
    }
}

impl From<ExitValue> for ExitStatus {
    fn from(value: ExitValue) -> ExitStatus {
        match value {
            ExitValue::Exited { status } => ExitStatus::Exited(status),
            ExitValue::Killed { signal, core } => ExitStatus::Signaled {
                signal: signal.number,
                core,
            },
        }
    }
}

/// Who collected a child's exit status, or adopted an orphan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ParentValue {
    /// A process of the scenario.
    Process {
        /// Its name.
        process: String,
    },
    /// The lab's first process, which adopts orphans as init does.
    Init,
    /// The kernel at once: the parent ignores SIGCHLD.
    Kernel,
    /// It was gone before anyone could look who.
    Unknown,
}

impl From<Reaper> for ParentValue {
    fn from(reaper: Reaper) -> ParentValue {
        match reaper {
            Reaper::Process(process) => ParentValue::Process {
                process: process.to_string(),
            },
            Reaper::Init => ParentValue::Init,
            Reaper::Kernel => ParentValue::Kernel,
            Reaper::Unknown => ParentValue::Unknown,
        }
    }
}

impl From<ParentValue> for Reaper {
    fn from(value: ParentValue) -> Reaper {
        match value {
            ParentValue::Process { process } => Reaper::Process(ProcessName::new(process)),
            ParentValue::Init => Reaper::Init,
            ParentValue::Kernel => Reaper::Kernel,
            ParentValue::Unknown => Reaper::Unknown,
        }
    }
}

/// Who sent a signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SenderValue {
    /// A process of the run.
    Process {
        /// Its name.
        process: String,
    },
    /// sockscope, because the scenario says so.
    Sockscope,
    /// The kernel.
    Kernel,
    /// A process outside of the run.
    Stranger {
        /// Its pid as sockscope's own `/proc` shows it.
        pid: i32,
    },
    /// Nobody could tell.
    Unknown,
}

impl From<SignalOrigin> for SenderValue {
    fn from(origin: SignalOrigin) -> SenderValue {
        match origin {
            SignalOrigin::Process(process) => SenderValue::Process {
                process: process.to_string(),
            },
            SignalOrigin::Sockscope => SenderValue::Sockscope,
            SignalOrigin::Kernel => SenderValue::Kernel,
            SignalOrigin::Stranger { pid } => SenderValue::Stranger { pid },
            SignalOrigin::Unknown => SenderValue::Unknown,
        }
    }
}

impl From<SenderValue> for SignalOrigin {
    fn from(value: SenderValue) -> SignalOrigin {
        match value {
            SenderValue::Process { process } => SignalOrigin::Process(ProcessName::new(process)),
            SenderValue::Sockscope => SignalOrigin::Sockscope,
            SenderValue::Kernel => SignalOrigin::Kernel,
            SenderValue::Stranger { pid } => SignalOrigin::Stranger { pid },
            SenderValue::Unknown => SignalOrigin::Unknown,
        }
    }
}

/// What caused a change of state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CauseValue {
    /// The segment that this end sent.
    Sent {
        /// The packet's number.
        packet: u32,
    },
    /// The segment that this end received.
    Received {
        /// The packet's number.
        packet: u32,
    },
    /// A timer expired.
    Timer,
}

impl CauseValue {
    /// The packet that it names.
    pub(super) fn packet(&self) -> Option<u32> {
        match self {
            CauseValue::Sent { packet } | CauseValue::Received { packet } => Some(*packet),
            CauseValue::Timer => None,
        }
    }
}

impl From<Cause> for CauseValue {
    fn from(cause: Cause) -> CauseValue {
        match cause {
            Cause::Sent(PacketId(packet)) => CauseValue::Sent { packet },
            Cause::Received(PacketId(packet)) => CauseValue::Received { packet },
            Cause::Timer => CauseValue::Timer,
        }
    }
}

impl From<CauseValue> for Cause {
    fn from(value: CauseValue) -> Cause {
        match value {
            CauseValue::Sent { packet } => Cause::Sent(PacketId(packet)),
            CauseValue::Received { packet } => Cause::Received(PacketId(packet)),
            CauseValue::Timer => Cause::Timer,
        }
    }
}

/// What a system call returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ResultValue {
    /// A value: bytes, a descriptor, a pid.
    Value {
        /// The value.
        value: i64,
    },
    /// End of file: `read(2)` returned 0.
    Eof,
    /// It failed.
    Errno {
        /// The errno's number.
        number: i32,
        /// Its name: `EPIPE`; `errno 999` of one that has none.
        name: String,
    },
    /// Nothing to return: a signal handler ran.
    Nothing,
    /// A signal interrupted it and the kernel begins it anew.
    Restarted {
        /// The number that only the kernel sees, 512 to 516.
        number: i32,
        /// Its name: `ERESTARTSYS`.
        name: String,
    },
    /// It did not return: the process ended in it, or replaced itself.
    Never,
}

impl From<CallResult> for ResultValue {
    fn from(result: CallResult) -> ResultValue {
        match result {
            CallResult::Value(value) => ResultValue::Value { value },
            CallResult::Eof => ResultValue::Eof,
            CallResult::Errno(number) => ResultValue::Errno {
                number,
                name: errno_name(number),
            },
            CallResult::Nothing => ResultValue::Nothing,
            CallResult::Restarted(number) => ResultValue::Restarted {
                number,
                name: restart_name(number).to_owned(),
            },
            CallResult::Never => ResultValue::Never,
        }
    }
}

impl From<ResultValue> for CallResult {
    fn from(value: ResultValue) -> CallResult {
        match value {
            ResultValue::Value { value } => CallResult::Value(value),
            ResultValue::Eof => CallResult::Eof,
            ResultValue::Errno { number, .. } => CallResult::Errno(number),
            ResultValue::Nothing => CallResult::Nothing,
            ResultValue::Restarted { number, .. } => CallResult::Restarted(number),
            ResultValue::Never => CallResult::Never,
        }
    }
}
