//! `sockscope new`: a commented scenario file for the user's own program.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use sockscope::run::Outcome;
use sockscope::scenario::{Scenario, SourceText};

use super::{complain, complain_rendered, print};
use crate::cli::New;

pub(crate) fn main(arguments: &New) -> u8 {
    match write(arguments) {
        Ok(path) => {
            let text = format!("wrote {0}\nnext: sockscope run {0}\n", path.display());
            print(&text).err().unwrap_or(0)
        }
        Err(code) => code,
    }
}

fn write(arguments: &New) -> Result<PathBuf, u8> {
    let usage = Outcome::Usage.exit_code();
    let name = arguments
        .name
        .strip_suffix(".toml")
        .unwrap_or(&arguments.name);
    let path = PathBuf::from(format!("{name}.toml"));
    let text = template(name, arguments);
    let source = SourceText {
        name: path.display().to_string(),
        text: text.clone(),
    };
    // What cannot be run is not written: an unknown placeholder, a quote without its partner.
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    if let Err(error) = Scenario::parse(source.clone(), &stem, "") {
        complain_rendered(&error.render(&source, super::color_on_stderr()));
        return Err(usage);
    }
    create(&path, &text).map_err(|error| {
        let path = path.display();
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            complain(&format!(
                "{path} exists already: remove it, or choose another name"
            ));
            return usage;
        }
        complain(&format!("cannot write {path}: {error}"));
        Outcome::Inconclusive.exit_code()
    })?;
    Ok(path)
}

/// Writes a file that is not there yet; when it cannot be written whole, there is none.
fn create(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .inspect_err(|_| {
            let _ = std::fs::remove_file(path);
        })
}

fn template(name: &str, arguments: &New) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let server = quoted(&arguments.server);
    let title = quoted(&format!(
        "{name}: connects, and closes when the client does"
    ));
    let (client, connect, close) = match &arguments.client {
        Some(client) => (
            quoted(client),
            r#"do     = "start client""#,
            "# The client is told by the end of its standard input.\ndo     = \"close stdin of client\"",
        ),
        None => (
            r#""peer""#.to_owned(),
            "# `peer` is a bare TCP end: each line typed to it is one system call.\n\
             do     = [\n  \"start client\",\n  \"client types socket\",\n  \
             \"client types connect {server} {port}\",\n]",
            r#"do     = "client types close""#,
        ),
    };
    format!(
        r##"# Run it:       sockscope run {name}.toml
# Step by step: sockscope run {name}.toml --step
# The format:   docs/scenario-format.md, `sockscope schema`

title = {title}
about = """
What this scenario shows, in a few sentences.
"""

[programs]
# Any command. {{port}} is a free port, {{server}} and {{client}} are the hosts' addresses.
server = {server}
client = {client}

[[step]]
do     = "start server"
expect = ["server.listener LISTEN"]

[[step]]
{connect}
# A path is complete: nothing in between, nothing left out. Both ends are seen.
expect = [
  "client.conn SYN_SENT > ESTABLISHED",
  "server.conn SYN_RECV > ESTABLISHED",
]

[[step]]
{close}
# When the client closes, a server has to close too: else it stays in CLOSE_WAIT.
expect = [
  "server.conn ESTABLISHED > CLOSE_WAIT > LAST_ACK > CLOSE",
  "client.conn ESTABLISHED > FIN_WAIT1 > FIN_WAIT2 > TIME_WAIT",
  "server running",
]
# A child that ended and is not waited for.
never  = ["any zombie"]
within = "2s"
"##
    )
}
