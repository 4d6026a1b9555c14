//! Simulators for tests of the suite.

#![expect(clippy::expect_used, reason = "a helper of tests")]

use contract::target::{Fleet, accounts};
use daily_sim::{AccountConfig, Config, Sim};

/// A simulator with an account for each check, and its description for the suite.
pub async fn fleet() -> (Sim, Fleet) {
    let accounts = accounts();
    let configs = accounts.iter().map(|account| {
        let keys: Vec<&str> = account.keys.iter().map(|key| key.secret()).collect();
        let numbers: Vec<&str> = account.numbers.iter().map(String::as_str).collect();
        AccountConfig::new(&account.domain, &keys, &numbers)
    });
    let sim = Sim::start(Config::new(configs.collect()))
        .await
        .expect("starts");
    let origin = sim.base_url().trim_end_matches("/v1").to_owned();
    (sim, Fleet { origin, accounts })
}
