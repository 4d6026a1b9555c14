//! The HTTP client underneath, with the CA file that is in force.
//!
//! A mounted ConfigMap or Secret changes while the operator runs. The file is read again every few
//! seconds when calls are made, and at the call after one that met a certificate which is not
//! trusted. Content that cannot be used changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls::{ClientConfig, RootCertStore};

use super::build::{ClientError, Settings};
use super::bundle;
use crate::cause::chain;
use crate::clock::{self, Moment};

/// Whom to trust beside the roots that are compiled in.
#[derive(Debug)]
pub(super) enum Trust {
    /// These certificates.
    Fixed(Option<Vec<u8>>),
    /// Those of a file, whose content may be known for so long.
    File(PathBuf, Duration),
}

#[derive(Debug)]
pub(super) struct Transport {
    settings: Settings,
    trust: Trust,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    http: reqwest::Client,
    /// The content of the CA file that `http` trusts.
    pem: Option<Vec<u8>>,
    /// When the file was read last; `None` if it is to be read before the next call.
    read_at: Option<Moment>,
    /// What of the file is not trusted, and why.
    skipped: Vec<String>,
    /// What was wrong when it was read last, so that it is logged once.
    complaint: String,
}

impl Transport {
    pub(super) fn new(settings: Settings, trust: Trust) -> Result<Self, ClientError> {
        let (pem, file) = match &trust {
            Trust::Fixed(pem) => (pem.clone(), None),
            Trust::File(file, _) => (Some(read(file)?), Some(file.as_path())),
        };
        let (http, skipped) = http(&settings, pem.as_deref(), file)?;
        warn_of(&skipped, file);
        Ok(Self {
            settings,
            current: Mutex::new(Current {
                http,
                pem,
                skipped,
                read_at: Some(clock::now()),
                complaint: String::new(),
            }),
            trust,
        })
    }

    /// The proxy that calls go through, as it may be shown.
    pub(super) fn proxy(&self) -> Option<&str> {
        self.settings.proxy_name.as_deref()
    }

    /// The client that trusts what the CA file holds now.
    pub(super) async fn http(&self) -> reqwest::Client {
        if let Trust::File(file, age) = &self.trust
            && self.is_due(*age)
        {
            let content = tokio::fs::read(file).await;
            self.take(file, content.map_err(|error| chain(&error)));
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

    /// Whether it is this call's turn to read the file.
    fn is_due(&self, age: Duration) -> bool {
        let now = clock::now();
        let mut current = self.current.lock();
        let fresh = |at: Moment| at.until(now) < age;
        if current.read_at.is_some_and(fresh) {
            return false;
        }
        current.read_at = Some(now);
        true
    }

    fn take(&self, file: &Path, content: Result<Vec<u8>, String>) {
        let mut current = self.current.lock();
        let built = match content {
            Ok(pem) if current.pem.as_ref() == Some(&pem) => {
                current.complaint.clear();
                return;
            }
            Ok(pem) => http(&self.settings, Some(&pem), Some(file))
                .map(|built| (pem, built))
                .map_err(|error| chain(&error)),
            Err(error) => Err(error),
        };
        match built {
            Ok((pem, (http, skipped))) => {
                tracing::info!(file = %file.display(), "The CA file for Daily has changed; the new content is in force");
                warn_of(&skipped, Some(file));
                current.http = http;
                current.skipped = skipped;
                current.pem = Some(pem);
                current.complaint.clear();
            }
            Err(error) if error == current.complaint => {}
            Err(error) => {
                tracing::warn!(
                    file = %file.display(),
                    error,
                    "The CA file for Daily cannot be used any more; its last good content stays in force"
                );
                current.complaint = error;
            }
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

/// A client that trusts these certificates beside the roots that are compiled in, and what of them
/// was skipped.
fn http(
    settings: &Settings,
    pem: Option<&[u8]>,
    file: Option<&Path>,
) -> Result<(reqwest::Client, Vec<String>), ClientError> {
    let mut roots = RootCertStore::empty();
    let compiled_in = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
    roots.add_parsable_certificates(compiled_in);
    let mut skipped = Vec::new();
    if let Some(pem) = pem {
        let outcome = bundle::add(&mut roots, pem);
        if outcome.added == 0 {
            return Err(ClientError::NoCertificate {
                given: file.map_or("the CA bundle".to_owned(), |file| {
                    format!("--daily-ca-file is {file:?}, which")
                }),
                why: outcome.skipped.join("; "),
            });
        }
        skipped = outcome.skipped;
    }
    Ok((settings.http(tls(roots)?)?, skipped))
}

/// The provider is named here, so that it does not matter whether the process has a default one.
fn tls(roots: RootCertStore) -> Result<ClientConfig, ClientError> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
