//! Properties of a room beside its end and its `dialin`: what an edit sends, and what somebody changes at
//! Daily.

use std::sync::Arc;

use daily_sim::Outcome;
use k8s_openapi::jiff::Timestamp;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::edit::{change_by_hand, seconds, the_update, update_of};
use crate::fixture::{Fixture, SECOND_KEY, Setup};
use crate::objects::{Kind::Room, Object};
use crate::stage::{Affected::By, Stage};
use crate::wait::{LATER, SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let joined = [
        stage.under_each_answer(
            "properties::max_participants",
            Setup::new(),
            By(&["pin-on-update", "reads"]),
            max_participants,
        ),
        stage.under_each_answer(
            "properties::not_before",
            Setup::new(),
            By(&["pin-on-update", "pin-on-exp", "past-nbf", "nbf-for-callers"]),
            not_before,
        ),
        stage.under_each_answer(
            "properties::others",
            Setup::new(),
            By(&["pin-on-update", "reads"]),
            others,
        ),
        stage.under_each_answer(
            "properties::keys_of_an_object",
            Setup::new(),
            By(&["nested-update", "pin-on-update"]),
            keys_of_an_object,
        ),
        stage.under_each_answer(
            "properties::refused_by_daily",
            Setup::new(),
            By(&["info-texts"]),
            refused_by_daily,
        ),
    ];
    let plain = [
        stage.trial("properties::restricted", Setup::new(), restricted),
        stage.trial(
            "properties::restricted_and_retained",
            Setup::new(),
            retained,
        ),
    ];
    joined.into_iter().flatten().chain(plain).collect()
}

fn with(properties: Value) -> Value {
    json!({"ttl": "1h", "roomProperties": properties})
}

/// The properties of the room at Daily become these, by one update with this body.
async fn is_put_back(fx: &Fixture, mark: u64, body: Value) {
    until("the properties are put back", SOON, async || {
        match fx.journal_since(mark).await.writes().len() {
            0 => Err("nothing was sent"),
            _ => Ok(()),
        }
    })
    .await;
    fx.event("standup", "Normal", "DriftCorrected").await;
    let room = fx.get(Room, "standup").await;
    let sent = the_update(&fx.journal_since(mark).await, &room);
    assert_eq!(sent, body);
}

async fn max_participants(fx: &mut Fixture) {
    let twenty = json!({"ttl": "1h", "maxParticipants": 20});
    fx.room("standup", twenty.clone()).await;
    let room = fx.ready(Room, "standup").await;
    let shown = async || fx.rooms_at_daily().await[0]["config"]["max_participants"].clone();
    assert_eq!(shown().await, 20);
    let plain = update_of(fx, json!({"ttl": "1h"})).await;
    assert_eq!(plain, json!({"properties": {"max_participants": null}}));
    let again = update_of(fx, twenty).await;
    assert_eq!(again, json!({"properties": {"max_participants": 20}}));
    let five = json!({"properties": {"max_participants": 5}});
    let mark = change_by_hand(fx, &room, &five).await;
    is_put_back(fx, mark, again).await;
}

/// Nobody joins before the start, and a ttl counts from it. The start and the end move together in one
/// update; a start in the past keeps nobody out, so that it is taken away at Daily.
async fn not_before(fx: &mut Fixture) {
    let start = Timestamp::now().as_second() + 3600;
    let spec = |start: i64| {
        let start = Timestamp::from_second(start).expect("is a time");
        json!({"ttl": "1h", "notBeforeTime": start.to_string()})
    };
    fx.room("standup", spec(start)).await;
    let room = fx.ready(Room, "standup").await;
    let config = fx.rooms_at_daily().await[0]["config"].clone();
    assert_eq!(
        (&config["nbf"], &config["exp"]),
        (&json!(start), &json!(start + 3600))
    );
    assert_eq!(seconds(&room, "/status/expirationTime"), start + 3600);
    let call = async |room: &str| fx.sim.dial(room).await.expect("it can be dialled").outcome;
    let early = match fx.answer("nbf-for-callers") {
        "holds" => Outcome::Dropped,
        _ => Outcome::OnHold,
    };
    assert_eq!(call(room.dial_string()).await, early);

    let moved = update_of(fx, spec(start + 600)).await;
    let later = json!({"properties": {"exp": start + 4200, "nbf": start + 600}});
    assert_eq!(moved, later);
    let mark = change_by_hand(fx, &room, &json!({"properties": {"nbf": start}})).await;
    is_put_back(fx, mark, json!({"properties": {"nbf": start + 600}})).await;

    // The end of a room without a start counts from the creation of its object.
    let created = seconds(&room, "/metadata/creationTimestamp");
    until(
        "the PIN of the last update is published",
        SOON,
        async || {
            let at_daily = fx.rooms_at_daily().await[0]["config"]["dialin_code"].clone();
            let told = fx.get(Room, "standup").await;
            (told.pin() == at_daily.as_str())
                .then_some(())
                .ok_or("another one")
        },
    )
    .await;
    let past = update_of(fx, spec(created - 60)).await;
    assert_eq!(
        past,
        json!({"properties": {"exp": created + 3600, "nbf": null}})
    );
    let room = fx.get(Room, "standup").await;
    assert_eq!(call(room.dial_string()).await, Outcome::OnHold);
}

/// Daily does not show `lang`, because it is the default: it is sent once. What the spec no longer has is
/// reset, also if the operator was down in between.
async fn others(fx: &mut Fixture) {
    let all = json!({"enable_chat": true, "lang": "en", "start_audio_off": true});
    fx.room("standup", with(all)).await;
    let room = fx.ready(Room, "standup").await;
    let config = async || fx.rooms_at_daily().await[0]["config"].clone();
    assert_eq!(config().await["enable_chat"], true);

    let fewer = json!({"enable_chat": true, "lang": "de"});
    let body = update_of(fx, with(fewer.clone())).await;
    let change = json!({"lang": "de", "start_audio_off": null});
    assert_eq!(body, json!({"properties": change}));

    let silent = json!({"properties": {"enable_chat": false}});
    let mark = change_by_hand(fx, &room, &silent).await;
    is_put_back(fx, mark, json!({"properties": {"enable_chat": true}})).await;

    fx.operator().kill().await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    let mark = fx.mark().await;
    fx.start_operator(&[]).await;
    let room = fx.ready(Room, "standup").await;
    let body = the_update(&fx.journal_since(mark).await, &room);
    assert_eq!(
        body,
        json!({"properties": {"enable_chat": null, "lang": null}})
    );
    let config = fx.rooms_at_daily().await[0]["config"].clone();
    assert!(
        config["enable_chat"].is_null() && config["lang"].is_null(),
        "{config}"
    );
}

/// A key that an object in the spec no longer has is gone at Daily, whether updates replace or merge.
async fn keys_of_an_object(fx: &mut Fixture) {
    let both = json!({"permissions": {"canSend": true, "hasPresence": false}});
    fx.room("standup", with(both)).await;
    fx.ready(Room, "standup").await;
    let mark = fx.mark().await;
    let one = json!({"permissions": {"canSend": ["audio"]}});
    fx.room("standup", with(one.clone())).await;
    fx.ready(Room, "standup").await;
    let config = fx.rooms_at_daily().await[0]["config"].clone();
    assert_eq!(config["permissions"], one["permissions"]);
    let journal = fx.journal_since(mark).await;
    let needed = match fx.answer("nested-update") {
        "merges" => 3,
        _ => 1,
    };
    assert_eq!(journal.writes().len(), needed, "{}", journal.tail(20));
}

/// Callers of a room that exists are still served; a room that does not exist yet waits for another spec.
async fn refused_by_daily(fx: &mut Fixture) {
    let elsewhere = with(json!({"geo": "moon-north-1"}));
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    let secret = fx.secret("standup-dialin").await;
    for name in ["standup", "new"] {
        fx.room(name, elsewhere.clone()).await;
    }
    let rejected = ("Stalled", "True", "RejectedByDaily");
    fx.condition(Room, "new", rejected).await;
    assert!(fx.find_secret("new-dialin").await.is_none());
    let room = fx.condition(Room, "standup", rejected).await;
    assert!(room.has("Ready", "True", "Available"), "callers are served");
    assert_eq!(room.pin(), before.pin());
    assert_eq!(fx.secret("standup-dialin").await, secret);
    for name in ["standup", "new"] {
        fx.room(name, with(json!({"enable_chat": true}))).await;
        fx.ready(Room, name).await;
    }
}

/// With the default key a tenant opens no SIP address in the account, unless an administrator allows it.
async fn restricted(fx: &mut Fixture) {
    let sip = json!({"sip": {"display_name": "Desk", "sip_mode": "dial-in"}});
    fx.room("standup", with(sip.clone())).await;
    fx.room("served", json!({"ttl": "1h"})).await;
    fx.ready(Room, "served").await;
    fx.room("served", with(sip.clone())).await;
    let denied = ("Stalled", "True", "PropertyNotAllowed");
    fx.condition(Room, "standup", denied).await;
    let served = fx.condition(Room, "served", denied).await;
    assert!(
        served.has("Ready", "True", "Available"),
        "callers are served"
    );
    fx.event("standup", "Warning", "PropertyNotAllowed").await;
    let rooms = fx.rooms_at_daily().await;
    assert!(
        rooms.len() == 1 && rooms[0]["config"]["sip"].is_null(),
        "{rooms:?}"
    );

    fx.write_key("own", SECOND_KEY).await;
    let mut own = with(sip);
    own["apiKeySecretRef"] = json!({"name": "own"});
    fx.room("standup", own).await;
    fx.ready(Room, "standup").await;

    assert!(fx.operator().terminate().await.success());
    fx.launch_operator_with(&["--allow-room-properties=sip".to_owned()], &[]);
    let allowed = |room: &Object| {
        room.is_ready()
            && room
                .condition("Stalled")
                .is_none_or(|it| it.status != "True")
    };
    fx.until(Room, "served", "may have its SIP address", LATER, allowed)
        .await;
    for room in fx.rooms_at_daily().await {
        assert_eq!(room["config"]["sip"]["display_name"], "Desk");
    }
    withdrawn(fx, &served).await;
}

/// The administrator withdraws the permission, and then the tenant the API key of its own. Each room loses
/// its SIP address by one update, and keeps the rest.
async fn withdrawn(fx: &mut Fixture, served: &Object) {
    let denied = ("Stalled", "True", "PropertyNotAllowed");
    let reset = json!({"properties": {"sip": null}});
    assert!(fx.operator().terminate().await.success());
    let mark = fx.mark().await;
    fx.start_operator(&[]).await;
    let room = fx.condition(Room, "served", denied).await;
    assert!(room.has("Ready", "True", "Available"), "callers are served");
    assert_eq!(room.pin(), served.pin());
    assert_eq!(the_update(&fx.journal_since(mark).await, &room), reset);

    let mark = fx.mark().await;
    let sip = fx
        .get(Room, "standup")
        .await
        .at("/spec/roomProperties")
        .clone();
    fx.room("standup", with(sip)).await;
    let room = fx.condition(Room, "standup", denied).await;
    assert!(room.has("Ready", "True", "Available"), "callers are served");
    assert_eq!(the_update(&fx.journal_since(mark).await, &room), reset);
    // Somebody else may set it at Daily, and the rest of the spec still counts.
    let lobby = json!({"display_name": "Lobby", "sip_mode": "dial-in"});
    let by_hand = json!({"privacy": "private", "properties": {"sip": lobby}});
    change_by_hand(fx, &room, &by_hand).await;
    is_put_back(fx, fx.mark().await, json!({"privacy": "public"})).await;
}

/// A DailyRoom that is applied after the permission has ended finds the room that an earlier one retained.
async fn retained(fx: &mut Fixture) {
    assert!(fx.operator().terminate().await.success());
    fx.launch_operator_with(&["--allow-room-properties=sip".to_owned()], &[]);
    let mut kept = with(json!({"sip": {"display_name": "Desk", "sip_mode": "dial-in"}}));
    kept["deletionPolicy"] = json!("Retain");
    fx.room("standup", kept).await;
    let before = fx.ready(Room, "standup").await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;

    assert!(fx.operator().terminate().await.success());
    fx.start_operator(&[]).await;
    let mark = fx.mark().await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    assert_eq!(room.pin(), before.pin());
    let reset = json!({"properties": {"sip": null}});
    assert_eq!(the_update(&fx.journal_since(mark).await, &room), reset);
}
