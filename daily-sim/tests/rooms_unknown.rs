//! Rooms where nobody knows how Daily answers, and what their properties take.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use serde_json::{Value, json};
use support::{Stage, invalid, names, ok, refused, text};

/// F-ROOM-37: in every call that names a room.
#[tokio::test]
async fn names_that_differ_in_case_are_two_rooms_or_one() {
    let stage = Stage::with_quirk("name-case", "distinct").await;
    stage.room("a", json!({})).await;
    stage.room("A", json!({})).await;
    assert_eq!(ok(stage.api.get("/rooms/A").await)["name"], "A");

    let stage = Stage::with_quirk("name-case", "folded").await;
    let room = stage.room("Room-a", json!({})).await;
    let wish = stage.wish("rOOM-A", json!({})).await;
    invalid(stage.api.post("/rooms", &wish).await, "already exists");
    assert_eq!(ok(stage.api.get("/rooms/ROOM-A").await), room);
    let changed = ok(stage.update("room-a", json!({"enable_chat": true})).await);
    assert_eq!(
        (&changed["id"], &changed["name"]),
        (&room["id"], &room["name"])
    );
    stage.phone.join("ROOM-a", "Ann").await.expect("joins");
    stage.phone.leave("room-A", "Ann").await.expect("leaves");
    ok(stage.api.delete("/rooms/room-a").await);
    assert!(names(&ok(stage.api.get("/rooms").await)).is_empty());
    stage.room("room-a", json!({})).await;
}

/// F-ROOM-37, F-ROOM-41: both at once.
#[tokio::test]
async fn a_lagging_read_finds_a_room_by_another_case() {
    let stage = Stage::with_quirks(&[("name-case", "folded"), ("reads", "lagging")]).await;
    let room = stage.room("a", json!({})).await;
    stage.advance(2).await;
    ok(stage.api.delete("/rooms/A").await);
    assert_eq!(ok(stage.api.get("/rooms/A").await), room);
}

/// F-ROOM-38, F-ROOM-5, F-ROOM-7.
#[tokio::test]
async fn an_empty_name_is_refused_or_makes_a_random_one() {
    let empty = json!({"name": ""});
    let stage = Stage::with_quirk("empty-name", "refused").await;
    invalid(
        stage.api.post("/rooms", &empty).await,
        " contains invalid characters",
    );
    let stage = Stage::with_quirk("empty-name", "random").await;
    assert_eq!(
        text(&ok(stage.api.post("/rooms", &empty).await)["name"]).len(),
        20
    );
}

/// F-ROOM-43.
#[tokio::test]
async fn a_name_of_one_letter_is_accepted_or_refused() {
    let (one, two) = (json!({"name": "a"}), json!({"name": "ab"}));
    let stage = Stage::with_quirk("one-letter-name", "accepted").await;
    ok(stage.api.post("/rooms", &one).await);
    let stage = Stage::with_quirk("one-letter-name", "refused").await;
    invalid(stage.api.post("/rooms", &one).await, "2 characters");
    ok(stage.api.post("/rooms", &two).await);
}

/// F-ROOM-19, F-ROOM-17.
#[tokio::test]
async fn a_fraction_of_an_end_is_kept_or_cut_off_or_refused() {
    for (name, value, floored) in [
        ("fractional-exp", "kept", false),
        ("fractional-exp", "floored", true),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let now = stage.now().await;
        let sent = json!((now + 60) as f64 + 0.75);
        let room = stage.room("a", json!({"exp": sent})).await;
        let shown = if floored { json!(now + 60) } else { sent };
        assert_eq!(room["config"]["exp"], shown);
        let past = json!({"properties": {"exp": 1000.5}});
        invalid(stage.api.post("/rooms", &past).await, "exp was '1000.5'");
    }
    let stage = Stage::with_quirk("fractional-exp", "refused").await;
    let now = stage.now().await;
    let wish = |exp: Value| json!({"properties": {"exp": exp}});
    let sent = wish(json!((now + 60) as f64 + 0.75));
    invalid(stage.api.post("/rooms", &sent).await, "exp");
    let whole = wish(json!((now + 60) as f64));
    ok(stage.api.post("/rooms", &whole).await);
}

/// F-ROOM-19: also where a fraction would be kept. The text is compared, since 60 and 60.0 are equal.
#[tokio::test]
async fn a_float_without_a_fraction_comes_back_as_a_whole_number() {
    for value in ["kept", "floored", "refused"] {
        let stage = Stage::with_quirk("fractional-exp", value).await;
        let exp = stage.now().await + 60;
        let sent = json!({"exp": exp as f64, "nbf": 60.0, "max_participants": 20.0});
        let room = stage.room("a", sent).await;
        let shown = json!({"exp": exp, "nbf": 60, "max_participants": 20});
        assert_eq!(room["config"].to_string(), shown.to_string(), "{value}");
    }
}

/// F-ROOM-50.
#[tokio::test]
async fn an_nbf_in_the_past_is_accepted_or_refused() {
    let stage = Stage::with_quirk("past-nbf", "accepted").await;
    let past = json!({"properties": {"nbf": stage.now().await}});
    ok(stage.api.post("/rooms", &past).await);
    let stage = Stage::with_quirk("past-nbf", "refused").await;
    invalid(stage.api.post("/rooms", &past).await, "in the past");
    let future = json!({"properties": {"nbf": stage.now().await + 60}});
    ok(stage.api.post("/rooms", &future).await);
}

/// F-ROOM-34, F-ERR-11: counts and durations are whole numbers.
#[tokio::test]
async fn a_fraction_of_a_whole_number_is_refused() {
    let stage = Stage::new().await;
    for name in ["max_participants", "eject_after_elapsed"] {
        let wish = |value: f64| json!({"properties": {name: value}});
        ok(stage.api.post("/rooms", &wish(20.0)).await);
        invalid(stage.api.post("/rooms", &wish(20.5)).await, name);
    }
}

/// F-ROOM-46.
#[tokio::test]
async fn a_sip_uri_has_its_scheme_or_not() {
    let sip = json!({"display_name": "x", "sip_mode": "dial-in", "num_endpoints": 2});
    for (name, value, has_scheme) in [("sip-uri", "prefixed", true), ("sip-uri", "bare", false)] {
        let stage = Stage::with_quirk(name, value).await;
        let room = stage.room("a", json!({"sip": sip})).await;
        let uris = &room["config"]["sip_uri"];
        for uri in [&uris["endpoint"], &uris["extra_endpoints"][0]] {
            assert_eq!(text(uri).starts_with("sip:"), has_scheme, "{value} {uri}");
        }
    }
}

/// F-ROOM-46, F-ROOM-48: a user of digits alone, and what else `sip` says.
#[tokio::test]
async fn sip_takes_the_values_that_are_specified() {
    let stage = Stage::new().await;
    let sip = json!({"display_name": "x", "sip_mode": "dial-in", "provider": "daily",
        "force_digit_only_username": true, "codecs": {"audio": ["OPUS", "PCMU"], "video": ["VP8"]}});
    let room = stage.room("a", json!({"sip": sip})).await;
    let uri = text(&room["config"]["sip_uri"]["endpoint"]);
    let user = uri.trim_start_matches("sip:").split('@').next();
    let is_digits = |user: &str| user.bytes().all(|byte| byte.is_ascii_digit());
    assert!(user.is_some_and(is_digits), "{uri}");
    for (name, bad) in [
        ("provider", json!("carrier")),
        ("codecs", json!({"audio": ["MP3"]})),
        ("codecs", json!({"video": ["VP9"]})),
    ] {
        let mut sip = sip.clone();
        sip[name] = bad;
        let update = stage.update("a", json!({"sip": sip})).await;
        invalid(update, name);
    }
    let mut sip = sip.clone();
    sip["provider"] = json!("signalwire");
    let room = ok(stage.update("a", json!({"sip": sip})).await);
    assert_eq!(room["config"]["sip"]["provider"], "signalwire");
}

/// F-ROOM-49, F-ERR-11: in a room, in a token and at the domain.
#[tokio::test]
async fn types_inside_of_permissions_are_refused_or_ignored() {
    let mixed = json!({"permissions": {"hasPresence": "yes", "canSend": ["audio"]}});
    for (name, value) in [("wrong-type", "refused"), ("wrong-type", "ignored")] {
        let stage = Stage::with_quirk(name, value).await;
        stage.room("a", json!({})).await;
        for path in ["/rooms/a", "/meeting-tokens", "/"] {
            let answer = stage.api.post(path, &json!({"properties": mixed})).await;
            match value {
                "refused" => invalid(answer, "permissions.hasPresence"),
                _ => drop(ok(answer)),
            }
            let word = json!({"properties": {"permissions": {"canAdmin": ["all"]}}});
            invalid(stage.api.post(path, &word).await, "permissions.canAdmin");
        }
        if value == "ignored" {
            let kept = json!({"canSend": ["audio"]});
            for path in ["/rooms/a", "/"] {
                let shown = ok(stage.api.get(path).await);
                assert_eq!(shown["config"]["permissions"], kept, "{path}");
            }
        }
    }
}

/// F-ROOM-22, F-ROOM-21.
#[tokio::test]
async fn an_update_replaces_nested_objects_or_merges_them() {
    let sip = json!({"display_name": "x", "sip_mode": "dial-in", "video": true});
    let change = json!({"dialin": {"display_name": "y"}, "sip": {"display_name": "y"}});
    for (name, value) in [("nested-update", "replaces"), ("nested-update", "merges")] {
        let stage = Stage::with_quirk(name, value).await;
        let dialin = json!({"display_name": "x", "wait_for_meeting_start": true});
        stage.room("a", json!({"dialin": dialin, "sip": sip})).await;
        let only_dialin = json!({"dialin": change["dialin"]});
        let room = ok(stage.update("a", only_dialin).await);
        let changed = stage.update("a", change.clone()).await;
        match value {
            "replaces" => {
                assert_eq!(room["config"]["dialin"], json!({"display_name": "y"}));
                invalid(changed, "missing required field");
            }
            _ => {
                let config = ok(changed)["config"].clone();
                let merged = json!({"display_name": "y", "wait_for_meeting_start": true});
                assert_eq!(config["dialin"], merged);
                let merged = json!({"display_name": "y", "sip_mode": "dial-in", "video": true});
                assert_eq!(config["sip"], merged);
                let away = json!({"dialin": {"wait_for_meeting_start": null}});
                let room = ok(stage.update("a", away).await);
                assert_eq!(room["config"]["dialin"], json!({"display_name": "y"}));
            }
        }
    }
}

/// F-ROOM-23, F-ROOM-16: also for one that has expired.
#[tokio::test]
async fn an_update_of_a_missing_room_is_not_found_or_a_bad_request() {
    for (name, value, status, error, info) in [
        (
            "update-missing",
            "not-found",
            404,
            "not-found",
            "room a not found",
        ),
        (
            "update-missing",
            "bad-request",
            400,
            "invalid-request-error",
            "room not found",
        ),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        refused(stage.update("a", json!({})).await, status, error, info);
        stage.room("a", json!({})).await;
        stage.advance(3600).await;
        refused(stage.update("a", json!({})).await, status, error, info);
    }
}

/// F-ROOM-34, F-ROOM-48: values beyond the types.
#[tokio::test]
async fn properties_take_the_values_that_are_specified() {
    let stage = Stage::new().await;
    for good in [
        json!({"geo": "eu-central-1", "rtmp_geo": "us-west-2", "lang": "pt-BR"}),
        json!({"enable_recording": "cloud"}),
        json!({"enable_recording": ["local", "raw-tracks"]}),
        json!({"enable_raw_tracks_transcoded_audio": "wav-48k"}),
        json!({"recordings_template": "a".repeat(1024), "meeting_join_hook": "a".repeat(255)}),
        json!({"nbf": 1, "sfu_switchover": 2, "streaming_endpoints": []}),
    ] {
        let room = ok(stage.api.post("/rooms", &json!({"properties": good})).await);
        assert_eq!(room["config"], good);
    }
    for (name, bad) in [
        ("geo", json!("mars-1")),
        ("rtmp_geo", json!("us-east-1")),
        ("lang", json!("xx")),
        ("enable_recording", json!("tape")),
        ("enable_recording", json!(["local", "tape"])),
        ("enable_recording", json!(["local", "local"])),
        ("enable_recording", json!(true)),
        ("enable_raw_tracks_transcoded_audio", json!("mp3")),
        ("recordings_template", json!("a".repeat(1025))),
        ("transcription_template", json!("a".repeat(1025))),
        ("meeting_join_hook", json!("a".repeat(256))),
    ] {
        let mut properties = json!({});
        properties[name] = bad;
        let create = stage
            .api
            .post("/rooms", &json!({"properties": properties}))
            .await;
        invalid(create, name);
    }
}

/// F-ROOM-3, F-ROOM-15, F-ROOM-44: nothing on a room says whose it is, and no listing can be narrowed.
#[tokio::test]
async fn a_room_has_no_other_fields() {
    let stage = Stage::new().await;
    let room = stage.room("a", json!({})).await;
    let fields: Vec<&String> = room.as_object().expect("is an object").keys().collect();
    let known = [
        "api_created",
        "config",
        "created_at",
        "id",
        "name",
        "privacy",
        "url",
    ];
    assert_eq!(fields, known);
    assert_eq!(room["api_created"], Value::Bool(true));
    for argument in ["name=a", "prefix=a", "exp=1", "dialin=true"] {
        invalid(
            stage.api.get(&format!("/rooms?{argument}")).await,
            "argument",
        );
    }
}
