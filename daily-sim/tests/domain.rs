//! The domain itself, and the dial-in configs that are made there.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::{ApiAnswer, ClientError, Outcome};
use http::Method;
use serde_json::{Value, json};
use support::{NUMBER, OTHER_NUMBER, SECOND_NUMBER, Stage, ok, pin_of, refused, text};

const CONFIGS: &str = "/domain-dialin-config";

impl Stage {
    async fn set(&self, properties: Value) -> Result<ApiAnswer, ClientError> {
        self.api.post("/", &json!({"properties": properties})).await
    }

    async fn domain(&self) -> Value {
        ok(self.api.get("/").await)["config"].clone()
    }

    /// The numbers of the configs that `/domain-dialin-config` lists.
    async fn listed(&self) -> Vec<String> {
        let list = ok(self.api.get(CONFIGS).await);
        let data = list["data"].as_array().expect("is a list").clone();
        data.iter()
            .map(|it| text(&it["config"]["phone_number"]))
            .collect()
    }

    async fn dialled(&self, number: &str, room: &Value) -> (Outcome, Vec<String>) {
        let dialled = format!("{number},,{}", pin_of(room));
        let answer = self.phone.dial(&dialled).await.expect("dials");
        (answer.outcome, answer.heard)
    }

    async fn switch(&self, name: &str, value: &str) {
        self.phone.set_quirk(name, value).await.expect("is set");
    }
}

fn entry(number: &str) -> Value {
    json!({"phone_number": number, "ivr_greeting": {"message": "Hello from the domain"}})
}

/// F-DOM-1, F-DOM-3, F-DOM-8.
#[tokio::test]
async fn settings_are_merged_and_unset() {
    let stage = Stage::new().await;
    let before = stage.domain().await;
    let set = ok(stage
        .set(json!({"lang": "de", "enable_network_ui": true}))
        .await);
    assert_eq!(set, ok(stage.api.get("/").await));
    assert_eq!(set["domain_name"], "demo");
    ok(stage
        .set(json!({"redirect_on_meeting_exit": "https://example.com"}))
        .await);
    let config = stage.domain().await;
    assert_eq!(
        (&config["lang"], &config["enable_network_ui"]),
        (&json!("de"), &json!(true))
    );
    let unset = json!({"lang": null, "enable_network_ui": null, "redirect_on_meeting_exit": null});
    ok(stage.set(unset).await);
    assert_eq!(stage.domain().await, before);
    for (bad, part) in [
        (
            json!({"properties": {"lang": "de", "colour": "red"}}),
            "colour",
        ),
        (json!({"properties": {"lang": 1}}), "lang"),
        (json!({"properties": {"lang": "xx"}}), "lang"),
        (json!({"properties": {"geo": "moon"}}), "geo"),
        (
            json!({"properties": {"recordings_template": "x".repeat(1025)}}),
            "1024",
        ),
        (json!({"properties": 1}), "properties"),
        (json!({"lang": "de"}), "lang"),
    ] {
        refused(
            stage.api.post("/", &bad).await,
            400,
            "invalid-request-error",
            part,
        );
        assert_eq!(stage.domain().await, before, "nothing is set by halves");
    }
}

/// F-DOM-3, F-DOM-7, F-DOM-8, F-AUTH-6, F-CALL-6: what shows of a domain of which nothing was set, and what an empty body does.
#[tokio::test]
async fn a_domain_shows_what_was_not_set() {
    let stage = Stage::new().await;
    let shown = json!({
        "hide_daily_branding": false, "hipaa": false, "intercom_auto_record": false, "lang": "en",
        "max_api_keys": 2, "max_api_rooms": null, "max_webhook_count": 1, "meeting_join_hook": "",
        "redirect_on_meeting_exit": "", "max_sip_pstn_sessions_per_room": 5
    });
    assert_eq!(stage.domain().await, shown);
    let set = ok(stage.api.post("/", &json!({})).await);
    assert_eq!(set["config"], shown);
    let hook = "x".repeat(256);
    ok(stage.set(json!({"meeting_join_hook": hook})).await);
    assert_eq!(stage.domain().await["meeting_join_hook"], hook);
}

/// F-DOM-2, F-DOM-4, F-DOM-5: a number picks up, and does no more once its entry is left out.
#[tokio::test]
async fn a_list_of_pin_dialin_is_replaced_as_a_whole() {
    let stage = Stage::new().await;
    let room = stage.dialin_room("a", true).await;
    ok(stage.set(json!({"pin_dialin": [entry(NUMBER)]})).await);
    assert_eq!(stage.domain().await["pin_dialin"], json!([entry(NUMBER)]));
    let (outcome, heard) = stage.dialled(NUMBER, &room).await;
    assert_eq!(
        (outcome, heard[0].as_str()),
        (Outcome::OnHold, "Hello from the domain")
    );
    ok(stage.set(json!({"lang": "de"})).await);
    assert_eq!(stage.dialled(NUMBER, &room).await.0, Outcome::OnHold);
    ok(stage
        .set(json!({"pin_dialin": [entry(SECOND_NUMBER)]}))
        .await);
    assert_eq!(stage.dialled(NUMBER, &room).await.0, Outcome::NotAnswered);
    assert_eq!(stage.dialled(SECOND_NUMBER, &room).await.0, Outcome::OnHold);
    ok(stage.set(json!({"pin_dialin": null})).await);
    assert_eq!(stage.domain().await.get("pin_dialin"), None);
    assert_eq!(
        stage.dialled(SECOND_NUMBER, &room).await.0,
        Outcome::NotAnswered
    );
}

/// F-DOM-6, F-CFG-4, F-CFG-5.
#[tokio::test]
async fn entries_are_checked() {
    let stage = Stage::new().await;
    ok(stage.set(json!({"pin_dialin": [entry(NUMBER)]})).await);
    for (bad, part) in [
        (
            json!([entry(OTHER_NUMBER)]),
            "12025550199 not associated with domain: demo",
        ),
        (
            json!([entry(SECOND_NUMBER), entry(SECOND_NUMBER)]),
            "another dialin config",
        ),
        (json!([{"phone_number": NUMBER, "hmac": "x"}]), "hmac"),
        (json!([{}]), "missing required field"),
        (json!("x"), "pin_dialin"),
    ] {
        let answer = stage.set(json!({"pin_dialin": bad})).await;
        refused(answer, 400, "invalid-request-error", part);
        assert_eq!(stage.domain().await["pin_dialin"], json!([entry(NUMBER)]));
    }
    let wish = json!({"type": "pin_dialin", "phone_number": NUMBER});
    let taken = stage.api.post(CONFIGS, &wish).await;
    refused(taken, 400, "invalid-request-error", "another dialin config");
    let pinless = json!({"pinless_dialin": [{"phone_number": NUMBER}]});
    refused(
        stage.set(pinless).await,
        400,
        "invalid-request-error",
        "another dialin config",
    );
}

/// F-DOM-2: apart.
#[tokio::test]
async fn configs_of_the_two_ways_are_apart() {
    let stage = Stage::new().await;
    stage.switch("configs-seen", "apart").await;
    let made = stage.configure(SECOND_NUMBER).await;
    ok(stage.set(json!({"pin_dialin": [entry(NUMBER)]})).await);
    assert_eq!(stage.listed().await, [SECOND_NUMBER]);
    assert_eq!(stage.domain().await["pin_dialin"], json!([entry(NUMBER)]));
    ok(stage.set(json!({"pin_dialin": []})).await);
    assert_eq!(
        ok(stage
            .api
            .get(&format!("{CONFIGS}/{}", text(&made["id"])))
            .await),
        made
    );
}

/// F-DOM-2: together. An entry that is written again stays the same config.
#[tokio::test]
async fn configs_of_the_two_ways_are_together() {
    let stage = Stage::new().await;
    ok(stage.set(json!({"pin_dialin": [entry(NUMBER)]})).await);
    stage.switch("configs-seen", "together").await;
    let made = stage.configure(SECOND_NUMBER).await;
    assert_eq!(stage.listed().await, [SECOND_NUMBER, NUMBER]);
    let list = stage.domain().await["pin_dialin"].clone();
    assert_eq!(list.as_array().expect("is a list").len(), 2);
    let id = text(&ok(stage.api.get(CONFIGS).await)["data"][1]["id"]);
    ok(stage.set(json!({"pin_dialin": list})).await);
    assert_eq!(
        ok(stage
            .api
            .get(&format!("{CONFIGS}/{}", text(&made["id"])))
            .await),
        made
    );
    ok(stage.set(json!({"pin_dialin": [entry(NUMBER)]})).await);
    assert_eq!(stage.listed().await, [NUMBER]);
    let path = format!("{CONFIGS}/{id}");
    ok(stage
        .api
        .call(Method::PUT, &path, Some(&json!({"name_prefix": "x"})))
        .await);
    assert_eq!(stage.domain().await["pin_dialin"][0]["name_prefix"], "x");
    ok(stage.api.call(Method::DELETE, &path, None).await);
    assert_eq!(stage.domain().await.get("pin_dialin"), None);
    stage.switch("configs-seen", "apart").await;
    ok(stage.set(json!({"pin_dialin": [entry(NUMBER)]})).await);
    assert!(stage.listed().await.is_empty());
}

/// F-CFG-14, F-DOM-4, F-DOM-5: what was read can be written back.
#[tokio::test]
async fn a_pinless_config_gets_an_hmac() {
    let stage = Stage::new().await;
    let wish = json!({"type": "pinless_dialin", "phone_number": NUMBER});
    let config = ok(stage.api.post(CONFIGS, &wish).await);
    assert_eq!(text(&config["config"]["hmac"]).len(), 44);
    let wish = json!({"type": "pinless_dialin", "hmac": "mine"});
    let config = ok(stage.api.post(CONFIGS, &wish).await);
    assert_eq!(config["config"]["hmac"], "mine");

    let api = "https://example.com/call";
    let list = json!([{"phone_number": SECOND_NUMBER}, {"room_creation_api": api}]);
    ok(stage.set(json!({"pinless_dialin": list})).await);
    let read = stage.domain().await["pinless_dialin"].clone();
    assert_eq!(
        (&read[1]["room_creation_api"], text(&read[1]["hmac"]).len()),
        (&json!(api), 44)
    );
    assert!(read[0]["sip_uri"].is_string());
    ok(stage.set(json!({"pinless_dialin": read})).await);
    assert_eq!(stage.domain().await["pinless_dialin"], read);
    let without = json!([{"phone_number": SECOND_NUMBER}]);
    ok(stage.set(json!({"pinless_dialin": without})).await);
    let set = stage.domain().await["pinless_dialin"].clone();
    assert_eq!(set.as_array().map(Vec::len), Some(1));
    assert_eq!(set[0]["sip_uri"], read[0]["sip_uri"]);
    // Each time that it is left out there is a new one.
    assert_ne!(set[0]["hmac"], read[0]["hmac"]);
    assert_eq!(text(&set[0]["hmac"]).len(), 44);
}

/// F-ERR-14, F-AUTH-8.
#[tokio::test]
async fn dialin_of_the_domain_is_a_paid_feature() {
    let stage = Stage::new().await;
    stage.switch("card", "missing").await;
    let list = json!({"pin_dialin": [entry(NUMBER)]});
    refused(
        stage.set(list.clone()).await,
        400,
        "invalid-plan-type",
        "only available to paid",
    );
    stage.switch("paid-feature", "status-403").await;
    refused(
        stage.set(list).await,
        403,
        "invalid-plan-type",
        "only available to paid",
    );
    ok(stage.set(json!({"lang": "de"})).await);
}
