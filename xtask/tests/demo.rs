//! The demo succeeds if every step passes, and otherwise names the step that failed.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::process::{Command, Stdio};

/// Runs the demo. Returns whether it succeeded, and its stdout.
fn demo(args: &[&str]) -> (bool, String) {
    let ran = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("demo")
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("the demo runs");
    let printed = String::from_utf8_lossy(&ran.stdout).into_owned();
    (ran.status.success(), printed)
}

/// The demo must fail, name the failed step, and print the evidence.
#[track_caller]
fn fails(args: &[&str], step: &str, seen: &str) {
    let (ended_well, printed) = demo(args);
    assert!(!ended_well, "{printed}");
    let (before, last) = printed
        .rsplit_once("FAILED at step")
        .expect("a step is named");
    let named = last.lines().next().unwrap_or_default();
    assert!(named.contains(step), "{printed}");
    assert!(last.contains(seen), "{printed}");
    for part in [
        "What the objects say:",
        "Their events:",
        "The end of the operator's log:",
    ] {
        assert!(before.contains(part), "{printed}");
    }
}

#[test]
fn a_caller_gets_into_a_room_and_the_room_ends() {
    let (ended_well, printed) = demo(&[]);
    assert!(ended_well, "{printed}");
    let heard = "the caller hears: Welcome. Please enter your PIN.";
    let lines = [
        heard,
        "as \"Standup Caller\"",
        "the Secret is back",
        "Renewed the room",
        "and the PIN is still",
        "the caller waits until somebody joins the room",
        "Participants are in the room.",
        "the DailyRoom is gone, and so is its room",
        "The demo is over",
    ];
    for line in lines {
        assert!(printed.contains(line), "{printed}");
    }
}

#[test]
fn a_wrong_key_fails_where_it_is_first_used() {
    let key = "wrong-key-0123456789abcdef";
    let step = "enable PIN dial-in on the purchased number";
    fails(&["--daily-key", key], step, "Unauthorized");
}

#[test]
fn a_number_that_is_not_purchased_fails() {
    let step = "enable PIN dial-in on the purchased number";
    fails(
        &["--phone-number", "+12025550177"],
        step,
        "NumberNotPurchased",
    );
}
