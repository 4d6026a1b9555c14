//! What holds at the end of every scenario, whatever it was about.

mod canary;
mod health;
mod losses;
mod rest;

pub use losses::{Drains, no_pin_is_shared};
pub use rest::comes_to_rest;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::fixture::Fixture;
use crate::journal::Journal;
use crate::stage::Stage;

/// That these checks see what they are for.
pub fn scenarios(_: &Arc<Stage>) -> Vec<Trial> {
    let see = |name: &str, check: fn()| {
        Trial::test(name, move || {
            check();
            Ok(())
        })
    };
    vec![
        see(
            "always::sees_a_secret_in_disguise",
            canary::sees_a_secret_in_disguise,
        ),
        see(
            "always::sees_who_lost_what",
            losses::tests::sees_who_lost_what,
        ),
        see(
            "always::sees_an_undocumented_state",
            health::sees_an_undocumented_state,
        ),
    ]
}

/// Panics when something does not hold.
pub async fn check(fx: &Fixture) {
    for cluster in fx.clusters() {
        comes_to_rest(cluster).await;
        health::each_is_in_a_documented_state(cluster).await;
    }
    let journal = fx.journal().await;
    within_the_limits(fx, &journal);
    no_defect_panicked(&fx.logs());
    canary::no_secret_leaks(fx).await;
    losses::each_is_accounted_for(fx, &journal).await;
    losses::no_pin_is_shared(fx).await;
    every_call_is_in_the_reference(&journal);
}

/// Daily had to answer no 429. Where it limits each second by itself, it may have to answer a first
/// burst, from which the operator learns it (F-RATE-9).
fn within_the_limits(fx: &Fixture, journal: &Journal) {
    let calls = journal.all().iter();
    let refused: Vec<u64> = calls
        .filter(|call| call.status == 429)
        .map(|call| call.elapsed_ms)
        .collect();
    let lasted = refused.last().zip(refused.first());
    let lasted = lasted.map(|(last, first)| last - first);
    match fx.answer("rate-limit-second") {
        "free" => assert_eq!(lasted, None, "Daily had to answer 429"),
        _ => assert!(
            lasted.unwrap_or_default() < 1_000,
            "Daily had to answer 429 again and again"
        ),
    }
}

/// A panic that a scenario asked for says so.
fn no_defect_panicked(logs: &str) {
    let panics = logs.lines().filter(|line| line.contains("panicked at"));
    let defects: Vec<&str> = panics
        .filter(|line| !line.contains("a test asks for it"))
        .collect();
    assert!(defects.is_empty(), "the operator panicked: {defects:#?}");
}

/// What was sent, by the operator and by hand, is what Daily's public reference knows.
fn every_call_is_in_the_reference(journal: &Journal) {
    for call in journal.all() {
        let (query, body) = (call.query.as_deref(), call.body.as_ref());
        let known = contract::requests::check(&call.method, &call.path, query, body);
        assert_eq!(known, Ok(()), "{} {}", call.method, call.path);
    }
}
