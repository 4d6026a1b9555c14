//! Which namespaces may publish the number of a PinDialinNumber. No I/O.

use std::collections::BTreeMap;

use crate::crd::{
    FromNamespaces, LabelOperator, LabelRequirement, NamespaceSelector, PinDialinNumberSpec,
};

/// The labels of a namespace.
pub type Labels = BTreeMap<String, String>;

/// Whether DailyRooms of `namespace`, which has these labels, may publish the number of a PinDialinNumber in
/// the namespace `own`. A selector selects no namespace whose labels are not known.
pub fn allows(
    spec: &PinDialinNumberSpec,
    own: &str,
    namespace: &str,
    labels: Option<&Labels>,
) -> bool {
    let Some(allowed) = &spec.allowed_rooms else {
        return own == namespace;
    };
    match (allowed.namespaces.from, &allowed.namespaces.selector) {
        (FromNamespaces::Same, _) => own == namespace,
        (FromNamespaces::All, _) => true,
        (FromNamespaces::Selector, selector) => {
            let known = selector.as_ref().zip(labels);
            known.is_some_and(|(selector, labels)| selects(selector, labels))
        }
    }
}

/// Whether [`allows`] depends on the labels of a namespace.
pub fn needs_labels(spec: &PinDialinNumberSpec) -> bool {
    let allowed = spec.allowed_rooms.as_ref();
    allowed.is_some_and(|it| it.namespaces.from == FromNamespaces::Selector)
}

/// The selector is compared as it is, because each room asks all numbers, and `kube::core::Selector` is built
/// from copies of all its keys and values.
fn selects(selector: &NamespaceSelector, labels: &Labels) -> bool {
    let NamespaceSelector {
        match_labels,
        match_expressions,
    } = selector;
    let is_empty = match_labels.is_empty() && match_expressions.is_empty();
    !is_empty
        && match_labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
        && match_expressions.iter().all(|it| holds(it, labels))
}

fn holds(requirement: &LabelRequirement, labels: &Labels) -> bool {
    let value = labels.get(&requirement.key);
    let is_listed = value.is_some_and(|it| requirement.values.contains(it));
    match requirement.operator {
        LabelOperator::In => is_listed,
        LabelOperator::NotIn => !is_listed,
        LabelOperator::Exists => value.is_some(),
        LabelOperator::DoesNotExist => value.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::number::spec::Spec;

    fn spec(namespaces: Value) -> PinDialinNumberSpec {
        let spec =
            json!({"phoneNumber": "+12025550123", "allowedRooms": {"namespaces": namespaces}});
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn the_namespace_of_the_number_and_others_are_allowed_as_the_spec_says() {
        let labels = |it: &[(&str, &str)]| -> Labels {
            let labels = it.iter();
            labels
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        let voice = labels(&[("team", "voice"), ("stage", "live")]);
        let other = labels(&[("team", "chat")]);
        let selector = |it: Value| json!({"from": "Selector", "selector": it});
        let requires = |key: &str, operator: &str, values: Value| {
            let one = json!({"key": key, "operator": operator, "values": values});
            selector(json!({"matchExpressions": [one]}))
        };
        let both = json!({"matchLabels": {"team": "voice"},
            "matchExpressions": [{"key": "stage", "operator": "DoesNotExist"}]});
        let table = [
            (json!({"from": "Same"}), [false, false]),
            (json!({"from": "All"}), [true, true]),
            (
                selector(json!({"matchLabels": {"team": "voice"}})),
                [true, false],
            ),
            (
                selector(json!({"matchLabels": {"team": "voice", "x": "y"}})),
                [false, false],
            ),
            (requires("team", "In", json!(["voice", "x"])), [true, false]),
            (requires("stage", "NotIn", json!(["live"])), [false, true]),
            (requires("stage", "Exists", json!([])), [true, false]),
            (requires("stage", "DoesNotExist", json!([])), [false, true]),
            (selector(both), [false, false]),
            // What the rules of the CRD exclude selects nothing.
            (selector(json!({})), [false, false]),
            (json!({"from": "Selector"}), [false, false]),
        ];
        for (namespaces, expected) in table {
            let spec = spec(namespaces.clone());
            let allowed = [&voice, &other].map(|it| allows(&spec, "home", "there", Some(it)));
            assert_eq!(allowed, expected, "{namespaces}");
            let unknown = allows(&spec, "home", "there", None);
            assert_eq!(
                unknown,
                namespaces == json!({"from": "All"}),
                "{namespaces}"
            );
            let own = allows(&spec, "home", "home", Some(&voice));
            let selects_own = !needs_labels(&spec) || expected[0];
            assert_eq!(own, selects_own, "{namespaces}");
        }
    }

    #[test]
    fn a_stored_selector_gets_the_sentence_of_the_api_server() {
        let exists = json!({"key": "a", "operator": "Exists", "values": ["b"]});
        let within = json!({"key": "a", "operator": "In"});
        for (namespaces, sentence) in [
            (json!({"from": "Selector"}), "set selector together with"),
            (
                json!({"from": "All", "selector": {"matchLabels": {"a": "b"}}}),
                "set selector together with",
            ),
            (
                json!({"from": "Selector", "selector": {}}),
                "selector must have",
            ),
            (
                json!({"from": "Selector", "selector": {"matchExpressions": [exists]}}),
                "set values together with",
            ),
            (
                json!({"from": "Selector", "selector": {"matchExpressions": [within]}}),
                "set values together with",
            ),
        ] {
            let invalid = Spec::parse(&spec(namespaces.clone())).unwrap_err();
            assert!(
                invalid.0.starts_with(sentence),
                "{namespaces}: {}",
                invalid.0
            );
        }
        let fit = json!({"from": "Selector", "selector": {"matchLabels": {"a": "b"}}});
        assert!(Spec::parse(&spec(fit)).is_ok());
    }
}
