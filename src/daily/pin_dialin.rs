//! The list `pin_dialin` of a domain, which each write replaces as a whole (F-DOM-4, F-DOM-5). No I/O.
//!
//! Other clients have entries in it too. They are kept as text, so that a write sends them back letter
//! by letter, also what the operator does not know of them.

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::number_api::entry_id;
use super::types::{DialinConfig, DialinConfigBody, PIN_DIALIN};

/// The domain, as far as its list matters.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct DomainDialin {
    #[serde(default)]
    config: Config,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Config {
    pin_dialin: Option<Box<RawValue>>,
}

impl DomainDialin {
    /// The list; empty if it was never set. `None` if Daily shows something else in its place.
    pub fn list(&self) -> Option<PinDialin> {
        let shown = self.config.pin_dialin.as_deref();
        shown.map_or(Some(PinDialin::default()), |it| {
            serde_json::from_str(it.get()).ok()
        })
    }

    /// The configs in the list. An odd entry hides no other.
    pub fn configs(&self) -> impl Iterator<Item = DialinConfig> {
        let entries = self.list().unwrap_or_default().0.into_iter();
        entries.filter_map(|entry| Some(config_of(body(&entry)?)))
    }
}

/// The config in the list that has these settings.
pub(super) fn config_of(config: DialinConfigBody) -> DialinConfig {
    DialinConfig {
        id: entry_id(config.phone_number.as_deref().unwrap_or_default()),
        kind: PIN_DIALIN.to_owned(),
        config,
    }
}

/// The list of a domain. Entries of others are never parsed and written again.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct PinDialin(Vec<Box<RawValue>>);

impl PinDialin {
    /// The settings of this number. An error if several entries have it: none is provably ours.
    pub(super) fn get(&self, number: &str) -> Result<Option<DialinConfigBody>, ()> {
        let bodies = self.0.iter().filter_map(|it| body(it));
        let mut of_it = bodies.filter(|it| it.phone_number.as_deref() == Some(number));
        let first = of_it.next();
        of_it.next().map_or(Ok(first), |_| Err(()))
    }

    /// The body of the write that replaces the list by this one (F-DOM-3).
    pub(super) fn as_properties(&self) -> Properties<'_> {
        let properties = Lists { pin_dialin: self };
        Properties { properties }
    }

    /// Replaces or adds the entry of this number, or takes it out. The others stay, in their order.
    pub(super) fn set(&mut self, number: &str, settings: Option<&DialinConfigBody>) {
        let is_of_it = |entry: &RawValue| {
            body(entry).is_some_and(|it| it.phone_number.as_deref() == Some(number))
        };
        let at = self.0.iter().position(|it| is_of_it(it));
        // A struct of texts always has a JSON text.
        match (at, settings.and_then(|it| to_raw_value(it).ok())) {
            (Some(at), Some(entry)) => {
                self.0.splice(at..=at, [entry]);
            }
            (None, Some(entry)) => self.0.push(entry),
            (Some(at), None) => {
                self.0.remove(at);
            }
            (None, None) => {}
        }
    }
}

/// The body of `POST /`. `json!` would parse the entries of others and write them anew.
#[derive(Serialize)]
pub(super) struct Properties<'a> {
    properties: Lists<'a>,
}

#[derive(Serialize)]
struct Lists<'a> {
    pin_dialin: &'a PinDialin,
}

fn body(entry: &RawValue) -> Option<DialinConfigBody> {
    serde_json::from_str(entry.get()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NUMBER: &str = "+12025550123";
    /// Entries of others, as only a careless writer would keep them: an order of keys, numbers, escapes
    /// and keys that no parser of ours knows.
    const THEIRS: [&str; 3] = [
        r#"{"z":1.0e2,"phone_number":"+1415555\u0030100", "a" : 12345678901234567890.10}"#,
        r#"{"phone_number":"+14155550101","ivr_greeting":{"message":"\u00e9\/"},"sip_uri":null}"#,
        "5",
    ];

    fn domain(entries: &[&str]) -> DomainDialin {
        let list = entries.join(",");
        let text = format!(r#"{{"domain_id":"d","config":{{"pin_dialin":[{list}]}}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn ours(prefix: &str) -> DialinConfigBody {
        let body = json!({"phone_number": NUMBER, "name_prefix": prefix});
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn entries_of_others_stay_letter_by_letter() {
        let [first, second, third] = THEIRS;
        let text = |prefix| format!(r#"{{"phone_number":"{NUMBER}","name_prefix":"{prefix}"}}"#);
        let (old, new) = (text("old"), text("new"));
        let table = [
            (
                vec![first, second, third],
                Some(ours("new")),
                vec![first, second, third, &new],
            ),
            (
                vec![first, &old, second, third],
                Some(ours("new")),
                vec![first, &new, second, third],
            ),
            (
                vec![&old, first, second, third],
                None,
                vec![first, second, third],
            ),
            (vec![first, third], None, vec![first, third]),
        ];
        for (before, settings, after) in table {
            let mut list = domain(&before).list().unwrap();
            list.set(NUMBER, settings.as_ref());
            let sent = serde_json::to_string(&list.as_properties()).unwrap();
            let expected = after.join(",");
            let expected = format!(r#"{{"properties":{{"pin_dialin":[{expected}]}}}}"#);
            assert_eq!(sent, expected);
        }
    }

    #[test]
    fn an_odd_entry_hides_no_other_and_an_odd_list_is_never_replaced() {
        let configs: Vec<_> = domain(&THEIRS).configs().collect();
        let ids: Vec<_> = configs.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["pin_dialin:+14155550100", "pin_dialin:+14155550101"]);
        let with = |list| serde_json::from_str::<DomainDialin>(list).unwrap();
        for unset in [
            "{}",
            r#"{"config":{}}"#,
            r#"{"config":{"pin_dialin":null}}"#,
        ] {
            assert!(
                with(unset).list().is_some_and(|it| it.0.is_empty()),
                "{unset}"
            );
        }
        let odd = with(r#"{"config":{"pin_dialin":"odd"}}"#);
        assert!(odd.list().is_none());
        assert_eq!(odd.configs().count(), 0);
    }

    #[test]
    fn one_of_two_entries_of_a_number_is_not_known_to_be_ours() {
        let entry = format!(r#"{{"phone_number":"{NUMBER}"}}"#);
        let get = |entries: &[&str]| domain(entries).list().unwrap().get(NUMBER);
        assert_eq!(get(&THEIRS), Ok(None));
        let one = DialinConfigBody {
            name_prefix: None,
            ..ours("")
        };
        assert_eq!(get(&[THEIRS[0], &entry]), Ok(Some(one)));
        assert_eq!(get(&[&entry, &entry]), Err(()));
    }
}
