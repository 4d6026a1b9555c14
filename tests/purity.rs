//! What decides is pure, and the simulator stands on its own. Reads files only.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

/// What a pure file must not speak of: clients, clocks, tasks and logs.
const IMPURE: [&str; 9] = [
    "tokio",
    "reqwest",
    "kube::Client",
    "kube::Api",
    "async",
    "Instant",
    "SystemTime",
    "::now(",
    "tracing::",
];

/// The files that decide and report.
const PURE: [&str; 17] = [
    "src/check/report.rs",
    "src/controllers/sweep/deletions.rs",
    "src/controllers/sweep/orphans.rs",
    "src/reconcile/claim.rs",
    "src/reconcile/conditions.rs",
    "src/reconcile/guards.rs",
    "src/reconcile/plan.rs",
    "src/reconcile/problem.rs",
    "src/reconcile/record.rs",
    "src/reconcile/report.rs",
    "src/reconcile/rivals.rs",
    "src/reconcile/steps.rs",
    "src/room/published_numbers.rs",
    "src/room/plan.rs",
    "src/room/report.rs",
    "src/number/plan.rs",
    "src/number/report.rs",
];

/// The lines of code that speak of something impure, with its word. Comments may.
fn impurities(code: &str) -> Vec<(usize, &'static str)> {
    let lines = code.lines().zip(1..);
    let is_code = |line: &str| !line.trim_start().starts_with("//");
    lines
        .filter(|(line, _)| is_code(line))
        .flat_map(|(line, number)| {
            let found = IMPURE.into_iter().filter(|word| line.contains(word));
            found.map(move |word| (number, word))
        })
        .collect()
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => panic!("{} must be there: {error}", path.display()),
    }
}

/// The parts of the plans, each in a file of its own.
fn parts() -> Vec<String> {
    let mut parts = Vec::new();
    for folder in ["src/room/plan", "src/number/plan"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let Ok(entries) = fs::read_dir(&path) else {
            panic!("{folder} must be there");
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        let names = names.filter_map(|name| name.into_string().ok());
        parts.extend(
            names
                .filter(|name| name.ends_with(".rs") && name != "tests.rs")
                .map(|name| format!("{folder}/{name}")),
        );
    }
    parts
}

#[test]
fn plan_and_report_are_pure() {
    let parts = parts();
    assert!(
        parts.len() >= 5,
        "the parts of the plans are found: {parts:?}"
    );
    for file in PURE.iter().copied().chain(parts.iter().map(String::as_str)) {
        let found = impurities(&read(file));
        assert!(found.is_empty(), "{file} is not pure: {found:?}");
    }
}

#[test]
fn each_word_is_found_in_code_and_not_in_comments() {
    for word in IMPURE {
        let code = format!("fn f() {{\n    let x = {word};\n}}\n// {word}\n/// {word}\n");
        assert_eq!(impurities(&code), [(2, word)], "{code}");
    }
    assert_eq!(impurities("fn plan(now: Timestamp) -> Plan {}\n"), []);
}

/// Wakes only the task that polled it last, and kube's Controller polls it itself.
const LOSES_WAKE_UPS: &str = "wait_until_ready(";

fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        panic!("{} must be there", folder.display());
    };
    let paths = entries.flatten().map(|entry| entry.path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .collect()
}

#[test]
fn nobody_waits_on_a_store_that_a_controller_waits_on() {
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(files.len() > 50, "{} files are found", files.len());
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else {
            panic!("{} must be readable", file.display());
        };
        assert!(!text.contains(LOSES_WAKE_UPS), "{}", file.display());
    }
}

/// Words that a write needs, and the only files that may contain them, by the start of their paths. The
/// check of rights creates a review, which the API server answers and does not store.
const WRITERS: [(&[&str], &[&str]); 3] = [
    (
        &[
            ".create_room(",
            ".update_room(",
            ".delete_room(",
            ".write_config(",
        ],
        &["src/daily/", "src/room/act", "src/number/act"],
    ),
    (
        &[".delete_orphan("],
        &["src/daily/", "src/controllers/sweep.rs"],
    ),
    (
        &["PostParams", "PatchParams", "DeleteParams"],
        &["src/k8s/", "src/leader/", "src/check/rights.rs"],
    ),
];

#[test]
fn only_act_writes_to_daily_and_only_k8s_and_leader_write_to_kubernetes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut writers = 0;
    for file in sources(&root.join("src")) {
        let path = file.strip_prefix(root).unwrap_or(&file).to_string_lossy();
        let text = read(&path);
        for (words, allowed) in WRITERS {
            let Some(word) = words.iter().find(|word| text.contains(**word)) else {
                continue;
            };
            writers += 1;
            let may = allowed.iter().any(|start| path.starts_with(start));
            assert!(may, "{path} has {word}");
        }
    }
    assert!(writers > 6, "the files that write are found: {writers}");
}

/// The heads of the sections of a manifest that speak of a package.
fn sections_with<'a>(manifest: &'a str, package: &str) -> Vec<&'a str> {
    let mut head = "";
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            head = line;
        }
        if line.contains(package) {
            found.push(head);
        }
    }
    found
}

#[test]
fn the_simulator_does_not_know_the_operator() {
    let manifest = read("daily-sim/Cargo.toml");
    let found = sections_with(&manifest, "daily-operator");
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn the_operator_is_only_tested_against_the_simulator() {
    let manifest = read("Cargo.toml");
    let found = sections_with(&manifest, "daily-sim");
    assert_eq!(found, ["[workspace]", "[dev-dependencies]"]);
}

#[test]
fn a_dependency_is_found_however_it_is_written() {
    for planted in [
        "[dependencies]\nx.workspace = true\nother = { path = \"../other\" }\n",
        "[dependencies]\nalias = { package = \"other\", version = \"1\" }\n",
    ] {
        assert_eq!(sections_with(planted, "other"), ["[dependencies]"]);
    }
    let table = "[dependencies.other]\nversion = \"1\"\n";
    assert_eq!(sections_with(table, "other"), ["[dependencies.other]"]);
}
