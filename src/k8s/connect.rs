//! The client for the API server.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use kube::client::Body;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use parking_lot::Mutex;
use rustls::Error as TlsError;

use crate::cause::{chain, tls};

const CONNECT: Duration = Duration::from_secs(5);
const WRITE: Duration = Duration::from_secs(10);
/// The longest pause within a response. A watch without events pauses for 45 s, and 5 s later kube ends
/// it; for a list that stalls, this is the only limit.
const READ: Duration = Duration::from_secs(60);

/// Why no client could be created.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(
        "no configuration for the API server: set KUBECONFIG, or run in a pod with a ServiceAccount; \
         the kubeconfig cannot be used ({kubeconfig}), and neither can a ServiceAccount"
    )]
    Config {
        kubeconfig: String,
        #[source]
        in_cluster: Box<InClusterError>,
    },
    /// The configuration is invalid, for example a certificate.
    #[error("the client for the API server cannot be created")]
    Client(#[source] Box<kube::Error>),
}

/// A client from KUBECONFIG or the pod's ServiceAccount.
///
/// It does not retry, because only the caller knows whether a retry is safe. It never uses a proxy: the
/// proxy variables of the environment are for Daily. After a cluster has rotated its CA, it reads the new
/// one.
///
/// # Errors
/// When neither exists or can be used.
pub async fn client() -> Result<Client, ClientError> {
    let config = config().await?;
    let ca = config.root_cert.clone();
    let client = with_config(config)?;
    let namespace = client.default_namespace().to_owned();
    let current = Arc::new(Mutex::new(Current { client, ca }));
    let service = tower::service_fn(move |request: Request<Body>| {
        let current = Arc::clone(&current);
        async move {
            let client = current.lock().client.clone();
            let answer = client.send(request).await;
            if answer.as_ref().is_err_and(|it| is_distrust(it)) {
                read_ca(&current).await;
            }
            answer
        }
    });
    Ok(Client::new(service, namespace))
}

/// The client in use, and the CA that it trusts.
struct Current {
    client: Client,
    ca: Option<Vec<Vec<u8>>>,
}

/// Whether the certificate of the API server is not trusted.
fn is_distrust(error: &(dyn StdError + 'static)) -> bool {
    matches!(tls(error), Some(TlsError::InvalidCertificate(_)))
        || error.source().is_some_and(is_distrust)
}

/// Replaces the client if the CA in the configuration is another one by now.
async fn read_ca(current: &Mutex<Current>) {
    let Ok(config) = config().await else {
        return;
    };
    let ca = config.root_cert.clone();
    if current.lock().ca == ca {
        return;
    }
    if let Ok(client) = with_config(config) {
        *current.lock() = Current { client, ca };
        tracing::info!("The CA of the API server has changed; the operator uses the new one");
    }
}

async fn config() -> Result<Config, ClientError> {
    let mut config = match from_kubeconfig().await {
        Ok(config) => config,
        Err(kubeconfig) => Config::incluster().map_err(|in_cluster| ClientError::Config {
            kubeconfig: message(&kubeconfig),
            in_cluster: Box::new(in_cluster),
        })?,
    };
    config.apply_debug_overrides();
    config.proxy_url = None;
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    config.write_timeout = Some(WRITE);
    config.read_timeout = Some(READ);
    Ok(config)
}

fn with_config(config: Config) -> Result<Client, ClientError> {
    Client::try_from(config).map_err(|error| ClientError::Client(Box::new(error)))
}

async fn from_kubeconfig() -> Result<Config, KubeconfigError> {
    let kubeconfig = Kubeconfig::read()?;
    if let Some(cluster) = cluster_with_proxy(&kubeconfig) {
        tracing::warn!(
            cluster,
            "The proxy-url of the kubeconfig is ignored; the operator uses no proxy for the API server"
        );
    }
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await
}

/// The cluster of the current context, if the kubeconfig has a proxy for it.
fn cluster_with_proxy(kubeconfig: &Kubeconfig) -> Option<&str> {
    let current = kubeconfig.current_context.as_ref()?;
    let mut contexts = kubeconfig.contexts.iter();
    let context = contexts.find(|named| named.name == *current)?;
    let name = &context.context.as_ref()?.cluster;
    let mut clusters = kubeconfig.clusters.iter();
    let cluster = clusters.find(|named| named.name == *name)?;
    let proxy = cluster.cluster.as_ref()?.proxy_url.as_deref()?;
    (!proxy.is_empty()).then_some(name)
}

/// The message of an error in a kubeconfig. The parser's own message quotes lines of the file, which may
/// contain a token.
fn message(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(_) => "it is not a kubeconfig in YAML".to_owned(),
        other => chain(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(proxy: &str) -> Kubeconfig {
        let text = format!(
            "{{apiVersion: v1, kind: Config, current-context: here,\
               contexts: [{{name: here, context: {{cluster: mine, user: me}}}}],\
               users: [{{name: me, user: {{}}}}],\
               clusters: [{{name: other, cluster: {{server: 'https://a', proxy-url: 'http://b'}}}},\
                          {{name: mine, cluster: {{server: 'https://c'{proxy}}}}}]}}"
        );
        Kubeconfig::from_yaml(&text).unwrap()
    }

    #[test]
    fn a_proxy_of_the_current_cluster_is_noticed() {
        let with = kubeconfig(", proxy-url: 'http://d'");
        assert_eq!(cluster_with_proxy(&with), Some("mine"));
        for without in ["", ", proxy-url: ''"] {
            assert_eq!(cluster_with_proxy(&kubeconfig(without)), None);
        }
    }

    #[test]
    fn a_kubeconfig_that_does_not_parse_is_not_repeated() {
        let text = "users: [{name: me, user: {token: s3cret\nclusters: {";
        let error = Kubeconfig::from_yaml(text).unwrap_err();
        assert!(matches!(error, KubeconfigError::Parse(_)), "{error:?}");
        let in_cluster = Config::incluster().map(drop).unwrap_err();
        let told = ClientError::Config {
            kubeconfig: message(&error),
            in_cluster: Box::new(in_cluster),
        };
        let told = format!("{} {told:?}", chain(&told));
        assert!(!told.contains("s3cret") && told.contains("not a kubeconfig in YAML"));
    }
}
