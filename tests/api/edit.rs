//! Edits of the spec and edits by hand at Daily: one update with what differs, and the same PIN.

use std::sync::Arc;

use daily_sim::{FaultKind, FaultSpec};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NUMBER, Setup};
use crate::journal::Journal;
use crate::objects::{
    Kind::{Number, Room},
    Object,
};
use crate::stage::{Affected::By, Stage};
use crate::wait::{SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let plain = vec![stage.trial(
        "edit::answered_and_not_done",
        Setup::new(),
        answered_and_not_done,
    )];
    let joined = [
        stage.under_each_answer(
            "edit::numbers_taken_away",
            Setup::new(),
            By(&["nested-update", "pin-on-dialin", "dialin-shown"]),
            numbers_taken_away,
        ),
        stage.under_each_answer(
            "edit::end_taken_away",
            Setup::new(),
            By(&["dialin-exp-cleared"]),
            end_taken_away,
        ),
        stage.under_each_answer(
            "edit::dialin_off_and_on",
            Setup::new(),
            By(&[
                "listing-dialin-code",
                "pin-on-dialin-again",
                "pin-without-dialin",
                "reads",
            ]),
            dialin_off_and_on,
        ),
        stage.under_each_answer(
            "edit::only_what_changed",
            Setup::new(),
            By(&[
                "reads",
                "dialin-shown",
                "nested-update",
                "pin-on-update",
                "pin-on-dialin",
            ]),
            only_what_changed,
        ),
        stage.under_each_answer(
            "edit::two_at_once",
            Setup::new(),
            By(&["pin-on-update", "pin-on-dialin", "nested-update"]),
            two_at_once,
        ),
        stage.under_each_answer(
            "edit::later_end",
            Setup::new(),
            By(&["pin-on-exp", "reads", "dialin-365-days"]),
            later_end,
        ),
        stage.under_each_answer(
            "edit::each_end",
            Setup::new(),
            By(&["pin-on-exp", "get-expired"]),
            each_end,
        ),
        stage.under_each_answer(
            "edit::refused_by_daily",
            Setup::new(),
            By(&["reads", "info-texts"]),
            refused_by_daily,
        ),
        stage.under_each_answer(
            "edit::drift_is_put_back",
            Setup::new(),
            By(&[
                "pin-on-update",
                "reads",
                "listing-dialin-code",
                "total-count",
            ]),
            drift_is_put_back,
        ),
        stage.under_each_answer(
            "edit::moved_end_of_a_ttl",
            Setup::new(),
            By(&["pin-on-exp", "reads", "listing-dialin-code"]),
            moved_end_of_a_ttl,
        ),
        stage.under_each_answer(
            "edit::moved_fixed_end",
            Setup::new(),
            By(&["pin-on-exp", "reads", "fractional-exp"]),
            moved_fixed_end,
        ),
    ];
    plain
        .into_iter()
        .chain(joined.into_iter().flatten())
        .collect()
}

/// Applies an edit, and gives the body of the one update that it causes.
pub async fn update_of(fx: &Fixture, spec: Value) -> Value {
    let before = fx.get(Room, "standup").await;
    let mark = fx.mark().await;
    fx.room("standup", spec).await;
    let after = fx.ready(Room, "standup").await;
    let body = the_update(&fx.journal_since(mark).await, &after);
    let changes = changes_pin(fx, &body);
    assert_eq!(
        after.pin() != before.pin(),
        changes,
        "an edit keeps the PIN"
    );
    body
}

/// Whether this Daily changes the PIN with such an update, which nobody can keep it from.
pub fn changes_pin(fx: &Fixture, body: &Value) -> bool {
    let changes = |switch: &str| fx.answer(switch) == "changed";
    let properties = body["properties"].as_object();
    let switch_of = |name: &String| match name.as_str() {
        "exp" => "pin-on-exp",
        "dialin" => "pin-on-dialin",
        _ => "pin-on-update",
    };
    (!body["privacy"].is_null() && changes("pin-on-update"))
        || properties.is_some_and(|it| it.keys().map(switch_of).any(changes))
}

/// The body of the one write, which is an update of the room.
pub fn the_update(journal: &Journal, room: &Object) -> Value {
    let writes = journal.writes();
    assert_eq!(writes.len(), 1, "one update:\n{}", journal.tail(20));
    assert_eq!((writes[0].method.as_str(), writes[0].status), ("POST", 200));
    assert_eq!(writes[0].path, format!("/rooms/{}", room.room_name()));
    writes[0].body.clone().expect("an update has a body")
}

async fn only_what_changed(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;

    let renamed = json!({"ttl": "1h", "dialin": {"displayName": "Guest"}});
    let dialin = json!({"display_name": "Guest", "wait_for_meeting_start": true});
    assert_eq!(
        update_of(fx, renamed).await,
        json!({"properties": {"dialin": dialin}})
    );
    fx.event("standup", "Normal", "Updated").await;

    let private = json!({"ttl": "1h", "privacy": "Private", "dialin": {"displayName": "Guest"}});
    assert_eq!(update_of(fx, private).await, json!({"privacy": "private"}));

    let stay = json!({
        "ttl": "1h", "privacy": "Private", "ejectAtRoomExpiry": false,
        "dialin": {"displayName": "Guest"},
    });
    let body = update_of(fx, stay).await;
    let eject = &body["properties"]["eject_at_room_exp"];
    assert!(eject.is_null() || eject == false, "{body}");
    assert_eq!(
        body.as_object().map(serde_json::Map::len),
        Some(1),
        "{body}"
    );
    assert_eq!(
        body["properties"].as_object().map(serde_json::Map::len),
        Some(1),
        "{body}"
    );
}

async fn two_at_once(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let spec = json!({"ttl": "1h", "privacy": "Private", "dialin": {"waitForMeetingStart": false}});
    let body = update_of(fx, spec).await;
    assert_eq!(body["privacy"], "private");
    let dialin = json!({"display_name": "Phone Caller", "wait_for_meeting_start": false});
    assert_eq!(body["properties"], json!({"dialin": dialin}));
}

/// Daily answers as if an edit was done, and shows the room as it was. It is sent once, and once more
/// when a person asks for it.
async fn answered_and_not_done(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    let path = format!("/rooms/{}", room.room_name());
    let shown = fx.by_hand.get(&path).await.expect("Daily answers").body;
    let as_it_was = FaultKind::Status {
        status: 200,
        body: Some(shown),
        headers: Default::default(),
    };
    let fault = FaultSpec::next("POST", "/rooms/*", as_it_was).times(0);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    let mark = fx.mark().await;
    fx.room("standup", json!({"ttl": "1h", "privacy": "Private"}))
        .await;
    fx.condition(Room, "standup", ("Stalled", "True", "RejectedByDaily"))
        .await;
    fx.force_pass(Room, "standup", "again").await;
    let echoed = |room: &Object| room.text("/status/lastHandledReconcileAt") == "again";
    let told = fx
        .until(Room, "standup", "echoes the forced pass", SOON, echoed)
        .await;
    assert!(told.has("Stalled", "True", "RejectedByDaily"));
    assert!(told.has("Ready", "True", "Available"));
    let journal = fx.journal_since(mark).await;
    let sent = journal.writes().len();
    assert!(
        (2..=3).contains(&sent),
        "it was sent:\n{}",
        journal.tail(30)
    );
}

async fn later_end(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    let body = update_of(fx, json!({"ttl": "2h"})).await;
    let created = seconds(&before, "/metadata/creationTimestamp");
    assert_eq!(body, json!({"properties": {"exp": created + 7200}}));
    let after = fx.get(Room, "standup").await;
    assert_eq!(seconds(&after, "/status/expirationTime"), created + 7200);
}

/// A fixed end moves later and earlier, becomes a ttl and a fixed end again, and passes.
async fn each_end(fx: &mut Fixture) {
    let now = k8s_openapi::jiff::Timestamp::now().as_second();
    let fixed = |at: i64| {
        let time = k8s_openapi::jiff::Timestamp::from_second(at).expect("is a time");
        json!({"expirationTime": time.to_string()})
    };
    let first = fx.room("standup", fixed(now + 7200)).await;
    fx.ready(Room, "standup").await;
    let created = seconds(&first, "/metadata/creationTimestamp");
    for (spec, end) in [
        (fixed(now + 10_800), now + 10_800),
        (fixed(now + 3600), now + 3600),
        (json!({"ttl": "2h"}), created + 7200),
        (json!({"ttl": "1h"}), created + 3600),
        (fixed(now + 7200), now + 7200),
    ] {
        let body = update_of(fx, spec).await;
        assert_eq!(body, json!({"properties": {"exp": end}}));
        let after = fx.get(Room, "standup").await;
        assert_eq!(seconds(&after, "/status/expirationTime"), end);
    }
    fx.room("standup", fixed(now - 60)).await;
    fx.condition(Room, "standup", ("Expired", "True", "Expired"))
        .await;
    fx.until_secret("standup-dialin", "goes", |secret| secret.is_none())
        .await;
    let journal = fx.journal().await;
    assert!(
        journal.calls("DELETE", "*").is_empty(),
        "{}",
        journal.tail(20)
    );
}

/// As long as a PIN, in a text of Daily's.
const DIGITS: &str = "12345678987";

/// Callers are still served, so Ready stays; the next edit heals it.
async fn refused_by_daily(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    let secret = fx.secret("standup-dialin").await;
    let body = json!({"error": "invalid-request-error", "info": format!("no such thing {DIGITS} {}", "x".repeat(4000))});
    let refusal = FaultKind::Status {
        status: 400,
        body: Some(body),
        headers: Default::default(),
    };
    let fault = FaultSpec::next("POST", "/rooms/*", refusal).times(0);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.room("standup", json!({"ttl": "1h", "privacy": "Private"}))
        .await;
    let room = fx
        .condition(Room, "standup", ("Stalled", "True", "RejectedByDaily"))
        .await;
    assert!(
        room.has("Ready", "True", "Available"),
        "callers are still served"
    );
    let message = room.condition("Stalled").expect("is there").message;
    assert!(
        message.contains("no such thing"),
        "Daily's words are told: {message}"
    );
    assert!(
        !message.contains(DIGITS),
        "what may be a PIN is masked: {message}"
    );
    assert!(
        message.len() < 1024,
        "Daily's words are cut: {}",
        message.len()
    );
    assert_eq!(room.pin(), before.pin());
    assert_eq!(fx.secret("standup-dialin").await, secret);
    fx.event("standup", "Warning", "RejectedByDaily").await;

    fx.sim.clear_faults().await.expect("the faults go");
    fx.room(
        "standup",
        json!({"ttl": "1h", "dialin": {"displayName": "Guest"}}),
    )
    .await;
    let healed = fx.ready(Room, "standup").await;
    assert!(
        healed
            .condition("Stalled")
            .is_none_or(|it| it.status != "True")
    );
}

async fn drift_is_put_back(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    let mark = change_by_hand(fx, &room, &json!({"privacy": "private"})).await;
    let put_back = async || match fx.rooms_at_daily().await[0]["privacy"] == "public" {
        true => Ok(()),
        false => Err("it is private"),
    };
    until("the privacy is put back", SOON, put_back).await;
    fx.event("standup", "Normal", "DriftCorrected").await;
    let body = the_update(&fx.journal_since(mark).await, &room);
    assert_eq!(body, json!({"privacy": "public"}));
    let changes = changes_pin(fx, &body);
    let after = fx.ready(Room, "standup").await;
    if changes {
        follows_the_pin(fx, &room).await;
    } else {
        assert_eq!(after.pin(), room.pin());
    }
}

/// Another PIN than before is in Secret and status, and it is Daily's.
async fn follows_the_pin(fx: &Fixture, before: &Object) {
    until("the new PIN is published", SOON, async || {
        let room = fx.get(Room, "standup").await;
        let at_daily = fx.room_at_daily(room.room_name()).await["config"]["dialin_code"].clone();
        let secret = fx.secret("standup-dialin").await;
        let same = room.pin() == at_daily.as_str() && secret["dialin-code"] == at_daily;
        let another = room.pin() != before.pin();
        (same && another).then_some(()).ok_or("another one")
    })
    .await;
    fx.event("standup", "Warning", "DialinCodeChanged").await;
}

/// The room's own end is the truth for a ttl: it is taken over, not put back.
async fn moved_end_of_a_ttl(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    let moved = seconds(&room, "/status/expirationTime") + 600;
    let mark = change_by_hand(fx, &room, &json!({"properties": {"exp": moved}})).await;
    let taken_over = |room: &Object| seconds(room, "/status/expirationTime") == moved;
    fx.until(
        Room,
        "standup",
        "takes the moved end over",
        SOON,
        taken_over,
    )
    .await;
    let journal = fx.journal_since(mark).await;
    journal.expect_no_write("an end that was moved by hand is taken over");
    let event = fx.event("standup", "Normal", "Updated").await;
    let note = event.note.unwrap_or_default();
    assert!(note.contains("The operator keeps the new end"), "{note}");
}

async fn moved_fixed_end(fx: &mut Fixture) {
    let end = k8s_openapi::jiff::Timestamp::now().as_second() + 3600;
    let written = k8s_openapi::jiff::Timestamp::from_second(end).expect("is a time");
    fx.room("standup", json!({"expirationTime": written.to_string()}))
        .await;
    let room = fx.ready(Room, "standup").await;
    let later = json!({"properties": {"exp": end + 600}});
    let mark = change_by_hand(fx, &room, &later).await;
    let put_back = async || match fx.rooms_at_daily().await[0]["config"]["exp"] == end {
        true => Ok(()),
        false => Err("it has the moved end"),
    };
    until("the end is put back", SOON, put_back).await;
    let body = the_update(&fx.journal_since(mark).await, &room);
    assert_eq!(body, json!({"properties": {"exp": end}}));
}

/// Numbers that the spec names no more are gone at Daily, whether an update replaces or merges.
async fn numbers_taken_away(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    let numbers = json!([{"phoneNumber": NUMBER}]);
    fx.room(
        "standup",
        json!({"ttl": "1h", "dialin": {"roomNumbers": numbers}}),
    )
    .await;
    let before = fx.ready(Room, "standup").await;
    let mark = fx.mark().await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    let after = fx.ready(Room, "standup").await;
    let dialin = fx.rooms_at_daily().await[0]["config"]["dialin"].clone();
    let left = dialin["room_numbers"].as_array().map_or(0, Vec::len);
    if fx.answer("dialin-shown") == "all" {
        assert_eq!(left, 0, "{dialin}");
    }
    let journal = fx.journal_since(mark).await;
    let updates = journal.writes().len();
    let needed = if fx.answer("nested-update") == "merges" && fx.answer("dialin-shown") == "all" {
        2
    } else {
        1
    };
    assert_eq!(updates, needed, "{}", journal.tail(20));
    if fx.answer("pin-on-dialin") == "changed" {
        follows_the_pin(fx, &before).await;
    } else {
        assert_eq!(after.pin(), before.pin());
    }
}

/// A room that lost its end would never end: it is put back.
async fn end_taken_away(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    let path = format!("/rooms/{}", room.room_name());
    let endless = json!({"properties": {"exp": null}});
    let answer = fx.by_hand.post(&path, &endless).await;
    let done = answer.expect("Daily answers").status == 200;
    assert_eq!(done, fx.answer("dialin-exp-cleared") == "accepted");
    let end = seconds(&room, "/status/expirationTime");
    let put_back = async || match fx.rooms_at_daily().await[0]["config"]["exp"] == end {
        true => Ok(()),
        false => Err("it has no end"),
    };
    until("the end is put back", SOON, put_back).await;
    assert!(fx.get(Room, "standup").await.is_ready());
}

/// Somebody switches PIN dial-in off and on again: whichever PIN comes is published.
async fn dialin_off_and_on(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    let dialin = fx.rooms_at_daily().await[0]["config"]["dialin"].clone();
    change_by_hand(fx, &before, &json!({"properties": {"dialin": null}})).await;
    change_by_hand(fx, &before, &json!({"properties": {"dialin": dialin}})).await;
    if fx.answer("pin-on-dialin-again") == "new" {
        follows_the_pin(fx, &before).await;
    } else {
        let after = fx.ready(Room, "standup").await;
        assert_eq!(after.pin(), before.pin());
    }
}

/// Changes the room at Daily. Gives the mark of the change: the operator may answer it at once.
pub async fn change_by_hand(fx: &Fixture, room: &Object, change: &Value) -> u64 {
    let path = format!("/rooms/{}", room.room_name());
    let answer = fx.by_hand.post(&path, change).await.expect("Daily answers");
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    fx.by_hand.last_write()
}

/// The time at a JSON pointer in unix seconds.
pub fn seconds(object: &Object, pointer: &str) -> i64 {
    let time: Result<k8s_openapi::jiff::Timestamp, _> = object.text(pointer).parse();
    time.map_or(0, |time| time.as_second())
}
