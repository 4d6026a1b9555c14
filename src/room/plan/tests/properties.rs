//! The properties of a room that the spec sets one by one.

use super::keep::{by_name, serves_well, updates};
use super::*;

/// An hour after [`NOW`].
const START: i64 = NOW + 3600;

fn start() -> String {
    crate::crd::time::rfc3339(START)
}

#[test]
fn a_number_of_participants_is_sent_and_taken_away() {
    let twenty = json!({"ttl": "8h", "maxParticipants": 20});
    let create = claimed().edited(twenty.clone());
    assert_eq!(request(&create, END).properties["max_participants"], 20);
    let plain = request(&claimed(), END);
    assert!(!plain.properties.contains_key("max_participants"));
    let edited = by_name(|_| {}).edited(twenty);
    updates(&edited, None, json!({"max_participants": 20}));
    // Somebody set another number at Daily, or the spec names none any more.
    let other = by_name(|it| it.config.max_participants = Some(20));
    updates(&other, None, json!({"max_participants": null}));
    // Daily does not show its default, and a spec may name it.
    for shown in [None, Some(200)] {
        serves_well(&by_name(|it| it.config.max_participants = shown));
    }
    let default = by_name(|_| {}).spec(json!({"ttl": "8h", "maxParticipants": 200}));
    serves_well(&default);
}

#[test]
fn a_start_moves_the_end_of_a_ttl_with_it_and_not_a_fixed_end() {
    let ttl = by_name(|_| {}).edited(json!({"ttl": "8h", "notBeforeTime": start()}));
    updates(&ttl, None, json!({"exp": START + TTL, "nbf": START}));
    let end = crate::crd::time::rfc3339(END);
    let fixed = json!({"expirationTime": end, "notBeforeTime": start()});
    let fixed = by_name(|_| {}).edited(fixed);
    updates(&fixed, None, json!({"nbf": START}));
    // The end moves back when the start is taken away.
    let early = by_name(|it| {
        it.config.nbf = Some(START);
        it.config.exp = Some(START + TTL);
    });
    let early = early.made(|it| {
        it.end = Some(End {
            at: START + TTL,
            counts_from: None,
            of: format!("ttl={TTL}"),
            not_before: Some(START),
        });
    });
    updates(&early, None, json!({"exp": END, "nbf": null}));
}

/// A start in the past keeps nobody out: it is neither sent nor missed, and moves no end.
#[test]
fn a_start_that_has_passed_changes_nothing() {
    let past = json!({"ttl": "8h", "notBeforeTime": crate::crd::time::rfc3339(CREATED - 60)});
    serves_well(&by_name(|_| {}).spec(past.clone()));
    serves_well(&by_name(|it| it.config.nbf = Some(NOW)));
    let request = request(&claimed().spec(past), END);
    assert!(!request.properties.contains_key("nbf"));
    let moved = by_name(|it| it.config.nbf = Some(NOW + 1));
    updates(&moved, None, json!({"nbf": null}));
}
