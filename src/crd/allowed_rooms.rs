//! `spec.allowedRooms` of a PinDialinNumber, in the form of Gateway API's `allowedRoutes`.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::grammar::InvalidField;

/// In characters: a prefix of 253, a slash and a name of 63.
const LONGEST_LABEL_KEY: usize = 317;
const LONGEST_LABEL_VALUE: usize = 63;

const SELECTOR_WITH_FROM: &str = "set selector together with from: Selector, for example {matchLabels: \
     {kubernetes.io/metadata.name: team-a}}, and leave it out otherwise";
const SELECTOR_NOT_EMPTY: &str =
    "selector must have matchLabels or matchExpressions; to select all namespaces, use from: All";
const LABEL_KEYS: &str = "a key in matchLabels must have at most 317 characters";
const VALUES_WITH_OPERATOR: &str = "set values together with the operators In and NotIn, for example {key: \
     kubernetes.io/metadata.name, operator: In, values: [team-a, team-b]}, and leave it out otherwise";

/// DailyRooms that may publish a number.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedRooms {
    /// Namespaces whose DailyRooms may publish the number.
    pub namespaces: AllowedNamespaces,
}

/// Namespaces whose DailyRooms may publish a number.
#[skip_serializing_none]
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.from == 'Selector') == has(self.selector)").message(SELECTOR_WITH_FROM))]
pub struct AllowedNamespaces {
    /// Same: only the namespace of the PinDialinNumber. All: every namespace whose DailyRooms use the same Daily account. Selector: of these, the namespaces whose labels match selector.
    pub from: FromNamespaces,
    /// Labels of the namespaces whose DailyRooms may publish the number; set it together with from: Selector. The namespace of the PinDialinNumber counts only if its labels match, too. Rooms follow changes of labels; a room keeps a number that it has published. Absent: labels do not matter.
    #[x_kube(validation = Rule::new("(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)").message(SELECTOR_NOT_EMPTY))]
    pub selector: Option<NamespaceSelector>,
}

/// From which namespaces DailyRooms may publish a number.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum FromNamespaces {
    /// Only from the namespace of the PinDialinNumber.
    Same,
    /// From all namespaces.
    All,
    /// From namespaces with certain labels.
    Selector,
}

/// Selects namespaces by their labels. All requirements must match.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct NamespaceSelector {
    /// Labels that a namespace must have, at most 8. Absent or empty: only matchExpressions decide.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "labels_schema")]
    #[x_kube(validation = Rule::new(format!("self.all(key, size(key) <= {LONGEST_LABEL_KEY})")).message(LABEL_KEYS))]
    pub match_labels: BTreeMap<String, String>,
    /// Requirements on the labels of a namespace, at most 8. Absent or empty: only matchLabels decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub match_expressions: Vec<LabelRequirement>,
}

/// A requirement on one label of a namespace.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)").message(VALUES_WITH_OPERATOR))]
pub struct LabelRequirement {
    /// Key of the label.
    #[schemars(length(min = 1, max = LONGEST_LABEL_KEY))]
    pub key: String,
    /// In: the label has one of the values. NotIn: it has none of them, or is missing. Exists: it is there, with any value. DoesNotExist: it is missing.
    pub operator: LabelOperator,
    /// Values of the label, at most 32, for In and NotIn. Absent or empty: none, as Exists and DoesNotExist require.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = LONGEST_LABEL_VALUE)))]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub values: Vec<String>,
}

/// How a requirement compares a label.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum LabelOperator {
    /// The label has one of the values.
    In,
    /// The label has none of the values, or is missing.
    NotIn,
    /// The label is there, with any value.
    Exists,
    /// The label is missing.
    DoesNotExist,
}

fn labels_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 8,
        "additionalProperties": {"type": "string", "maxLength": LONGEST_LABEL_VALUE},
    })
}

impl AllowedNamespaces {
    /// Checks what the rules of the CRD demand: an object may be older than them, and an empty selector would
    /// select every namespace.
    ///
    /// # Errors
    /// The message of the CRD's rule.
    pub fn check(&self) -> Result<(), InvalidField> {
        let selector = self.selector.as_ref();
        if (self.from == FromNamespaces::Selector) != selector.is_some() {
            return Err(InvalidField(SELECTOR_WITH_FROM));
        }
        let Some(selector) = selector else {
            return Ok(());
        };
        if selector.match_labels.is_empty() && selector.match_expressions.is_empty() {
            return Err(InvalidField(SELECTOR_NOT_EMPTY));
        }
        let needs_values =
            |it: &LabelRequirement| matches!(it.operator, LabelOperator::In | LabelOperator::NotIn);
        let mut requirements = selector.match_expressions.iter();
        match requirements.all(|it| needs_values(it) != it.values.is_empty()) {
            true => Ok(()),
            false => Err(InvalidField(VALUES_WITH_OPERATOR)),
        }
    }
}
