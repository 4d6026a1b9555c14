//! Each rule of the CRDs, as a person with `kubectl apply` meets it.

use std::collections::BTreeSet;
use std::sync::Arc;

use daily_operator::crd::{DailyRoom, PinDialinNumber};
use kube::CustomResourceExt as _;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NUMBER, SECOND_NUMBER, Setup};
use crate::objects::Kind::{self, Number, Room};
use crate::stage::Stage;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let setup = || Setup::new().without_operator();
    vec![stage.trial(
        "rules::each_has_its_sentence",
        setup(),
        each_has_its_sentence,
    )]
}

/// Each object is refused, and the refusals together show the sentence of every rule.
async fn each_has_its_sentence(fx: &mut Fixture) {
    let (long, derived) = (
        "a".repeat(247),
        format!("a_{}_{}", "b".repeat(26), "c".repeat(13)),
    );
    for (kind, spec) in [
        (Room, json!({"ttl": "8h", "roomName": "one"})),
        (Number, json!({"phoneNumber": NUMBER})),
    ] {
        let applied = kubectl_apply(fx, kind, "exists", &spec).await;
        applied.expect("it is in order");
    }
    let mut seen: BTreeSet<(&str, String)> = BTreeSet::new();
    let long_name = [(
        Room,
        long.as_str(),
        json!({"ttl": "8h", "meetingTokens": {"tokens": [{"key": "a", "role": "Owner"}]}}),
    )];
    let exists = [
        (Room, "exists", json!({"ttl": "8h", "roomName": "two"})),
        (Room, "exists", json!({"ttl": "8h"})),
        (Number, "exists", json!({"phoneNumber": SECOND_NUMBER})),
    ];
    let rooms = bad_rooms(&derived).into_iter().map(|mut bad| {
        // What a row does not say is in order.
        if bad.get("expirationTime").is_none() {
            let spec = bad.as_object_mut().expect("a spec is an object");
            spec.entry("ttl").or_insert_with(|| json!("8h"));
        }
        (Room, "new", bad)
    });
    let numbers = bad_numbers().into_iter().map(|mut bad| {
        let spec = bad.as_object_mut().expect("a spec is an object");
        spec.entry("phoneNumber").or_insert_with(|| json!(NUMBER));
        (Number, "new", bad)
    });
    for (kind, name, spec) in long_name
        .into_iter()
        .chain(exists)
        .chain(rooms)
        .chain(numbers)
    {
        let applied = kubectl_apply(fx, kind, name, &spec).await;
        let refusal = applied.expect_err(&format!("{spec} is accepted"));
        let mut said = sentences(kind);
        said.retain(|it| refusal.contains(it.as_str()));
        assert!(!said.is_empty(), "{spec}: no rule says so: {refusal}");
        seen.extend(said.into_iter().map(|it| (kind.name(), it)));
    }
    for kind in [Room, Number] {
        for sentence in sentences(kind) {
            let shown = seen.contains(&(kind.name(), sentence.clone()));
            assert!(
                shown,
                "no object here breaks the rule of {}: {sentence}",
                kind.name()
            );
        }
    }
}

async fn kubectl_apply(
    fx: &Fixture,
    kind: Kind,
    name: &str,
    spec: &Value,
) -> Result<String, String> {
    let mut manifest = kind.manifest(name, spec);
    manifest["metadata"]["namespace"] = json!(fx.namespace);
    fx.plane.kubectl_apply(&manifest.to_string()).await
}

fn bad_rooms(derived: &str) -> Vec<Value> {
    let room_number = |it: Value| json!({"dialin": {"roomNumbers": [it]}});
    let token = |it: Value| json!({"meetingTokens": {"tokens": [it]}});
    let alias = |key: &str| json!({"key": key, "from": "dialin-code"});
    let owner = json!({"key": "a", "role": "Owner"});
    vec![
        json!({"ttl": "1h", "expirationTime": "2026-12-01T18:00:00Z"}),
        json!({"expirationTime": "2026-12-01T18:00:00Z", "renewal": {"before": "1h"}}),
        json!({"renewal": {"before": "5h"}}),
        json!({"renewal": {"before": "soon"}}),
        json!({
            "expirationTime": "2026-12-01T18:00:00Z", "notBeforeTime": "2026-12-01T19:00:00Z",
        }),
        json!({"adoptionPolicy": "AdoptOrCreate"}),
        json!({"apiKeySecretRef": {"name": "daily", "key": ".."}}),
        json!({"apiKeySecretRef": {"name": "?limit=50"}}),
        json!({"dialin": {"displayName": ""}}),
        json!({"dialin": {"globalNumbers": ["us"]}}),
        room_number(json!({})),
        room_number(json!({"numberRef": {"name": "Main Line"}})),
        room_number(json!({"numberRef": {"name": "main-line", "namespace": "a.b"}})),
        room_number(json!({"phoneNumber": "2025550123"})),
        json!({"expirationTime": "2026-11-31T18:00:00Z"}),
        json!({"maxDrain": "9s"}),
        json!({"maxParticipants": 0}),
        json!({"meetingTokens": {"secretName": "A", "tokens": [owner]}}),
        json!({"meetingTokens": {"secretName": "new-dialin", "tokens": [owner]}}),
        json!({"meetingTokens": {"tokens": []}}),
        json!({"meetingTokens": {"tokens": [owner, owner]}}),
        token(json!({"key": "a/b", "role": "Owner"})),
        token(json!({"key": "a", "role": "Owner", "ttl": "1s"})),
        token(json!({"key": "a", "role": "Owner", "userName": ""})),
        json!({"notBeforeTime": "tomorrow"}),
        json!({"roomName": "a room"}),
        json!({"roomName": derived}),
        json!({"roomProperties": {
            "dialin": {}, "eject_at_room_exp": true, "exp": 1, "max_participants": 5, "name": "a",
            "nbf": 1, "privacy": "private",
        }}),
        json!({"roomProperties": {
            "api_created": true, "config": {}, "created_at": "now", "dialin_code": 12_345_678_901_i64,
            "dialin_number": "+12025550123", "id": "a", "sip_uri": {}, "url": "a",
        }}),
        json!({"secret": {"aliases": [alias("PIN"), alias("PIN")]}}),
        json!({"secret": {"aliases": [alias("a/b")]}}),
        json!({"secret": {"aliases": [alias("dialin-code")]}}),
        json!({"secret": {"annotations": {"a b": "c"}}}),
        json!({"secret": {"annotations": {"daily-operator.io/dailyroom": "other"}}}),
        json!({"secret": {"labels": {"a b": "c"}}}),
        json!({"secret": {"labels": {"a": "b c"}}}),
        json!({"secret": {"labels": {"app.kubernetes.io/managed-by": "me"}}}),
        json!({"secret": {"name": "A"}}),
        json!({"ttl": "30m1h"}),
        json!({"ttlAfterExpired": "59s"}),
    ]
}

fn bad_numbers() -> Vec<Value> {
    let allowed = |it: Value| json!({"allowedRooms": {"namespaces": it}});
    let selector = |it: Value| allowed(json!({"from": "Selector", "selector": it}));
    let expression = json!({"key": "team", "operator": "In"});
    vec![
        allowed(json!({"from": "Selector"})),
        selector(json!({})),
        selector(json!({"matchExpressions": [expression]})),
        selector(json!({"matchLabels": {"a".repeat(318): ""}})),
        json!({"apiKeySecretRef": {"name": "daily", "key": ".."}}),
        json!({"apiKeySecretRef": {"name": "?limit=50"}}),
        json!({"ivrGreeting": {"message": " "}}),
        json!({"maxDrain": "9s"}),
        json!({"namePrefix": ""}),
        json!({"phoneNumber": "2025550123"}),
    ]
}

/// The sentences of the rules of a CRD.
fn sentences(kind: Kind) -> BTreeSet<String> {
    let crd = match kind {
        Room => DailyRoom::crd(),
        Number => PinDialinNumber::crd(),
    };
    let mut found = BTreeSet::new();
    collect(
        &serde_json::to_value(crd).expect("a CRD is JSON"),
        &mut found,
    );
    found
}

fn collect(schema: &Value, into: &mut BTreeSet<String>) {
    let rules = schema
        .get("x-kubernetes-validations")
        .and_then(Value::as_array);
    for rule in rules.into_iter().flatten() {
        let sentence = rule["message"].as_str().expect("each rule has a sentence");
        into.insert(sentence.to_owned());
    }
    match schema {
        Value::Object(fields) => fields.values().for_each(|it| collect(it, into)),
        Value::Array(items) => items.iter().for_each(|it| collect(it, into)),
        _ => {}
    }
}
