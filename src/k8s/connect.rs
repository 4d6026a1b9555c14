//! The client of the API server.

use std::time::Duration;

use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use crate::cause::chain;

const CONNECT: Duration = Duration::from_secs(5);
const WRITE: Duration = Duration::from_secs(10);
/// How long an answer may pause. A watch says nothing for 45 s when nothing changes, and 5 s later
/// kube gives it up by itself; a list that stops half-way has no other end than this.
const READ: Duration = Duration::from_secs(60);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Neither a kubeconfig nor a pod's ServiceAccount.
    #[error(
        "it is not known how to reach the API server: set KUBECONFIG, or run in a pod; the \
         kubeconfig cannot be used ({kubeconfig}), and neither can the ServiceAccount of a pod"
    )]
    Config {
        /// Why the kubeconfig cannot be used.
        kubeconfig: String,
        /// Why the ServiceAccount cannot.
        #[source]
        in_cluster: Box<InClusterError>,
    },
    /// The kubeconfig or the certificates cannot be used.
    #[error("no client of the API server can be made")]
    Client(#[source] Box<kube::Error>),
}

/// A client from KUBECONFIG or the pod's ServiceAccount.
///
/// It does not try again by itself: whoever calls knows whether that is harmless, and how long
/// it may take. It uses no proxy: those of the environment are for Daily, and the API server is
/// reached without one also where kube would have taken it from there.
///
/// # Errors
/// When neither is there, or they cannot be used.
pub async fn client() -> Result<Client, ClientError> {
    let mut config = match from_kubeconfig().await {
        Ok(config) => config,
        Err(kubeconfig) => Config::incluster().map_err(|in_cluster| ClientError::Config {
            kubeconfig: in_words(&kubeconfig),
            in_cluster: Box::new(in_cluster),
        })?,
    };
    config.apply_debug_overrides();
    config.proxy_url = None;
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    config.write_timeout = Some(WRITE);
    config.read_timeout = Some(READ);
    Client::try_from(config).map_err(|error| ClientError::Client(Box::new(error)))
}

async fn from_kubeconfig() -> Result<Config, KubeconfigError> {
    let kubeconfig = Kubeconfig::read()?;
    if let Some(cluster) = cluster_with_proxy(&kubeconfig) {
        tracing::warn!(
            cluster,
            "The proxy-url of the kubeconfig is ignored: the API server is reached without a proxy"
        );
    }
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await
}

/// The cluster of the current context, if the kubeconfig names a proxy for it.
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

/// What is wrong with a kubeconfig. The parser's own words repeat the lines around the mistake, and
/// a token may be in them.
fn in_words(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(_) => "it is no kubeconfig in YAML".to_owned(),
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
            kubeconfig: in_words(&error),
            in_cluster: Box::new(in_cluster),
        };
        let told = format!("{} {told:?}", chain(&told));
        assert!(!told.contains("s3cret") && told.contains("no kubeconfig in YAML"));
    }
}
