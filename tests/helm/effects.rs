//! Every value has its effect: where it shows, and as what.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::render::{Rendered, chart, render};

const TABLE: &str = include_str!("effects.yaml");
const OPERATOR: (&str, &str) = ("Deployment", "/spec/template/spec/containers/0/args");
const CHECK: (&str, &str) = ("Pod", "/spec/containers/0/args");

/// A row: values as a user writes them, the place as object and JSON pointer, and what is there.
struct Effect {
    values: String,
    object: String,
    pointer: String,
    is: Value,
}

fn rows(table: &str) -> Vec<Effect> {
    let tables: Value = serde_saphyr::from_str(TABLE).expect("is YAML");
    let rows = tables[table].as_array().expect("is a list").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |row: &Value| {
        let at = text(&row["at"]);
        let (object, pointer) = at.split_once(' ').unwrap_or((&at, ""));
        Effect {
            values: text(&row["value"]),
            object: object.to_owned(),
            pointer: pointer.to_owned(),
            is: row["is"].clone(),
        }
    };
    rows.map(row).collect()
}

#[test]
fn each_value_shows_where_it_should() {
    let default = render("{}");
    for row in rows("shows") {
        let (object, pointer) = (row.object.as_str(), row.pointer.as_str());
        let found = render(&row.values).at(object, pointer);
        assert_eq!(found, row.is, "{}", row.values);
        // The labels of selectors are the one thing that a value must not change.
        let changes = default.at(object, pointer) != row.is;
        let may_not = row.values.contains("app.kubernetes.io/name");
        assert_ne!(changes, may_not, "{}", row.values);
    }
}

#[test]
fn each_argument_is_given_to_the_operator_and_to_its_check() {
    let default = render("{}");
    for row in rows("arguments") {
        let rendered = render(&row.values);
        for (object, pointer) in [OPERATOR, CHECK] {
            let has = |rendered: &Rendered| {
                let args = rendered.at(object, pointer);
                args.as_array().is_some_and(|args| args.contains(&row.is))
            };
            assert!(has(&rendered), "{} of {object}", row.values);
            assert!(!has(&default), "{} changes nothing", row.values);
        }
    }
}

/// Kubernetes' own types, which are taken over whole.
const WHOLE: [&str; 3] = ["resources", "podSecurityContext", "securityContext"];

/// The paths of the values that a user sets: leaves, and maps that are empty by default.
fn leaves(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    let is_whole = WHOLE.contains(&path);
    match value.as_object().filter(|map| !map.is_empty() && !is_whole) {
        None => drop(into.insert(path.to_owned())),
        Some(map) => {
            for (key, inner) in map {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(inner, &format!("{path}{dot}{key}"), into);
            }
        }
    }
}

/// A value that is added later needs a row.
#[test]
fn no_value_is_forgotten() {
    let parse = |text: &str| -> Value { serde_saphyr::from_str(text).expect("is YAML") };
    let defaults = std::fs::read_to_string(chart().join("values.yaml")).expect("is there");
    let mut all = BTreeSet::new();
    leaves(&parse(&defaults), "", &mut all);
    let mut tested = BTreeSet::new();
    for row in rows("shows").into_iter().chain(rows("arguments")) {
        leaves(&parse(&row.values), "", &mut tested);
    }
    // A map that is empty by default is tested by a key in it.
    let is_tested = |value: &String| {
        let within = format!("{value}.");
        tested
            .iter()
            .any(|it| it == value || it.starts_with(&within))
    };
    let forgotten: Vec<_> = all.iter().filter(|value| !is_tested(value)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
    assert!(all.len() > 60, "the values are found");
}
