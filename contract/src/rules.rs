//! The rules of live mode. Pure: it says what may be sent, and when.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

/// Rooms that may be there at a time.
pub const MAX_ROOMS: usize = 5;

/// How fast live mode may be.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From the end of one call to the start of the next.
    pub between_calls: Duration,
    /// From the end of one DELETE to the start of the next.
    pub between_deletes: Duration,
}

impl Pace {
    /// At most 4 calls and 1 DELETE a second.
    pub const LIVE: Self = Self {
        between_calls: Duration::from_millis(250),
        between_deletes: Duration::from_millis(1000),
    };
    /// For tests of the suite itself, against simulators without rate limits.
    pub const QUICK: Self = Self {
        between_calls: Duration::from_millis(5),
        between_deletes: Duration::from_millis(20),
    };
}

/// What a run may touch.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Each room of the run begins with it.
    pub prefix: String,
    /// Whether dial-in configs may be made, for numbers that have none.
    pub with_numbers: bool,
}

/// What a call does to the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It reads.
    None,
    /// It makes rooms of these names.
    MakesRooms(Vec<String>),
    /// It deletes rooms of these names.
    DeletesRooms(Vec<String>),
    /// It makes a dial-in config.
    MakesConfig {
        /// For this number.
        number: String,
        /// With this prefix, which distinguishes it from others.
        name_prefix: Option<String>,
    },
    /// It deletes the dial-in config of this id.
    DeletesConfig(String),
    /// It changes the dial-in config of this id.
    ChangesConfig(String),
    /// It changes something in a room.
    ChangesRoom(String),
}

impl Rules {
    /// What a call will do.
    ///
    /// # Errors
    /// A sentence, when the call may not be sent to a live account.
    pub fn judge(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Effect, String> {
        if *method == Method::GET {
            return Ok(Effect::None);
        }
        let path = path.split('?').next().unwrap_or(path);
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let effect = effect(method, &segments, body);
        match &effect {
            Some(Effect::MakesRooms(names) | Effect::DeletesRooms(names)) => {
                names.iter().try_for_each(|name| self.own(name))?;
            }
            Some(Effect::ChangesRoom(name)) => self.own(name)?,
            Some(
                Effect::MakesConfig { .. } | Effect::ChangesConfig(_) | Effect::DeletesConfig(_),
            ) if !self.with_numbers => {
                return Err("dial-in configs are left alone without --with-numbers".into());
            }
            Some(_) => {}
            None => return Err(format!("live mode does not send {method} {path}")),
        }
        Ok(effect.unwrap_or(Effect::None))
    }

    fn own(&self, name: &str) -> Result<(), String> {
        match name.starts_with(&self.prefix) {
            true => Ok(()),
            false => Err(format!("live mode touches no room {name:?} of others")),
        }
    }
}

fn effect(method: &Method, segments: &[&str], body: Option<&Value>) -> Option<Effect> {
    let texts = |list: Option<&Value>, key: &str| -> Vec<String> {
        let items = list.and_then(Value::as_array).cloned().unwrap_or_default();
        items
            .iter()
            .map(|item| match item {
                Value::String(text) => text.clone(),
                item => item[key].as_str().unwrap_or_default().to_owned(),
            })
            .collect()
    };
    let text = |key: &str| body.and_then(|body| Some(body.get(key)?.as_str()?.to_owned()));
    Some(match (method.as_str(), segments) {
        ("POST", ["rooms"]) => match body {
            // It is no JSON object, so no room can come of it.
            None => Effect::None,
            Some(_) => Effect::MakesRooms(vec![text("name").unwrap_or_default()]),
        },
        ("POST", ["batch", "rooms"]) => {
            Effect::MakesRooms(texts(body.and_then(|body| body.get("rooms")), "name"))
        }
        ("DELETE", ["batch", "rooms"]) => {
            Effect::DeletesRooms(texts(body.and_then(|body| body.get("room_names")), "name"))
        }
        ("POST", ["rooms", name] | ["rooms", name, "eject"]) => {
            Effect::ChangesRoom((*name).to_owned())
        }
        ("DELETE", ["rooms", name]) => Effect::DeletesRooms(vec![(*name).to_owned()]),
        ("POST", ["meeting-tokens"]) => Effect::None,
        ("POST", ["domain-dialin-config"]) => Effect::MakesConfig {
            number: text("phone_number").unwrap_or_default(),
            name_prefix: text("name_prefix"),
        },
        ("PUT", ["domain-dialin-config", id]) => Effect::ChangesConfig((*id).to_owned()),
        ("DELETE", ["domain-dialin-config", id]) => Effect::DeletesConfig((*id).to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(
        method: Method,
        path: &str,
        body: Value,
        with_numbers: bool,
    ) -> Result<Effect, String> {
        let prefix = "contract-ab-".to_owned();
        Rules {
            prefix,
            with_numbers,
        }
        .judge(&method, path, Some(&body))
    }

    #[test]
    fn rooms_of_the_run_may_be_made_and_deleted() {
        let made = judged(
            Method::POST,
            "/rooms",
            json!({"name": "contract-ab-1"}),
            false,
        );
        assert_eq!(made, Ok(Effect::MakesRooms(vec!["contract-ab-1".into()])));
        let body = json!({"room_names": ["contract-ab-1", "contract-ab-2"]});
        assert!(judged(Method::DELETE, "/batch/rooms", body, false).is_ok());
        assert!(judged(Method::POST, "/rooms/contract-ab-1/eject", json!({}), false).is_ok());
    }

    #[test]
    fn nothing_else_is_touched() {
        for (method, path, body) in [
            (Method::POST, "/", json!({"properties": {}})),
            (Method::POST, "/buy-phone-number", json!({})),
            (Method::DELETE, "/release-phone-number/1", json!({})),
            (Method::POST, "/rooms", json!({})),
            (Method::POST, "/rooms", json!({"name": "standup"})),
            (Method::POST, "/rooms/standup", json!({})),
            (Method::DELETE, "/rooms/standup", json!({})),
            (
                Method::DELETE,
                "/batch/rooms",
                json!({"room_names": ["contract-ab-1", "b"]}),
            ),
            (
                Method::POST,
                "/batch/rooms",
                json!({"rooms": [{"privacy": "public"}]}),
            ),
            (
                Method::POST,
                "/domain-dialin-config",
                json!({"phone_number": "+1"}),
            ),
            (Method::DELETE, "/domain-dialin-config/1", json!({})),
        ] {
            assert!(judged(method, path, body, false).is_err(), "{path}");
        }
    }

    #[test]
    fn configs_need_the_flag() {
        let body = json!({"phone_number": "+12025550123", "name_prefix": "x"});
        let made = judged(Method::POST, "/domain-dialin-config", body, true);
        let config = Effect::MakesConfig {
            number: "+12025550123".into(),
            name_prefix: Some("x".into()),
        };
        assert_eq!(made, Ok(config));
    }
}
