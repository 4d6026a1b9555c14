//! A label selector as the API server takes it, in JSON or YAML. No I/O.
//!
//! Unlike `LabelSelector` of Kubernetes this type rejects unknown fields: ignored, a misspelt field
//! would select every namespace.

use std::collections::{BTreeMap, BTreeSet};

use kube::core::{Expression, Selector};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    expecting = "a label selector"
)]
struct LabelSelector {
    match_labels: Option<BTreeMap<String, String>>,
    match_expressions: Option<Vec<Requirement>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an expression of a label selector")]
struct Requirement {
    key: String,
    operator: Operator,
    #[serde(default)]
    values: BTreeSet<String>,
}

#[derive(Deserialize)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl Requirement {
    fn expression(self) -> Result<Expression, &'static str> {
        let Self {
            key,
            operator,
            values,
        } = self;
        if key.is_empty() {
            return Err("an expression needs a key");
        }
        match (operator, values.is_empty()) {
            (Operator::In, false) => Ok(Expression::In(key, values)),
            (Operator::NotIn, false) => Ok(Expression::NotIn(key, values)),
            (Operator::Exists, true) => Ok(Expression::Exists(key)),
            (Operator::DoesNotExist, true) => Ok(Expression::DoesNotExist(key)),
            (Operator::In | Operator::NotIn, true) => Err("In and NotIn need values"),
            (Operator::Exists | Operator::DoesNotExist, false) => {
                Err("Exists and DoesNotExist take no values")
            }
        }
    }
}

pub(super) fn selector(text: &str) -> Result<Selector, String> {
    parse(text).map_err(|problem| {
        format!(
            "{problem}; use a label selector in JSON, for example {{}} for all namespaces or \
             {{\"matchLabels\":{{\"team\":\"voice\"}}}}"
        )
    })
}

fn parse(text: &str) -> Result<Selector, String> {
    let value: Value =
        serde_saphyr::from_str(text).map_err(|_| "it is neither JSON nor YAML".to_owned())?;
    let selector: LabelSelector = serde_json::from_value(value).map_err(|e| e.to_string())?;
    let labels = selector.match_labels.unwrap_or_default();
    let mut all: Selector = labels.into_iter().collect();
    for requirement in selector.match_expressions.unwrap_or_default() {
        all.extend([requirement.expression()?]);
    }
    Ok(all)
}
