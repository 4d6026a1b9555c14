//! The suite against an in-process simulator: every check passes.

mod stage;

use contract::run::{Tally, in_simulator};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_check_passes_against_the_simulator() {
    let (_sim, fleet) = stage::fleet().await;
    let only = std::env::var("CONTRACT_ONLY").ok();
    let say = |line: &str| println!("{line}");
    let outcomes = in_simulator(&fleet, only.as_deref(), &say)
        .await
        .expect("a client");
    let tally = Tally::of(&outcomes);
    assert_eq!((tally.failed, tally.skipped), (0, 0), "{tally}");
}
