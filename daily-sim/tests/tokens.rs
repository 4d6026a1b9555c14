//! Meeting tokens, and what they are good for.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::{ClientError, Presence};
use data_encoding::BASE64URL_NOPAD;
use ring::hmac;
use serde_json::{Value, json};
use support::{GLOBAL_NUMBER, KEY, OTHER_KEY, Stage, ok, pin_of, refused, text};

const SECOND_OTHER_KEY: &str = "second-api-key-of-other";

impl Stage {
    async fn token(&self, properties: Value) -> String {
        let body = json!({"properties": properties});
        text(&ok(self.api.post("/meeting-tokens", &body).await)["token"])
    }

    async fn properties_of(&self, token: &str) -> Value {
        ok(self.api.get(&format!("/meeting-tokens/{token}")).await)
    }

    async fn private_room(&self, name: &str, properties: Value) {
        let mut wish = self.wish(name, properties).await;
        wish["privacy"] = json!("private");
        ok(self.api.post("/rooms", &wish).await);
    }

    async fn people(&self, room: &str) -> Vec<String> {
        let joined = self.phone.join(room, "Witness").await.expect("joins");
        self.phone.leave(room, "Witness").await.expect("leaves");
        joined.people[..joined.people.len() - 1].to_vec()
    }
}

fn sign(key: &str, claims: &Value) -> String {
    let head = BASE64URL_NOPAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = BASE64URL_NOPAD.encode(claims.to_string().as_bytes());
    let signed = format!("{head}.{claims}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let tag = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", BASE64URL_NOPAD.encode(tag.as_ref()))
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("has claims");
    let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).expect("is base64");
    serde_json::from_slice(&bytes).expect("is JSON")
}

#[track_caller]
fn sentence(joined: Result<Presence, ClientError>) -> String {
    match joined {
        Err(ClientError::Refused { sentence, .. }) => sentence,
        other => panic!("must be refused: {other:?}"),
    }
}

/// F-TOKEN-1, F-TOKEN-3, F-TOKEN-4, F-TOKEN-8: short claims, and the signature of the key that asked.
#[tokio::test]
async fn a_token_is_made_and_read() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    let now = stage.now().await;
    let wish = json!({
        "room_name": "a", "exp": now + 60, "is_owner": true, "user_name": "Ann", "user_id": "u1",
        "lang": "de", "eject_at_token_exp": true, "start_video_off": null
    });
    let token = stage.token(wish.clone()).await;
    let mut told = claims(&token);
    let iat = told["iat"].take().as_i64().expect("is a number");
    assert!((now..=now + 1).contains(&iat));
    let domain = ok(stage.api.get("/").await)["domain_id"].clone();
    let expected = json!({
        "r": "a", "exp": now + 60, "o": true, "u": "Ann", "ud": "u1", "uil": "de", "ejt": true,
        "d": domain, "iat": null
    });
    assert_eq!(told, expected);
    let mut wish = wish;
    wish.as_object_mut()
        .expect("is an object")
        .remove("start_video_off");
    assert_eq!(stage.properties_of(&token).await, wish);
    assert_eq!(sign(KEY, &claims(&token)), token);

    let other = stage.phone.api(SECOND_OTHER_KEY);
    let body = json!({"properties": {}});
    let token = text(&ok(other.post("/meeting-tokens", &body).await)["token"]);
    assert_eq!(sign(SECOND_OTHER_KEY, &claims(&token)), token);
    ok(stage.other.get(&format!("/meeting-tokens/{token}")).await);
}

/// F-TOKEN-2, F-TOKEN-6, F-TOKEN-7.
#[tokio::test]
async fn senseless_tokens_are_refused() {
    let stage = Stage::new().await;
    for (bad, part) in [
        (json!({"room_name": "nobody"}), "room not found"),
        (
            json!({"exp": 1}),
            "exp was '1', which is in the past rather than in the future",
        ),
        (json!({"role": "owner"}), "role"),
        (json!({"is_owner": "yes"}), "is_owner"),
        (json!({"user_id": "x".repeat(37)}), "at most 36"),
        (json!({"lang": "xx"}), "lang"),
        (json!({"enable_recording": "tape"}), "enable_recording"),
        (
            json!({"enable_recording": ["cloud", 1]}),
            "enable_recording",
        ),
    ] {
        let body = json!({"properties": bad});
        let answer = stage.api.post("/meeting-tokens", &body).await;
        refused(answer, 400, "invalid-request-error", part);
    }
    stage.token(json!({"user_id": "x".repeat(36)})).await;
    let fine = json!({"lang": "pt-BR", "enable_recording": ["cloud", "raw-tracks"]});
    stage.token(fine).await;
}

/// F-TOKEN-4, F-TOKEN-8: what was signed with a key of the domain is as good as what was issued.
#[tokio::test]
async fn a_token_is_checked() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    let now = stage.now().await;
    let domain = ok(stage.api.get("/").await)["domain_id"].clone();
    let good = json!({"r": "a", "d": domain, "iat": now, "u": "Eve"});
    let with = |claim: &str, value: Value| {
        let mut claims = good.clone();
        claims[claim] = value;
        claims
    };
    let shown = stage.properties_of(&sign(KEY, &good)).await;
    assert_eq!(shown, json!({"room_name": "a", "user_name": "Eve"}));
    for bad in [
        "nonsense".to_owned(),
        sign(OTHER_KEY, &good),
        sign(KEY, &with("d", json!("another"))),
        sign(KEY, &with("iat", Value::Null)),
        sign(KEY, &with("exp", json!(now - 1))),
        sign(KEY, &with("nbf", json!(now + 60))),
    ] {
        let path = format!("/meeting-tokens/{bad}");
        refused(
            stage.api.get(&path).await,
            400,
            "invalid-request-error",
            "token",
        );
    }
    let early = sign(KEY, &with("nbf", json!(now + 60)));
    let path = format!("/meeting-tokens/{early}?ignoreNbf=true");
    assert_eq!(ok(stage.api.get(&path).await)["nbf"], now + 60);
    let theirs = format!("/meeting-tokens/{}", sign(KEY, &good));
    refused(
        stage.other.get(&theirs).await,
        400,
        "invalid-request-error",
        "token",
    );
}

/// F-TOKEN-5, F-TOKEN-9, F-TOKEN-11, F-ROOM-8.
#[tokio::test]
async fn a_private_room_needs_a_token() {
    let stage = Stage::new().await;
    stage.private_room("a", json!({})).await;
    stage.private_room("b", json!({})).await;
    let refusal = sentence(stage.phone.join("a", "Ann").await);
    assert!(refusal.contains("write a \"token\""), "{refusal}");
    let wish = json!({"room_name": "a", "user_name": "Ann", "is_owner": true});
    let token = stage.token(wish).await;
    let refusal = sentence(stage.phone.join_with("b", "X", &token).await);
    assert!(refusal.contains("not for room b"), "{refusal}");
    let joined = stage
        .phone
        .join_with("a", "X", &token)
        .await
        .expect("joins");
    assert_eq!(
        (joined.people, joined.owners),
        (vec!["Ann".to_owned()], vec!["Ann".to_owned()])
    );
    let any = stage.token(json!({})).await;
    let joined = stage
        .phone
        .join_with("b", "Bob", &any)
        .await
        .expect("joins");
    assert_eq!((joined.people.len(), joined.owners.len()), (1, 0));
    sentence(stage.phone.join_with("a", "Eve", "nonsense").await);
}

/// F-TOKEN-9, F-TOKEN-11: its `exp` and `nbf` gate joining, those of the room as well.
#[tokio::test]
async fn a_token_has_its_time() {
    let stage = Stage::new().await;
    let now = stage.now().await;
    stage
        .private_room("a", json!({"exp": now + 7 * 86_400}))
        .await;
    let wish = json!({"room_name": "a", "nbf": now + 100, "exp": now + 200});
    let token = stage.token(wish).await;
    let refusal = sentence(stage.phone.join_with("a", "Ann", &token).await);
    assert!(refusal.contains("not valid yet"), "{refusal}");
    stage.advance(100).await;
    stage
        .phone
        .join_with("a", "Ann", &token)
        .await
        .expect("joins");
    stage.advance(100).await;
    let refusal = sentence(stage.phone.join_with("a", "Bob", &token).await);
    assert!(refusal.contains("expired"), "{refusal}");
    let left = stage.phone.leave("a", "Ann").await;
    left.expect("the end of a token alone ejects nobody");
    let forever = stage.token(json!({"room_name": "a"})).await;
    stage.advance(6 * 86_400).await;
    stage
        .phone
        .join_with("a", "Ann", &forever)
        .await
        .expect("joins");
    stage.advance(86_400).await;
    let refusal = sentence(stage.phone.join_with("a", "Bob", &forever).await);
    assert!(refusal.contains("room a has expired"), "{refusal}");
}

/// F-TOKEN-10, F-CALL-16: what the token says of ejection takes precedence over the room.
#[tokio::test]
async fn a_token_decides_when_its_holder_is_ejected() {
    let stage = Stage::new().await;
    let now = stage.now().await;
    let of_room = json!({"exp": now + 1000, "eject_at_room_exp": true, "dialin": {}});
    let room = stage.room("a", of_room).await;
    for (name, properties) in [
        ("exp", json!({"exp": now + 500, "eject_at_token_exp": true})),
        ("elapsed", json!({"eject_after_elapsed": 700})),
        (
            "both",
            json!({"exp": now + 900, "eject_at_token_exp": true, "eject_after_elapsed": 300}),
        ),
        ("long", json!({"eject_after_elapsed": 5000})),
        ("none", json!({})),
    ] {
        let token = stage.token(properties).await;
        stage
            .phone
            .join_with("a", name, &token)
            .await
            .expect("joins");
    }
    let dialled = format!("{GLOBAL_NUMBER},,{}", pin_of(&room));
    stage.phone.dial(&dialled).await.expect("dials");
    stage.advance(301).await;
    assert_eq!(stage.people("a").await, ["exp", "elapsed", "long", "none"]);
    stage.advance(200).await;
    assert_eq!(stage.people("a").await, ["elapsed", "long", "none"]);
    stage.advance(201).await;
    assert_eq!(stage.people("a").await, ["long", "none"]);
    stage.advance(300).await;
    assert!(stage.phone.calls().await.expect("lists").is_empty());
    let left = stage
        .phone
        .leave("a", "long")
        .await
        .expect("is still there");
    assert!(left.people.is_empty());
}

/// F-PRES-1, F-PRES-5, F-PRES-6, F-MEET-1: the user id of the token, in presence, meetings and bans.
#[tokio::test]
async fn users_are_found_ejected_and_banned_by_their_id() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    stage.room("b", json!({})).await;
    let ann = stage
        .token(json!({"user_id": "u1", "user_name": "Ann"}))
        .await;
    let bob = stage
        .token(json!({"user_id": "u2", "user_name": "Bob"}))
        .await;
    for token in [&ann, &ann, &bob] {
        stage.phone.join_with("a", "X", token).await.expect("joins");
    }
    stage.advance(31).await;
    let shown = ok(stage.api.get("/rooms/a/presence?userId=u1").await);
    assert_eq!(
        (&shown["total_count"], &shown["data"][0]["userName"]),
        (&json!(2), &json!("Ann"))
    );
    let meetings = ok(stage.api.get("/meetings").await);
    assert_eq!(meetings["data"][0]["participants"][2]["user_id"], "u2");

    let wish = json!({"user_ids": ["u1", "u9"]});
    let ejected = ok(stage.api.post("/rooms/a/eject", &wish).await);
    assert_eq!(
        ejected["ejectedIds"].as_array().expect("is a list").len(),
        2
    );
    assert_eq!(stage.people("a").await, ["Bob"]);
    stage
        .phone
        .join_with("a", "X", &ann)
        .await
        .expect("is not banned");
    let wish = json!({"user_ids": ["u1"], "ban": true});
    ok(stage.api.post("/rooms/a/eject", &wish).await);
    let refusal = sentence(stage.phone.join_with("a", "X", &ann).await);
    assert!(refusal.contains("banned from room a"), "{refusal}");
    stage
        .phone
        .join_with("b", "X", &ann)
        .await
        .expect("is another room");
    stage
        .phone
        .join_with("a", "X", &bob)
        .await
        .expect("is another user");
    // Both of the name Bob leave, and with them the meeting and its bans end.
    for _ in 0..2 {
        stage.phone.leave("a", "Bob").await.expect("leaves");
    }
    stage
        .phone
        .join_with("a", "X", &ann)
        .await
        .expect("is another meeting");
}

/// F-TOKEN-7, F-ROOM-19: a fraction of an `exp` is kept or goes, as in a room.
#[tokio::test]
async fn a_fraction_of_the_end_is_kept_or_goes() {
    for (name, value, fraction) in [
        ("fractional-exp", "kept", 0.5),
        ("fractional-exp", "floored", 0.0),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let end = stage.now().await as f64 + 60.0;
        let token = stage.token(json!({"exp": end + 0.5})).await;
        let shown = stage.properties_of(&token).await["exp"].as_f64();
        assert_eq!(shown, Some(end + fraction), "{value}");
    }
}

/// The keys that sign appear nowhere.
#[tokio::test]
async fn no_key_gets_out() {
    let stage = Stage::new().await;
    let token = stage.token(json!({})).await;
    let told = format!(
        "{} {:?}",
        token,
        stage.phone.journal(0).await.expect("is told")
    );
    assert!(!told.contains(KEY), "{told}");
}
