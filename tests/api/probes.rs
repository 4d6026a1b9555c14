//! What `/healthz`, `/readyz` and `/metrics` answer in each phase of a process, as
//! docs/operations.md has it.

use std::sync::Arc;

use daily_sim::{FaultKind, FaultSpec};
use k8s_openapi::api::rbac::v1::Role;
use kube::Api;
use kube::api::PostParams;
use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{Fixture, RELEASE, Setup};
use crate::objects::Kind::Room;
use crate::rights;
use crate::stage::Stage;
use crate::wait::{SOON, until};

/// `/readyz` of a process that has not reached the API server yet.
pub const NOTHING_YET: &str = "waiting for the CustomResourceDefinitions\n\
                               waiting for the ID of the cluster\n\
                               waiting for the Lease\n";
/// The call of Daily that is under way while the operator drains.
const HELD: &str = "drain";

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let alone = || Setup::new().without_operator();
    vec![
        stage.trial("probes::start", alone(), start),
        stage.trial(
            "probes::standby_that_could_not_lead",
            Setup::new(),
            standby_that_could_not_lead,
        ),
        stage.trial(
            "probes::leader_and_standby",
            Setup::new(),
            leader_and_standby,
        ),
        stage.trial("probes::caches", alone(), caches),
        stage.trial("probes::draining", Setup::new(), draining),
        stage.trial("probes::failed_listings", Setup::new(), failed_listings),
        stage.trial("probes::api_server_gone", alone(), api_server_gone),
    ]
}

/// The API server refuses connections: alive, not ready, and ready by itself once it answers.
async fn start(fx: &mut Fixture) {
    let (mut link, env) = fx.link().await;
    fx.launch_operator(&[env]);
    let operator = fx.operator();
    operator.readyz(503, NOTHING_YET).await;
    operator.is_healthy().await;
    assert!(!operator.leads().await);
    operator.says("Waiting for the API server").await;
    link.mend();
    operator.readyz(200, "ok\n").await;
    assert!(operator.leads().await);
}

async fn leader_and_standby(fx: &mut Fixture) {
    fx.start_operator(&[]).await;
    let [leader, standby] = &fx.operators[..] else {
        panic!("two operators were started");
    };
    for (operator, leads) in [(leader, true), (standby, false)] {
        operator.readyz(200, "ok\n").await;
        operator.is_healthy().await;
        assert_eq!(operator.leads().await, leads);
    }
    fx.operators[0].kill().await;
    fx.operator().leads_is(true).await;
    fx.operator().readyz(200, "ok\n").await;
}

/// A standby whose rights are taken away says so, and is ready again with them.
async fn standby_that_could_not_lead(fx: &mut Fixture) {
    fx.start_operator(&[]).await;
    fx.take_cluster_bindings().await;
    let standby = fx.operator();
    standby
        .readyz(503, "waiting for the CustomResourceDefinitions\n")
        .await;
    standby.is_healthy().await;
    fx.grant_rights().await;
    fx.operator().readyz(200, "ok\n").await;
    assert!(!fx.operator().leads().await);
}

/// A leader is not ready while a cache has not been filled, and names it.
async fn caches(fx: &mut Fixture) {
    fx.forbid("secrets", &["list", "watch"]).await;
    fx.launch_operator(&[]);
    let waiting = format!(
        "waiting for the cache of secrets in namespace {}\n",
        fx.namespace
    );
    let operator = fx.operator();
    operator.leads_is(true).await;
    operator.readyz(503, &waiting).await;
    operator.is_healthy().await;
    fx.grant_rights().await;
    fx.operator().readyz(200, "ok\n").await;
}

/// The metrics count listings that Daily does not answer, and stop when it does.
async fn failed_listings(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let count = async || {
        let metrics = fx.operators[0].get("/metrics").await.body;
        let name = "daily_operator_failed_listings_total ";
        let line = metrics.lines().find_map(|it| it.strip_prefix(name));
        let count = line.and_then(|it| it.parse::<u64>().ok());
        count.expect("it is in the metrics")
    };
    assert_eq!(count().await, 0);
    let broken = FaultKind::Status {
        status: 500,
        body: None,
        headers: Default::default(),
    };
    let fault = FaultSpec::next("GET", "/rooms", broken).times(2);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    until("both are counted", SOON, async || match count().await {
        2 => Ok(()),
        seen => Err(format!("{seen}")),
    })
    .await;
    let mark = fx.mark().await;
    until("a listing succeeds", SOON, async || {
        let done = fx.journal_since(mark).await.done("GET", "/rooms");
        (done > 0).then_some(()).ok_or("not yet")
    })
    .await;
    assert_eq!(count().await, 2);
}

/// After SIGTERM it is not ready, but alive and leading, until the calls that are under way have
/// ended.
async fn draining(fx: &mut Fixture) {
    let hold = FaultSpec::next("POST", "/rooms", FaultKind::Hold(HELD.to_owned()));
    fx.sim.fault(&hold).await.expect("the fault is installed");
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.fault_applies().await;
    fx.operator().ask_to_end();
    let operator = fx.operator();
    operator.readyz(503, "shutting down\n").await;
    operator.is_healthy().await;
    assert!(operator.leads().await);
    fx.sim.release(HELD).await.expect("the reply is sent");
    let status = fx.operator().ended("the drained operator ends").await;
    assert!(status.success(), "{status}");
    assert_eq!(fx.leader().await, None, "the Lease is free");
}

/// The leader stays alive without the API server, says that it does not lead any more, and goes on
/// once the API server is back.
async fn api_server_gone(fx: &mut Fixture) {
    let (mut link, env) = fx.link().await;
    link.mend();
    fx.start_operator(&[env]).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    link.cut().await;
    let operator = fx.operator();
    operator.readyz(503, "waiting for the Lease\n").await;
    operator.is_healthy().await;
    assert!(!operator.leads().await);
    link.mend();
    operator.readyz(200, "ok\n").await;
    assert!(operator.leads().await);
    let began = operator.said("The Lease cannot be renewed");
    assert!(
        (1..=3).contains(&began.len()),
        "one line for each cause: {began:#?}"
    );
    // It is ready a moment before it says so.
    operator.says("The Lease is renewed again").await;
    assert_eq!(operator.said("The Lease is renewed again").len(), 1);
}

impl Fixture {
    /// Takes the operator's right to do this with a resource in its namespace.
    pub async fn forbid(&self, resource: &str, verbs: &[&str]) {
        let roles: Api<Role> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut role = roles.get(RELEASE).await.expect("the Role is there");
        for rule in role.rules.iter_mut().flatten() {
            if rule.resources.iter().flatten().any(|it| it == resource) {
                rule.verbs.retain(|verb| !verbs.contains(&verb.as_str()));
            }
        }
        let replaced = roles.replace(RELEASE, &PostParams::default(), &role).await;
        replaced.expect("the Role can be changed");
        for verb in verbs {
            rights::are_taken(self, verb, resource, (&self.namespace, "")).await;
        }
    }

    /// Waits until the first fault has hit a call.
    pub async fn fault_applies(&self) {
        let sent = async || match self.sim.faults().await.expect("are listed")[0].applied {
            0 => Err("no call came"),
            _ => Ok(()),
        };
        until("the call is under way", SOON, sent).await;
    }
}
