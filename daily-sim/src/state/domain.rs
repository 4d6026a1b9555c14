//! The settings of a domain, and the dial-in configs that are made among them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::dialin_config::Place;
use super::gate::SESSIONS_A_ROOM;
use super::kinds::{BOOL, JsonKind, NUMBER, OBJECT, TEXT, fits};
use super::{Account, ConfigKind, DialinConfig, Refusal, nested, values};
use crate::Quirks;
use crate::quirks::{UnknownProperty, WrongType};

/// The settings that a domain can have, beside the two lists of dial-in configs. // F-DOM-8
const SETTINGS: &[(&str, JsonKind)] = &[
    ("batch_processor_bucket", OBJECT),
    ("disable_rtmp_geo_fallback", BOOL),
    ("enable_adaptive_simulcast", BOOL),
    ("enable_advanced_chat", BOOL),
    ("enable_breakout_rooms", BOOL),
    ("enable_cpu_warning_notifications", BOOL),
    ("enable_emoji_reactions", BOOL),
    ("enable_hand_raising", BOOL),
    ("enable_live_captions_ui", BOOL),
    ("enable_mesh_sfu", BOOL),
    ("enable_multiparty_adaptive_simulcast", BOOL),
    ("enable_network_ui", BOOL),
    ("enable_noise_cancellation_ui", BOOL),
    ("enable_opus_fec", BOOL),
    ("enable_people_ui", BOOL),
    ("enable_pip_ui", BOOL),
    ("enable_prejoin_ui", BOOL),
    ("enable_raw_tracks_transcoded_audio", TEXT),
    ("enable_terse_logging", BOOL),
    ("enable_transcription_storage", BOOL),
    ("enable_video_processing_ui", BOOL),
    ("enforce_unique_user_ids", BOOL),
    ("geo", TEXT),
    ("hide_daily_branding", BOOL),
    ("hipaa", BOOL),
    ("intercom_auto_record", BOOL),
    ("lang", TEXT),
    ("meeting_join_hook", TEXT),
    ("permissions", OBJECT),
    ("recordings_bucket", OBJECT),
    ("recordings_template", TEXT),
    ("redirect_on_meeting_exit", TEXT),
    ("rtmp_geo", TEXT),
    ("sfu_switchover", NUMBER),
    ("transcription_bucket", OBJECT),
    ("transcription_template", TEXT),
];

/// What a domain shows that was not set. // F-DOM-7, F-AUTH-6
fn unset() -> Map<String, Value> {
    let shown = [
        ("hide_daily_branding", json!(false)),
        ("hipaa", json!(false)),
        ("intercom_auto_record", json!(false)),
        ("lang", json!("en")),
        ("max_api_keys", json!(2)),
        ("max_api_rooms", Value::Null),
        ("max_sip_pstn_sessions_per_room", json!(SESSIONS_A_ROOM)),
        ("max_webhook_count", json!(1)),
        ("meeting_join_hook", json!("")),
        ("redirect_on_meeting_exit", json!("")),
    ];
    let owned = shown.map(|(name, value)| (name.to_owned(), value));
    Map::from_iter(owned)
}

const LISTS: [ConfigKind; 2] = [ConfigKind::Pin, ConfigKind::Pinless];

impl Account {
    /// The domain as `GET /` shows it. // F-DOM-1, F-CFG-17
    pub fn read_domain(&self, quirks: &Quirks, now: Timestamp) -> Value {
        self.show_domain(quirks, self.configs_seen(quirks, now))
    }

    /// The domain as `POST /` answers it. // F-DOM-3
    pub fn written_domain(&self, quirks: &Quirks) -> Value {
        self.show_domain(quirks, &self.configs)
    }

    fn show_domain(&self, quirks: &Quirks, configs: &[DialinConfig]) -> Value {
        let seen = quirks.configs_seen;
        let mut config = unset();
        config.extend(self.settings.clone());
        for kind in LISTS {
            let here = |it: &&DialinConfig| it.kind == kind && it.is_seen(Place::Domain, seen);
            let list: Vec<Value> = (configs.iter().filter(here))
                .map(DialinConfig::entry)
                .collect();
            // F-DOM-4
            if !list.is_empty() {
                config.insert(kind.name().to_owned(), Value::Array(list));
            }
        }
        json!({"domain_name": self.domain, "domain_id": self.domain_id, "config": config})
    }

    /// Changes settings; null unsets one. What it did before it met a mistake stays. // F-DOM-3
    pub(super) fn set_domain(
        &mut self,
        settings: &Map<String, Value>,
        quirks: &Quirks,
        rng: &mut fastrand::Rng,
    ) -> Result<(), Refusal> {
        for (name, value) in settings {
            if let Some(kind) = ConfigKind::parse(name) {
                self.replace_configs(kind, value, quirks, rng)?;
                continue;
            }
            let Some((_, kind)) = SETTINGS.iter().find(|(known, _)| known == name) else {
                match quirks.unknown_property {
                    UnknownProperty::Refused => return Err(Refusal::unknown_property(name)),
                    UnknownProperty::Ignored => continue,
                }
            };
            if value.is_null() {
                self.settings.remove(name);
            } else if fits(name, value, *kind, quirks.wrong_type)? {
                // The hook of a room has a longest length, the one of a domain has none. // F-DOM-8
                if name != "meeting_join_hook" {
                    values::check(name, value)?;
                }
                let value = match value {
                    Value::Object(sent) => nested::read(name, sent, quirks.wrong_type)?.into(),
                    value => value.clone(),
                };
                self.settings.insert(name.clone(), value);
            }
        }
        Ok(())
    }

    /// Replaces all configs of a kind that show in the domain. // F-DOM-5
    fn replace_configs(
        &mut self,
        kind: ConfigKind,
        list: &Value,
        quirks: &Quirks,
        rng: &mut fastrand::Rng,
    ) -> Result<(), Refusal> {
        let wrong = || Refusal::invalid(format!("'{}' should be a list of objects", kind.name()));
        let entries = match (list, quirks.wrong_type) {
            (Value::Null, _) => &Vec::new(),
            (Value::Array(entries), _) => entries,
            // F-ERR-11
            (_, WrongType::Ignored) => return Ok(()),
            (_, WrongType::Refused) => return Err(wrong()),
        };
        let seen = quirks.configs_seen;
        let shows = |it: &mut DialinConfig| it.kind == kind && it.is_seen(Place::Domain, seen);
        let before: Vec<DialinConfig> = self.configs.extract_if(.., shows).collect();
        for entry in entries {
            let mut fields = entry.as_object().ok_or_else(wrong)?.clone();
            // A client that sends back what it read sends this, which cannot be set. // F-DOM-4
            let uri = fields.remove("sip_uri");
            let mut config = DialinConfig::new(kind, &fields, quirks)?;
            let same = |old: &&DialinConfig| match config.phone_number() {
                Some(number) => old.phone_number() == Some(number),
                None => uri.is_some() && uri.as_ref() == old.entry().get("sip_uri"),
            };
            match before.iter().find(same) {
                Some(old) => config.follow(old),
                None => config.place = Place::Domain,
            }
            self.create_config(config, rng)?;
        }
        Ok(())
    }
}
