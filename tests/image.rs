//! The image is built from all that the build needs. Reads files only.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(path).expect("the file can be read")
}

/// What the Dockerfile copies from the tree.
fn copied(dockerfile: &str) -> BTreeSet<&str> {
    let lines = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "));
    let own = lines.filter(|line| !line.starts_with("--from"));
    own.flat_map(|line| {
        let mut words: Vec<_> = line.split_whitespace().collect();
        words.pop();
        words
    })
    .collect()
}

/// The members of the workspace: cargo reads the manifests of all of them.
fn members(manifest: &str) -> Vec<&str> {
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("members = ["));
    let list = line.and_then(|line| line.strip_suffix(']'));
    let names = list.expect("the members are on one line").split(',');
    names.map(|name| name.trim().trim_matches('"')).collect()
}

#[test]
fn every_member_of_the_workspace_is_copied() {
    let (dockerfile, manifest) = (read("Dockerfile"), read("Cargo.toml"));
    let copied = copied(&dockerfile);
    let members = members(&manifest);
    assert!(members.contains(&"daily-sim"), "{members:?}");
    // The manifest names targets below src and tests, and `--locked` needs the lock file.
    let needed = ["Cargo.toml", "Cargo.lock", "src", "tests"];
    let missing: Vec<_> = members
        .into_iter()
        .chain(needed)
        .filter(|name| !copied.contains(name))
        .collect();
    assert!(missing.is_empty(), "the Dockerfile copies no {missing:?}");
}

#[test]
fn everything_that_is_copied_is_there() {
    let dockerfile = read("Dockerfile");
    for name in copied(&dockerfile) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        assert!(path.exists(), "{name} is copied into the image");
    }
}
