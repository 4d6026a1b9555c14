//! What holds at the end of every scenario, whatever it was about.

use k8s_openapi::jiff::SignedDuration;

use crate::fixture::{Fixture, KEY, OTHER_KEY, SECOND_KEY, WRONG_KEY};
use crate::journal::Journal;
use crate::objects::Kind;
use crate::wait::{SOON, until};

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
    let panics = logs.lines().filter(|line| line.contains("panicked at"));
    // One that a scenario asked for says so.
    let defect = panics.filter(|line| !line.contains("a test asks for it"));
    assert_eq!(defect.collect::<Vec<_>>(), Vec::<&str>::new());
    no_secret_is_told(fx, &logs).await;
    only_condemned_rooms_are_deleted(fx, &journal).await;
    every_call_is_in_the_reference(&journal);
}

/// What was sent, by the operator and by hand, is what Daily's public reference knows.
fn every_call_is_in_the_reference(journal: &Journal) {
    for call in journal.all() {
        let (query, body) = (call.query.as_deref(), call.body.as_ref());
        let known = contract::requests::check(&call.method, &call.path, query, body);
        assert_eq!(known, Ok(()), "{} {}", call.method, call.path);
    }
}

/// A DELETE that hit a room was sent by a person, or after the deletion of the object that the room
/// was made for was asked for. No object that lives has recorded a room that was deleted so.
async fn only_condemned_rooms_are_deleted(fx: &Fixture, journal: &Journal) {
    let by_hand = fx.by_hand.deletes();
    let hits: Vec<_> = journal
        .calls("DELETE", "/rooms/*")
        .into_iter()
        // What is left of a room that has ended is no room (F-ROOM-26): that DELETE answers 404.
        .filter(|call| call.status == 200 && call.room_id.is_some())
        .filter(|call| !by_hand.contains(&call.seq))
        .collect();
    for hit in &hits {
        let room = hit.path.trim_start_matches("/rooms/");
        let elapsed = i64::try_from(hit.elapsed_ms).expect("is not so long");
        let at = fx.since.at + SignedDuration::from_millis(elapsed);
        // The API server writes a line of its log after it has answered.
        let what = format!("the deletion of the object of {room} was asked for before");
        until(&what, SOON, async || {
            let condemned = fx.plane.condemned(&fx.namespace, fx.since.audit);
            let before = condemned
                .iter()
                .any(|(object, asked)| *asked <= at && is_room_of(fx, room, object));
            before.then_some(()).ok_or(format!("{condemned:?}"))
        })
        .await;
    }
    for object in fx.list(Kind::Room).await {
        if !object.at("/metadata/deletionTimestamp").is_null() {
            continue;
        }
        let says = |id: &str| {
            object.text("/status/room/id") == id
                || object.at("/metadata/annotations").to_string().contains(id)
        };
        let lost = hits
            .iter()
            .find(|hit| hit.room_id.as_deref().is_some_and(says));
        assert!(lost.is_none(), "its room was deleted: {:#}", object.0);
    }
}

/// Whether an object of this name has a room of that name.
fn is_room_of(fx: &Fixture, room: &str, object: &str) -> bool {
    let chosen = (room.to_owned(), object.to_owned());
    let derived = format!("{}-{object}_", fx.namespace);
    let all = fx.chosen.lock().expect("nobody else has it");
    room.starts_with(&derived) || all.contains(&chosen)
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
