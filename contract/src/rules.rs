//! The rules of live mode. Pure: they decide which calls a run may send, and at which pace.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

/// The number of rooms that a run may have at the same time.
pub const MAX_ROOMS: usize = 5;

/// The minimum pauses between the calls of live mode.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From the end of a call to the start of the next.
    pub between_calls: Duration,
    /// From the end of a DELETE to the start of the next.
    pub between_deletes: Duration,
}

impl Pace {
    /// At most 4 calls and 1 DELETE per second.
    pub const LIVE: Self = Self {
        between_calls: Duration::from_millis(250),
        between_deletes: Duration::from_millis(1000),
    };
    /// For tests of the suite, against simulators without rate limits.
    pub const QUICK: Self = Self {
        between_calls: Duration::from_millis(5),
        between_deletes: Duration::from_millis(20),
    };
}

/// What a run may change.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The prefix of each room name of the run.
    pub prefix: String,
    /// Whether the run may create dial-in configs, for numbers that have none.
    pub with_numbers: bool,
}

/// What a call changes in the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that the run has to track.
    None,
    /// Creates rooms with these names.
    MakesRooms(Vec<String>),
    /// Deletes the rooms with these names.
    DeletesRooms(Vec<String>),
    /// Creates a dial-in config.
    MakesConfig {
        number: String,
        /// Identifies the config of this run if the id is unknown.
        name_prefix: Option<String>,
    },
    /// Deletes the dial-in config with this id.
    DeletesConfig(String),
    /// Changes the dial-in config with this id.
    ChangesConfig(String),
    /// Changes the room with this name, or ejects from it.
    ChangesRoom(String),
}

impl Rules {
    /// Classifies a call.
    ///
    /// # Errors
    /// A sentence, if live mode must not send the call.
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
            // The body is not JSON, so Daily cannot create a room.
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
