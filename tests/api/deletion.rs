//! `kubectl delete`: nothing is left behind, unless it was asked for.

use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{DEFAULT_KEY_SECRET, Fixture, KEY, Setup, WRONG_KEY};
use crate::objects::Kind::Room;
use crate::stage::{Affected::By, Stage};
use crate::wait::{SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let plain = vec![
        stage.trial(
            "deletion::retain_by_a_late_edit",
            Setup::new(),
            retain_by_a_late_edit,
        ),
        stage.trial(
            "deletion::before_it_was_made",
            Setup::new(),
            before_it_was_made,
        ),
        stage.trial("deletion::key_gone", Setup::new(), key_gone),
        stage.trial(
            "deletion::key_gone_and_restarted",
            Setup::new(),
            key_gone_and_restarted,
        ),
        stage.trial("deletion::key_refused", Setup::new(), key_refused),
        stage.trial(
            "deletion::key_forbidden",
            Setup::new().without_default_key(),
            key_forbidden,
        ),
    ];
    let joined = [
        stage.under_each_answer(
            "deletion::delete",
            Setup::new(),
            By(&["reads", "get-expired", "rate-limit-delete"]),
            delete,
        ),
        stage.under_each_answer(
            "deletion::retain",
            Setup::new(),
            By(&["reads", "dialin-shown", "listing-dialin-code"]),
            retain,
        ),
        stage.under_each_answer(
            "deletion::already_gone",
            Setup::new(),
            By(&["reads"]),
            already_gone,
        ),
    ];
    plain
        .into_iter()
        .chain(joined.into_iter().flatten())
        .collect()
}

/// A GET that proves the room, then the DELETE, and both are gone.
async fn delete(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    let mark = fx.mark().await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    fx.until_secret("standup-dialin", "goes", |secret| secret.is_none())
        .await;
    assert!(fx.rooms_at_daily().await.is_empty());

    let journal = fx.journal_since(mark).await;
    let path = format!("/rooms/{}", room.room_name());
    let deletes = journal.calls("DELETE", &path);
    assert_eq!(deletes.len(), 1, "{}", journal.tail(20));
    let proof = journal.calls("GET", &path);
    let proven = proof
        .iter()
        .any(|get| get.status == 200 && get.seq < deletes[0].seq);
    assert!(proven, "a GET proves the room before: {}", journal.tail(20));
    assert_eq!(journal.writes().len(), 1, "{}", journal.tail(20));
}

/// The room stays with its PIN, and a DailyRoom of the same name finds it again.
async fn retain(fx: &mut Fixture) {
    let spec = json!({"ttl": "1h", "deletionPolicy": "Retain"});
    fx.room("standup", spec.clone()).await;
    let before = fx.ready(Room, "standup").await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    fx.until_secret("standup-dialin", "goes", |secret| secret.is_none())
        .await;
    assert_eq!(fx.rooms_at_daily().await.len(), 1, "the room stays");

    fx.room("standup", spec).await;
    let after = fx.ready(Room, "standup").await;
    assert_ne!(after.uid(), before.uid());
    assert_eq!(after.pin(), before.pin());
    assert_eq!(after.room_name(), before.room_name());
    assert_eq!(
        after.text("/status/room/id"),
        before.text("/status/room/id")
    );
    let end = "/status/expirationTime";
    assert_eq!(
        after.text(end),
        before.text(end),
        "a room found again keeps its end"
    );
    let secret = fx.secret("standup-dialin").await;
    assert_eq!(Some(secret["dialin-code"].as_str()), before.pin());
    let journal = fx.journal().await;
    assert_eq!(journal.done("POST", "/rooms"), 1, "{}", journal.tail(20));
    assert!(
        journal.calls("DELETE", "*").is_empty(),
        "{}",
        journal.tail(20)
    );
}

async fn retain_by_a_late_edit(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    fx.room("standup", json!({"ttl": "1h", "deletionPolicy": "Retain"}))
        .await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
    let journal = fx.journal().await;
    assert!(
        journal.calls("DELETE", "*").is_empty(),
        "{}",
        journal.tail(20)
    );
}

async fn already_gone(fx: &mut Fixture) {
    fx.room(
        "standup",
        json!({"ttl": "1h", "missingRoomPolicy": "Report"}),
    )
    .await;
    let room = fx.ready(Room, "standup").await;
    let path = format!("/rooms/{}", room.room_name());
    let by_hand = fx.by_hand.delete(&path).await.expect("Daily answers");
    assert_eq!(by_hand.status, 200);
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    let journal = fx.journal().await;
    assert_eq!(journal.done("DELETE", &path), 1, "only the one by hand");
    if fx.answer("reads") == "fresh" {
        assert_eq!(journal.calls("DELETE", &path).len(), 1, "nobody else tried");
    }
}

/// An object that never got as far as Daily goes at once.
async fn before_it_was_made(fx: &mut Fixture) {
    let spec = json!({"ttl": "1h", "dialin": {"roomNumbers": [{"numberRef": {"name": "never"}}]}});
    fx.room("standup", spec).await;
    fx.condition(Room, "standup", ("Ready", "False", "NumberNotFound"))
        .await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    fx.journal().await.expect_no_write("there was never a room");
}

/// The operator remembers the last good key of the domain.
async fn key_gone(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    fx.delete_secret(DEFAULT_KEY_SECRET).await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    assert!(fx.rooms_at_daily().await.is_empty());
}

/// Without the key and without a memory of it the object waits, and says so; the key ends the wait.
async fn key_gone_and_restarted(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    fx.operator().terminate().await;
    fx.delete_secret(DEFAULT_KEY_SECRET).await;
    fx.delete(Room, "standup").await;
    fx.start_operator(&[]).await;
    fx.until(Room, "standup", "says that the key is gone", SOON, |room| {
        let conditions = room.at("/status/conditions").to_string();
        conditions.contains("ApiKeyNotFound")
    })
    .await;
    assert_eq!(
        fx.get(Room, "standup").await.finalizers(),
        1,
        "it is not given up"
    );
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
    fx.write_key(DEFAULT_KEY_SECRET, KEY).await;
    fx.gone(Room, "standup").await;
    assert!(fx.rooms_at_daily().await.is_empty());
}

/// A key that Daily refuses from now on is replaced by the last good one while deleting.
async fn key_refused(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    fx.write_key(DEFAULT_KEY_SECRET, WRONG_KEY).await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    let gone = async || match fx.rooms_at_daily().await.is_empty() {
        true => Ok(()),
        false => Err("the room is still there"),
    };
    until("the room goes at Daily", SOON, gone).await;
}

/// That the operator may not read the key is no answer about it, unless the namespace is being deleted too.
async fn key_forbidden(fx: &mut Fixture) {
    fx.write_key("daily-api-key", KEY).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    assert!(fx.operator().terminate().await.success());
    fx.forbid("secrets", &["get"]).await;
    fx.delete(Room, "standup").await;
    fx.start_operator(&[]).await;
    let unread = ("Reconciling", "True", "KubernetesUnavailable");
    let waits = fx.condition(Room, "standup", unread).await;
    assert_eq!(waits.finalizers(), 1, "it is not given up");
    fx.grant_rights().await;
    fx.gone(Room, "standup").await;
    assert!(fx.rooms_at_daily().await.is_empty());
}
