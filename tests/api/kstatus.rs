//! Flux and Helm 4 wait by kstatus, people with `kubectl wait`: what they make of both kinds in each state.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use daily_sim::{FaultKind, FaultSpec};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use testbed::{Tool, tools};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::fixture::{
    DEFAULT_KEY_SECRET, FOREIGN_NUMBER, Fixture, KEY, NUMBER, SECOND_NUMBER, Setup, WRONG_KEY,
};
use crate::objects::Kind::{self, Number, Room};
use crate::objects::Object;
use crate::stage::Stage;
use crate::wait::LATER;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let setup = || Setup::new().without_operator();
    vec![stage.trial("kstatus::each_state", setup(), each_state)]
}

/// In the order of the states in docs/conditions.md, for both kinds where both can be in it.
async fn each_state(fx: &mut Fixture) {
    not_seen_yet(fx).await;
    served(fx).await;
    waiting_and_retrying(fx).await;
    a_user_has_to_act(fx).await;
    ended_and_suspended(fx).await;
    deleted(fx).await;
}

async fn not_seen_yet(fx: &mut Fixture) {
    let unseen = "latest observed generation is -1";
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.number("main-line", NUMBER).await;
    for (kind, name) in [(Room, "standup"), (Number, "main-line")] {
        is(fx, kind, name, "InProgress", unseen).await;
        kubectl_waits(fx, kind, name, "Ready").await;
    }
}

async fn served(fx: &mut Fixture) {
    fx.start_operator(&[]).await;
    for (kind, name) in [(Number, "main-line"), (Room, "standup")] {
        fx.ready(kind, name).await;
        is(fx, kind, name, "Current", "").await;
        kubectl_returns(fx, kind, name, "Ready").await;
    }
}

async fn waiting_and_retrying(fx: &mut Fixture) {
    let named =
        json!({"ttl": "1h", "dialin": {"roomNumbers": [{"numberRef": {"name": "second-line"}}]}});
    fx.room("waiting", named).await;
    let waiting = ("Reconciling", "True", "NumberNotFound");
    fx.condition(Room, "waiting", waiting).await;
    is(fx, Room, "waiting", "InProgress", "second-line").await;
    kubectl_waits(fx, Room, "waiting", "Ready").await;

    // Daily is down: for what was never Ready, and for what is.
    daily_is_down_for(fx, "/rooms").await;
    daily_is_down_for(fx, "/rooms/*").await;
    daily_is_down_for(fx, "/domain-dialin-config").await;
    fx.number("second-line", SECOND_NUMBER).await;
    fx.room("new", json!({"ttl": "1h"})).await;
    let private = json!({"spec": {"privacy": "Private"}});
    fx.merge(Room, "standup", private).await;
    let retries = ("Reconciling", "True", "DailyUnavailable");
    for (kind, name, ready) in [
        (Number, "second-line", ("Unknown", "DailyUnavailable")),
        (Room, "new", ("Unknown", "DailyUnavailable")),
        (Room, "standup", ("True", "Available")),
    ] {
        let shown = fx.condition(kind, name, retries).await;
        assert!(shown.has("Ready", ready.0, ready.1), "{:#}", shown.0);
        is(fx, kind, name, "InProgress", "Daily").await;
        // Also of the room that is Ready, because it is not yet Ready as it is wanted.
        kubectl_waits(fx, kind, name, "Ready").await;
    }
    let waiting = ("Reconciling", "True", "NumberNotReady");
    fx.condition(Room, "waiting", waiting).await;
    is(fx, Room, "waiting", "InProgress", "second-line").await;
    kubectl_waits(fx, Room, "waiting", "Ready").await;
    fx.sim.clear_faults().await.expect("the faults are cleared");
    for (kind, name) in [(Number, "second-line"), (Room, "new"), (Room, "standup")] {
        fx.force_pass(kind, name, "now").await;
        fx.ready(kind, name).await;
        is(fx, kind, name, "Current", "").await;
    }
    // The deletion of the number waits for it later.
    fx.ready(Room, "waiting").await;
}

async fn daily_is_down_for(fx: &Fixture, path: &str) {
    let down = FaultKind::Status {
        status: 503,
        body: None,
        headers: Default::default(),
    };
    let fault = FaultSpec::next("POST", path, down).times(0);
    fx.sim.fault(&fault).await.expect("the fault is installed");
}

async fn a_user_has_to_act(fx: &mut Fixture) {
    fx.number("foreign-line", FOREIGN_NUMBER).await;
    let named = json!({"ttl": "1h", "dialin": {"roomNumbers": [{"phoneNumber": FOREIGN_NUMBER}]}});
    fx.room("refused", named).await;
    let stalled = ("Stalled", "True", "NumberNotPurchased");
    for (kind, name) in [(Number, "foreign-line"), (Room, "refused")] {
        let shown = fx.condition(kind, name, stalled).await;
        assert!(shown.has("Ready", "False", "NumberNotPurchased"));
        is(fx, kind, name, "Failed", "has not purchased").await;
        kubectl_waits(fx, kind, name, "Ready").await;
    }
    // Callers are served: kstatus says Failed, and kubectl that it is Ready.
    fx.write_key(DEFAULT_KEY_SECRET, WRONG_KEY).await;
    for (kind, name) in [(Room, "standup"), (Number, "main-line")] {
        let stalled = ("Stalled", "True", "Unauthorized");
        let served = fx.condition(kind, name, stalled).await;
        assert!(served.is_ready());
        is(fx, kind, name, "Failed", "API key").await;
        kubectl_returns(fx, kind, name, "Ready").await;
        kubectl_returns(fx, kind, name, "Stalled").await;
    }
    fx.write_key(DEFAULT_KEY_SECRET, KEY).await;
}

async fn ended_and_suspended(fx: &mut Fixture) {
    fx.room("short", json!({"ttl": "10s"})).await;
    let expired = |room: &Object| room.has("Expired", "True", "Expired");
    fx.until(Room, "short", "expires", LATER, expired).await;
    is(fx, Room, "short", "Current", "").await;
    kubectl_waits(fx, Room, "short", "Ready").await;
    kubectl_returns(fx, Room, "short", "Expired").await;

    let suspend = json!({"spec": {"suspend": true}});
    let suspended = ("Suspended", "True", "Suspended");
    for (kind, name) in [(Room, "standup"), (Number, "main-line")] {
        fx.ready(kind, name).await;
        fx.merge(kind, name, suspend.clone()).await;
        fx.condition(kind, name, suspended).await;
        is(fx, kind, name, "Current", "").await;
        kubectl_returns(fx, kind, name, "Suspended").await;
    }
    fx.merge(Room, "refused", suspend).await;
    fx.condition(Room, "refused", suspended).await;
    is(fx, Room, "refused", "InProgress", "has not purchased").await;
    kubectl_waits(fx, Room, "refused", "Ready").await;
}

async fn deleted(fx: &mut Fixture) {
    let room = fx.ready(Room, "new").await;
    let joined = fx.sim.join(room.room_name(), "host").await;
    joined.expect("the host can join");
    let shown = Duration::from_secs(60);
    fx.sim.advance(shown).await.expect("the clock moves");
    fx.delete(Room, "new").await;
    fx.delete(Number, "second-line").await;
    let deferred = ("Reconciling", "True", "DeletionDeferred");
    fx.condition(Room, "new", deferred).await;
    fx.condition(Number, "second-line", deferred).await;
    for (kind, name) in [(Room, "new"), (Number, "second-line")] {
        is(fx, kind, name, "Terminating", "").await;
        let of = format!("{}/{name}", kind.plural());
        let wait = [
            "wait",
            "--for=delete",
            "--timeout=1s",
            &of,
            "-n",
            &fx.namespace,
        ];
        fx.plane
            .kubectl(&wait)
            .await
            .expect_err("it is still there");
    }

    fx.operator().terminate().await;
    fx.merge(Room, "standup", json!({"spec": {"ttl": "2h"}}))
        .await;
    is(fx, Room, "standup", "InProgress", "generation is").await;
    kubectl_waits(fx, Room, "standup", "Suspended").await;
    fx.delete(Room, "standup").await;
    is(fx, Room, "standup", "Terminating", "").await;
    fx.start_operator(&[]).await;
    fx.gone(Room, "standup").await;
    let now = json!({"spec": {"deletionPolicy": "Delete"}});
    fx.merge(Room, "new", now).await;
    fx.gone(Room, "new").await;
}

/// That kstatus says this of the object, with a message that contains this.
async fn is(fx: &Fixture, kind: Kind, name: &str, status: &str, message: &str) {
    let object = fx.get(kind, name).await;
    let said = kstatus(&json!([object.0])).await;
    let (seen, why) = said.split_once('|').expect("STATUS|MESSAGE");
    assert_eq!(seen, status, "{name}: {said}");
    assert!(why.contains(message), "{name}: {said}");
}

/// That `kubectl wait` returns at once.
async fn kubectl_returns(fx: &Fixture, kind: Kind, name: &str, condition: &str) {
    let returned = kubectl_wait(fx, kind, name, condition).await;
    returned.unwrap_or_else(|why| panic!("{name} is not {condition}: {why}"));
}

/// That `kubectl wait` does not return now.
async fn kubectl_waits(fx: &Fixture, kind: Kind, name: &str, condition: &str) {
    let returned = kubectl_wait(fx, kind, name, condition).await;
    let why = returned.expect_err("the condition is not met");
    assert!(why.contains("condition not met"), "{name}: {why}");
}

async fn kubectl_wait(fx: &Fixture, kind: Kind, name: &str, condition: &str) -> Result<(), String> {
    let (of, met) = (
        format!("{}/{name}", kind.plural()),
        format!("--for=condition={condition}"),
    );
    let args = ["wait", &met, "--timeout=0", &of, "-n", &fx.namespace];
    fx.plane.kubectl(&args).await.map(drop)
}

/// What kstatus makes of each object: a line `STATUS|MESSAGE`.
pub async fn kstatus(objects: &Value) -> String {
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
