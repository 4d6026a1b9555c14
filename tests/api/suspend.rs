//! `spec.suspend`: nothing is written to Daily and to Secrets, until the object is resumed or deleted.

use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NUMBER, Setup};
use crate::objects::Kind::{self, Number, Room};
use crate::objects::Object;
use crate::stage::Stage;
use crate::wait::{LATER, SOON, until};

const SUSPENDED: (&str, &str, &str) = ("Suspended", "True", "Suspended");

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    vec![
        stage.trial("suspend::writes_nothing", Setup::new(), writes_nothing),
        stage.trial("suspend::the_room_ends", Setup::new(), the_room_ends),
    ]
}

/// Waits until the operator has seen that the object is suspended, in its latest generation.
async fn suspended(fx: &Fixture, kind: Kind, name: &str) -> Object {
    let is = |it: &Object| {
        let suspended = it.condition("Suspended");
        it.has("Suspended", "True", "Suspended")
            && suspended.and_then(|it| it.observed_generation) == it.generation()
    };
    fx.until(kind, name, "is suspended", SOON, is).await
}

/// Waits for a listing that began after this mark, and another one: what the first shows was reconciled.
async fn listed_again(fx: &Fixture, mark: u64) {
    until("the rooms are listed", SOON, async || {
        let listings = fx.journal_since(mark).await.done("GET", "/rooms");
        (listings > 1).then_some(()).ok_or(listings)
    })
    .await;
}

async fn writes_nothing(fx: &mut Fixture) {
    let greeting = |text: &str, suspend: bool| json!({"phoneNumber": NUMBER, "ivrGreeting": {"message": text}, "suspend": suspend});
    fx.apply(Number, "main-line", &greeting("Hello.", false))
        .await;
    fx.ready(Number, "main-line").await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;

    fx.merge(Room, "standup", json!({"spec": {"suspend": true}}))
        .await;
    fx.merge(Number, "main-line", json!({"spec": {"suspend": true}}))
        .await;
    suspended(fx, Room, "standup").await;
    suspended(fx, Number, "main-line").await;
    let path = format!("/rooms/{}", before.room_name());
    let by_hand = json!({"properties": {"eject_at_room_exp": false}});
    fx.by_hand
        .post(&path, &by_hand)
        .await
        .expect("Daily answers");
    let mark = fx.mark().await;
    fx.delete_secret("standup-dialin").await;
    let renamed: Value = json!({"ttl": "1h", "suspend": true, "dialin": {"displayName": "Guest"}});
    fx.room("standup", renamed).await;
    fx.apply(Number, "main-line", &greeting("Good day.", true))
        .await;
    fx.room("new", json!({"ttl": "1h", "suspend": true})).await;
    fx.force_pass(Room, "standup", "now").await;
    let during = suspended(fx, Room, "standup").await;
    suspended(fx, Number, "main-line").await;
    let new = suspended(fx, Room, "new").await;
    listed_again(fx, mark).await;
    fx.journal_since(mark)
        .await
        .expect_no_write("all is suspended");
    assert!(fx.find_secret("standup-dialin").await.is_none());
    assert!(during.has("Ready", "True", "Available"), "as it was");
    assert_eq!(during.pin(), before.pin());
    assert_eq!(during.text("/status/lastHandledReconcileAt"), "");
    assert_eq!(new.finalizers(), 0, "nothing has begun for it");

    fx.merge(Room, "standup", json!({"spec": {"suspend": false}}))
        .await;
    fx.merge(Number, "main-line", json!({"spec": {"suspend": false}}))
        .await;
    let after = fx.ready(Room, "standup").await;
    assert!(after.condition("Suspended").is_none());
    assert_eq!(after.text("/status/lastHandledReconcileAt"), "now");
    assert_eq!(after.pin(), before.pin());
    let room = fx.room_at_daily(before.room_name()).await;
    assert_eq!(room["config"]["dialin"]["display_name"], "Guest");
    assert_eq!(room["config"]["eject_at_room_exp"], true);
    assert!(fx.find_secret("standup-dialin").await.is_some());
    fx.ready(Number, "main-line").await;
    let configs = fx.configs_at_daily().await;
    assert_eq!(configs[0]["config"]["ivr_greeting"]["message"], "Good day.");

    // A deletion is not suspended.
    fx.merge(Room, "standup", json!({"spec": {"suspend": true}}))
        .await;
    suspended(fx, Room, "standup").await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    fx.delete(Room, "new").await;
    fx.gone(Room, "new").await;
    assert!(fx.rooms_at_daily().await.is_empty());
}

/// Nobody can call a room that has ended, so Ready does not stay. The Secret does.
async fn the_room_ends(fx: &mut Fixture) {
    // Long enough that the operator sees it suspended before the end.
    fx.room("standup", json!({"ttl": "20s"})).await;
    fx.ready(Room, "standup").await;
    let mark = fx.mark().await;
    fx.merge(Room, "standup", json!({"spec": {"suspend": true}}))
        .await;
    suspended(fx, Room, "standup").await;
    let expired = ("Expired", "True", "Expired");
    let room = fx
        .until(Room, "standup", "expires", LATER, |it| {
            it.has(expired.0, expired.1, expired.2)
        })
        .await;
    assert!(room.has(SUSPENDED.0, SUSPENDED.1, SUSPENDED.2));
    assert!(room.condition("Ready").is_none() && room.pin().is_none());
    fx.journal_since(mark)
        .await
        .expect_no_write("it is suspended");
    assert!(fx.find_secret("standup-dialin").await.is_some());

    fx.merge(Room, "standup", json!({"spec": {"suspend": false}}))
        .await;
    fx.until_secret("standup-dialin", "goes", |secret| secret.is_none())
        .await;
    let resumed = |it: &Object| it.condition("Suspended").is_none();
    let room = fx.until(Room, "standup", "is resumed", SOON, resumed).await;
    assert!(room.has(expired.0, expired.1, expired.2));
}
