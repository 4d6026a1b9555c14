//! Purchased numbers and dial-in configs, where nobody knows how Daily answers.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::{AccountConfig, Config, Error, Limits, Outcome, Quirks, Sim};
use serde_json::{Value, json};
use support::{KEY, NUMBER, SECOND_NUMBER, Stage, invalid, ok, text};

const CONFIGS: &str = "/domain-dialin-config";
const NUMBERS: &str = "/purchased-phone-numbers";
const CALLER_ID: &str = "+14155550142";

fn numbers(list: &Value) -> Vec<&str> {
    let items = list["data"].as_array().expect("is a list");
    items
        .iter()
        .filter_map(|item| item["number"].as_str())
        .collect()
}

async fn get(stage: &Stage, path: &str) -> Value {
    ok(stage.api.get(path).await)
}

/// F-CFG-12, F-CFG-11.
#[tokio::test]
async fn a_put_merges_fields_or_replaces_them() {
    for (name, value) in [("config-put", "merges"), ("config-put", "replaces")] {
        let stage = Stage::with_quirk(name, value).await;
        let path = format!("{CONFIGS}/{}", text(&stage.configure(NUMBER).await["id"]));
        let named = stage.api.put(&path, &json!({"name_prefix": "desk"})).await;
        let whole = json!({"phone_number": NUMBER, "name_prefix": "desk"});
        let replaced = ok(stage.api.put(&path, &whole).await);
        let config = &replaced["config"];
        match value {
            "merges" => {
                assert_eq!(ok(named), replaced);
                assert_eq!(config["ivr_greeting"]["message"], "Hello from demo");
            }
            _ => {
                invalid(named, "missing required field");
                assert_eq!(config.get("ivr_greeting"), None);
            }
        }
        assert_eq!(get(&stage, &path).await, replaced);
    }
}

/// F-CFG-17: answers of writes are fresh, and so is who takes calls.
#[tokio::test]
async fn reads_of_configs_are_fresh_or_lag() {
    for (name, value) in [("config-reads", "fresh"), ("config-reads", "lagging")] {
        let lags = value == "lagging";
        let stage = Stage::with_quirks(&[(name, value), ("configs-seen", "together")]).await;
        let config = stage.configure(NUMBER).await;
        let path = format!("{CONFIGS}/{}", text(&config["id"]));
        let shown = async || {
            let list = get(&stage, CONFIGS).await;
            let domain = get(&stage, "/").await;
            let one = stage.api.get(&path).await.expect("is answered").body;
            assert_eq!(
                list["total_count"],
                list["data"].as_array().map_or(0, Vec::len)
            );
            let prefix = list["data"][0]["config"]["name_prefix"].clone();
            assert_eq!(one["config"]["name_prefix"], prefix);
            assert_eq!(domain["config"]["pin_dialin"][0]["name_prefix"], prefix);
            (one["id"].is_string(), prefix)
        };
        assert_eq!(shown().await.0, !lags);
        let call = stage.phone.dial(NUMBER).await.expect("dials");
        assert_eq!(call.outcome, Outcome::WrongPin, "it picks up at once");
        stage.advance(2).await;
        assert_eq!(shown().await, (true, Value::Null));
        let put = json!({"phone_number": NUMBER, "name_prefix": "desk"});
        let put = ok(stage.api.put(&path, &put).await);
        assert_eq!(put["config"]["name_prefix"], "desk");
        let desk = json!("desk");
        assert_eq!(shown().await.1 == desk, !lags);
        stage.advance(2).await;
        assert_eq!(shown().await.1, desk);
        ok(stage.api.delete(&path).await);
        assert_eq!(shown().await.0, lags);
        stage.advance(2).await;
        assert!(!shown().await.0);
    }
}

/// F-CFG-15: in a create, in a PUT, and in a list of the domain.
#[tokio::test]
async fn null_in_a_config_takes_a_field_away_or_is_refused() {
    for (name, value) in [("config-null", "unset"), ("config-null", "refused")] {
        let stage = Stage::with_quirk(name, value).await;
        let config = stage.configure(NUMBER).await;
        let path = format!("{CONFIGS}/{}", text(&config["id"]));
        let without = json!({"phone_number": NUMBER, "ivr_greeting": null});
        let entry = json!({"phone_number": SECOND_NUMBER, "name_prefix": null});
        let create =
            json!({"type": "pin_dialin", "phone_number": SECOND_NUMBER, "name_prefix": null});
        let put = stage.api.put(&path, &without).await;
        let list = json!({"properties": {"pin_dialin": [entry]}});
        let set = stage.api.post("/", &list).await;
        match value {
            "unset" => {
                assert_eq!(ok(put)["config"].get("ivr_greeting"), None);
                let shown = ok(set)["config"]["pin_dialin"].clone();
                assert_eq!(shown, json!([{"phone_number": SECOND_NUMBER}]));
                ok(stage
                    .api
                    .post("/", &json!({"properties": {"pin_dialin": null}}))
                    .await);
                let created = ok(stage.api.post(CONFIGS, &create).await);
                assert_eq!(created["config"].get("name_prefix"), None);
            }
            _ => {
                invalid(put, "ivr_greeting");
                invalid(set, "name_prefix");
                invalid(stage.api.post(CONFIGS, &create).await, "name_prefix");
                assert_eq!(get(&stage, &path).await, config, "nothing was changed");
            }
        }
    }
}

/// F-CFG-16: a caller hears no greeting then.
#[tokio::test]
async fn an_empty_text_in_a_config_is_accepted_or_refused() {
    for (name, value) in [("config-empty", "accepted"), ("config-empty", "refused")] {
        let stage = Stage::with_quirk(name, value).await;
        let config = stage.configure(NUMBER).await;
        let path = format!("{CONFIGS}/{}", text(&config["id"]));
        for (field, empty) in [
            ("name_prefix", json!("")),
            ("ivr_greeting", json!({"message": ""})),
        ] {
            let put = json!({"phone_number": NUMBER, field: empty});
            let put = stage.api.put(&path, &put).await;
            match value {
                "accepted" => assert_eq!(ok(put)["config"][field], empty),
                _ => invalid(put, field),
            }
        }
        let heard = stage.phone.dial(NUMBER).await.expect("dials").heard;
        let greeted = heard.iter().any(|it| it == "Hello from demo");
        assert_eq!(
            (greeted, heard.len()),
            (value == "refused", 1 + usize::from(greeted))
        );
    }
}

/// Gives a number back, which was purchased long ago.
async fn release(stage: &Stage, number: &str) -> Value {
    let list = get(stage, NUMBERS).await;
    let entries = list["data"].as_array().expect("is a list");
    let entry = entries.iter().find(|it| it["number"] == number);
    let id = text(&entry.expect("is listed")["id"]);
    ok(stage
        .api
        .delete(&format!("/release-phone-number/{id}"))
        .await);
    json!(id)
}

/// F-NUM-18: it is the account's no more in both.
#[tokio::test]
async fn a_released_number_is_gone_or_marked() {
    for (name, value) in [("released-number", "gone"), ("released-number", "marked")] {
        let stage = Stage::with_quirk(name, value).await;
        let before = get(&stage, NUMBERS).await;
        let id = release(&stage, NUMBER).await;
        let list = get(&stage, NUMBERS).await;
        match value {
            "gone" => assert_eq!(numbers(&list), [SECOND_NUMBER]),
            _ => {
                assert_eq!(numbers(&list), [SECOND_NUMBER, NUMBER]);
                assert_eq!(list["total_count"], 2);
                let mut marked = before["data"][1].clone();
                marked["deleted"] = json!(true);
                assert_eq!(list["data"][1], marked);
                assert_eq!(list["data"][0], before["data"][0]);
            }
        }
        let again = format!("/release-phone-number/{}", id.as_str().expect("is an id"));
        let again = stage.api.delete(&again).await.expect("is answered");
        assert_eq!(again.status, 404);
        let config = json!({"type": "pin_dialin", "phone_number": NUMBER});
        invalid(stage.api.post(CONFIGS, &config).await, "not associated");
        let room = stage.dialin_room("a", true).await;
        assert_eq!(room["config"]["dialin_number"], SECOND_NUMBER);
    }
}

/// F-NUM-19, F-NUM-14: nobody answers the number in both.
#[tokio::test]
async fn the_config_of_a_released_number_is_deleted_or_kept() {
    for (name, value) in [("released-config", "deleted"), ("released-config", "kept")] {
        let stage = Stage::with_quirk(name, value).await;
        let config = stage.configure(NUMBER).await;
        let path = format!("{CONFIGS}/{}", text(&config["id"]));
        release(&stage, NUMBER).await;
        let call = stage.phone.dial(NUMBER).await.expect("dials");
        assert_eq!(call.outcome, Outcome::NotAnswered);
        let found = stage.api.get(&path).await.expect("is answered");
        match value {
            "deleted" => assert_eq!(found.status, 404),
            _ => {
                assert_eq!(found.body, config);
                ok(stage.api.delete(&path).await);
            }
        }
    }
}

/// F-CFG-8, F-CFG-7, F-NUM-3, F-NUM-6.
#[tokio::test]
async fn filters_match_parts_or_the_whole_and_a_count_is_of_what_matches_or_of_all() {
    let desk = json!({"type": "pin_dialin", "phone_number": NUMBER, "name_prefix": "front desk"});
    for (name, value, by_part, count) in [
        ("filter-match", "part", 1, [2, 2]),
        ("filter-match", "whole", 0, [2, 2]),
        ("filtered-count", "all", 1, [2, 2]),
        ("filtered-count", "matching", 1, [1, 1]),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        ok(stage.api.post(CONFIGS, &desk).await);
        stage.configure(SECOND_NUMBER).await;
        let configs = get(&stage, &format!("{CONFIGS}?name_prefix=desk")).await;
        let found = get(&stage, &format!("{NUMBERS}?filter_number=555010")).await;
        for (list, count) in [(&configs, count[0]), (&found, count[1])] {
            assert_eq!(
                list["data"].as_array().map(Vec::len),
                Some(by_part),
                "{value}"
            );
            assert_eq!(list["total_count"], count, "{value}");
        }
        let whole = get(&stage, &format!("{CONFIGS}?name_prefix=front%20desk")).await;
        assert_eq!(whole["data"].as_array().map(Vec::len), Some(1));
        let whole = get(&stage, &format!("{NUMBERS}?filter_number=%2B14155550100")).await;
        assert_eq!(numbers(&whole), [SECOND_NUMBER]);
        let one = async |query: &str| {
            let list = get(&stage, &format!("{CONFIGS}?{query}")).await;
            list["data"].as_array().map(Vec::len)
        };
        assert_eq!(one("phone_number=5550100").await, Some(by_part), "{value}");
        assert_eq!(one("phone_number=%2B14155550100").await, Some(1));
        assert_eq!(
            one("phone_numbers=5550100").await,
            Some(1),
            "always by part"
        );
        let both = "phone_number=%2B14155550100&phone_numbers=0123";
        assert_eq!(one(both).await, Some(0), "both have to fit");
    }
}

/// F-NUM-4: `pagination_id` and date rise together in both, and pages go on.
#[tokio::test]
async fn numbers_are_listed_the_newest_first_or_the_earliest() {
    for (name, value, order) in [
        ("number-order", "newest-first", [SECOND_NUMBER, NUMBER]),
        ("number-order", "earliest-first", [NUMBER, SECOND_NUMBER]),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        let list = get(&stage, NUMBERS).await;
        assert_eq!(numbers(&list), order);
        let [first, second] = [&list["data"][0], &list["data"][1]];
        let rises = first["pagination_id"].as_u64() < second["pagination_id"].as_u64();
        assert_eq!(
            rises,
            text(&first["created_date"]) < text(&second["created_date"])
        );
        let path = format!("{NUMBERS}?starting_after={}", first["pagination_id"]);
        assert_eq!(numbers(&get(&stage, &path).await), [order[1]]);
    }
}

/// F-NUM-7: the part that the list of purchased numbers shows.
#[tokio::test]
async fn the_date_of_a_purchase_has_one_of_two_shapes() {
    let stage = Stage::with_quirk("number-shapes", "reference").await;
    let date = text(&get(&stage, NUMBERS).await["data"][0]["created_date"]);
    let iso: jiff::Timestamp = date.parse().expect("is a time");
    assert_eq!(format!("{iso:.3}"), date);

    let stage = Stage::with_quirk("number-shapes", "guide").await;
    let date = text(&get(&stage, NUMBERS).await["data"][0]["created_date"]);
    assert!(date.ends_with(" +0000"), "{date}");
    jiff::fmt::rfc2822::parse(&date).expect("is a date");
}

/// F-NUM-8, F-NUM-2: a caller id is no number of the account's, and the earliest entry of the list.
#[tokio::test]
async fn the_list_of_numbers_holds_caller_ids() {
    let account = AccountConfig::new("demo", &[KEY], &[NUMBER]).verified_caller_ids(&[CALLER_ID]);
    let config = Config::new(vec![account]).limits(Limits::Off);
    let stage = Stage::with(config).await;
    let list = get(&stage, NUMBERS).await;
    assert_eq!(numbers(&list), [NUMBER, CALLER_ID]);
    assert_eq!(list["total_count"], 2);
    let caller_id = &list["data"][1];
    assert_eq!(caller_id["type"], "verified_caller_id");
    assert_eq!(caller_id.get("id"), None);
    let config = json!({"type": "pin_dialin", "phone_number": CALLER_ID});
    invalid(stage.api.post(CONFIGS, &config).await, "not associated");
    let room = stage.dialin_room("a", true).await;
    assert_eq!(room["config"]["dialin_number"], NUMBER);
    let next = format!(
        "{NUMBERS}?starting_after={}",
        list["data"][0]["pagination_id"]
    );
    assert_eq!(numbers(&get(&stage, &next).await), [CALLER_ID]);

    let bad = AccountConfig::new("demo", &[KEY], &[]).verified_caller_ids(&["4155550142"]);
    let error = Sim::start(Config::new(vec![bad]))
        .await
        .expect_err("is refused");
    assert!(matches!(error, Error::BadNumber(_)), "{error}");
}

/// F-ROOM-36: the same for other lists; only numbers know where one was, by their `pagination_id`.
#[tokio::test]
async fn a_cursor_that_is_gone_is_answered_alike_in_every_list() {
    for (name, value) in [
        ("gone-cursor", "refused"),
        ("gone-cursor", "empty"),
        ("gone-cursor", "continues"),
    ] {
        let mut quirks = Quirks::default();
        quirks.set(name, value).expect("is a switch");
        let stage = Stage::with(support::two_accounts().quirks(quirks)).await;
        let id = text(&stage.configure(NUMBER).await["id"]);
        ok(stage.api.delete(&format!("{CONFIGS}/{id}")).await);
        stage.configure(SECOND_NUMBER).await;
        let list = get(&stage, NUMBERS).await;
        let newest = list["data"][0]["pagination_id"].as_u64().expect("is an id");
        let configs = stage
            .api
            .get(&format!("{CONFIGS}?starting_after={id}"))
            .await;
        let found = stage
            .api
            .get(&format!("{NUMBERS}?starting_after={}", newest + 1))
            .await;
        match value {
            "refused" => {
                invalid(configs, &id);
                invalid(found, "");
            }
            "empty" => {
                assert!(ok(configs)["data"].as_array().is_some_and(Vec::is_empty));
                assert!(numbers(&ok(found)).is_empty());
            }
            _ => {
                invalid(configs, &id);
                assert_eq!(numbers(&ok(found)), [SECOND_NUMBER, NUMBER]);
            }
        }
    }
}
