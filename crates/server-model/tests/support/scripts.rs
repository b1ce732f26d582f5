//! The Lua texts, put together as `lock-core/src/script.rs` does it. This does not use lock-core, because the files themselves are
//! compared.

use server_model::Verb;
use std::fs;
use std::path::Path;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../lock-core/src/scripts");

/// The script of a verb. A line `--@ name` stands for the part of that name.
pub(crate) fn body(verb: Verb) -> String {
    let text = read(&format!("{}.lua", verb.name().replace(' ', "_")));
    let parts = text.lines().filter_map(|line| line.strip_prefix("--@ "));
    parts.fold(text.clone(), |body, part| {
        body.replace(&format!("--@ {part}\n"), &read(&format!("parts/{part}.lua")))
    })
}

fn read(file: &str) -> String {
    let path = Path::new(FOLDER).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
