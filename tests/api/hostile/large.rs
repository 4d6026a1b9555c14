//! Objects as large as the API server admits.

use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use serde_json::{Map, Value, json};

use crate::fixture::Fixture;
use crate::objects::Kind::Room;

/// How many objects are large, for each part of the metadata that a tenant writes.
const COUNT: usize = 30;
/// How many objects have a room. Daily deletes two rooms a second.
const ROOMS: usize = 40;
/// The API server admits annotations of 256 KiB in all.
const ANNOTATION: usize = 250 * 1024;

/// They take no memory, neither when they are created nor when a restart lists them.
pub async fn objects(fx: &mut Fixture) {
    let home = fx.go_to(fx.neighbour());
    let spec = json!({"expirationTime": "2020-01-01T00:00:00Z"});
    for (part, metadata) in parts() {
        for nth in 0..COUNT {
            let mut manifest = Room.manifest(&format!("{part}-{nth}"), &spec);
            manifest["metadata"][part] = metadata.clone();
            fx.create(Room, &manifest).await;
        }
    }
    for nth in 0..COUNT {
        let secret = secret(nth);
        let created = fx.secrets().create(&PostParams::default(), &secret).await;
        created.expect("the API server admits the Secret");
    }
    fx.go_to(home);
    served_across_a_restart(fx).await;
}

/// Rooms are served in little memory, before and after a restart lists what is there.
pub(super) async fn served_across_a_restart(fx: &mut Fixture) {
    // A room of a derived name is created only after all objects were listed.
    fx.room("first", json!({"ttl": "8h"})).await;
    fx.ready(Room, "first").await;
    fx.operator().keeps_the_memory_limit();
    fx.operator().terminate().await;
    fx.start_operator(&[]).await;
    fx.room("second", json!({"ttl": "8h"})).await;
    fx.ready(Room, "second").await;
    fx.operator().keeps_the_memory_limit();
}

/// Neither do those that have a room, and are deleted at once.
pub async fn rooms(fx: &mut Fixture) {
    let annotations = json!({"example.com/filler": "x".repeat(ANNOTATION)});
    let names: Vec<_> = (0..ROOMS).map(|nth| format!("large-{nth}")).collect();
    for name in &names {
        let mut manifest = Room.manifest(name, &json!({"ttl": "8h"}));
        manifest["metadata"]["annotations"] = annotations.clone();
        fx.create(Room, &manifest).await;
    }
    for name in &names {
        fx.ready(Room, name).await;
    }
    for name in &names {
        fx.delete(Room, name).await;
    }
    for name in &names {
        fx.gone(Room, name).await;
    }
    fx.operator().keeps_the_memory_limit();
}

fn parts() -> [(&'static str, Value); 3] {
    let text = "x".repeat(ANNOTATION);
    let label = |nth| {
        (
            format!("example.com/{nth:05}{}", "l".repeat(55)),
            json!("v"),
        )
    };
    let labels: Map<String, Value> = (0..4500).map(label).collect();
    let finalizer = |nth| format!("example.com/{nth:05}{}", "f".repeat(50));
    let finalizers: Vec<String> = (0..5000).map(finalizer).collect();
    [
        (
            "annotations",
            json!({"daily-operator.io/reconcile-requested-at": text}),
        ),
        ("labels", labels.into()),
        ("finalizers", json!(finalizers)),
    ]
}

/// A Secret with the operator's label and annotation.
fn secret(nth: usize) -> Secret {
    let owner = |nth| {
        let name = format!("{nth:05}{}", "o".repeat(60));
        json!({"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": format!("{nth:036}")})
    };
    let owners: Vec<Value> = (0..2500).map(owner).collect();
    let secret = json!({"metadata": {
        "name": format!("large-{nth}"),
        "labels": {"daily-operator.io/dailyroom": "x"},
        "annotations": {"daily-operator.io/dailyroom": "x".repeat(ANNOTATION)},
        "ownerReferences": owners,
    }});
    serde_json::from_value(secret).expect("is a Secret")
}
