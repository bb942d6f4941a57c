//! The poisoned documents of this repository, for the tests of injection.

use std::path::PathBuf;

/// Each one's name and text, by name.
pub fn poisoned() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("evals/injection");
    let mut all: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| !p.ends_with("README.md"))
        .map(|p| {
            let name = p.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(p).unwrap())
        })
        .collect();
    all.sort();
    all
}

/// A document's title: its first line.
pub fn title(text: &str) -> &str {
    text.lines().next().unwrap().trim_start_matches("# ")
}
