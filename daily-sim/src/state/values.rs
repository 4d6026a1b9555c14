//! Which values the properties of a room take, beyond their types. // F-ROOM-48

use serde_json::Value;

use super::Refusal;

/// The regions of the signaling servers.
const GEO: &[&str] = &[
    "af-south-1",
    "ap-northeast-2",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "eu-central-1",
    "eu-west-2",
    "sa-east-1",
    "us-east-1",
    "us-west-2",
];
const RTMP_GEO: &[&str] = &["us-west-2", "eu-central-1", "ap-south-1"];
const LANG: &[&str] = &[
    "da", "de", "en", "es", "fi", "fr", "it", "jp", "ka", "nl", "no", "pt", "pt-BR", "pl", "ru",
    "sv", "tr", "user",
];
const RECORDING: &[&str] = &["cloud", "cloud-audio-only", "local", "raw-tracks"];
const TRANSCODED_AUDIO: &[&str] = &[
    "aac",
    "wav",
    "wav-48k",
    "wav-48k-stereo",
    "wav-48k-mono",
    "wav-44k1",
    "wav-44k1-stereo",
    "wav-44k1-mono",
    "",
];

/// How many characters a template has at most.
const LONGEST_TEMPLATE: usize = 1024;
/// How many characters the URL of a hook has at most.
const LONGEST_HOOK: usize = 255;

/// Checks a value that has the type of its property.
pub(super) fn check(name: &str, value: &Value) -> Result<(), Refusal> {
    match name {
        "geo" => one_of(name, value, GEO),
        "rtmp_geo" => one_of(name, value, RTMP_GEO),
        "lang" => one_of(name, value, LANG),
        "enable_raw_tracks_transcoded_audio" => one_of(name, value, TRANSCODED_AUDIO),
        "enable_recording" => match value {
            Value::Array(kinds) => {
                let twice = |(n, kind): (usize, &Value)| kinds.iter().take(n).any(|it| it == kind);
                if kinds.iter().enumerate().any(twice) {
                    return Err(Refusal::invalid(format!(
                        "'{name}' should have no value twice"
                    )));
                }
                let mut kinds = kinds.iter();
                kinds.try_for_each(|kind| one_of(name, kind, RECORDING))
            }
            kind => one_of(name, kind, RECORDING),
        },
        "recordings_template" | "transcription_template" => at_most(name, value, LONGEST_TEMPLATE),
        "meeting_join_hook" => at_most(name, value, LONGEST_HOOK),
        _ => Ok(()),
    }
}

pub(super) fn one_of(name: &str, value: &Value, known: &[&str]) -> Result<(), Refusal> {
    match value.as_str().is_some_and(|text| known.contains(&text)) {
        true => Ok(()),
        false => Err(Refusal::invalid(format!(
            "'{name}' must be one of [{}]",
            known.join(", ")
        ))),
    }
}

fn at_most(name: &str, value: &Value, most: usize) -> Result<(), Refusal> {
    match value
        .as_str()
        .is_some_and(|text| text.chars().count() > most)
    {
        true => Err(Refusal::invalid(format!(
            "'{name}' has at most {most} characters"
        ))),
        false => Ok(()),
    }
}
