//! Dial-in configs of purchased numbers.

use serde_json::{Value, json};

use crate::case::{Case, Checked, ensure, list, same, text};
use crate::check::Needs::{Card, Config, Simulator};
use crate::check::area;

area! { configs;
    Config => a_config_answers_what_was_sent ["F-CFG-1", "F-CFG-9"];
    Config => a_config_is_read_changed_and_deleted ["F-CFG-10", "F-CFG-11", "F-CFG-17"];
    Config => the_type_of_a_config_stays ["F-CFG-11"];
    Config => a_number_is_in_one_config ["F-CFG-4", "F-CFG-13"];
    Config => fields_of_the_other_type_are_refused ["F-CFG-2"];
    Config => an_unsent_field_is_kept_or_goes ["F-CFG-12"];
    Config => null_and_an_empty_text_take_a_field_away_or_are_refused ["F-CFG-15", "F-CFG-16"];
    Card => a_missing_config_is_not_found ["F-CFG-10"];
    Card => configs_are_listed ["F-CFG-6"];
    Simulator("it names a number of somebody else") => a_foreign_number_is_refused ["F-CFG-5"];
    Simulator("it needs numbers without configs") => configs_come_newest_first_and_in_pages ["F-CFG-6"];
    Simulator("it needs numbers without configs") => filters_narrow_the_list ["F-CFG-7", "F-CFG-8", "F-NUM-6"];
    Simulator("its config has no number to find it by") => a_pinless_config_needs_no_number ["F-CFG-3", "F-CFG-14"];
}

const CONFIGS: &str = "/domain-dialin-config";

/// Creates a PIN dial-in config for the nth purchased number.
async fn config(case: &Case, nth: usize, prefix: &str) -> Checked<Value> {
    let number = case.number(nth)?;
    let body = json!({
        "type": "pin_dialin", "phone_number": number, "name_prefix": prefix,
        "ivr_greeting": {"message": "Welcome."}
    });
    case.post(CONFIGS, body).await?.ok()
}

fn path(config: &Value) -> Checked<String> {
    Ok(format!("{CONFIGS}/{}", text(config, "id")?))
}

async fn a_config_answers_what_was_sent(case: &Case) -> Checked {
    let made = config(case, 0, "contract").await?;
    same("type", &made["type"], &json!("pin_dialin"))?;
    let id = text(&made, "id")?;
    ensure!(id.len() == 36, "{id:?} is no UUID");
    let wanted = json!({
        "phone_number": case.number(0)?, "name_prefix": "contract",
        "ivr_greeting": {"message": "Welcome."}, "sip_uri": null
    });
    let mut shown = made["config"].clone();
    if let Some(shown) = shown.as_object_mut() {
        // Daily's reference also has the type within the config; Daily's example does not.
        shown.remove("type");
    }
    same("config", &shown, &wanted)
}

async fn a_config_is_read_changed_and_deleted(case: &Case) -> Checked {
    let made = config(case, 0, "before").await?;
    case.reads(&path(&made)?, |answer| answer.body == made)
        .await?;
    let changes = json!({"phone_number": case.number(0)?, "name_prefix": "after"});
    let changed = case.put(&path(&made)?, changes).await?.ok()?;
    same("id", &changed["id"], &made["id"])?;
    same(
        "name_prefix",
        &changed["config"]["name_prefix"],
        &json!("after"),
    )?;
    case.reads(&path(&made)?, |answer| answer.body == changed)
        .await?;
    let deleted = case.delete(&path(&made)?).await?.ok()?;
    same("the answer", &deleted, &json!({"status": "ok"}))?;
    case.reads(&path(&made)?, |answer| answer.status == 404)
        .await?
        .refused(404, "not-found")?;
    case.delete(&path(&made)?).await?.refused(404, "not-found")
}

async fn the_type_of_a_config_stays(case: &Case) -> Checked {
    let made = config(case, 0, "typed").await?;
    let changes = json!({"type": "pinless_dialin", "phone_number": case.number(0)?});
    let answer = case.put(&path(&made)?, changes).await?;
    answer.done_or_refused("invalid-request-error")?;
    let path = path(&made)?;
    let now = case.reads(&path, |answer| answer.status == 200).await?;
    let now = now.ok()?;
    same("type", &now["type"], &json!("pin_dialin"))
}

async fn a_number_is_in_one_config(case: &Case) -> Checked {
    let made = config(case, 0, "first").await?;
    for kind in ["pin_dialin", "pinless_dialin"] {
        let mut body = json!({"type": kind, "phone_number": case.number(0)?, "name_prefix": "x"});
        if kind == "pinless_dialin" {
            body["room_creation_api"] = json!("https://example.com/rooms");
        }
        let answer = case.post(CONFIGS, body).await?;
        answer.refused(400, "invalid-request-error")?;
    }
    case.delete(&path(&made)?).await?.ok()?;
    config(case, 0, "second").await?;
    Ok(())
}

async fn fields_of_the_other_type_are_refused(case: &Case) -> Checked {
    let body = json!({
        "type": "pin_dialin", "phone_number": case.number(0)?, "name_prefix": "x",
        "hold_music_url": "https://example.com/music.mp3"
    });
    case.post(CONFIGS, body)
        .await?
        .refused(400, "invalid-request-error")
}

async fn an_unsent_field_is_kept_or_goes(case: &Case) -> Checked {
    let made = config(case, 0, "put").await?;
    let changes = json!({"phone_number": case.number(0)?, "name_prefix": "put-2"});
    let changed = case.put(&path(&made)?, changes).await?.ok()?;
    let greeting = &changed["config"]["ivr_greeting"];
    let known = greeting.is_null() || *greeting == json!({"message": "Welcome."});
    ensure!(known, "ivr_greeting is {greeting}");
    Ok(())
}

async fn null_and_an_empty_text_take_a_field_away_or_are_refused(case: &Case) -> Checked {
    for nothing in [Value::Null, json!("")] {
        let made = config(case, 0, "kept").await?;
        let changes = json!({"phone_number": case.number(0)?, "name_prefix": nothing});
        let answer = case.put(&path(&made)?, changes).await?;
        if answer.done_or_refused("invalid-request-error")? {
            let shown = &answer.body["config"]["name_prefix"];
            let is_gone = shown.is_null() || shown == "";
            ensure!(is_gone, "{nothing} leaves {shown}");
        }
        case.delete(&path(&made)?).await?.ok()?;
    }
    Ok(())
}

async fn a_missing_config_is_not_found(case: &Case) -> Checked {
    let path = format!("{CONFIGS}/00000000-0000-4000-8000-000000000000");
    let answer = case.get(&path).await?;
    ensure!(
        answer.status == 404,
        "it is answered {} {}",
        answer.status,
        answer.text
    );
    Ok(())
}

async fn configs_are_listed(case: &Case) -> Checked {
    let listed = case.get(CONFIGS).await?.ok()?;
    let found = list(&listed, "data")?.len();
    ensure!(found <= 100, "a page has {found} configs");
    Ok(())
}

async fn a_foreign_number_is_refused(case: &Case) -> Checked {
    let body = json!({"type": "pin_dialin", "phone_number": "+12096181843", "name_prefix": "x"});
    let info = format!(
        "Failed to configure pin dialin: 12096181843 not associated with domain: {}",
        case.account.domain
    );
    let answer = case.post(CONFIGS, body).await?;
    answer.refused_with(400, "invalid-request-error", &info)
}

fn prefixes(listed: &Value) -> Checked<Vec<&str>> {
    let configs = list(listed, "data")?.iter();
    configs
        .map(|config| text(&config["config"], "name_prefix"))
        .collect()
}

async fn configs_come_newest_first_and_in_pages(case: &Case) -> Checked {
    for (nth, prefix) in ["one", "two", "three"].into_iter().enumerate() {
        config(case, nth, prefix).await?;
    }
    let all = case.get(CONFIGS).await?.ok()?;
    ensure!(
        prefixes(&all)? == ["three", "two", "one"],
        "listed are {:?}",
        prefixes(&all)?
    );
    same("total_count", &all["total_count"], &json!(3))?;
    let two = text(
        &list(&all, "data")?.get(1).cloned().unwrap_or_default(),
        "id",
    )?
    .to_owned();
    let after = case
        .get(&format!("{CONFIGS}?limit=1&starting_after={two}"))
        .await?
        .ok()?;
    ensure!(
        prefixes(&after)? == ["one"],
        "after the second comes {:?}",
        prefixes(&after)?
    );
    let before = case
        .get(&format!("{CONFIGS}?ending_before={two}"))
        .await?
        .ok()?;
    ensure!(
        prefixes(&before)? == ["three"],
        "before it comes {:?}",
        prefixes(&before)?
    );
    Ok(())
}

async fn filters_narrow_the_list(case: &Case) -> Checked {
    config(case, 0, "alpha").await?;
    config(case, 1, "beta").await?;
    let music = json!({"type": "pinless_dialin", "phone_number": case.number(2)?,
        "name_prefix": "gamma", "room_creation_api": "https://example.com/rooms"});
    case.post(CONFIGS, music).await?.ok()?;
    let (one, two) = (case.number(0)?, case.number(1)?);
    let tails = format!("{},{}", tail(one), tail(two));
    for (query, wanted) in [
        (
            format!("phone_number=%2B{}", one.trim_start_matches('+')),
            vec!["alpha"],
        ),
        (format!("phone_numbers={tails}"), vec!["beta", "alpha"]),
        ("type=pinless_dialin".to_owned(), vec!["gamma"]),
        ("type=pin_dialin".to_owned(), vec!["beta", "alpha"]),
        ("name_prefix=beta".to_owned(), vec!["beta"]),
        ("name_prefix=nothing".to_owned(), vec![]),
    ] {
        let listed = case.get(&format!("{CONFIGS}?{query}")).await?.ok()?;
        let found = prefixes(&listed)?;
        ensure!(
            found == wanted,
            "{query} gives {found:?} and not {wanted:?}"
        );
        let total = &listed["total_count"];
        let known = *total == json!(wanted.len()) || *total == json!(3);
        ensure!(known, "{query} counts {total}");
    }
    Ok(())
}

fn tail(number: &str) -> &str {
    number
        .get(number.len().saturating_sub(7)..)
        .unwrap_or(number)
}

async fn a_pinless_config_needs_no_number(case: &Case) -> Checked {
    let body = json!({
        "type": "pinless_dialin", "name_prefix": "sip",
        "room_creation_api": "https://example.com/rooms"
    });
    let made = case.post(CONFIGS, body).await?.ok()?;
    ensure!(!text(&made["config"], "hmac")?.is_empty(), "it has no hmac");
    let without = json!({"type": "pin_dialin", "name_prefix": "x"});
    case.post(CONFIGS, without)
        .await?
        .refused(400, "invalid-request-error")
}
