//! With `orphans.policy: Delete` the operator deletes the orphans of which it knows that nobody kept them.

use std::sync::Arc;
use std::time::Duration;

use daily_sim::{FaultKind, FaultSpec};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{REPORT, counts};
use crate::fixture::{Fixture, KEY, Setup, create_namespace};
use crate::journal::Journal;
use crate::objects::{Kind::Room, Object};
use crate::stage::Stage;
use crate::wait::{LATER, SOON, until};

/// An attempt that fails, for example because the API server is busy, is repeated after the next listings.
const SWEPT: Duration = Duration::from_secs(240);
const DELETED: &str = "Orphaned room deleted";
const LEFT: &str = "Orphaned room not deleted";
const OCCUPIED: &str = "somebody may be in the room";

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let delete = || Setup::new().value("orphans", json!({"age": "5s", "policy": "Delete"}));
    let held = || delete().hold_at("orphan-delete:before");
    let stops = [
        ("orphans::stopped_before", "orphan-delete:before"),
        ("orphans::stopped_between", "orphan-delete:between"),
        ("orphans::stopped_after", "orphan-delete:after"),
    ];
    let stops = stops.map(|(name, point)| stage.trial(name, delete().stop_at(point), stopped));
    let mut trials = vec![
        stage.trial("orphans::deleted", delete(), deleted),
        stage.trial(
            "orphans::people_inside_are_left",
            delete(),
            people_inside_are_left,
        ),
        stage.trial(
            "orphans::who_reconnects_is_left",
            delete().value("quietPeriod", json!("15s")),
            who_reconnects_is_left,
        ),
        stage.trial(
            "orphans::retained_is_reported_only",
            delete(),
            retained_is_reported_only,
        ),
        stage.trial(
            "orphans::after_a_restart_only_reported",
            delete(),
            after_a_restart_only_reported,
        ),
        stage.trial(
            "orphans::without_its_key_only_reported",
            delete().without_default_key().neighbour(),
            without_its_key_only_reported,
        ),
        stage.trial(
            "orphans::applied_before_the_delete",
            held(),
            applied_before_the_delete,
        ),
        stage.trial(
            "orphans::applied_and_deleted_before_the_delete",
            held(),
            applied_and_deleted_before_the_delete,
        ),
        stage.trial(
            "orphans::recorded_before_the_delete",
            held(),
            recorded_before_the_delete,
        ),
        stage.trial(
            "orphans::another_room_of_the_name",
            delete(),
            another_room_of_the_name,
        ),
        stage.trial("orphans::outcome_unknown", delete(), outcome_unknown),
    ];
    trials.extend(stops);
    trials
}

/// A DailyRoom whose deletion waits for a host loses its finalizer. Gives it as it was; the host is inside.
async fn stripped(fx: &Fixture, name: &str) -> Object {
    let room = fx.with_host(name, json!({"ttl": "8h"})).await;
    fx.deferred(name).await;
    let bare = json!({"metadata": {"finalizers": null}});
    fx.merge(Room, name, bare).await;
    fx.gone(Room, name).await;
    room
}

fn path(room: &Object) -> String {
    format!("/rooms/{}", room.room_name())
}

fn id(room: &Object) -> &str {
    room.text("/status/room/id")
}

async fn is_at_daily(fx: &Fixture, room: &Object) -> bool {
    let rooms = fx.rooms_at_daily().await;
    rooms.iter().any(|it| it["id"] == id(room))
}

async fn goes(fx: &Fixture, room: &Object) {
    until("the room goes", SWEPT, async || {
        if !is_at_daily(fx, room).await {
            return Ok(());
        }
        let operator = fx.operators.last().expect("one runs");
        let said = [LEFT, REPORT, "The watch"].map(|it| operator.said(it));
        Err(format!("it is there: {}", json!(said)))
    })
    .await;
}

/// Waits until the log says this of the room.
async fn says(fx: &mut Fixture, message: &str, room: &Object) -> Value {
    until(message, SWEPT, async || {
        let lines = fx.operators.last().expect("one runs").said(message);
        let mut lines = lines.into_iter();
        lines.find(|it| it["id"] == id(room)).ok_or("it does not")
    })
    .await
}

/// Waits for twice as many listings as it takes to compare all orphans, after this mark.
async fn more_listings(fx: &Fixture) -> Journal {
    let mark = fx.mark().await;
    until("more listings are read", LATER, async || {
        let journal = fx.journal_since(mark).await;
        let read = journal.calls("GET", "/rooms").len();
        (read >= 8).then_some(()).ok_or(read)
    })
    .await;
    fx.journal().await
}

/// Of all orphans only the one goes whose DailyRoom was seen to be deleted, once it is old enough.
async fn deleted(fx: &mut Fixture) {
    let reports = Setup::new().value("orphans", json!({"age": "5s"}));
    fx.start_installation_beside(reports).await;
    fx.room("kept", json!({"ttl": "1h"})).await;
    let kept = fx.ready(Room, "kept").await;
    let theirs = stripped(&fx.beside[0], "theirs").await;
    fx.beside[0].host_leaves(&theirs).await;
    let retain = json!({"ttl": "1h", "deletionPolicy": "Retain"});
    fx.room("retained", retain).await;
    let retained = fx.ready(Room, "retained").await;
    fx.delete(Room, "retained").await;
    fx.gone(Room, "retained").await;
    let lost = stripped(fx, "lost").await;
    let mark = fx.mark().await;
    fx.host_leaves(&lost).await;
    goes(fx, &lost).await;
    let line = says(fx, DELETED, &lost).await;
    assert_eq!(line["domain"], "acme", "{line}");
    assert_eq!(line["room"], lost.room_name(), "{line}");
    let journal = fx.journal_since(mark).await;
    let deletion = journal.calls("DELETE", &path(&lost)).remove(0).seq;
    let listed = journal.calls("GET", "/rooms").into_iter();
    let listed = listed.filter(|it| it.seq < deletion).count();
    assert!(listed >= 2, "it waits for its age: {}", journal.tail(20));

    more_listings(fx).await;
    counts(fx, 2).await;
    // The installation beside has seen that deletion. Its policy is Report.
    says(&mut fx.beside[0], REPORT, &theirs).await;
    for room in [&kept, &theirs, &retained] {
        assert!(is_at_daily(fx, room).await, "{}", room.room_name());
    }
    let journal = fx.journal().await;
    assert_eq!(
        journal.done("DELETE", "/rooms/*"),
        1,
        "{}",
        journal.tail(20)
    );
    let metrics = fx.operator().metrics().await.expect("it serves them");
    let line = "daily_operator_effects_total{effect=\"orphan-delete\",result=\"applied\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    fx.room("lost", json!({"ttl": "1h"})).await;
    assert_ne!(id(&fx.ready(Room, "lost").await), id(&lost));
}

async fn people_inside_are_left(fx: &mut Fixture) {
    let room = stripped(fx, "lost").await;
    let line = says(fx, LEFT, &room).await;
    assert_eq!(line["cause"], OCCUPIED, "{line}");
    more_listings(fx).await;
    assert!(fx.is_inside(&room).await);
    counts(fx, 1).await;
    let refusal = FaultKind::Status {
        status: 503,
        body: None,
        headers: Default::default(),
    };
    let fault = FaultSpec::next("GET", "/presence", refusal).times(0);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.host_leaves(&room).await;
    let journal = more_listings(fx).await;
    assert_eq!(
        journal.done("DELETE", "/rooms/*"),
        0,
        "nothing shows who is inside"
    );
    fx.sim.clear_faults().await.expect("the faults are cleared");
    goes(fx, &room).await;
}

/// A room that shows empty once may have a participant whose connection was lost.
async fn who_reconnects_is_left(fx: &mut Fixture) {
    let room = stripped(fx, "lost").await;
    fx.host_leaves(&room).await;
    let mark = fx.mark().await;
    until("presence shows nobody", SWEPT, async || {
        let shown = fx.journal_since(mark).await.done("GET", "/presence");
        (shown > 0).then_some(()).ok_or("it was not read yet")
    })
    .await;
    fx.host_joins(&room).await;
    let journal = more_listings(fx).await;
    assert_eq!(
        journal.done("DELETE", "/rooms/*"),
        0,
        "{}",
        journal.tail(20)
    );
    assert!(fx.is_inside(&room).await);
    fx.host_leaves(&room).await;
    goes(fx, &room).await;
}

/// Rooms that somebody wanted to keep: from the beginning, at last, and after the DailyRoom was applied again.
async fn retained_is_reported_only(fx: &mut Fixture) {
    let retain = json!({"ttl": "8h", "deletionPolicy": "Retain"});
    let first = fx.with_host("first", retain.clone()).await;
    fx.delete(Room, "first").await;
    fx.gone(Room, "first").await;
    let last = fx.with_host("last", json!({"ttl": "8h"})).await;
    fx.deferred("last").await;
    let edit = json!({"spec": {"deletionPolicy": "Retain"}});
    fx.merge(Room, "last", edit).await;
    fx.gone(Room, "last").await;
    let again = stripped(fx, "again").await;
    fx.room("again", retain).await;
    let found = fx.ready(Room, "again").await;
    assert_eq!((id(&found), found.pin()), (id(&again), again.pin()));
    fx.delete(Room, "again").await;
    fx.gone(Room, "again").await;
    let rooms = [first, last, again];
    for room in &rooms {
        fx.host_leaves(room).await;
    }
    stay(fx, &rooms).await;
}

/// These orphans are reported, and nothing else happens to them.
async fn stay(fx: &mut Fixture, rooms: &[Object]) {
    for room in rooms {
        says(fx, REPORT, room).await;
    }
    let journal = more_listings(fx).await;
    assert_eq!(
        journal.done("DELETE", "/rooms/*"),
        0,
        "{}",
        journal.tail(20)
    );
    counts(fx, rooms.len()).await;
    for room in rooms {
        assert!(is_at_daily(fx, room).await, "{}", room.room_name());
    }
}

async fn after_a_restart_only_reported(fx: &mut Fixture) {
    let room = stripped(fx, "lost").await;
    assert!(fx.operator().terminate().await.success());
    fx.start_operator(&[]).await;
    // An account is listed while a DailyRoom uses it.
    fx.room("kept", json!({"ttl": "1h"})).await;
    fx.ready(Room, "kept").await;
    fx.host_leaves(&room).await;
    stay(fx, &[room]).await;
}

/// Another namespace has a key of the same account.
async fn without_its_key_only_reported(fx: &mut Fixture) {
    fx.write_key("daily-api-key", KEY).await;
    fx.room("kept", json!({"ttl": "1h"})).await;
    fx.ready(Room, "kept").await;
    let neighbour = fx.neighbour();
    let home = fx.go_to(neighbour);
    fx.write_key("daily-api-key", KEY).await;
    let room = stripped(fx, "lost").await;
    fx.delete_secret("daily-api-key").await;
    fx.host_leaves(&room).await;
    until("the key is missed", LATER, async || {
        let lines = fx.operators[0].said(LEFT);
        let why = lines.last().and_then(|it| it["cause"].as_str());
        let why = why.unwrap_or_default().to_owned();
        why.contains("daily-api-key").then_some(()).ok_or(why)
    })
    .await;
    fx.go_to(home);
    stay(fx, &[room]).await;
}

/// An orphan whose DELETE waits for its live check.
async fn at_the_check(fx: &mut Fixture) -> Object {
    let room = stripped(fx, "lost").await;
    let mark = fx.mark().await;
    fx.host_leaves(&room).await;
    until(
        "the room is read right before its DELETE",
        LATER,
        async || {
            let journal = fx.journal_since(mark).await;
            let read = journal.done("GET", &path(&room));
            (read > 0).then_some(()).ok_or("it is not")
        },
    )
    .await;
    room
}

async fn is_blocked(fx: &Fixture) {
    until("the DELETE is blocked", LATER, async || {
        let mut lines = fx.operators[0].said("Effect blocked").into_iter();
        lines
            .find(|it| it["effect"] == "orphan-delete")
            .ok_or("it is not")
    })
    .await;
    let journal = fx.journal().await;
    assert_eq!(
        journal.done("DELETE", "/rooms/*"),
        0,
        "{}",
        journal.tail(20)
    );
}

/// The DailyRoom is applied again while the DELETE waits: it gets its room with the same PIN.
async fn applied_before_the_delete(fx: &mut Fixture) {
    let before = at_the_check(fx).await;
    fx.room("lost", json!({"ttl": "8h"})).await;
    fx.let_go();
    let after = fx.ready(Room, "lost").await;
    is_blocked(fx).await;
    assert_eq!((id(&after), after.pin()), (id(&before), before.pin()));
    counts(fx, 0).await;
}

/// The same, and the DailyRoom goes again: what it wanted for the room is not known any more.
async fn applied_and_deleted_before_the_delete(fx: &mut Fixture) {
    let room = at_the_check(fx).await;
    fx.room("lost", json!({"ttl": "8h", "deletionPolicy": "Retain"}))
        .await;
    let seen = |room: &Object| room.finalizers() == 1;
    fx.until(Room, "lost", "is seen", SOON, seen).await;
    let bare = json!({"metadata": {"finalizers": null}});
    fx.merge(Room, "lost", bare).await;
    fx.delete(Room, "lost").await;
    fx.gone(Room, "lost").await;
    fx.let_go();
    is_blocked(fx).await;
    stay(fx, &[room]).await;
}

/// Another DailyRoom has recorded the room, where this operator does not watch.
async fn recorded_before_the_delete(fx: &mut Fixture) {
    let room = at_the_check(fx).await;
    let elsewhere = fx.neighbour();
    create_namespace(&fx.client, &elsewhere)
        .await
        .expect("it is new");
    let home = fx.go_to(elsewhere);
    fx.room("other", json!({"ttl": "8h"})).await;
    let record = room.at("/status/record").clone();
    fx.write_status(Room, "other", json!({"record": record}))
        .await;
    fx.go_to(home);
    fx.let_go();
    is_blocked(fx).await;
    counts(fx, 0).await;
    assert!(is_at_daily(fx, &room).await);
}

/// Somebody replaces the room by another one of the same name right before the DELETE.
async fn another_room_of_the_name(fx: &mut Fixture) {
    let room = stripped(fx, "lost").await;
    says(fx, LEFT, &room).await;
    let hold = FaultSpec::next("GET", "/presence", FaultKind::Hold("presence".into()));
    fx.sim.fault(&hold).await.expect("the fault is installed");
    fx.host_leaves(&room).await;
    let mark = fx.mark().await;
    until("presence is read", LATER, async || {
        let journal = fx.journal_since(mark).await;
        let read = journal.calls("GET", "/presence").len();
        (read > 0).then_some(()).ok_or("it is not")
    })
    .await;
    fx.by_hand
        .delete(&path(&room))
        .await
        .expect("Daily answers");
    let body = json!({"name": room.room_name()});
    let theirs = fx
        .by_hand
        .post("/rooms", &body)
        .await
        .expect("Daily answers");
    assert_eq!(theirs.status, 200);
    fx.sim.release("presence").await.expect("the reply is sent");
    let cause = "the state at Daily has changed: the room has another id";
    until("the room is spared", LATER, async || {
        let lines = fx.operators[0].said(LEFT);
        let why = lines.last().map(|it| it["cause"].to_string());
        let why = why.unwrap_or_default();
        why.contains(cause).then_some(()).ok_or(why)
    })
    .await;
    let journal = more_listings(fx).await;
    assert_eq!(
        journal.done("DELETE", "/rooms/*"),
        1,
        "by hand: {}",
        journal.tail(20)
    );
}

/// Daily may have deleted the room, or not: the next listings show it.
async fn outcome_unknown(fx: &mut Fixture) {
    let room = stripped(fx, "lost").await;
    let unknown = FaultKind::Status {
        status: 503,
        body: None,
        headers: Default::default(),
    };
    let fault = FaultSpec::next("DELETE", &path(&room), unknown);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.host_leaves(&room).await;
    goes(fx, &room).await;
    says(fx, DELETED, &room).await;
    let journal = fx.journal().await;
    let deletes = journal.calls("DELETE", &path(&room));
    let [first, second] = deletes.as_slice() else {
        panic!("it is deleted twice: {}", journal.tail(20));
    };
    let mut listed = journal.calls("GET", "/rooms").into_iter();
    let between = listed.any(|it| (first.seq..second.seq).contains(&it.seq));
    assert!(between, "{}", journal.tail(20));
}

/// The operator ends before or after the DELETE: the next one only reports what is left.
async fn stopped(fx: &mut Fixture) {
    fx.room("kept", json!({"ttl": "1h"})).await;
    fx.ready(Room, "kept").await;
    let room = stripped(fx, "lost").await;
    fx.host_leaves(&room).await;
    fx.operator().crashed_within(SWEPT).await;
    fx.free_lease().await;
    let is_left = is_at_daily(fx, &room).await;
    fx.start_operator(&[]).await;
    if is_left {
        stay(fx, &[room]).await;
        return;
    }
    let journal = more_listings(fx).await;
    assert_eq!(
        journal.done("DELETE", "/rooms/*"),
        1,
        "{}",
        journal.tail(20)
    );
    counts(fx, 0).await;
}
