//! The rooms that publish a number: their count, and a deletion that waits for them.

use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{Fixture, NUMBER, SECOND_NUMBER, Setup};
use crate::objects::Kind::{Number, Room};
use crate::objects::Object;
use crate::stage::Stage;
use crate::wait::{LATER, SOON};

/// Enough that a write for each would be seen, and few enough for Daily's burst.
const ROOMS: usize = 40;
/// How often the operator counts them here, in seconds.
const INTERVAL: u64 = 5;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let counted = Setup::new().value("driftInterval", json!(format!("{INTERVAL}s")));
    vec![
        stage.trial("attached::counted", counted, counted_together),
        stage.trial("attached::drained", Setup::new().neighbour(), drained),
        stage.trial("attached::draining_room", Setup::new(), draining_room),
        stage.trial("attached::no_more_rooms", Setup::new(), no_more_rooms),
    ]
}

/// How often the status of a PinDialinNumber was written.
fn status_writes(fx: &Fixture) -> usize {
    let requests = fx.plane.requests(&fx.namespace);
    let of_numbers = requests
        .iter()
        .filter(|it| it.resource == "pindialinnumbers" && it.subresource == "status");
    of_numbers.count()
}

fn publishes(rooms: usize) -> impl Fn(&Object) -> bool {
    move |number| *number.at("/status/attachedRooms") == json!(rooms)
}

/// Many rooms are few writes to the number.
async fn counted_together(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    let none = publishes(0);
    fx.until(Number, "main-line", "is counted", SOON, none)
        .await;
    let (before, start) = (status_writes(fx), Instant::now());
    let names: Vec<String> = (0..ROOMS).map(|nth| format!("room-{nth}")).collect();
    futures::stream::iter(&names)
        .for_each_concurrent(16, async |name| {
            fx.room(name, json!({"ttl": "1h"})).await;
        })
        .await;
    let all = publishes(ROOMS);
    fx.until(Number, "main-line", "counts all", LATER, all)
        .await;
    let writes = status_writes(fx) - before;
    // One count may come at once, and the line of the write before in the audit log may come late.
    let counts = start.elapsed().as_secs() / INTERVAL + 2;
    assert!(writes as u64 <= counts, "{writes} writes, {counts} counts");
    fx.delete(Room, "room-0").await;
    let one_less = publishes(ROOMS - 1);
    fx.until(Number, "main-line", "counts again", SOON, one_less)
        .await;
}

/// A number in deletion says for how many rooms it waits, and waits no longer than `maxDrain` of now. Then
/// the rooms say that their number does not answer.
async fn drained(fx: &mut Fixture) {
    let home = fx.go_to(fx.neighbour());
    let open = json!({"phoneNumber": NUMBER, "allowedRooms": {"namespaces": {"from": "All"}}});
    fx.apply(Number, "main-line", &open).await;
    fx.ready(Number, "main-line").await;
    let named = json!({"name": "main-line", "namespace": fx.namespace});
    fx.go_to(home.clone());
    let referring = json!({"ttl": "1h", "dialin": {"roomNumbers": [{"numberRef": named}]}});
    for name in ["one", "two"] {
        fx.room(name, referring.clone()).await;
        fx.ready(Room, name).await;
    }
    fx.go_to(fx.neighbour());
    fx.delete(Number, "main-line").await;
    let waits_for = |rooms: &str| {
        let rooms = rooms.to_owned();
        move |number: &Object| {
            let reconciling = number.condition("Reconciling");
            reconciling
                .is_some_and(|it| it.reason == "DeletionDeferred" && it.message.starts_with(&rooms))
        }
    };
    let two = waits_for("2 DailyRooms publish");
    fx.until(Number, "main-line", "waits for two", SOON, two)
        .await;
    fx.go_to(home.clone());
    fx.delete(Room, "two").await;
    let neighbour = fx.neighbour();
    fx.go_to(neighbour);
    let one = waits_for("1 DailyRoom publishes");
    fx.until(Number, "main-line", "waits for one", SOON, one)
        .await;
    assert_eq!(fx.configs_at_daily().await.len(), 1);
    fx.merge(Number, "main-line", json!({"spec": {"maxDrain": "10s"}}))
        .await;
    fx.gone(Number, "main-line").await;
    assert!(fx.configs_at_daily().await.is_empty());
    fx.go_to(home);
    let dead = ("Ready", "False", "NumberNotAllowed");
    let room = fx.condition(Room, "one", dead).await;
    assert!(room.dial_string().starts_with(NUMBER), "as callers have it");
}

/// A number in deletion stays with the rooms that publish it, and no other room gets it.
async fn no_more_rooms(fx: &mut Fixture) {
    for (name, number) in [("main-line", NUMBER), ("second-line", SECOND_NUMBER)] {
        fx.number(name, number).await;
        fx.ready(Number, name).await;
    }
    let numbers = json!([{"numberRef": {"name": "main-line"}}]);
    let referring = json!({"ttl": "1h", "dialin": {"roomNumbers": numbers}});
    fx.room("before", referring.clone()).await;
    fx.ready(Room, "before").await;
    fx.delete(Number, "main-line").await;
    let deferred = ("Reconciling", "True", "DeletionDeferred");
    fx.condition(Number, "main-line", deferred).await;

    fx.room("unnamed", json!({"ttl": "1h"})).await;
    let unnamed = fx.ready(Room, "unnamed").await;
    assert!(unnamed.dial_string().starts_with(SECOND_NUMBER));
    fx.room("late", referring).await;
    let late = fx
        .condition(Room, "late", ("Ready", "False", "NumberNotReady"))
        .await;
    let message = late.condition("Ready").expect("is there").message;
    assert!(message.contains("main-line is being deleted"), "{message}");

    fx.force_pass(Room, "before", "now").await;
    let handled = |room: &Object| room.text("/status/lastHandledReconcileAt") == "now";
    let before = fx
        .until(Room, "before", "is reconciled", SOON, handled)
        .await;
    assert!(before.is_ready() && before.dial_string().starts_with(NUMBER));
    fx.delete(Room, "before").await;
    fx.gone(Number, "main-line").await;
}

/// A room that is being deleted keeps its number while it waits for people.
async fn draining_room(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    let room = fx.with_host("standup", json!({"ttl": "1h"})).await;
    assert!(room.dial_string().starts_with(NUMBER));
    fx.delete(Room, "standup").await;
    let deferred = ("Reconciling", "True", "DeletionDeferred");
    fx.condition(Room, "standup", deferred).await;
    fx.delete(Number, "main-line").await;
    fx.condition(Number, "main-line", deferred).await;
    assert_eq!(fx.configs_at_daily().await.len(), 1);
    fx.host_leaves(&room).await;
    fx.gone(Room, "standup").await;
    fx.gone(Number, "main-line").await;
    let journal = fx.journal().await;
    let deletes = journal.calls("DELETE", "*");
    assert!(
        deletes[0].path.starts_with("/rooms/"),
        "{}",
        journal.tail(20)
    );
    assert!(fx.configs_at_daily().await.is_empty());
}
