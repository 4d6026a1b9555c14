//! The CRDs that are kept as files are those of the code. Reads files only.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use daily_operator::crd::documents;

/// For `kubectl apply`, and for the chart.
const FOLDERS: [&str; 2] = ["crds", "charts/daily-operator/files/crds"];

#[test]
fn the_files_are_as_the_code_has_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = documents().expect("the CRDs can be written");
    for folder in FOLDERS {
        for (name, text) in &documents {
            let file = format!("{folder}/{name}");
            let found = fs::read_to_string(root.join(&file)).unwrap_or_default();
            assert!(
                found.trim_end() == text.trim_end(),
                "{file} differs from the code: run `cargo xtask crds` and commit what it writes"
            );
        }
        let files = fs::read_dir(root.join(folder)).expect("the folder can be listed");
        assert_eq!(
            files.count(),
            documents.len(),
            "{folder} has a file that the code does not write"
        );
    }
}
