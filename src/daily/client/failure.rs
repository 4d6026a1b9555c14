//! Why a call has no usable answer. No I/O.
//!
//! The messages go into conditions, events and logs. They quote no body, which could hold a PIN, and
//! repeat word for word for the same fault, so that retries publish no new event.

use std::error::Error as StdError;

use hyper_util::client::legacy;
use rustls::{CertificateError, Error as TlsError};

use crate::cause::{chain_without, tls};
use crate::daily::mask::masked;
use crate::daily::types::ApiKey;

/// hyper's message when a proxy answers CONNECT with a status other than 200 and 407.
const REFUSED_TUNNEL: &str = "tunnel error: unsuccessful";
/// Ours, which cannot name the status, as hyper does not.
const REFUSED: &str = "the proxy refused to connect (CONNECT)";
/// hyper's message when the proxy answers with 407.
const UNAUTHORIZED_TUNNEL: &str = "tunnel error: proxy authorization required";

/// Why there is no usable answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cause {
    #[error("{0}")]
    Connection(String),
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    #[error(
        "the answer is not the JSON that was expected (line {line}, column {column}, {category:?})"
    )]
    NotUnderstood {
        line: usize,
        column: usize,
        category: serde_json::error::Category,
    },
    #[error(
        "the answer is not Daily's JSON: {}", origin(.proxy.as_deref())
    )]
    NotDaily { proxy: Option<String> },
    #[error("{}; check the user and password of the proxy", refused_by(.proxy.as_deref()))]
    ProxyAuthorization { proxy: Option<String> },
}

fn origin(proxy: Option<&str>) -> String {
    match proxy {
        Some(proxy) => format!("it comes from the proxy {proxy} or a server behind it"),
        None => "it comes from a proxy, a gateway or another server; check --daily-base-url and \
                 the network between the operator and Daily"
            .to_owned(),
    }
}

fn refused_by(proxy: Option<&str>) -> String {
    match proxy {
        Some(proxy) => format!("the proxy {proxy} requires authorization"),
        None => "a proxy on the way requires authorization".to_owned(),
    }
}

impl Cause {
    /// A failed connection, or an answer that did not arrive in time.
    pub(super) fn of(error: &reqwest::Error, key: &ApiKey, proxy: Option<&str>) -> Self {
        let failure = masked(&failure(error), key);
        let through = match proxy {
            Some(proxy) => format!("through the proxy {proxy}: "),
            None => String::new(),
        };
        let advice = match advice(error, &failure, proxy.is_some()) {
            Some(advice) => format!("; {advice}"),
            None => String::new(),
        };
        Self::Connection(format!("{through}{failure}{advice}"))
    }

    /// Whether the certificate of the other side was not trusted.
    pub(super) fn is_distrust(error: &reqwest::Error) -> bool {
        causes(error).any(|it| matches!(tls(it), Some(TlsError::InvalidCertificate(_))))
    }
}

impl From<serde_json::Error> for Cause {
    fn from(error: serde_json::Error) -> Self {
        Self::NotUnderstood {
            line: error.line(),
            column: error.column(),
            category: error.classify(),
        }
    }
}

/// What failed, without the layers of the client that only say that something did; the outermost
/// one also names the URL.
fn failure(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        let what = match error.is_connect() {
            true => "no connection within the connect timeout",
            false => "no complete answer within the time limit of a call",
        };
        return what.to_owned();
    }
    let layer =
        |it: &(dyn StdError + 'static)| it.is::<reqwest::Error>() || it.is::<legacy::Error>();
    let text = chain_without(error, layer);
    match text.as_str() {
        "" => "the connection failed".to_owned(),
        REFUSED_TUNNEL => REFUSED.to_owned(),
        _ => text,
    }
}

/// The next step of the user, if it is known.
fn advice(error: &reqwest::Error, failure: &str, proxied: bool) -> Option<&'static str> {
    let problem = causes(error).find_map(tls).map(|error| match error {
        TlsError::InvalidCertificate(problem) => Some(problem),
        _ => None,
    });
    match problem {
        // BadSignature: a trusted CA has the same name and another key.
        Some(Some(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {
            return Some(
                "if a private CA has signed the certificate of Daily's address or of a proxy, \
                 provide that CA with --daily-ca-file (in the chart: daily.caBundle)",
            );
        }
        Some(Some(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => return Some("check the host in --daily-base-url"),
        Some(Some(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        )) => return Some("check the certificate and the clock of this machine"),
        Some(_) => return None,
        None => {}
    }
    match failure {
        UNAUTHORIZED_TUNNEL => return Some("check the user and password of the proxy"),
        // Some proxies answer a wrong password with 401 instead of 407.
        REFUSED => {
            return Some(
                "check that the proxy allows and reaches Daily's host and port, and that its user \
                 and password are right",
            );
        }
        _ => {}
    }
    match (error.is_connect(), error.is_dns(), proxied) {
        (true, true, true) => Some("check the host of the proxy and the DNS of the cluster"),
        (true, true, false) => {
            Some("check the host in --daily-base-url and the DNS of the cluster")
        }
        (true, false, true) => {
            Some("check that the proxy runs and that the network lets the operator reach it")
        }
        (true, false, false) => Some(
            "check that the network (a NetworkPolicy, a firewall) lets the operator reach Daily, \
             or set a proxy with --daily-proxy",
        ),
        (false, ..) => None,
    }
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |it| (*it).source())
}
