//! The life of a number and its rooms, under every answer of Daily's that nobody knows.

use std::sync::Arc;
use std::time::Duration;

use daily_sim::{FaultKind, FaultSpec, Outcome};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NUMBER, Setup};
use crate::journal::show;
use crate::objects::Kind::{Number, Room};
use crate::objects::Object;
use crate::stage::{Affected, Stage};
use crate::wait::{LATER, SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let mut trials =
        stage.under_each_answer("answers::journey", Setup::new(), Affected::ByAll, journey);
    trials.extend(stage.under_combinations("answers::journey", Setup::new(), journey));
    let others = [
        stage.under_each_answer(
            "answers::name_in_another_case",
            Setup::new(),
            Affected::By(&["name-case"]),
            name_in_another_case,
        ),
        stage.under_each_answer(
            "answers::more_rooms_than_allowed",
            Setup::new(),
            Affected::By(&["room-limit"]),
            more_rooms_than_allowed,
        ),
        stage.under_each_answer(
            "answers::applied_again_after_its_end",
            Setup::new(),
            Affected::By(&["create-over-expired", "get-expired", "total-count"]),
            applied_again_after_its_end,
        ),
        stage.under_each_answer(
            "answers::chosen_name_again",
            Setup::new(),
            Affected::By(&["reads", "name-case"]),
            chosen_name_again,
        ),
        stage.under_each_answer(
            "answers::many_at_once",
            Setup::new(),
            Affected::By(&["rate-limit-second"]),
            many_at_once,
        ),
    ];
    trials.extend(others.into_iter().flatten());
    trials.push(stage.trial("answers::limit_told_with_a_400", Setup::new(), limit));
    trials
}

/// A room of a name that differs in case alone is somebody else's, or none.
async fn name_in_another_case(fx: &mut Fixture) {
    let theirs = fx.by_hand.post("/rooms", &json!({"name": "board"})).await;
    assert_eq!(theirs.expect("Daily answers").status, 200);
    fx.room("standup", json!({"ttl": "1h", "roomName": "Board"}))
        .await;
    if fx.answer("name-case") == "distinct" {
        fx.ready(Room, "standup").await;
    } else {
        fx.condition(Room, "standup", ("Ready", "False", "NameTaken"))
            .await;
        let journal = fx.journal().await;
        assert_eq!(journal.writes().len(), 1, "theirs: {}", journal.tail(20));
    }
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    let left = fx.by_hand.get("/rooms/board").await.expect("Daily answers");
    assert_eq!(left.status, 200);
}

/// The simulator's limit is five rooms. Who is refused says so, and gets the first free place.
async fn more_rooms_than_allowed(fx: &mut Fixture) {
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        fx.room(name, json!({"ttl": "1h"})).await;
    }
    for name in names {
        fx.ready(Room, name).await;
    }
    fx.room("late", json!({"ttl": "1h"})).await;
    if fx.answer("room-limit") != "none" {
        fx.condition(Room, "late", ("Stalled", "True", "RejectedByDaily"))
            .await;
        assert!(fx.find_secret("late-dialin").await.is_none());
        fx.delete(Room, "a").await;
        fx.gone(Room, "a").await;
        fx.force_pass(Room, "late", "there is a place").await;
    }
    fx.ready(Room, "late").await;
    let journal = fx.journal().await;
    let deletes = journal.done("DELETE", "/rooms/*");
    assert_eq!(deletes, usize::from(fx.answer("room-limit") != "none"));
}

/// Another object of the name: where the ended room still takes it, nothing is deleted to make room.
async fn applied_again_after_its_end(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "10s"})).await;
    fx.ready(Room, "standup").await;
    let expired = |room: &Object| room.has("Expired", "True", "Expired");
    fx.until(Room, "standup", "expires", LATER, expired).await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    if fx.answer("create-over-expired") == "accepted" {
        fx.ready(Room, "standup").await;
    } else {
        fx.condition(Room, "standup", ("Stalled", "True", "RejectedByDaily"))
            .await;
    }
    let journal = fx.journal().await;
    let deletes = journal.calls("DELETE", "/rooms/*");
    assert!(deletes.is_empty(), "{}", show(deletes));
}

/// The name is free as soon as the object that chose it is gone, however long Daily shows its room.
async fn chosen_name_again(fx: &mut Fixture) {
    let spec = json!({"ttl": "1h", "roomName": "Board"});
    fx.room("standup", spec.clone()).await;
    let before = fx.ready(Room, "standup").await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    fx.room("standup", spec).await;
    let ready = |room: &Object| room.is_ready() && room.uid() != before.uid();
    let after = fx.until(Room, "standup", "is Ready", SOON, ready).await;
    assert_ne!(after.pin(), before.pin());
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
}

/// Where Daily limits each second as well, a first burst may be refused, and nothing after it.
async fn many_at_once(fx: &mut Fixture) {
    let names: Vec<String> = (0..40).map(|n| format!("standup-{n}")).collect();
    for name in &names {
        fx.room(name, json!({"ttl": "1h"})).await;
    }
    for name in &names {
        fx.ready(Room, name).await;
    }
    assert_eq!(fx.rooms_at_daily().await.len(), names.len());
}

/// F-RATE-4: the word counts, and not the status.
async fn limit(fx: &mut Fixture) {
    let limit = FaultKind::Status {
        status: 400,
        body: Some(json!({"error": "rate-limit-error"})),
        headers: Default::default(),
    };
    let fault = FaultSpec::next("POST", "/rooms", limit);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let told = fx.events("standup").await;
    let refused = told
        .iter()
        .any(|event| event.reason.as_deref() == Some("RejectedByDaily"));
    assert!(!refused, "nothing is wrong with the room");
}

/// Ready, dialled, edited, drifted, repaired, ended, deleted: every promise holds, or it is said
/// which one cannot.
async fn journey(fx: &mut Fixture) {
    if fx.answer("card") == "missing" {
        return without_a_card(fx).await;
    }
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    fx.room("brief", json!({"ttl": "12s"})).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    let brief = fx.ready(Room, "brief").await;
    let room = fx.ready(Room, "standup").await;
    fx.sim
        .join(room.room_name(), "host")
        .await
        .expect("the host can join");
    reaches_the_room(fx, "Phone Caller").await;
    edits(fx).await;
    drift(fx).await;
    lost_secret(fx).await;
    rests(fx).await;
    ends(fx, &brief).await;
    waits_for_the_host(fx).await;
    nothing_is_left(fx).await;
}

/// What the Secret says is what Daily has, and it leads a caller into the room.
async fn reaches_the_room(fx: &Fixture, caller: &str) {
    let room = fx.get(Room, "standup").await;
    let secret = fx.secret("standup-dialin").await;
    assert_eq!(Some(secret["dialin-code"].as_str()), room.pin());
    assert_eq!(secret["dial-string"], room.dial_string());
    assert!(room.dial_string().starts_with(NUMBER), "the purchased one");
    let at_daily = at_daily(fx).await;
    assert_eq!(at_daily["config"]["dialin_code"].as_str(), room.pin());
    let call = fx.sim.dial(room.dial_string()).await;
    let call = call.expect("it can be dialled");
    if at_daily["privacy"] == "private" && fx.answer("private-callers") == "refused" {
        // Nothing that the operator could do: the spec asks for both.
        return;
    }
    assert_eq!(call.outcome, Outcome::InRoom, "{call:?}");
    assert_eq!(call.display_name.as_deref(), Some(caller));
    fx.sim.hang_up(&call.call_id).await.expect("the call ends");
}

/// The room as Daily has it.
async fn at_daily(fx: &Fixture) -> Value {
    let room = fx.get(Room, "standup").await;
    fx.room_at_daily(room.room_name()).await
}

async fn edits(fx: &Fixture) {
    let named = json!({"displayName": "Guest"});
    edit(fx, json!({"ttl": "1h", "dialin": named}), "pin-on-dialin").await;
    reaches_the_room(fx, "Guest").await;
    let private = json!({"ttl": "1h", "privacy": "Private", "dialin": named});
    edit(fx, private, "pin-on-update").await;
    reaches_the_room(fx, "Guest").await;
    let longer = json!({"ttl": "2h", "privacy": "Private", "dialin": named});
    edit(fx, longer, "pin-on-exp").await;
    reaches_the_room(fx, "Guest").await;
}

/// An edit keeps the PIN; where Daily changes it, that is said.
async fn edit(fx: &Fixture, spec: Value, switch: &str) {
    let before = fx.get(Room, "standup").await;
    fx.room("standup", spec).await;
    let after = fx.ready(Room, "standup").await;
    let revision = |room: &Object| room.at("/status/dialinCodeRevision").as_i64();
    if fx.answer(switch) == "kept" {
        assert_eq!(after.pin(), before.pin(), "an edit keeps the PIN");
        assert_eq!(revision(&after), revision(&before));
        return;
    }
    assert_ne!(after.pin(), before.pin(), "Daily changes it");
    assert_eq!(revision(&after), revision(&before).map(|it| it + 1));
    fx.event("standup", "Warning", "DialinCodeChanged").await;
}

/// Somebody changes the room by hand: it is put back, and whatever becomes of the PIN is published.
async fn drift(fx: &Fixture) {
    let room = fx.get(Room, "standup").await;
    let path = format!("/rooms/{}", room.room_name());
    let public = json!({"privacy": "public"});
    let changed = fx.by_hand.post(&path, &public).await;
    assert_eq!(changed.expect("Daily answers").status, 200);
    until("the privacy is put back", SOON, async || {
        let room = at_daily(fx).await;
        (room["privacy"] == "private").then_some(()).ok_or("public")
    })
    .await;
    fx.event("standup", "Normal", "DriftCorrected").await;
    until("the PIN in the Secret is Daily's", SOON, async || {
        let room = at_daily(fx).await;
        let secret = fx.secret("standup-dialin").await;
        let same = room["config"]["dialin_code"] == secret["dialin-code"].as_str();
        let told = fx.get(Room, "standup").await;
        let told = told.pin() == Some(secret["dialin-code"].as_str());
        (same && told).then_some(()).ok_or("another one")
    })
    .await;
    reaches_the_room(fx, "Guest").await;
}

async fn lost_secret(fx: &Fixture) {
    let before = fx.secret("standup-dialin").await;
    fx.delete_secret("standup-dialin").await;
    fx.until_secret("standup-dialin", "comes back", |it| it.is_some())
        .await;
    assert_eq!(fx.secret("standup-dialin").await, before);
}

/// All is as it should be, so nothing is sent, however little Daily shows.
async fn rests(fx: &Fixture) {
    let mark = fx.mark().await;
    let listed = async || match fx.journal_since(mark).await.done("GET", "/rooms") {
        0..3 => Err("fewer than three drift passes"),
        _ => Ok(()),
    };
    until("drift passes go on", SOON, listed).await;
    let journal = fx.journal_since(mark).await;
    journal.expect_no_write("all is as it should be");
    let room = fx.get(Room, "standup").await;
    assert!(room.is_ready(), "{:#}", room.at("/status"));
}

/// The brief room ends at Daily by itself, and its PIN is taken back.
async fn ends(fx: &Fixture, brief: &Object) {
    let expired = |room: &Object| room.has("Expired", "True", "Expired");
    fx.until(Room, "brief", "expires", LATER, expired).await;
    fx.until_secret("brief-dialin", "goes", |it| it.is_none())
        .await;
    let call = fx.sim.dial(brief.dial_string()).await;
    let outcome = call.expect("it can be dialled").outcome;
    assert!(
        matches!(outcome, Outcome::Expired | Outcome::WrongPin),
        "{outcome:?}"
    );
}

/// The host is still in the room: it is deleted once presence shows that the host has left.
async fn waits_for_the_host(fx: &Fixture) {
    let room = fx.get(Room, "standup").await;
    let shown = Duration::from_secs(60);
    fx.sim.advance(shown).await.expect("the clock moves");
    fx.delete(Room, "standup").await;
    let deferred = ("Reconciling", "True", "DeletionDeferred");
    fx.condition(Room, "standup", deferred).await;
    let left = fx.sim.leave(room.room_name(), "host").await;
    left.expect("the host leaves");
    fx.sim.advance(shown).await.expect("the clock moves");
    fx.gone(Room, "standup").await;
}

async fn nothing_is_left(fx: &Fixture) {
    fx.delete(Room, "brief").await;
    fx.gone(Room, "brief").await;
    fx.delete(Number, "main-line").await;
    fx.gone(Number, "main-line").await;
    fx.until_secret("standup-dialin", "goes", |it| it.is_none())
        .await;
    let rooms = fx.rooms_at_daily().await;
    assert!(rooms.is_empty(), "{rooms:#?}");
    assert!(fx.configs_at_daily().await.is_empty());
    let journal = fx.journal().await;
    let deletes = journal.calls("DELETE", "/rooms/*");
    assert_eq!(deletes.len(), 1, "{}", show(deletes));
}

/// Without a credit card Daily has no PIN dial-in: that is said, and nothing is published.
async fn without_a_card(fx: &Fixture) {
    fx.number("main-line", NUMBER).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    for (kind, name) in [(Number, "main-line"), (Room, "standup")] {
        let rejected = |it: &Object| {
            it.has("Stalled", "True", "RejectedByDaily") && it.condition("Ready").is_some()
        };
        fx.until(kind, name, "says that there is no card", SOON, rejected)
            .await;
        fx.event(name, "Warning", "RejectedByDaily").await;
    }
    assert!(fx.find_secret("standup-dialin").await.is_none());
    for (kind, name) in [(Room, "standup"), (Number, "main-line")] {
        fx.delete(kind, name).await;
        fx.gone(kind, name).await;
    }
    assert!(fx.rooms_at_daily().await.is_empty());
}
