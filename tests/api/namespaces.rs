//! Namespaces of `watchNamespaces` that go, are not there, or come back: each is served for itself.

use std::sync::Arc;

use daily_sim::{FaultKind, FaultSpec};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::Role;
use kube::Api;
use kube::api::{DeleteParams, ListParams, ObjectMeta, PostParams};
use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{Fixture, NUMBER, Setup};
use crate::objects::Kind::{Number, Room};
use crate::stage::Stage;
use crate::wait::{LATER, until};

/// The call of Daily that is under way while the rights in the namespace go.
const HELD: &str = "delete";

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let both = || Setup::new().neighbour();
    vec![
        stage.trial("namespaces::deleted", both(), deleted),
        stage.trial(
            "namespaces::gone_at_the_start",
            both().without_operator(),
            gone_at_the_start,
        ),
    ]
}

impl Fixture {
    fn all_namespaces(&self) -> Api<Namespace> {
        Api::all(self.client.clone())
    }

    pub async fn delete_namespace(&self, name: &str) {
        let deleted = self
            .all_namespaces()
            .delete(name, &DeleteParams::default())
            .await;
        deleted.expect("the namespace can be deleted");
    }

    /// Waits until the operator has lost its rights in a namespace that is being deleted.
    pub async fn role_goes(&self, namespace: &str) {
        until("the Role goes", LATER, async || {
            let roles: Api<Role> = Api::namespaced(self.client.clone(), namespace);
            let roles = roles
                .list(&ListParams::default())
                .await
                .expect("are listed");
            roles.items.is_empty().then_some(()).ok_or("it is there")
        })
        .await;
    }

    pub async fn namespace_goes(&self, name: &str) {
        until(&format!("the namespace {name} goes"), LATER, async || {
            let found = self.all_namespaces().get_opt(name).await;
            match found.expect("the API server answers") {
                None => Ok(()),
                Some(it) => Err(format!("{:?}", it.status)),
            }
        })
        .await;
    }

    /// Creates the namespace again, with the operator's rights in it.
    async fn namespace_comes_back(&self, name: &str) {
        let namespace = Namespace {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        let created = self
            .all_namespaces()
            .create(&PostParams::default(), &namespace)
            .await;
        created.expect("the namespace can be created");
        self.grant_rights().await;
    }

    /// Waits until the metrics say whether a namespace is skipped.
    async fn skips(&self, namespace: &str, skipped: bool) {
        let name = "daily_operator_namespace_skipped";
        let line = format!("{name}{{namespace=\"{namespace}\"}} {}", u8::from(skipped));
        until(&line, LATER, async || {
            let operator = self.operators.last().expect("an operator runs");
            let metrics = operator.get("/metrics").await.body;
            let found = metrics.lines().any(|it| it == line);
            let seen = || metrics.lines().filter(|it| it.starts_with(name)).collect();
            found.then_some(()).ok_or_else(|| seen_lines(seen()))
        })
        .await;
    }
}

fn seen_lines(lines: Vec<&str>) -> String {
    lines.join("\n")
}

/// The Role in the namespace goes before the DailyRoom does: the finalizer is removed all the same,
/// the other namespace is served all the while, and this one again when it is back.
async fn deleted(fx: &mut Fixture) {
    let neighbour = fx.neighbour();
    fx.room("home", json!({"ttl": "1h"})).await;
    fx.ready(Room, "home").await;
    let home = fx.go_to(neighbour.clone());
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let hold = FaultSpec::next("DELETE", "/rooms/*", FaultKind::Hold(HELD.to_owned()));
    fx.sim.fault(&hold).await.expect("the fault is installed");
    // The log of the audit knows whose deletion was asked for by name.
    fx.delete(Room, "standup").await;
    fx.fault_applies().await;
    fx.delete_namespace(&neighbour).await;
    fx.role_goes(&neighbour).await;
    fx.sim.release(HELD).await.expect("the reply is sent");
    fx.namespace_goes(&neighbour).await;

    fx.skips(&neighbour, true).await;
    let line = fx.operators[0].says("The namespace is not served").await;
    assert_eq!(line["namespace"], neighbour.as_str(), "{line}");
    assert_eq!(line["level"], "WARN", "{line}");
    fx.go_to(home.clone());
    fx.room("home", json!({"ttl": "1h", "privacy": "Private"}))
        .await;
    fx.ready(Room, "home").await;
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
    fx.operator().readyz(200, "ok\n").await;
    fx.operator().is_healthy().await;

    fx.namespace_comes_back(&neighbour).await;
    fx.skips(&neighbour, false).await;
    fx.go_to(neighbour);
    fx.room("retro", json!({"ttl": "1h"})).await;
    fx.ready(Room, "retro").await;
    assert!(fx.find_secret("retro-dialin").await.is_some());
}

/// One that is not there keeps the operator from nothing in the others: chosen names and numbers, which
/// look at all namespaces, included.
async fn gone_at_the_start(fx: &mut Fixture) {
    let neighbour = fx.neighbour();
    fx.delete_namespace(&neighbour).await;
    fx.namespace_goes(&neighbour).await;
    fx.start_operator(&[]).await;
    fx.skips(&neighbour, true).await;
    fx.operator().is_healthy().await;
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    fx.room("standup", json!({"ttl": "1h", "roomName": "board"}))
        .await;
    fx.ready(Room, "standup").await;

    fx.namespace_comes_back(&neighbour).await;
    fx.skips(&neighbour, false).await;
    fx.go_to(neighbour);
    fx.room("retro", json!({"ttl": "1h"})).await;
    fx.ready(Room, "retro").await;
}
