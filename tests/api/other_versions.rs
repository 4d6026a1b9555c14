//! A status that the CRDs of today would not admit: it was written under those of another version.

use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{Patch, PatchParams};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NUMBER, Setup};
use crate::objects::Kind::{Number, Room};
use crate::objects::{GROUP, Kind};
use crate::stage::Stage;
use crate::stake::Stake;
use crate::wait::{SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let alone = Setup::new().own_plane().without_operator();
    vec![stage.trial(
        "other_versions::odd_status_loses_nothing",
        alone,
        odd_status,
    )]
}

/// Installs CRDs that admit everything, and starts the operator.
async fn begin(fx: &mut Fixture) {
    fx.plane.apply_crds().await.expect("the CRDs are installed");
    let api: Api<CustomResourceDefinition> = Api::all(fx.client.clone());
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }});
    let patch = json!([{
        "op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": schema,
    }]);
    let patch: Patch<Value> = Patch::Json(serde_json::from_value(patch).expect("is a patch"));
    for kind in [Room, Number] {
        let name = format!("{}.{GROUP}", kind.plural());
        let patched = api.patch(&name, &PatchParams::default(), &patch).await;
        patched.expect("the CRD can be changed");
        // The API server takes a moment to serve it.
        until("it admits everything", SOON, async || {
            let object = fx.try_apply(kind, "odd", &json!({"odd": true})).await;
            match object?.at("/spec/odd").as_bool() {
                Some(true) => Ok(()),
                _ => Err("the field is dropped".to_owned()),
            }
        })
        .await;
        fx.delete(kind, "odd").await;
        fx.gone(kind, "odd").await;
    }
    fx.start_operator(&[]).await;
}

/// Replaces fields of a status that is a later version's, or damaged.
async fn write_status(fx: &Fixture, kind: Kind, name: &str, status: &Value) {
    let patch = Patch::Merge(json!({"status": status}));
    let api = fx.objects(kind);
    let patched = api
        .patch_status(name, &PatchParams::default(), &patch)
        .await;
    patched.expect("the status can be written");
}

async fn odd_status(fx: &mut Fixture) {
    begin(fx).await;
    let odd_room = json!({
        "phoneNumbers": [{"phoneNumber": 7, "source": "TollFree"}], "expirationTime": "soon",
        "conditions": "none", "account": [], "dialinCodeRevision": "first",
    });
    let odd_number = json!({"conditions": [{"type": 7}], "account": "acme", "country": {}});
    fx.number("main-line", NUMBER).await;
    fx.room("standup", json!({"ttl": "2h"})).await;
    fx.room("chosen", json!({"ttl": "2h", "roomName": "board"}))
        .await;
    let objects = [(Number, "main-line"), (Room, "standup"), (Room, "chosen")];
    let mut stakes = Vec::new();
    for (kind, name) in objects {
        stakes.push(Stake::of(fx, kind, name).await);
    }
    let odd = |kind| match kind {
        Room => &odd_room,
        Number => &odd_number,
    };
    // One that is served is served on.
    for ((kind, name), stake) in objects.iter().zip(&stakes) {
        write_status(fx, *kind, name, odd(*kind)).await;
        stake.is_untouched_at_daily(fx).await;
    }
    for stake in &stakes {
        stake.is_untouched(fx).await;
    }
    // One that is deleted goes, and with it what it has at Daily.
    assert!(fx.operator().terminate().await.success());
    for (kind, name) in objects {
        write_status(fx, kind, name, odd(kind)).await;
        fx.delete(kind, name).await;
    }
    fx.start_operator(&[]).await;
    for (kind, name) in objects {
        fx.gone(kind, name).await;
    }
    assert!(fx.rooms_at_daily().await.is_empty());
    assert!(fx.configs_at_daily().await.is_empty());
}
