//! Validates each answer against the JSON Schema of its call. Each schema is a file in `schemas/`; a `$ref`
//! names another file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use reqwest::Method;
use serde_json::Value;

/// The name and text of each schema.
macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../schemas/", $name, ".json")))),+]
    };
}

const FILES: &[(&str, &str)] = files![
    "available-numbers",
    "batch-create",
    "batch-delete",
    "batch-deleted",
    "dialin-config",
    "dialin-config-create",
    "dialin-config-list",
    "dialin-config-update",
    "domain",
    "domain-update",
    "eject",
    "ejected",
    "error",
    "error-of-numbers",
    "logs",
    "meeting",
    "meeting-list",
    "meeting-participants",
    "number-bought",
    "number-buy",
    "number-released",
    "presence",
    "presence-item",
    "presence-of-all",
    "purchased-numbers",
    "room",
    "room-config",
    "room-create",
    "room-deleted",
    "room-list",
    "room-properties",
    "room-properties-update",
    "room-update",
    "rooms",
    "status-ok",
    "token",
    "token-create",
    "token-told",
];

/// The validators by schema name, or why a schema is invalid.
static VALIDATORS: LazyLock<BTreeMap<&str, Result<Validator, String>>> = LazyLock::new(|| {
    let one = |(name, text): &(&'static str, &str)| (*name, validator(text));
    FILES.iter().map(one).collect()
});

fn validator(text: &str) -> Result<Validator, String> {
    let schema: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let whole = resolved(schema)?;
    jsonschema::draft202012::new(&whole).map_err(|error| error.to_string())
}

/// Replaces each `$ref` to a file with the content of the file.
fn resolved(schema: Value) -> Result<Value, String> {
    match schema {
        Value::Object(map) => {
            let file = map.get("$ref").and_then(Value::as_str);
            if let Some(file) = file.and_then(|file| file.strip_suffix(".json")) {
                let found = FILES.iter().find(|(name, _)| *name == file);
                let (_, text) = found.ok_or_else(|| format!("there is no schema {file}"))?;
                let inner =
                    serde_json::from_str(text).map_err(|error| format!("{file}: {error}"))?;
                return resolved(inner);
            }
            let entries = map
                .into_iter()
                .map(|(key, value)| Ok((key, resolved(value)?)));
            entries.collect::<Result<_, String>>().map(Value::Object)
        }
        Value::Array(items) => {
            let items = items.into_iter().map(resolved);
            items.collect::<Result<_, String>>().map(Value::Array)
        }
        other => Ok(other),
    }
}

/// Validates a value against the schema with this name.
pub fn check(name: &str, value: &Value) -> Result<(), String> {
    let validator = VALIDATORS
        .get(name)
        .ok_or_else(|| format!("there is no schema {name}"))?;
    let validator = validator
        .as_ref()
        .map_err(|error| format!("schema {name}: {error}"))?;
    let differences: Vec<String> = validator
        .iter_errors(value)
        .take(3)
        .map(|error| format!("at {:?}: {error}", error.instance_path().to_string()))
        .collect();
    match differences.is_empty() {
        true => Ok(()),
        false => Err(format!("{} ({name}.json)", differences.join("; "))),
    }
}

pub fn answer(method: &Method, path: &str, status: u16, body: &Value) -> Result<(), String> {
    let path = path.split('?').next().unwrap_or(path);
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    match status {
        200 => match of_success(method.as_str(), &segments) {
            Some(name) => check(name, body),
            None => Err("the reference has no such call".into()),
        },
        // No document of Daily shows the body of a 413.
        413 => Ok(()),
        422 => check("error-of-numbers", body),
        400.. => check("error", body),
        _ => Err(format!("the status is {status}")),
    }
}

fn of_success(method: &str, segments: &[&str]) -> Option<&'static str> {
    Some(match (method, segments) {
        ("GET" | "POST", [""]) => "domain",
        ("GET", ["rooms"]) => "room-list",
        ("POST", ["rooms"]) | ("GET" | "POST", ["rooms", _]) => "room",
        ("DELETE", ["rooms", _]) => "room-deleted",
        ("POST", ["batch", "rooms"]) => "rooms",
        ("DELETE", ["batch", "rooms"]) => "batch-deleted",
        ("GET", ["rooms", _, "presence"]) => "presence",
        ("POST", ["rooms", _, "eject"]) => "ejected",
        ("GET", ["presence"]) => "presence-of-all",
        ("GET", ["domain-dialin-config"]) => "dialin-config-list",
        ("POST", ["domain-dialin-config"]) | ("GET" | "PUT", ["domain-dialin-config", _]) => {
            "dialin-config"
        }
        ("DELETE", ["domain-dialin-config", _]) => "status-ok",
        ("GET", ["purchased-phone-numbers"]) => "purchased-numbers",
        ("GET", ["list-available-numbers"]) => "available-numbers",
        ("POST", ["buy-phone-number"]) => "number-bought",
        ("DELETE", ["release-phone-number", _]) => "number-released",
        ("POST", ["meeting-tokens"]) => "token",
        ("GET", ["meeting-tokens", _]) => "token-told",
        ("GET", ["meetings"]) => "meeting-list",
        ("GET", ["meetings", _]) => "meeting",
        ("GET", ["meetings", _, "participants"]) => "meeting-participants",
        ("GET", ["logs", "api"]) => "logs",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_file_is_there_and_makes_a_validator() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| {
                entry
                    .expect("a file")
                    .file_name()
                    .into_string()
                    .expect("a name")
            })
            .collect();
        names.sort();
        let listed = FILES.iter().map(|(name, _)| format!("{name}.json"));
        let mut listed: Vec<String> = listed.collect();
        listed.sort();
        assert_eq!(names, listed);
        for (name, validator) in VALIDATORS.iter() {
            assert!(
                validator.is_ok(),
                "{name}: {}",
                validator.as_ref().expect_err("no validator")
            );
        }
    }

    #[test]
    fn an_unknown_key_of_a_room_is_a_difference() {
        let mut room = json!({
            "id": "d61cd7b2-a273-42b4-89bd-be763fd562c1", "name": "w2pp", "api_created": true,
            "privacy": "public", "url": "https://api-demo.daily.co/w2pp",
            "created_at": "2019-01-26T09:01:22.000Z", "config": {"start_video_off": true}
        });
        assert_eq!(answer(&Method::GET, "/rooms/w2pp?x=1", 200, &room), Ok(()));
        room["config"]["colour"] = json!("red");
        assert!(answer(&Method::GET, "/rooms/w2pp", 200, &room).is_err());
    }

    #[test]
    fn an_error_has_a_word() {
        let error = json!({"error": "not-found", "info": "room x not found"});
        assert_eq!(answer(&Method::GET, "/rooms/x", 404, &error), Ok(()));
        assert!(answer(&Method::GET, "/rooms/x", 404, &json!({"message": "no"})).is_err());
        let released = json!({"error": "Failed to release new number, try again in 14 days"});
        assert_eq!(
            answer(&Method::DELETE, "/release-phone-number/1", 422, &released),
            Ok(())
        );
    }
}
