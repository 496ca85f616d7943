//! The JSON Schema of scenario files, for editors: made from the keys that the parser reads.

use serde_json::{Map, Value, json};

/// The keys of a file.
pub(crate) const FILE: [&str; 10] = [
    "title", "about", "source", "fix", "twin", "paths", "observe", "programs", "hosts", "step",
];
/// The keys of a program's table.
pub(crate) const PROGRAM: [&str; 4] = ["command", "host", "env", "dir"];
/// The keys of a host's table.
pub(crate) const HOST: [&str; 3] = ["sysctl", "rto_min", "quickack"];
/// The keys of a step.
pub(crate) const STEP: [&str; 5] = ["do", "expect", "never", "tells", "within"];

/// What names of programs and hosts are made of.
const NAME: &str = "^[a-z][a-z0-9_-]*$";
/// A length of time.
const DURATION: &str = "^[0-9]+(ms|s|m)$";

/// The schema as text, ending in a newline.
pub fn schema_text() -> String {
    // A value made of literals always has a text.
    let mut text = serde_json::to_string_pretty(&schema()).unwrap_or_default();
    text.push('\n');
    text
}

fn schema() -> Value {
    let mut file = object(&FILE, &["title", "programs", "step"], file_key);
    if let Some(file) = file.as_object_mut() {
        file.insert(
            "$schema".into(),
            "https://json-schema.org/draft/2020-12/schema".into(),
        );
        file.insert("title".into(), "A scenario of sockscope".into());
    }
    file
}

fn object(keys: &[&str], required: &[&str], describe: fn(&str) -> Value) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| ((*key).to_owned(), describe(key)))
        .collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn file_key(key: &str) -> Value {
    match key {
        "title" => text("One line."),
        "about" => text("The story, in a few plain sentences."),
        "source" => text("Where the story comes from, for example `UNP 5.8`."),
        "fix" => text("Of a bug: the line that mends it."),
        "twin" => text("The scenario that shows the same with the fix, or without it."),
        "paths" => json!({
            "enum": ["complete", "settled"],
            "default": "complete",
            "description": "Whether settled states suffice where complete paths cannot be observed.",
        }),
        "observe" => json!({
            "type": "array",
            "items": { "enum": super::Observe::NAMED.map(|(_, name)| name) },
            "uniqueItems": true,
            "description": "Observers besides those that always run: `syscalls` traces system \
                            calls and signals.",
        }),
        "programs" => json!({
            "type": "object",
            "description": "What to run, by name.",
            "minProperties": 1,
            "propertyNames": { "pattern": NAME },
            "additionalProperties": {
                "oneOf": [
                    text("A command line: a built-in program or any command, with placeholders."),
                    object(&PROGRAM, &["command"], program_key),
                ],
            },
        }),
        "hosts" => json!({
            "type": "object",
            "description": "Settings of hosts, by name.",
            "propertyNames": { "pattern": NAME },
            "additionalProperties": object(&HOST, &[], host_key),
        }),
        "step" => json!({
            "type": "array",
            "description": "The steps, in order.",
            "minItems": 1,
            "items": object(&STEP, &[], step_key),
        }),
        _ => json!({}),
    }
}

fn program_key(key: &str) -> Value {
    match key {
        "command" => text("A command line: a built-in program or any command, with placeholders."),
        "host" => json!({
            "type": "string",
            "pattern": NAME,
            "description": "Where it runs; by default `server` when its name begins with \
                            \"server\", otherwise `client`.",
        }),
        "env" => json!({
            "type": "object",
            "additionalProperties": { "type": "string" },
            "description": "Environment on top of sockscope's own.",
        }),
        "dir" => text("Working directory; by default yours."),
        _ => json!({}),
    }
}

fn host_key(key: &str) -> Value {
    match key {
        "sysctl" => json!({
            "type": "object",
            "description": "`net.…` settings of the host's namespace.",
        }),
        "rto_min" => duration("The least retransmission timeout on the host's route."),
        "quickack" => json!({
            "type": "boolean",
            "default": true,
            "description": "Whether ACKs are sent at once.",
        }),
        _ => json!({}),
    }
}

fn step_key(key: &str) -> Value {
    match key {
        "do" => strings("Actions, in order; none: only wait."),
        "expect" => strings("What must hold before the step ends."),
        "never" => strings("What must not hold at any time of the step."),
        "tells" => text("The part of the story that happens here, for `sockscope explain`."),
        "within" => duration("How long to wait for `expect`; by default 5s."),
        _ => json!({}),
    }
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn strings(description: &str) -> Value {
    json!({
        "oneOf": [
            { "type": "string" },
            { "type": "array", "items": { "type": "string" } },
        ],
        "description": description,
    })
}

fn duration(description: &str) -> Value {
    json!({ "type": "string", "pattern": DURATION, "description": description })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_described() {
        let described = FILE
            .map(|key| (key, file_key(key)))
            .into_iter()
            .chain(PROGRAM.map(|key| (key, program_key(key))))
            .chain(HOST.map(|key| (key, host_key(key))))
            .chain(STEP.map(|key| (key, step_key(key))));
        for (key, value) in described {
            assert!(value.get("description").is_some(), "{key}");
        }
    }
}
