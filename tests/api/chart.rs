//! The chart on a real API server: it is accepted, restricted, and grants what it says.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, RELEASE, Setup};
use crate::rights;
use crate::stage::Stage;
use crate::wait::{SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let plain = || Setup::new().without_operator();
    vec![
        stage.trial("chart::restricted", plain(), restricted),
        stage.trial(
            "chart::rights_in_watched_namespaces",
            plain(),
            rights_in_watched_namespaces,
        ),
        stage.trial("chart::rights_everywhere", plain(), rights_everywhere),
        stage.trial("chart::examples", plain(), examples),
        stage.trial("chart::installations", plain(), installations),
    ]
}

/// A pod of the Deployment and the pod of its check are admitted where Pod Security is enforced as
/// restricted.
async fn restricted(fx: &mut Fixture) {
    let enforce =
        json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let namespaces: Api<Namespace> = Api::all(fx.client.clone());
    let params = PatchParams::default();
    let labelled = namespaces
        .patch(&fx.namespace, &params, &Patch::Merge(enforce))
        .await;
    labelled.expect("the namespace can be labelled");

    let release = fx
        .plane
        .render(RELEASE, &fx.namespace, &json!({}))
        .await
        .expect("is rendered");
    let mut pod = release.pod().expect("the Deployment has a pod");
    let pods: Api<Pod> = Api::namespaced(fx.client.clone(), &fx.namespace);
    admit(&pods, &pod).await.expect("the pod is admitted");
    let check = release.check().expect("the release has a check");
    admit(&pods, check).await.expect("the check is admitted");
    pod["spec"]["containers"][0]["securityContext"]["capabilities"] = json!({});
    // The API server enforces a label some time after it has stored it.
    let refused = async || admit(&pods, &pod).await.err().ok_or("it is admitted");
    let refusal = until("Pod Security is enforced", SOON, refused).await;
    assert!(refusal.contains("restricted"), "{refusal}");
}

async fn admit(pods: &Api<Pod>, pod: &Value) -> Result<(), String> {
    let pod: Pod = serde_json::from_value(pod.clone()).expect("is a pod");
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    pods.create(&dry_run, &pod)
        .await
        .map(drop)
        .map_err(|e| e.to_string())
}

/// Whether the release's ServiceAccount may do this.
async fn may(fx: &Fixture, namespace: &str, verb: &str, resource: &str, name: &str) -> bool {
    let user = rights::account(&fx.namespace, RELEASE);
    rights::may(fx, &user, verb, resource, (namespace, name)).await
}

/// Waits until it may.
async fn gets(fx: &Fixture, namespace: &str, verb: &str, resource: &str, name: &str) {
    let user = rights::account(&fx.namespace, RELEASE);
    rights::gets(fx, &user, verb, resource, (namespace, name)).await;
}

const ROOMS: &str = "daily-operator.io/dailyrooms";
const LEASES: &str = "coordination.k8s.io/leases";

/// The fixtures' own shape: the operator's own kinds in all namespaces, and Secrets in the watched ones
/// alone.
async fn rights_in_watched_namespaces(fx: &mut Fixture) {
    let own = fx.namespace.clone();
    for (verb, resource, name) in [
        ("watch", "secrets", ""),
        ("create", "events.k8s.io/events", ""),
        ("create", LEASES, ""),
        ("update", LEASES, "daily-operator"),
        // Those whose ttlAfterExpired has passed.
        ("delete", ROOMS, ""),
    ] {
        gets(fx, &own, verb, resource, name).await;
        assert!(
            !may(fx, "default", verb, resource, name).await,
            "{verb} {resource} elsewhere"
        );
    }
    for (verb, resource) in [
        ("list", ROOMS),
        ("patch", ROOMS),
        ("patch", "daily-operator.io/dailyrooms/status"),
    ] {
        gets(fx, "default", verb, resource, "").await;
    }
    gets(fx, &own, "get", "namespaces", &own).await;
    assert!(!may(fx, "default", "get", "namespaces", "default").await);
    // The cluster's id.
    gets(fx, "kube-system", "get", "namespaces", "kube-system").await;
    assert!(!may(fx, "kube-system", "get", "secrets", "").await);
    for (verb, resource) in [
        ("create", ROOMS),
        ("delete", "daily-operator.io/pindialinnumbers"),
        ("get", "pods"),
        ("delete", LEASES),
        ("update", LEASES),
        ("list", "namespaces"),
    ] {
        assert!(
            !may(fx, &own, verb, resource, "").await,
            "{verb} {resource} is not needed"
        );
    }
}

async fn rights_everywhere(fx: &mut Fixture) {
    assert!(!may(fx, "default", "list", "secrets", "").await);
    // The names of cluster-wide objects are those of the release: no other scenario has it.
    let values = json!({"fullnameOverride": fx.namespace, "serviceAccount": {"name": RELEASE}});
    let release = fx
        .plane
        .render(RELEASE, &fx.namespace, &values)
        .await
        .expect("is rendered");
    fx.plane.apply_rights(&release).await.expect("is applied");
    for (verb, resource) in [
        ("list", ROOMS),
        ("update", "secrets"),
        ("get", "namespaces"),
    ] {
        gets(fx, "default", verb, resource, "").await;
    }
    for (verb, resource) in [
        ("update", LEASES),
        ("get", "pods"),
        ("create", ROOMS),
        ("patch", "namespaces"),
    ] {
        assert!(
            !may(fx, "default", verb, resource, "").await,
            "{verb} {resource} elsewhere"
        );
    }
}

fn examples_folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

impl Fixture {
    /// Applies the objects of a file in `examples/`, after these replacements, to their namespaces.
    pub async fn apply_example(&self, file: &str, replacements: &[(&str, &str)]) {
        let path = examples_folder().join(file);
        let mut text = std::fs::read_to_string(path).expect("the example can be read");
        for (written, wanted) in replacements {
            text = text.replace(written, wanted);
        }
        let manifests: Vec<Value> = serde_saphyr::from_multiple(&text).expect("is YAML");
        for manifest in manifests {
            let namespace = manifest["metadata"]["namespace"].as_str();
            let namespace = namespace.unwrap_or(&self.namespace).to_owned();
            let applied = self.plane.apply_in(&namespace, manifest).await;
            applied.expect("the example is accepted");
        }
    }
}

/// What the demo applies is accepted, and so are the apps.
async fn examples(fx: &mut Fixture) {
    let mut seen = 0;
    let list = |folder| std::fs::read_dir(folder).expect("the examples can be listed");
    let apps = list(examples_folder().join("app"));
    for entry in list(examples_folder()).chain(apps) {
        let path = entry.expect("is an entry").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("the example can be read");
        let manifests: Vec<Value> = serde_saphyr::from_multiple(&text).expect("is YAML");
        for manifest in manifests {
            fx.plane
                .apply_in(&fx.namespace, manifest)
                .await
                .expect("is accepted");
            seen += 1;
        }
    }
    assert!(seen >= 7, "the examples are found");
}

/// Whole installations are accepted as they are, without a field that the API server does not know.
async fn installations(fx: &mut Fixture) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/daily-operator/ci");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("the installations can be listed") {
        let path = entry.expect("is an entry").path();
        let text = std::fs::read_to_string(&path).expect("the values can be read");
        let mut values: Value = serde_saphyr::from_str(&text).expect("is YAML");
        if values.get("watchNamespaces").is_some() {
            values["watchNamespaces"] = json!([fx.namespace]);
        }
        values["fullnameOverride"] = json!(fx.namespace);
        // A pod is admitted only if its ServiceAccount is there, as that of the fixture is.
        values["serviceAccount"] = json!({"name": RELEASE});
        let release = fx.plane.render(RELEASE, &fx.namespace, &values).await;
        let release = release.expect("is rendered");
        let tried = fx.plane.try_all(&release).await;
        assert!(tried.expect("all is accepted") > 5, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 4, "the installations are found");
}
