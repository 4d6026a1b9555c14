//! The URL of the Daily API. No I/O.

use std::net::IpAddr;

use http::Uri;

use super::ConfigError;

/// The URL of the Daily API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    /// Without a trailing slash.
    pub(crate) text: String,
    pub(super) uri: Uri,
    /// Whether calls stay on this machine, as with a simulated Daily.
    pub(super) loopback: bool,
}

impl BaseUrl {
    /// HTTPS, because each call carries the API key; plain HTTP only on loopback.
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let text = text.trim().trim_end_matches('/');
        if text.contains('@') {
            return Err(ConfigError::UserInUrl);
        }
        let uri: Uri = text.parse().map_err(|_| ConfigError::BaseUrl)?;
        let host = uri.host().filter(|host| !host.is_empty());
        let loopback = is_loopback(host.ok_or(ConfigError::BaseUrl)?);
        let is_private = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => loopback,
            _ => false,
        };
        if !is_private || text.contains(['?', '#']) {
            return Err(ConfigError::BaseUrl);
        }
        Ok(Self {
            text: text.to_owned(),
            uri,
            loopback,
        })
    }
}

pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |ip: IpAddr| ip.is_loopback();
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(is_loopback)
}
