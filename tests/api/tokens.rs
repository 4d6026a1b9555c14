//! Meeting tokens: real ones, in a Secret of their own, for as long as the room and no longer.

use std::sync::Arc;

use daily_sim::{FaultKind, FaultSpec};
use data_encoding::BASE64URL_NOPAD;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::api::PostParams;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, Setup};
use crate::kubectl::texts;
use crate::objects::Kind::Room;
use crate::objects::Object;
use crate::stage::Stage;
use crate::wait::LATER;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    // Only the edit may show that the room is another one.
    let unlisted = Setup::new().value("driftInterval", json!("1h"));
    vec![
        stage.trial("tokens::none_for_a_room_of_others", unlisted, spares_others),
        stage.trial(
            "tokens::open_the_next_room",
            Setup::new(),
            open_the_next_room,
        ),
        stage.trial("tokens::life", Setup::new(), life),
        stage.trial("tokens::edited", Setup::new(), edited),
        stage.trial("tokens::lost_are_replaced", Setup::new(), lost_are_replaced),
        stage.trial("tokens::renewed", Setup::new(), renewed),
        stage.trial("tokens::not_issued", Setup::new(), not_issued),
        stage.trial("tokens::foreign_secret", Setup::new(), foreign_secret),
    ]
}

const SECRET: &str = "standup-tokens";

fn spec(tokens: &Value) -> Value {
    json!({"ttl": "1h", "privacy": "Private", "meetingTokens": {"tokens": tokens}})
}

fn host() -> Value {
    json!({"key": "host", "role": "Owner", "userName": "Ada", "ejectAtTokenExpiry": true})
}

/// What a token says.
fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).expect("is a JWT");
    let claims = BASE64URL_NOPAD.decode(claims.as_bytes());
    serde_json::from_slice(&claims.expect("is base64")).expect("is JSON")
}

fn end(room: &Object) -> i64 {
    let end: Timestamp = room
        .text("/status/expirationTime")
        .parse()
        .expect("is a time");
    end.as_second()
}

/// Waits until the Secret has these keys, and gives its data.
async fn tokens(fx: &Fixture, name: &str, keys: &[&str]) -> Vec<String> {
    let has = |secret: Option<&Secret>| {
        secret.is_some_and(|it| {
            texts(it)
                .keys()
                .map(String::as_str)
                .eq(keys.iter().copied())
        })
    };
    fx.until_secret(name, "has the tokens", has).await;
    fx.secret(name).await.into_values().collect()
}

async fn issued(fx: &Fixture, mark: u64) -> usize {
    fx.journal_since(mark).await.done("POST", "/meeting-tokens")
}

/// Participants join with them, a restart issues none, and they go with the room.
async fn life(fx: &mut Fixture) {
    let guest = json!({"key": "guest", "role": "Participant"});
    fx.room("standup", spec(&json!([host(), guest]))).await;
    let room = fx.ready(Room, "standup").await;
    let both = tokens(fx, SECRET, &["guest", "host"]).await;
    let secret = fx.find_secret(SECRET).await.expect("is there");
    assert_eq!(
        secret.type_.as_deref(),
        Some("daily-operator.io/meeting-tokens")
    );
    assert_eq!(secret.owner_references()[0].uid, room.uid());
    assert_eq!(
        secret.labels()["app.kubernetes.io/managed-by"],
        "daily-operator"
    );
    let dialin = format!("{:?}", fx.secret("standup-dialin").await);
    assert!(both.iter().all(|token| !dialin.contains(token)));
    for (token, is_owner) in both.iter().zip([false, true]) {
        let says = claims(token);
        assert_eq!(says["exp"], end(&room));
        assert_eq!(says["r"], room.room_name());
        assert_eq!(says["o"] == true, is_owner);
        assert_eq!(says["ejt"] == true, is_owner, "else the room decides");
        let shown = fx.by_hand.get(&format!("/meeting-tokens/{token}")).await;
        assert_eq!(shown.expect("Daily answers").status, 200);
    }
    let name = room.room_name();
    assert!(
        fx.sim.join(name, "Eve").await.is_err(),
        "the room is private"
    );
    let inside = fx.sim.join_with(name, "Bob", &both[0]).await;
    assert_eq!(inside.expect("it admits").owners, [""; 0]);
    let inside = fx.sim.join_with(name, "whoever", &both[1]).await;
    assert_eq!(inside.expect("it admits").owners, ["Ada"]);

    assert!(fx.operator().terminate().await.success());
    let mark = fx.mark().await;
    fx.start_operator(&[]).await;
    fx.force_pass(Room, "standup", "after the restart").await;
    let echoed = |room: &Object| room.text("/status/lastHandledReconcileAt") == "after the restart";
    fx.until(Room, "standup", "is seen", LATER, echoed).await;
    fx.journal_since(mark)
        .await
        .expect_no_write("the tokens are good");
    assert_eq!(tokens(fx, SECRET, &["guest", "host"]).await, both);

    let mut over = spec(&json!([host()]));
    over["ttl"] = json!("10s");
    fx.room("standup", over).await;
    let ended = |room: &Object| room.has("Expired", "True", "Expired");
    fx.until(Room, "standup", "ends", LATER, ended).await;
    for name in [SECRET, "standup-dialin"] {
        fx.until_secret(name, "goes", |secret| secret.is_none())
            .await;
    }
}

/// The room was deleted by hand, and somebody else has made one of its name.
async fn spares_others(fx: &mut Fixture) {
    let board = |tokens: Value| {
        let mut spec = spec(&tokens);
        spec["roomName"] = json!("board");
        spec
    };
    fx.room("standup", board(json!([host()]))).await;
    fx.ready(Room, "standup").await;
    tokens(fx, SECRET, &["host"]).await;
    fx.by_hand.delete("/rooms/board").await.expect("answers");
    let theirs = json!({"name": "board", "privacy": "private"});
    fx.by_hand.post("/rooms", &theirs).await.expect("answers");
    let mark = fx.mark().await;
    let guest = json!({"key": "guest", "role": "Owner"});
    fx.room("standup", board(json!([host(), guest]))).await;
    let taken = ("Stalled", "True", "NameTaken");
    fx.condition(Room, "standup", taken).await;
    assert_eq!(issued(fx, mark).await, 0, "it would open their room");
}

/// Daily cannot revoke a token, and it names its room alone: docs/security.md warns of it.
async fn open_the_next_room(fx: &mut Fixture) {
    let mut board = spec(&json!([host()]));
    board["roomName"] = json!("board");
    fx.room("standup", board.clone()).await;
    fx.ready(Room, "standup").await;
    let before = tokens(fx, SECRET, &["host"]).await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    assert!(fx.find_secret(SECRET).await.is_none());
    board["meetingTokens"] = json!(null);
    fx.room("another", board).await;
    fx.ready(Room, "another").await;
    let inside = fx.sim.join_with("board", "whoever", &before[0]).await;
    assert_eq!(inside.expect("it admits").owners, ["Ada"]);
}

/// What changes is issued again, what is removed leaves the Secret, and another name moves it.
async fn edited(fx: &mut Fixture) {
    let guest = json!({"key": "guest", "role": "Participant"});
    fx.room("standup", spec(&json!([host(), guest]))).await;
    fx.ready(Room, "standup").await;
    let before = tokens(fx, SECRET, &["guest", "host"]).await;
    let pin = fx.secret("standup-dialin").await;
    let mark = fx.mark().await;
    fx.room("standup", spec(&json!([host()]))).await;
    assert_eq!(tokens(fx, SECRET, &["host"]).await, before[1..]);
    assert_eq!(issued(fx, mark).await, 0, "the other one is still good");
    let event = fx.event("standup", "Normal", "MeetingTokensChanged").await;
    assert!(event.note.is_some());

    let mut later = spec(&json!([host()]));
    later["ttl"] = json!("2h");
    fx.room("standup", later.clone()).await;
    let room = fx.ready(Room, "standup").await;
    let moved = |secret: Option<&Secret>| {
        let data = secret.map(texts).unwrap_or_default();
        data.get("host")
            .is_some_and(|it| claims(it)["exp"] == end(&room))
    };
    fx.until_secret(SECRET, "follows the end", moved).await;
    assert_eq!(issued(fx, mark).await, 1);

    later["meetingTokens"]["secretName"] = json!("hosts");
    fx.room("standup", later.clone()).await;
    tokens(fx, "hosts", &["host"]).await;
    fx.until_secret(SECRET, "goes", |secret| secret.is_none())
        .await;
    // The two Secrets exchange their names.
    later["secret"] = json!({"name": "hosts"});
    later["meetingTokens"]["secretName"] = json!("standup-dialin");
    fx.room("standup", later.clone()).await;
    tokens(fx, "standup-dialin", &["host"]).await;
    let has_pin = |secret: Option<&Secret>| {
        secret.is_some_and(|it| texts(it).get("dialin-code") == pin.get("dialin-code"))
    };
    fx.until_secret("hosts", "has the PIN", has_pin).await;
    later
        .as_object_mut()
        .expect("is a map")
        .remove("meetingTokens");
    fx.room("standup", later).await;
    fx.until_secret("standup-dialin", "goes", |secret| secret.is_none())
        .await;
    let data = fx.secret("hosts").await;
    assert!(data["dialin-code"] == pin["dialin-code"] && !data.contains_key("host"));
}

/// A deleted Secret comes back with new tokens; in an edited one, only what was edited is replaced.
async fn lost_are_replaced(fx: &mut Fixture) {
    let guest = json!({"key": "guest", "role": "Participant"});
    fx.room("standup", spec(&json!([host(), guest]))).await;
    fx.ready(Room, "standup").await;
    let before = tokens(fx, SECRET, &["guest", "host"]).await;
    let mark = fx.mark().await;
    // A guest's token in place of the host's.
    let edit = json!({"stringData": {"host": before[0]}});
    fx.patch_secret(SECRET, &edit).await;
    let right = |secret: Option<&Secret>| {
        let data = secret.map(texts).unwrap_or_default();
        data.get("host").is_some_and(|it| claims(it)["o"] == true)
            && data.get("guest") == Some(&before[0])
    };
    fx.until_secret(SECRET, "is put right", right).await;
    assert_eq!(issued(fx, mark).await, 1);
    let event = fx.event("standup", "Warning", "SecretRepaired").await;
    assert!(event.note.is_some_and(|it| it.contains("cannot revoke")));
    fx.delete_secret(SECRET).await;
    tokens(fx, SECRET, &["guest", "host"]).await;
    assert_eq!(issued(fx, mark).await, 3);
    let room = fx.get(Room, "standup").await;
    assert_eq!(room.at("/status/dialinCodeRevision"), 1);
}

/// The token in the Secret is nearly through its two thirds: somebody put it there, with the same rights.
async fn renewed(fx: &mut Fixture) {
    let mut token = host();
    token["ttl"] = json!("10m");
    fx.room("standup", spec(&json!([token]))).await;
    let room = fx.ready(Room, "standup").await;
    tokens(fx, SECRET, &["host"]).await;
    let mark = fx.mark().await;
    let now = Timestamp::now().as_second();
    let properties = json!({"room_name": room.room_name(), "exp": now + 203, "is_owner": true,
        "user_name": "Ada", "eject_at_token_exp": true});
    let old = fx
        .by_hand
        .post("/meeting-tokens", &json!({"properties": properties}))
        .await;
    let old = old.expect("Daily answers").body["token"].clone();
    fx.patch_secret(SECRET, &json!({"stringData": {"host": old}}))
        .await;
    let renewed = |secret: Option<&Secret>| {
        let data = secret.map(texts).unwrap_or_default();
        let exp = data.get("host").and_then(|it| claims(it)["exp"].as_i64());
        exp.is_some_and(|exp| exp >= now + 600 && exp <= end(&room))
    };
    fx.until_secret(SECRET, "is renewed", renewed).await;
    assert_eq!(issued(fx, mark).await, 2, "by hand, and by the operator");
}

/// Callers reach the room, whatever Daily says about its tokens; the other token is issued.
async fn not_issued(fx: &mut Fixture) {
    let fault = |status: u16| {
        let body = json!({"error": "invalid-request-error", "info": "no such user"});
        let kind = FaultKind::Status {
            status,
            body: Some(body),
            headers: Default::default(),
        };
        FaultSpec::next("POST", "/meeting-tokens", kind)
    };
    let guest = json!({"key": "guest", "role": "Participant"});
    fx.sim.fault(&fault(400)).await.expect("is installed");
    fx.room("standup", spec(&json!([host(), guest]))).await;
    let room = fx.ready(Room, "standup").await;
    let stalled = |it: &Object| it.has("Stalled", "True", "RejectedByDaily") && it.is_ready();
    let room_then = fx.until(Room, "standup", "says so", LATER, stalled).await;
    let message = room_then.condition("Stalled").expect("is there").message;
    assert!(
        message.contains("the key host") && message.contains("no such user"),
        "{message}"
    );
    fx.event("standup", "Warning", "RejectedByDaily").await;
    // The refusal is over.
    tokens(fx, SECRET, &["guest", "host"]).await;
    let settled = |it: &Object| it.condition("Stalled").is_none() && it.is_ready();
    fx.until(Room, "standup", "is all right", LATER, settled)
        .await;

    let before = fx.secret(SECRET).await;
    fx.sim
        .fault(&fault(503).times(0))
        .await
        .expect("is installed");
    let renamed = json!({"key": "host", "role": "Owner", "userName": "Bob"});
    fx.room("standup", spec(&json!([renamed]))).await;
    let retries = |it: &Object| {
        it.has("Reconciling", "True", "DailyUnavailable") && it.has("Ready", "True", "Available")
    };
    fx.until(Room, "standup", "retries", LATER, retries).await;
    assert_eq!(
        fx.secret(SECRET).await["host"],
        before["host"],
        "better than none"
    );
    fx.delete_secret("standup-dialin").await;
    fx.until_secret("standup-dialin", "comes back", |it| it.is_some())
        .await;
    fx.sim.clear_faults().await.expect("are removed");
    let bob = |secret: Option<&Secret>| {
        let data = secret.map(texts).unwrap_or_default();
        data.get("host").is_some_and(|it| claims(it)["u"] == "Bob")
    };
    fx.until_secret(SECRET, "has the new name", bob).await;
    assert_eq!(fx.get(Room, "standup").await.pin(), room.pin());
}

/// Daily issues nothing for a Secret that is not ours, and callers are served.
async fn foreign_secret(fx: &mut Fixture) {
    let foreign = json!({"metadata": {"name": SECRET}, "stringData": {"password": "theirs"}});
    let foreign: Secret = serde_json::from_value(foreign).expect("is a Secret");
    let made = fx.secrets().create(&PostParams::default(), &foreign).await;
    let before = made.expect("it can be made");
    fx.room("standup", spec(&json!([host()]))).await;
    let conflict = |it: &Object| it.has("Stalled", "True", "SecretConflict") && it.is_ready();
    fx.until(Room, "standup", "says so", LATER, conflict).await;
    assert_eq!(
        fx.find_secret(SECRET).await,
        Some(before),
        "it is untouched"
    );
    assert_eq!(issued(fx, 0).await, 0);
    fx.ready(Room, "standup").await;
    fx.delete_secret(SECRET).await;
    fx.force_pass(Room, "standup", "the name is free").await;
    tokens(fx, SECRET, &["host"]).await;
}
