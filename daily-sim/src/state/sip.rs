//! The room property `sip`: what it has to say, and the endpoints that come of it. // F-ROOM-46

use serde_json::{Map, Value, json};

use super::Refusal;

/// Checks the `sip` of a room that is to be set.
pub(super) fn check(sip: &Map<String, Value>) -> Result<(), Refusal> {
    // F-ERR-7
    if !sip.contains_key("display_name") || !sip.contains_key("sip_mode") {
        return Err(Refusal::missing_field());
    }
    if sip.get("sip_mode") != Some(&json!("dial-in")) {
        return Err(Refusal::invalid("'sip.sip_mode' must be one of [dial-in]"));
    }
    let endpoints = sip.get("num_endpoints").map(Value::as_u64);
    if endpoints.is_some_and(|endpoints| endpoints.is_none_or(|endpoints| endpoints < 1)) {
        return Err(Refusal::invalid(
            "'sip.num_endpoints' should be a number from 1 on",
        ));
    }
    let several = endpoints.flatten() > Some(1);
    let digits_only = sip.get("force_digit_only_username") == Some(&json!(true));
    match several && digits_only {
        true => Err(Refusal::invalid(
            "'sip.force_digit_only_username' and several 'sip.num_endpoints' exclude each other",
        )),
        false => Ok(()),
    }
}

/// How many endpoints a room has. // F-CALL-6
pub(super) fn endpoints(properties: &Map<String, Value>) -> usize {
    let sip = properties.get("sip").and_then(Value::as_object);
    sip.map_or(0, |sip| {
        let endpoints = sip.get("num_endpoints").and_then(Value::as_u64);
        usize::try_from(endpoints.unwrap_or(1)).unwrap_or(usize::MAX)
    })
}

/// The addresses of the endpoints, as a room shows them; none without `sip`.
pub(super) fn uri(name: &str, domain: &str, properties: &Map<String, Value>) -> Option<Value> {
    let endpoint = |n: usize| format!("{name}.{n}@daily-{domain}.sip.example.com");
    match endpoints(properties) {
        0 => None,
        1 => Some(json!({"endpoint": endpoint(0)})),
        all => {
            let extra: Vec<String> = (1..all).map(endpoint).collect();
            Some(json!({"endpoint": endpoint(0), "extra_endpoints": extra}))
        }
    }
}
