//! The operator uses every right that the chart gives it.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use kube::Api;
use kube::api::ListParams;
use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{Fixture, NUMBER, RELEASE, Setup};
use crate::objects::Kind::{Number, Room};
use crate::objects::Object;
use crate::stage::Stage;
use crate::wait::{LATER, SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    vec![stage.trial(
        "least::no_right_is_unused",
        Setup::new(),
        no_right_is_unused,
    )]
}

/// The rules of the chart's ClusterRole, and of its Roles in the namespace.
async fn rules(fx: &Fixture) -> Vec<PolicyRule> {
    let roles: Api<Role> = Api::namespaced(fx.client.clone(), &fx.namespace);
    let roles = roles
        .list(&ListParams::default())
        .await
        .expect("are listed");
    let rules = roles.items.into_iter().filter_map(|role| role.rules);
    let mut rules: Vec<_> = rules.flatten().collect();
    let cluster: Api<ClusterRole> = Api::all(fx.client.clone());
    let cluster = cluster.get(&format!("{RELEASE}-{}", fx.namespace)).await;
    rules.extend(cluster.expect("is there").rules.unwrap_or_default());
    rules
}

/// What the rules grant, as `verb resource`.
async fn granted(fx: &Fixture) -> BTreeSet<String> {
    let mut granted = BTreeSet::new();
    for rule in rules(fx).await {
        for resource in rule.resources.unwrap_or_default() {
            for verb in &rule.verbs {
                granted.insert(format!("{verb} {resource}"));
            }
        }
    }
    granted
}

/// What the operator has asked for so far.
fn used(fx: &Fixture) -> BTreeSet<String> {
    let requests = fx.plane.requests(&fx.namespace);
    let used = requests.iter().map(|it| match it.subresource.as_str() {
        "" => format!("{} {}", it.verb, it.resource),
        subresource => format!("{} {}/{subresource}", it.verb, it.resource),
    });
    used.collect()
}

/// A life of a number and a room in which everything happens that the operator does.
async fn no_right_is_unused(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let drift = json!({"stringData": {"dialin-code": "wrong"}});
    fx.patch_secret("standup-dialin", &drift).await;
    fx.event("standup", "Warning", "SecretRepaired").await;
    // The same event once more is a patch of the first.
    fx.delete_secret("standup-dialin").await;
    until("the Secret is back", SOON, async || {
        let found = fx.find_secret("standup-dialin").await;
        found.map(drop).ok_or("it is not there")
    })
    .await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    fx.room("quick", json!({"ttl": "10s"})).await;
    let past = json!({"expirationTime": "2026-01-01T00:00:00Z", "ttlAfterExpired": "1m"});
    fx.room("past", past).await;
    fx.gone(Room, "past").await;
    let expired = |room: &Object| room.has("Expired", "True", "Expired");
    fx.until(Room, "quick", "expires", LATER, expired).await;

    // A watch is in the audit log when it has ended.
    let ended = fx.operator().terminate().await;
    assert!(ended.success(), "{ended}");
    let granted = granted(fx).await;
    assert!(granted.len() > 15, "the rights are found: {granted:?}");
    until("every right is used", SOON, async || {
        let unused: Vec<_> = granted.difference(&used(fx)).cloned().collect();
        match unused.is_empty() {
            true => Ok(()),
            false => Err(format!("{unused:?}")),
        }
    })
    .await;
}
