//! Values of `spec.roomProperties`, which the API server stores as they are.

use kube::Error;
use kube::api::{DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::Request;
use serde_json::json;
use serde_json::value::RawValue;

use super::large::served_across_a_restart;
use crate::fixture::Fixture;
use crate::objects::Kind::Room;
use crate::objects::{GROUP, VERSION};
use crate::wait::{SOON, until_true};

/// How many objects are large: more than a page of a list.
const COUNT: usize = 6;
/// As much as etcd stores in an object; in the memory of a parser it is ten times as much.
const LISTS: usize = 430_000;
/// More levels than `serde_json` parses.
const LEVELS: usize = 300;
/// Levels that it parses, and that the operator admits in no value.
const PARSED_LEVELS: usize = 100;

/// Neither a deeply nested value nor large ones harm other objects, also when a restart lists them. An object with
/// such a value says so, and can be deleted.
pub async fn harm_nobody(fx: &mut Fixture) {
    let home = fx.go_to(fx.neighbour());
    let nested = |(open, close): (&str, &str), levels| {
        let value = open.repeat(levels) + "1" + &close.repeat(levels);
        format!(r#"{{"canReceive": {value}}}"#)
    };
    let (list, map) = (("[", "]"), ("{\"a\":", "}"));
    let deep = [
        ("lists", nested(list, LEVELS)),
        ("maps", nested(map, LEVELS)),
        ("parsed", nested(map, PARSED_LEVELS)),
    ];
    for (name, value) in &deep {
        fx.room(name, json!({"ttl": "8h"})).await;
        fx.ready(Room, name).await;
        let patch = format!("{{\"spec\":{{\"roomProperties\":{{\"permissions\":{value}}}}}}}");
        let patch = Patch::Merge(RawValue::from_string(patch).expect("is JSON"));
        let patch = request(fx).patch(name, &PatchParams::default(), &patch);
        sent(fx, patch).await.expect("the API server admits it");
    }
    let value = "[],".repeat(LISTS);
    for nth in 0..COUNT {
        let object = format!(
            r#"{{"apiVersion": "{GROUP}/{VERSION}", "kind": "DailyRoom", "metadata": {{"name": "large-{nth}"}},
            "spec": {{"ttl": "8h", "roomProperties": {{"a": [{value}1]}}}}}}"#
        );
        let create = request(fx).create(&PostParams::default(), object.into_bytes());
        sent(fx, create).await.expect("the API server admits it");
    }
    let tenant = fx.go_to(home.clone());
    served_across_a_restart(fx).await;

    fx.go_to(tenant);
    for (name, _) in &deep {
        let get = || sent(fx, request(fx).get(name, &GetParams::default()));
        let is_invalid = async || get().await.is_ok_and(|it| it.contains("InvalidSpec"));
        until_true("it is InvalidSpec", SOON, is_invalid).await;
        let delete = request(fx).delete(name, &DeleteParams::default());
        sent(fx, delete).await.expect("it is there");
        let is_gone = async || get().await.is_err_and(|it| it.contains("404"));
        until_true("it is gone", SOON, is_gone).await;
    }
    // What looks at all objects after a scenario parses them.
    let all = request(fx).delete_collection(&DeleteParams::default(), &ListParams::default());
    sent(fx, all).await.expect("they are there");
    fx.go_to(home);
}

fn request(fx: &Fixture) -> Request {
    let namespace = &fx.namespace;
    Request::new(format!(
        "/apis/{GROUP}/{VERSION}/namespaces/{namespace}/dailyrooms"
    ))
}

/// The answer as text: `serde_json` would not parse it.
async fn sent<E: std::fmt::Debug>(
    fx: &Fixture,
    request: Result<http::Request<Vec<u8>>, E>,
) -> Result<String, String> {
    let answer = fx.client.request_text(request.expect("is a request")).await;
    answer.map_err(|error| match error {
        Error::Api(status) => format!("{} {}", status.code, status.message),
        error => error.to_string(),
    })
}
