//! The simulator and its tests cite only facts that are written down.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The ids in a text, in the form `F-AREA-1`.
fn ids(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-'));
    let is_id = |word: &&str| {
        let mut parts = word.split('-');
        let (letter, area, number) = (parts.next(), parts.next(), parts.next());
        letter == Some("F")
            && area.is_some_and(|area| {
                !area.is_empty() && area.bytes().all(|b| b.is_ascii_uppercase())
            })
            && number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            && parts.next().is_none()
    };
    words.filter(is_id).map(str::to_owned).collect()
}

fn defined(page: &str) -> Vec<String> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("- **"));
    lines
        .filter_map(|line| Some(line.split_once("**")?.0.to_owned()))
        .collect()
}

fn cited_below(folder: &Path) -> BTreeSet<String> {
    let mut files = Vec::new();
    sources_below(folder, &mut files);
    let texts = files
        .iter()
        .map(|path| fs::read_to_string(path).expect("is text"));
    texts.flat_map(|text| ids(&text)).collect()
}

/// What a file has of tests: all of it below `tests`, and what is for tests only below `src`.
fn tested_text(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("is text");
    match path.starts_with(folder("tests")) {
        true => text,
        false => text.split("#[cfg(test)]").skip(1).collect(),
    }
}

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// All of the tests, with a single space wherever there is white space.
fn all_tests() -> String {
    let mut files = Vec::new();
    for name in ["src", "tests"] {
        sources_below(&folder(name), &mut files);
    }
    let texts: Vec<String> = files.iter().map(|path| tested_text(path)).collect();
    let words: Vec<&str> = texts
        .iter()
        .flat_map(|text| text.split_whitespace())
        .collect();
    words.join(" ")
}

fn sources_below(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("is a folder") {
        let path = entry.expect("is readable").path();
        if path.is_dir() {
            sources_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("facts.rs")
        {
            found.push(path);
        }
    }
}

/// The areas of which every fact is shown by a test, unless it is in [`NOT_SHOWN`].
const AREAS: [&str; 10] = [
    "AUTH", "ERR", "RATE", "ROOM", "PIN", "CFG", "NUM", "CALL", "GLOB", "DOM",
];

/// The facts that no test shows, and why.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("F-AUTH-7", "it says what Daily does not have"),
    ("F-GLOB-3", "it says what Daily does not have"),
    ("F-NUM-16", "an absent cap cannot be shown"),
    ("F-CALL-16", "there are no tokens"),
    ("F-CFG-14", "the secret of a pinless config is not made"),
    ("F-DOM-3", "there is no POST /"),
    ("F-DOM-4", "there is no POST /"),
    ("F-DOM-5", "there is no POST /"),
    ("F-DOM-6", "there is no POST /"),
    ("F-NUM-9", "no numbers are sold"),
    ("F-NUM-10", "no numbers are sold"),
    ("F-NUM-11", "no numbers are sold"),
    ("F-NUM-12", "no numbers are sold"),
    ("F-NUM-13", "no numbers are sold"),
    ("F-NUM-14", "no numbers are sold"),
    ("F-NUM-15", "no numbers are sold"),
];

/// The switches that no test turns, and why.
const NOT_TURNED: &[(&str, &str)] = &[
    ("rate-limit-batch", "there are no batch calls"),
    ("batch-delete-unknown", "there are no batch calls"),
    ("batch-delete-expired", "there are no batch calls"),
    ("batch-create-dialin", "there are no batch calls"),
    ("batch-create-twice", "there are no batch calls"),
    ("configs-seen", "there is no POST /"),
    ("hold-presence", "there is no presence"),
    ("eject-nobody", "nobody can be ejected"),
];

/// What is missing from a list of exceptions, and what is in it for no reason any more.
fn compare(unshown: &BTreeSet<String>, exceptions: &[(&str, &str)]) {
    let excepted: BTreeSet<String> = exceptions.iter().map(|(it, _)| (*it).to_owned()).collect();
    let missing: Vec<_> = unshown.difference(&excepted).collect();
    assert!(missing.is_empty(), "no test shows {missing:?}");
    let stale: Vec<_> = excepted.difference(unshown).collect();
    assert!(stale.is_empty(), "take these off the list: {stale:?}");
}

#[test]
fn every_fact_that_can_be_shown_is_shown_by_a_test() {
    let shown = ids(&all_tests());
    let of_these_areas = |id: &String| AREAS.iter().any(|area| id.split('-').nth(1) == Some(area));
    let all = defined(&page()).into_iter().filter(of_these_areas);
    let unshown: BTreeSet<String> = all.filter(|id| !shown.contains(id)).collect();
    compare(&unshown, NOT_SHOWN);
}

#[test]
fn every_switch_is_turned_to_each_of_its_answers_by_a_test() {
    let tests = all_tests();
    let is_turned = |switch: &daily_sim::Switch| {
        let turned = |value| tests.contains(&format!("\"{}\", \"{value}\"", switch.name));
        switch.values.iter().all(turned)
    };
    let switches = daily_sim::SWITCHES.iter();
    let unturned = switches.filter(|switch| !is_turned(switch));
    let unturned = unturned.map(|switch| switch.name.to_owned()).collect();
    compare(&unturned, NOT_TURNED);
}

fn page() -> String {
    let path = folder("../docs/daily-api-facts.md");
    fs::read_to_string(path).expect("is there")
}

#[test]
fn every_fact_is_defined_once() {
    let defined = defined(&page());
    let once: BTreeSet<_> = defined.iter().cloned().collect();
    assert!(defined.len() > 100 && once.len() == defined.len());
    assert!(
        ids(&page()).is_subset(&once),
        "the page cites what it does not define"
    );
}

#[test]
fn sources_and_tests_cite_only_facts_that_are_defined() {
    let defined: BTreeSet<_> = defined(&page()).into_iter().collect();
    for folder in ["src", "tests"] {
        let cited = cited_below(&self::folder(folder));
        let unknown: Vec<_> = cited.difference(&defined).collect();
        assert!(
            cited.len() > 60 && unknown.is_empty(),
            "{folder} cites {unknown:?}"
        );
    }
}

#[test]
fn a_citation_that_is_not_defined_is_found() {
    let planted = ["F", "ROOM", "999"].join("-");
    let found = ids(&format!(
        "// {planted}, and not F-room-1 or F-ROOM or UTF-8-1"
    ));
    assert_eq!(found, BTreeSet::from([planted]));
}

/// The entry of a fact.
fn entry(page: &str, id: &str) -> String {
    let head = format!("- **{id}** ");
    let line = page.lines().find_map(|line| line.strip_prefix(&head));
    line.expect("the fact is there").to_owned()
}

#[test]
fn every_switch_stands_in_its_fact_with_its_answers() {
    let page = page();
    for switch in daily_sim::SWITCHES {
        let entry = entry(&page, switch.fact);
        let name = format!("witch `{}`: ", switch.name);
        let answers = entry.split(&name).nth(1);
        let answers = answers.unwrap_or_else(|| panic!("{} does not name its switch", switch.fact));
        assert!(
            answers.starts_with(switch.default_value()),
            "{}: the default comes first",
            switch.fact
        );
        for value in switch.values {
            assert!(answers.contains(value), "{}: {value}", switch.fact);
        }
    }
}

#[test]
fn whatever_is_unknown_has_a_switch() {
    let page = page();
    let switched: BTreeSet<&str> = daily_sim::SWITCHES.iter().map(|it| it.fact).collect();
    for id in defined(&page) {
        let entry = entry(&page, &id);
        let has_switch = switched.contains(id.as_str());
        assert!(
            !entry.contains("Unknown") || has_switch,
            "{id} has no switch"
        );
    }
}
