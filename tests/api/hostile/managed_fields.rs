//! Managed fields that are nested more deeply than `serde_json` parses.

use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::core::Request;
use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::objects::Kind::Room;

/// The API server stores any.
const LEVELS: usize = 200;

fn nested() -> Value {
    let fields = (0..LEVELS).fold(json!({}), |inner, _| json!({"f:a": inner}));
    json!([{"manager": "tenant", "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1", "fieldsV1": fields}])
}

/// A Secret and a namespace of a tenant, which each start of the operator lists.
pub async fn harm_nobody(fx: &mut Fixture) {
    let tenant = fx.neighbour();
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "nested",
        "labels": {"daily-operator.io/dailyroom": "x"}, "managedFields": nested()}});
    let secrets = Request::new(format!("/api/v1/namespaces/{tenant}/secrets"));
    let create = secrets.create(&PostParams::default(), secret.to_string().into_bytes());
    let namespace = Patch::Merge(json!({"metadata": {"managedFields": nested()}}));
    let namespaces = Request::new("/api/v1/namespaces");
    let patch = namespaces.patch(&tenant, &PatchParams::default(), &namespace);
    for request in [create, patch] {
        let request = request.expect("is a request");
        let stored = fx.client.request_text(request).await;
        let stored = stored.expect("the API server admits it");
        assert!(stored.matches("f:a").count() >= LEVELS, "{stored}");
    }

    assert!(fx.operator().terminate().await.success());
    fx.start_operator(&[]).await;
    fx.delete_secret("standup-dialin").await;
    fx.room("retro", json!({"ttl": "1h"})).await;
    fx.ready(Room, "retro").await;
    let after = fx.ready(Room, "standup").await;
    assert_eq!(after.pin(), before.pin());
    fx.delete(Room, "retro").await;
    fx.gone(Room, "retro").await;
    // What looks for harm afterwards reads Secrets whole.
    let secrets = Request::new(format!("/api/v1/namespaces/{tenant}/secrets"));
    let delete = secrets.delete("nested", &DeleteParams::default());
    let deleted = fx.client.request_text(delete.expect("is a request")).await;
    deleted.expect("it is there");
}
