//! The Secret: exactly what apps are promised, and nobody's edit of it lasts.

use std::collections::BTreeSet;
use std::sync::Arc;

use daily_sim::Outcome;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, PostParams};
use kube::{Api, ResourceExt};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NUMBER, SECOND_NUMBER, Setup};
use crate::kubectl::texts;
use crate::objects::Kind::{Number, Room};
use crate::stage::Stage;
use crate::wait::{SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    // The first PIN of this seed is 00099846040.
    let zeros = || Setup::new().seed(113);
    vec![
        stage.trial("secrets::exact", Setup::new(), exact),
        stage.trial("secrets::chosen_name", Setup::new(), chosen_name),
        stage.trial(
            "secrets::pin_begins_with_zeros",
            zeros(),
            pin_begins_with_zeros,
        ),
        stage.trial(
            "secrets::deleted_comes_back",
            Setup::new(),
            deleted_comes_back,
        ),
        stage.trial(
            "secrets::edited_is_put_right",
            Setup::new(),
            edited_is_put_right,
        ),
        stage.trial("secrets::labels_come_back", Setup::new(), labels_come_back),
        stage.trial(
            "secrets::changed_at_admission",
            Setup::new(),
            changed_at_admission,
        ),
        stage.trial(
            "secrets::what_the_spec_adds",
            Setup::new(),
            what_the_spec_adds,
        ),
        stage.trial(
            "secrets::what_the_operator_no_longer_sets_goes",
            Setup::new(),
            what_the_operator_no_longer_sets_goes,
        ),
    ]
}

const KEYS: [&str; 9] = [
    "type",
    "provider",
    "uri",
    "room-name",
    "dialin-code",
    "phone-number",
    "dial-string",
    "tel-uri",
    "phone-numbers",
];

/// The labels that all Secrets of the operator have.
const COMMON: [&str; 2] = ["app.kubernetes.io/managed-by", "app.kubernetes.io/part-of"];

async fn two_numbers(fx: &Fixture) {
    fx.number("main-line", NUMBER).await;
    fx.number("second-line", SECOND_NUMBER).await;
    fx.ready(Number, "main-line").await;
    fx.ready(Number, "second-line").await;
}

async fn exact(fx: &mut Fixture) {
    two_numbers(fx).await;
    let numbers = json!([{"phoneNumber": NUMBER}, {"numberRef": {"name": "second-line"}}]);
    fx.room(
        "standup",
        json!({"ttl": "1h", "dialin": {"roomNumbers": numbers}}),
    )
    .await;
    let room = fx.ready(Room, "standup").await;
    let secret = fx
        .find_secret("standup-dialin")
        .await
        .expect("the Secret is there");
    check_data(&secret, room.pin().expect("the PIN is in status"), &room);
    check_metadata(&secret, &room);
}

fn check_data(secret: &Secret, pin: &str, room: &crate::objects::Object) {
    assert_eq!(
        secret.type_.as_deref(),
        Some("servicebinding.io/daily-dialin")
    );
    let data = texts(secret);
    let keys: BTreeSet<&str> = data.keys().map(String::as_str).collect();
    assert_eq!(keys, BTreeSet::from(KEYS));
    assert_eq!(data["type"], "daily-dialin");
    assert_eq!(data["provider"], "daily");
    assert_eq!(data["uri"], room.text("/status/room/url"));
    assert_eq!(data["room-name"], room.room_name());
    assert_eq!(data["dialin-code"], pin);
    assert_eq!(data["phone-number"], NUMBER);
    assert_eq!(data["dial-string"], format!("{NUMBER},,{pin}"));
    assert_eq!(data["tel-uri"], format!("tel:{NUMBER},,{pin}"));
    let numbers: Value = serde_json::from_str(&data["phone-numbers"]).expect("is JSON");
    let numbers = numbers.as_array().expect("is a list");
    assert_eq!(numbers.len(), 2);
    for (shown, number) in numbers.iter().zip([NUMBER, SECOND_NUMBER]) {
        assert_eq!(shown["phoneNumber"], number);
        assert_eq!(shown["dialString"], format!("{number},,{pin}"));
    }
}

fn check_metadata(secret: &Secret, room: &crate::objects::Object) {
    let owners = secret.metadata.owner_references.clone().unwrap_or_default();
    assert_eq!(owners.len(), 1);
    let owner = &owners[0];
    assert_eq!(
        (owner.kind.as_str(), owner.name.as_str()),
        ("DailyRoom", "standup")
    );
    assert_eq!(owner.uid, room.uid());
    assert_eq!(owner.controller, Some(true));
    assert_ne!(
        owner.block_owner_deletion,
        Some(true),
        "it would need a right on finalizers"
    );

    let labels = secret.metadata.labels.clone().unwrap_or_default();
    for key in COMMON {
        assert_eq!(labels.get(key).map(String::as_str), Some("daily-operator"));
    }
    let mark = labels
        .iter()
        .find(|(key, _)| key.starts_with("daily-operator.io/"));
    let (_, value) = mark.expect("the Secret has the operator's label");
    assert!(
        value.len() == 26 && value.chars().all(|c| c.is_ascii_alphanumeric()),
        "{value}"
    );
    let annotations = secret.metadata.annotations.clone().unwrap_or_default();
    let says = |text: &str| annotations.values().any(|value| value.contains(text));
    assert!(
        says("standup"),
        "an annotation has the whole name: {annotations:?}"
    );
    let end = room.text("/status/expirationTime");
    assert!(
        says(end),
        "an annotation has the end {end}: {annotations:?}"
    );
}

async fn chosen_name(fx: &mut Fixture) {
    fx.room(
        "standup",
        json!({"ttl": "1h", "secret": {"name": "dial-here"}}),
    )
    .await;
    let room = fx.ready(Room, "standup").await;
    assert_eq!(room.text("/status/binding/name"), "dial-here");
    assert_eq!(
        Some(fx.secret("dial-here").await["dialin-code"].as_str()),
        room.pin()
    );
    assert!(fx.find_secret("standup-dialin").await.is_none());
}

async fn pin_begins_with_zeros(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    let pin = room.pin().expect("the PIN is in status");
    assert!(
        pin.starts_with("00") && pin.len() == 11,
        "the seed no longer gives such a PIN"
    );
    let secret = fx.secret("standup-dialin").await;
    assert_eq!(secret["dialin-code"], pin);
    let call = fx
        .sim
        .dial(&secret["dial-string"])
        .await
        .expect("it can be dialled");
    assert_eq!(call.outcome, Outcome::OnHold, "{call:?}");
}

async fn deleted_comes_back(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let before = fx
        .find_secret("standup-dialin")
        .await
        .expect("the Secret is there");
    let mark = fx.mark().await;
    fx.delete_secret("standup-dialin").await;
    let another = |found: Option<&Secret>| {
        found.is_some_and(|secret| secret.metadata.uid != before.metadata.uid)
    };
    fx.until_secret("standup-dialin", "comes back", another)
        .await;
    let after = fx
        .find_secret("standup-dialin")
        .await
        .expect("the Secret is there");
    assert_eq!(texts(&after), texts(&before));
    assert_eq!(after.type_, before.type_);
    fx.event("standup", "Warning", "SecretRepaired").await;
    let journal = fx.journal_since(mark).await;
    journal.expect_no_write("the room has nothing to do with its Secret");
}

/// A changed value and a removed key are as before, and somebody else's label stays.
async fn edited_is_put_right(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let before = fx.secret("standup-dialin").await;
    let mark = fx.mark().await;
    let edit = json!({
        "metadata": {"labels": {"team": "x"}},
        "data": {"dialin-code": "MTIz", "uri": null},
    });
    fx.patch_secret("standup-dialin", &edit).await;
    let right = |found: Option<&Secret>| found.is_some_and(|secret| texts(secret) == before);
    fx.until_secret("standup-dialin", "is put right", right)
        .await;
    let after = fx
        .find_secret("standup-dialin")
        .await
        .expect("the Secret is there");
    let labels = after.metadata.labels.unwrap_or_default();
    assert_eq!(
        labels.get("team").map(String::as_str),
        Some("x"),
        "others keep their labels"
    );
    fx.event("standup", "Warning", "SecretRepaired").await;
    let journal = fx.journal_since(mark).await;
    journal.expect_no_write("the room has nothing to do with its Secret");
}

/// A Secret of an operator before this one has no such labels, and nothing else is wrong with it.
async fn labels_come_back(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let before = fx.find_secret("standup-dialin").await;
    let before = before.expect("the Secret is there");
    let mark = fx.mark().await;
    let edit = json!({"metadata": {"labels": {
        "team": "x", "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/part-of": null}}});
    fx.patch_secret("standup-dialin", &edit).await;
    let right = |found: Option<&Secret>| {
        let labels = found.and_then(|it| it.metadata.labels.as_ref());
        labels.is_some_and(|labels| {
            let ours = |key| labels.get(key).is_some_and(|it| it == "daily-operator");
            COMMON.into_iter().all(ours) && labels.contains_key("team")
        })
    };
    fx.until_secret("standup-dialin", "has its labels", right)
        .await;
    let after = fx.find_secret("standup-dialin").await;
    let after = after.expect("the Secret is there");
    assert_eq!(after.metadata.uid, before.metadata.uid);
    assert_eq!(texts(&after), texts(&before));
    let room = fx.get(Room, "standup").await;
    assert_eq!(room.at("/status/dialinCodeRevision"), &json!(1));
    let journal = fx.journal_since(mark).await;
    journal.expect_no_write("the room has nothing to do with its Secret");
    let repaired = |event: &&Event| event.reason.as_deref() == Some("SecretRepaired");
    let events = fx.events("standup").await;
    assert_eq!(events.iter().filter(repaired).count(), 0);
}

/// Labels, annotations and aliases of the spec come, are put right, and go; those of others stay.
async fn what_the_spec_adds(fx: &mut Fixture) {
    let secret = json!({
        "labels": {"team": "x"}, "annotations": {"example.com/note": "ours"},
        "aliases": [{"key": "DIALIN_CODE", "from": "dialin-code"}, {"key": "END", "from": "expiration-time"}],
    });
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    let mark = fx.mark().await;
    let theirs = json!({"metadata": {"labels": {"theirs": "x"}}, "stringData": {"THEIRS": "x"}});
    fx.patch_secret("standup-dialin", &theirs).await;
    fx.room("standup", json!({"ttl": "1h", "secret": secret}))
        .await;
    let has_all = |found: Option<&Secret>| {
        let Some(secret) = found else { return false };
        let (labels, annotations) = (secret.labels(), secret.annotations());
        let data = texts(secret);
        data.get("DIALIN_CODE").map(String::as_str) == room.pin()
            && data.get("END").map(String::as_str) == Some(room.text("/status/expirationTime"))
            && data.contains_key("THEIRS")
            && labels.get("team").is_some_and(|it| it == "x")
            && labels.contains_key("theirs")
            && annotations
                .get("example.com/note")
                .is_some_and(|it| it == "ours")
    };
    fx.until_secret("standup-dialin", "has what the spec adds", has_all)
        .await;
    let repaired = async || {
        let events = fx.events("standup").await;
        let repaired = |it: &&Event| it.reason.as_deref() == Some("SecretRepaired");
        events.iter().filter(repaired).count()
    };
    assert_eq!(repaired().await, 0, "an edit of the spec repairs nothing");
    let edit = json!({
        "metadata": {"labels": {"team": "y"}, "annotations": {"example.com/note": null}},
        "data": {"DIALIN_CODE": "MTIz"},
    });
    fx.patch_secret("standup-dialin", &edit).await;
    fx.until_secret("standup-dialin", "is put right", has_all)
        .await;
    fx.event("standup", "Warning", "SecretRepaired").await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    let has_none = |found: Option<&Secret>| {
        found.is_some_and(|secret| {
            let data = texts(secret);
            let kept = data.contains_key("THEIRS") && secret.labels().contains_key("theirs");
            kept && !data.contains_key("DIALIN_CODE")
                && !data.contains_key("END")
                && !secret.labels().contains_key("team")
                && !secret.annotations().contains_key("example.com/note")
        })
    };
    fx.until_secret("standup-dialin", "loses what the spec added", has_none)
        .await;
    assert_eq!(repaired().await, 1);
    let journal = fx.journal_since(mark).await;
    journal.expect_no_write("the room has nothing to do with its Secret");
}

/// A version before this one set a key, a label and an annotation that this one does not set.
async fn what_the_operator_no_longer_sets_goes(fx: &mut Fixture) {
    const MANAGED: &str = "daily-operator.io/managed-keys";
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let before = fx.find_secret("standup-dialin").await;
    let before = before.expect("the Secret is there");
    let annotations = before.metadata.annotations.as_ref();
    let managed = annotations.and_then(|it| it.get(MANAGED));
    let mut managed: Value = managed
        .and_then(|text| serde_json::from_str(text).ok())
        .expect("the Secret says which keys are the operator's");
    for keys in ["data", "labels", "annotations"] {
        let keys = managed[keys].as_array_mut().expect("is a list");
        keys.push(json!("old"));
    }
    let both = json!({"old": "x", "theirs": "x"});
    let mut marked = both.clone();
    marked[MANAGED] = json!(managed.to_string());
    let edit = json!({"metadata": {"labels": both, "annotations": marked}, "stringData": both});
    fx.patch_secret("standup-dialin", &edit).await;
    let right = |found: Option<&Secret>| {
        found.is_some_and(|it| !texts(it).contains_key("old") && texts(it).contains_key("theirs"))
    };
    fx.until_secret("standup-dialin", "loses the old key", right)
        .await;
    let after = fx.find_secret("standup-dialin").await;
    let after = after.expect("the Secret is there");
    for map in [&after.metadata.labels, &after.metadata.annotations] {
        let map = map.as_ref().expect("is there");
        assert!(
            !map.contains_key("old") && map.contains_key("theirs"),
            "{map:?}"
        );
    }
    assert_eq!(after.metadata.uid, before.metadata.uid);
    let room = fx.get(Room, "standup").await;
    assert_eq!(room.at("/status/dialinCodeRevision"), &json!(1));
}

/// A policy sets a label of the operator, which is no matter for apps; another one sets an annotation.
async fn changed_at_admission(fx: &mut Fixture) {
    let label = "/metadata/labels/app.kubernetes.io~1managed-by";
    let policies = changes(fx, "labels", label).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let secret = fx.find_secret("standup-dialin").await.expect("is there");
    assert_eq!(secret.labels()[COMMON[0]], "platform");
    remove(policies).await;

    let annotation = "/metadata/annotations/daily-operator.io~1expiration-time";
    let policies = changes(fx, "annotations", annotation).await;
    fx.room("second", json!({"ttl": "1h"})).await;
    let refused = ("Stalled", "True", "SecretRefused");
    let room = fx.condition(Room, "second", refused).await;
    let message = room.condition("Stalled").expect("is there").message;
    assert!(message.contains("admission webhook or policy"), "{message}");
    remove(policies).await;
    fx.ready(Room, "second").await;
    assert!(!fx.logs().contains("Reconcile did not end"));
}

type Policies = [(Api<DynamicObject>, String); 2];

/// The API server sets this to another value in each Secret of the operator.
async fn changes(fx: &Fixture, what: &str, path: &str) -> Policies {
    let (namespace, name) = (&fx.namespace, format!("{}-{what}", fx.namespace));
    let secrets = json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
        "resources": ["secrets"]});
    let patch = format!("[JSONPatch{{op: \"add\", path: \"{path}\", value: \"platform\"}}]");
    let policy = json!({"metadata": {"name": name}, "spec": {
        "matchConstraints": {"resourceRules": [secrets]},
        "matchConditions": [{"name": "dialin", "expression": "has(object.type) && object.type == 'servicebinding.io/daily-dialin'"}],
        "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}]}});
    let here = json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}});
    let binding = json!({"metadata": {"name": name}, "spec": {"policyName": name,
        "matchResources": {"namespaceSelector": here}}});
    let api = |kind| {
        let gvk = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
        Api::all_with(fx.client.clone(), &ApiResource::from_gvk(&gvk))
    };
    let apis = [
        (api("MutatingAdmissionPolicy"), policy),
        (api("MutatingAdmissionPolicyBinding"), binding),
    ];
    for (api, object) in &apis {
        let object: DynamicObject = serde_json::from_value(object.clone()).expect("is an object");
        let created = api.create(&PostParams::default(), &object).await;
        created.expect("the API server takes it");
    }
    let probe = json!({"metadata": {"name": "probe", "labels": {"a": "b"}, "annotations": {"a": "b"}},
        "type": "servicebinding.io/daily-dialin"});
    let probe: Secret = serde_json::from_value(probe).expect("is a Secret");
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    until("the policy applies", SOON, async || {
        let created = fx.secrets().create(&dry, &probe).await;
        let created = created.expect("the API server takes it");
        match json!(created).pointer(path) == Some(&json!("platform")) {
            true => Ok(()),
            false => Err("the Secret is unchanged"),
        }
    })
    .await;
    apis.map(|(api, _)| (api, name.clone()))
}

async fn remove(policies: Policies) {
    for (api, name) in &policies {
        let deleted = api.delete(name, &DeleteParams::default()).await;
        deleted.expect("it is there");
    }
}
