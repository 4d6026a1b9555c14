//! The HTTP client underneath, which trusts the CA file in its current content.
//!
//! A mounted ConfigMap or Secret changes while the operator runs. A call reads the file again if its
//! content was last read some seconds ago, or if an earlier call met a certificate that is not
//! trusted. If the new content is not usable, the last good content stays in force.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::{ClientConfig, RootCertStore};

use super::ca_bundle;
use super::settings::{ClientError, Settings};
use crate::cause::{Recurring, chain};
use crate::clock::{self, Moment};

#[derive(Debug)]
pub(super) struct Transport {
    settings: Settings,
    /// The proxy as it may be shown.
    proxy: Option<String>,
    /// Not held over an `await`, hence no async lock.
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    http: reqwest::Client,
    /// The content of the CA file that `http` trusts.
    pem: Option<Vec<u8>>,
    /// When the file was last read; `None` if the next call has to read it.
    read_at: Option<Moment>,
    /// The parts of the file that are not trusted, and why.
    skipped: Vec<String>,
    problem: Recurring,
}

impl Transport {
    pub(super) fn new(settings: Settings) -> Result<Self, ClientError> {
        let pem = settings.ca_file.as_deref().map(read).transpose()?;
        let (http, skipped) = http(&settings, pem.as_deref())?;
        warn_of(&skipped, settings.ca_file.as_deref());
        Ok(Self {
            proxy: settings.proxy.as_ref().map(ToString::to_string),
            settings,
            current: Mutex::new(Current {
                http,
                pem,
                skipped,
                read_at: Some(clock::now()),
                problem: Recurring::default(),
            }),
        })
    }

    /// The proxy of the calls, as it may be shown.
    pub(super) fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    /// The client that trusts the CA file in its current content.
    pub(super) async fn http(&self) -> reqwest::Client {
        if let Some(file) = &self.settings.ca_file
            && self.is_due()
        {
            let content = tokio::fs::read(file).await;
            self.update(file, content.map_err(|error| chain(&error)));
        }
        self.current.lock().http.clone()
    }

    pub(super) fn skipped(&self) -> Vec<String> {
        self.current.lock().skipped.clone()
    }

    /// A certificate was not trusted: the file may have changed.
    pub(super) fn distrusted(&self) {
        self.current.lock().read_at = None;
    }

    /// Whether this call has to read the file. Calls beside it do not.
    fn is_due(&self) -> bool {
        let now = clock::now();
        let mut current = self.current.lock();
        let fresh = |at: Moment| at.until(now) < self.settings.ca_file_age;
        if current.read_at.is_some_and(fresh) {
            return false;
        }
        current.read_at = Some(now);
        true
    }

    fn update(&self, file: &Path, content: Result<Vec<u8>, String>) {
        let mut current = self.current.lock();
        let built = content.and_then(|pem| {
            if current.pem.as_ref() == Some(&pem) {
                return Ok(None);
            }
            let built = http(&self.settings, Some(&pem)).map_err(|error| chain(&error))?;
            Ok(Some((pem, built)))
        });
        let file = file.display();
        let changed = match built {
            Ok(changed) => changed,
            Err(error) => {
                if current.problem.failed(&error) {
                    tracing::warn!(
                        %file,
                        error,
                        "The CA file for Daily is not usable any more; its last good content stays in force"
                    );
                }
                return;
            }
        };
        current.problem.succeeded();
        if let Some((pem, (http, skipped))) = changed {
            tracing::info!(%file, "The CA file for Daily has changed; its new content is in force");
            warn_of(&skipped, self.settings.ca_file.as_deref());
            current.http = http;
            current.skipped = skipped;
            current.pem = Some(pem);
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, ClientError> {
    std::fs::read(file).map_err(|source| ClientError::CaFile {
        file: file.to_owned(),
        source,
    })
}

fn warn_of(skipped: &[String], file: Option<&Path>) {
    let file = file.map(|file| file.display().to_string());
    for problem in skipped {
        tracing::warn!(
            file,
            "A part of the CA file for Daily is skipped: {problem}"
        );
    }
}

/// A client that trusts the compiled-in roots and this content of the CA file; and the parts of the
/// file that it skips.
fn http(
    settings: &Settings,
    pem: Option<&[u8]>,
) -> Result<(reqwest::Client, Vec<String>), ClientError> {
    let mut roots = RootCertStore::empty();
    let compiled_in = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
    roots.add_parsable_certificates(compiled_in);
    let outcome = pem.map(|pem| ca_bundle::add(&mut roots, pem));
    let outcome = outcome.unwrap_or_default();
    if pem.is_some() && outcome.added == 0 {
        return Err(ClientError::NoCertificate {
            file: settings.ca_file.clone().unwrap_or_default(),
            why: outcome.skipped.join("; "),
        });
    }
    Ok((settings.http(tls(roots)?)?, outcome.skipped))
}

/// The provider is given, so that the client works whether or not the process has a default one.
fn tls(roots: RootCertStore) -> Result<ClientConfig, ClientError> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
