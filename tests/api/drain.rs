//! A deletion waits for those who are in the room.
//!
//! Presence shows people late (F-PRES-3): a scenario that needs it to be up to date moves Daily's clock on.

use std::sync::Arc;
use std::time::Duration;

use daily_sim::{FaultKind, FaultSpec};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, KEY, Setup, stop_at};
use crate::objects::{Kind::Room, Object};
use crate::safety::reaches_the_point;
use crate::stage::{Affected::By, Stage};
use crate::wait::{SOON, until};

/// Longer than presence lags.
const SHOWN: Duration = Duration::from_secs(60);
const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DEFERRED: (&str, &str, &str) = ("Reconciling", "True", "DeletionDeferred");

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let plain = vec![
        stage.trial("drain::policy_edited", Setup::new(), policy_edited),
        stage.trial("drain::applied_again", Setup::new(), applied_again),
        stage.trial("drain::restored", Setup::new(), restored),
        stage.trial(
            "drain::applied_over_an_ended_room",
            Setup::new(),
            applied_over_an_ended_room,
        ),
        stage.trial("drain::longest_wait", Setup::new(), longest_wait),
        stage.trial("drain::presence_fails", Setup::new(), presence_fails),
        stage.trial(
            "drain::namespace_deleted",
            Setup::new().neighbour(),
            namespace_deleted,
        ),
        stage.trial(
            "drain::namespace_deleted_with_its_key",
            Setup::new().neighbour().without_default_key(),
            namespace_deleted_with_its_key,
        ),
        stage.trial(
            "drain::key_gone_with_its_namespace",
            Setup::new().neighbour().without_default_key(),
            key_gone_with_its_namespace,
        ),
        stage.trial(
            "drain::s1_retained_before_the_end_moves",
            Setup::new().hold_at("room-update:before"),
            s1_retained_before_the_end_moves,
        ),
        stage.trial(
            "drain::s1_retained_before_the_delete",
            Setup::new().hold_at("room-delete:before"),
            s1_retained_before_the_delete,
        ),
    ];
    let joined = stage.under_each_answer(
        "drain::restart",
        Setup::new().without_operator(),
        By(&["reads", "hold-presence", "pin-on-exp"]),
        restart,
    );
    plain.into_iter().chain(joined).collect()
}

impl Fixture {
    /// A room that is Ready, with a host whom presence shows.
    pub async fn with_host(&self, name: &str, spec: Value) -> Object {
        self.room(name, spec).await;
        let room = self.ready(Room, name).await;
        self.host_joins(&room).await;
        room
    }

    pub async fn host_joins(&self, room: &Object) {
        let joined = self.sim.join(room.room_name(), "host").await;
        joined.expect("the host can join");
        self.time_passes().await;
    }

    /// A room that outlived its DailyRoom and has ended at Daily, with a host inside.
    async fn ended_with_host(&self, name: &str, spec: Value) -> Object {
        let room = self.with_host(name, spec).await;
        self.delete(Room, name).await;
        self.gone(Room, name).await;
        let now = self.sim.clock().await.expect("the simulator answers").now;
        let soon = json!({"properties": {"exp": now.as_second() + 30}});
        let path = format!("/rooms/{}", room.room_name());
        let moved = self.by_hand.post(&path, &soon).await;
        assert_eq!(moved.expect("Daily answers").status, 200);
        self.time_passes().await;
        room
    }

    pub async fn host_leaves(&self, room: &Object) {
        let left = self.sim.leave(room.room_name(), "host").await;
        left.expect("the host leaves");
        self.time_passes().await;
    }

    async fn time_passes(&self) {
        self.sim.advance(SHOWN).await.expect("the clock moves");
    }

    /// Asks for the deletion, and waits until it waits.
    pub async fn deferred(&self, name: &str) -> Object {
        self.delete(Room, name).await;
        self.condition(Room, name, DEFERRED).await
    }

    /// Asks for the deletion, and waits until the end has moved nearer.
    async fn drained(&self, room: &Object) {
        self.deferred("standup").await;
        until("the end moves nearer", SOON, async || {
            match self.ends_in(room).await {
                left if left < 2 * HOUR => Ok(()),
                left => Err(left),
            }
        })
        .await;
    }

    /// When the room ends at Daily, in seconds from now by Daily's clock.
    async fn ends_in(&self, room: &Object) -> i64 {
        let shown = self.room_at_daily(room.room_name()).await;
        let exp = shown["config"]["exp"].as_i64().expect("it has an end");
        let now = self.sim.clock().await.expect("the simulator answers").now;
        exp - now.as_second()
    }

    pub async fn is_inside(&self, room: &Object) -> bool {
        self.inside(room).await == 1
    }

    async fn inside(&self, room: &Object) -> u64 {
        let path = format!("/rooms/{}/presence", room.room_name());
        let shown = self.by_hand.get(&path).await.expect("Daily answers");
        shown.body["total_count"].as_u64().expect("a count")
    }
}

fn message(room: &Object) -> String {
    let condition = room.condition("Reconciling");
    condition.map(|it| it.message).unwrap_or_default()
}

/// The operator crashes right after it has moved the end. The next one waits for the same people, moves
/// nothing again, and deletes the room when they have left.
async fn restart(fx: &mut Fixture) {
    fx.start_operator(&[stop_at("room-update:after")]).await;
    let room = fx.with_host("standup", json!({"ttl": "8h"})).await;
    let mark = fx.mark().await;
    fx.delete(Room, "standup").await;
    fx.operator().crashed().await;
    fx.free_lease().await;
    fx.start_operator(&[]).await;
    let waits = fx.condition(Room, "standup", DEFERRED).await;
    let says = message(&waits);
    assert!(says.starts_with("Participants are in the room."), "{says}");
    assert!(waits.has("Ready", "True", "Available"), "it is as it was");
    let until: Timestamp = says
        .split_once(" at ")
        .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("it says until when: {says}"));
    let asked: Timestamp = waits.text("/metadata/deletionTimestamp").parse().unwrap();
    assert_eq!(until.as_second() - asked.as_second(), HOUR);
    // Daily ends it a minute later, by its own clock, which is ahead.
    let left = fx.ends_in(&room).await;
    assert!(
        (HOUR - 2 * MINUTE..=HOUR + MINUTE).contains(&left),
        "{left}"
    );
    assert!(fx.find_secret("standup-dialin").await.is_some());

    let warned = fx.event("standup", "Warning", "DeletionDeferred").await;
    assert!(warned.series.is_none(), "it is said once: {warned:?}");
    let journal = fx.journal_since(mark).await;
    assert_eq!(journal.writes().len(), 1, "{}", journal.tail(20));
    assert!(fx.is_inside(&room).await);
    fx.host_leaves(&room).await;
    fx.gone(Room, "standup").await;
    assert!(fx.rooms_at_daily().await.is_empty());
    let journal = fx.journal_since(mark).await;
    assert_eq!(journal.writes().len(), 2, "{}", journal.tail(20));
}

/// What the spec says while the deletion waits counts at once.
async fn policy_edited(fx: &mut Fixture) {
    let kept = fx.with_host("kept", json!({"ttl": "8h"})).await;
    let planned = fx.ends_in(&kept).await;
    fx.deferred("kept").await;
    assert!(fx.ends_in(&kept).await < 2 * HOUR);
    let shorter = json!({"spec": {"maxDrain": "20m"}});
    fx.merge(Room, "kept", shorter).await;
    let late = fx.sim.join(kept.room_name(), "late").await;
    late.expect("somebody joins during the wait");
    until("the end follows", SOON, async || {
        match fx.ends_in(&kept).await {
            left if left < 30 * MINUTE => Ok(()),
            left => Err(left),
        }
    })
    .await;
    let retain = json!({"spec": {"deletionPolicy": "Retain"}});
    fx.merge(Room, "kept", retain).await;
    fx.gone(Room, "kept").await;
    let left = fx.ends_in(&kept).await;
    assert!(
        (planned - left).abs() < 2 * MINUTE,
        "it has its end again: {left}"
    );
    let shown = fx.room_at_daily(kept.room_name()).await;
    assert_eq!(shown["config"]["eject_at_room_exp"], true);

    let gone = fx.with_host("gone", json!({"ttl": "8h"})).await;
    fx.deferred("gone").await;
    fx.merge(Room, "gone", json!({"spec": {"deletionPolicy": "Delete"}}))
        .await;
    fx.gone(Room, "gone").await;
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
    let journal = fx.journal().await;
    let path = format!("/rooms/{}", gone.room_name());
    assert_eq!(journal.done("DELETE", &path), 1, "{}", journal.tail(20));
    // Nobody is removed at the ends that the deletion gave.
    let passed = Duration::from_secs(2 * 3600);
    fx.sim.advance(passed).await.expect("the clock moves");
    assert_eq!(fx.inside(&kept).await, 2, "the host, and who joined late");
}

/// Somebody removes the finalizer of a DailyRoom that waits for participants. Applied again, it has the same
/// room and PIN, and lasts for its ttl.
async fn applied_again(fx: &mut Fixture) {
    let spec = json!({"ttl": "8h"});
    let before = fx.with_host("standup", spec.clone()).await;
    fx.drained(&before).await;
    let none = json!({"metadata": {"finalizers": null}});
    fx.merge(Room, "standup", none).await;
    fx.gone(Room, "standup").await;
    fx.room("standup", spec).await;
    let after = fx.ready(Room, "standup").await;
    assert_eq!(
        (after.room_name(), after.pin()),
        (before.room_name(), before.pin())
    );
    let left = fx.ends_in(&before).await;
    assert!(left > 7 * HOUR, "the ttl counts again: {left}");
    assert!(fx.is_inside(&before).await);
}

/// A backup restores the DailyRoom with the status that it had while it waited. The record knows the end that the
/// deletion gave, also if the room never removes participants.
async fn restored(fx: &mut Fixture) {
    let spec = json!({"ttl": "8h", "ejectAtRoomExpiry": false});
    let before = fx.with_host("standup", spec.clone()).await;
    fx.drained(&before).await;
    let backup = fx.get(Room, "standup").await;
    assert!(fx.operator().terminate().await.success());
    let none = json!({"metadata": {"finalizers": null}});
    fx.merge(Room, "standup", none).await;
    fx.gone(Room, "standup").await;
    fx.room("standup", spec).await;
    let status = Patch::Merge(json!({"status": {"record": backup.text("/status/record")}}));
    let (objects, params) = (fx.objects(Room), PatchParams::default());
    let patched = objects.patch_status("standup", &params, &status).await;
    patched.expect("the status is restored");
    fx.start_operator(&[]).await;
    let after = fx.ready(Room, "standup").await;
    assert_eq!(after.pin(), before.pin());
    until("the ttl counts again", SOON, async || {
        match fx.ends_in(&before).await {
            left if left > 7 * HOUR => Ok(()),
            left => Err(left),
        }
    })
    .await;
    assert!(fx.is_inside(&before).await);
}

/// A room that a DailyRoom retained has ended with a host in it. A new DailyRoom, whether its name is derived or
/// chosen, creates its room when the host has left, and after `maxDrain` with the host inside.
async fn applied_over_an_ended_room(fx: &mut Fixture) {
    let spec = |more: Value| {
        let mut spec = json!({"ttl": "1h", "ejectAtRoomExpiry": false, "deletionPolicy": "Retain"});
        let all = spec.as_object_mut().unwrap();
        all.extend(more.as_object().unwrap().clone());
        spec
    };
    let named = spec(json!({"roomName": "board"}));
    let chosen = fx.ended_with_host("board", named.clone()).await;
    let derived = fx.ended_with_host("standup", spec(json!({}))).await;
    // Otherwise the operator might know by an answer of a few seconds ago who is inside, and Daily's clock has moved.
    assert!(fx.operator().terminate().await.success());
    let mark = fx.mark().await;
    fx.start_operator(&[]).await;
    fx.room("board", named).await;
    let occupied = ("Ready", "False", "RoomOccupied");
    let waits = fx.condition(Room, "board", occupied).await;
    let says = message(&waits);
    assert!(says.contains("Participants are in the room."), "{says}");
    let journal = fx.journal_since(mark).await;
    journal.expect_no_write("the host is in the room");
    fx.host_leaves(&chosen).await;
    let after = fx.ready(Room, "board").await;
    assert_eq!(after.room_name(), chosen.room_name());
    assert_ne!(after.pin(), chosen.pin());

    let asked = Timestamp::now();
    fx.room("standup", spec(json!({"maxDrain": "10s"}))).await;
    fx.condition(Room, "standup", occupied).await;
    let after = fx.ready(Room, "standup").await;
    let waited = Timestamp::now().duration_since(asked).as_secs();
    assert!(waited >= 9, "{waited}");
    assert_eq!(after.room_name(), derived.room_name());
    assert_ne!(after.pin(), derived.pin());
}

/// After `maxDrain` the room is deleted with everybody in it, also if its end would remove nobody.
async fn longest_wait(fx: &mut Fixture) {
    let spec = json!({"ttl": "8h", "maxDrain": "10s", "ejectAtRoomExpiry": false});
    let room = fx.with_host("standup", spec).await;
    let asked = Timestamp::now();
    fx.deferred("standup").await;
    assert!(fx.is_inside(&room).await);
    fx.gone(Room, "standup").await;
    let waited = Timestamp::now().duration_since(asked).as_secs();
    assert!(waited >= 9, "{waited}");
    let journal = fx.journal().await;
    let path = format!("/rooms/{}", room.room_name());
    let deleted = journal.calls("DELETE", &path);
    assert_eq!(deleted.len(), 1, "{}", journal.tail(20));
    assert_eq!(deleted[0].put_out.len(), 1, "somebody was inside");
}

/// Nobody can say who is inside: the room stays, also if it is empty, and the status says why.
async fn presence_fails(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "8h"})).await;
    fx.ready(Room, "standup").await;
    for (status, says) in [(403, "forbidden-error"), (503, "HTTP status 5xx")] {
        fx.sim.clear_faults().await.expect("the faults are cleared");
        let refusal = FaultKind::Status {
            status,
            body: Some(json!({"error": "forbidden-error"})),
            headers: Default::default(),
        };
        let fault = FaultSpec::next("GET", "/presence", refusal).times(0);
        fx.sim.fault(&fault).await.expect("the fault is installed");
        if fx
            .get(Room, "standup")
            .await
            .at("/metadata/deletionTimestamp")
            .is_null()
        {
            fx.delete(Room, "standup").await;
        }
        let told = |room: &Object| {
            let message = message(room);
            let unknown = message.contains("does not show whether somebody is in the room");
            room.has(DEFERRED.0, DEFERRED.1, DEFERRED.2) && unknown && message.contains(says)
        };
        fx.until(Room, "standup", "says why it waits", SOON, told)
            .await;
    }
    let journal = fx.journal().await;
    assert!(
        journal.calls("DELETE", "*").is_empty(),
        "{}",
        journal.tail(20)
    );
    fx.sim.clear_faults().await.expect("the faults are cleared");
    fx.gone(Room, "standup").await;
    assert!(fx.rooms_at_daily().await.is_empty());
}

/// Whoever deletes a namespace waits for all that is in it, so a room keeps it for ten minutes at most.
async fn namespace_deleted(fx: &mut Fixture) {
    let neighbour = fx.neighbour();
    let home = fx.go_to(neighbour.clone());
    let room = fx.with_host("standup", json!({"ttl": "8h"})).await;
    // The log of the audit knows whose deletion was asked for by name.
    fx.deferred("standup").await;
    assert!(fx.ends_in(&room).await > 30 * MINUTE);
    fx.delete_namespace(&neighbour).await;
    until(
        "the end follows",
        Duration::from_secs(60),
        async || match fx.ends_in(&room).await {
            left if left < 12 * MINUTE => Ok(()),
            left => Err(left),
        },
    )
    .await;
    assert!(fx.is_inside(&room).await);
    fx.host_leaves(&room).await;
    fx.namespace_goes(&neighbour).await;
    assert!(fx.rooms_at_daily().await.is_empty());
    fx.go_to(home);
}

/// A room in a namespace with its own key, both of which are being deleted while a host is in the room. The
/// operator may no longer read the key's Secret.
async fn in_a_namespace_without_rights(fx: &mut Fixture) -> Object {
    let neighbour = fx.neighbour();
    fx.go_to(neighbour.clone());
    fx.write_key("daily-api-key", KEY).await;
    let room = fx.with_host("standup", json!({"ttl": "8h"})).await;
    fx.deferred("standup").await;
    fx.delete_namespace(&neighbour).await;
    fx.role_goes(&neighbour).await;
    room
}

/// The key goes before the people in the room do. The operator still knows it.
async fn namespace_deleted_with_its_key(fx: &mut Fixture) {
    let room = in_a_namespace_without_rights(fx).await;
    assert!(fx.is_inside(&room).await);
    fx.host_leaves(&room).await;
    let neighbour = fx.neighbour();
    fx.namespace_goes(&neighbour).await;
    assert!(fx.rooms_at_daily().await.is_empty());
}

/// An operator that does not know the key any more says so, and counts it as gone.
async fn key_gone_with_its_namespace(fx: &mut Fixture) {
    let room = in_a_namespace_without_rights(fx).await;
    assert!(fx.operator().terminate().await.success());
    fx.start_operator(&[]).await;
    let gone = ("Stalled", "True", "ApiKeyNotFound");
    let waits = fx.condition(Room, "standup", gone).await;
    let says = waits.condition("Stalled").expect("is there").message;
    assert!(says.contains("the namespace is being deleted"), "{says}");
    assert_eq!(waits.finalizers(), 1, "it is not given up");
    assert!(fx.is_inside(&room).await);
}

/// The object is retained after all while the call that moves the end waits: it is not sent.
async fn s1_retained_before_the_end_moves(fx: &mut Fixture) {
    let room = fx.with_host("standup", json!({"ttl": "8h"})).await;
    let mark = fx.mark().await;
    fx.delete(Room, "standup").await;
    retained_while_it_waits(fx, mark).await;
    assert!(fx.is_inside(&room).await);
}

/// The same while the DELETE of an empty room waits.
async fn s1_retained_before_the_delete(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "8h"})).await;
    fx.ready(Room, "standup").await;
    let mark = fx.mark().await;
    fx.delete(Room, "standup").await;
    retained_while_it_waits(fx, mark).await;
}

/// The operator waits right before its write, and the policy is edited.
async fn retained_while_it_waits(fx: &Fixture, mark: u64) {
    reaches_the_point(fx).await;
    let retain = json!({"spec": {"deletionPolicy": "Retain"}});
    fx.merge(Room, "standup", retain).await;
    fx.let_go();
    fx.gone(Room, "standup").await;
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
    let journal = fx.journal_since(mark).await;
    journal.expect_no_write("the room is retained");
}
