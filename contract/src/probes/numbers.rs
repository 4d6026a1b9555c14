//! Purchased numbers and their dial-in configs.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Finding, Scene, puzzled};
use crate::case::{Failure, list, text};

const CONFIGS: &str = "/domain-dialin-config";
const PURCHASED: &str = "/purchased-phone-numbers";

/// A number for which the run may create a config, or why there is none.
fn free(scene: &Scene) -> Result<&str, Failure> {
    scene.card()?;
    if !scene.found.with_numbers {
        return Err("it needs --with-numbers".into());
    }
    let number = scene.found.unassigned.first().map(String::as_str);
    number.ok_or_else(|| "the account has no purchased number without a config".into())
}

async fn made(scene: &Scene) -> Result<(Value, String), Failure> {
    let number = free(scene)?;
    let body = json!({
        "type": "pin_dialin", "phone_number": number, "name_prefix": "contract",
        "ivr_greeting": {"message": "Welcome."}
    });
    let config = scene.case.post(CONFIGS, body).await?.ok()?;
    Ok((config, number.to_owned()))
}

pub async fn configs_seen(scene: &Scene) -> Finding {
    scene.card()?;
    let configs = scene.case.get(CONFIGS).await?.ok()?;
    let pin = |config: &&Value| config["type"] == "pin_dialin";
    let of_calls = list(&configs, "data")?.iter().find(pin);
    let number = match of_calls {
        Some(config) => config["config"]["phone_number"].clone(),
        None => {
            let (_, number) = made(scene).await?;
            scene.settle().await;
            json!(number)
        }
    };
    let domain = scene.case.get("/").await?.ok()?;
    let entries = domain["config"]["pin_dialin"].as_array();
    let mut entries = entries.into_iter().flatten();
    match entries.any(|entry| entry["phone_number"] == number) {
        true => Ok("together"),
        false => Ok("apart"),
    }
}

pub async fn config_put(scene: &Scene) -> Finding {
    let (config, number) = made(scene).await?;
    let path = format!("{CONFIGS}/{}", text(&config, "id")?);
    let changes = json!({"phone_number": number, "name_prefix": "contract-2"});
    let changed = scene.case.put(&path, changes).await?.ok()?;
    match changed["config"]["ivr_greeting"].is_null() {
        true => Ok("replaces"),
        false => Ok("merges"),
    }
}

/// Reads right after the create, when a lagging replica does not show the config yet.
pub async fn config_reads(scene: &Scene) -> Finding {
    let (config, _) = made(scene).await?;
    let path = format!("{CONFIGS}/{}", text(&config, "id")?);
    let answer = scene.case.get(&path).await?;
    match answer.status {
        200 => Ok("fresh"),
        404 => Ok("lagging"),
        _ => puzzled(&answer),
    }
}

/// Whether Daily accepts this value for the `name_prefix` of a config.
async fn takes_prefix(scene: &Scene, prefix: Value) -> Result<bool, Failure> {
    let (config, number) = made(scene).await?;
    let path = format!("{CONFIGS}/{}", text(&config, "id")?);
    let changes = json!({"phone_number": number, "name_prefix": prefix});
    let answer = scene.case.put(&path, changes).await?;
    match answer.status {
        200 => Ok(true),
        400 => Ok(false),
        _ => puzzled(&answer),
    }
}

pub async fn config_null(scene: &Scene) -> Finding {
    Ok(match takes_prefix(scene, Value::Null).await? {
        true => "unset",
        false => "refused",
    })
}

pub async fn config_empty(scene: &Scene) -> Finding {
    Ok(match takes_prefix(scene, json!("")).await? {
        true => "accepted",
        false => "refused",
    })
}

fn first(scene: &Scene) -> Result<&str, Failure> {
    scene.card()?;
    let number = scene.found.numbers.first().map(String::as_str);
    number.ok_or_else(|| "the account has no purchased number".into())
}

async fn filtered(scene: &Scene, filter: &str) -> Result<Value, Failure> {
    scene
        .case
        .get(&format!("{PURCHASED}?filter_number={filter}"))
        .await?
        .ok()
}

fn shows(listed: &Value, number: &str) -> Result<bool, Failure> {
    Ok(list(listed, "data")?
        .iter()
        .any(|item| item["number"] == number))
}

pub async fn filter_match(scene: &Scene) -> Finding {
    let number = first(scene)?;
    let digits = number.trim_start_matches('+');
    let all = filtered(scene, &format!("%2B{digits}")).await?;
    if !shows(&all, number)? {
        return Err("a filter does not find the number itself".into());
    }
    let part = digits.get(1..).unwrap_or(digits);
    match shows(&filtered(scene, part).await?, number)? {
        true => Ok("part"),
        false => Ok("whole"),
    }
}

pub async fn filtered_count(scene: &Scene) -> Finding {
    first(scene)?;
    // A fictional number, which nobody can own.
    let none = filtered(scene, "%2B12025550199").await?;
    if !list(&none, "data")?.is_empty() {
        return Err("a filter finds what it should not".into());
    }
    match none["total_count"].as_i64() {
        Some(0) => Ok("matching"),
        Some(_) => Ok("all"),
        None => Err("there is no total_count".into()),
    }
}

fn time(item: &Value) -> Option<Timestamp> {
    let date = item["created_date"].as_str()?;
    let mail = || jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date);
    date.parse().or_else(|_| mail()).ok()
}

pub async fn number_order(scene: &Scene) -> Finding {
    scene.card()?;
    let listed = scene.case.get(PURCHASED).await?.ok()?;
    let mut times: Vec<Timestamp> = list(&listed, "data")?.iter().filter_map(time).collect();
    times.dedup();
    match times.as_slice() {
        [_, _, ..] if times.is_sorted() => Ok("earliest-first"),
        [_, _, ..] if times.is_sorted_by(|one, next| one >= next) => Ok("newest-first"),
        [_, _, ..] => Err("the numbers are in no order of time".into()),
        _ => Err("the account has no two purchased numbers of different times".into()),
    }
}

pub async fn number_shapes(scene: &Scene) -> Finding {
    scene.card()?;
    let answer = scene.case.get("/list-available-numbers?region=CA").await?;
    let offers = answer.body["data"].as_array();
    let Some(offer) = offers.and_then(|offers| offers.first()) else {
        return Err("no number is for sale in California".into());
    };
    match (
        offer["phoneNumber"].is_string(),
        offer["number"].is_string(),
    ) {
        (true, _) => Ok("reference"),
        (false, true) => Ok("guide"),
        _ => puzzled(&answer),
    }
}
