//! The grammars of single flags. No I/O.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http::Uri;

use super::ConfigError;

/// Where the Daily API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    /// Without a slash at its end.
    pub text: String,
    /// Whether it never leaves this machine, as with a simulated Daily.
    pub loopback: bool,
}

/// An HTTPS URL without user, query and fragment; plain HTTP on loopback only, as the key is sent.
pub(crate) fn base_url(text: &str) -> Result<BaseUrl, ConfigError> {
    let wrong = |wanted| ConfigError::value("daily-base-url", text, wanted);
    let text = text.trim();
    if text.contains('@') {
        return Err(ConfigError::UserInUrl);
    }
    let form = "a URL such as https://api.daily.co/v1, without query and fragment";
    let uri: Uri = text.parse().map_err(|_| wrong(form))?;
    let host = uri.host().filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| wrong(form))?;
    if text.contains(['?', '#']) {
        return Err(wrong(form));
    }
    let loopback = is_loopback(host);
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if loopback => {}
        _ => return Err(wrong("an https:// URL; http:// is for loopback only")),
    }
    let text = text.trim_end_matches('/').to_owned();
    Ok(BaseUrl { text, loopback })
}

pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |ip: IpAddr| ip.is_loopback();
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(is_loopback)
}

/// A duration in the form of the Gateway API (GEP-2257): up to four numbers with units.
pub(super) fn duration(flag: &'static str, text: &str) -> Result<Duration, ConfigError> {
    let wanted = "a duration such as 90s, 5m, 1h30m or 500ms";
    let wrong = || ConfigError::value(flag, text, wanted);
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    for _ in 0..4 {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits).ok_or_else(wrong)?;
        if digits > 5 {
            return Err(wrong());
        }
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at_checked(letters).ok_or_else(wrong)?;
        let part = match unit {
            "h" => Duration::from_secs(number * 3600),
            "m" => Duration::from_secs(number * 60),
            "s" => Duration::from_secs(number),
            "ms" => Duration::from_millis(number),
            _ => return Err(wrong()),
        };
        total = total.saturating_add(part);
        rest = after;
        if rest.is_empty() {
            return Ok(total);
        }
    }
    Err(wrong())
}

/// `:8080` is every address, by IPv6 and IPv4.
pub(super) fn listen(text: &str) -> Result<SocketAddr, ConfigError> {
    let wanted = "an address and a port such as :8080, 127.0.0.1:8080 or [::1]:8080";
    let wrong = || ConfigError::value("listen", text, wanted);
    match text.trim().strip_prefix(':') {
        Some(port) => {
            let port: u16 = port.parse().map_err(|_| wrong())?;
            Ok(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))
        }
        None => text.trim().parse().map_err(|_| wrong()),
    }
}

/// Names of namespaces, separated by commas; each counts once.
pub(super) fn namespaces(text: Option<&str>) -> Result<Vec<String>, ConfigError> {
    let mut names = Vec::new();
    for name in text.into_iter().flat_map(|text| text.split(',')) {
        let name = namespace("watch-namespaces", name)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// The name of a namespace.
pub(super) fn namespace(flag: &'static str, text: &str) -> Result<String, ConfigError> {
    let name = text.trim();
    if is_label(name) {
        return Ok(name.to_owned());
    }
    let wanted = match flag {
        "watch-namespaces" => "names of namespaces, separated by commas, for example team-a,team-b",
        _ => "the name of a namespace, for example team-a",
    };
    Err(ConfigError::value(flag, text, wanted))
}

/// An id that people choose, which is written into names, annotations and messages.
pub(super) fn id(flag: &'static str, text: &str) -> Result<String, ConfigError> {
    let id = text.trim();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    if id.len() <= 253 && id.bytes().all(fits) {
        return Ok(id.to_owned());
    }
    let wanted = "at most 253 letters, digits, '-', '_', '.' and '/'";
    Err(ConfigError::value(flag, text, wanted))
}

/// Ids, separated by commas.
pub(super) fn ids(flag: &'static str, text: Option<&str>) -> Result<Vec<String>, ConfigError> {
    let ids = text.unwrap_or_default().split(',').map(str::trim);
    let ids = ids.filter(|text| !text.is_empty());
    ids.map(|text| id(flag, text)).collect()
}

/// Whether this is a DNS label, as names of namespaces are.
pub(super) fn is_label(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(fits)
        && !text.starts_with('-')
        && !text.ends_with('-')
}
