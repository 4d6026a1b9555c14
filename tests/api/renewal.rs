//! `spec.renewal`: a room that people call again and again keeps its PIN, and its end moves on.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::edit::{changes_pin, seconds};
use crate::fixture::{Fixture, Setup};
use crate::objects::Kind::Room;
use crate::objects::Object;
use crate::stage::{Affected::By, Stage};
use crate::wait::{LATER, SOON};

const TTL: i64 = 3600;
const END: &str = "/status/expirationTime";

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let joined = stage.under_each_answer(
        "renewal::keeps_the_pin",
        Setup::new(),
        By(&["pin-on-exp", "reads", "listing-dialin-code"]),
        keeps_the_pin,
    );
    // No drift check reminds the operator.
    let unlisted = Setup::new().value("driftInterval", json!("1h"));
    let plain = [
        stage.trial("renewal::ended_while_down", Setup::new(), ended_while_down),
        stage.trial(
            "renewal::ended_with_participants",
            Setup::new(),
            ended_with_participants,
        ),
        stage.trial("renewal::suspended", unlisted, suspended),
    ];
    joined.into_iter().chain(plain).collect()
}

fn standing() -> Value {
    json!({"ttl": "1h", "renewal": {"before": "20m"}})
}

/// Waits until the room is Ready with this end.
async fn ends_at(fx: &Fixture, end: i64) -> Object {
    let is = |room: &Object| room.is_ready() && seconds(room, END) == end;
    fx.until(Room, "standup", "has the next end", LATER, is)
        .await
}

/// Moves Daily's clock past the time of the renewal, which goes by that clock.
pub async fn becomes_due(fx: &Fixture) {
    let due = Duration::from_secs(2410);
    fx.sim.advance(due).await.expect("the clock moves");
}

async fn keeps_the_pin(fx: &mut Fixture) {
    fx.room("standup", standing()).await;
    let before = fx.ready(Room, "standup").await;
    let end = seconds(&before, END);
    assert_eq!(seconds(&before, "/status/renewalTime"), end - 1200);
    let room = fx.room_at_daily(before.room_name()).await;
    let eject = &room["config"]["eject_at_room_exp"];
    assert!(eject.is_null() || eject == false, "people stay: {room}");
    let secret = fx.secret("standup-dialin").await;

    let mark = fx.mark().await;
    becomes_due(fx).await;
    let after = ends_at(fx, end + TTL).await;
    assert_eq!(seconds(&after, "/status/renewalTime"), end + TTL - 1200);
    fx.event("standup", "Normal", "Renewed").await;
    let journal = fx.journal_since(mark).await;
    let writes = journal.writes();
    assert_eq!(writes.len(), 1, "one update:\n{}", journal.tail(20));
    let body = json!({"properties": {"exp": end + TTL}});
    assert_eq!(writes[0].body.as_ref(), Some(&body));
    let changes = changes_pin(fx, &body);
    assert_eq!(after.pin() != before.pin(), changes);
    if !changes {
        let renewed = fx.secret("standup-dialin").await;
        assert_eq!(renewed, secret, "no pod restarts");
    }

    // The next renewal counts from an end that was moved at Daily.
    let path = format!("/rooms/{}", before.room_name());
    let moved = end + TTL + 600;
    let by_hand = json!({"properties": {"exp": moved}});
    fx.by_hand
        .post(&path, &by_hand)
        .await
        .expect("Daily answers");
    ends_at(fx, moved).await;
    fx.sim
        .advance(Duration::from_secs(4300))
        .await
        .expect("the clock moves");
    ends_at(fx, moved + TTL).await;

    // An edit of the ttl counts from the last renewal.
    let longer = json!({"ttl": "2h", "renewal": {"before": "20m"}});
    fx.room("standup", longer).await;
    ends_at(fx, moved + 2 * TTL).await;
}

/// Changes the end in the record, as if time had passed.
pub async fn record_end(fx: &Fixture, end: i64) {
    let room = fx.get(Room, "standup").await;
    let mut record: Value =
        serde_json::from_str(room.text("/status/record")).expect("the record is JSON");
    record["made"]["end"]["at"] = json!(end);
    let patch = Patch::Merge(json!({"status": {"record": record.to_string()}}));
    let objects = fx.objects(Room);
    let params = PatchParams::default();
    let patched = objects.patch_status("standup", &params, &patch).await;
    patched.expect("the record can be written");
}

/// The operator was down from before the renewal until after the end: there is a new room, and it is said
/// that its PIN is another one.
async fn ended_while_down(fx: &mut Fixture) {
    fx.room("standup", standing()).await;
    let before = fx.ready(Room, "standup").await;
    assert!(fx.operator().terminate().await.success());
    let path = format!("/rooms/{}", before.room_name());
    fx.by_hand.delete(&path).await.expect("Daily answers");
    record_end(fx, Timestamp::now().as_second() - 60).await;
    let mark = fx.mark().await;
    fx.start_operator(&[]).await;
    let is_new = |room: &Object| {
        let id = "/status/room/id";
        room.is_ready() && room.text(id) != before.text(id)
    };
    let after = fx
        .until(Room, "standup", "has a new room", LATER, is_new)
        .await;
    assert_eq!(after.room_name(), before.room_name());
    assert!(after.pin() != before.pin() && after.pin().is_some());
    let left = seconds(&after, END) - Timestamp::now().as_second();
    assert!((TTL - 60..=TTL).contains(&left), "a whole ttl: {left}");
    fx.event("standup", "Warning", "DialinCodeChanged").await;
    let journal = fx.journal_since(mark).await;
    assert_eq!(journal.done("POST", "/rooms"), 1, "{}", journal.tail(20));
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
}

/// The same while a participant is still inside, whom a new room would remove.
async fn ended_with_participants(fx: &mut Fixture) {
    fx.room("standup", standing()).await;
    let before = fx.ready(Room, "standup").await;
    let joined = fx.sim.join(before.room_name(), "host").await;
    joined.expect("the host can join");
    assert!(fx.operator().terminate().await.success());
    let soon = json!({"properties": {"exp": Timestamp::now().as_second() + 30}});
    let path = format!("/rooms/{}", before.room_name());
    fx.by_hand.post(&path, &soon).await.expect("Daily answers");
    let minute = Duration::from_secs(60);
    fx.sim.advance(minute).await.expect("the clock moves");
    record_end(fx, Timestamp::now().as_second() - 60).await;
    let mark = fx.mark().await;
    fx.start_operator(&[]).await;
    let occupied = ("Ready", "False", "RoomOccupied");
    let says = |room: Object| room.condition("Ready").map(|it| it.message);
    let first = says(fx.condition(Room, "standup", occupied).await);
    // The next process waits until the same time.
    assert!(fx.operator().terminate().await.success());
    let status = Patch::Merge(json!({"status": {"conditions": null}}));
    let params = PatchParams::default();
    let objects = fx.objects(Room);
    let patched = objects.patch_status("standup", &params, &status).await;
    patched.expect("the conditions are lost");
    fx.start_operator(&[]).await;
    let again = says(fx.condition(Room, "standup", occupied).await);
    assert_eq!(first, again);
    fx.journal_since(mark)
        .await
        .expect_no_write("somebody is inside");
    let left = fx.sim.leave(before.room_name(), "host").await;
    left.expect("the host leaves");
    fx.sim.advance(minute).await.expect("the clock moves");
    let is_new = |room: &Object| room.is_ready() && room.pin() != before.pin();
    fx.until(Room, "standup", "has a new room", LATER, is_new)
        .await;
}

async fn suspended(fx: &mut Fixture) {
    fx.room("standup", standing()).await;
    let before = fx.ready(Room, "standup").await;
    fx.merge(Room, "standup", json!({"spec": {"suspend": true}}))
        .await;
    let condition = ("Suspended", "True", "Suspended");
    fx.condition(Room, "standup", condition).await;
    let mark = fx.mark().await;
    // The renewal comes in three seconds.
    record_end(fx, Timestamp::now().as_second() + 1203).await;
    let condition = ("Suspended", "True", "RenewalSuspended");
    let room = fx.condition(Room, "standup", condition).await;
    assert!(room.has("Ready", "True", "Available"));
    fx.event("standup", "Warning", "RenewalSuspended").await;
    fx.journal_since(mark)
        .await
        .expect_no_write("it is suspended");
    // At Daily the end is as it was, so that it is taken over.
    fx.merge(Room, "standup", json!({"spec": {"suspend": false}}))
        .await;
    let resumed = |room: &Object| room.is_ready() && room.condition("Suspended").is_none();
    let room = fx.until(Room, "standup", "is resumed", SOON, resumed).await;
    assert_eq!(room.pin(), before.pin());
}
