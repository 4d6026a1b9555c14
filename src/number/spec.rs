//! The spec of a PinDialinNumber, and the dial-in config that it asks for. No I/O.

use serde_json::Value;

use crate::crd::{AdoptionPolicy, PinDialinNumberSpec, time};
use crate::daily::number_api::NumberApi;
use crate::daily::types::{
    DialinConfig, DialinConfigBody, DialinConfigRequest, IvrGreeting, PIN_DIALIN,
};
use crate::reconcile::InvalidSpec;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// In E.164.
    pub phone_number: String,
    /// The friendly name of its dial-in config.
    pub name_prefix: Option<String>,
    /// What callers hear before they are asked for the PIN.
    pub greeting: Option<String>,
    pub adoption: AdoptionPolicy,
}

impl Spec {
    /// Validates a spec again: objects can be older than the rules of the CRD.
    pub fn parse(spec: &PinDialinNumberSpec) -> Result<Self, InvalidSpec> {
        if let Some(rooms) = &spec.allowed_rooms {
            rooms.namespaces.check()?;
        }
        if let Some(text) = &spec.max_drain {
            time::MAX_DRAIN.seconds(text)?;
        }
        Ok(Self {
            phone_number: spec.phone_number.clone(),
            name_prefix: spec.name_prefix.clone(),
            greeting: spec.ivr_greeting.as_ref().map(|it| it.message.clone()),
            adoption: spec.adoption_policy,
        })
    }

    /// The same spec of an adopted config, which keeps what the spec does not set.
    pub fn keeping(&self, shown: &DialinConfigBody) -> Self {
        let kept = |set: &Option<String>, shown: Option<&str>| {
            set.clone().or_else(|| shown.map(str::to_owned))
        };
        Self {
            name_prefix: kept(&self.name_prefix, prefix(shown)),
            greeting: kept(&self.greeting, message(shown)),
            ..self.clone()
        }
    }

    /// The request that creates the config in this place (F-CFG-1, F-DOM-4).
    pub fn create(&self, api: NumberApi) -> DialinConfigRequest {
        DialinConfigRequest {
            kind: (api == NumberApi::DialinConfigs).then_some(PIN_DIALIN),
            ..self.request(&DialinConfigBody::default())
        }
    }

    /// The request that updates a config. An entry of the domain's list is replaced as a whole (F-DOM-5).
    pub fn update(&self, shown: &DialinConfig) -> DialinConfigRequest {
        let unset = DialinConfigBody::default();
        self.request(match NumberApi::of(&shown.id) {
            NumberApi::DialinConfigs => &shown.config,
            NumberApi::DomainProperties => &unset,
        })
    }

    /// It has all fields, because Daily does not document whether an update merges or replaces, and an empty
    /// text for a field to remove (F-CFG-11, F-CFG-12, F-CFG-15).
    fn request(&self, shown: &DialinConfigBody) -> DialinConfigRequest {
        let greeting = text_or_empty(self.greeting.as_ref(), message(shown).is_some());
        let body = DialinConfigBody {
            phone_number: Some(self.phone_number.clone()),
            name_prefix: text_or_empty(self.name_prefix.as_ref(), prefix(shown).is_some()),
            ivr_greeting: greeting.map(|message| IvrGreeting {
                message: Some(message),
            }),
        };
        DialinConfigRequest { kind: None, body }
    }

    /// The spec that a recorded create asked for.
    pub fn of_request(request: &Value) -> Option<Self> {
        let text = |pointer| {
            let text = request.pointer(pointer).and_then(Value::as_str);
            text.map(str::to_owned)
        };
        Some(Self {
            phone_number: text("/phone_number")?,
            name_prefix: text("/name_prefix"),
            greeting: text("/ivr_greeting/message"),
            adoption: AdoptionPolicy::Never,
        })
    }

    /// Whether a config has exactly what the spec asks for, wherever it is.
    pub fn is_applied_in(&self, config: &DialinConfig) -> bool {
        config.kind == PIN_DIALIN
            && config.config.phone_number.as_ref() == Some(&self.phone_number)
            && self.differences(&config.config).is_empty()
    }

    /// The fields in which a config differs from the spec.
    pub fn differences(&self, shown: &DialinConfigBody) -> Vec<String> {
        let fields = [
            ("name_prefix", prefix(shown) == self.name_prefix.as_deref()),
            ("ivr_greeting", message(shown) == self.greeting.as_deref()),
        ];
        let differs = fields.into_iter().filter(|(_, same)| !same);
        differs.map(|(field, _)| field.to_owned()).collect()
    }
}

/// The wanted text, or an empty text to remove the one that Daily shows.
fn text_or_empty(wanted: Option<&String>, shown: bool) -> Option<String> {
    wanted.cloned().or_else(|| shown.then(String::new))
}

/// Daily may show an unset field as an empty string.
fn prefix(shown: &DialinConfigBody) -> Option<&str> {
    shown.name_prefix.as_deref().filter(|it| !it.is_empty())
}

fn message(shown: &DialinConfigBody) -> Option<&str> {
    let greeting = shown.ivr_greeting.as_ref()?;
    greeting.message.as_deref().filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn desired(spec: Value) -> Spec {
        Spec::parse(&serde_json::from_value(spec).unwrap()).unwrap()
    }

    fn config(body: Value) -> DialinConfig {
        let config = json!({"id": "c1", "type": "pin_dialin", "config": body});
        serde_json::from_value(config).unwrap()
    }

    #[test]
    fn a_create_sends_what_is_asked_for_and_no_null() {
        let all =
            json!({"phoneNumber": "+1202", "namePrefix": "a", "ivrGreeting": {"message": "Hi"}});
        assert_eq!(
            json!(desired(all.clone()).create(NumberApi::DialinConfigs)),
            json!({"type": "pin_dialin", "phone_number": "+1202", "name_prefix": "a",
                   "ivr_greeting": {"message": "Hi"}})
        );
        assert_eq!(
            json!(desired(json!({"phoneNumber": "+1202"})).create(NumberApi::DialinConfigs)),
            json!({"type": "pin_dialin", "phone_number": "+1202"})
        );
        assert_eq!(
            json!(desired(all).create(NumberApi::DomainProperties)),
            json!({"phone_number": "+1202", "name_prefix": "a", "ivr_greeting": {"message": "Hi"}}),
            "an entry has no type"
        );
    }

    #[test]
    fn an_update_sends_all_fields_and_removes_only_what_is_shown() {
        let bare = desired(json!({"phoneNumber": "+1202", "namePrefix": "a"}));
        let shown = config(json!({"phone_number": "+1202", "ivr_greeting": {"message": "Hi"}}));
        assert_eq!(
            json!(bare.update(&shown)),
            json!({"phone_number": "+1202", "name_prefix": "a", "ivr_greeting": {"message": ""}})
        );
        let entry = DialinConfig {
            id: "pin_dialin:+1202".into(),
            ..shown
        };
        assert_eq!(
            json!(bare.update(&entry)),
            json!({"phone_number": "+1202", "name_prefix": "a"}),
            "an entry is replaced as a whole"
        );
    }

    #[test]
    fn a_config_matches_the_spec_or_not() {
        let bare = desired(json!({"phoneNumber": "+1202"}));
        let full = desired(
            json!({"phoneNumber": "+1202", "namePrefix": "a", "ivrGreeting": {"message": "Hi"}}),
        );
        let table = [
            (&bare, json!({"phone_number": "+1202"}), true),
            (
                &bare,
                json!({"phone_number": "+1202", "name_prefix": "", "ivr_greeting": {"message": ""}}),
                true,
            ),
            (&bare, json!({"phone_number": "+12020"}), false),
            (
                &bare,
                json!({"phone_number": "+1202", "name_prefix": "a"}),
                false,
            ),
            (
                &bare,
                json!({"phone_number": "+1202", "ivr_greeting": {"message": "Hi"}}),
                false,
            ),
            (
                &full,
                json!({"phone_number": "+1202", "name_prefix": "a"}),
                false,
            ),
            (&full, json!(null), false),
        ];
        for (desired, body, expected) in table {
            let shown = match body.is_null() {
                true => config(json!({})),
                false => config(body.clone()),
            };
            assert_eq!(desired.is_applied_in(&shown), expected, "{body}");
        }
        let made = DialinConfig {
            id: "c".into(),
            kind: PIN_DIALIN.into(),
            config: full.create(NumberApi::DialinConfigs).body,
        };
        assert!(full.is_applied_in(&made));
        let pinless = DialinConfig {
            kind: "pinless_dialin".into(),
            ..made
        };
        assert!(!full.is_applied_in(&pinless));
    }
}
