//! What a deletion needs of a spec, and why a spec is invalid. No I/O.

use serde_json::Value;

use crate::crd::{ApiKeySecretRef, InvalidField, time, without_value};

/// How many seconds a deletion waits if the spec does not say so, or not in a readable way.
const DEFAULT_DRAIN: i64 = 3600;

/// Why a spec is invalid: what is wrong, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSpec(pub String);

impl InvalidSpec {
    /// A spec that does not match the schema of this version of the operator.
    pub fn unparsed(error: &str) -> Self {
        Self(format!(
            "The spec does not match the schema of this version of the operator: {}. Correct the spec and apply the \
             object again.",
            without_value(error)
        ))
    }
}

impl From<InvalidField> for InvalidSpec {
    fn from(field: InvalidField) -> Self {
        Self(field.to_string())
    }
}

/// What a deletion needs of a spec, even if the rest is invalid.
#[derive(Clone, Debug, PartialEq)]
pub struct DeletionSpec {
    /// Whether what the object owns at Daily outlives the object, if the spec says it.
    pub retain: Option<bool>,
    /// Whether a room is deleted with everyone in it.
    pub at_once: bool,
    /// For how many seconds a deletion waits at most until what it deletes is not used any more.
    pub max_drain: i64,
    pub key: Option<ApiKeySecretRef>,
}

impl Default for DeletionSpec {
    fn default() -> Self {
        Self {
            retain: None,
            at_once: false,
            max_drain: DEFAULT_DRAIN,
            key: None,
        }
    }
}

impl DeletionSpec {
    pub fn read(spec: &Value) -> Self {
        let key = spec.get("apiKeySecretRef").cloned();
        let text = |field| spec.get(field).and_then(Value::as_str);
        let policy = text("deletionPolicy");
        let max_drain = text("maxDrain").and_then(|it| time::MAX_DRAIN.seconds(it).ok());
        Self {
            retain: match policy {
                Some("Retain") => Some(true),
                Some("Delete" | "DeleteWhenEmpty") => Some(false),
                _ => None,
            },
            at_once: policy == Some("Delete"),
            max_drain: max_drain.unwrap_or(DEFAULT_DRAIN),
            key: key.and_then(|key| serde_json::from_value(key).ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deletion_reads_a_spec_that_does_not_parse() {
        let broken =
            json!({"ttl": 5, "deletionPolicy": "Retain", "apiKeySecretRef": {"name": "k"}});
        let deletion = DeletionSpec::read(&broken);
        assert_eq!(deletion.retain, Some(true));
        assert_eq!(deletion.key.unwrap().name, "k");
        assert_eq!(DeletionSpec::read(&json!([5])), DeletionSpec::default());
        for (drain, seconds) in [(json!("30m"), 1800), (json!("9s"), 3600), (json!(7), 3600)] {
            let spec = json!({"maxDrain": drain});
            assert_eq!(DeletionSpec::read(&spec).max_drain, seconds);
        }
    }

    #[test]
    fn a_deletion_waits_for_participants_unless_the_spec_clearly_says_otherwise() {
        let read = |policy: Value, drain: Value| {
            let spec = json!({"deletionPolicy": policy, "maxDrain": drain});
            let read = DeletionSpec::read(&spec);
            (read.at_once, read.retain, read.max_drain)
        };
        let policies = [
            (Value::Null, None),
            (json!(5), None),
            (json!("Later"), None),
            (json!("DeleteWhenEmpty"), Some(false)),
        ];
        for (policy, retain) in policies {
            for drain in [Value::Null, json!("9s"), json!("169h"), json!(60)] {
                assert_eq!(read(policy.clone(), drain), (false, retain, 3600));
            }
        }
        let (delete, retain) = (json!("Delete"), json!("Retain"));
        assert_eq!(read(delete, json!("2m")), (true, Some(false), 120));
        assert_eq!(read(retain, json!("168h")), (false, Some(true), 604_800));
    }
}
