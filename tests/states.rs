//! All eleven TCP states are seen, not inferred, over the built-in scenarios, by an ordinary user
//! as well.

mod support;

use std::collections::BTreeSet;

use sockscope::driver;
use sockscope::model::{Evidence, TcpState};
use sockscope::run::Place;
use support::{all_names, built_in, options, ordinary, wire};

#[test]
fn all_eleven_states_are_seen() {
    let copy = ordinary::copy();
    if copy.is_none() && !wire() {
        return;
    }
    let mut seen = BTreeSet::new();
    for name in all_names() {
        let mut options = options(Some(Place::Wire));
        if let Some(copy) = &copy {
            options.executable.clone_from(copy);
        }
        let run = driver::run(&built_in(name), &options, None);
        assert!(run.stopped.is_none(), "{name}: {:?}", run.stopped);
        let changes = run.timeline.endpoints().iter().flat_map(|e| &e.history);
        let asked = changes.filter(|change| change.evidence == Evidence::Seen);
        seen.extend(asked.map(|change| change.state));
    }
    assert_eq!(seen, TcpState::ALL.into_iter().collect());
}

#[test]
fn an_ordinary_user_sees_them_too() {
    ordinary::again("all_eleven_states_are_seen");
}
