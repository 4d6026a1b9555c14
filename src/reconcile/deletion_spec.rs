//! What a deletion needs of a spec, and why a spec is invalid. No I/O.

use serde_json::Value;

use crate::crd::{ApiKeySecretRef, InvalidField, without_value};

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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeletionSpec {
    /// Whether what the object owns at Daily outlives the object.
    pub retain: bool,
    pub key: Option<ApiKeySecretRef>,
}

impl DeletionSpec {
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
