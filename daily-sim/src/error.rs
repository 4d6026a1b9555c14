//! Why a simulator does not start. Each message says what to change.

use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::StateFileError;

/// Why a simulator does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration describes no account.
    #[error(
        "there is no account: add --api-key KEY --domain NAME, or --account domain=NAME,key=KEY"
    )]
    NoAccount,
    /// An account has no domain, or one that cannot be part of a room's URL.
    #[error(
        "domain {0:?} is not a name: use letters, digits and hyphens, for example --domain demo"
    )]
    BadDomain(String),
    /// An account has no key, or an empty one.
    #[error("account {0} has no API key: add key=KEY, or --api-key KEY")]
    NoKey(String),
    /// Two accounts have one domain.
    #[error("domain {0} appears twice: give all keys and numbers of a domain to one account")]
    SharedDomain(String),
    /// Two accounts have one key. The error does not contain the key.
    #[error("account {0} has a key that appears twice: a key belongs to one domain")]
    SharedKey(String),
    /// A purchased number is not written in E.164.
    #[error("{0:?} is not a telephone number in E.164: write it like +12025550123")]
    BadNumber(String),
    /// A purchased number is one of Daily's global numbers.
    #[error(
        "{0} is one of Daily's global numbers, which nobody can purchase: it would answer without \
         any config and hide mistakes; use a number like +12025550123"
    )]
    GlobalNumber(String),
    /// A number appears twice.
    #[error("number {0} appears twice: a number belongs to one account")]
    SharedNumber(String),
    /// The state file cannot be used.
    #[error(transparent)]
    State(#[from] StateFileError),
    /// The certificate or its key cannot be used.
    #[error("cannot serve TLS with {cert} and {key}")]
    Tls {
        /// The certificate chain in PEM.
        cert: PathBuf,
        /// The private key in PEM.
        key: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What went wrong.
        source: std::io::Error,
    },
}
