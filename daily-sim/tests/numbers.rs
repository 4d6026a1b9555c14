//! Purchased numbers and dial-in configs.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::{AccountConfig, Config, GLOBAL_NUMBERS, Limits};
use serde_json::{Value, json};
use support::{GLOBAL_NUMBER, KEY, NUMBER, OTHER_NUMBER, SECOND_NUMBER, Stage, ok, refused, text};

const CONFIGS: &str = "/domain-dialin-config";

fn numbers(list: &Value) -> Vec<String> {
    let items = list["data"].as_array().expect("is a list");
    items.iter().map(|item| text(&item["number"])).collect()
}

fn ids(list: &Value) -> Vec<Value> {
    let items = list["data"].as_array().expect("is a list");
    items.iter().map(|item| item["id"].clone()).collect()
}

/// F-NUM-1, F-NUM-3, F-NUM-4, F-NUM-6.
#[tokio::test]
async fn purchased_numbers_are_listed() {
    let stage = Stage::new().await;
    let list = ok(stage.api.get("/purchased-phone-numbers").await);
    assert_eq!(
        (numbers(&list), &list["total_count"]),
        (vec![SECOND_NUMBER.into(), NUMBER.into()], &json!(2))
    );
    let [newer, older] = list["data"].as_array().expect("is a list").as_slice() else {
        panic!("two")
    };
    assert!(text(&newer["created_date"]) > text(&older["created_date"]));
    assert!(newer["pagination_id"].as_u64() > older["pagination_id"].as_u64());
    assert_eq!(
        (&newer["type"], &newer["name"]),
        (&json!("purchased_phone_number"), &Value::Null)
    );
    assert_eq!(
        (&newer["status"], &newer["verified"]),
        (&json!("verified"), &json!(true))
    );

    let found = ok(stage
        .api
        .get("/purchased-phone-numbers?filter_number=555010")
        .await);
    assert_eq!(
        (numbers(&found), &found["total_count"]),
        (vec![SECOND_NUMBER.into()], &json!(2))
    );
    assert!(
        numbers(&ok(stage
            .api
            .get("/purchased-phone-numbers?filter_name=x")
            .await))
        .is_empty()
    );
}

/// F-NUM-2.
#[tokio::test]
async fn numbers_are_paged_by_pagination_id() {
    let many: Vec<String> = (0..52).map(|n| format!("+120255501{n:02}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let stage = Stage::with(Config::single("demo", KEY, &many).limits(Limits::Off)).await;
    let first = ok(stage.api.get("/purchased-phone-numbers").await);
    assert_eq!(
        (numbers(&first).len(), &first["total_count"]),
        (50, &json!(52))
    );
    let last = &first["data"][49];
    let by = async |cursor: &Value| {
        let path = format!(
            "/purchased-phone-numbers?starting_after={}",
            cursor.to_string().trim_matches('"')
        );
        stage.api.get(&path).await
    };
    assert_eq!(
        numbers(&ok(by(&last["pagination_id"]).await)),
        [many[1], many[0]]
    );
    refused(by(&last["id"]).await, 400, "invalid-request-error", "");
}

/// F-CFG-1, F-CFG-9, F-CFG-10, F-DOM-2.
#[tokio::test]
async fn a_config_is_created_read_and_deleted() {
    let stage = Stage::new().await;
    let config = stage.configure(NUMBER).await;
    assert_eq!(config["type"], "pin_dialin");
    assert_eq!(
        config["config"],
        json!({
            "sip_uri": null, "phone_number": NUMBER, "ivr_greeting": {"message": "Hello from demo"}
        })
    );
    let path = format!("{CONFIGS}/{}", text(&config["id"]));
    assert_eq!(ok(stage.api.get(&path).await), config);
    assert_eq!(
        stage.other.get(&path).await.expect("is answered").status,
        404
    );
    assert_eq!(
        ok(stage.api.get("/").await)["config"].get("pin_dialin"),
        None
    );
    assert_eq!(ok(stage.api.delete(&path).await), json!({"status": "ok"}));
    for answer in [
        stage.api.get(&path).await,
        stage.api.delete(&path).await,
        stage.api.put(&path, &json!({})).await,
    ] {
        refused(answer, 404, "not-found", "");
    }
}

/// F-CFG-2, F-CFG-3, F-CFG-5, F-ERR-7, F-GLOB-1.
#[tokio::test]
async fn a_config_has_to_make_sense() {
    let stage = Stage::new().await;
    let pin = |fields: Value| {
        let mut config = json!({"type": "pin_dialin", "phone_number": NUMBER});
        config
            .as_object_mut()
            .expect("is an object")
            .extend(fields.as_object().cloned().expect("is an object"));
        config
    };
    let foreign = "Failed to configure pin dialin: 12025550199 not associated with domain: demo";
    for (body, part) in [
        (json!({"phone_number": NUMBER}), "missing required field"),
        (json!({"type": "pin_dialin"}), "missing required field"),
        (json!({"type": "pin", "phone_number": NUMBER}), "type"),
        (pin(json!({"phone_number": OTHER_NUMBER})), foreign),
        (
            pin(json!({"phone_number": GLOBAL_NUMBER})),
            "not associated",
        ),
        (
            pin(json!({"hold_music_url": "https://example.com/a.mp3"})),
            "hold_music_url",
        ),
        (pin(json!({"config": {}})), "config"),
        (pin(json!({"ivr_greeting": "Hello"})), "ivr_greeting"),
    ] {
        refused(
            stage.api.post(CONFIGS, &body).await,
            400,
            "invalid-request-error",
            part,
        );
    }
    let pinless = json!({"type": "pinless_dialin", "room_creation_api": "https://example.com/"});
    assert!(ok(stage.api.post(CONFIGS, &pinless).await)["config"]["sip_uri"].is_string());
}

/// F-CFG-4, F-CFG-13.
#[tokio::test]
async fn a_number_is_in_one_config() {
    let stage = Stage::new().await;
    let id = text(&stage.configure(NUMBER).await["id"]);
    let pinless = json!({"type": "pinless_dialin", "phone_number": NUMBER});
    refused(
        stage.api.post(CONFIGS, &pinless).await,
        400,
        "invalid-request-error",
        NUMBER,
    );
    ok(stage.api.delete(&format!("{CONFIGS}/{id}")).await);
    ok(stage.api.post(CONFIGS, &pinless).await);
}

/// F-CFG-11, F-CFG-12.
#[tokio::test]
async fn put_merges_fields_but_not_the_type() {
    let stage = Stage::new().await;
    let path = format!("{CONFIGS}/{}", text(&stage.configure(NUMBER).await["id"]));
    let put = async |body: Value| stage.api.put(&path, &body).await;
    let named = ok(put(json!({"name_prefix": "front desk"})).await);
    assert_eq!(
        named["config"]["ivr_greeting"]["message"],
        "Hello from demo"
    );
    let moved = ok(put(json!({"phone_number": SECOND_NUMBER, "ivr_greeting": null})).await);
    assert_eq!(
        moved["config"],
        json!({
            "sip_uri": null, "phone_number": SECOND_NUMBER, "name_prefix": "front desk"
        })
    );
    assert_eq!(ok(put(json!({})).await), moved);
    refused(
        put(json!({"type": "pinless_dialin"})).await,
        400,
        "invalid-request-error",
        "type",
    );
    refused(
        put(json!({"phone_number": OTHER_NUMBER})).await,
        400,
        "invalid-request-error",
        "not associated",
    );
    refused(
        put(json!({"phone_number": null})).await,
        400,
        "invalid-request-error",
        "missing required field",
    );
}

/// F-CFG-6, F-CFG-7, F-CFG-8.
#[tokio::test]
async fn configs_are_listed_newest_first_and_filtered_by_parts() {
    let stage = Stage::new().await;
    let first = stage.configure(NUMBER).await["id"].clone();
    let second = stage.configure(SECOND_NUMBER).await["id"].clone();
    let pinless = json!({"type": "pinless_dialin", "name_prefix": "agent line"});
    let third = ok(stage.api.post(CONFIGS, &pinless).await);
    let user = text(&third["config"]["sip_uri"])
        .split('@')
        .next()
        .expect("has a user")
        .to_owned();
    let third = third["id"].clone();
    for (query, expected) in [
        (String::new(), vec![&third, &second, &first]),
        ("type=pin_dialin".to_owned(), vec![&second, &first]),
        ("phone_number=%2B12025550123".to_owned(), vec![&first]),
        ("phone_number=5550".to_owned(), vec![&second, &first]),
        ("phone_numbers=1202,0100".to_owned(), vec![&second, &first]),
        ("name_prefix=agent".to_owned(), vec![&third]),
        (format!("sip_username={user}"), vec![&third]),
        ("limit=1".to_owned(), vec![&third]),
        (
            format!("starting_after={}", text(&third)),
            vec![&second, &first],
        ),
    ] {
        let list = ok(stage.api.get(&format!("{CONFIGS}?{query}")).await);
        assert_eq!(ids(&list).iter().collect::<Vec<_>>(), expected, "{query}");
    }
    assert_eq!(
        ok(stage
            .api
            .get(&format!("{CONFIGS}?type=pin_dialin&limit=1"))
            .await)["total_count"],
        3
    );
    assert!(ids(&ok(stage.other.get(CONFIGS).await)).is_empty());
}

/// F-GLOB-2, F-NUM-5: what cannot be purchased cannot be configured as purchased.
#[tokio::test]
async fn a_global_number_as_a_purchased_one_is_refused_at_the_start() {
    for number in GLOBAL_NUMBERS {
        let config = Config::new(vec![AccountConfig::new("demo", &[KEY], &[number])]);
        let error = daily_sim::Sim::start(config)
            .await
            .expect_err("must not start");
        assert!(error.to_string().contains(number), "{error}");
    }
}
