//! The `[programs]` table.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use super::error::Fault;
use super::quoted::Quoted;
use super::reader::{Reader, Value, entry};
use super::{Program, Spanned, names, schema};
use crate::model::{HostName, ProgramName};

/// A program as it is written, before its placeholders are looked at.
pub(crate) struct Draft {
    /// Where its name stands.
    pub(crate) span: Range<usize>,
    /// The program, if nothing is wrong with it.
    pub(crate) program: Option<Program>,
    /// Where it runs; known even where the rest is wrong.
    pub(crate) host: HostName,
    /// Every string with placeholders.
    pub(crate) templates: Vec<Quoted>,
}

/// Reads the table.
pub(crate) fn read(reader: &mut Reader<'_>, table: &DeTable<'_>) -> BTreeMap<ProgramName, Draft> {
    let mut drafts = BTreeMap::new();
    for (key, value) in table.iter() {
        let word: &str = key.get_ref();
        check_name(reader, word, key.span(), "program");
        let draft = program(reader, word, key.span(), value);
        drafts.insert(ProgramName::from(word), draft);
    }
    drafts
}

/// Notes a name that programs and hosts cannot have.
pub(crate) fn check_name(reader: &mut Reader<'_>, word: &str, span: Range<usize>, what: &str) {
    if !names::is_name(word) {
        reader.fault(
            Fault::new(span, format!("`{word}` cannot be the name of a {what}"))
                .help("a name begins with a-z and goes on with a-z, 0-9, `-` and `_`"),
        );
    } else if names::is_reserved(word) {
        reader.fault(
            Fault::new(span, format!("`{word}` cannot be the name of a {what}"))
                .label("the word means something in steps and expectations"),
        );
    }
}

fn program(reader: &mut Reader<'_>, name: &str, span: Range<usize>, value: &Value<'_>) -> Draft {
    let mut draft = Draft {
        span: span.clone(),
        program: None,
        host: default_host(name),
        templates: Vec::new(),
    };
    let (mut env, mut dir) = (BTreeMap::new(), None);
    let command = match value.get_ref() {
        DeValue::Table(table) => {
            let meant = reader.only_keys(table, &schema::PROGRAM, "a program");
            if let Some((_, value)) = entry(table, "host")
                && let Some(host) = reader.filled_string(value, "`host`")
            {
                check_name(reader, &host.value, host.span.clone(), "host");
                draft.host = HostName::from(host.value.as_str());
            }
            if let Some((_, value)) = entry(table, "env") {
                env = environment(reader, value, &mut draft.templates);
            }
            if let Some((_, value)) = entry(table, "dir")
                && let Some(path) = reader.filled_string(value, "`dir`")
            {
                dir = Some(PathBuf::from(&path.value));
                draft.templates.push(path);
            }
            match entry(table, "command") {
                Some((_, value)) => reader.filled_string(value, "`command`"),
                None if meant.contains(&"command") => None,
                None => {
                    reader.fault(
                        Fault::new(span, format!("program `{name}` has no `command`"))
                            .help("command = \"chat-server {port}\""),
                    );
                    None
                }
            }
        }
        DeValue::String(_) => reader.filled_string(value, &format!("the command of `{name}`")),
        _ => {
            reader.wrong_type(value, &format!("`{name}`"), "a command line or a table");
            None
        }
    };
    let Some(command) = command else {
        return draft;
    };
    draft.program = words(reader, &command).map(|words| Program {
        command: Spanned {
            value: words,
            span: command.span.clone(),
        },
        host: draft.host.clone(),
        env,
        dir,
    });
    draft.templates.push(command);
    draft
}

/// `server` for a program called so or named `server…`, otherwise `client`.
fn default_host(program: &str) -> HostName {
    HostName::from(if program.starts_with("server") {
        "server"
    } else {
        "client"
    })
}

fn words(reader: &mut Reader<'_>, command: &Quoted) -> Option<Vec<String>> {
    match shlex::split(&command.value) {
        Some(words) if !words.is_empty() => Some(words),
        Some(_) => {
            reader.fault(Fault::new(
                command.span.clone(),
                "the command line is only a comment",
            ));
            None
        }
        None => {
            let at = open_quote(&command.value);
            let fault = Fault::new(at..command.value.len(), "the command line ends too early");
            let fault = match command.value[at..].chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    fault.label(format!("this `{quote}` is never closed"))
                }
                _ => fault.label("nothing follows the backslash"),
            };
            reader.fault_in(command, fault);
            None
        }
    }
}

/// Where the quote opens that is still open at the end, by the rules of `sh(1)`; otherwise the
/// last character.
fn open_quote(line: &str) -> usize {
    let mut open: Option<(usize, char)> = None;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match open {
            _ if escaped => escaped = false,
            Some((_, '\'')) if c != '\'' => {}
            _ if c == '\\' => escaped = true,
            Some((_, quote)) if c == quote => open = None,
            None if matches!(c, '"' | '\'') => open = Some((at, c)),
            _ => {}
        }
    }
    let last = line.char_indices().last().map_or(0, |(at, _)| at);
    open.map_or(last, |(at, _)| at)
}

fn environment(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    templates: &mut Vec<Quoted>,
) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let Some(table) = reader.table(value, "`env`") else {
        return env;
    };
    for (key, value) in table.iter() {
        let name: &str = key.get_ref();
        if name.is_empty() || name.contains(['=', '\0']) {
            reader.fault(Fault::new(
                key.span(),
                format!("`{name}` cannot be the name of an environment variable"),
            ));
        }
        if let Some(quoted) = reader.string(value, &format!("`{name}`")) {
            env.insert(name.to_owned(), quoted.value.clone());
            templates.push(quoted);
        }
    }
    env
}
