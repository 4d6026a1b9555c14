//! The operator and its tests cite only facts about Daily that are written down.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The ids in a text, in the form `F-AREA-N`.
fn ids(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words
        .filter(|word| is_id(word))
        .map(str::to_owned)
        .collect()
}

fn is_id(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let all = |text: &str, is: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|b| is(&b));
    match parts.as_slice() {
        ["F", area, number] => all(area, u8::is_ascii_uppercase) && all(number, u8::is_ascii_digit),
        _ => false,
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The facts that the page defines, each at the head of an entry.
fn defined() -> BTreeSet<String> {
    let page = fs::read_to_string(root().join("docs/daily-api-facts.md"));
    let page = page.expect("the facts are there");
    let heads = page.lines().filter_map(|line| line.strip_prefix("- **"));
    heads
        .filter_map(|line| Some(line.split_once("**")?.0.to_owned()))
        .collect()
}

/// The Rust sources below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("is a folder");
    let paths = entries.map(|entry| entry.expect("is readable").path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn only_facts_that_are_defined_are_cited() {
    let defined = defined();
    assert!(defined.len() > 100, "the page is read: {}", defined.len());
    for folder in ["src", "tests"] {
        for source in sources(&root().join(folder)) {
            let cited = ids(&fs::read_to_string(&source).expect("is text"));
            let unknown: Vec<_> = cited.difference(&defined).collect();
            assert!(unknown.is_empty(), "{} cites {unknown:?}", source.display());
        }
    }
    let cited = sources(&root().join("src"))
        .iter()
        .any(|source| !ids(&fs::read_to_string(source).expect("is text")).is_empty());
    assert!(cited, "no source cites a fact: are they found?");
}

#[test]
fn a_citation_is_told_from_other_words() {
    let planted = ["F", "ROOM", "999"].join("-");
    let found = ids(&format!(
        "// {planted}. Not F-room-1, F-ROOM, UTF-8-1, F--1 or A{planted}"
    ));
    assert_eq!(found, BTreeSet::from([planted]));
}
