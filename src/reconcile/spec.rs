//! What holds of the spec of either kind. No I/O.

use serde_json::Value;

use crate::crd::{ApiKeySecretRef, InvalidField, without_value};

/// Why a spec cannot be acted on: what is wrong and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSpec(pub String);

impl InvalidSpec {
    /// The spec has another form than this version of the operator reads.
    #[must_use]
    pub fn unparsed(error: &str) -> Self {
        Self(format!(
            "The spec cannot be read: {}. Apply the object again in the form that this version of the operator \
             documents.",
            without_value(error)
        ))
    }
}

impl From<InvalidField> for InvalidSpec {
    fn from(field: InvalidField) -> Self {
        Self(field.to_string())
    }
}

/// What a deletion needs of the spec, whether the rest parses or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeletionSpec {
    /// Whether what the object owns at Daily stays when the object goes.
    pub retain: bool,
    /// Which key applies.
    pub key: Option<ApiKeySecretRef>,
}

impl DeletionSpec {
    /// Reads it from a spec.
    #[must_use]
    pub fn read(spec: &Value) -> Self {
        let key = spec.get("apiKeySecretRef").cloned();
        Self {
            retain: spec.get("deletionPolicy").and_then(Value::as_str) == Some("Retain"),
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
        assert!(deletion.retain);
        assert_eq!(deletion.key.unwrap().name, "k");
        assert_eq!(DeletionSpec::read(&json!([5])), DeletionSpec::default());
    }
}
