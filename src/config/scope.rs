//! Which namespaces may use the default key. No I/O.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt};
use serde_json::Value;

use super::ConfigError;

/// Which namespaces may use the default key.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// The Lease's namespace only: no selector was given.
    LeaseNamespace,
    /// Those whose labels the selector selects; the empty one selects all.
    Selector(LabelSelector),
}

impl Scope {
    /// Whether the namespace of this name and with these labels is in it.
    #[must_use]
    pub fn selects(
        &self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
        lease_namespace: &str,
    ) -> bool {
        match self {
            Self::LeaseNamespace => namespace == lease_namespace,
            Self::Selector(selector) => {
                Selector::try_from(selector.clone()).is_ok_and(|selector| selector.matches(labels))
            }
        }
    }

    /// Whether the labels of a namespace matter at all: they need not be read otherwise.
    #[must_use]
    pub fn asks_for_labels(&self) -> bool {
        match self {
            Self::LeaseNamespace => false,
            Self::Selector(selector) => *selector != LabelSelector::default(),
        }
    }

    pub(super) fn parse(flag: &'static str, text: Option<String>) -> Result<Self, ConfigError> {
        match text {
            None => Ok(Self::LeaseNamespace),
            Some(text) => selector(&text)
                .map(Self::Selector)
                .map_err(|problem| ConfigError::Selector { flag, problem }),
        }
    }
}

/// A selector in JSON or YAML. A field that selectors do not have is refused: ignored, a slip of
/// the pen would select every namespace.
fn selector(text: &str) -> Result<LabelSelector, String> {
    let value: Value =
        serde_saphyr::from_str(text).map_err(|_| "it is neither JSON nor YAML".to_owned())?;
    known_fields(&value, &["matchLabels", "matchExpressions"])?;
    for requirement in list(&value, "matchExpressions") {
        known_fields(requirement, &["key", "operator", "values"])?;
    }
    let selector: LabelSelector = serde_json::from_value(value).map_err(|e| e.to_string())?;
    for requirement in selector.match_expressions.iter().flatten() {
        let takes_values = matches!(requirement.operator.as_str(), "In" | "NotIn");
        let has_values = requirement.values.iter().flatten().next().is_some();
        if takes_values != has_values {
            return Err(format!(
                "the operator {} takes {} values",
                requirement.operator,
                if takes_values { "some" } else { "no" }
            ));
        }
        if requirement.key.is_empty() {
            return Err("a requirement has no key".to_owned());
        }
    }
    Selector::try_from(selector.clone())
        .map_err(|_| "an operator is none of In, NotIn, Exists and DoesNotExist".to_owned())?;
    Ok(selector)
}

fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn known_fields(value: &Value, known: &[&str]) -> Result<(), String> {
    let object = value.as_object().ok_or("it is not an object")?;
    match object.keys().find(|field| !known.contains(&field.as_str())) {
        None => Ok(()),
        Some(field) => Err(format!("it knows no field {field}")),
    }
}
