//! Validates requests against Daily's public reference.

use serde_json::Value;

use crate::schemas;

/// The query parameters of a call, and the schema of its body, if it has one.
type Shape = (&'static [&'static str], Option<&'static str>);

const NONE: &[&str] = &[];
const PAGE: &[&str] = &["limit", "starting_after", "ending_before"];

/// Validates a request against the reference. `path` is relative to the base URL, `query` has no question
/// mark.
///
/// # Errors
/// The differences from the reference.
pub fn check(
    method: &str,
    path: &str,
    query: Option<&str>,
    body: Option<&Value>,
) -> Result<(), String> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let shape = shape(method, &segments);
    let (arguments, schema) =
        shape.ok_or_else(|| format!("the reference has no {method} {path}"))?;
    for pair in query.into_iter().flat_map(|query| query.split('&')) {
        let name = pair.split('=').next().unwrap_or(pair);
        if !name.is_empty() && !arguments.contains(&name) {
            return Err(format!("{method} {path} has no argument {name:?}"));
        }
    }
    match (schema, body) {
        (Some(schema), Some(body)) => schemas::check(schema, body)
            .map_err(|difference| format!("{method} {path}: {difference}")),
        (Some(_), None) => Err(format!("{method} {path} needs a body")),
        (None, Some(body)) if !body.is_null() => Err(format!("{method} {path} takes no body")),
        (None, _) => Ok(()),
    }
}

fn shape(method: &str, segments: &[&str]) -> Option<Shape> {
    Some(match (method, segments) {
        ("GET", [""]) => (NONE, None),
        ("POST", [""]) => (NONE, Some("domain-update")),
        ("GET", ["rooms"]) => (PAGE, None),
        ("POST", ["rooms"]) => (NONE, Some("room-create")),
        ("GET" | "DELETE", ["rooms", _]) => (NONE, None),
        ("POST", ["rooms", _]) => (NONE, Some("room-update")),
        ("POST", ["batch", "rooms"]) => (NONE, Some("batch-create")),
        ("DELETE", ["batch", "rooms"]) => (NONE, Some("batch-delete")),
        ("GET", ["rooms", _, "presence"]) => (&["limit", "userId", "userName"], None),
        ("POST", ["rooms", _, "eject"]) => (NONE, Some("eject")),
        ("GET", ["presence"]) => (NONE, None),
        ("GET", ["domain-dialin-config"]) => (CONFIGS, None),
        ("POST", ["domain-dialin-config"]) => (NONE, Some("dialin-config-create")),
        ("GET" | "DELETE", ["domain-dialin-config", _]) => (NONE, None),
        ("PUT", ["domain-dialin-config", _]) => (NONE, Some("dialin-config-update")),
        ("GET", ["purchased-phone-numbers"]) => (PURCHASED, None),
        ("GET", ["list-available-numbers"]) => (AVAILABLE, None),
        ("POST", ["buy-phone-number"]) => (NONE, Some("number-buy")),
        ("DELETE", ["release-phone-number", _]) => (NONE, None),
        ("POST", ["meeting-tokens"]) => (NONE, Some("token-create")),
        ("GET", ["meeting-tokens", _]) => (&["ignoreNbf"], None),
        ("GET", ["meetings"]) => (MEETINGS, None),
        ("GET", ["meetings", _]) => (NONE, None),
        ("GET", ["meetings", _, "participants"]) => {
            (&["limit", "joined_after", "joined_before"], None)
        }
        ("GET", ["logs", "api"]) => (LOGS, None),
        _ => return None,
    })
}

const CONFIGS: &[&str] = &[
    "limit",
    "starting_after",
    "ending_before",
    "phone_number",
    "phone_numbers",
    "sip_username",
    "name_prefix",
    "type",
];
const PURCHASED: &[&str] = &[
    "limit",
    "starting_after",
    "ending_before",
    "filter_name",
    "filter_number",
];
const AVAILABLE: &[&str] = &[
    "areacode",
    "region",
    "city",
    "contains",
    "starts_with",
    "ends_with",
];
const MEETINGS: &[&str] = &[
    "room",
    "timeframe_start",
    "timeframe_end",
    "limit",
    "starting_after",
    "ending_before",
    "ongoing",
    "no_participants",
];
const LOGS: &[&str] = &["starting_after", "ending_before", "limit", "source", "url"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_reference_has_passes() {
        let dialin =
            json!({"display_name": "Phone", "room_numbers": [{"phone_number": "+12025550123"}]});
        let create = json!({"name": "a-1", "properties": {"exp": 1_800_000_000, "dialin": dialin}});
        assert_eq!(check("POST", "/rooms", None, Some(&create)), Ok(()));
        let update = json!({"properties": {"enable_chat": null, "dialin": null}});
        assert_eq!(check("POST", "/rooms/a-1", None, Some(&update)), Ok(()));
        assert_eq!(
            check("GET", "/rooms", Some("limit=100&starting_after=x"), None),
            Ok(())
        );
        assert_eq!(check("DELETE", "/rooms/a-1", None, None), Ok(()));
        let config = json!({"type": "pin_dialin", "phone_number": "+12025550123"});
        assert_eq!(
            check("POST", "/domain-dialin-config", None, Some(&config)),
            Ok(())
        );
    }

    #[test]
    fn what_it_has_not_is_told() {
        let told = |method, path, query, body: Option<Value>| {
            check(method, path, query, body.as_ref()).expect_err("must be told")
        };
        assert!(told("GET", "/rooms", Some("name=x"), None).contains("name"));
        assert!(told("PATCH", "/rooms/x", None, None).contains("has no PATCH"));
        let unknown = json!({"properties": {"colour": "red"}});
        assert!(told("POST", "/rooms", None, Some(unknown)).contains("colour"));
        let renamed = json!({"name": "y", "properties": {}});
        assert!(told("POST", "/rooms/x", None, Some(renamed)).contains("name"));
        let null = json!({"properties": {"dialin": {"display_name": null}}});
        assert!(told("POST", "/rooms", None, Some(null)).contains("null"));
        assert!(told("POST", "/rooms", None, None).contains("needs a body"));
        let music = json!({"type": "pin_dialin", "phone_number": "+1202", "hold_music_url": "x"});
        assert!(!told("POST", "/domain-dialin-config", None, Some(music)).is_empty());
    }
}
