//! Which of several PinDialinNumbers holds a number.

use super::*;
use crate::reconcile::object::Object;
use crate::reconcile::rivals;

fn number(name: &str, created: &str, record: Option<Value>) -> Object<Kind> {
    let record = record.map(|it| it.to_string());
    serde_json::from_value(json!({
        "apiVersion": "daily-operator.io/v1alpha1", "kind": "PinDialinNumber",
        "metadata": {"namespace": "team", "name": name, "uid": name, "resourceVersion": "1",
            "generation": 1, "creationTimestamp": created},
        "spec": {"phoneNumber": "+12025550123"},
        "status": {"record": record},
    }))
    .unwrap()
}

fn recorded(uid: &str, domain: &str, made: bool) -> Value {
    let claim = (!made).then(|| json!({"at": 7}));
    let made = made.then(|| json!({"id": format!("config-of-{uid}")}));
    json!({"uid": uid, "clusterId": "c", "domainId": domain, "domainName": "team",
        "name": "+12025550123", "installationId": "i", "made": made, "claim": claim})
}

fn rival_of(other: &Object<Kind>) -> Option<Rival> {
    let others = [(other, &other.recorded)].into_iter();
    rivals::first(&view(), "d1", others)
}

#[test]
fn one_object_holds_a_number() {
    // Ours was created in 1970, at second 100, and is called main-line.
    let (before, after) = ("1970-01-01T00:01:39Z", "1970-01-01T00:01:41Z");
    let same = "1970-01-01T00:01:40Z";
    let claim = |uid| Some(recorded(uid, "d1", false));
    let mut withdrawn = recorded("b", "d1", false);
    withdrawn["claim"] = Value::Null;
    let mut refused = recorded("b", "d1", false);
    refused["claim"]["refused"] = true.into();
    let mut sent_again = refused.clone();
    sent_again["claim"]["sent"] = json!([sent("front")]);
    // Whether it holds the number at all, and before ours.
    let table = [
        ("older without record", number("b", before, None), None),
        (
            "older, withdrawn",
            number("b", before, Some(withdrawn)),
            None,
        ),
        ("older, refused", number("b", before, Some(refused)), None),
        (
            "older, and an earlier version sent another request",
            number("b", before, Some(sent_again)),
            Some(true),
        ),
        ("older", number("b", before, claim("b")), Some(true)),
        (
            "as old, later name",
            number("z", same, claim("z")),
            Some(false),
        ),
        (
            "as old, earlier name",
            number("a", same, claim("a")),
            Some(true),
        ),
        (
            "younger with config",
            number("b", after, Some(recorded("b", "d1", true))),
            Some(true),
        ),
        (
            "younger with claim",
            number("b", after, Some(recorded("b", "d1", false))),
            Some(false),
        ),
        (
            "other domain",
            number("b", before, Some(recorded("b", "d2", true))),
            None,
        ),
        (
            "record of another object",
            number("b", after, Some(recorded("x", "d1", true))),
            None,
        ),
    ];
    for (what, other, expected) in table {
        let is_first = rival_of(&other).map(|it| it.is_first);
        assert_eq!(is_first, expected, "{what}");
    }
    let deleted = |mut other: Object<Kind>| {
        let time = serde_json::from_value(json!(after)).unwrap();
        other.metadata.deletion_timestamp = Some(time);
        other
    };
    let holder = deleted(number("b", after, Some(recorded("b", "d1", true))));
    let holder = rival_of(&holder).unwrap();
    assert_eq!(
        (holder.namespace.as_str(), holder.name.as_str()),
        ("team", "b")
    );
    assert_eq!(holder.made.as_deref(), Some("config-of-b"));
    let from = |namespace| holder.seen_from(namespace, "PinDialinNumber");
    assert_eq!(from("team"), "The PinDialinNumber b");
    assert_eq!(from("other"), "A PinDialinNumber in another namespace");
}
