//! Flux and Helm 4 wait by kstatus: what they make of both kinds in each state.

use std::process::Stdio;
use std::sync::Arc;

use kube::Api;
use kube::api::DynamicObject;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use testbed::{Tool, tools};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::fixture::{DEFAULT_KEY_SECRET, FOREIGN_NUMBER, Fixture, NUMBER, Setup, WRONG_KEY};
use crate::objects::Kind::{self, Number, Room};
use crate::stage::Stage;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let setup = || Setup::new().without_operator();
    vec![stage.trial("kstatus::each_state", setup(), each_state)]
}

async fn each_state(fx: &mut Fixture) {
    let unseen = "latest observed generation is -1";
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.number("main-line", NUMBER).await;
    is(fx, Room, "standup", "InProgress", unseen).await;
    is(fx, Number, "main-line", "InProgress", unseen).await;

    fx.start_operator(&[]).await;
    fx.ready(Room, "standup").await;
    fx.ready(Number, "main-line").await;
    is(fx, Room, "standup", "Current", "").await;
    is(fx, Number, "main-line", "Current", "").await;

    fx.number("foreign-line", FOREIGN_NUMBER).await;
    let stalled = ("Stalled", "True", "NumberNotPurchased");
    fx.condition(Number, "foreign-line", stalled).await;
    is(fx, Number, "foreign-line", "Failed", "has not purchased").await;
    let named =
        json!({"ttl": "1h", "dialin": {"roomNumbers": [{"numberRef": {"name": "foreign-line"}}]}});
    fx.room("waiting", named).await;
    let waiting = ("Reconciling", "True", "NumberNotReady");
    fx.condition(Room, "waiting", waiting).await;
    is(fx, Room, "waiting", "InProgress", "foreign-line").await;

    // Callers are served, and a user has to act.
    fx.write_key(DEFAULT_KEY_SECRET, WRONG_KEY).await;
    let stalled = ("Stalled", "True", "Unauthorized");
    let served = fx.condition(Room, "standup", stalled).await;
    assert!(served.is_ready());
    is(fx, Room, "standup", "Failed", "API key").await;
    fx.write_key(DEFAULT_KEY_SECRET, crate::fixture::KEY).await;

    fx.room("short", json!({"ttl": "10s"})).await;
    fx.condition(Room, "short", ("Expired", "True", "Expired"))
        .await;
    is(fx, Room, "short", "Current", "").await;

    fx.ready(Room, "standup").await;
    fx.merge(Room, "standup", json!({"spec": {"suspend": true}}))
        .await;
    let suspended = ("Suspended", "True", "Suspended");
    fx.condition(Room, "standup", suspended).await;
    is(fx, Room, "standup", "Current", "").await;
    fx.merge(Room, "waiting", json!({"spec": {"suspend": true}}))
        .await;
    fx.condition(Room, "waiting", suspended).await;
    is(fx, Room, "waiting", "InProgress", "foreign-line").await;

    fx.operator().terminate().await;
    fx.merge(Room, "standup", json!({"spec": {"privacy": "Private"}}))
        .await;
    is(fx, Room, "standup", "InProgress", "generation is 3").await;
    fx.delete(Room, "standup").await;
    is(fx, Room, "standup", "Terminating", "").await;
    fx.start_operator(&[]).await;
    fx.gone(Room, "standup").await;
}

/// That kstatus says this of the object, with a message that contains this.
async fn is(fx: &Fixture, kind: Kind, name: &str, status: &str, message: &str) {
    let api: Api<DynamicObject> =
        Api::namespaced_with(fx.client.clone(), &fx.namespace, &kind.resource());
    let object = api.get(name).await.expect("the object exists");
    let object = serde_json::to_value(object).expect("is JSON");
    let said = kstatus(&json!([object])).await;
    let (seen, why) = said.split_once('|').expect("STATUS|MESSAGE");
    assert_eq!(seen, status, "{name}: {said}");
    assert!(why.contains(message), "{name}: {said}");
}

async fn kstatus(objects: &Value) -> String {
    let program = tools::path(Tool::Kstatus).await.expect("kstatus is built");
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("kstatus runs");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let written = stdin.write_all(objects.to_string().as_bytes()).await;
    written.expect("kstatus reads");
    drop(stdin);
    let ran = child.wait_with_output().await.expect("kstatus ends");
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8_lossy(&ran.stdout).trim_end().to_owned()
}
