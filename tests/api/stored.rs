//! Objects that are older than a rule of the CRD: stored, and not admitted any more.

use std::sync::Arc;

use k8s_openapi::ByteString;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, KEY, NUMBER, Setup};
use crate::objects::GROUP;
use crate::objects::Kind::{self, Number, Room};
use crate::stage::Stage;
use crate::wait::{LATER, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let alone = || Setup::new().own_plane().without_operator();
    vec![stage.trial("stored::specs_before_a_rule", alone(), specs_before_a_rule)]
}

/// Specs that this version of the CRDs refuses.
fn refused_now() -> Vec<(Kind, Value)> {
    let room = |field: &str, value: Value| {
        let mut spec = json!({"ttl": "8h"});
        spec[field] = value;
        (Room, spec)
    };
    let query = json!({"name": "?limit=50"});
    vec![
        room("ttl", json!("30m1h")),
        room("ttl", json!("99999999h")),
        (Room, json!({"expirationTime": "2026-11-31T10:00:00Z"})),
        (Room, json!({"expirationTime": "9999-12-31T23:59:59Z"})),
        room("roomName", json!("../domain-dialin-config")),
        room("secret", query.clone()),
        room("apiKeySecretRef", query.clone()),
        room("apiKeySecretRef", json!({"name": "daily", "key": ".."})),
        room("dialin", json!({"roomNumbers": [{"numberRef": query}]})),
        (
            Number,
            json!({"phoneNumber": NUMBER, "apiKeySecretRef": query}),
        ),
    ]
}

/// The CRDs without any rule, as if they were of a version before all of them.
async fn apply_crds_without_rules(fx: &Fixture) {
    fx.plane.apply_crds().await.expect("the CRDs are installed");
    let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    let api: Api<DynamicObject> = Api::all_with(fx.client.clone(), &ApiResource::from_gvk(&kind));
    for kind in [Room, Number] {
        let name = format!("{}.{GROUP}", kind.plural());
        let mut crd = api.get(&name).await.expect("is installed").data;
        without_rules(&mut crd);
        let patch = Patch::Merge(json!({"spec": {"versions": crd["spec"]["versions"]}}));
        let patched = api.patch(&name, &PatchParams::default(), &patch).await;
        patched.expect("the rules can be taken out");
    }
}

fn without_rules(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("x-kubernetes-validations");
            map.values_mut().for_each(without_rules);
        }
        Value::Array(list) => list.iter_mut().for_each(without_rules),
        _ => {}
    }
}

/// Creates an object, or only asks what the API server says to it; gives the refusal.
async fn create(
    fx: &Fixture,
    kind: Kind,
    name: &str,
    spec: &Value,
    dry_run: bool,
) -> Option<String> {
    let resource = kind.resource();
    let api: Api<DynamicObject> = Api::namespaced_with(fx.client.clone(), &fx.namespace, &resource);
    let object = serde_json::from_value(kind.manifest(name, spec)).expect("is an object");
    let params = PostParams {
        dry_run,
        ..PostParams::default()
    };
    match api.create(&params, &object).await {
        Ok(_) => None,
        Err(kube::Error::Api(refusal)) => Some(refusal.message),
        Err(error) => panic!("the API server cannot be asked: {error}"),
    }
}

/// Each gets the sentence that the API server answers now, sends nothing by a name that is none, and
/// can be deleted.
async fn specs_before_a_rule(fx: &mut Fixture) {
    apply_crds_without_rules(fx).await;
    let specs = refused_now();
    for (nth, (kind, spec)) in specs.iter().enumerate() {
        let name = format!("old-{nth}");
        // The API server takes a moment to forget the rules.
        until(&format!("{spec} is stored"), LATER, async || {
            let refusal = create(fx, *kind, &name, spec, false).await;
            refusal.map_or(Ok(()), Err)
        })
        .await;
    }
    fx.plane.apply_crds().await.expect("the CRDs are installed");
    let mut sentences = Vec::new();
    for (kind, spec) in &specs {
        let what = format!("{spec} is refused");
        let refusal = until(&what, LATER, async || {
            let refusal = create(fx, *kind, "new", spec, true).await;
            refusal.ok_or("it is admitted".to_owned())
        });
        sentences.push(refusal.await);
    }
    fx.start_operator(&[]).await;
    for (nth, (kind, spec)) in specs.iter().enumerate() {
        let name = format!("old-{nth}");
        let stalled = ("Stalled", "True", "InvalidSpec");
        let object = fx.condition(*kind, &name, stalled).await;
        let message = object.condition("Stalled").expect("is there").message;
        let same = sentences[nth].ends_with(&message);
        assert!(same, "{spec}: {message:?} is not in {:?}", sentences[nth]);
    }
    fx.journal()
        .await
        .expect_no_write("no spec can be acted on");
    fx.room("neighbour", json!({"ttl": "1h"})).await;
    fx.ready(Room, "neighbour").await;
    for (nth, (kind, _)) in specs.iter().enumerate() {
        let name = format!("old-{nth}");
        fx.delete(*kind, &name).await;
        fx.gone(*kind, &name).await;
    }
    let encoded = serde_json::to_value(ByteString(KEY.as_bytes().to_vec()));
    let encoded = encoded.expect("is base64");
    let log = fx.logs();
    assert!(!log.contains(encoded.as_str().expect("is text")), "{log}");
    let reads = fx.plane.requests(&fx.namespace);
    let lists = reads
        .iter()
        .filter(|it| it.verb == "list" && it.resource == "secrets");
    assert_eq!(lists.count(), 1, "only the watch of metadata lists Secrets");
}
