//! How a client reaches Daily: where it is, through which proxy, whom to trust, how long to wait.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::redirect::Policy;
use rustls::ClientConfig;

use crate::config::Proxy;

/// Time limit to connect, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The same through a proxy, which has to resolve and connect to Daily too, and may first authorize
/// the call.
const PROXY_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit of a call, from its start until the answer is read.
const DEADLINE: Duration = Duration::from_secs(10);
/// Idle connections are closed before the server closes them: the outcome of a write on a connection
/// that the server is closing is unknown. Common servers wait 5 s or more.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// The kubelet updates a mounted ConfigMap or Secret within one to two minutes, so that reading the
/// CA file more often than this gains nothing.
const CA_FILE_AGE: Duration = Duration::from_secs(10);
const USER_AGENT: &str = concat!("daily-operator/", env!("CARGO_PKG_VERSION"));

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The base URL cannot be used.
    #[error(
        "the base URL of Daily must be https://HOST/PATH, or http on a loopback address, without \
         user, query or fragment"
    )]
    BaseUrl,
    /// The CA file cannot be read.
    #[error(
        "--daily-ca-file is {file:?}, which cannot be read; it must be a file with CA certificates \
         in PEM"
    )]
    CaFile {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The CA file has no usable certificate.
    #[error(
        "--daily-ca-file is {file:?}, which cannot be used ({why}); it must be a file with CA \
         certificates in PEM"
    )]
    NoCertificate {
        /// Which file.
        file: PathBuf,
        /// What is wrong with each part of it.
        why: String,
    },
    /// The TLS settings cannot be used.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be built")]
    Http(#[source] reqwest::Error),
}

/// How a client reaches Daily.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The URL that all paths are below.
    pub base_url: String,
    /// A file with CA certificates, which are trusted beside the compiled-in roots. It is read again
    /// when it changes.
    pub ca_file: Option<PathBuf>,
    /// How old the known content of the CA file may be.
    pub ca_file_age: Duration,
    /// The proxy of all calls.
    pub proxy: Option<Proxy>,
    /// The time limit of a call.
    pub deadline: Duration,
}

impl Settings {
    /// Without a proxy or CA file.
    pub fn new(base_url: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            ca_file: None,
            ca_file_age: CA_FILE_AGE,
            proxy: None,
            deadline: DEADLINE,
        }
    }

    pub(super) fn http(&self, tls: ClientConfig) -> Result<reqwest::Client, ClientError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            // Every call carries the key. // F-AUTH-1
            .https_only(self.base_url.starts_with("https:"))
            .http1_only()
            // The configuration has read the proxy variables of the environment.
            .no_proxy()
            .referer(false)
            .redirect(Policy::none())
            // Only the caller knows whether a repeated call is safe.
            .retry(reqwest::retry::never())
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(self.deadline)
            .pool_idle_timeout(IDLE_TIMEOUT);
        if let Some(proxy) = &self.proxy {
            builder = builder
                .proxy(proxy.for_http().map_err(ClientError::Http)?)
                .connect_timeout(PROXY_CONNECT_TIMEOUT);
        }
        let built = builder.build();
        built.map_err(|error| ClientError::Http(error.without_url()))
    }
}
