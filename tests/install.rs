//! Installed on a real API server, again after others, and without Helm.
//!
//! Each story has a control plane of its own, because CRDs belong to the whole cluster. Nothing runs
//! pods here.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use testbed::{ControlPlane, Tool, tools};
use tokio::process::Command;
use tokio::sync::Mutex;

const CRDS: [&str; 2] = [
    "dailyrooms.daily-operator.io",
    "pindialinnumbers.daily-operator.io",
];
const ROOM: &str = "\
apiVersion: daily-operator.io/v1alpha1
kind: DailyRoom
metadata: {name: standup, namespace: default}
spec: {ttl: 8h}
";
/// What Helm says of an object that belongs to somebody else; docs name these words.
const NOT_OURS: &str = "invalid ownership metadata";
/// A description in the CRDs, which those of an older version lack.
const TEXT: &str = "How long the room exists";

/// One control plane at a time is enough for two cores.
static TURN: Mutex<()> = Mutex::const_new(());

/// A control plane and the programs that speak to it.
struct Stage {
    plane: ControlPlane,
    helm: PathBuf,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Stage {
    async fn start(helm: Tool) -> Self {
        Self {
            helm: tools::path(helm).await.expect("Helm is built"),
            plane: ControlPlane::start().await.expect("it starts"),
        }
    }

    async fn kubectl(&self, args: &[&str]) -> String {
        let said = self.plane.cluster().run(args).await;
        said.expect("kubectl does it")
    }

    /// Runs Helm for a release; the namespace is made if need be.
    async fn helm(&self, verb: &str, release: &str, namespace: &str, flags: &[&str]) -> Output {
        let mut command = Command::new(&self.helm);
        command.args([verb, release, "--namespace", namespace]);
        if verb != "uninstall" {
            command.arg(root().join("charts/daily-operator"));
        }
        if verb == "install" {
            command.arg("--create-namespace");
        }
        let command = command
            .args(flags)
            .env("KUBECONFIG", self.plane.kubeconfig());
        command.output().await.expect("Helm runs")
    }

    async fn succeeds(&self, verb: &str, release: &str, namespace: &str, flags: &[&str]) {
        let ran = self.helm(verb, release, namespace, flags).await;
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{verb} {release} {flags:?}: {said}");
    }

    async fn is_refused(&self, release: &str, namespace: &str, flags: &[&str], why: &str) {
        let ran = self.helm("install", release, namespace, flags).await;
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(!ran.status.success(), "{release} {flags:?} is installed");
        assert!(said.contains(why), "{said}");
    }

    /// `NAMESPACE/NAME` of the release that each CRD belongs to, for Helm.
    async fn owners(&self) -> Vec<String> {
        let mut owners = Vec::new();
        for crd in CRDS {
            let crd = self
                .plane
                .cluster()
                .json(&["get", "crd", crd, "-o", "json"])
                .await;
            let crd = crd.expect("the CRD is there");
            let of = |what: &str| {
                let name = format!("meta.helm.sh/release-{what}");
                let annotations = crd.pointer("/metadata/annotations");
                let value = annotations.and_then(|it| it.get(&name)?.as_str());
                value.unwrap_or_default().to_owned()
            };
            owners.push(format!("{}/{}", of("namespace"), of("name")));
        }
        owners.dedup();
        owners
    }

    /// Makes the CRDs as the operator's log says to; those of an older version had other texts.
    async fn crds_by_kubectl(&self) {
        let printed = Command::new(env!("CARGO_BIN_EXE_daily-operator"))
            .arg("crd")
            .output();
        let printed = printed.await.expect("the operator runs").stdout;
        let crds = String::from_utf8(printed).expect("is text");
        let older = crds.replace(TEXT, "How long a room exists");
        assert_ne!(older, crds);
        let args = ["apply", "--server-side", "-f", "-"];
        let applied = self.plane.cluster().feed(&args, &older).await;
        applied.expect("the CRDs are applied");
        self.established().await;
    }

    async fn established(&self) {
        let wait = [
            "wait",
            "--for=condition=Established",
            "--timeout=60s",
            "crd",
        ];
        self.kubectl(&[&wait[..], &CRDS[..]].concat()).await;
    }

    async fn make_room(&self) {
        self.established().await;
        let made = self.plane.cluster().apply(ROOM).await;
        made.expect("the room is accepted");
    }

    /// Deletes what a manifest has; nothing of it is left.
    async fn removed_with(&self, manifest: &str) {
        self.kubectl(&["delete", "-f", manifest, "--timeout=60s"])
            .await;
        let list = ["get", "-f", manifest, "--ignore-not-found", "-o", "name"];
        assert_eq!(self.kubectl(&list).await.trim(), "");
    }

    async fn has_room(&self) {
        let rooms = self
            .kubectl(&["get", "dailyrooms", "-A", "-o", "name"])
            .await;
        assert_eq!(rooms.trim(), "dailyroom.daily-operator.io/standup");
    }
}

/// CRDs that kubectl made: refused, then taken over, or left alone.
async fn crds_made_by_kubectl(helm: Tool, take_over: &[&str]) {
    let _turn = TURN.lock().await;
    let stage = Stage::start(helm).await;
    stage.crds_by_kubectl().await;
    stage.make_room().await;
    let (name, namespace) = ("daily-operator", "daily-operator");
    stage.is_refused(name, namespace, &[], NOT_OURS).await;

    let flags = ["--set", "crds.enabled=false"];
    stage.succeeds("install", name, namespace, &flags).await;
    assert_eq!(stage.owners().await, ["/"]);
    stage.succeeds("uninstall", name, namespace, &[]).await;

    stage.succeeds("install", name, namespace, take_over).await;
    assert_eq!(stage.owners().await, ["daily-operator/daily-operator"]);
    stage.succeeds("upgrade", name, namespace, &[]).await;
    let crd = stage.kubectl(&["get", "crd", CRDS[0], "-o", "yaml"]).await;
    assert!(crd.contains(TEXT), "the CRD is upgraded");
    stage.has_room().await;
    stage.plane.stop().await;
}

#[tokio::test]
async fn helm_4_takes_over_the_crds_of_kubectl() {
    // kubectl applied on the server, as Helm 4 does, so its fields have to be taken from it too.
    crds_made_by_kubectl(Tool::Helm, &["--take-ownership", "--force-conflicts"]).await;
}

#[tokio::test]
async fn helm_3_takes_over_the_crds_of_kubectl() {
    crds_made_by_kubectl(Tool::Helm3, &["--take-ownership"]).await;
}

/// CRDs and objects outlive the release. The same release finds its CRDs again; another one is refused
/// until it takes them over.
async fn installed_again(helm: Tool) {
    let _turn = TURN.lock().await;
    let stage = Stage::start(helm).await;
    stage.succeeds("install", "first", "one", &[]).await;
    stage.make_room().await;
    stage.succeeds("uninstall", "first", "one", &[]).await;
    stage.has_room().await;
    stage.succeeds("install", "first", "one", &[]).await;
    stage.succeeds("uninstall", "first", "one", &[]).await;

    stage.is_refused("second", "one", &[], NOT_OURS).await;
    stage.is_refused("first", "two", &[], NOT_OURS).await;
    stage
        .succeeds("install", "first", "two", &["--take-ownership"])
        .await;
    assert_eq!(stage.owners().await, ["two/first"]);
    stage.succeeds("upgrade", "first", "two", &[]).await;
    stage.has_room().await;

    // Told not to keep them, Helm deletes the CRDs, and with them all objects.
    stage
        .succeeds("upgrade", "first", "two", &["--set", "crds.keep=false"])
        .await;
    stage
        .succeeds("uninstall", "first", "two", &["--wait"])
        .await;
    let crds = stage.kubectl(&["get", "crd", "-o", "name"]).await;
    assert_eq!(crds.trim(), "");
    stage.plane.stop().await;
}

#[tokio::test]
async fn helm_4_installs_again() {
    installed_again(Tool::Helm).await;
}

#[tokio::test]
async fn helm_3_installs_again() {
    installed_again(Tool::Helm3).await;
}

/// Two releases of one name for different namespaces live side by side; the first has the CRDs. In one namespace they
/// would share the Lease.
#[tokio::test]
async fn two_releases_side_by_side() {
    let _turn = TURN.lock().await;
    let stage = Stage::start(Tool::Helm).await;
    let name = "daily-operator";
    for (namespace, flags) in [
        ("team-a", &[][..]),
        ("team-b", &["--set", "crds.enabled=false"]),
    ] {
        stage.kubectl(&["create", "namespace", namespace]).await;
        let watched = format!("watchNamespaces={{{namespace}}}");
        let flags = [flags, &["--set", &watched]].concat();
        stage.succeeds("install", name, namespace, &flags).await;
    }
    assert_eq!(stage.owners().await, ["team-a/daily-operator"]);
    let flags = [
        "--set",
        "crds.enabled=false",
        "--set",
        "watchNamespaces={team-b}",
    ];
    let why = "only one of both would work";
    stage.is_refused("third", "team-b", &flags, why).await;
    stage.succeeds("upgrade", name, "team-b", &flags).await;
    stage.succeeds("uninstall", name, "team-b", &[]).await;
    stage.established().await;
    stage.plane.stop().await;
}

/// The manifest and the Kustomize base are accepted as they are, and the second changes nothing of
/// the first.
#[tokio::test]
async fn without_helm() {
    let _turn = TURN.lock().await;
    let stage = Stage::start(Tool::Helm).await;
    let manifest = root().join("deploy/install.yaml").display().to_string();
    let base = root().join("deploy").display().to_string();
    let strict = ["apply", "--server-side", "--validate=strict"];
    let applied = stage
        .kubectl(&[&strict[..], &["-f", &manifest]].concat())
        .await;
    assert!(
        applied.contains("deployment.apps/daily-operator serverside-applied"),
        "{applied}"
    );
    stage.make_room().await;

    let objects = async || {
        let list = ["get", "-f", &manifest, "-o", "json"];
        let list = stage
            .plane
            .cluster()
            .json(&list)
            .await
            .expect("all are there");
        let items = list["items"].as_array().expect("is a list").iter();
        let items = items.map(|it| (it["kind"].clone(), it["metadata"]["generation"].clone()));
        items.collect::<Vec<(Value, Value)>>()
    };
    let first = objects().await;
    assert!(first.len() > 10, "{first:?}");
    stage.kubectl(&[&strict[..], &["-k", &base]].concat()).await;
    assert_eq!(objects().await, first);

    stage.removed_with(&manifest).await;

    // An image of one's own, as the comment in kustomization.yaml says.
    let text = std::fs::read_to_string(root().join("deploy/kustomization.yaml"));
    let text = text.expect("is there").replace("#   images:", "images:");
    let folder = tempfile::tempdir().expect("there is a folder");
    let write = |name, text: String| std::fs::write(folder.path().join(name), text);
    write("kustomization.yaml", text).expect("can be written");
    let objects = std::fs::read_to_string(&manifest).expect("is there");
    write("install.yaml", objects).expect("can be written");
    let overlay = folder.path().display().to_string();
    let rendered = stage.kubectl(&["kustomize", &overlay]).await;
    assert!(
        rendered.contains("image: REGISTRY/daily-operator:"),
        "{rendered}"
    );
    stage.plane.stop().await;
}
