//! What stands below a failed expectation: the diagnosis that fits the sockets and processes of
//! what it speaks of, whatever its form, and nothing where none fits.

mod support;

use sockscope::run::{Run, Verdict};
use support::{run, wire};

/// The notes of the expectations that failed, in order.
fn notes(run: &Run) -> Vec<(String, Vec<String>)> {
    let failed = run.checks().filter_map(|(_, check)| match &check.verdict {
        Verdict::Fail(mismatch) => Some((check.text.clone(), mismatch.notes.clone())),
        _ => None,
    });
    failed.collect()
}

/// Steps that hold, and one whose expectations all fail.
struct Case {
    programs: &'static str,
    before: &'static str,
    step: &'static str,
}

impl Case {
    /// The notes of each of these expectations, tried one by one.
    fn notes(&self, expectations: &[&str]) -> Vec<(String, Vec<String>)> {
        let quoted: Vec<String> = expectations
            .iter()
            .map(|line| format!("{line:?}"))
            .collect();
        let text = format!(
            "title = \"t\"\n[programs]\n{}\n{}\n[[step]]\n{}\nexpect = [{}]\nwithin = \"60ms\"\n",
            self.programs,
            self.before,
            self.step,
            quoted.join(", ")
        );
        let run = run(&text);
        let notes = notes(&run);
        let tried: Vec<&str> = notes.iter().map(|(line, _)| line.as_str()).collect();
        assert_eq!(tried, expectations, "these fail and no others: {run:#?}");
        notes
    }

    /// Each of these expectations has one note, with all of these parts.
    #[track_caller]
    fn is_explained(&self, expectations: &[&str], parts: &[&str]) {
        if !wire() {
            return;
        }
        for (line, notes) in self.notes(expectations) {
            let [note] = notes.as_slice() else {
                panic!("{line}: {notes:#?}");
            };
            for part in parts {
                assert!(note.contains(part), "{line}: no `{part}` in: {note}");
            }
        }
    }

    /// None of these expectations has any note.
    #[track_caller]
    fn is_not_explained(&self, expectations: &[&str]) {
        if !wire() {
            return;
        }
        for (line, notes) in self.notes(expectations) {
            assert_eq!(notes, [""; 0], "{line}");
        }
    }
}

/// The client's writer closes its copy; the reader has one too.
const COPY: Case = Case {
    programs: "server = \"chat-server {port}\"\n\
               client = \"chat-client {server} {port} --close close\"",
    before: "[[step]]\ndo = [\"start server\", \"start client\"]\n\
             expect = [\"client.conn held by client, client.child\", \
                       \"server.conn held by server, server.child\"]",
    step: "do = \"client types q\"",
};

#[test]
fn a_copy_that_is_still_open_explains_whoever_waits_for_the_end() {
    COPY.is_explained(
        &[
            "server.child got EOF",
            "server.child exited 0",
            "wire FIN from client",
            "server prints bye",
            "server caught SIGCHLD",
            "server children = 0",
            "server zombies = 1",
        ],
        &[
            "client.conn is still held by client fd 3",
            "sends no FIN",
            "fix: close() it in client; shutdown(fd, SHUT_WR)",
        ],
    );
}

#[test]
fn a_copy_that_is_still_open_is_no_reason_for_its_own_holders() {
    // The server has not closed anything, and no FIN is expected of it for what the client does.
    COPY.is_not_explained(&["client prints bye", "wire RST from server", "wire 2 SYN"]);
}

/// Connected, and nothing is wrong.
const FINE: Case = Case {
    programs: "server = \"echo-server {port}\"\nclient = \"echo-client {server} {port}\"",
    before: "[[step]]\ndo = \"start server\"\nexpect = [\"server.listener LISTEN\"]",
    step: "do = \"start client\"",
};

#[test]
fn a_parent_that_closes_what_its_child_shall_have_is_no_reason() {
    FINE.is_not_explained(&[
        "client got EOF",
        "client exited 0",
        "client prints hello",
        "client failed EPIPE",
        "client killed by SIGPIPE",
        "server.child got EOF",
        "server caught SIGCHLD",
        "server children = 2",
        "server children = 0",
        "server exited 0",
        "server stopped",
        "wire FIN from server",
        "wire FIN from client",
        "wire data",
        "wire client SYN > server SYN,ACK > client ACK > client FIN",
        "any zombie",
    ]);
}

/// The server's child never reads: it does not see the FIN.
const OWED: Case = Case {
    programs: "server = \"echo-server {port} --no-read\"\nclient = \"peer\"",
    before: "[[step]]\ndo = [\"start server\", \"start client\", \"client types socket\", \
                       \"client types connect {server} {port}\"]\n\
             expect = [\"client.conn ESTABLISHED\", \"server.conn held by server.child\"]",
    step: "do = [\"client types shutdown WR\", \"client types read\"]",
};

#[test]
fn a_close_that_is_owed_explains_whoever_waits_for_it() {
    OWED.is_explained(
        &[
            "client got EOF",
            "client prints EOF",
            "client exited 0",
            "client failed ECONNRESET",
            "server.child got EOF",
            "server.child exited 0, reaped",
            "wire FIN from server",
            "wire client FIN > server ACK > server FIN",
        ],
        &[
            "server.conn is in CLOSE_WAIT since step 2: the peer sent its FIN and server.child fd 4 \
             owes the close",
            "seen: its other end waits in FIN_WAIT2, held by client fd 3",
            "fix: close() it in server.child",
        ],
    );
    OWED.is_not_explained(&["server prints hello", "wire 2 FIN from client", "wire RST"]);
}

/// The server's host is gone.
const CRASHED: Case = Case {
    programs: "server = \"echo-server {port}\"\nclient = \"echo-client {server} {port}\"",
    before: "[hosts.client]\nrto_min = \"200ms\"\n\
             [[step]]\ndo = \"start server\"\nexpect = [\"server.listener LISTEN\"]\n\
             [[step]]\ndo = \"start client\"\nexpect = [\"client.conn ESTABLISHED\"]\n\
             [[step]]\ndo = [\"crash server\", \"client types hello\"]\n\
             expect = [\"client.conn retransmits >= 1\"]\nwithin = \"20s\"",
    step: "",
};

#[test]
fn segments_that_nobody_acknowledges_explain_what_does_not_come() {
    CRASHED.is_explained(
        &[
            "client prints hello",
            "client got EOF",
            "client exited 0",
            "client failed ETIMEDOUT",
        ],
        &[
            "client.conn (ESTABLISHED) has sent the same segment again",
            "192.0.2.2:9190 does not acknowledge it",
            "seen: retransmits ",
        ],
    );
}

/// Nobody answers the SYN.
const SILENT: Case = Case {
    programs: "server = \"echo-server {port}\"\nclient = \"echo-client {server} {port}\"",
    before: "[[step]]\ndo = \"start server\"\nexpect = [\"server.listener LISTEN\"]",
    step: "do = [\"crash server\", \"start client\"]",
};

#[test]
fn a_syn_that_nobody_answers_explains_what_a_client_does_not_do() {
    SILENT.is_explained(
        &[
            "client.conn ESTABLISHED",
            "client prints hello",
            "client exited 0",
            "client failed connect ECONNREFUSED",
            "wire SYN,ACK from server",
        ],
        &["client.conn is in SYN_SENT: no answer to its SYN has come"],
    );
}

/// The queue is full: the third client's SYN is dropped.
const FULL: Case = Case {
    programs: "server = \"echo-server {port} --backlog 1 --wait-before-accept\"\n\
               first = \"echo-client {server} {port} --connections 2\"\n\
               third = \"echo-client {server} {port}\"",
    before: "[[step]]\ndo = \"start server\"\nexpect = [\"server.listener LISTEN\"]\n\
             [[step]]\ndo = \"start first\"\nexpect = [\"first.conn2 ESTABLISHED\"]",
    step: "do = [\"start third\", \"third types hello\"]",
};

#[test]
fn a_full_queue_explains_whoever_is_not_let_in() {
    // The SYN that is not answered is told of once, with the queue that is the reason.
    FULL.is_explained(
        &[
            "third prints hello",
            "third exited 0",
            "third.conn ESTABLISHED",
        ],
        &[
            "server.listener has 2 connections that were not accepted, its backlog is 1",
            "seen: Recv-Q 2, backlog (Send-Q) 1",
        ],
    );
    FULL.is_explained(
        &["first prints hello"],
        &[
            "server.conn is held by nobody",
            "accept() was not called yet (and 1 more like it)",
        ],
    );
}

#[test]
fn a_connection_that_is_not_accepted_explains_a_child_that_is_not_there() {
    let case = Case {
        programs: "server = \"echo-server {port} --wait-before-accept\"\n\
                   client = \"echo-client {server} {port}\"",
        before: "[[step]]\ndo = \"start server\"\nexpect = [\"server.listener LISTEN\"]",
        step: "do = [\"start client\", \"client types hello\"]",
    };
    case.is_explained(
        &[
            "server children = 1",
            "server.child running",
            "server.child exited 0, reaped",
            "server.child got EOF",
            "server prints hello",
            "client prints hello",
        ],
        &[
            "server.conn is held by nobody",
            "seen: the listener is held by server fd 3",
        ],
    );
}

#[test]
fn a_closed_window_explains_whoever_waits_for_the_data() {
    let case = Case {
        programs: "server = \"echo-server {port} --no-read\"\nclient = \"peer\"",
        before: "[hosts.server.sysctl]\n\"net.ipv4.tcp_rmem\" = \"4096 16384 16384\"\n\
                 [[step]]\ndo = [\"start server\", \"start client\", \"client types socket\", \
                       \"client types connect {server} {port}\"]\n\
                 expect = [\"client.conn ESTABLISHED\", \"server.conn held by server.child\"]\n\
                 [[step]]\ndo = \"client types write-bytes 20000\"\n\
                 expect = [\"client.conn timer persist\"]\nwithin = \"20s\"",
        step: "",
    };
    case.is_explained(
        &[
            "client prints done",
            "client.conn send-q = 0",
            "server prints x",
        ],
        &[
            "the window of its peer is closed, server.child fd 4 does not read",
            "seen: its other end has ",
            "fix: read() in server.child",
        ],
    );
}

#[test]
fn a_stopped_process_explains_whoever_waits_for_it() {
    let case = Case {
        programs: "server = \"event-echo-server {port}\"\nclient = \"echo-client {server} {port}\"",
        before: "[[step]]\ndo = [\"start server\", \"start client\"]\n\
                 expect = [\"client.conn ESTABLISHED\", \"server.conn held by server\"]\n\
                 [[step]]\ndo = \"send SIGSTOP to server\"\nexpect = [\"server stopped\"]",
        step: "do = \"client types hello\"",
    };
    case.is_explained(
        &[
            "client prints hello",
            "server.conn recv-q = 0",
            "client exited 0",
            "wire data from server",
            "server exited 0",
        ],
        &[
            "server is stopped by a signal",
            "seen: server.conn has 6 bytes that nobody reads",
            "fix: send it SIGCONT",
        ],
    );
    case.is_not_explained(&["wire RST from server"]);
}

#[test]
fn a_handler_that_is_there_is_not_advised() {
    let case = Case {
        programs: "server = \"echo-server {port} --sigchld once\"\n\
                   client = \"echo-client {server} {port} --connections 5\"",
        before: "[[step]]\ndo = [\"start server\", \"start client\"]\n\
                 expect = [\"server children = 5\"]\n\
                 [[step]]\ndo = [\"send SIGSTOP to server\", \"close stdin of client\"]\n\
                 expect = [\"zombies = 5\"]",
        step: "do = \"send SIGCONT to server\"",
    };
    case.is_explained(
        &["no zombies"],
        &[
            "is a zombie: its parent server",
            "(and 3 more like it)",
            "server has a SIGCHLD handler",
            "fix: call waitpid(-1, …, WNOHANG) in a loop in the SIGCHLD handler",
        ],
    );
}

#[test]
fn what_must_never_be_lacks_nothing() {
    if !wire() {
        return;
    }
    let run = run("title = \"t\"\n\
         [programs]\nserver = \"echo-server {port} --no-read\"\nclient = \"peer\"\n\
         [[step]]\ndo = [\"start server\", \"start client\", \"client types socket\", \
                   \"client types connect {server} {port}\"]\n\
         expect = [\"client.conn ESTABLISHED\", \"server.conn held by server.child\"]\n\
         [[step]]\ndo = [\"client types shutdown WR\", \"client types getpeername\"]\n\
         expect = [\"client.conn FIN_WAIT2\"]\n\
         never = [\"wire FIN from client\", \"client prints shutdown\", \"client running\"]\n");
    for (line, notes) in notes(&run) {
        assert_eq!(notes, [""; 0], "{line}");
    }
}

/// Connected, and the client's end is an endpoint that its user types commands for.
const PEERS: Case = Case {
    programs: "server = \"echo-server {port}\"\nclient = \"peer\"",
    before: "[[step]]\ndo = [\"start server\", \"start client\", \"client types socket\", \
                       \"client types connect {server} {port}\"]\n\
             expect = [\"client.conn ESTABLISHED\", \"server.conn held by server.child\"]",
    step: "",
};

#[test]
fn a_reset_says_which_close_sent_it() {
    let linger = Case {
        step: "do = [\"client types setsockopt SO_LINGER 1 0\", \"client types close\"]",
        ..PEERS
    };
    linger.is_explained(
        &[
            "client.conn TIME_WAIT",
            "client.conn ESTABLISHED > FIN_WAIT1",
        ],
        &[
            "an RST from client ended client.conn: client's close(3) sent it",
            "SO_LINGER {1, 0}",
        ],
    );
    // The other end is told the same.
    linger.is_explained(
        &["server.conn CLOSE_WAIT"],
        &["an RST from client ended server.conn: client's close(3) sent it"],
    );
    let unread = Case {
        before: "[[step]]\ndo = [\"start server\", \"start client\", \"client types socket\", \
                           \"client types connect {server} {port}\", \"client types write hello\"]\n\
                 expect = [\"client.conn recv-q = 5\"]",
        step: "do = \"client types close\"",
        ..PEERS
    };
    unread.is_explained(
        &["client.conn TIME_WAIT"],
        &["client's close(3) sent it, because 5 bytes were not read"],
    );
}

#[test]
fn a_reset_of_before_is_no_reason() {
    let case = Case {
        before: "[[step]]\ndo = [\"start server\", \"start client\", \"client types socket\", \
                           \"client types connect {server} {port}\", \
                           \"client types setsockopt SO_LINGER 1 0\", \"client types close\"]\n\
                 expect = [\"client.conn gone\"]",
        step: "do = \"client types socket\"",
        ..PEERS
    };
    case.is_not_explained(&[
        "client prints hello",
        "client got EOF",
        "client.conn2 LISTEN",
    ]);
}
