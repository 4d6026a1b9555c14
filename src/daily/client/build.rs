//! Builds a [`Client`]: where Daily is, whom to trust, how long to wait.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::redirect::Policy;
use rustls::ClientConfig;

use super::Client;
use super::transport::{Transport, Trust};
use crate::config::{Config, Proxy};

/// Until there is a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The same through a proxy, which looks Daily up and connects too, and may ask others first.
const PROXY_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Until the whole answer is read, from the start of the call on.
const DEADLINE: Duration = Duration::from_secs(10);
/// Idle connections are closed before the other side does it: a write that is sent on a connection
/// which is just being closed has an unknown outcome. Common servers wait 5 s and more.
const IDLE: Duration = Duration::from_secs(4);
/// A mounted ConfigMap or Secret changes within a minute or two; until then a new CA is trusted soon
/// enough, and reading a file is cheap.
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
    /// The file with further roots cannot be read.
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
    /// No certificate among the further roots can be used.
    #[error("{given} cannot be used ({why}); it must be a file with CA certificates in PEM")]
    NoCertificate {
        /// What was given.
        given: String,
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

/// What a [`Client`] is built with.
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    base_url: String,
    extra_ca_pem: Option<Vec<u8>>,
    ca_file: Option<PathBuf>,
    ca_file_age: Duration,
    proxy: Option<Proxy>,
    deadline: Duration,
}

impl ClientBuilder {
    pub(super) fn new(base_url: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            extra_ca_pem: None,
            ca_file: None,
            ca_file_age: CA_FILE_AGE,
            proxy: None,
            deadline: DEADLINE,
        }
    }

    /// Trusts these certificates beside the roots that are compiled in.
    #[must_use]
    pub fn extra_ca_pem(mut self, pem: &[u8]) -> Self {
        self.extra_ca_pem = Some(pem.to_owned());
        self
    }

    /// Trusts the certificates of this file instead, and reads it again as it changes.
    #[must_use]
    pub fn ca_file(mut self, file: &Path) -> Self {
        self.ca_file = Some(file.to_owned());
        self
    }

    /// Reads the CA file again before a call if what is known of it is as old as this, 10 s unless
    /// said.
    #[must_use]
    pub fn ca_file_age(mut self, age: Duration) -> Self {
        self.ca_file_age = age;
        self
    }

    /// Makes all calls through this proxy.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Waits this long for a whole call, 10 s unless said.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// When the URL, the CA file or the proxy cannot be used.
    pub fn build(self) -> Result<Client, ClientError> {
        let base = base_url(&self.base_url)?;
        let proxy_name = self.proxy.as_ref().map(ToString::to_string);
        let proxy = self.proxy.as_ref().map(Proxy::for_http).transpose();
        let settings = Settings {
            https_only: base.scheme() == "https",
            proxy: proxy.map_err(ClientError::Http)?,
            proxy_name,
            deadline: self.deadline,
        };
        let trust = match self.ca_file {
            Some(file) => Trust::File(file, self.ca_file_age),
            None => Trust::Fixed(self.extra_ca_pem),
        };
        Ok(Client {
            transport: Arc::new(Transport::new(settings, trust)?),
            base,
        })
    }
}

impl Client {
    /// The client that a configuration asks for. Says in the log how Daily is reached.
    ///
    /// # Errors
    /// When the CA file cannot be used.
    pub fn configured(config: &Config) -> Result<Self, ClientError> {
        let mut builder = Self::builder(&config.daily_base_url);
        if let Some(file) = &config.daily_ca_file {
            builder = builder.ca_file(file);
        }
        match &config.daily_proxy {
            Some(proxy) => {
                tracing::info!(proxy = %proxy, from = proxy.origin(), "Daily is reached through a proxy");
                builder = builder.proxy(proxy.clone());
            }
            None => tracing::info!("Daily is reached without a proxy"),
        }
        builder.build()
    }
}

/// What every HTTP client of a [`Client`] is built with, whatever the CA file holds.
#[derive(Debug)]
pub(super) struct Settings {
    https_only: bool,
    proxy: Option<reqwest::Proxy>,
    /// The proxy as it may be shown.
    pub(super) proxy_name: Option<String>,
    deadline: Duration,
}

impl Settings {
    pub(super) fn http(&self, tls: ClientConfig) -> Result<reqwest::Client, ClientError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(self.https_only)
            .http1_only()
            // The variables of the environment are read and checked with the flags.
            .no_proxy()
            .referer(false)
            .redirect(Policy::none())
            // Whether a call is made again is decided where its outcome is understood.
            .retry(reqwest::retry::never())
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(self.deadline)
            .pool_idle_timeout(IDLE);
        if let Some(proxy) = &self.proxy {
            builder = builder
                .proxy(proxy.clone())
                .connect_timeout(PROXY_CONNECT_TIMEOUT);
        }
        let built = builder.build();
        built.map_err(|error| ClientError::Http(error.without_url()))
    }
}

/// HTTPS everywhere, since every call carries the key; HTTP only to this very host. // F-AUTH-1
fn base_url(text: &str) -> Result<Url, ClientError> {
    let url = Url::parse(text).map_err(|_| ClientError::BaseUrl)?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let host = url.host_str().unwrap_or_default();
    let safe = match url.scheme() {
        "https" => !host.is_empty(),
        "http" => is_loopback(host),
        _ => false,
    };
    (plain && safe).then_some(url).ok_or(ClientError::BaseUrl)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_on_loopback() {
        for good in [
            "https://api.daily.co/v1",
            "https://api.daily.co/v1/",
            "https://10.0.0.1:8443",
            "http://127.0.0.1:8790/v1",
            "http://127.9.9.9/v1",
            "http://[::1]:8790/v1",
            "http://localhost:8790/v1",
        ] {
            assert!(base_url(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "api.daily.co/v1",
            "http://api.daily.co/v1",
            "http://10.0.0.1/v1",
            "http://localhost.example.com/v1",
            "http://127.0.0.1.example.com/v1",
            "http://0.0.0.0/v1",
            "ftp://127.0.0.1/v1",
            "data:text/plain,hello",
            "https://user@api.daily.co/v1",
            "https://user:word@api.daily.co/v1",
            "https://api.daily.co/v1?a=b",
            "https://api.daily.co/v1#part",
        ] {
            assert!(
                matches!(base_url(bad), Err(ClientError::BaseUrl)),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_refused_url_is_not_told() {
        let error = base_url("https://user:s3cret@host/").expect_err("is refused");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }

    #[test]
    fn a_ca_file_without_a_usable_certificate_ends_the_process() {
        let build = |pem: &[u8]| Client::builder("https://h/v1").extra_ca_pem(pem).build();
        for (pem, why) in [
            (&b""[..], "the file is empty"),
            (b"not PEM at all", "not PEM"),
            (
                b"-----BEGIN CERTIFICATE-----\nAAAA\n",
                "its END line is missing",
            ),
        ] {
            let error = build(pem).expect_err("is refused").to_string();
            assert!(error.contains(why) && error.contains("in PEM"), "{error}");
        }
        let gone = Client::builder("https://h/v1").ca_file(Path::new("no/such/file"));
        let error = gone.build().expect_err("is refused").to_string();
        assert!(error.contains("no/such/file"), "{error}");
    }
}
