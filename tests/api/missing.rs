//! A room that vanished at Daily before its end.

use std::sync::Arc;
use std::time::Duration;

use daily_sim::{FaultKind, FaultSpec};
use libtest_mimic::Trial;
use serde_json::json;
use testbed::faults::{Fault, Requests};

use crate::fixture::{Fixture, NUMBER, Setup};
use crate::objects::{
    Kind::{Number, Room},
    Object,
};
use crate::stage::{Affected::By, Stage};
use crate::wait::{LATER, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let plain = vec![
        stage.trial(
            "missing::three_times_a_day",
            Setup::new(),
            three_times_a_day,
        ),
        stage.trial(
            "missing::many_during_a_restart",
            Setup::new().without_operator(),
            many_during_a_restart,
        ),
        stage.trial(
            "missing::while_listings_fail",
            Setup::new(),
            while_listings_fail,
        ),
        stage.trial(
            "missing::rooms_in_deletion_are_no_mass_loss",
            Setup::new().neighbour(),
            rooms_in_deletion,
        ),
    ];
    // Nothing but the edit shows it.
    let unlisted = Setup::new().value("driftInterval", json!("1h"));
    let joined = [
        stage.under_each_answer(
            "missing::found_by_an_edit",
            unlisted,
            By(&["update-missing", "reads"]),
            found_by_an_edit,
        ),
        stage.under_each_answer(
            "missing::many_at_once",
            Setup::new(),
            By(&["total-count", "reads"]),
            many_at_once,
        ),
        stage.under_each_answer(
            "missing::recreate",
            Setup::new(),
            By(&["reads", "total-count", "listing-dialin-code"]),
            recreate,
        ),
        stage.under_each_answer(
            "missing::report",
            Setup::new(),
            By(&["reads", "total-count"]),
            report,
        ),
        stage.under_each_answer(
            "missing::report_until_an_edit",
            Setup::new(),
            By(&["update-missing", "reads"]),
            report_until_an_edit,
        ),
    ];
    plain
        .into_iter()
        .chain(joined.into_iter().flatten())
        .collect()
}

/// Deletes the room at Daily. Gives the mark of the deletion: the operator may answer it at once.
async fn delete_by_hand(fx: &Fixture, room: &Object) -> u64 {
    let path = format!("/rooms/{}", room.room_name());
    let answer = fx.by_hand.delete(&path).await.expect("Daily answers");
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    fx.by_hand.last_write()
}

async fn recreate(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    delete_by_hand(fx, &before).await;
    let anew = |room: &Object| room.at("/status/dialinCodeRevision") == 2 && room.is_ready();
    let after = fx.until(Room, "standup", "is made anew", LATER, anew).await;
    assert_ne!(after.pin(), before.pin());
    assert_eq!(after.room_name(), before.room_name());
    let secret = fx.secret("standup-dialin").await;
    assert_eq!(Some(secret["dialin-code"].as_str()), after.pin());
    let end = "/status/expirationTime";
    assert_eq!(after.text(end), before.text(end), "the end does not move");
    fx.event("standup", "Warning", "DialinCodeChanged").await;
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
    assert_eq!(fx.journal().await.done("POST", "/rooms"), 2);
}

/// The operator reads each room by name, and recreates none before a listing shows how many are missing.
async fn while_listings_fail(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    let broken = FaultKind::Status {
        status: 500,
        body: None,
        headers: Default::default(),
    };
    let fault = FaultSpec::next("GET", "/rooms", broken).times(0);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    delete_by_hand(fx, &before).await;
    let missing = ("Ready", "False", "Missing");
    let reported = fx.condition(Room, "standup", missing).await;
    let message = reported.condition("Ready").expect("is there").message;
    assert!(message.contains("once a listing"), "{message}");
    assert_eq!(fx.journal().await.done("POST", "/rooms"), 1);
    fx.sim.clear_faults().await.expect("listings succeed");
    let anew = |room: &Object| room.at("/status/dialinCodeRevision") == 2 && room.is_ready();
    let after = fx.until(Room, "standup", "is made anew", LATER, anew).await;
    assert_ne!(after.pin(), before.pin());
}

/// Reported, with nothing taken away, until a person asks for a pass.
async fn report(fx: &mut Fixture) {
    let before = reported(fx).await;
    fx.force_pass(Room, "standup", "make it anew").await;
    let anew = |room: &Object| room.at("/status/dialinCodeRevision") == 2 && room.is_ready();
    let after = fx.until(Room, "standup", "is made anew", LATER, anew).await;
    assert_ne!(after.pin(), before.pin());
}

async fn report_until_an_edit(fx: &mut Fixture) {
    let before = reported(fx).await;
    fx.room(
        "standup",
        json!({"ttl": "2h", "missingRoomPolicy": "Report"}),
    )
    .await;
    let anew = |room: &Object| room.at("/status/dialinCodeRevision") == 2 && room.is_ready();
    let after = fx.until(Room, "standup", "is made anew", LATER, anew).await;
    assert_ne!(after.pin(), before.pin());
}

/// The refusal of an update may mean that the room is gone: nobody is told to edit the spec.
async fn found_by_an_edit(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    delete_by_hand(fx, &before).await;
    fx.room("standup", json!({"ttl": "1h", "privacy": "Private"}))
        .await;
    let anew = |room: &Object| room.at("/status/dialinCodeRevision") == 2 && room.is_ready();
    let after = fx.until(Room, "standup", "is made anew", LATER, anew).await;
    assert_ne!(after.pin(), before.pin());
    assert_eq!(fx.rooms_at_daily().await[0]["privacy"], "private");
    let told = fx.events("standup").await;
    let refused = told
        .iter()
        .any(|event| event.reason.as_deref() == Some("RejectedByDaily"));
    assert!(!refused, "the spec is in order");
}

async fn reported(fx: &Fixture) -> Object {
    fx.room(
        "standup",
        json!({"ttl": "1h", "missingRoomPolicy": "Report"}),
    )
    .await;
    let before = fx.ready(Room, "standup").await;
    let secret = fx.secret("standup-dialin").await;
    let mark = delete_by_hand(fx, &before).await;
    let missing = ("Ready", "False", "Missing");
    fx.condition(Room, "standup", missing).await;
    let room = fx
        .condition(Room, "standup", ("Stalled", "True", "Missing"))
        .await;
    assert_eq!(
        fx.secret("standup-dialin").await,
        secret,
        "the Secret is kept"
    );
    assert!(!room.has("Expired", "True", "Expired"));
    fx.event("standup", "Warning", "Missing").await;
    fx.journal_since(mark)
        .await
        .expect_no_write("it only reports");
    before
}

/// Somebody deletes it again and again: the fourth time the operator stops making it.
async fn three_times_a_day(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let mut room = fx.ready(Room, "standup").await;
    for revision in 2..=4 {
        delete_by_hand(fx, &room).await;
        let anew =
            |room: &Object| room.at("/status/dialinCodeRevision") == revision && room.is_ready();
        room = fx.until(Room, "standup", "is made anew", LATER, anew).await;
    }
    let mark = delete_by_hand(fx, &room).await;
    let stalled = |room: &Object| room.has("Stalled", "True", "Missing");
    fx.until(Room, "standup", "is given up", LATER, stalled)
        .await;
    fx.journal_since(mark)
        .await
        .expect_no_write("three in a day are enough");
}

/// The operator starts while many rooms are missing, and the list of DailyRooms comes late: nothing is
/// recreated before the listing was compared with all of them.
async fn many_during_a_restart(fx: &mut Fixture) {
    let (proxy, env) = fx.faults().await;
    fx.start_operator(std::slice::from_ref(&env)).await;
    // An account without DailyRooms is listed too.
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut rooms = Vec::new();
    for name in names {
        fx.room(name, json!({"ttl": "1h"})).await;
        rooms.push(fx.ready(Room, name).await);
    }
    assert!(fx.operator().terminate().await.success());
    for room in &rooms {
        delete_by_hand(fx, room).await;
    }
    let mark = fx.mark().await;
    // The first list asks whether the kind exists.
    let list = Requests::list("dailyrooms").after(1);
    let late = proxy.inject(list, Fault::Delay(Duration::from_secs(4)));
    // As in production: one listing in five minutes.
    fx.launch_operator_with(&["--drift-interval=5m".to_owned()], &[env]);
    for name in names {
        let suspended = |room: &Object| {
            let ready = room.condition("Ready");
            ready.is_some_and(|it| it.message.contains("is suspended"))
        };
        fx.until(Room, name, "is missing", LATER, suspended).await;
    }
    let journal = fx.journal_since(mark).await;
    journal.expect_no_write("too many are missing");
    let by_name = journal.calls("GET", "/rooms/*").len();
    assert_eq!(by_name, 1, "one confirms the listing: {}", journal.tail(20));
    assert!(late.hits() > 0, "the list of DailyRooms came late");
}

/// Objects that a tenant's finalizer keeps in deletion have no room, and never will.
async fn rooms_in_deletion(fx: &mut Fixture) {
    let home = fx.go_to(fx.neighbour());
    let names = ["a", "b", "c", "d", "e", "f"];
    for name in names {
        let mut manifest = Room.manifest(name, &json!({"ttl": "1h"}));
        manifest["metadata"]["finalizers"] = json!(["example.com/hold"]);
        fx.create(Room, &manifest).await;
    }
    for name in names {
        fx.ready(Room, name).await;
        fx.delete(Room, name).await;
    }
    for name in names {
        let released = |room: &Object| room.finalizers() == 1;
        fx.until(Room, name, "is released", LATER, released).await;
    }
    fx.go_to(home);
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    delete_by_hand(fx, &room).await;
    let again = |room: &Object| room.at("/status/dialinCodeRevision") == 2 && room.is_ready();
    fx.until(Room, "standup", "is recreated", LATER, again)
        .await;
}

/// More than five at once look like a mistake of Daily's or of ours: none is made anew, until a
/// person asks for one, and then only that one.
async fn many_at_once(fx: &mut Fixture) {
    // A room that ends meanwhile: where it is counted though not listed, listings do not add up.
    let end = k8s_openapi::jiff::Timestamp::now().as_second() + 2;
    let brief = json!({"name": "brief", "properties": {"exp": end}});
    let made = fx.by_hand.post("/rooms", &brief).await;
    assert_eq!(made.expect("Daily answers").status, 200);
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut rooms = Vec::new();
    for name in names {
        fx.room(name, json!({"ttl": "1h"})).await;
        rooms.push(fx.ready(Room, name).await);
    }
    // Standing still, the operator cannot see some of them missing before the others.
    fx.operator().pause();
    for room in &rooms {
        delete_by_hand(fx, room).await;
    }
    let mark = fx.mark().await;
    fx.operator().resume();
    for name in names {
        fx.until(Room, name, "is missing", LATER, is_held_back)
            .await;
        assert!(
            fx.find_secret(&format!("{name}-dialin")).await.is_some(),
            "Secrets are kept"
        );
    }
    fx.journal_since(mark)
        .await
        .expect_no_write("so many at once are not made anew");
    let metrics = fx.operator().get("/metrics").await.body;
    let suspended = r#"daily_operator_recreation_suspended{domain="acme"} 1"#;
    assert!(metrics.contains(suspended), "{metrics}");
    fx.force_pass(Room, "a", "I know").await;
    let anew = |room: &Object| room.at("/status/dialinCodeRevision") == 2 && room.is_ready();
    fx.until(Room, "a", "is made anew", LATER, anew).await;
    // Five are missing now, which are few. Nobody has asked for them, whichever process it is.
    others_are_held_back(fx, &names[1..], mark).await;
    assert!(fx.operator().terminate().await.success());
    fx.start_operator(&[]).await;
    others_are_held_back(fx, &names[1..], mark).await;
    fx.force_pass(Room, "b", "this one, too").await;
    fx.until(Room, "b", "is made anew", LATER, anew).await;
}

/// What a user reads of a room of the mass loss.
fn is_held_back(room: &Object) -> bool {
    let says = |type_, text| {
        let condition = room.condition(type_);
        condition.is_some_and(|it| it.message.contains(text))
    };
    room.has("Ready", "False", "RecreationSuspended")
        && room.has("Stalled", "True", "RecreationSuspended")
        && says("Ready", "6 of 6 rooms of the account vanished")
        && says("Stalled", "daily-operator.io/reconcile-requested-at")
}

/// These rooms stay as they are over some listings, and one room was created since the mark.
async fn others_are_held_back(fx: &Fixture, names: &[&str], mark: u64) {
    let now = fx.mark().await;
    until("some listings were read", LATER, async || {
        let lists = fx.journal_since(now).await.calls("GET", "/rooms").len();
        (lists > 3).then_some(()).ok_or(lists)
    })
    .await;
    for name in names {
        let room = fx.get(Room, name).await;
        assert!(is_held_back(&room), "{:#}", room.0);
    }
    let journal = fx.journal_since(mark).await;
    assert_eq!(journal.done("POST", "/rooms"), 1, "{}", journal.tail(20));
}
