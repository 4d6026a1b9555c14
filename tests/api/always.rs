//! What holds at the end of every scenario, whatever it was about.

use crate::fixture::{Fixture, KEY, OTHER_KEY, SECOND_KEY, WRONG_KEY};
use crate::objects::Kind;

/// Panics when something does not hold.
pub async fn check(fx: &Fixture) {
    let journal = fx.journal().await;
    let refused = journal
        .all()
        .iter()
        .filter(|call| call.status == 429)
        .count();
    assert_eq!(refused, 0, "Daily had to answer 429");
    let logs = fx.logs();
    assert!(!logs.contains("panicked at"), "the operator panicked");
    no_secret_is_told(fx, &logs).await;
}

/// Keys and PINs are in no log, event or annotation; the PIN is in status in its two fields.
async fn no_secret_is_told(fx: &Fixture, logs: &str) {
    let events = format!("{:?}", fx.all_events().await);
    let mut told = vec![("the log", logs.to_owned()), ("an event", events)];
    for kind in [Kind::Room, Kind::Number] {
        for object in fx.list(kind).await {
            told.push(("metadata", object.at("/metadata").to_string()));
            told.push(("a condition", object.at("/status/conditions").to_string()));
        }
    }
    let pins = fx.pins.lock().expect("no other scenario has it").clone();
    for (place, text) in told {
        for key in [KEY, SECOND_KEY, OTHER_KEY, WRONG_KEY] {
            assert!(!text.contains(key), "an API key is in {place}");
        }
        for pin in &pins {
            assert!(!text.contains(pin), "a PIN is in {place}");
        }
    }
}
