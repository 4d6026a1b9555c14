//! Taking over what exists at Daily, as `adoptionPolicy` allows, and the limits of it.

use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NUMBER, SECOND_KEY, Setup};
use crate::objects::Kind::{Number, Room};
use crate::objects::Object;
use crate::stage::{Affected::By, Stage};
use crate::wait::{LATER, SOON, until};

/// The Secret with a key of the tenant's own, which is of the account of the default key.
const OWN_KEY: &str = "own-key";

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let room = stage.under_each_answer(
        "adopt::room",
        Setup::new(),
        By(&[
            "dialin-shown",
            "pin-without-dialin",
            "reads",
            "listing-dialin-code",
        ]),
        room,
    );
    let number = stage.under_each_answer(
        "adopt::number",
        Setup::new(),
        By(&["config-put", "config-reads"]),
        number,
    );
    let another_case = stage.under_each_answer(
        "adopt::another_case",
        Setup::new(),
        By(&["name-case"]),
        another_case,
    );
    let plain = vec![
        stage.trial(
            "adopt::default_key",
            Setup::new().without_operator(),
            default_key,
        ),
        stage.trial("adopt::rejected_update", Setup::new(), rejected_update),
        stage.trial("adopt::one_owner", Setup::new().neighbour(), one_owner),
        stage.trial("adopt::vanished", Setup::new(), vanished),
    ];
    let by_answer = [room, number, another_case];
    plain
        .into_iter()
        .chain(by_answer.into_iter().flatten())
        .collect()
}

/// A DailyRoom that adopts the room `board` with a key of its own namespace.
pub fn adopting() -> Value {
    let spec = json!({"ttl": "2h", "roomName": "board", "adoptionPolicy": "AdoptOrCreate"});
    with_own_key(spec)
}

/// A private room without dial-in and without an end, with a property that no DailyRoom sets.
pub async fn room_by_hand(fx: &Fixture) -> Value {
    write_own_key(fx).await;
    let theirs = json!({"name": "board", "privacy": "private",
        "properties": {"enable_chat": true}});
    let made = fx.by_hand.post("/rooms", &theirs).await;
    made.expect("Daily answers").body
}

async fn somebody_joins(fx: &Fixture, room: &str) {
    let request = json!({"properties": {"room_name": room}});
    let issued = fx.by_hand.post("/meeting-tokens", &request).await;
    let token = issued.expect("Daily answers").body["token"].clone();
    let token = token.as_str().expect("is issued");
    let joined = fx.sim.join_with(room, "Ann", token).await;
    joined.expect("Ann joins");
    // Presence shows people late (F-PRES-3).
    let shown = fx.sim.advance(Duration::from_secs(60)).await;
    shown.expect("the clock moves");
}

/// The guide's "add `dialin` to an existing room" with somebody in it, and the way back.
async fn room(fx: &mut Fixture) {
    let theirs = room_by_hand(fx).await;
    somebody_joins(fx, "board").await;
    let mark = fx.mark().await;
    let mut spec = adopting();
    spec["adoptionPolicy"] = json!("Never");
    fx.room("standup", spec.clone()).await;
    let taken = ("Stalled", "True", "NameTaken");
    fx.condition(Room, "standup", taken).await;
    fx.room("standup", adopting()).await;
    let adopted = fx.ready(Room, "standup").await;
    assert_eq!(adopted.at("/status/room/id"), &theirs["id"]);
    assert_eq!(adopted.at("/status/room/adopted"), true);
    let event = fx.event("standup", "Normal", "Adopted").await;
    assert!(event.note.unwrap_or_default().contains("adoptionPolicy"));
    // One update with what the spec asks for, and nothing else.
    let journal = fx.journal_since(mark).await;
    let done: Vec<_> = (journal.writes().into_iter())
        .filter(|call| call.status == 200)
        .collect();
    let [update] = done[..] else {
        panic!("one update:\n{}", journal.tail(20));
    };
    assert_eq!(update.path, "/rooms/board");
    let properties = &update.body.as_ref().expect("it has a body")["properties"];
    let sent: Vec<&String> = properties
        .as_object()
        .expect("it has some")
        .keys()
        .collect();
    assert_eq!(sent, ["dialin", "exp"]);
    let now = fx.room_at_daily("board").await;
    assert_eq!(now["privacy"], "private");
    assert_eq!(now["config"]["enable_chat"], true);
    let pin = now["config"]["dialin_code"].as_str();
    assert_eq!(adopted.pin(), pin);
    assert_eq!(
        Some(fx.secret("standup-dialin").await["dialin-code"].as_str()),
        pin
    );
    fx.event("standup", "Normal", "Updated").await;
    // What is adopted stays so.
    fx.room("standup", spec).await;
    fx.ready(Room, "standup").await;

    // Unless the spec says otherwise, the room outlives the object.
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    fx.event("standup", "Normal", "Orphaned").await;
    assert_eq!(fx.room_at_daily("board").await, now);
    let inside = fx.by_hand.get("/rooms/board/presence").await;
    assert_eq!(inside.expect("Daily answers").body["total_count"], 1);
    // A room that has dial-in is not written to: it keeps its PIN, its end and its display name.
    let theirs = json!({"display_name": "Reception", "wait_for_meeting_start": false});
    let theirs = json!({"properties": {"dialin": theirs}});
    let changed = fx.by_hand.post("/rooms/board", &theirs).await;
    let changed = changed.expect("Daily answers").body;
    let mark = fx.mark().await;
    let mut omits = adopting();
    omits["dialin"] = json!({"codeInStatus": "Omit"});
    fx.room("standup", omits).await;
    fx.ready(Room, "standup").await;
    assert_eq!(
        Some(fx.secret("standup-dialin").await["dialin-code"].as_str()),
        changed["config"]["dialin_code"].as_str()
    );
    fx.journal_since(mark)
        .await
        .expect_no_write("it has dial-in");
    let mut deletes = adopting();
    deletes["deletionPolicy"] = json!("Delete");
    fx.room("standup", deletes).await;
    fx.ready(Room, "standup").await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    assert!(fx.rooms_at_daily().await.is_empty());
}

/// Without the update there is no dial-in and no PIN, which is not what the user has to know.
async fn rejected_update(fx: &mut Fixture) {
    let theirs = room_by_hand(fx).await;
    let mut spec = adopting();
    spec["roomProperties"] = json!({"geo": "moon-north-1"});
    fx.room("standup", spec).await;
    let rejected = ("Stalled", "True", "RejectedByDaily");
    let object = fx.condition(Room, "standup", rejected).await;
    let message = object.condition("Stalled").expect("is there").message;
    assert!(
        message.contains("Daily rejected the change of the room: "),
        "{message}"
    );
    assert_eq!(fx.room_at_daily("board").await, theirs);
    fx.room("standup", adopting()).await;
    fx.ready(Room, "standup").await;
}

/// Presence and listings show a room by its own name alone, so that its participants would not show.
async fn another_case(fx: &mut Fixture) {
    write_own_key(fx).await;
    let theirs = fx.by_hand.post("/rooms", &json!({"name": "Board"})).await;
    let theirs = theirs.expect("Daily answers").body;
    let mut spec = adopting();
    spec["deletionPolicy"] = json!("DeleteWhenEmpty");
    fx.room("standup", spec).await;
    if fx.answer("name-case") == "distinct" {
        let own = fx.ready(Room, "standup").await;
        assert_ne!(own.at("/status/room/id"), &theirs["id"]);
    } else {
        let taken = ("Stalled", "True", "NameTaken");
        let object = fx.condition(Room, "standup", taken).await;
        let message = object.condition("Stalled").expect("is there").message;
        assert!(message.contains("the roomName Board"), "{message}");
        somebody_joins(fx, "Board").await;
    }
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    assert_eq!(fx.room_at_daily("Board").await["id"], theirs["id"]);
}

/// What replaces a private room is private, although the spec does not say it.
async fn vanished(fx: &mut Fixture) {
    room_by_hand(fx).await;
    fx.room("standup", adopting()).await;
    let adopted = fx.ready(Room, "standup").await;
    let deleted = fx.by_hand.delete("/rooms/board").await;
    assert_eq!(deleted.expect("Daily answers").status, 200);
    let anew = |room: &Object| room.is_ready() && room.pin() != adopted.pin();
    let after = fx.until(Room, "standup", "is recreated", LATER, anew).await;
    assert_ne!(after.at("/status/room/adopted"), true);
    fx.force_pass(Room, "standup", "the room stays as it is")
        .await;
    fx.ready(Room, "standup").await;
    assert_eq!(fx.room_at_daily("board").await["privacy"], "private");
}

/// What the spec does not set stays in the config, which outlives the object.
async fn number(fx: &mut Fixture) {
    write_own_key(fx).await;
    let theirs = json!({"type": "pin_dialin", "phone_number": NUMBER, "name_prefix": "theirs",
        "ivr_greeting": {"message": "Theirs."}});
    let made = fx.by_hand.post("/domain-dialin-config", &theirs).await;
    let id = made.expect("Daily answers").body["id"].clone();
    let spec = json!({"phoneNumber": NUMBER, "adoptionPolicy": "AdoptOrCreate",
        "apiKeySecretRef": {"name": OWN_KEY}, "ivrGreeting": {"message": "Hello."}});
    fx.apply(Number, "main-line", &spec).await;
    let adopted = fx.ready(Number, "main-line").await;
    assert_eq!(adopted.at("/status/configId"), &id);
    fx.event("main-line", "Normal", "Adopted").await;
    fx.delete(Number, "main-line").await;
    fx.gone(Number, "main-line").await;
    let [config] = &fx.configs_at_daily().await[..] else {
        panic!("it is gone, or there are two");
    };
    assert_eq!(config["id"], id);
    assert_eq!(config["config"]["name_prefix"], "theirs");
    assert_eq!(config["config"]["ivr_greeting"]["message"], "Hello.");
}

/// Whoever shares the default key with others adopts only if the administrator allows it.
async fn default_key(fx: &mut Fixture) {
    fx.start_operator(&[]).await;
    let room = room_by_hand(fx).await;
    let config = json!({"type": "pin_dialin", "phone_number": NUMBER});
    let made = fx.by_hand.post("/domain-dialin-config", &config).await;
    assert_eq!(made.expect("Daily answers").status, 200);
    let mark = fx.mark().await;
    let with_default = |mut spec: Value| {
        let fields = spec.as_object_mut().expect("it is an object");
        fields.remove("apiKeySecretRef");
        spec
    };
    fx.room("standup", with_default(adopting())).await;
    let spec = json!({"phoneNumber": NUMBER, "adoptionPolicy": "AdoptOrCreate"});
    fx.apply(Number, "main-line", &spec).await;
    for (kind, name) in [(Room, "standup"), (Number, "main-line")] {
        let stalled = ("Stalled", "True", "AdoptionNotAllowed");
        let object = fx.condition(kind, name, stalled).await;
        assert!(object.has("Ready", "False", "AdoptionNotAllowed"));
        let message = object.condition("Stalled").expect("is there").message;
        assert!(
            message.contains("--allow-adoption-with-default-key"),
            "{message}"
        );
        fx.event(name, "Warning", "AdoptionNotAllowed").await;
    }
    fx.journal_since(mark)
        .await
        .expect_no_write("it is not allowed");
    assert!(fx.operator().terminate().await.success());
    fx.add_args(vec!["--allow-adoption-with-default-key".to_owned()]);
    fx.start_operator(&[]).await;
    let adopted = fx.ready(Room, "standup").await;
    assert_eq!(adopted.at("/status/room/id"), &room["id"]);
    fx.ready(Number, "main-line").await;
}

/// Two DailyRooms of two namespaces want one room at the same moment, each with a key of the account.
/// One gets it, and the other one gets it after that, with the same PIN.
async fn one_owner(fx: &mut Fixture) {
    let end = k8s_openapi::jiff::Timestamp::now().as_second() + 7200;
    let theirs = room_by_hand(fx).await;
    let ends = json!({"properties": {"exp": end}});
    let changed = fx.by_hand.post("/rooms/board", &ends).await;
    assert_eq!(changed.expect("Daily answers").status, 200);
    let homes = [fx.home.clone(), fx.neighbour()];
    fx.go_to(fx.neighbour());
    write_own_key(fx).await;
    fx.operator().pause();
    for home in &homes {
        fx.go_to(home.clone());
        fx.room("standup", adopting()).await;
    }
    fx.operator().resume();
    let settled = async || {
        let mut rooms = Vec::new();
        for home in &homes {
            rooms.extend(fx.list_in(Room, home).await);
        }
        let taken = |room: &Object| room.has("Stalled", "True", "NameTaken");
        match &rooms[..] {
            [one, other] if one.is_ready() && taken(other) => {
                Ok((homes[0].clone(), homes[1].clone()))
            }
            [one, other] if taken(one) && other.is_ready() => {
                Ok((homes[1].clone(), homes[0].clone()))
            }
            _ => Err("not yet one Ready and the other NameTaken"),
        }
    };
    let (winner, loser) = until("one of them has the room", SOON, settled).await;
    // Once the winner is gone, the other one may get the room at any time.
    fx.go_to(loser.clone());
    let refused = fx.get(Room, "standup").await;
    let message = refused.condition("Stalled").expect("is there").message;
    let names_nobody = message.starts_with("A DailyRoom in another namespace holds");
    assert!(names_nobody, "{message}");
    fx.go_to(winner);
    let before = fx.ready(Room, "standup").await;
    assert_eq!(before.at("/status/room/id"), &theirs["id"]);
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    fx.go_to(loser);
    fx.force_pass(Room, "standup", "the room is free").await;
    let after = fx.ready(Room, "standup").await;
    assert_eq!(after.pin(), before.pin());
}

/// A spec with which a tenant would take over what another object has, also to delete it.
pub fn taking_over(mut spec: Value) -> Value {
    spec["adoptionPolicy"] = json!("AdoptOrCreate");
    spec["deletionPolicy"] = json!("Delete");
    spec
}

/// A spec with a key of the account that the tenant has itself.
pub fn with_own_key(mut spec: Value) -> Value {
    spec["apiKeySecretRef"] = json!({"name": OWN_KEY});
    spec
}

/// Writes that key into the namespace.
pub async fn write_own_key(fx: &Fixture) {
    fx.write_key(OWN_KEY, SECOND_KEY).await;
}
