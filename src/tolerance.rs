//! Every duration that a verdict could depend on, in one place.

use std::time::Duration;

/// How long a process may stay busy before sockscope goes on without waiting for it to block.
/// It costs order, never truth: the run notes that it went on.
pub const SETTLE: Duration = Duration::from_secs(1);

/// The first and the longest pause between two looks whether a busy process is blocked again.
/// Anything that arrives ends the pause at once.
pub const LOOK_AGAIN: (Duration, Duration) = (Duration::from_micros(30), Duration::from_millis(2));

/// The longest pause while a tracer tells of a busy process. The pauses double, so that looking
/// takes at most as long again as the process was busy.
pub const LOOK_AGAIN_TRACED: Duration = Duration::from_millis(10);

/// How often in a row sockscope leaves a shared CPU to the lab before it pauses instead.
pub const YIELDS: u32 = 8;

/// How often a step that waits asks the kernel again when nothing arrives: a process may wake by
/// a timer of its own, a socket may expire.
pub const TICK: Duration = Duration::from_millis(10);

/// The same where there is no wire and states have to be caught by looking.
pub const TICK_SAMPLED: Duration = Duration::from_millis(1);

/// How long a step waits for its expectations unless it says `within`.
pub const STEP: Duration = Duration::from_secs(5);

/// How far a socket's timer runs down before it is told again, in milliseconds, in a step that
/// asks for it. A verdict on a timer comes at most this late.
pub const TIMER_GRAIN_MS: u32 = 50;

/// The longest tick of a kernel's clock (CONFIG_HZ=100): what is left of a timer is told in ticks.
pub const JIFFY: Duration = Duration::from_millis(10);

/// The least retransmission timeout while somebody steps through a run, unless the scenario sets
/// one: Linux's longest (TCP_RTO_MAX), so that nothing is sent again while they look.
pub const RTO_WHILE_LOOKING: Duration = Duration::from_secs(120);

/// How long something that may pass, such as CLOSE_WAIT or a zombie, has to last until `why` takes
/// the time for a longer look at it.
pub const LASTING: Duration = Duration::from_millis(250);

/// How long it has to last until `why` tells of it: longer than the second after which many
/// programs do what they do again and again, such as read, send, or collect their children.
pub const STAYING: Duration = Duration::from_secs(2);

/// How often a look-up has to miss a socket before the kernel's whole table is asked whether it is
/// gone.
pub const LOOKS_FOR_THE_VANISHED: u32 = 6;

/// How long whoever reads the output of `watch` may leave the end of it untaken.
pub const LAST_WORDS: Duration = Duration::from_secs(1);
