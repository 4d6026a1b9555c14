//! What a process checks before it is ready and before it takes the Lease: a new pod that could not
//! lead never replaces one that does.

use std::process::ExitStatus;
use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{Fixture, Setup};
use crate::objects::Kind::Room;
use crate::probes::NOTHING_YET;
use crate::rights;
use crate::stage::Stage;

/// What a usage error ends with.
const USAGE: i32 = 2;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let alone = || Setup::new().without_operator();
    vec![
        stage.trial("preflight::ca_file", Setup::new(), ca_file),
        stage.trial("preflight::cluster_id", alone(), cluster_id),
        stage.trial(
            "preflight::custom_resource_definitions",
            alone().own_plane(),
            custom_resource_definitions,
        ),
        stage.trial("preflight::proxies", alone(), proxies),
    ]
}

fn var(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// A CA file that cannot be used ends the process at once, beside a leader too, and says which file
/// and why.
async fn ca_file(fx: &mut Fixture) {
    fx.operators[0].leads_is(true).await;
    let leader = fx.leader().await;
    assert!(leader.is_some(), "the first operator leads");
    let folder = tempfile::tempdir().expect("there is a folder");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate\n").expect("it can be written");
    let empty = empty.display().to_string();
    for (file, why) in [
        ("/no/such/ca.pem", "No such file or directory"),
        (empty.as_str(), "certificate"),
    ] {
        fx.launch_operator(&[var("DAILY_OPERATOR_DAILY_CA_FILE", file)]);
        let operator = fx.operator();
        let status = operator.ended("the operator ends by itself").await;
        assert_eq!(status.code(), Some(USAGE), "{status}");
        let line = operator.says("The operator ends").await;
        let said = line["error"].as_str().unwrap_or_default();
        assert!(said.contains(file) && said.contains(why), "{said}");
        assert!(
            said.contains("must be a file with CA certificates in PEM"),
            "{said}"
        );
        let served = operator.said("Serving probes and metrics");
        assert!(served.is_empty(), "it was never ready");
    }
    assert_eq!(fx.leader().await, leader, "the Lease stays where it was");
}

/// The id of the cluster is known before the Lease is taken; the right to read it heals it without
/// a restart.
async fn cluster_id(fx: &mut Fixture) {
    fx.take_rights_in("kube-system").await;
    let place = ("kube-system", "kube-system");
    rights::are_taken(fx, "get", "namespaces", place).await;
    fx.launch_operator(&[]);
    let operator = fx.operators.last().expect("it was started");
    let waiting = "waiting for the ID of the cluster\nwaiting for the Lease\n";
    operator.readyz(503, waiting).await;
    let line = operator.says("Waiting for the API server").await;
    assert_eq!(line["level"], "WARN");
    let said = line["message"].as_str().unwrap_or_default();
    for part in ["get the Namespace kube-system", "--cluster-id"] {
        assert!(said.contains(part), "{said}");
    }
    let error = line["error"].as_str().unwrap_or_default();
    assert!(error.contains("denied"), "{error}");
    assert_eq!(fx.leader().await, None, "it does not take the Lease");
    fx.grant_rights().await;
    fx.operator().readyz(200, "ok\n").await;
    assert!(fx.operator().leads().await);
}

/// Without the CRDs the operator says how to install them, ends well when it is asked to, and works
/// by itself once they are there.
async fn custom_resource_definitions(fx: &mut Fixture) {
    for ends in [true, false] {
        fx.launch_operator(&[]);
        let operator = fx.operator();
        // The id of the cluster does not wait for the CRDs.
        let waiting = "waiting for the CustomResourceDefinitions\nwaiting for the Lease\n";
        operator.readyz(503, waiting).await;
        operator.is_healthy().await;
        assert!(!operator.leads().await);
        let line = operator.says("Waiting for the API server").await;
        let said = line["message"].as_str().unwrap_or_default();
        for part in [
            "the CustomResourceDefinitions are not installed",
            "helm upgrade --install",
            "crds.enabled=true",
            "daily-operator crd | kubectl apply --server-side -f -",
            "--take-ownership (Helm 3.17 and later)",
            "crds.enabled=false",
        ] {
            assert!(said.contains(part), "{said}");
        }
        if ends {
            ends_well(operator.terminate().await);
        }
    }
    fx.plane.apply_crds().await.expect("they can be installed");
    fx.operator().readyz(200, "ok\n").await;
    let said = fx.operator().said("Waiting for the API server");
    assert_eq!(said.len(), 1, "one line for one cause: {said:#?}");
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
}

fn ends_well(status: ExitStatus) {
    assert!(status.success(), "{status}");
}

/// A proxy in the environment is never used for the API server, whether NO_PROXY names it or not;
/// and without an API server SIGTERM ends the process well.
async fn proxies(fx: &mut Fixture) {
    let nowhere = "http://127.0.0.1:1";
    let table = [
        vec![var("HTTPS_PROXY", nowhere)],
        vec![var("HTTPS_PROXY", nowhere), var("NO_PROXY", "127.0.0.1")],
        vec![
            var("https_proxy", nowhere),
            var("no_proxy", "other.example"),
        ],
        vec![var("HTTP_PROXY", nowhere), var("ALL_PROXY", nowhere)],
    ];
    for env in table {
        fx.start_operator(&env).await;
        ends_well(fx.operator().terminate().await);
    }
    let (_link, kubeconfig) = fx.link().await;
    fx.launch_operator(&[kubeconfig, var("HTTPS_PROXY", nowhere)]);
    fx.operator().readyz(503, NOTHING_YET).await;
    ends_well(fx.operator().terminate().await);
}
