//! Refusals, cards and limits, where nobody knows how Daily answers: each switch under each of its answers.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::{Limits, Outcome, Quirks};
use serde_json::{Value, json};
use support::{KEY, NUMBER, Stage, invalid, ok, pin_of, refused, two_accounts};

/// F-ERR-9.
#[tokio::test]
async fn an_unknown_path_is_not_found_or_a_bad_request() {
    for (name, value, status, error) in [
        ("unknown-path", "not-found", 404, "not-found"),
        ("unknown-path", "bad-request", 400, "invalid-request-error"),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        refused(stage.api.get("/nothing").await, status, error, "/nothing");
        let put = stage.api.put("/rooms/a", &json!({})).await;
        refused(put, status, error, "PUT");
    }
}

/// F-ERR-10: what makes no sense is refused in both.
#[tokio::test]
async fn an_unknown_argument_is_refused_or_ignored() {
    let stage = Stage::with_quirk("unknown-argument", "refused").await;
    invalid(stage.api.get("/rooms?prefix=a").await, "prefix");
    invalid(stage.api.get("/?x=1").await, "x");

    let stage = Stage::with_quirk("unknown-argument", "ignored").await;
    stage.room("b", json!({})).await;
    assert_eq!(ok(stage.api.get("/rooms?prefix=a").await)["total_count"], 1);
    for senseless in ["limit=ten", "starting_after=a&ending_before=b"] {
        invalid(stage.api.get(&format!("/rooms?{senseless}")).await, "");
    }
}

/// F-ERR-5: in a room and in its properties, on create and on update, and in a dial-in config.
#[tokio::test]
async fn an_unknown_property_is_refused_or_ignored() {
    let top = json!({"name": "b", "labels": {}});
    let inside = json!({"name": "c", "properties": {"tags": []}});
    let rename = json!({"name": "b"});
    let config = json!({"type": "pin_dialin", "phone_number": NUMBER, "colour": "red"});
    for (name, value, accepted) in [
        ("unknown-property", "refused", false),
        ("unknown-property", "ignored", true),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        stage.room("a", json!({})).await;
        for (path, body, part) in [
            ("/rooms", &top, "labels"),
            ("/rooms/a", &rename, "name"),
            ("/domain-dialin-config", &config, "colour"),
        ] {
            let answer = stage.api.post(path, body).await;
            match accepted {
                true => {
                    let config = ok(answer)["config"].clone();
                    assert!(config.get("colour").is_none());
                }
                false => invalid(answer, part),
            }
        }
        assert_eq!(ok(stage.api.get("/rooms/a").await)["name"], "a");
        // Of a room's properties it is known.
        let answer = stage.api.post("/rooms", &inside).await;
        let refusal = answer.expect("is answered");
        let body =
            json!({"error": "invalid-request-error", "info": "invalid property name 'tags'"});
        assert_eq!((refusal.status, refusal.body), (400, body));
    }
    // A field of the other kind is known.
    let stage = Stage::with_quirk("unknown-property", "ignored").await;
    let other = json!({"type": "pin_dialin", "phone_number": NUMBER, "hmac": "x"});
    invalid(
        stage.api.post("/domain-dialin-config", &other).await,
        "hmac",
    );
}

/// F-ERR-11, F-ROOM-18: `exp` is refused in both.
#[tokio::test]
async fn a_wrong_type_is_refused_or_ignored() {
    let bad = [
        json!({"name": "b", "privacy": 1}),
        json!({"name": "c", "properties": []}),
        json!({"name": "d", "properties": {"enable_chat": "yes", "lang": 1}}),
        json!({"name": "e", "properties": {"exp": 9_999_999_999_i64, "dialin": true}}),
        json!({"name": 1}),
    ];
    let config = json!({"type": "pin_dialin", "phone_number": NUMBER, "name_prefix": 1});
    for (name, value, accepted) in [
        ("wrong-type", "refused", false),
        ("wrong-type", "ignored", true),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        stage.room("a", json!({})).await;
        let mut answers = vec![stage.api.post("/domain-dialin-config", &config).await];
        for (path, body) in [
            ("/", json!({"properties": 1})),
            ("/", json!({"properties": {"lang": 1, "pin_dialin": "x"}})),
            ("/meeting-tokens", json!({"properties": []})),
            (
                "/meeting-tokens",
                json!({"properties": {"is_owner": "yes"}}),
            ),
            ("/buy-phone-number", json!({"number": 1})),
            ("/rooms/a/eject", json!({"ids": "x", "ban": "no"})),
            ("/rooms/a/eject", json!({"user_ids": [1]})),
        ] {
            answers.push(stage.api.post(path, &body).await);
        }
        for body in &bad {
            answers.push(stage.api.post("/rooms", body).await);
        }
        for answer in answers {
            match accepted {
                true => drop(ok(answer)),
                false => invalid(answer, ""),
            }
        }
        if accepted {
            let room = ok(stage.api.get("/rooms/d").await);
            assert_eq!(
                (&room["config"], &room["privacy"]),
                (&json!({}), &json!("public"))
            );
        }
        let exp = json!({"properties": {"exp": "soon"}});
        invalid(stage.api.post("/rooms", &exp).await, "exp was 'soon'");
        invalid(stage.api.post("/rooms", &json!([])).await, "object");
        let privacy = json!({"privacy": "org"});
        invalid(stage.api.post("/rooms", &privacy).await, "privacy");
    }
}

/// F-ERR-12: the texts that a source gives stay.
#[tokio::test]
async fn made_up_texts_are_there_or_absent() {
    let worded = Stage::with_quirk("info-texts", "worded").await;
    let absent = Stage::with_quirk("info-texts", "absent").await;
    let past = json!({"properties": {"exp": 1}});
    let soon = json!({"properties": {"exp": "soon"}});
    let foreign = json!({"type": "pin_dialin", "phone_number": "+12025550177"});
    for stage in [&worded, &absent] {
        stage.room("a", json!({})).await;
        for (path, body, part) in [
            (
                "/rooms",
                &json!({"name": "a"}),
                "a room named a already exists",
            ),
            (
                "/rooms",
                &json!({"name": "a.b"}),
                "contains invalid characters",
            ),
            ("/rooms", &past, "in the past"),
            ("/rooms", &soon, "should be a number"),
            (
                "/domain-dialin-config",
                &foreign,
                "not associated with domain",
            ),
            (
                "/domain-dialin-config",
                &json!({}),
                "missing required field",
            ),
        ] {
            invalid(stage.api.post(path, body).await, part);
        }
        let missing = stage.api.get("/rooms/none").await;
        refused(missing, 404, "not-found", "room none not found");
    }
    let long = json!({"name": "n".repeat(129)});
    let unknown = json!({"labels": 1});
    for (path, body) in [
        ("/rooms", &long),
        ("/rooms", &unknown),
        ("/rooms", &json!([])),
    ] {
        invalid(worded.api.post(path, body).await, "");
        let answer = absent.api.post(path, body).await.expect("is answered");
        assert_eq!(
            (answer.status, answer.body),
            (400, json!({"error": "invalid-request-error"}))
        );
    }
    for path in [
        "/rooms?limit=0",
        "/rooms?x=1",
        "/rooms?starting_after=x",
        "/nothing",
    ] {
        let answer = absent.api.get(path).await.expect("is answered");
        assert_eq!(answer.body.get("info"), None, "{path}");
    }
}

/// F-ERR-13: beyond 1 MiB. The key comes first.
#[tokio::test]
async fn a_large_body_is_refused_with_one_of_two_statuses() {
    let body = |size: usize| json!({"name": "n".repeat(size)});
    for (name, value, status) in [
        ("large-body", "status-413", 413),
        ("large-body", "status-400", 400),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let large = stage.api.post("/rooms", &body(1024 * 1024)).await;
        refused(large, status, "invalid-request-error", "large");
        invalid(
            stage.api.post("/rooms", &body(1024 * 1024 - 100)).await,
            "128",
        );
        let unknown = stage
            .phone
            .api("wrong")
            .post("/rooms", &body(1024 * 1024))
            .await;
        assert_eq!(unknown.expect("is answered").status, 401);
    }
}

/// F-ERR-14, F-AUTH-8, F-PIN-28: rooms are made and read, and nobody joins them.
#[tokio::test]
async fn an_account_without_a_card_is_refused_what_is_paid() {
    let card_missing = ("card", "missing");
    for (paid, status) in [
        (("paid-feature", "status-400"), 400),
        (("paid-feature", "status-403"), 403),
    ] {
        let stage = Stage::with_quirks(&[card_missing, paid]).await;
        let text = "This feature is only available to paid accounts";
        let config = json!({"type": "pin_dialin", "phone_number": NUMBER});
        for answer in [
            stage.api.get("/purchased-phone-numbers").await,
            stage.api.get("/domain-dialin-config").await,
            stage.api.post("/domain-dialin-config", &config).await,
            stage.api.delete("/domain-dialin-config/x").await,
        ] {
            refused(answer, status, "invalid-plan-type", text);
        }
        stage.room("a", json!({})).await;
        let error = stage.phone.join("a", "Ann").await.expect_err("cannot join");
        assert!(
            error.to_string().contains("account-missing-payment-method"),
            "{error}"
        );
    }
    let stage = Stage::with_quirk("card", "present").await;
    stage.configure(NUMBER).await;
    stage.room("a", json!({})).await;
    stage.phone.join("a", "Ann").await.expect("joins");
}

/// F-PIN-28.
#[tokio::test]
async fn dialin_without_a_card_is_accepted_or_refused() {
    let missing = ("card", "missing");
    let stage = Stage::with_quirks(&[missing, ("dialin-without-card", "accepted")]).await;
    let pin = pin_of(&stage.dialin_room("a", true).await);
    assert_eq!(
        stage.outcome_of(&pin).await,
        Outcome::Dropped,
        "is turned away"
    );
    stage
        .phone
        .set_quirk("card", "present")
        .await
        .expect("is set");
    assert_eq!(stage.outcome_of(&pin).await, Outcome::OnHold);

    let stage = Stage::with_quirks(&[missing, ("dialin-without-card", "refused")]).await;
    let wish = stage.wish("a", json!({"dialin": {}})).await;
    let refusal = stage.api.post("/rooms", &wish).await;
    refused(refusal, 400, "invalid-plan-type", "paid accounts");
    stage.room("a", json!({})).await;
    let refusal = stage.update("a", json!({"dialin": {}})).await;
    refused(refusal, 400, "invalid-plan-type", "paid accounts");
}

/// F-ROOM-42, F-ERR-15: expired and deleted rooms do not count.
#[tokio::test]
async fn the_number_of_rooms_is_limited_or_not() {
    for (name, value, refusal) in [
        ("room-limit", "none", None),
        (
            "room-limit",
            "bad-request",
            Some((400, "invalid-request-error")),
        ),
        ("room-limit", "forbidden", Some((403, "forbidden-error"))),
    ] {
        let mut quirks = Quirks::default();
        quirks.set(name, value).expect("is a switch");
        let stage = Stage::with(two_accounts().quirks(quirks).max_rooms(2)).await;
        stage.room("a", json!({})).await;
        stage
            .room("b", json!({"exp": stage.now().await + 9000}))
            .await;
        let third = stage.api.post("/rooms", &json!({"name": "c"})).await;
        match refusal {
            None => drop(ok(third)),
            Some((status, error)) => refused(third, status, error, "rooms"),
        }
        stage.advance(3600).await;
        stage.room("d", json!({})).await;
        ok(stage.api.delete("/rooms/b").await);
        stage.room("e", json!({})).await;
        ok(stage.other.post("/rooms", &json!({})).await);
    }
    assert_eq!(two_accounts().max_rooms, 5);
}

/// A stage with strict limits, and what the call after the one that was the last admitted is answered.
async fn beyond_the_limit(answers: &[(&str, &str)]) -> (Stage, reqwest::Response) {
    let mut quirks = Quirks::default();
    for (name, value) in answers {
        quirks.set(name, value).expect("is a switch");
    }
    let stage = Stage::with(two_accounts().quirks(quirks).limits(Limits::Strict)).await;
    for _ in 0..100 {
        assert_eq!(
            stage.api.get("/rooms").await.expect("is answered").status,
            200
        );
    }
    let url = format!("{}/rooms", stage.sim.base_url());
    let call = reqwest::Client::new().get(url).bearer_auth(KEY);
    let response = call.send().await.expect("is answered");
    (stage, response)
}

/// F-RATE-3, F-RATE-4.
#[tokio::test]
async fn a_rate_limit_is_told_in_one_of_three_ways() {
    for (name, value, status, has_header) in [
        ("rate-limit", "plain", 429, false),
        ("rate-limit", "retry-after", 429, true),
        ("rate-limit", "bad-request", 400, false),
    ] {
        let (_stage, response) = beyond_the_limit(&[(name, value)]).await;
        assert_eq!(response.status(), status);
        let wait = response.headers().get("retry-after").cloned();
        let wait = wait.map(|wait| wait.to_str().map(str::parse::<u64>));
        match has_header {
            true => assert!(matches!(wait, Some(Ok(Ok(1..=5)))), "{wait:?}"),
            false => assert!(wait.is_none()),
        }
        let body: Value = response.json().await.expect("is JSON");
        assert_eq!(body["error"], "rate-limit-error");
    }
}

/// F-RATE-5: which calls are still admitted after one key has used up one route.
#[tokio::test]
async fn a_rate_limit_counts_by_account_or_key_or_route() {
    for (name, value, other_route, other_key, other_account) in [
        ("rate-limit-scope", "account", 429, 429, 200),
        ("rate-limit-scope", "key", 429, 200, 200),
        ("rate-limit-scope", "key-and-route", 200, 200, 200),
        ("rate-limit-scope", "address", 429, 429, 429),
    ] {
        let mut quirks = Quirks::default();
        quirks.set(name, value).expect("is a switch");
        let stage = Stage::with(two_accounts().quirks(quirks).limits(Limits::Strict)).await;
        let second_key = stage.phone.api("second-api-key-of-other");
        for _ in 0..100 {
            assert_eq!(
                stage.other.get("/rooms").await.expect("is answered").status,
                200
            );
        }
        let status = async |api: &daily_sim::ApiClient, path| {
            api.get(path).await.expect("is answered").status
        };
        assert_eq!(status(&stage.other, "/rooms").await, 429);
        assert_eq!(status(&stage.other, "/").await, other_route, "{value}");
        assert_eq!(status(&second_key, "/rooms").await, other_key, "{value}");
        assert_eq!(status(&stage.api, "/rooms").await, other_account, "{value}");
    }
}

/// F-RATE-6, F-RATE-7: that the switches reach the windows, which `src/limits.rs` tests.
#[tokio::test]
async fn the_other_switches_of_rate_limits_are_heard() {
    for (name, value) in [
        ("rate-limit-refused", "free"),
        ("rate-limit-refused", "counted"),
    ] {
        let (_stage, response) = beyond_the_limit(&[(name, value)]).await;
        assert_eq!(response.status(), 429);
    }
    for (name, value, status) in [
        ("rate-limit-delete", "in-both", 429),
        ("rate-limit-delete", "in-its-own", 404),
    ] {
        let (stage, _) = beyond_the_limit(&[(name, value)]).await;
        let delete = stage.api.delete("/rooms/a").await.expect("is answered");
        assert_eq!(delete.status, status, "{value}");
    }
}
