//! A run in which every text that comes from outside wants to be something else: markup, script,
//! escape codes, marks that turn a line around, a line of 64 kB.

use sockscope::event::{Aspect, CallResult, Kind, Source, Stream};
use sockscope::run::{Blind, Outcome, Place, Run, Stopped};

use crate::fixture::{From, Pair, Stage};

/// What all texts of [`markup`] contain.
pub(crate) const BITES: [&str; 8] = [
    "<script>owned=1</script>",
    "</script><img src=x onerror=owned=1>",
    "]]><svg onload=owned=1>",
    "\" onmouseover=\"owned=1",
    "&lt;b&gt; &#x3c; &amp;",
    "--> <!-- ; end; %%{init: {}}%% #60;",
    "\x1b[31m\u{0}\u{1}\u{7f}\u{85}\u{202e}\u{2066}\u{feff}\u{fffe}\u{ffff}",
    "``` | @all $x$ \\` \r\n\t# h",
];

/// The run.
pub(crate) fn markup() -> Run {
    let all = BITES.join(" ");
    let mut stage = Stage::new(Place::Wire, "x", "x");
    {
        let header = stage.header();
        header.scenario = format!("hostile {all}");
        header.title.clone_from(&all);
        header.file = format!("{all}.toml");
        header.kernel.clone_from(&all);
        header.hosts = vec![
            format!("a{}", BITES[0]).as_str().into(),
            format!("b{}", BITES[1]).as_str().into(),
        ];
        header.settings = BITES.map(str::to_owned).to_vec();
        header.blind = vec![Blind {
            aspect: Aspect::Calls,
            why: all.clone(),
            remedy: Some(all.clone()),
        }];
    }
    let hosts = stage.header().hosts.clone();
    stage.step(&all);
    for (pid, bite) in BITES.iter().enumerate() {
        let host = &hosts[pid % 2];
        let process = format!("server{bite}");
        stage.spawn(&process, 4000 + pid as i32, host.as_str(), &all);
        stage.fork(&process, &format!("{process}.child"), 5000 + pid as i32);
        stage.output(&process, Stream::Stdout, &all);
        stage.output(&process, Stream::Stderr, &bite.repeat(65_536 / bite.len()));
        stage.call(&process, bite, &all, CallResult::Errno(libc::EPIPE));
        stage.wait(400);
        stage.push(Source::Driver, Kind::Note { text: all.clone() });
        let (aspect, why) = (Aspect::Processes, all.clone());
        stage.push(Source::Sampler, Kind::Gap { aspect, why });
    }
    let pair = Pair::nth(1);
    let facts = stage.facts(
        From::Client,
        Some(40_001),
        sockscope::model::TcpState::Established,
    );
    stage.socket(
        pair.client,
        &format!("p{}", BITES[0]),
        sockscope::model::TcpState::Established,
        Some(facts),
        None,
    );
    stage.quiet();
    stage.passes(&all);
    stage.fails(&all, &all, &all, &all, &[3]);
    let mut run = stage.finish();
    run.stopped = Some(Stopped {
        why: all.clone(),
        span: Some(0..usize::MAX),
        help: Some(all),
        outcome: Outcome::Inconclusive,
        more: Vec::new(),
    });
    run
}
