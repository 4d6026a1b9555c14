//! Which number a room publishes that names none.

use std::sync::Arc;

use daily_sim::{FaultKind, FaultSpec};
use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{FOREIGN_NUMBER, Fixture, NUMBER, Setup};
use crate::objects::Kind::{Number, Room};
use crate::objects::Object;
use crate::stage::Stage;
use crate::wait::{LATER, SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    // No drift pass helps: what a number changes wakes the rooms.
    let woken = || Setup::new().value("driftInterval", json!("1h"));
    vec![
        stage.trial("choice::known_at_once", woken(), known_at_once),
        stage.trial("choice::removed_by_hand", woken(), removed_by_hand),
        stage.trial(
            "choice::folder_with_the_number_first",
            woken(),
            folder_with_the_number_first,
        ),
        stage.trial(
            "choice::folder_with_the_room_first",
            woken(),
            folder_with_the_room_first,
        ),
        stage.trial(
            "choice::one_answer_takes_no_number_away",
            Setup::new().value("quietPeriod", json!("4s")),
            one_answer_takes_no_number_away,
        ),
        stage.trial(
            "choice::stalled_is_not_waited_for",
            Setup::new(),
            stalled_is_not_waited_for,
        ),
        stage.trial(
            "choice::deleted_is_not_waited_for",
            woken(),
            deleted_is_not_waited_for,
        ),
        stage.trial(
            "choice::of_another_namespace",
            woken().neighbour(),
            of_another_namespace,
        ),
    ]
}

/// A room that comes after a change of ours goes by it, although the answer of Daily that is
/// remembered from before is good for an hour.
async fn known_at_once(fx: &mut Fixture) {
    fx.room("before", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "before").await;
    assert_eq!(before.text("/status/phoneNumbers/0/source"), "Global");
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    fx.room("with", json!({"ttl": "1h"})).await;
    let with = fx.ready(Room, "with").await;
    assert!(
        with.dial_string().starts_with(NUMBER),
        "{}",
        with.dial_string()
    );
    fx.delete(Room, "with").await;
    fx.gone(Room, "with").await;
    fx.delete(Number, "main-line").await;
    fx.gone(Number, "main-line").await;
    fx.room("after", json!({"ttl": "1h"})).await;
    let after = fx.ready(Room, "after").await;
    assert_eq!(after.text("/status/phoneNumbers/0/source"), "Global");
}

/// A number that somebody takes away at Daily is soon not published by a new room, although the answer that
/// showed it is good for an hour. A room that has published it keeps it until the drift pass.
async fn removed_by_hand(fx: &mut Fixture) {
    let theirs = json!({"phone_number": NUMBER, "type": "pin_dialin"});
    let made = fx.by_hand.post("/domain-dialin-config", &theirs).await;
    let made = made.expect("Daily answers").body;
    fx.room("before", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "before").await;
    assert!(before.dial_string().starts_with(NUMBER));
    let id = made["id"].as_str().expect("it has an id");
    let gone = fx
        .by_hand
        .delete(&format!("/domain-dialin-config/{id}"))
        .await;
    gone.expect("Daily answers");
    let mut nth = 0;
    until("a new room publishes another number", SOON, async || {
        nth += 1;
        let name = format!("new-{nth}");
        fx.room(&name, json!({"ttl": "1h"})).await;
        let new = fx.ready(Room, &name).await;
        let source = new.text("/status/phoneNumbers/0/source");
        (source == "Global").then_some(()).ok_or(source.to_owned())
    })
    .await;
    let before = fx.get(Room, "before").await;
    assert!(before.is_ready() && before.dial_string().starts_with(NUMBER));
}

/// What the condition says of a room that is published on a global number.
fn says_why_global(room: &Object, why: &str) {
    assert_eq!(room.text("/status/phoneNumbers/0/source"), "Global");
    let message = room.condition("Ready").expect("is there").message;
    let number = room.text("/status/phoneNumbers/0/phoneNumber");
    assert!(message.contains(number), "it names the number: {message}");
    assert!(message.contains(why), "it says why: {message}");
}

async fn publishes_its_own(fx: &Fixture) {
    let room = fx.ready(Room, "standup").await;
    assert!(
        room.dial_string().starts_with(NUMBER),
        "{}",
        room.dial_string()
    );
    assert_eq!(room.at("/status/dialinCodeRevision"), &json!(1));
}

async fn folder_with_the_number_first(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    publishes_its_own(fx).await;
}

async fn folder_with_the_room_first(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    until("the room has looked for numbers", SOON, async || {
        let looks = fx.journal().await.done("GET", "/domain-dialin-config");
        (looks > 0).then_some(()).ok_or("not yet")
    })
    .await;
    fx.number("main-line", NUMBER).await;
    publishes_its_own(fx).await;
}

async fn stalled_is_not_waited_for(fx: &mut Fixture) {
    fx.number("no-line", FOREIGN_NUMBER).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    says_why_global(&room, "the PinDialinNumber no-line is stalled");
    // The number stays, and the reason is that of now.
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    fx.force_pass(Room, "standup", "look again").await;
    let echoed = |room: &Object| room.text("/status/lastHandledReconcileAt") == "look again";
    let room = fx.until(Room, "standup", "looks again", SOON, echoed).await;
    says_why_global(&room, "it has published this number before");
    // The spec names a number that is not ready: callers are still served, for no reason of before.
    let named = json!({"dialin": {"roomNumbers": [{"numberRef": {"name": "no-line"}}]}});
    fx.merge(Room, "standup", json!({"spec": named})).await;
    let waits = ("Reconciling", "True", "NumberNotReady");
    let room = fx.condition(Room, "standup", waits).await;
    assert!(room.has("Ready", "True", "Available"), "{:#}", room.0);
    let message = room.condition("Ready").expect("is there").message;
    let number = room.text("/status/phoneNumbers/0/phoneNumber");
    assert!(message.ends_with(&format!("number {number}.")), "{message}");
}

/// Daily answers once with an empty list of numbers. Callers have the number on paper.
async fn one_answer_takes_no_number_away(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    publishes_its_own(fx).await;
    let nothing = FaultKind::Status {
        status: 200,
        body: Some(json!({"total_count": 0, "data": []})),
        headers: Default::default(),
    };
    let fault = FaultSpec::next("GET", "/purchased-phone-numbers", nothing);
    let mark = fx.mark().await;
    fx.sim.fault(&fault).await.expect("the fault is installed");
    until("the numbers were read again", LATER, async || {
        let journal = fx.journal_since(mark).await;
        let reads = journal.calls("GET", "/purchased-phone-numbers").len();
        (reads > 2).then_some(()).ok_or("not yet")
    })
    .await;
    publishes_its_own(fx).await;
    fx.ready(Number, "main-line").await;
}

/// A number that Daily does not let be set up is waited for until it is given up.
async fn deleted_is_not_waited_for(fx: &mut Fixture) {
    let down = FaultKind::Status {
        status: 503,
        body: None,
        headers: Default::default(),
    };
    let fault = FaultSpec::next("POST", "/domain-dialin-config", down).times(0);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.number("main-line", NUMBER).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    let waiting = fx
        .condition(Room, "standup", ("Reconciling", "True", "NumberNotReady"))
        .await;
    assert!(waiting.has("Ready", "False", "NumberNotReady"));
    let message = waiting.condition("Ready").expect("is there").message;
    assert!(message.contains("main-line"), "{message}");
    assert!(fx.find_secret("standup-dialin").await.is_none());
    fx.delete(Number, "main-line").await;
    let room = fx.ready(Room, "standup").await;
    says_why_global(&room, "has a PIN dial-in config");
    fx.sim.clear_faults().await.expect("the faults go");
    fx.gone(Number, "main-line").await;
}

/// Applies the number in the other namespace, and waits until the operator has seen it.
async fn number_of_the_neighbour(fx: &mut Fixture, spec: serde_json::Value) {
    let neighbour = fx.neighbour();
    let home = fx.go_to(neighbour);
    let applied = fx.apply(Number, "main-line", &spec).await;
    let generation = applied.at("/metadata/generation").clone();
    let seen = |number: &Object| {
        *number.at("/status/observedGeneration") == generation
            && number.has("Ready", "True", "Available")
    };
    fx.until(Number, "main-line", "is seen", SOON, seen).await;
    fx.go_to(home);
}

/// The operator's namespace has the number, and a team's rooms get it if it allows them; so also in
/// the README's way, in which rooms have no number in their own namespace.
async fn of_another_namespace(fx: &mut Fixture) {
    let closed = json!({"phoneNumber": NUMBER});
    let open = json!({"phoneNumber": NUMBER, "allowedRooms": {"namespaces": {"from": "All"}}});
    number_of_the_neighbour(fx, closed.clone()).await;
    let named = json!({"ttl": "1h", "dialin": {"roomNumbers": [{"phoneNumber": NUMBER}]}});
    fx.room("named", named).await;
    let refused = ("Stalled", "True", "NumberNotAllowed");
    let named = fx.condition(Room, "named", refused).await;
    let message = named.condition("Stalled").expect("is there").message;
    assert!(message.contains("allowedRooms"), "{message}");
    fx.room("before", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "before").await;
    says_why_global(&before, "allowedRooms");

    number_of_the_neighbour(fx, open).await;
    fx.ready(Room, "named").await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    publishes_its_own(fx).await;

    // What callers have on paper stays when the permission goes.
    number_of_the_neighbour(fx, closed).await;
    let standup = fx.condition(Room, "standup", refused).await;
    assert!(
        standup.has("Ready", "True", "Available"),
        "callers are served"
    );
    publishes_its_own(fx).await;
}
