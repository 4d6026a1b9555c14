//! From a manifest to a dial string that connects a caller.

use std::sync::Arc;

use daily_sim::{FaultKind, FaultSpec, JournalEntry, Outcome};
use libtest_mimic::Trial;
use serde_json::json;

use crate::audit;
use crate::fixture::{DOMAIN, Fixture, KEY, NUMBER, Setup};
use crate::objects::Kind::{Number, Room};
use crate::stage::{Affected::By, Stage};
use crate::wait::{SOON, until, until_true};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let own_key = || Setup::new().without_default_key();
    let harmless = || Setup::new().value("writes", json!("disabled"));
    let plain = vec![
        stage.trial(
            "create::key_of_the_namespace",
            own_key(),
            key_of_the_namespace,
        ),
        stage.trial("create::key_by_reference", own_key(), key_by_reference),
        stage.trial("create::server_errors", Setup::new(), server_errors),
        stage.trial("create::writes_disabled", harmless(), writes_disabled),
        stage.trial(
            "create::panic_before_the_answer",
            Setup::new().panic_at("room-create:between"),
            panic_before_the_answer,
        ),
    ];
    let joined = [
        stage.under_each_answer(
            "create::ready",
            Setup::new(),
            By(&[
                "reads",
                "listing-dialin-code",
                "dialin-shown",
                "unassigned-number",
                "number-shapes",
            ]),
            ready,
        ),
        stage.under_each_answer(
            "create::asks_daily_once",
            Setup::new(),
            By(&["reads", "dialin-shown", "listing-dialin-code"]),
            asks_daily_once,
        ),
        stage.under_each_answer(
            "create::caller_connects",
            Setup::new(),
            By(&[
                "numbers-of-pin",
                "dialin-number",
                "pin-tries",
                "configs-seen",
            ]),
            caller_connects,
        ),
        stage.under_each_answer(
            "create::chosen_name",
            Setup::new(),
            By(&["name-case", "reads"]),
            chosen_name,
        ),
        stage.under_each_answer(
            "create::expiration_time",
            Setup::new(),
            By(&["fractional-exp", "reads"]),
            expiration_time,
        ),
        stage.under_each_answer(
            "create::reply_lost",
            Setup::new(),
            By(&["reads"]),
            reply_lost,
        ),
        stage.under_each_answer(
            "create::forced_pass",
            Setup::new(),
            By(&["reads", "listing-dialin-code", "config-put"]),
            forced_pass,
        ),
    ];
    plain
        .into_iter()
        .chain(joined.into_iter().flatten())
        .collect()
}

async fn ready(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    let numbers = json!([{"numberRef": {"name": "main-line"}}]);
    let made = fx.room(
        "standup",
        json!({"ttl": "8h", "dialin": {"roomNumbers": numbers}}),
    );
    let uid = made.await.uid().to_owned();
    let room = fx.ready(Room, "standup").await;

    assert_eq!(room.uid(), uid);
    let pin = room.pin().expect("the PIN is in status");
    assert_eq!(pin.len(), 11, "Daily's PINs have 11 digits");
    assert_eq!(room.dial_string(), format!("{NUMBER},,{pin}"));
    assert_eq!(room.at("/status/dialinCodeRevision"), 1);
    assert_eq!(room.text("/status/account/domainName"), DOMAIN);
    assert_eq!(room.text("/status/binding/name"), "standup-dialin");
    assert_eq!(
        room.at("/status/phoneNumbers"),
        &json!([{"phoneNumber": NUMBER, "source": "RoomNumber", "country": "US"}])
    );
    assert!(
        room.condition("Reconciling")
            .is_none_or(|it| it.status != "True")
    );
    assert!(
        room.condition("Stalled")
            .is_none_or(|it| it.status != "True")
    );

    let at_daily = &fx.rooms_at_daily().await[0];
    assert_eq!(room.text("/status/room/id"), at_daily["id"]);
    assert_eq!(room.text("/status/room/url"), at_daily["url"]);
    assert_eq!(room.room_name(), at_daily["name"]);
    let readable = format!("{}-standup_", fx.namespace);
    assert!(
        room.room_name().starts_with(&readable),
        "{}",
        room.room_name()
    );
    let created: k8s_openapi::jiff::Timestamp = room
        .text("/metadata/creationTimestamp")
        .parse()
        .expect("is a time");
    let end: k8s_openapi::jiff::Timestamp = room
        .text("/status/expirationTime")
        .parse()
        .expect("is a time");
    assert_eq!(end.as_second() - created.as_second(), 8 * 3600);
    assert_eq!(at_daily["config"]["exp"], end.as_second());
    fx.event("standup", "Normal", "Created").await;
}

/// One POST with all that the spec says; with it at most a GET of the room.
async fn asks_daily_once(fx: &mut Fixture) {
    fx.room(
        "standup",
        json!({
            "ttl": "8h", "privacy": "Private",
            "dialin": {"displayName": "Caller", "waitForMeetingStart": false},
        }),
    )
    .await;
    let room = fx.ready(Room, "standup").await;
    let journal = fx.journal().await;
    let writes = journal.writes();
    assert_eq!(writes.len(), 1, "{}", crate::journal::show(writes));
    let sent = writes[0].body.as_ref().expect("a create has a body");
    assert_eq!(sent["name"], room.room_name());
    assert_eq!(sent["privacy"], "private");
    assert_eq!(
        sent["properties"]["dialin"],
        json!({"display_name": "Caller", "wait_for_meeting_start": false})
    );
    assert_eq!(sent["properties"]["eject_at_room_exp"], true);
    let of_the_room = format!("/rooms/{}", room.room_name());
    assert!(
        journal.calls("GET", &of_the_room).len() <= 1,
        "{}",
        journal.tail(20)
    );
}

async fn caller_connects(fx: &mut Fixture) {
    let greeting = "Welcome. Please enter your PIN.";
    let spec = json!({"phoneNumber": NUMBER, "namePrefix": "pin-dialin", "ivrGreeting": {"message": greeting}});
    fx.apply(Number, "main-line", &spec).await;
    fx.ready(Number, "main-line").await;
    fx.room(
        "standup",
        json!({
            "ttl": "1h",
            "dialin": {"displayName": "Standup Caller", "roomNumbers": [{"phoneNumber": NUMBER}]},
        }),
    )
    .await;
    let room = fx.ready(Room, "standup").await;
    fx.sim
        .join(room.room_name(), "host")
        .await
        .expect("the host can join");

    let dial_string = fx.secret("standup-dialin").await["dial-string"].clone();
    let call = fx.sim.dial(&dial_string).await.expect("it can be dialled");
    assert_eq!(call.outcome, Outcome::InRoom, "{call:?}");
    assert!(
        call.heard.iter().any(|heard| heard == greeting),
        "{:?}",
        call.heard
    );
    assert_eq!(call.display_name.as_deref(), Some("Standup Caller"));
    assert_eq!(call.room.as_deref(), Some(room.room_name()));
}

async fn chosen_name(fx: &mut Fixture) {
    fx.room(
        "standup",
        json!({"ttl": "1h", "roomName": "Team_Standup-1"}),
    )
    .await;
    let room = fx.ready(Room, "standup").await;
    assert_eq!(room.room_name(), "Team_Standup-1");
    let journal = fx.journal().await;
    let looked = journal.calls("GET", "/rooms/Team_Standup-1");
    let made = journal.calls("POST", "/rooms");
    assert_eq!(made.len(), 1);
    let first = looked
        .first()
        .expect("it looks before it makes a chosen name");
    assert!(
        first.status == 404 && first.seq < made[0].seq,
        "{}",
        journal.tail(20)
    );
}

async fn expiration_time(fx: &mut Fixture) {
    let end = k8s_openapi::jiff::Timestamp::now().as_second() + 3600;
    let written = k8s_openapi::jiff::Timestamp::from_second(end).expect("is a time");
    fx.room("standup", json!({"expirationTime": written.to_string()}))
        .await;
    let room = fx.ready(Room, "standup").await;
    assert_eq!(room.text("/status/expirationTime"), written.to_string());
    assert_eq!(fx.rooms_at_daily().await[0]["config"]["exp"], end);
}

async fn key_of_the_namespace(fx: &mut Fixture) {
    fx.write_key("daily-api-key", KEY).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
}

async fn key_by_reference(fx: &mut Fixture) {
    fx.write_key("team-key", KEY).await;
    fx.room(
        "standup",
        json!({"ttl": "1h", "apiKeySecretRef": {"name": "team-key"}}),
    )
    .await;
    fx.ready(Room, "standup").await;
}

async fn reply_lost(fx: &mut Fixture) {
    let fault = FaultSpec::next("POST", "/rooms", FaultKind::ReplyLost);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    assert_eq!(fx.sim.faults().await.expect("are told")[0].applied, 1);
    let rooms = fx.rooms_at_daily().await;
    assert_eq!(rooms.len(), 1);
    assert_eq!(rooms[0]["config"]["dialin_code"].as_str(), room.pin());
    assert_eq!(fx.journal().await.done("POST", "/rooms"), 1);
    assert_eq!(room.at("/status/dialinCodeRevision"), 1);
}

/// Daily has created a room of a chosen name, and the task that waits for the answer panics. The operator looks
/// for the room before it sends anything else.
async fn panic_before_the_answer(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h", "roomName": "board"}))
        .await;
    let room = fx.ready(Room, "standup").await;
    let journal = fx.journal().await;
    let creates = journal.calls("POST", "/rooms");
    assert_eq!(creates.len(), 1, "{}", journal.tail(20));
    let looks = journal.calls("GET", "/rooms/board");
    let found = |it: &&JournalEntry| it.seq > creates[0].seq && it.status == 200;
    assert!(looks.iter().any(found), "{}", journal.tail(20));
    let rooms = fx.rooms_at_daily().await;
    assert_eq!(rooms[0]["id"], room.text("/status/room/id"));
}

async fn server_errors(fx: &mut Fixture) {
    let unavailable = FaultKind::Status {
        status: 503,
        body: None,
        headers: Default::default(),
    };
    let fault = FaultSpec::next("POST", "/rooms", unavailable).times(0);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.room("standup", json!({"ttl": "1h"})).await;
    let wanted = ("Ready", "Unknown", "DailyUnavailable");
    let room = fx.condition(Room, "standup", wanted).await;
    let working = room.condition("Reconciling");
    assert!(
        working.is_some_and(|it| it.status == "True"),
        "it goes on trying"
    );
    fx.sim.clear_faults().await.expect("the faults go");
    fx.ready(Room, "standup").await;
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
}

async fn forced_pass(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.number("main-line", NUMBER).await;
    fx.ready(Room, "standup").await;
    fx.ready(Number, "main-line").await;
    for (kind, name) in [(Room, "standup"), (Number, "main-line")] {
        let mark = fx.mark().await;
        fx.force_pass(kind, name, "2026-01-01T00:00:00Z").await;
        let echo = "/status/lastHandledReconcileAt";
        let echoed = |object: &crate::objects::Object| object.text(echo) == "2026-01-01T00:00:00Z";
        fx.until(kind, name, "echoes the forced pass", SOON, echoed)
            .await;
        let journal = fx.journal_since(mark).await;
        journal.expect_no_write("a forced pass finds nothing to change");
        let looked = match kind {
            Room => journal.calls("GET", "/rooms/*").len(),
            Number => journal.calls("GET", "/domain-dialin-config*").len(),
        };
        assert!(
            looked > 0,
            "a forced pass looks at Daily: {}",
            journal.tail(20)
        );
    }
}

/// The operator sees the room, as it must hold the Lease or wait for it, and writes nothing.
async fn writes_disabled(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.number("main-line", NUMBER).await;
    let served = async || {
        fx.plane
            .requests(&fx.namespace)
            .iter()
            .any(|it| it.resource == "dailyrooms")
    };
    until_true("the operator watches DailyRooms", SOON, served).await;
    // With a key in place an operator that writes is done long before a second drift pass.
    until("the rooms are listed twice", SOON, async || {
        let listed = fx.journal().await.done("GET", "/rooms");
        (listed >= 2).then_some(()).ok_or(listed)
    })
    .await;
    fx.journal().await.expect_no_write("writes are disabled");
    let writes = audit::writes(&fx.plane.requests(&fx.namespace));
    assert!(writes.is_empty(), "{writes:?}");
    assert_eq!(fx.get(Room, "standup").await.finalizers(), 0);
}
