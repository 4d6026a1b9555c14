//! Compares what the pages say about the code with the code. Reads files only.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use daily_operator::crd::condition::Reason;

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
fn the_log_has_every_message_that_is_explained() {
    let page = page("docs/monitoring.md");
    let log = page.split("\n## ").find(|part| part.starts_with("The log"));
    let rows = log.expect("there is a section").lines();
    let messages: Vec<&str> = rows
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .filter(|cell| *cell != "message" && !cell.starts_with("---"))
        .flat_map(|cell| cell.split(", "))
        .collect();
    let code = ["src/log.rs", "src/controllers/sweep.rs"]
        .map(self::page)
        .concat();
    assert!(messages.len() > 10, "messages are explained: {messages:?}");
    for message in messages {
        assert!(code.contains(&format!("\"{message}\"")), "{message}");
    }
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

/// The pages of the project: Markdown outside of builds and caches.
fn pages(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("is a folder") {
        let path = entry.expect("is readable").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !["target", "out", ".git"].contains(&name.as_ref()) {
            pages(&path, into);
        } else if name.ends_with(".md") {
            into.push(path);
        }
    }
}

/// The targets of the links `[text](target)` in a page.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let targets = page.split("](").skip(1);
    targets.filter_map(|rest| rest.split([')', ' ']).next())
}

/// The anchors that a forge gives to the headings of a page.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter_map(|line| {
        let text = line.trim_start_matches('#');
        (text.len() < line.len()).then(|| text.trim().to_lowercase())
    });
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    headings
        .map(|text| {
            text.chars()
                .filter(kept)
                .collect::<String>()
                .replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut found = Vec::new();
    pages(Path::new(env!("CARGO_MANIFEST_DIR")), &mut found);
    let (mut seen, mut broken) = (0, Vec::new());
    for path in &found {
        let text = fs::read_to_string(path).expect("the page can be read");
        for link in links(&text).filter(|link| !link.contains("://")) {
            seen += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => path.parent().expect("is in a folder").join(file),
            };
            let leads = match fs::read(&target) {
                Ok(page) => {
                    let page = String::from_utf8_lossy(&page);
                    anchor.is_empty() || anchors(&page).contains(anchor)
                }
                Err(_) => target.is_dir() && anchor.is_empty(),
            };
            if !leads {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(seen > 30, "links are found: {seen}");
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The words of a page that are marked as code.
fn code_words(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}

/// The Rust files below a folder, as one text.
fn code_below(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("is a folder");
    let paths = entries.map(|entry| entry.expect("is readable").path());
    paths
        .map(|path| match path.is_dir() {
            true => code_below(&path),
            false => fs::read_to_string(&path).unwrap_or_default(),
        })
        .collect()
}

#[test]
fn every_scenario_that_a_page_names_is_there() {
    let code = code_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api"));
    let pages = [
        ("ARCHITECTURE.md", 16),
        ("docs/behaviour.md", 50),
        ("docs/gitops.md", 2),
        ("docs/security.md", 16),
    ];
    for (path, at_least) in pages {
        let page = page(path);
        let named: BTreeSet<&str> = code_words(&page)
            .filter(|word| word.contains("::") && !word.contains("theme::name"))
            .collect();
        assert!(named.len() >= at_least, "{path} names scenarios: {named:?}");
        for name in named {
            // A whole theme ends in `::`.
            let end = if name.ends_with("::") { "" } else { "\"" };
            let quoted = format!("\"{name}{end}");
            assert!(code.contains(&quoted), "{path}: {name}");
        }
    }
}

#[test]
fn every_unit_test_that_the_security_page_names_is_there() {
    let page = page("docs/security.md");
    let code = code_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let is_name = |word: &&str| {
        let of_name = |c: char| c.is_ascii_lowercase() || c == '_';
        word.matches('_').count() > 1 && word.chars().all(of_name)
    };
    let named: Vec<&str> = code_words(&page).filter(is_name).collect();
    assert!(!named.is_empty(), "unit tests are named");
    for name in named {
        assert!(code.contains(&format!("fn {name}()")), "{name}");
    }
}
