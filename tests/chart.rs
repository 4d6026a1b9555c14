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

/// The templates below a folder, each with its file name.
fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).expect("the templates can be listed");
    entries
        .map(|entry| entry.expect("is an entry").path())
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let text = fs::read_to_string(&path).expect("a template can be read");
                vec![(name.into_owned(), text)]
            }
        })
        .collect()
}

fn templates() -> String {
    let files = files(&chart().join("templates"));
    files.into_iter().map(|(_, text)| text).collect()
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

/// The schema knows the values of values.yaml and no others, except `enabled`, which a parent chart
/// may set.
#[test]
fn the_schema_has_the_same_values() {
    let text = fs::read_to_string(chart().join("values.schema.json")).expect("is there");
    let schema: Value = serde_json::from_str(&text).expect("is JSON");
    let mut missing = Vec::new();
    differ(&values(), &schema, "", &mut missing);
    assert_eq!(missing, ["enabled"]);
}

/// The names that only one of them has, where both list names.
fn differ(values: &Value, schema: &Value, path: &str, into: &mut Vec<String>) {
    let (Some(values), Some(known)) = (values.as_object(), schema["properties"].as_object()) else {
        return;
    };
    let names: BTreeSet<&String> = values.keys().chain(known.keys()).collect();
    for name in names {
        let path = format!("{path}{name}");
        match (values.get(name), known.get(name)) {
            (Some(values), Some(schema)) => differ(values, schema, &format!("{path}."), into),
            _ => into.push(path),
        }
    }
}

/// helm-docs puts the comment of each value into README.md; without one it would be an empty cell.
#[test]
fn every_value_is_documented() {
    let readme = fs::read_to_string(chart().join("README.md")).expect("is there");
    let mut values_set = Vec::new();
    leaves(&values(), "", &mut values_set);
    let is_row = |value: &str| {
        let row = |line: &&str| {
            line.strip_prefix("| ")
                .and_then(|line| line.split_once(" | "))
                .is_some_and(|(key, _)| is_part_of(key, value))
        };
        readme
            .lines()
            .find(row)
            .is_some_and(|line| !line.ends_with("|  |"))
    };
    let undocumented: Vec<_> = values_set.iter().filter(|it| !is_row(it)).collect();
    assert!(undocumented.is_empty(), "{undocumented:?}");
}

/// What Artifact Hub shows of the CRDs is what they are.
#[test]
fn the_annotations_name_the_crds() {
    let read = |path: PathBuf| fs::read_to_string(path).expect("is there");
    let parse = |text: &str| -> Value { serde_saphyr::from_str(text).expect("is YAML") };
    let about = parse(&read(chart().join("Chart.yaml")));
    let of = |name: &str| {
        let text = about["annotations"][format!("artifacthub.io/{name}")].as_str();
        parse(text.expect("is a text"))
    };
    let mut crds = Vec::new();
    for (_, text) in files(&chart().join("files/crds")) {
        let crd = parse(&text);
        let version = &crd["spec"]["versions"][0]["name"];
        crds.push((
            crd["spec"]["names"]["kind"].clone(),
            crd["metadata"]["name"].clone(),
            version.clone(),
        ));
    }
    crds.sort_by_key(|crd| crd.0.to_string());
    let named = of("crds");
    let named = named.as_array().expect("is a list").iter();
    let named: Vec<_> = named
        .map(|it| {
            (
                it["kind"].clone(),
                it["name"].clone(),
                it["version"].clone(),
            )
        })
        .collect();
    assert_eq!(named, crds);
    let examples = of("crdsExamples");
    let kinds = examples.as_array().expect("is a list").iter();
    let kinds: Vec<_> = kinds.map(|it| it["kind"].clone()).collect();
    assert_eq!(kinds, crds.into_iter().map(|crd| crd.0).collect::<Vec<_>>());
    let version = about["appVersion"].as_str().expect("is a text");
    assert_eq!(
        of("images")[0]["image"],
        format!("daily-operator:{version}")
    );
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
}

/// Neither a wildcard nor a way to get more rights, to run something or to read tokens.
#[test]
fn rules_grant_no_more_than_they_name() {
    // What users may do is in a file of its own.
    let files = files(&chart().join("templates"));
    let operator = files.iter().filter(|(name, _)| name != "rbac-users.yaml");
    let templates: String = operator.map(|(_, text)| text.as_str()).collect();
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

/// The operator believes what is in status: it deletes rooms at Daily by it.
#[test]
fn no_role_for_users_writes_status() {
    let files = files(&chart().join("templates"));
    let users = files.iter().find(|(name, _)| name == "rbac-users.yaml");
    let (_, users) = users.expect("there are roles for users");
    let resources: Vec<_> = users
        .lines()
        .filter(|line| line.contains("resources:"))
        .collect();
    assert_eq!(resources.len(), 3, "{resources:?}");
    assert!(
        resources
            .iter()
            .all(|line| !line.contains('/') && !line.contains('*')),
        "{resources:?}"
    );
}
