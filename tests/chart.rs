//! The chart's values and templates agree, and its rules name what they grant. Reads files only.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/daily-operator")
}

fn values() -> Value {
    let text = fs::read_to_string(chart().join("values.yaml")).expect("values.yaml can be read");
    serde_saphyr::from_str(&text).expect("values.yaml is YAML")
}

fn templates() -> String {
    let entries = fs::read_dir(chart().join("templates")).expect("the templates can be listed");
    let text = |path: PathBuf| fs::read_to_string(path).expect("a template can be read");
    entries
        .map(|entry| text(entry.expect("is an entry").path()))
        .collect()
}

/// The paths below `.Values` that the templates use, without a method's or comparison's rest.
fn used(templates: &str) -> BTreeSet<String> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || c == '.';
    let path = |rest: &str| {
        rest.split(|c| !is_path(c))
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    templates.split(".Values.").skip(1).map(path).collect()
}

/// The paths of the values that a user sets: leaves, and maps that are empty by default.
fn leaves(value: &Value, path: &str, into: &mut Vec<String>) {
    match value.as_object().filter(|map| !map.is_empty()) {
        None => into.push(path.to_owned()),
        Some(map) => {
            for (key, inner) in map {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(inner, &format!("{path}{dot}{key}"), into);
            }
        }
    }
}

fn is_part_of(path: &str, whole: &str) -> bool {
    whole == path
        || whole
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('.'))
}

#[test]
fn every_value_is_used_by_a_template() {
    let used = used(&templates());
    let mut values_set = Vec::new();
    leaves(&values(), "", &mut values_set);
    let unused: Vec<_> = values_set
        .iter()
        .filter(|value| !used.iter().any(|path| is_part_of(path, value)))
        .collect();
    assert!(unused.is_empty(), "values without an effect: {unused:?}");
}

#[test]
fn every_value_that_a_template_uses_is_there() {
    let values = values();
    let pointer = |path: &str| format!("/{}", path.replace('.', "/"));
    let unknown: Vec<_> = used(&templates())
        .into_iter()
        .filter(|path| values.pointer(&pointer(path)).is_none())
        .collect();
    assert!(unknown.is_empty(), "not in values.yaml: {unknown:?}");
}

/// Neither a wildcard nor a way to get more rights, to run something or to read tokens.
#[test]
fn rules_grant_no_more_than_they_name() {
    let templates = templates();
    let rules = templates.lines().filter(|line| {
        ["apiGroups:", "resources:", "verbs:"]
            .iter()
            .any(|key| line.contains(key))
    });
    let words: BTreeSet<&str> = rules
        .filter(|line| !line.trim_end().ends_with(':'))
        .flat_map(|line| line.split(['[', ']', ',', ' ', '-', '"']))
        .collect();
    assert!(words.contains("secrets"), "the rules are found: {words:?}");
    for forbidden in [
        "*",
        "escalate",
        "bind",
        "impersonate",
        "deletecollection",
        "pods",
        "pods/exec",
        "serviceaccounts",
        "serviceaccounts/token",
        "nodes",
        "roles",
        "clusterroles",
    ] {
        assert!(!words.contains(forbidden), "{forbidden} is granted");
    }
}
