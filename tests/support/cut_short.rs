//! Runs in which a connection does not end as the state diagram has it.

use nix::errno::Errno;
use sockscope::event::{CallResult, Kind, Source};
use sockscope::model::TcpState::Close;
use sockscope::run::{Place, Run};

use crate::fixture::{From, Stage};
use crate::runs::connected;

/// The server's host goes down while the connection is open.
pub(crate) fn crashed() -> Run {
    let mut stage = Stage::new(Place::Wire, "crashed", "The server's host is gone");
    connected(&mut stage);
    stage.wait(200);
    stage.step("crash server");
    let text = "host server crashed: nothing goes out or in any more".to_owned();
    stage.push(Source::Driver, Kind::Note { text });
    stage.wait(500);
    stage.quiet();
    stage.finish()
}

/// The client's end is aborted by an RST of its own, and the server's by receiving it.
pub(crate) fn aborted() -> Run {
    let mut stage = Stage::new(Place::Wire, "aborted", "An RST ends it");
    let pair = connected(&mut stage);
    stage.step("client closes with SO_LINGER 0");
    stage.pass(pair, From::Client, "RST,ACK", 0, (Some(Close), Some(Close)));
    stage.quiet();
    stage.finish()
}

/// Nobody answers, and the client's kernel gives up; the client is told.
pub(crate) fn given_up() -> Run {
    let mut stage = Stage::new(Place::Wire, "given-up", "Nobody answers");
    let pair = connected(&mut stage);
    stage.step("wait");
    stage.wait(900_000);
    let error = CallResult::Errno(Errno::ETIMEDOUT as i32);
    stage.call("client", "read", "3", error);
    stage.state(pair, From::Client, Close, None);
    stage.quiet();
    stage.finish()
}
