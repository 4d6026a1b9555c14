//! The properties of a room that have no field of their own. No I/O.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The longest JSON text of a property that is kept, in bytes. No spec has a longer one, so that all longer ones
/// differ from it alike.
const LONGEST: usize = 8 * 1024;

/// As JSON text, because each wanted room is kept twice, in a listing and as evidence: as values, nested lists of
/// 8 KiB would take 250 KiB.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OtherProperties(BTreeMap<String, Box<str>>);

impl OtherProperties {
    /// What Daily shows of a property. `null` stands for one that is too long.
    pub fn get(&self, name: &str) -> Option<Value> {
        let text = self.0.get(name)?;
        Some(serde_json::from_str(text).unwrap_or_default())
    }
}

impl From<Map<String, Value>> for OtherProperties {
    fn from(properties: Map<String, Value>) -> Self {
        let kept = |value: Value| match value.to_string() {
            text if text.len() > LONGEST => "null".into(),
            text => text.into(),
        };
        let properties = properties.into_iter();
        Self(properties.map(|(name, it)| (name, kept(it))).collect())
    }
}

impl<'de> Deserialize<'de> for OtherProperties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut properties = Map::deserialize(deserializer)?;
        // Almost every room shows a number, of which nothing is used.
        properties.retain(|name, _| name != "dialin_number" && name != "sip_uri");
        Ok(properties.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    impl OtherProperties {
        /// All of them.
        pub fn values(&self) -> Map<String, Value> {
            let all = self
                .0
                .keys()
                .filter_map(|it| Some((it.clone(), self.get(it)?)));
            all.collect()
        }

        /// Somebody changes them.
        pub fn edit(&mut self, change: impl FnOnce(&mut Map<String, Value>)) {
            let mut all = self.values();
            change(&mut all);
            *self = all.into();
        }
    }

    #[test]
    fn a_property_is_kept_as_it_is_shown_unless_it_is_too_long() {
        let long = "x".repeat(LONGEST);
        let shown = json!({"sip": {"a": [1, 2.5, null]}, "lang": "de", "long": long, "unset": null,
            "sip_uri": {"endpoint": "x"}, "dialin_number": "+1"});
        let others: OtherProperties = serde_json::from_value(shown.clone()).unwrap();
        for name in ["sip", "lang", "unset"] {
            assert_eq!(others.get(name).as_ref(), shown.get(name));
        }
        assert_eq!(others.get("long"), Some(Value::Null));
        for name in ["sip_uri", "dialin_number", "other"] {
            assert_eq!(others.get(name), None);
        }
    }
}
