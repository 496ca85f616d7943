//! Parts of pictures that no machine was asked for.

use sockscope::diagnose::picture::Process;
use sockscope::model::ProcState;

/// A process of this name, asleep.
pub(crate) fn process(name: &str, pid: i32) -> Process {
    Process {
        name: format!("{name} {pid}"),
        key: u64::from(pid.unsigned_abs()),
        pid,
        program: name.to_owned(),
        parent: None,
        state: Some(ProcState::Sleeping),
        zombie: false,
        signals: None,
        waits_in: None,
        executes: None,
    }
}
