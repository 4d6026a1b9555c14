//! The proxy for calls to Daily: a flag, or the environment variables that HTTP clients share. No I/O.

use std::fmt;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;

use super::ConfigError;
use super::environment::Environment;
use super::url::{BaseUrl, is_loopback};

const FLAG: &str = "--daily-proxy";

/// The proxy for calls to Daily. Neither `Display` nor `Debug` shows its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    origin: &'static str,
    /// Without user and password.
    uri: Uri,
    authorization: Option<HeaderValue>,
}

impl Proxy {
    /// The flag or the environment variable with the proxy's URL.
    pub fn origin(&self) -> &'static str {
        self.origin
    }

    /// The proxy in the form that reqwest takes.
    ///
    /// # Errors
    /// When reqwest rejects the URL.
    pub(crate) fn for_http(&self) -> Result<reqwest::Proxy, reqwest::Error> {
        let proxy = reqwest::Proxy::all(self.uri.to_string())?;
        Ok(match &self.authorization {
            Some(value) => proxy.custom_http_auth(value.clone()),
            None => proxy,
        })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.uri.to_string().trim_end_matches('/'))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self} from {})", self.origin)
    }
}

/// The proxy for this base URL.
///
/// The flag overrides the variables, `NO_PROXY` included. As in Go's HTTP client, the variables never
/// apply to loopback.
pub(super) fn proxy(
    flag: Option<&str>,
    environment: &Environment,
    base: &BaseUrl,
) -> Result<Option<Proxy>, ConfigError> {
    if let Some(text) = flag {
        let proxy = parse(FLAG, text, base)?;
        let host = proxy.uri.host().unwrap_or_default();
        // The proxy sees the API key in plain HTTP.
        if base.text.starts_with("http:") && !is_loopback(host) {
            return Err(ConfigError::ProxyForHttp);
        }
        return Ok(Some(proxy));
    }
    let Some((variable, text)) = &environment.https_proxy else {
        return Ok(None);
    };
    if base.loopback || is_excluded(&environment.no_proxy, base) {
        return Ok(None);
    }
    parse(variable, text, base).map(Some)
}

fn is_excluded(no_proxy: &str, base: &BaseUrl) -> bool {
    let any = Matcher::builder().all("http://proxy.invalid").no(no_proxy);
    any.build().intercept(&base.uri).is_none()
}

fn parse(origin: &'static str, text: &str, base: &BaseUrl) -> Result<Proxy, ConfigError> {
    let wrong = || ConfigError::Proxy { origin };
    let text = text.trim();
    // An unescaped '/', '?' or '#' in a password would end the authority, and the user would be taken
    // for the host.
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#']) {
        return Err(wrong());
    }
    let matcher = Matcher::builder()
        .all(format!("{scheme}://{authority}"))
        .build();
    let found = matcher.intercept(&base.uri).ok_or_else(wrong)?;
    let uri = found.uri();
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    if !is_http || uri.host().is_none_or(str::is_empty) {
        return Err(wrong());
    }
    Ok(Proxy {
        origin,
        uri: uri.clone(),
        authorization: found.basic_auth().cloned(),
    })
}
