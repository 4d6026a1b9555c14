//! The control plane that all scenarios share, with the CRDs as the chart renders them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, ValidationDirective};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use testbed::{Cluster, ControlPlane};
use tokio::process::Command;
use tokio::sync::{Mutex, OnceCell};

use crate::audit::{self, Request, Story, Tail};
use crate::fixture::RELEASE;
use crate::objects::Kind;

/// The kinds that give the operator its rights.
const RIGHTS: [&str; 5] = [
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
];

/// A running control plane.
pub struct Plane {
    control: Mutex<Option<ControlPlane>>,
    cluster: Cluster,
    kubeconfig: Kubeconfig,
    audit_log: PathBuf,
    helm: PathBuf,
    client: Client,
    /// Started by the first scenario that needs it.
    other: OnceCell<Result<Arc<Plane>, String>>,
}

/// What the chart renders for one release.
pub struct Release(Vec<Value>);

impl Plane {
    /// # Errors
    /// What could not be started.
    pub async fn start() -> Result<Arc<Self>, String> {
        let plane = Self::without_crds().await?;
        plane.apply_crds().await?;
        Ok(plane)
    }

    /// A control plane on which the CRDs are not installed.
    ///
    /// # Errors
    /// What could not be started.
    pub async fn without_crds() -> Result<Arc<Self>, String> {
        let control = ControlPlane::start().await.map_err(|e| e.to_string())?;
        let kubeconfig = Kubeconfig::read_from(control.kubeconfig()).map_err(|e| e.to_string())?;
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig.clone(), &options).await;
        let client = Client::try_from(config.map_err(|e| e.to_string())?);
        let plane = Self {
            audit_log: control.audit_log().to_owned(),
            helm: testbed::helm().await.map_err(|e| e.to_string())?,
            cluster: control.cluster().clone(),
            control: Mutex::new(Some(control)),
            kubeconfig,
            client: client.map_err(|e| e.to_string())?,
            other: OnceCell::new(),
        };
        Ok(Arc::new(plane))
    }

    /// Runs kubectl with all rights; an error is its stderr.
    ///
    /// # Errors
    /// If kubectl exits with one.
    pub async fn kubectl(&self, args: &[&str]) -> Result<String, String> {
        self.cluster.run(args).await.map_err(|e| e.to_string())
    }

    /// What `kubectl apply -f -` does with a manifest.
    ///
    /// # Errors
    /// As [`Self::kubectl`].
    pub async fn kubectl_apply(&self, manifest: &str) -> Result<String, String> {
        let applied = self.cluster.feed(&["apply", "-f", "-"], manifest).await;
        applied.map_err(|e| e.to_string())
    }

    /// Where the API server listens.
    pub fn address(&self) -> SocketAddr {
        let cluster = self.kubeconfig.clusters.first();
        let server = cluster.and_then(|it| it.cluster.as_ref()?.server.as_deref());
        let server = server.and_then(|url| url.strip_prefix("https://")?.parse().ok());
        server.expect("the kubeconfig names the API server by its address")
    }

    /// The certificate of its CA, in PEM.
    pub fn ca(&self) -> String {
        let cluster = self.kubeconfig.clusters.first();
        let file = cluster.and_then(|it| it.cluster.as_ref()?.certificate_authority.as_deref());
        let file = file.expect("the kubeconfig names the file of the CA");
        std::fs::read_to_string(file).expect("the CA can be read")
    }

    /// Another cluster, which scenarios share as they share this one.
    ///
    /// # Errors
    /// What could not be started.
    pub async fn other(&self) -> Result<Arc<Self>, String> {
        let other = self.other.get_or_init(Self::start).await;
        Ok(Arc::clone(other.as_ref()?))
    }

    /// Stops it and the other one; later calls change nothing.
    pub async fn stop(&self) {
        if let Some(Ok(other)) = self.other.get() {
            Box::pin(other.stop()).await;
        }
        if let Some(control) = self.control.lock().await.take() {
            control.stop().await;
        }
    }

    /// A client with all rights.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// What the operator of a namespace asked of the API server so far.
    pub fn requests(&self, namespace: &str) -> Vec<Request> {
        audit::requests(&self.audit_log, namespace, RELEASE)
    }

    /// How long the audit log is by now.
    pub fn audit_length(&self) -> u64 {
        std::fs::metadata(&self.audit_log).map_or(0, |it| it.len())
    }

    /// What happened since then to the objects that the operator of a namespace serves.
    pub fn story(&self, namespace: &str, since: u64) -> Story {
        audit::story(&self.audit_log, since, namespace, RELEASE)
    }

    /// What comes in the audit log from now on.
    pub fn tail(&self) -> Tail {
        Tail::from(&self.audit_log, self.audit_length())
    }

    /// Renders the chart with these values over its own.
    pub async fn render(
        &self,
        release: &str,
        namespace: &str,
        values: &Value,
    ) -> Result<Release, String> {
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/daily-operator");
        let json_values = values.as_object().into_iter().flatten();
        let sets = json_values
            .flat_map(|(name, value)| ["--set-json".to_owned(), format!("{name}={value}")]);
        let rendered = Command::new(&self.helm)
            .args(["template", release])
            .arg(chart)
            .args(["--namespace", namespace])
            .args(sets)
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(|e| format!("helm does not run: {e}"))?;
        if !rendered.status.success() {
            return Err(String::from_utf8_lossy(&rendered.stderr).into_owned());
        }
        let text = String::from_utf8(rendered.stdout).map_err(|e| e.to_string())?;
        let documents = serde_saphyr::from_multiple(&text).map_err(|e| e.to_string())?;
        Ok(Release(documents))
    }

    /// Installs the CRDs as the chart renders them.
    ///
    /// # Errors
    /// What could not be installed.
    pub async fn apply_crds(&self) -> Result<(), String> {
        let release = self.render(RELEASE, "default", &json!({})).await?;
        self.apply(&release, &["CustomResourceDefinition"]).await?;
        let api: Api<CustomResourceDefinition> = Api::all(self.client());
        for kind in [Kind::Room, Kind::Number] {
            let name = format!("{}.{}", kind.plural(), crate::objects::GROUP);
            let established = await_condition(api.clone(), &name, is_crd_established());
            established.await.map_err(|e| format!("{name}: {e}"))?;
        }
        Ok(())
    }

    /// Applies what gives the operator its rights, and nothing more.
    pub async fn apply_rights(&self, release: &Release) -> Result<(), String> {
        self.apply(release, &RIGHTS).await
    }

    /// Deletes those manifests that give the operator its rights and that are `meant`.
    pub async fn delete(&self, release: &Release, meant: impl Fn(&Value) -> bool) {
        for manifest in release.of(&RIGHTS).filter(|manifest| meant(manifest)) {
            let name = text(manifest, "/metadata/name");
            let deleted = self
                .api_of(manifest)
                .delete(name, &DeleteParams::default())
                .await;
            deleted.expect("the manifest can be deleted");
        }
    }

    async fn apply(&self, release: &Release, kinds: &[&str]) -> Result<(), String> {
        for manifest in release.of(kinds) {
            let name = text(manifest, "/metadata/name");
            let api = self.api_of(manifest);
            let params = PatchParams::apply("helm").force();
            let applied = api.patch(name, &params, &Patch::Apply(manifest)).await;
            applied.map_err(|e| format!("{} {name}: {e}", text(manifest, "/kind")))?;
        }
        Ok(())
    }

    /// Asks the API server what it says to all of a release, without a change. Kinds of the Prometheus
    /// Operator are not served here. Gives how many objects were tried.
    pub async fn try_all(&self, release: &Release) -> Result<usize, String> {
        let params = PatchParams {
            field_manager: Some("helm".to_owned()),
            dry_run: true,
            field_validation: Some(ValidationDirective::Strict),
            force: true,
        };
        let served = |it: &&Value| !text(it, "/apiVersion").starts_with("monitoring.coreos.com/");
        let mut tried = 0;
        for manifest in release.0.iter().filter(served) {
            let name = text(manifest, "/metadata/name");
            let api = self.api_of(manifest);
            let applied = api.patch(name, &params, &Patch::Apply(manifest)).await;
            applied.map_err(|e| format!("{} {name}: {e}", text(manifest, "/kind")))?;
            tried += 1;
        }
        Ok(tried)
    }

    /// Applies a manifest that names no namespace in this one.
    pub async fn apply_in(&self, namespace: &str, mut manifest: Value) -> Result<(), String> {
        manifest["metadata"]["namespace"] = json!(namespace);
        let kind = text(&manifest, "/kind").to_owned();
        self.apply(&Release(vec![manifest]), &[&kind]).await
    }

    /// Applies a manifest that has no namespace.
    pub async fn apply_cluster(&self, manifest: Value) -> Result<(), String> {
        let kind = text(&manifest, "/kind").to_owned();
        self.apply(&Release(vec![manifest]), &[&kind]).await
    }

    fn api_of(&self, manifest: &Value) -> Api<DynamicObject> {
        let version = text(manifest, "/apiVersion");
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let kind = GroupVersionKind::gvk(group, version, text(manifest, "/kind"));
        let resource = ApiResource::from_gvk(&kind);
        match manifest
            .pointer("/metadata/namespace")
            .and_then(Value::as_str)
        {
            Some(namespace) => Api::namespaced_with(self.client(), namespace, &resource),
            None => Api::all_with(self.client(), &resource),
        }
    }

    /// A kubeconfig with a token of a ServiceAccount, as YAML.
    pub async fn kubeconfig_of(&self, namespace: &str, account: &str) -> Result<String, String> {
        let api: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let request = TokenRequest::default();
        let granted = api
            .create_token_request(account, &PostParams::default(), &request)
            .await;
        let granted = granted.map_err(|e| format!("no token for {account}: {e}"))?;
        let token = granted
            .status
            .ok_or("the API server granted no token")?
            .token;
        let cluster = self
            .kubeconfig
            .clusters
            .first()
            .ok_or("the kubeconfig has no cluster")?;
        let own = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [cluster],
            "users": [{"name": account, "user": {"token": token}}],
            "contexts": [{"name": "own", "context": {"cluster": cluster.name, "user": account}}],
            "current-context": "own",
        });
        Ok(own.to_string())
    }
}

impl Release {
    /// Its manifests of these kinds.
    pub fn of(&self, kinds: &[&str]) -> impl Iterator<Item = &Value> {
        self.0
            .iter()
            .filter(|manifest| kinds.contains(&text(manifest, "/kind")))
    }

    fn deployment(&self) -> Option<&Value> {
        self.of(&["Deployment"]).next()
    }

    /// A pod as the Deployment would make it.
    pub fn pod(&self) -> Option<Value> {
        let mut pod = self.deployment()?.pointer("/spec/template")?.clone();
        pod["metadata"]["generateName"] = json!("operator-");
        Some(pod)
    }

    /// The pod of `helm test`.
    pub fn check(&self) -> Option<&Value> {
        self.of(&["Pod"]).next()
    }

    /// The arguments of the Deployment's container, listening where it disturbs nobody.
    pub fn operator_args(&self) -> Result<Vec<String>, String> {
        let deployment = self
            .of(&["Deployment"])
            .next()
            .ok_or("there is no Deployment")?;
        let args = deployment.pointer("/spec/template/spec/containers/0/args");
        let args = args
            .and_then(Value::as_array)
            .ok_or("the container has no args")?;
        let listening = |arg: &Value| match arg.as_str().unwrap_or_default() {
            "--listen=:8080" => "--listen=127.0.0.1:0".to_owned(),
            other => other.to_owned(),
        };
        Ok(args.iter().map(listening).collect())
    }
}

fn text<'a>(manifest: &'a Value, pointer: &str) -> &'a str {
    manifest
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
