//! Dial-in configs: what makes a purchased number pick up.

use data_encoding::BASE64;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Account, Refusal, matches, random_id};
use crate::Quirks;
use crate::quirks::{ConfigEmpty, ConfigNull, ConfigPut, ConfigsSeen, UnknownProperty, WrongType};

/// What a number is configured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConfigKind {
    Pin,
    Pinless,
}

impl ConfigKind {
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "pin_dialin" => Some(Self::Pin),
            "pinless_dialin" => Some(Self::Pinless),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Pin => "pin_dialin",
            Self::Pinless => "pinless_dialin",
        }
    }

    /// The fields that a config of this kind may have. // F-CFG-2
    fn has(self, field: &str) -> bool {
        match field {
            "phone_number" | "name_prefix" => true,
            "ivr_greeting" => self == Self::Pin,
            "hmac" | "room_creation_api" | "hold_music_url" | "timeout_config" => {
                self == Self::Pinless
            }
            _ => false,
        }
    }
}

/// Where a config was made. // F-DOM-2
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At `/domain-dialin-config`.
    Configs,
    /// At `POST /`.
    Domain,
}

/// A dial-in config.
#[derive(Clone, Debug)]
pub(crate) struct DialinConfig {
    /// Empty until it is created.
    pub id: String,
    pub kind: ConfigKind,
    pub(super) place: Place,
    fields: Map<String, Value>,
}

/// Which configs are wanted. // F-CFG-7
#[derive(Clone, Debug, Default)]
pub(crate) struct ConfigFilter {
    pub number: Option<String>,
    /// Parts of numbers, of which one has to match.
    pub numbers: Option<Vec<String>>,
    pub name_prefix: Option<String>,
    pub sip_username: Option<String>,
    pub kind: Option<ConfigKind>,
}

impl DialinConfig {
    /// A config that is not created yet.
    pub fn new(
        kind: ConfigKind,
        fields: &Map<String, Value>,
        quirks: &Quirks,
    ) -> Result<Self, Refusal> {
        let mut config = Self {
            id: String::new(),
            kind,
            place: Place::Configs,
            fields: Map::new(),
        };
        config.set(fields, quirks)?;
        Ok(config)
    }

    pub fn phone_number(&self) -> Option<&str> {
        self.fields.get("phone_number").and_then(Value::as_str)
    }

    pub fn name_prefix(&self) -> Option<&str> {
        self.fields.get("name_prefix").and_then(Value::as_str)
    }

    /// What a caller hears first, when it was chosen. // F-CALL-1
    pub fn greeting(&self) -> Option<&str> {
        self.fields.get("ivr_greeting")?.get("message")?.as_str()
    }

    /// Sets fields. // F-CFG-11, F-CFG-15, F-CFG-16
    fn set(&mut self, fields: &Map<String, Value>, quirks: &Quirks) -> Result<(), Refusal> {
        for (name, value) in fields {
            if !self.kind.has(name) {
                let is_known = ConfigKind::Pin.has(name) || ConfigKind::Pinless.has(name);
                // F-ERR-5, F-CFG-2
                if is_known || quirks.unknown_property == UnknownProperty::Refused {
                    return Err(Refusal::unknown_property(name));
                }
                continue;
            }
            let fits = match name.as_str() {
                "ivr_greeting" | "timeout_config" => is_message(value),
                _ => value.is_string(),
            };
            if value.is_null() && quirks.config_null == ConfigNull::Unset {
                self.fields.remove(name);
            } else if value.is_null() {
                return Err(Refusal::invalid(format!("'{name}' should not be null")));
            } else if is_empty(value) && quirks.config_empty == ConfigEmpty::Refused {
                return Err(Refusal::invalid(format!("'{name}' should not be empty")));
            } else if fits {
                self.fields.insert(name.clone(), value.clone());
            } else if quirks.wrong_type == WrongType::Refused {
                // F-ERR-11
                return Err(Refusal::invalid(format!("'{name}' is of the wrong type")));
            }
        }
        // F-CFG-3, F-ERR-7
        match self.kind == ConfigKind::Pin && self.phone_number().is_none() {
            true => Err(Refusal::missing_field()),
            false => Ok(()),
        }
    }

    /// The config as every call shows it.
    pub fn show(&self) -> Value {
        let mut config = self.fields.clone();
        // F-CFG-9
        config.insert("sip_uri".to_owned(), json!(self.sip_uri()));
        json!({"id": self.id, "type": self.kind.name(), "config": config})
    }

    /// The config as the domain lists it. // F-DOM-4
    pub(super) fn entry(&self) -> Value {
        let mut entry = self.fields.clone();
        if let Some(uri) = self.sip_uri() {
            entry.insert("sip_uri".to_owned(), json!(uri));
        }
        Value::Object(entry)
    }

    /// Whether it shows at a place. // F-DOM-2
    pub(super) fn is_seen(&self, at: Place, seen: ConfigsSeen) -> bool {
        self.place == at || seen == ConfigsSeen::Together
    }

    /// Takes over what stays the same when an entry of the domain is written again.
    pub(super) fn follow(&mut self, old: &Self) {
        self.id.clone_from(&old.id);
        self.place = old.place;
    }

    fn sip_uri(&self) -> Option<String> {
        let id = &self.id;
        (self.kind == ConfigKind::Pinless).then(|| format!("{id}@pinless.sip.example.com"))
    }
}

/// `{"message": TEXT}` or a part of it.
fn is_message(value: &Value) -> bool {
    let fits = |(name, value): (&String, &Value)| name == "message" && value.is_string();
    value
        .as_object()
        .is_some_and(|message| message.iter().all(fits))
}

/// An empty text, or a message that is one. // F-CFG-16
fn is_empty(value: &Value) -> bool {
    let text = value.get("message").unwrap_or(value);
    text.as_str() == Some("")
}

// F-CFG-10
fn find<'a>(
    configs: &'a [DialinConfig],
    id: &str,
    seen: ConfigsSeen,
) -> Result<&'a DialinConfig, Refusal> {
    let is_it = |config: &&DialinConfig| config.id == id && config.is_seen(Place::Configs, seen);
    let found = configs.iter().find(is_it);
    found.ok_or_else(|| Refusal::not_found(format!("dialin config {id} not found")))
}

impl ConfigFilter {
    // F-CFG-7, F-CFG-8
    fn takes(&self, config: &DialinConfig, quirks: &Quirks) -> bool {
        let number = config.phone_number().unwrap_or_default();
        let prefix = config.name_prefix();
        let user = (config.kind == ConfigKind::Pinless).then_some(&config.id);
        let number_fits = (self.number.as_ref())
            .is_none_or(|wanted| matches(number, wanted, quirks.filter_match))
            && (self.numbers.as_ref())
                .is_none_or(|parts| parts.iter().any(|part| number.contains(part)));
        let prefix_fits = (self.name_prefix.as_ref()).is_none_or(|wanted| {
            prefix.is_some_and(|prefix| matches(prefix, wanted, quirks.filter_match))
        });
        let user_fits = self.sip_username.is_none() || self.sip_username.as_ref() == user;
        let kind_fits = self.kind.is_none_or(|kind| kind == config.kind);
        number_fits && prefix_fits && user_fits && kind_fits
    }
}

impl Account {
    pub(super) fn create_config(
        &mut self,
        mut config: DialinConfig,
        rng: &mut fastrand::Rng,
    ) -> Result<String, Refusal> {
        self.check_number(&config)?;
        if config.id.is_empty() {
            config.id = random_id(rng);
        }
        // F-CFG-14
        if config.kind == ConfigKind::Pinless && !config.fields.contains_key("hmac") {
            let hmac: [u8; 32] = std::array::from_fn(|_| rng.u8(..));
            let hmac = json!(BASE64.encode(&hmac));
            config.fields.insert("hmac".to_owned(), hmac);
        }
        let id = config.id.clone();
        self.configs.push(config);
        Ok(id)
    }

    /// Whether a number of the account picks up and takes PINs. // F-CALL-1
    pub(super) fn takes_pins(&self, number: &str) -> bool {
        let takes = |config: &DialinConfig| {
            config.kind == ConfigKind::Pin && config.phone_number() == Some(number)
        };
        self.configs.iter().any(takes)
    }

    /// Changes a config and answers what it is now. // F-CFG-11
    pub fn update_config(
        &mut self,
        id: &str,
        fields: &Map<String, Value>,
        quirks: &Quirks,
    ) -> Result<Value, Refusal> {
        let mut changed = self.config(id, quirks.configs_seen)?.clone();
        // F-CFG-12
        if quirks.config_put == ConfigPut::Replaces {
            changed.fields.clear();
        }
        changed.set(fields, quirks)?;
        self.check_number(&changed)?;
        let shown = changed.show();
        if let Some(place) = self.configs.iter_mut().find(|config| config.id == id) {
            *place = changed;
        }
        Ok(shown)
    }

    // F-CFG-10
    pub fn delete_config(&mut self, id: &str, seen: ConfigsSeen) -> Result<(), Refusal> {
        self.config(id, seen)?;
        self.configs.retain(|config| config.id != id);
        Ok(())
    }

    // F-CFG-10
    pub fn config(&self, id: &str, seen: ConfigsSeen) -> Result<&DialinConfig, Refusal> {
        find(&self.configs, id, seen)
    }

    /// A config as a read finds it. // F-CFG-10, F-CFG-17
    pub fn read_config(
        &self,
        id: &str,
        quirks: &Quirks,
        now: Timestamp,
    ) -> Result<&DialinConfig, Refusal> {
        let configs = self.configs_seen(quirks, now);
        find(configs, id, quirks.configs_seen)
    }

    /// The configs that a read finds, wherever they were made.
    pub(super) fn configs_seen(&self, quirks: &Quirks, now: Timestamp) -> &[DialinConfig] {
        let history = &self.config_history;
        history.seen(&self.configs, quirks.config_reads, now)
    }

    /// The configs that a filter takes, newest first. // F-CFG-6
    pub fn configs(
        &self,
        filter: &ConfigFilter,
        quirks: &Quirks,
        now: Timestamp,
    ) -> Vec<&DialinConfig> {
        let newest_first = self.configs_seen(quirks, now).iter().rev();
        let here =
            newest_first.filter(|config| config.is_seen(Place::Configs, quirks.configs_seen));
        here.filter(|config| filter.takes(config, quirks)).collect()
    }

    /// A number has to be the account's and in no other config. A number belongs to one account, so
    /// looking here covers all domains. // F-CFG-4, F-CFG-5, F-CFG-13
    fn check_number(&self, config: &DialinConfig) -> Result<(), Refusal> {
        let Some(number) = config.phone_number() else {
            return Ok(());
        };
        if !self.owns(number) {
            return Err(self.not_associated(number));
        }
        let taken =
            |other: &DialinConfig| other.id != config.id && other.phone_number() == Some(number);
        match self.configs.iter().any(taken) {
            true => Err(Refusal::invalid(format!(
                "{number} is used by another dialin config"
            ))),
            false => Ok(()),
        }
    }
}
