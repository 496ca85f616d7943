//! Embeds every scenario below `scenarios/` into the binary, so that a new one is a file and no
//! Rust.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo looks at the whole tree below a folder, so that a new file counts too.
    println!("cargo::rerun-if-changed=scenarios");
    if let Err(error) = embed() {
        println!("cargo::error={error}");
    }
}

fn embed() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut files = Vec::new();
    collect(&root.join("scenarios"), &mut files)?;
    files.sort();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut table = String::from("const ALL: &[Builtin] = &[\n");
    for path in &files {
        let relative = path.strip_prefix(&root)?;
        let file = text(relative)?;
        let name = text(relative.with_extension("").file_name().ok_or("no name")?)?;
        let folder = relative.parent().ok_or("no folder")?;
        let topic = text(folder.strip_prefix("scenarios")?)?;
        if let Some(other) = seen.insert(name.clone(), file.clone()) {
            return Err(format!("two scenarios are called {name}: {other} and {file}").into());
        }
        writeln!(
            table,
            "    Builtin {{ name: {name:?}, topic: {topic:?}, file: {file:?}, \
             text: include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {:?})) }},",
            format!("/{file}")
        )?;
    }
    table.push_str("];\n");
    fs::write(
        PathBuf::from(env::var("OUT_DIR")?).join("builtin.rs"),
        table,
    )?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    Ok(())
}

fn text(path: impl AsRef<Path>) -> Result<String, Box<dyn Error>> {
    let path = path.as_ref();
    let text = path
        .to_str()
        .ok_or_else(|| format!("{} is not UTF-8", path.display()))?;
    Ok(text.to_owned())
}
