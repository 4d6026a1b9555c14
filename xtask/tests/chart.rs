//! The files that are generated from the chart are up to date.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::process::Command;

#[test]
fn readme_and_manifest_are_those_of_the_chart() {
    let checked = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["chart", "--check"])
        .output()
        .expect("xtask runs");
    let said = String::from_utf8_lossy(&checked.stdout);
    let error = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}{error}");
}
