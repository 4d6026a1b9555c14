//! The switches themselves: where they are read and set. What each of them changes is shown where its
//! fact is tested.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::{ClientError, Quirks, SWITCHES};

use self::support::{Stage, two_accounts};

/// The value of a switch, as `GET /sim/quirks` shows it.
async fn told(stage: &Stage, name: &str) -> String {
    let quirks = stage.phone.quirks().await.expect("are told");
    let quirk = quirks.into_iter().find(|quirk| quirk.name == name);
    quirk.expect("is told").value
}

#[tokio::test]
async fn a_switch_is_set_at_the_start_and_while_it_runs() {
    let mut quirks = Quirks::default();
    quirks.set("card", "missing").expect("is a switch");
    let stage = Stage::with(two_accounts().quirks(quirks)).await;
    assert_eq!(told(&stage, "card").await, "missing");
    assert_eq!(told(&stage, "collector").await, "never");
    let set = stage.phone.set_quirk("collector", "1h").await;
    set.expect("is set");
    assert_eq!(told(&stage, "collector").await, "1h");
    let all = stage.phone.quirks().await.expect("are told");
    assert_eq!(all.len(), SWITCHES.len());
}

#[tokio::test]
async fn a_mistake_sets_nothing_and_is_told() {
    let stage = Stage::new().await;
    let refused = stage.phone.set_quirk("collector", "soon").await;
    let Err(ClientError::Refused { status, sentence }) = refused else {
        panic!("must be refused")
    };
    assert_eq!(status, 400);
    assert!(sentence.contains("never or 1m or 1h"), "{sentence}");
    assert_eq!(told(&stage, "collector").await, "never");
}
