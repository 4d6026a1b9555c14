//! Live mode against simulators: each probe finds the value of its switch or says why it cannot, and each run
//! follows the rules of live mode.

mod account;

use std::collections::{BTreeMap, BTreeSet};

use contract::live::{Pace, Report};
use contract::probes::unseeable_switches;
use contract::run::{End, Tally};
use daily_sim::{Limits, SWITCHES, Switch};
use futures::{StreamExt, stream};

use account::Account;

/// The switches that the rules of live mode hide.
const UNSEEABLE: [&str; 23] = [
    "room-limit",
    "rate-limit",
    "rate-limit-second",
    "rate-limit-scope",
    "rate-limit-refused",
    "rate-limit-delete",
    "rate-limit-batch",
    "empty-name",
    "one-letter-name",
    "collector",
    "pin-zero",
    "wait-default",
    "released-number",
    "released-config",
    "global-numbers",
    "pin-tries",
    "pin-hash",
    "sixth-caller",
    "hold-presence",
    "nbf-for-callers",
    "numbers-of-pin",
    "callers-alone",
    "private-callers",
];

/// The switches that only an account without a card shows.
const WITHOUT_CARD: [&str; 2] = ["paid-feature", "dialin-without-card"];

#[test]
fn the_suite_and_this_test_agree_on_what_is_hidden() {
    let hidden: BTreeSet<&str> = unseeable_switches()
        .iter()
        .map(|(switch, _)| *switch)
        .collect();
    assert_eq!(hidden, UNSEEABLE.into());
    let probes: BTreeSet<&str> = contract::probes::PROBES
        .iter()
        .map(|probe| probe.switch)
        .collect();
    let switches: BTreeSet<&str> = SWITCHES.iter().map(|switch| switch.name).collect();
    assert_eq!(probes, switches);
}

/// How many simulators run at the same time. Each run mostly waits.
const AT_A_TIME: usize = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_switch_is_seen_under_each_of_its_values() {
    let only = std::env::var("CONTRACT_SWITCH").unwrap_or_default();
    let cases = SWITCHES
        .iter()
        .filter(|switch| switch.name.contains(&only))
        .flat_map(|switch| switch.values.iter().map(move |&value| (switch, value)));
    let problems: Vec<String> = stream::iter(cases)
        .map(|(switch, value)| problems(switch, value))
        .buffer_unordered(AT_A_TIME)
        .flat_map(stream::iter)
        .collect()
        .await;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The problems of a live run against a simulator with this switch set.
async fn problems(switch: &'static Switch, value: &'static str) -> Vec<String> {
    let mut quirks = vec![(switch.name, value)];
    if WITHOUT_CARD.contains(&switch.name) {
        quirks.push(("card", "missing"));
    }
    let account = Account::start(&quirks, Limits::Off).await;
    let report = account.live(Pace::QUICK, None).await;
    let mut problems = wrong(&quirks, &report);
    for outcome in &report.outcomes {
        if let End::Failed(why) = &outcome.end {
            problems.push(format!("check {} failed: {why}", outcome.name));
        }
    }
    if let Some(left) = account.left().await {
        problems.push(format!("it left {left}"));
    }
    let told = |problem: String| format!("{}={value}: {problem}", switch.name);
    problems.into_iter().map(told).collect()
}

/// The answers that differ from the switches of the simulator.
fn wrong(quirks: &[(&'static str, &'static str)], report: &Report) -> Vec<String> {
    let set: BTreeMap<&str, &str> = quirks.iter().copied().collect();
    let answers: BTreeMap<&str, &Result<&str, String>> = report
        .answers
        .iter()
        .map(|answered| (answered.switch, &answered.answer))
        .collect();
    let mut problems = Vec::new();
    for switch in SWITCHES {
        let wanted = set
            .get(switch.name)
            .copied()
            .unwrap_or(switch.default_value());
        match answers.get(switch.name) {
            None => problems.push(format!("{} is not told of", switch.name)),
            Some(Ok(found)) if *found != wanted => {
                problems.push(format!("{} is told to be {found}", switch.name));
            }
            Some(Ok(_)) => {}
            Some(Err(why)) if why.trim().is_empty() => {
                problems.push(format!("{} is left out without a reason", switch.name));
            }
            Some(Err(why)) => {
                let is_this_one = quirks.first().is_some_and(|(name, _)| *name == switch.name);
                if is_this_one && !UNSEEABLE.contains(&switch.name) {
                    problems.push(format!("it was not seen: {why}"));
                }
            }
        }
    }
    problems
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_without_anything_is_told_of_and_not_guessed_about() {
    let account = Account::start(
        &[("card", "missing"), ("dialin-without-card", "refused")],
        Limits::Off,
    )
    .await;
    let report = account.live(Pace::QUICK, Some("auth::")).await;
    let unseen = |switch: &str| {
        let mut all = report.answers.iter();
        let found = all
            .find(|answered| answered.switch == switch)
            .expect("is told of");
        found.answer.clone().expect_err("cannot be seen")
    };
    assert!(unseen("pin-on-exp").contains("no card"));
    assert!(unseen("number-order").contains("no card"));
    let lines: Vec<String> = report
        .answers
        .iter()
        .map(|answered| answered.line())
        .collect();
    assert!(
        lines.contains(&"--quirk card=missing".to_owned()),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("# pin-on-exp: ")),
        "{lines:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_mode_keeps_its_rules() {
    let account = Account::start(&[], Limits::Strict).await;
    let before = account.journal_length().await;
    let report = account.live(Pace::LIVE, Some("rooms::")).await;
    assert_eq!(
        Tally::of(&report.outcomes).failed,
        0,
        "{:?}",
        report.outcomes
    );
    let broken = account.broken_rules(before).await;
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert_eq!(account.left().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_fails_cleans_up_all_the_same() {
    let account = Account::start(&[], Limits::Off).await;
    account
        .fault("POST", "/rooms*", 6, 3, r#"{"replyLost": true}"#)
        .await;
    account
        .fault("POST", "/rooms", 12, 1, r#"{"executeAfter": "2s"}"#)
        .await;
    account
        .fault("DELETE", "/rooms/*", 4, 6, r#"{"status": 503}"#)
        .await;
    account
        .fault(
            "POST",
            "/domain-dialin-config",
            1,
            1,
            r#"{"replyLost": true}"#,
        )
        .await;
    let report = account.live(Pace::QUICK, None).await;
    let tally = Tally::of(&report.outcomes);
    assert!(tally.failed > 0, "the faults did no harm: {tally}");
    assert_eq!(report.left, Vec::<String>::new());
    assert_eq!(account.left().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_stopped_cleans_up() {
    let account = Account::start(&[], Limits::Off).await;
    let report = account.stopped_when_a_room_is_there().await;
    assert!(report.stopped);
    assert_eq!(report.left, Vec::<String>::new());
    assert_eq!(account.left().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_deleted_is_told_by_name() {
    let account = Account::start(&[], Limits::Off).await;
    account
        .fault("DELETE", "*", 0, 0, r#"{"status": 503}"#)
        .await;
    let report = account.live(Pace::QUICK, Some("rooms::a_create")).await;
    let is_named = |left: &String| {
        left.starts_with("room contract-") || *left == "dial-in config of +12025550102"
    };
    assert!(
        report.left.len() > 1 && report.left.iter().all(is_named),
        "{:?}",
        report.left
    );
}
