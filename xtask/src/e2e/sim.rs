//! The simulated Daily as a pod, with TLS from a private CA, and its control endpoints.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use serde_json::{Value, json};
use testbed::Cluster;

use super::error::StoryError;
use super::look::{self, text};

/// The namespace of the simulated Daily.
pub const NAMESPACE: &str = "daily-sim";
/// The URL at which the operator and the apps reach it.
pub const ORIGIN: &str = "https://daily-sim.daily-sim.svc.cluster.local";
/// The first API key of the account, which the story revokes.
pub const FIRST_KEY: &str = "first-key-0123456789abcdef";
/// The API key that replaces [`FIRST_KEY`].
pub const SECOND_KEY: &str = "second-key-0123456789abcdef";
/// The purchased number of the account.
pub const NUMBER: &str = "+12025550123";
const HOST: &str = "daily-sim.daily-sim.svc.cluster.local";

/// A CA, and a certificate for the simulator that this CA signed.
#[derive(Debug)]
pub struct Tls {
    /// The CA's certificate, in PEM.
    pub ca: String,
    certificate: String,
    key: String,
}

impl Tls {
    /// Generates the CA and the certificate.
    ///
    /// # Errors
    /// If the keys cannot be generated.
    pub fn generate() -> Result<Self, StoryError> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority
            .distinguished_name
            .push(DnType::CommonName, "gateway CA");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let mut server = CertificateParams::new(vec![HOST.to_owned()])?;
        server.use_authority_key_identifier_extension = true;
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.distinguished_name.push(DnType::CommonName, HOST);
        Ok(Self {
            ca: authority.pem(),
            certificate: server.signed_by(&key, &authority)?.pem(),
            key: key.serialize_pem(),
        })
    }
}

/// Applies the simulator and waits until it is available.
///
/// # Errors
/// If it does not become available.
pub async fn start(cluster: &Cluster, image: &str, tls: &Tls) -> Result<(), StoryError> {
    cluster.apply(&manifests(image, tls).to_string()).await?;
    look::available(cluster, NAMESPACE, "daily-sim").await
}

fn manifests(image: &str, tls: &Tls) -> Value {
    let metadata = json!({"name": "daily-sim", "namespace": NAMESPACE});
    let labels = json!({"app": "daily-sim"});
    let secret = json!({"tls.crt": tls.certificate, "tls.key": tls.key});
    let items = json!([
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": secret},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {
            "selector": labels,
            "ports": [{"name": "https", "port": 443, "targetPort": 8443}],
        }},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {
            "selector": {"matchLabels": labels},
            // Two pods cannot use the same state file.
            "strategy": {"type": "Recreate"},
            "template": {"metadata": {"labels": labels}, "spec": pod(image)},
        }},
    ]);
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn pod(image: &str) -> Value {
    json!({
        "containers": [{
            "name": "daily-sim",
            "image": image,
            "imagePullPolicy": "Never",
            "args": [
                "--listen=0.0.0.0:8443", "--domain=demo",
                format!("--api-key={FIRST_KEY}"), format!("--api-key={SECOND_KEY}"),
                format!("--purchased-number={NUMBER}"),
                "--tls-cert=/tls/tls.crt", "--tls-key=/tls/tls.key",
                "--state=/state/daily", "--seed=7",
            ],
            "readinessProbe": {
                "httpGet": {"path": "/sim/healthz", "port": 8443, "scheme": "HTTPS"},
                "periodSeconds": 1,
            },
            // The pod writes to a folder of the node, which root owns.
            "securityContext": {"runAsUser": 0},
            "volumeMounts": [
                {"name": "tls", "mountPath": "/tls"},
                {"name": "state", "mountPath": "/state"},
            ],
        }],
        "volumes": [
            {"name": "tls", "secret": {"secretName": "daily-sim"}},
            // Outlives the pod and a reboot, as the real Daily does.
            {"name": "state", "hostPath": {
                "path": "/var/lib/daily-sim", "type": "DirectoryOrCreate",
            }},
        ],
    })
}

/// The path of a control endpoint through the API server's proxy, which does not verify the certificate.
fn path(rest: &str) -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/services/https:daily-sim:443/proxy/sim{rest}")
}

/// Revokes an API key.
///
/// # Errors
/// If the simulator does not answer.
pub async fn revoke(cluster: &Cluster, key: &str) -> Result<(), StoryError> {
    let args = ["create", "--raw", &path("/keys/revoke"), "--filename=-"];
    let body = json!({"key": key}).to_string();
    cluster.feed(&args, &body).await?;
    Ok(())
}

/// The write requests after this entry of the simulator's journal: method and path, each with the name of a
/// new room. Also returns the number of the last entry.
///
/// # Errors
/// If the simulator does not answer.
pub async fn writes(cluster: &Cluster, after: u64) -> Result<(Vec<String>, u64), StoryError> {
    let journal = cluster
        .json(&["get", "--raw", &path(&format!("/journal?after={after}"))])
        .await?;
    let last = journal.pointer("/last").and_then(Value::as_u64);
    let entries = journal.pointer("/entries").and_then(Value::as_array);
    let writes = entries.into_iter().flatten().filter_map(|entry| {
        let (method, path) = (text(entry, "/method"), text(entry, "/path"));
        let name = text(entry, "/body/name");
        (method != "GET").then(|| format!("{method} {path} {name}").trim_end().to_owned())
    });
    Ok((writes.collect(), last.unwrap_or(after)))
}

/// The names of the simulator's rooms.
///
/// # Errors
/// If the simulator does not answer.
pub async fn rooms(cluster: &Cluster) -> Result<Vec<String>, StoryError> {
    let rooms = cluster.json(&["get", "--raw", &path("/rooms")]).await?;
    let rooms = rooms.pointer("/rooms").and_then(Value::as_array).cloned();
    let name = |room: &Value| text(room, "/name").to_owned();
    Ok(rooms.unwrap_or_default().iter().map(name).collect())
}
