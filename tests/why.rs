//! `sockscope why` on live cases: each scenario that has one is stopped at the moment of it, and
//! asked about while its programs stand there.

mod support;

use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use sockscope::diagnose::{Finding, Weight};
use sockscope::driver;
use sockscope::driver::pilot::{Choice, Moment, Pilot};
use sockscope::event::Packet;
use sockscope::live::filter::{self, Filter};
use sockscope::live::netns::{Scope, Tables, tables};
use sockscope::live::why::{self, Look, Why};
use sockscope::observe::process::ProcRoot;
use sockscope::report;
use sockscope::scenario::{Scenario, builtin};
use support::{options, say, wire};

/// When a run is stopped and asked about: before this step, counted from 0.
#[derive(Clone, Copy)]
struct Step(usize);

/// Stops a run, and looks.
struct Asker {
    at: Step,
    /// The namespaces of these processes.
    hosts: &'static [&'static str],
    filter: Filter,
    tables: Option<Tables>,
    scope: Scope,
    why: Option<Why>,
    looks: Vec<Look>,
}

impl Asker {
    fn new(at: Step, hosts: &'static [&'static str], words: &[&str]) -> Asker {
        Asker {
            at,
            hosts,
            filter: filter::parse(words, &|_| None).expect("a filter"),
            tables: None,
            scope: Scope::Own,
            why: None,
            looks: Vec::new(),
        }
    }

    /// The namespaces are entered as soon as their processes are there: they may end.
    fn open(&mut self, moment: &Moment<'_>) {
        if self.tables.is_some() {
            return;
        }
        let pid = |name: &&str| {
            let name = (*name).into();
            moment.timeline.process(&name).map(|process| process.pid)
        };
        let pids: Option<Vec<i32>> = self.hosts.iter().map(pid).collect();
        let Some(pids) = pids else { return };
        self.scope = Scope::OfProcess(pids[0]);
        let mut all: Option<Tables> = None;
        for pid in pids {
            let more = tables(&ProcRoot::default(), Scope::OfProcess(pid)).expect("a namespace");
            match &mut all {
                None => all = Some(more),
                Some(all) => all.tables.extend(more.tables),
            }
        }
        self.tables = all;
    }

    fn ask(&mut self) -> Choice {
        let tables = self.tables.as_mut().expect("the processes are there");
        let root = ProcRoot::default();
        let why = why::why(&root, tables, &self.filter, self.scope, None, &mut |_| ());
        self.why = Some(why.expect("asked"));
        Choice::Quit
    }
}

impl Pilot for Asker {
    fn step(&mut self, moment: &Moment<'_>, _text: &str) -> Choice {
        self.open(moment);
        match self.at.0 == moment.step {
            true => self.ask(),
            false => Choice::Go,
        }
    }

    fn packet(&mut self, _moment: &Moment<'_>, _packet: &Packet) -> Choice {
        Choice::Go
    }

    fn delivered(&mut self, _moment: &Moment<'_>, _packet: &Packet) {}
}

/// A built-in scenario whose hosts retransmit as they do where nobody steps through the run.
fn plain(name: &str) -> Scenario {
    let known = builtin::all();
    let known = known.iter().find(|known| known.name == name);
    let text = known.expect("a built-in scenario").text;
    let mut hosts = String::new();
    for host in ["client", "server"] {
        if !text.contains(&format!("[hosts.{host}]\nrto_min")) {
            hosts.push_str(&format!("[hosts.{host}]\nrto_min = \"200ms\"\n"));
        }
    }
    let at = text.find("\n[[step]]").expect("a step");
    // A last step, so that its beginning is a moment after all others.
    let last = "\n[[step]]\nexpect = [\"server children >= 0\"]\n";
    support::scenario(&format!("{}\n{hosts}{}{last}", &text[..at], &text[at..]))
}

/// A built-in scenario whose timers do not expire while somebody looks: what they send would stay
/// on the wire meanwhile.
fn patient(name: &str) -> Scenario {
    let known = builtin::all();
    let known = known.iter().find(|known| known.name == name);
    let text = known.expect("a built-in scenario").text;
    support::scenario(&text.replace("rto_min = \"300ms\"", "rto_min = \"60s\""))
}

/// Asks about a built-in scenario. Nothing without the wire.
fn ask(scenario: &str, at: Step, hosts: &'static [&'static str], words: &[&str]) -> Option<Why> {
    ask_of(&plain(scenario), at, hosts, words)
}

fn ask_of(
    scenario: &Scenario,
    at: Step,
    hosts: &'static [&'static str],
    words: &[&str],
) -> Option<Why> {
    if !wire() {
        return None;
    }
    let mut asker = Asker::new(at, hosts, words);
    let run = driver::step_through(scenario, &options(None), None, &mut asker);
    let Some(why) = asker.why else {
        let look = report::Look {
            width: 100,
            color: false,
            unicode: true,
        };
        panic!(
            "it did not get there: {}",
            report::failure::render(&run, &look)
        );
    };
    println!("{}", text(&why));
    Some(why)
}

fn text(why: &Why) -> String {
    report::why::render(
        why,
        &report::Look {
            width: 80,
            color: false,
            unicode: true,
        },
    )
}

fn of_kind<'a>(why: &'a Why, key: &str) -> Vec<&'a Finding> {
    why.findings
        .iter()
        .filter(|finding| finding.diagnosis.key == key)
        .collect()
}

/// The one finding of this kind.
#[track_caller]
fn one<'a>(why: &'a Why, key: &str) -> &'a Finding {
    match of_kind(why, key).as_slice() {
        [one] => one,
        other => panic!("{key}: {other:#?}\n{}", text(why)),
    }
}

#[track_caller]
fn has(text: &str, part: &str) {
    assert!(text.contains(part), "no `{part}` in: {text}");
}

fn proofs(finding: &Finding) -> String {
    let texts: Vec<&str> = finding
        .evidence
        .iter()
        .map(|proof| proof.text.as_str())
        .collect();
    texts.join("\n")
}

#[test]
fn close_wait_names_who_owes_the_close() {
    let both = &["server", "client"];
    let Some(why) = ask("fin-wait2-stuck", Step(3), both, &[":9190"]) else {
        return;
    };
    let finding = one(&why, "close-wait");
    assert_eq!(finding.weight, Weight::Wrong);
    has(&finding.headline, "is in CLOSE_WAIT for at least ");
    has(&finding.headline, "fd 4 owes the close");
    has(
        &proofs(finding),
        "its other end waits in FIN_WAIT2, held by",
    );
    has(&finding.fix, "close() it in ");
    // One cause, one diagnosis: the other end's FIN_WAIT2 is evidence for it.
    assert!(of_kind(&why, "fin-wait2").is_empty());
}

#[test]
fn fin_wait2_names_who_does_not_answer() {
    // The other end is in another namespace that is looked at, but the filter does not mean it.
    let words = &["state:fin-wait-2"];
    let both = &["server", "client"];
    let Some(why) = ask("fin-wait2-stuck", Step(3), both, words) else {
        return;
    };
    let finding = one(&why, "fin-wait2");
    has(&finding.headline, "fd 4 (CLOSE_WAIT) has not closed");
    has(
        &proofs(finding),
        "tcp_fin_timeout ends only what no process holds",
    );
    // It is out of sight: its address is all that is known.
    let why = ask("fin-wait2-stuck", Step(3), &["client"], words).expect("the wire");
    let finding = one(&why, "fin-wait2");
    has(&finding.headline, "192.0.2.2:9190 has not closed");
}

#[test]
fn an_orphan_in_fin_wait2_has_a_time_limit() {
    let words = &["state:fin-wait-2"];
    let Some(why) = ask("close-wait-leak", Step(4), &["client"], words) else {
        return;
    };
    let finding = one(&why, "fin-wait2");
    assert_eq!(finding.weight, Weight::Suspect);
    has(&proofs(finding), "the kernel gives up in ");
    has(&proofs(finding), "(tcp_fin_timeout)");
}

#[test]
fn a_copy_that_is_still_open_is_named_with_both_descriptors() {
    let Some(why) = ask("close-is-not-fin", Step(2), &["client"], &[":9190"]) else {
        return;
    };
    let finding = one(&why, "held-by-several");
    assert_eq!(finding.weight, Weight::Note, "a chat client has it so");
    assert_eq!(
        finding.headline.matches(" fd 3").count(),
        2,
        "{}",
        finding.headline
    );
    has(&proofs(finding), "close-on-exec");
    has(&finding.fix, "shutdown(fd, SHUT_WR)");
}

#[test]
fn a_zombie_names_the_parent_and_what_it_does_with_sigchld() {
    let Some(why) = ask("zombie", Step(4), &["server"], &[":9190"]) else {
        return;
    };
    let finding = one(&why, "zombie");
    has(&finding.headline, "has not called wait");
    has(&proofs(finding), "has no SIGCHLD handler (SigCgt, SigIgn)");
    // A handler that waits once for five.
    let why = ask("five-at-once", Step(6), &["server"], &[":9190"]).expect("the wire");
    let zombies = of_kind(&why, "zombie");
    assert_eq!(zombies.len(), 4, "{}", text(&why));
    has(&proofs(zombies[0]), "has a SIGCHLD handler (SigCgt)");
    has(&zombies[0].fix, "in a loop in the SIGCHLD handler");
    // A stopped one cannot wait.
    let why = ask("five-at-once", Step(5), &["server"], &[":9190"]).expect("the wire");
    assert_eq!(of_kind(&why, "zombie").len(), 5);
    one(&why, "stopped");
}

#[test]
fn a_full_accept_queue_is_told_with_its_numbers() {
    let Some(why) = ask("backlog-full", Step(4), &["server"], &[":9190"]) else {
        return;
    };
    let finding = one(&why, "accept-queue-full");
    has(
        &finding.headline,
        "6 connections that were not accepted, its backlog is 5",
    );
    has(&finding.headline, "it drops every SYN");
    has(&proofs(finding), "ListenOverflows");
    assert_eq!(of_kind(&why, "not-accepted").len(), 6);
    // The seventh client.
    let why = ask("backlog-full", Step(4), &["seventh"], &["state:syn-sent"]);
    let why = why.expect("the wire");
    has(&one(&why, "syn-sent").headline, "is in SYN_SENT");
}

#[test]
fn a_port_in_time_wait_is_taken_and_so_is_one_with_a_listener() {
    let Some(why) = ask("address-in-use", Step(2), &["server"], &[":9190"]) else {
        return;
    };
    let finding = one(&why, "address-in-use");
    assert_eq!(finding.weight, Weight::Suspect);
    has(
        &finding.headline,
        "nobody listens on port 9190, but 1 connection in TIME_WAIT keeps it",
    );
    has(&finding.fix, "SO_REUSEADDR before bind()");
    let why = ask("address-in-use", Step(1), &["server"], &[":9190"]).expect("the wire");
    let finding = one(&why, "port-held");
    assert_eq!(
        finding.weight,
        Weight::Note,
        "nothing is wrong with a listener"
    );
    has(&finding.headline, "port 9190 is listened on by ");
}

/// Longer than `crash/connect-timeout`, whose client gives up soon.
const NO_ANSWER: &str = r#"
title = "t"
[programs]
server = "echo-server {port}"
client = "peer"
[hosts.client]
rto_min = "200ms"
[[step]]
do = ["start server", "crash server"]
[[step]]
do = ["start client", "client types socket", "client types connect {server} {port}"]
expect = ["client.conn SYN_SENT", "client.conn retransmits = 1"]
[[step]]
expect = ["client.conn SYN_SENT"]
"#;

#[test]
fn a_syn_that_nobody_answers_is_counted() {
    let scenario = support::scenario(NO_ANSWER);
    let Some(why) = ask_of(&scenario, Step(2), &["client"], &["tcp"]) else {
        return;
    };
    let finding = one(&why, "syn-sent");
    has(
        &finding.headline,
        "no answer to its SYN has come, and sent again ",
    );
    has(&proofs(finding), "the next SYN leaves in ");
    has(&proofs(finding), "held by ");
    has(&finding.fix, "192.0.2.2:9190");
}

#[test]
fn a_lost_last_ack_retransmits() {
    let Some(why) = ask("lost-last-ack", Step(3), &["server"], &["tcp"]) else {
        return;
    };
    let finding = one(&why, "retransmitting");
    has(
        &finding.headline,
        "(LAST_ACK) has sent the same segment again",
    );
    has(&proofs(finding), "the timeout has backed off to");
}

#[test]
fn a_closed_window_names_who_does_not_read() {
    let hosts = &["client", "server"];
    let Some(why) = ask_of(&patient("zero-window"), Step(3), hosts, &[":9190"]) else {
        return;
    };
    let finding = one(&why, "zero-window");
    has(&finding.headline, "does not read");
    has(&proofs(finding), "bytes that were not read (Recv-Q)");
    has(&proofs(finding), "is S");

    let why = ask_of(&patient("stopped-server"), Step(4), hosts, &[":9190"]).expect("the wire");
    has(&proofs(one(&why, "zero-window")), "is T");
    let stopped = one(&why, "stopped");
    has(&stopped.headline, "is stopped by a signal");
    has(&proofs(stopped), "bytes that nobody reads");
    has(&stopped.fix, "SIGCONT");
}

#[test]
fn a_healthy_connection_has_nothing_wrong() {
    let Some(why) = ask("echo", Step(2), &["server", "client"], &[":9190"]) else {
        return;
    };
    let wrong = |finding: &&Finding| finding.weight != Weight::Note;
    assert_eq!(why.findings.iter().find(wrong), None, "{}", text(&why));
    assert!(why.sockets >= 3 && why.processes >= 2, "{}", text(&why));
    assert_eq!(why.between, None, "one look was enough");
}

/// Looks at every step.
struct Looker(Asker);

impl Pilot for Looker {
    fn step(&mut self, moment: &Moment<'_>, _text: &str) -> Choice {
        self.0.open(moment);
        if let Some(tables) = &mut self.0.tables {
            let root = ProcRoot::default();
            let look = why::look(&root, tables, &self.0.filter, self.0.scope);
            self.0.looks.push(look.expect("looked"));
        }
        Choice::Go
    }

    fn packet(&mut self, _moment: &Moment<'_>, _packet: &Packet) -> Choice {
        Choice::Go
    }

    fn delivered(&mut self, _moment: &Moment<'_>, _packet: &Packet) {}
}

fn looks(scenario: &str) -> Option<Vec<Look>> {
    if !wire() {
        return None;
    }
    let mut looker = Looker(Asker::new(Step(0), &["server"], &["tcp"]));
    driver::step_through(&plain(scenario), &options(None), None, &mut looker);
    Some(looker.0.looks)
}

#[test]
fn a_leak_is_close_wait_that_grows_between_two_looks() {
    let Some(looks) = looks("close-wait-leak") else {
        return;
    };
    // Looks begin before the second step.
    let (one_left, all_left) = (&looks[3], &looks[4]);
    let grown = why::grown(one_left, all_left, all_left, Duration::from_secs(2));
    let leak = grown
        .iter()
        .find(|finding| finding.diagnosis.key == "close-wait-leak")
        .expect("a leak");
    has(&leak.headline, "grew from 1 to 20 in 2.0 s");
    let same = why::grown(all_left, all_left, all_left, Duration::from_secs(2));
    assert_eq!(same, []);
}

#[test]
fn resets_and_overflows_are_counted_between_two_looks() {
    let Some(reset) = looks("linger-reset") else {
        return;
    };
    let (before, after) = (&reset[reset.len() - 2], &reset[reset.len() - 1]);
    let grown = why::grown(before, after, after, Duration::from_secs(1));
    let resets = grown
        .iter()
        .find(|finding| finding.diagnosis.key == "resets")
        .expect("an RST");
    has(
        &resets.headline,
        "counted 1 connection end that closed without a FIN in 1.0 s (EstabResets)",
    );
    has(&proofs(resets), "EstabResets +1");
    has(&proofs(resets), "OutRsts +0");
    has(&proofs(resets), "TCPAbortOnTimeout +0");
    assert_eq!(
        why::grown(before, before, before, Duration::from_secs(1)),
        []
    );

    let full = looks("backlog-full").expect("the wire");
    let grown = why::grown(&full[2], &full[3], &full[3], Duration::from_secs(1));
    let overflow = grown
        .iter()
        .find(|finding| finding.diagnosis.key == "listen-overflows");
    has(
        &overflow.expect("an overflow").headline,
        "found a listener's queue full",
    );
}

fn json(arguments: &[&str]) -> (Value, Option<i32>) {
    let mut all = vec!["why", "--format", "json"];
    all.extend(arguments);
    let said = say(&all);
    let value = serde_json::from_str(&said.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", said.stdout, said.stderr));
    (value, said.code)
}

fn keys(value: &Value) -> Vec<&str> {
    let diagnoses = value["diagnoses"].as_array().expect("a list");
    diagnoses
        .iter()
        .filter_map(|diagnosis| diagnosis["diagnosis"].as_str())
        .collect()
}

#[test]
fn the_command_says_what_it_found_by_its_exit_code() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    let port = format!(":{}", address.port());
    let (fine, code) = json(&[&port]);
    // Some process may refuse to be looked at: then it is not known that nothing is wrong.
    let blind = fine["looked"]["unseen"]["processes"] != 0;
    assert_eq!(code, Some(if blind { 3 } else { 0 }), "{fine:#}");
    assert_eq!(keys(&fine), ["port-held"]);

    let client = TcpStream::connect(address).expect("connect");
    let (server, _) = listener.accept().expect("accept");
    drop(client);
    let mut byte = [0];
    std::io::Read::read(&mut &server, &mut byte).expect("EOF");
    let (wrong, code) = json(&[&port]);
    assert_eq!(code, Some(1), "{wrong:#}");
    assert_eq!(keys(&wrong)[0], "close-wait");
    let me = format!("{} fd", std::process::id());
    has(&wrong.to_string(), &me);

    let lines = say(&["why", &port, "--format", "jsonl"]);
    let last = lines.stdout.lines().last().expect("a line");
    let last: Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(last["looked"]["conclusion"], "found");

    let said = say(&["why", &port, "--width", "80", "--color", "never"]);
    assert!(
        said.stdout.lines().all(|line| line.chars().count() <= 80),
        "{}",
        said.stdout
    );
    has(&said.stdout, "wrong    CLOSE_WAIT: the close is owed");
    drop(server);

    assert_eq!(say(&["why", "pid:2147483647"]).code, Some(4));
    assert_eq!(say(&["why", "bogus:"]).code, Some(2));
    assert_eq!(say(&["why", "--watch", "soon"]).code, Some(2));
    assert_eq!(say(&["why", "--netns", "2147483647"]).code, Some(3));
}

#[test]
fn a_process_without_sockets_is_asked_for_its_zombies() {
    let mut child = Command::new("true").spawn().expect("true");
    let me = format!("pid:{}", std::process::id());
    let pid = format!("{} is a zombie", child.id());
    // It ends soon.
    let begun = std::time::Instant::now();
    loop {
        let (value, _) = json(&[&me]);
        if keys(&value).contains(&"zombie") && value.to_string().contains(&pid) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{value:#}");
    }
    child.wait().expect("wait");
}

#[test]
fn a_failed_run_is_explained_by_the_same_rule() {
    if !wire() {
        return;
    }
    let run = support::run(
        r#"
title = "t"
[programs]
server = "hello-server {port} --no-reuseaddr"
client = "hello-client {server} {port}"
[[step]]
do = "start server"
expect = ["server.listener LISTEN"]
[[step]]
do = "start client"
expect = ["client exited 0, reaped", "server exited 0, reaped"]
[[step]]
do = "start server"
expect = ["server.listener2 LISTEN"]
within = "200ms"
"#,
    );
    let look = report::Look {
        width: 200,
        color: false,
        unicode: true,
    };
    let text = report::failure::render(&run, &look);
    has(
        &text,
        "nobody listens on port 9190, but 1 connection in TIME_WAIT keeps it",
    );
    has(&text, "set SO_REUSEADDR before bind()");
}

#[test]
fn every_diagnosis_is_in_the_documentation() {
    let docs = include_str!("../docs/why.md");
    for diagnosis in sockscope::diagnose::DIAGNOSES {
        has(docs, &format!("| `{}` |", diagnosis.key));
    }
}
