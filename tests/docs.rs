//! What the pages say of the code is so. Reads files only.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use std::convert::Infallible;
use std::time::Duration;

use daily_operator::crd::condition::Reason;
use daily_operator::effect::Effect;
use daily_operator::metrics::{Controller, Metrics, Outcome};

fn page(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(path).expect("the page is there")
}

#[test]
fn every_reason_is_explained_and_no_other() {
    let page = page("docs/conditions.md");
    let reasons = page.split("## Reasons").nth(1).expect("there are reasons");
    let reasons = reasons.split("\n## ").next().expect("they end");
    let explained: Vec<&str> = reasons
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .filter(|word| *word != "reason" && !word.starts_with("---"))
        .collect();
    let all: Vec<&str> = Reason::ALL.iter().map(|it| it.as_str()).collect();
    assert_eq!(explained, all);
}

#[test]
fn every_metric_is_explained_and_no_other() {
    let metrics = Metrics::default();
    let took = Duration::from_secs(1);
    let _working = metrics.working(Controller::Room);
    metrics.reconciled(Controller::Room, Outcome::TerminalError, took);
    metrics.called("GET", "/rooms", Some(429), took);
    metrics.effect::<_, Infallible>(Effect::RoomCreate, &Ok(()));
    let text = metrics.text(true).expect("a text takes every line");
    let mut known: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(family, kind)| match kind {
            "counter" => format!("{family}_total"),
            "info" => format!("{family}_info"),
            _ => family.to_owned(),
        })
        .collect();
    let page = page("docs/monitoring.md");
    let mut explained: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .map(str::to_owned)
        .collect();
    known.sort_unstable();
    explained.sort_unstable();
    assert_eq!(explained, known);
}

#[test]
fn every_path_of_the_code_map_is_there() {
    let page = page("ARCHITECTURE.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for word in page.split('`').skip(1).step_by(2) {
        if word.contains('/') && !word.contains(' ') {
            assert!(root.join(word).exists() || in_room(root, word), "{word}");
            seen += 1;
        }
    }
    assert!(seen > 20, "paths are found: {seen}");
}

/// Short paths stand for files beside the one named before.
fn in_room(root: &Path, word: &str) -> bool {
    root.join("src/room").join(word).exists()
}
