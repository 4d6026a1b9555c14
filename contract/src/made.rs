//! Tracks what a live run creates and must delete. Pure. It adds a name before the call that may create the
//! object, and removes the name only when an answer of Daily shows that the object does not exist.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::rules::{Effect, MAX_ROOMS};

/// Objects of the run that exist, or may exist, in the account.
#[derive(Debug, Default)]
pub struct Made {
    rooms: BTreeMap<String, Sure>,
    /// By phone number.
    configs: BTreeMap<String, MadeConfig>,
    /// The ids of all configs that the run created, including deleted ones.
    config_ids: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MadeConfig {
    /// The id, once it is known.
    pub id: Option<String>,
    /// The `name_prefix` in the create. It identifies a config whose id is not known.
    pub name_prefix: Option<String>,
}

/// Whether a room certainly exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sure {
    /// Daily answered the create.
    There,
    /// The outcome of the create is unknown. Daily may even execute it later.
    Perhaps,
}

impl Made {
    /// Adds what a call may create, and returns the names or numbers that are new.
    ///
    /// # Errors
    /// A sentence, if the run would have too many rooms or would touch a config that is not its own.
    pub fn before(&mut self, effect: &Effect) -> Result<Vec<String>, String> {
        match effect {
            Effect::MakesRooms(names) => {
                let mut new: Vec<String> = names.clone();
                new.retain(|name| !self.rooms.contains_key(name));
                new.sort();
                new.dedup();
                if self.rooms.len() + new.len() > MAX_ROOMS {
                    return Err(format!("live mode has at most {MAX_ROOMS} rooms at a time"));
                }
                for name in &new {
                    self.rooms.insert(name.clone(), Sure::Perhaps);
                }
                Ok(new)
            }
            Effect::MakesConfig {
                number,
                name_prefix,
            } if !self.configs.contains_key(number) => {
                let config = MadeConfig {
                    id: None,
                    name_prefix: name_prefix.clone(),
                };
                self.configs.insert(number.clone(), config);
                Ok(vec![number.clone()])
            }
            Effect::ChangesConfig(id) | Effect::DeletesConfig(id)
                if !self.config_ids.contains(id) =>
            {
                Err(format!(
                    "live mode touches no dial-in config {id:?} of others"
                ))
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Updates the objects after an answer. `new` is the result of [`Made::before`].
    pub fn after(&mut self, effect: &Effect, new: &[String], status: u16, body: &Value) {
        let refused = (400..500).contains(&status);
        match effect {
            Effect::MakesRooms(names) if status == 200 => {
                for name in names {
                    self.rooms.insert(name.clone(), Sure::There);
                }
            }
            Effect::MakesRooms(_) if refused => new.iter().for_each(|name| self.no_room(name)),
            Effect::DeletesRooms(names) if status == 200 => {
                names.iter().for_each(|name| self.no_room(name));
            }
            Effect::DeletesRooms(names) if status == 404 => {
                // A rejected batch deletes nothing. After a create of unknown outcome, the room may appear
                // later.
                if let [name] = names.as_slice()
                    && self.rooms.get(name) == Some(&Sure::There)
                {
                    self.no_room(name);
                }
            }
            Effect::MakesConfig { number, .. } if status == 200 => {
                if let Some(id) = body["id"].as_str() {
                    self.config_is(number, id);
                }
            }
            Effect::MakesConfig { .. } if refused => new.iter().for_each(|number| {
                self.configs.remove(number);
            }),
            Effect::DeletesConfig(id) if status == 200 || status == 404 => {
                self.configs
                    .retain(|_, known| known.id.as_ref() != Some(id));
            }
            _ => {}
        }
    }

    pub fn rooms(&self) -> Vec<(String, Sure)> {
        let owned = |(name, sure): (&String, &Sure)| (name.clone(), *sure);
        self.rooms.iter().map(owned).collect()
    }

    /// The configs by phone number.
    pub fn configs(&self) -> Vec<(String, MadeConfig)> {
        let owned = |(number, it): (&String, &MadeConfig)| (number.clone(), it.clone());
        self.configs.iter().map(owned).collect()
    }

    /// Removes a room that certainly does not exist.
    pub fn no_room(&mut self, name: &str) {
        self.rooms.remove(name);
    }

    /// Removes the config of a number that has none of this run.
    pub fn no_config(&mut self, number: &str) {
        self.configs.remove(number);
    }

    /// Stores the id of this run's config for a number.
    pub fn config_is(&mut self, number: &str, id: &str) {
        self.config_ids.insert(id.to_owned());
        let config = self.configs.entry(number.to_owned()).or_default();
        config.id = Some(id.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn makes(names: &[&str]) -> Effect {
        Effect::MakesRooms(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn a_refused_create_makes_nothing_and_forgets_nothing() {
        let mut made = Made::default();
        let new = made.before(&makes(&["a"])).expect("fits");
        made.after(&makes(&["a"]), &new, 200, &Value::Null);
        let new = made.before(&makes(&["a", "b"])).expect("fits");
        made.after(&makes(&["a", "b"]), &new, 400, &Value::Null);
        assert_eq!(made.rooms(), [("a".to_owned(), Sure::There)]);
    }

    #[test]
    fn a_create_without_an_answer_stays_until_it_is_surely_gone() {
        let mut made = Made::default();
        made.before(&makes(&["a"])).expect("fits");
        let deletes = Effect::DeletesRooms(vec!["a".into()]);
        made.after(&deletes, &[], 404, &Value::Null);
        assert_eq!(made.rooms(), [("a".to_owned(), Sure::Perhaps)]);
        made.after(&deletes, &[], 200, &Value::Null);
        assert!(made.rooms().is_empty());
    }

    #[test]
    fn configs_of_others_are_not_touched() {
        let mut made = Made::default();
        let deletes = |id: &str| Effect::DeletesConfig(id.into());
        assert!(made.before(&deletes("theirs")).is_err());
        let makes = Effect::MakesConfig {
            number: "+12025550123".into(),
            name_prefix: Some("x".into()),
        };
        let new = made.before(&makes).expect("may be made");
        made.after(&makes, &new, 200, &serde_json::json!({"id": "ours"}));
        made.before(&deletes("ours")).expect("is ours");
        made.after(&deletes("ours"), &[], 200, &Value::Null);
        made.before(&deletes("ours")).expect("was ours");
        assert!(made.configs().is_empty());
    }

    #[test]
    fn there_are_never_more_than_five() {
        let mut made = Made::default();
        made.before(&makes(&["1", "2", "3", "4", "5"]))
            .expect("fits");
        assert!(made.before(&makes(&["6"])).is_err());
        assert!(made.before(&makes(&["1"])).is_ok(), "it is one of the five");
    }
}
