//! Builds a [`Client`]: where Daily is, whom to trust, how long to wait.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};

use super::Client;

/// Until there is a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Until the whole answer is read, from the start of the call on.
const DEADLINE: Duration = Duration::from_secs(10);
/// Idle connections are closed before the other side does it: a write that is sent on a connection
/// which is just being closed has an unknown outcome. Common servers wait 5 s and more.
const IDLE: Duration = Duration::from_secs(4);
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
    /// The file with further roots is not PEM.
    #[error("the certificates to trust are not PEM")]
    Pem(#[source] pem::Error),
    /// There is no certificate in the file with further roots.
    #[error("there is no certificate among the certificates to trust")]
    NoCertificate,
    /// A certificate or the TLS settings cannot be used.
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
    deadline: Duration,
}

impl ClientBuilder {
    pub(super) fn new(base_url: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            extra_ca_pem: None,
            deadline: DEADLINE,
        }
    }

    /// Trusts these certificates beside the roots that are compiled in.
    #[must_use]
    pub fn extra_ca_pem(mut self, pem: &[u8]) -> Self {
        self.extra_ca_pem = Some(pem.to_owned());
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
    /// When the URL or a certificate cannot be used.
    pub fn build(self) -> Result<Client, ClientError> {
        let base = base_url(&self.base_url)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(self.extra_ca_pem.as_deref())?)
            .https_only(base.scheme() == "https")
            .http1_only()
            .no_proxy()
            .referer(false)
            .redirect(Policy::none())
            // Whether a call is made again is decided where its outcome is understood.
            .retry(reqwest::retry::never())
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(self.deadline)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|error| ClientError::Http(error.without_url()))?;
        Ok(Client { http, base })
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

/// The provider is named here, so that it does not matter whether the process has a default one.
fn tls(extra_ca_pem: Option<&[u8]>) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore::empty();
    let compiled_in = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
    roots.add_parsable_certificates(compiled_in);
    if let Some(pem) = extra_ca_pem {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(ClientError::Pem)?;
            roots.add(certificate).map_err(ClientError::Tls)?;
        }
        if roots.len() == before {
            return Err(ClientError::NoCertificate);
        }
    }
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
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
    fn the_roots_that_are_compiled_in_are_there() {
        assert!(tls(None).is_ok());
        assert!(!webpki_root_certs::TLS_SERVER_ROOT_CERTS.is_empty());
    }

    #[test]
    fn further_roots_must_be_certificates() {
        assert!(matches!(tls(Some(b"")), Err(ClientError::NoCertificate)));
        assert!(matches!(
            tls(Some(b"not PEM at all")),
            Err(ClientError::NoCertificate)
        ));
        let no_end = b"-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert!(matches!(tls(Some(no_end)), Err(ClientError::Pem(_))));
        let no_der = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(tls(Some(no_der)), Err(ClientError::Tls(_))));
    }
}
