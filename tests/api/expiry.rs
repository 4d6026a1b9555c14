//! The end of a room, in real seconds: Daily ends it, and the operator believes Daily only.

use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::json;

use daily_sim::Outcome;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};

use crate::edit::seconds;
use crate::fixture::{Fixture, SECOND_KEY, Setup, stop_at};
use crate::objects::{Kind::Room, Object};
use crate::renewal::record_end;
use crate::stage::{Affected::By, Stage};
use crate::wait::{LATER, SOON};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let absent = || Setup::new().without_operator();
    let plain = vec![
        stage.trial(
            "expiry::past_from_the_start",
            Setup::new(),
            past_from_the_start,
        ),
        stage.trial("expiry::without_a_key", Setup::new(), without_a_key),
        stage.trial(
            "expiry::nothing_of_a_restored_status_stays",
            Setup::new(),
            nothing_of_a_restored_status_stays,
        ),
        stage.trial(
            "expiry::deletes_the_object_in_time",
            Setup::new(),
            deletes_the_object_in_time,
        ),
        stage.trial(
            "expiry::later_end_again_and_again",
            Setup::new(),
            later_end_again_and_again,
        ),
    ];
    let joined = [
        stage.under_each_answer(
            "expiry::the_end",
            Setup::new(),
            By(&["get-expired", "collector", "total-count", "reads"]),
            the_end,
        ),
        stage.under_each_answer(
            "expiry::stays_expired",
            Setup::new(),
            By(&["get-expired", "collector", "total-count"]),
            stays_expired,
        ),
        stage.under_each_answer(
            "expiry::later_end_makes_a_new_room",
            Setup::new(),
            By(&[
                "create-over-expired",
                "get-expired",
                "update-expired",
                "total-count",
                "collector",
                "reads",
            ]),
            later_end_makes_a_new_room,
        ),
        stage.under_each_answer(
            "expiry::shortened_by_an_edit",
            Setup::new(),
            By(&["pin-on-exp", "get-expired", "reads"]),
            shortened_by_an_edit,
        ),
        stage.under_each_answer(
            "expiry::while_down",
            absent(),
            By(&["get-expired", "total-count"]),
            while_down,
        ),
    ];
    plain
        .into_iter()
        .chain(joined.into_iter().flatten())
        .collect()
}

/// Applies a room that ends within seconds, and gives it as it was when it was Ready.
async fn short_room(fx: &Fixture) -> Object {
    fx.room("standup", json!({"ttl": "10s"})).await;
    fx.ready(Room, "standup").await
}

async fn expired(fx: &Fixture) -> Object {
    let is = |room: &Object| room.has("Expired", "True", "Expired");
    let room = fx.until(Room, "standup", "expires", LATER, is).await;
    fx.until_secret("standup-dialin", "goes", |secret| secret.is_none())
        .await;
    room
}

/// Without an API key nothing confirms the end, but callers are not served any more.
async fn without_a_key(fx: &mut Fixture) {
    fx.write_key("own", SECOND_KEY).await;
    let spec = json!({"ttl": "15s", "apiKeySecretRef": {"name": "own"}});
    fx.room("standup", spec).await;
    fx.ready(Room, "standup").await;
    fx.delete_secret("own").await;
    let missing = ("Stalled", "True", "ApiKeyNotFound");
    fx.condition(Room, "standup", missing).await;
    let unserved = ("Ready", "False", "ApiKeyNotFound");
    let room = fx.condition(Room, "standup", unserved).await;
    let end = seconds(&room, "/status/expirationTime");
    assert!(Timestamp::now().as_second() >= end, "not before its end");
    fx.write_key("own", SECOND_KEY).await;
    expired(fx).await;
}

async fn the_end(fx: &mut Fixture) {
    let before = short_room(fx).await;
    let end = seconds(&before, "/status/expirationTime");
    assert!(fx.find_secret("standup-dialin").await.is_some());
    let room = expired(fx).await;
    assert!(Timestamp::now().as_second() >= end, "not before its end");
    assert!(
        room.condition("Ready").is_none(),
        "Ready is removed: {:?}",
        room.condition("Ready")
    );
    assert!(
        room.condition("Stalled")
            .is_none_or(|it| it.status != "True")
    );
    assert_eq!(
        (room.pin(), room.dial_string()),
        (None, ""),
        "the PIN is out of status"
    );
    fx.event("standup", "Normal", "Expired").await;
    assert!(fx.rooms_at_daily().await.is_empty());
    let call = fx
        .sim
        .dial(before.dial_string())
        .await
        .expect("it can be dialled");
    assert!(
        matches!(call.outcome, Outcome::Expired | Outcome::WrongPin),
        "{call:?}"
    );
    let journal = fx.journal().await;
    assert!(
        journal.calls("DELETE", "*").is_empty(),
        "{}",
        journal.tail(20)
    );
    assert_eq!(journal.calls("POST", "*").len(), 1, "{}", journal.tail(20));
}

async fn stays_expired(fx: &mut Fixture) {
    short_room(fx).await;
    let before = expired(fx).await;
    let mark = fx.mark().await;
    fx.room("standup", json!({"ttl": "10s"})).await;
    fx.force_pass(Room, "standup", "again").await;
    let echoed = |room: &Object| room.text("/status/lastHandledReconcileAt") == "again";
    let after = fx
        .until(Room, "standup", "echoes the forced pass", SOON, echoed)
        .await;
    assert!(after.has("Expired", "True", "Expired") && after.condition("Ready").is_none());
    assert_eq!(after.uid(), before.uid());
    assert!(fx.find_secret("standup-dialin").await.is_none());
    fx.journal_since(mark)
        .await
        .expect_no_write("it ended as planned");
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    let journal = fx.journal().await;
    assert_eq!(
        journal.done("DELETE", "/rooms/*"),
        0,
        "there was nothing left to delete"
    );
}

async fn later_end_makes_a_new_room(fx: &mut Fixture) {
    let before = short_room(fx).await;
    expired(fx).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    if fx.answer("create-over-expired") == "clashes" {
        return waits_for_the_name(fx).await;
    }
    let after = fx.ready(Room, "standup").await;
    assert!(
        after
            .condition("Expired")
            .is_none_or(|it| it.status != "True")
    );
    assert_eq!(
        after.room_name(),
        before.room_name(),
        "the name never changes"
    );
    assert_ne!(
        after.text("/status/room/id"),
        before.text("/status/room/id")
    );
    assert_ne!(after.pin(), before.pin());
    let secret = fx.secret("standup-dialin").await;
    assert_eq!(Some(secret["dialin-code"].as_str()), after.pin());
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
}

/// Where a room that has ended still holds its name, nothing is deleted to make room: it is waited
/// for, and the status says so.
async fn waits_for_the_name(fx: &Fixture) {
    let told = |room: &Object| {
        let ready = room.condition("Ready");
        let says = |it: &str| {
            ready
                .as_ref()
                .is_some_and(|ready| ready.message.contains(it))
        };
        room.has("Stalled", "True", "RejectedByDaily") && says("may still hold the name")
    };
    fx.until(Room, "standup", "waits for its name", LATER, told)
        .await;
    let journal = fx.journal().await;
    let deletes = journal.calls("DELETE", "*");
    assert!(deletes.is_empty(), "{}", journal.tail(20));
}

/// What creates the second room creates the third, where its name is free each time.
async fn later_end_again_and_again(fx: &mut Fixture) {
    let first = short_room(fx).await;
    expired(fx).await;
    let soon = Timestamp::now() + Duration::from_secs(30);
    fx.room("standup", json!({"expirationTime": format!("{soon:.0}")}))
        .await;
    let second = fx.ready(Room, "standup").await;
    expired(fx).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    let third = fx.ready(Room, "standup").await;
    let ids = [&first, &second, &third].map(|room| room.text("/status/room/id").to_owned());
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
    assert_eq!(third.room_name(), first.room_name());
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
}

async fn past_from_the_start(fx: &mut Fixture) {
    let past = Timestamp::now() - Duration::from_secs(60);
    let spec = json!({"expirationTime": format!("{past:.0}")});
    fx.room("standup", spec).await;
    expired(fx).await;
    let journal = fx.journal().await;
    assert!(
        journal.calls("POST", "*").is_empty(),
        "{}",
        journal.tail(20)
    );
    assert!(
        journal.calls("GET", "/rooms/*").is_empty(),
        "{}",
        journal.tail(20)
    );
}

/// The object goes by itself with its room, its Secret and its finalizer, and not before its time.
async fn deletes_the_object_in_time(fx: &mut Fixture) {
    let past = |seconds: u64, kept: &str| {
        let end = Timestamp::now() - Duration::from_secs(seconds);
        json!({"expirationTime": format!("{end:.0}"), "ttlAfterExpired": kept})
    };
    fx.room("long-ago", past(90, "1m")).await;
    // For longer than this scenario takes.
    fx.room("just-now", past(5, "10m")).await;
    fx.gone(Room, "long-ago").await;
    fx.event("long-ago", "Normal", "Deleted").await;

    fx.room("standup", json!({"ttl": "1h", "ttlAfterExpired": "1m"}))
        .await;
    let room = fx.ready(Room, "standup").await;
    let path = format!("/rooms/{}", room.room_name());
    fx.by_hand.delete(&path).await.expect("Daily answers");
    record_end(fx, Timestamp::now().as_second() - 90).await;
    fx.gone(Room, "standup").await;
    fx.until_secret("standup-dialin", "goes", |secret| secret.is_none())
        .await;
    fx.event("standup", "Normal", "Expired").await;

    // Applied again within its time, an expired object stays, and a later end is a new room.
    let waits = fx.get(Room, "just-now").await;
    assert!(waits.has("Expired", "True", "Expired"));
    assert_eq!(
        waits.at("/metadata/deletionTimestamp"),
        &serde_json::Value::Null
    );
    fx.room("just-now", json!({"ttl": "1h", "ttlAfterExpired": "10m"}))
        .await;
    fx.ready(Room, "just-now").await;
}

async fn shortened_by_an_edit(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    let soon = Timestamp::now() + Duration::from_secs(4);
    fx.room("standup", json!({"expirationTime": format!("{soon:.0}")}))
        .await;
    let room = expired(fx).await;
    assert_eq!(room.room_name(), before.room_name());
    let journal = fx.journal().await;
    assert!(
        journal.calls("DELETE", "*").is_empty(),
        "{}",
        journal.tail(20)
    );
}

/// The end passes while no operator runs: the next one says so, on Daily's word.
async fn while_down(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "10s"})).await;
    // Ready is in status when it stops, so that nothing but the end is left to do.
    fx.start_operator(&[stop_at("status:after")]).await;
    fx.operator().crashed().await;
    let end = async || match fx.rooms_at_daily().await.is_empty() {
        true => Ok(()),
        false => Err("Daily still has the room"),
    };
    crate::wait::until("the room ends at Daily", SOON, end).await;
    let mark = fx.mark().await;
    fx.free_lease().await;
    fx.start_operator(&[]).await;
    expired(fx).await;
    fx.journal_since(mark)
        .await
        .expect_no_write("the room has ended by itself");
}

/// A backup tool writes the status under its own name. Its fields are the operator's all the same.
async fn nothing_of_a_restored_status_stays(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "2h"})).await;
    let before = fx.ready(Room, "standup").await;
    assert!(fx.operator().terminate().await.success());
    fx.lose_status(Room, "standup").await;
    let status = Patch::Merge(json!({"status": before.at("/status")}));
    let restorer = PatchParams {
        field_manager: Some("velero".to_owned()),
        ..PatchParams::default()
    };
    let objects = fx.objects(Room);
    let restored = objects.patch_status("standup", &restorer, &status).await;
    restored.expect("the status is restored");
    fx.start_operator(&[]).await;
    fx.merge(Room, "standup", json!({"spec": {"ttl": "10s"}}))
        .await;
    let ended = |room: &Object| room.has("Expired", "True", "Expired");
    let room = fx.until(Room, "standup", "ends", LATER, ended).await;
    assert_eq!(room.pin(), None);
    assert!(room.condition("Ready").is_none());
}
