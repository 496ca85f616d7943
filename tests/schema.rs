//! `docs/scenario.schema.json` is what `sockscope schema` prints. UPDATE_GOLDEN=1 writes it anew.

mod support;

#[test]
fn the_schema_in_docs_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/scenario.schema.json");
    let said = support::say(&["schema"]);
    assert_eq!(said.code, Some(0));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &said.stdout).expect("written");
    }
    let kept = std::fs::read_to_string(path).expect("docs/scenario.schema.json");
    assert_eq!(kept, said.stdout);
}
