//! Reads the cluster: objects, their conditions, and Secrets as an app reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::Value;
use testbed::{Look, eventually};

use super::error::DemoError;
use super::report::say;
use super::stage::{NAMESPACE, Stage};

/// The plural names of both kinds.
pub const KINDS: [&str; 2] = ["dailyrooms", "pindialinnumbers"];
/// How long a condition may take to become True.
const WITHIN: Duration = Duration::from_secs(30);

/// The text at a JSON pointer; empty if there is none.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

/// An object of the demo, for example `dailyroom/standup`.
///
/// # Errors
/// If the object does not exist.
pub async fn object(stage: &Stage, name: &str) -> Result<Value, DemoError> {
    let args = ["get", name, "--namespace", NAMESPACE, "--output=json"];
    Ok(stage.cluster.json(&args).await?)
}

/// Calls `/readyz` of the operator, at the address in its log.
///
/// # Errors
/// Why the operator is not ready.
pub async fn readyz(log: &str) -> Result<(), String> {
    let address = log.lines().find_map(|line| {
        let (_, fields) = line.split_once("Serving probes and metrics")?;
        fields.trim().strip_prefix("address=")
    });
    let address = address.ok_or("it does not serve /readyz yet")?;
    let http = reqwest::Client::builder().no_proxy().build();
    let http = http.map_err(|error| error.to_string())?;
    let answer = http.get(format!("http://{address}/readyz")).send().await;
    let answer = answer.map_err(|error| error.to_string())?;
    match answer.status().is_success() {
        true => Ok(()),
        false => Err(answer.text().await.unwrap_or_default()),
    }
}

pub fn has(object: &Value, condition: &str, status: &str) -> bool {
    conditions(object).any(|it| (text(it, "/type"), text(it, "/status")) == (condition, status))
}

fn conditions(object: &Value) -> impl Iterator<Item = &Value> {
    let found = object.pointer("/status/conditions");
    found.and_then(Value::as_array).into_iter().flatten()
}

/// The conditions, one per line.
pub fn describe(object: &Value) -> String {
    let line = |condition: &Value| {
        let part = |pointer| text(condition, pointer);
        format!(
            "{}={} {}: {}",
            part("/type"),
            part("/status"),
            part("/reason"),
            part("/message")
        )
    };
    let lines: Vec<_> = conditions(object).map(line).collect();
    match lines.is_empty() {
        true => "no conditions yet".to_owned(),
        false => lines.join("\n"),
    }
}

/// Waits until a condition is True, and prints the conditions after each change.
///
/// # Errors
/// If the condition is not True in time, the operator exits, or the object is stalled.
pub async fn wait_for(stage: &mut Stage, name: &str, wanted: &str) -> Result<Value, DemoError> {
    let mut shown = String::new();
    let what = format!("{name} is {wanted}");
    let done = eventually(&what, WITHIN, async || {
        stage.operator.running()?;
        let object = object(stage, name).await?;
        let now = describe(&object);
        if now != shown {
            say(&now);
            shown.clone_from(&now);
        }
        if has(&object, wanted, "True") {
            return Ok(Look::Done(object));
        }
        if has(&object, "Stalled", "True") {
            return Err(DemoError::Seen(now));
        }
        Ok(Look::NotYet(now))
    });
    Ok(done.await?)
}

/// The decoded data of a Secret; `None` if the Secret does not exist.
///
/// # Errors
/// If the Secret cannot be read.
pub async fn secret(
    stage: &Stage,
    name: &str,
) -> Result<Option<BTreeMap<String, String>>, DemoError> {
    let args = [
        "get",
        "secret",
        name,
        "--namespace",
        NAMESPACE,
        "--ignore-not-found",
        "--output=json",
    ];
    let printed = stage.cluster.run(&args).await?;
    if printed.trim().is_empty() {
        return Ok(None);
    }
    let not_one = || DemoError::Seen(format!("kubectl printed no Secret {name}"));
    let secret: Value = serde_json::from_str(&printed).map_err(|_| not_one())?;
    let data = secret.pointer("/data").and_then(Value::as_object);
    let decoded = data.ok_or_else(not_one)?.iter().map(|(key, value)| {
        let bytes = BASE64.decode(value.as_str()?.as_bytes()).ok()?;
        Some((key.clone(), String::from_utf8(bytes).ok()?))
    });
    decoded.collect::<Option<_>>().map(Some).ok_or_else(not_one)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_are_told_on_a_line_each() {
        let stalled =
            json!({"type": "Stalled", "status": "True", "reason": "Unauthorized", "message": "m"});
        let ready = json!({"type": "Ready", "status": "False", "reason": "R", "message": "n"});
        let object = json!({"status": {"conditions": [ready, stalled]}});
        assert_eq!(
            describe(&object),
            "Ready=False R: n\nStalled=True Unauthorized: m"
        );
        assert!(has(&object, "Stalled", "True") && !has(&object, "Ready", "True"));
        assert_eq!(describe(&json!({})), "no conditions yet");
    }
}
