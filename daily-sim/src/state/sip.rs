//! The room property `sip`: what it has to say, and the endpoints that come of it. // F-ROOM-46

use serde_json::{Map, Value, json};

use super::Refusal;
use super::derived::derived;
use super::values::one_of;
use crate::Quirks;
use crate::quirks::SipUri;

const PROVIDERS: &[&str] = &["daily", "signalwire"];
const AUDIO_CODECS: &[&str] = &["OPUS", "G722", "PCMU", "PCMA"];
const VIDEO_CODECS: &[&str] = &["H264", "VP8"];

/// Checks the `sip` of a room that is to be set.
pub(super) fn check(sip: &Map<String, Value>) -> Result<(), Refusal> {
    // F-ERR-7
    if !sip.contains_key("display_name") || !sip.contains_key("sip_mode") {
        return Err(Refusal::missing_field());
    }
    if sip.get("sip_mode") != Some(&json!("dial-in")) {
        return Err(Refusal::invalid("'sip.sip_mode' must be one of [dial-in]"));
    }
    // F-ROOM-48
    if let Some(provider) = sip.get("provider") {
        one_of("sip.provider", provider, PROVIDERS)?;
    }
    for (kind, known) in [("audio", AUDIO_CODECS), ("video", VIDEO_CODECS)] {
        let codecs = sip
            .get("codecs")
            .and_then(|codecs| codecs.get(kind)?.as_array());
        for codec in codecs.into_iter().flatten() {
            one_of(&format!("sip.codecs.{kind}"), codec, known)?;
        }
    }
    let endpoints = sip.get("num_endpoints").map(Value::as_u64);
    if endpoints.is_some_and(|endpoints| endpoints.is_none_or(|endpoints| endpoints < 1)) {
        return Err(Refusal::invalid(
            "'sip.num_endpoints' should be a number from 1 on",
        ));
    }
    let several = endpoints.flatten() > Some(1);
    match several && is_digits_only(sip) {
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

fn is_digits_only(sip: &Map<String, Value>) -> bool {
    sip.get("force_digit_only_username") == Some(&json!(true))
}

/// The addresses of the endpoints, as a room shows them; none without `sip`.
pub(super) fn uri(
    name: &str,
    domain: &str,
    properties: &Map<String, Value>,
    quirks: &Quirks,
) -> Option<Value> {
    let sip = properties.get("sip")?.as_object()?;
    let scheme = match quirks.sip_uri {
        SipUri::Prefixed => "sip:",
        SipUri::Bare => "",
    };
    let endpoint = |n: usize| {
        let user = match is_digits_only(sip) {
            true => format!("{:09}", derived(0, "sip", name).u32(..1_000_000_000)),
            false => format!("{name}.{n}"),
        };
        format!("{scheme}{user}@daily-{domain}.sip.example.com")
    };
    Some(match endpoints(properties) {
        0 | 1 => json!({"endpoint": endpoint(0)}),
        all => {
            let extra: Vec<String> = (1..all).map(endpoint).collect();
            json!({"endpoint": endpoint(0), "extra_endpoints": extra})
        }
    })
}
