//! The pictures of made-up runs, against files in `tests/golden/pictures`. `UPDATE_GOLDEN=1 cargo
//! test --test pictures` writes them anew. How they look in a browser is for `tests/pages.rs`.

#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/runs.rs"]
mod runs;

use sockscope::report::{Detail, WireDetail, html, markdown, mermaid, svg};
use sockscope::run::Run;
use sockscope::suite::Case;

#[test]
fn write_out() {
    let Some(folder) = std::env::var_os("OUT") else {
        return;
    };
    let folder = std::path::PathBuf::from(folder);
    let all: Vec<(&str, Run)> = vec![
        ("normal-close", runs::normal_close()),
        ("zombie", runs::zombie()),
        ("failed", runs::failed()),
        ("inconclusive", runs::inconclusive()),
        ("hostile", runs::hostile()),
        ("lost-fin", runs::lost_fin()),
        ("simultaneous-close", runs::simultaneous_close()),
        ("twenty", runs::twenty()),
        ("megabyte", runs::megabyte()),
        ("stopped", runs::stopped()),
        ("refused", runs::refused()),
        ("three-hosts", runs::three_hosts()),
        ("udp", runs::datagrams()),
    ];
    for (name, run) in &all {
        let run = &[Case::from(run.clone())];
        let flags = Detail {
            all: false,
            wire: WireDetail::Flags,
        };
        let full = Detail {
            all: true,
            wire: WireDetail::Full,
        };
        let write = |ending: &str, text: String| {
            std::fs::write(folder.join(format!("{name}.{ending}")), text).expect("a file");
        };
        write("svg", svg::render(run, &flags));
        write("all.svg", svg::render(run, &full));
        write("html", html::render(run, &flags));
        write("mmd", mermaid::render(run, &flags));
        write("md", markdown::render(run, &LOOK, &flags));
    }
    let mut flaky = Case::from(all[2].1.clone());
    flaky.again(all[0].1.clone());
    let runs = [flaky, all[1].1.clone().into()];
    std::fs::write(
        folder.join("several.html"),
        html::render(&runs, &Detail::default()),
    )
    .expect("a file");
    std::fs::write(
        folder.join("several.svg"),
        svg::render(&runs, &Detail::default()),
    )
    .expect("a file");
    std::fs::write(
        folder.join("several.md"),
        markdown::render(&runs, &LOOK, &Detail::default()),
    )
    .expect("a file");
}
const LOOK: sockscope::report::Look = sockscope::report::Look {
    width: 100,
    color: false,
    unicode: true,
};
