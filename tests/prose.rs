//! No file of the project names a machine's paths or leaves work for later. Reads files only.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// What no file may contain, in two parts so that this one does not.
const FORBIDDEN: [[&str; 2]; 4] = [["/wo", "rk/"], ["/ro", "ot/"], ["TO", "DO"], ["FIX", "ME"]];

/// What is not the project's own text: builds, and checksums in which letters come by chance.
const SKIPPED: [&str; 5] = ["target", "out", ".git", "Cargo.lock", "go.sum"];

/// The forbidden words in a text, each with its line.
fn found(text: &str) -> Vec<(usize, String)> {
    let lines = text.lines().zip(1..);
    lines
        .flat_map(|(line, number)| {
            let words = FORBIDDEN.map(|parts| parts.concat());
            let found = words.into_iter().filter(|word| line.contains(word));
            found.map(move |word| (number, word))
        })
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("is a folder");
    let entries = entries.map(|entry| entry.expect("is readable"));
    entries
        .filter(|entry| !SKIPPED.iter().any(|name| entry.file_name() == *name))
        .map(|entry| entry.path())
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![path],
        })
        .collect()
}

#[test]
fn no_file_names_a_machine_or_leaves_work() {
    let files = files(Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(files.len() > 100, "{} files are found", files.len());
    for file in files {
        // What is not text is none of the project's prose.
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let found = found(&text);
        assert!(found.is_empty(), "{}: {found:?}", file.display());
    }
}

#[test]
fn each_word_is_found() {
    for parts in FORBIDDEN {
        let word = parts.concat();
        assert_eq!(found(&format!("first\nin {word} here\n")), [(2, word)]);
    }
}
