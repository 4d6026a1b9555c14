//! The world changes between a decision and its effect: what destroys is not sent.
//!
//! A debug build waits at a point as long as a file is there. `before` lies between the granted
//! slot and the live check, so whatever changes while it waits must be seen by that check.

use std::sync::Arc;
use std::time::Duration;

use daily_sim::{FaultKind, FaultSpec};
use kube::api::PostParams;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{DOMAIN, Fixture, Setup};
use crate::objects::{Kind::Room, Object};
use crate::stage::{Affected::By, Stage};
use crate::wait::{LATER, SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let hold = |point| Setup::new().hold_at(point);
    let slow_drift = || Setup::new().value("driftInterval", json!("1h"));
    let long_quiet = || Setup::new().value("quietPeriod", json!("4s"));
    let plain = vec![
        stage.trial(
            "safety::s1_another_uid_at_create",
            hold("room-create:before"),
            s1_another_uid_at_create,
        ),
        stage.trial(
            "safety::s1_edited_before_shortening",
            hold("room-update:before"),
            s1_edited_before_shortening,
        ),
        stage.trial(
            "safety::s2_late_delete_spares_the_next_owner",
            long_quiet().neighbour(),
            s2_late_delete_spares_the_next_owner,
        ),
        stage.trial(
            "safety::s4_update_spares_another_room",
            slow_drift(),
            s4_update_spares_another_room,
        ),
        stage.trial(
            "safety::s10_foreign_secret_at_update",
            hold("secret-update:before"),
            s10_foreign_secret_at_update,
        ),
        stage.trial(
            "safety::s10_foreign_secret_at_create",
            hold("secret-create:before"),
            s10_foreign_secret_at_create,
        ),
        stage.trial(
            "safety::s10_edited_before_record",
            hold("record:before"),
            s10_edited_before_record,
        ),
    ];
    let joined = [
        stage.under_each_answer(
            "safety::s1_deleted_before_create",
            hold("room-create:before"),
            By(&["reads"]),
            s1_deleted_before_create,
        ),
        stage.under_each_answer(
            "safety::s1_another_uid_at_delete",
            hold("room-delete:before"),
            By(&["reads"]),
            s1_another_uid_at_delete,
        ),
        stage.under_each_answer(
            "safety::s2_create_runs_late",
            long_quiet(),
            By(&["reads"]),
            s2_create_runs_late,
        ),
        stage.under_each_answer(
            "safety::s2_delete_reply_lost",
            Setup::new(),
            By(&["reads"]),
            s2_delete_reply_lost,
        ),
        stage.under_each_answer(
            "safety::s4_another_room_of_the_name",
            slow_drift(),
            By(&["name-case"]),
            s4_another_room_of_the_name,
        ),
    ];
    plain
        .into_iter()
        .chain(joined.into_iter().flatten())
        .collect()
}

/// Waits until the operator has bound the object and gone on to its next effect, which is the one
/// that it waits at: a listing that began later shows that time has passed.
pub async fn reaches_the_point(fx: &Fixture) {
    let mark = fx.mark().await;
    let listed = async || match fx.journal_since(mark).await.done("GET", "/rooms") {
        0 | 1 => Err("no second drift pass yet"),
        _ => Ok(()),
    };
    until("two drift passes", SOON, listed).await;
}

async fn bound(fx: &Fixture) -> Object {
    let bound = |room: &Object| room.finalizers() == 1;
    fx.until(Room, "standup", "is bound", SOON, bound).await
}

/// Takes the finalizer away, as an impatient person does.
async fn strip_finalizers(fx: &Fixture) {
    let patch = json!({"metadata": {"finalizers": null}});
    fx.merge(Room, "standup", patch).await;
}

async fn s1_deleted_before_create(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    bound(fx).await;
    reaches_the_point(fx).await;
    fx.delete(Room, "standup").await;
    fx.let_go();
    fx.gone(Room, "standup").await;
    fx.journal()
        .await
        .expect_no_write("it was deleted before its room was made");
}

async fn s1_another_uid_at_create(fx: &mut Fixture) {
    let spec = |caller: &str| json!({"ttl": "1h", "dialin": {"displayName": caller}});
    fx.room("standup", spec("Old")).await;
    let old = bound(fx).await;
    reaches_the_point(fx).await;
    strip_finalizers(fx).await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    let new = fx.room("standup", spec("New")).await;
    assert_ne!(old.uid(), new.uid());
    fx.let_go();
    fx.ready(Room, "standup").await;
    for write in fx.journal().await.writes() {
        let body = write
            .body
            .as_ref()
            .map(Value::to_string)
            .unwrap_or_default();
        assert!(
            !body.contains("Old"),
            "sent for an object that is gone: {body}"
        );
    }
}

/// The finalizer is stripped and the object made again while the DELETE of the old one waits.
async fn s1_another_uid_at_delete(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let old = fx.ready(Room, "standup").await;
    fx.delete(Room, "standup").await;
    reaches_the_point(fx).await;
    strip_finalizers(fx).await;
    fx.gone(Room, "standup").await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.let_go();
    let new = fx.ready(Room, "standup").await;
    assert_ne!(old.uid(), new.uid());
    assert_eq!(new.pin(), old.pin(), "the room and its PIN are found again");
    let journal = fx.journal().await;
    assert!(
        journal.calls("DELETE", "*").is_empty(),
        "{}",
        journal.tail(20)
    );
}

/// An end moved nearer is taken back while it waits: it never reaches Daily.
async fn s1_edited_before_shortening(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "2h"})).await;
    let before = fx.ready(Room, "standup").await;
    let long = fx.rooms_at_daily().await[0]["config"]["exp"].as_i64();
    let mark = fx.mark().await;
    fx.room("standup", json!({"ttl": "10m"})).await;
    reaches_the_point(fx).await;
    fx.room("standup", json!({"ttl": "2h"})).await;
    fx.let_go();
    let after = fx.ready(Room, "standup").await;
    assert_eq!(after.pin(), before.pin());
    let journal = fx.journal_since(mark).await;
    for write in journal.writes() {
        let sent = write
            .body
            .as_ref()
            .and_then(|body| body["properties"]["exp"].as_i64());
        assert!(sent >= long, "a nearer end was sent: {}", journal.tail(20));
    }
}

/// The create is executed seconds after the operator lost the connection, and the object is deleted
/// meanwhile: the finalizer waits, and no room is left that nobody knows of.
async fn s2_create_runs_late(fx: &mut Fixture) {
    let late = FaultKind::ExecuteAfter(Duration::from_secs(2));
    let fault = FaultSpec::next("POST", "/rooms", late);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    let refuse = FaultKind::Status {
        status: 503,
        body: None,
        headers: Default::default(),
    };
    // What it sends after that does not make the room either.
    let fault = FaultSpec::next("POST", "/rooms", refuse).times(0);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.room("standup", json!({"ttl": "1h"})).await;
    let sent = async || match fx.sim.faults().await.expect("are told")[0].applied {
        0 => Err("no create is sent"),
        _ => Ok(()),
    };
    until("the create is sent", SOON, sent).await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    let ran = async || match fx.journal().await.done("POST", "/rooms") {
        0 => Err("the create has not run"),
        _ => Ok(()),
    };
    until("the late create has run", SOON, ran).await;
    let left = fx.rooms_at_daily().await;
    assert!(left.is_empty(), "a room that nobody knows of: {left:#?}");
}

async fn s2_delete_reply_lost(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let fault = FaultSpec::next("DELETE", "/rooms/*", FaultKind::ReplyLost);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    let journal = fx.journal().await;
    assert_eq!(
        journal.done("DELETE", "/rooms/*"),
        1,
        "{}",
        journal.tail(20)
    );
    let last = journal
        .calls("GET", "/rooms/*")
        .pop()
        .expect("it looks again");
    assert_eq!(last.status, 404, "{}", journal.tail(20));
}

/// Daily deletes by name: a room of this name with another id is not ours to delete.
async fn s4_another_room_of_the_name(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h", "roomName": "board"}))
        .await;
    fx.ready(Room, "standup").await;
    fx.by_hand
        .delete("/rooms/board")
        .await
        .expect("Daily answers");
    let theirs = fx.by_hand.post("/rooms", &json!({"name": "board"})).await;
    let theirs = theirs.expect("Daily answers").body;
    let mark = fx.mark().await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    fx.event("standup", "Warning", "Orphaned").await;
    // An event that cannot be published, since the namespace goes as well, leaves the log.
    let line = fx.operator().says("Orphaned at Daily").await;
    assert_eq!(line["what"], "room board", "{line}");
    assert_eq!(line["domain"], DOMAIN, "{line}");
    let why = line["why"].as_str().unwrap_or_default();
    assert!(why.contains("its id is not the recorded one"), "{line}");
    fx.journal_since(mark)
        .await
        .expect_no_write("the room has another id");
    let left = fx.by_hand.get("/rooms/board").await.expect("Daily answers");
    assert_eq!(left.body["id"], theirs["id"]);
}

/// A DELETE whose reply is lost runs late. Meanwhile its object is gone, because somebody took its
/// finalizer away, and another tenant has a room of the name.
async fn s2_late_delete_spares_the_next_owner(fx: &mut Fixture) {
    let spec = || json!({"ttl": "2h", "roomName": "board"});
    fx.room("standup", spec()).await;
    fx.ready(Room, "standup").await;
    let late = FaultKind::ExecuteAfter(Duration::from_secs(3));
    let fault = FaultSpec::next("DELETE", "/rooms/board", late);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.delete(Room, "standup").await;
    until("the DELETE is sent", SOON, async || {
        let deletes = fx.journal().await.calls("DELETE", "/rooms/board").len();
        (deletes > 0).then_some(()).ok_or("not yet")
    })
    .await;
    fx.by_hand.delete("/rooms/board").await.expect("answers");
    strip_finalizers(fx).await;
    fx.gone(Room, "standup").await;
    fx.go_to(fx.neighbour());
    fx.room("theirs", spec()).await;
    let theirs = fx.ready(Room, "theirs").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let now = fx.by_hand.get("/rooms/board").await.expect("Daily answers");
    assert_eq!(now.body["id"], theirs.text("/status/room/id"));
}

/// The last listing showed our room, and since then somebody else has a room of the name.
async fn s4_update_spares_another_room(fx: &mut Fixture) {
    let spec = json!({"ttl": "2h", "roomName": "board"});
    fx.room("standup", spec.clone()).await;
    fx.ready(Room, "standup").await;
    fx.by_hand.delete("/rooms/board").await.expect("answers");
    let theirs = fx.by_hand.post("/rooms", &json!({"name": "board"})).await;
    let theirs = theirs.expect("Daily answers").body;
    let mut edited = spec;
    edited["privacy"] = json!("Private");
    fx.room("standup", edited).await;
    fx.condition(Room, "standup", ("Stalled", "True", "NameTaken"))
        .await;
    let now = fx.by_hand.get("/rooms/board").await.expect("Daily answers");
    assert_eq!(now.body, theirs);
}

fn foreign_secret() -> k8s_openapi::api::core::v1::Secret {
    let manifest = json!({
        "metadata": {"name": "standup-dialin"},
        "stringData": {"password": "theirs"},
    });
    serde_json::from_value(manifest).expect("is a Secret")
}

/// Somebody else's Secret stands where ours was when the repair is sent.
async fn s10_foreign_secret_at_update(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    fx.patch_secret("standup-dialin", &json!({"data": {"dialin-code": "MTIz"}}))
        .await;
    reaches_the_point(fx).await;
    fx.delete_secret("standup-dialin").await;
    let made = fx
        .secrets()
        .create(&PostParams::default(), &foreign_secret())
        .await;
    let before = made.expect("it can be made");
    fx.let_go();
    let conflict = |room: &Object| room.has("Stalled", "True", "SecretConflict");
    fx.until(Room, "standup", "says so", LATER, conflict).await;
    assert_eq!(
        fx.find_secret("standup-dialin").await,
        Some(before),
        "it is untouched"
    );
}

async fn s10_foreign_secret_at_create(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    bound(fx).await;
    reaches_the_point(fx).await;
    let made = fx
        .secrets()
        .create(&PostParams::default(), &foreign_secret())
        .await;
    let before = made.expect("it can be made");
    fx.let_go();
    let conflict = |room: &Object| room.has("Stalled", "True", "SecretConflict");
    fx.until(Room, "standup", "says so", LATER, conflict).await;
    assert_eq!(
        fx.find_secret("standup-dialin").await,
        Some(before),
        "it is untouched"
    );
}

/// The record of the room's id loses the race against an edit, and is made from what is there now.
async fn s10_edited_before_record(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    bound(fx).await;
    reaches_the_point(fx).await;
    let edit = json!({"metadata": {"annotations": {"example.com/team": "x"}}});
    fx.merge(Room, "standup", edit).await;
    fx.let_go();
    let room = fx.ready(Room, "standup").await;
    assert_eq!(
        room.annotations()["example.com/team"],
        "x",
        "the edit is kept"
    );
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
    assert_eq!(fx.journal().await.done("POST", "/rooms"), 1);
}
