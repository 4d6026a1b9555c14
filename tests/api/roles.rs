//! What the chart's ClusterRoles give to users and to Service Binding.

use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, RELEASE, Setup};
use crate::rights::{self, account, may};
use crate::stage::Stage;

const ROOMS: &str = "daily-operator.io/dailyrooms";
const NUMBERS: &str = "daily-operator.io/pindialinnumbers";
const STATUS: [&str; 2] = [
    "daily-operator.io/dailyrooms/status",
    "daily-operator.io/pindialinnumbers/status",
];

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let plain = || Setup::new().without_operator();
    vec![
        stage.trial("roles::users_of_a_namespace", plain(), users_of_a_namespace),
        stage.trial("roles::service_binding", plain(), service_binding),
    ]
}

/// Installs the rights of a release for all namespaces; cluster-scoped names are the scenario's own.
async fn install(fx: &Fixture, rbac: Value) {
    let values =
        json!({"fullnameOverride": fx.namespace, "rbac": rbac, "crds": {"enabled": false}});
    let release = fx.plane.render(RELEASE, &fx.namespace, &values).await;
    let release = release.expect("is rendered");
    fx.plane.apply_rights(&release).await.expect("is applied");
}

/// Binds a ClusterRole in the scenario's namespace to a ServiceAccount of the same name.
async fn bind(fx: &Fixture, role: &str) -> String {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": role},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": role, "namespace": fx.namespace}],
    });
    let bound = fx.plane.apply_in(&fx.namespace, binding).await;
    bound.expect("the role can be bound");
    account(&fx.namespace, role)
}

/// Whether a user may do this in the scenario's namespace.
async fn here(fx: &Fixture, user: &str, verb: &str, resource: &str) -> bool {
    may(fx, user, verb, resource, (&fx.namespace, "")).await
}

async fn gets(fx: &Fixture, user: &str, verb: &str, resource: &str) {
    rights::gets(fx, user, verb, resource, (&fx.namespace, "")).await;
}

async fn users_of_a_namespace(fx: &mut Fixture) {
    let (view, edit, admin) = (
        bind(fx, "view").await,
        bind(fx, "edit").await,
        bind(fx, "admin").await,
    );
    install(fx, json!({})).await;
    for user in [&edit, &admin] {
        for verb in [
            "create", "update", "patch", "delete", "get", "list", "watch",
        ] {
            for resource in [ROOMS, NUMBERS] {
                gets(fx, user, verb, resource).await;
            }
        }
    }
    // The status of a room shows its PIN, and `view` may not read the Secret either.
    for verb in ["get", "list", "watch"] {
        assert!(!here(fx, &view, verb, ROOMS).await, "view may {verb}");
        assert!(!here(fx, &view, verb, "secrets").await, "view may {verb}");
    }
    install(fx, json!({"aggregateToView": true})).await;
    gets(fx, &view, "get", ROOMS).await;
    for verb in ["create", "update", "patch", "delete"] {
        assert!(!here(fx, &view, verb, ROOMS).await, "view may {verb}");
    }
    for user in [&view, &edit, &admin] {
        for verb in ["update", "patch"] {
            for resource in STATUS {
                assert!(
                    !here(fx, user, verb, resource).await,
                    "{user} may {verb} {resource}"
                );
            }
        }
    }
    let elsewhere = may(fx, &admin, "get", ROOMS, ("default", "")).await;
    assert!(!elsewhere, "the binding is for one namespace");
}

/// As an implementation of Service Binding gets its rights.
async fn service_binding(fx: &mut Fixture) {
    let name = format!("{}-binder", fx.namespace);
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "aggregationRule": {
            "clusterRoleSelectors": [{"matchLabels": {"servicebinding.io/controller": "true"}}],
        },
    });
    fx.plane.apply_cluster(role).await.expect("is accepted");
    let user = bind(fx, &name).await;
    install(fx, json!({})).await;
    for verb in ["get", "list", "watch"] {
        gets(fx, &user, verb, ROOMS).await;
    }
    for (verb, resource) in [("patch", ROOMS), ("get", NUMBERS), ("get", "secrets")] {
        assert!(
            !here(fx, &user, verb, resource).await,
            "it may {verb} {resource}"
        );
    }
}
