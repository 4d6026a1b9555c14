//! The grammars of flags. No I/O.
//!
//! A parser says what to write; clap adds the flag and the value. So no flag whose value can hold a
//! password is parsed here.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::crd::default_api_key_key;
use crate::crd::grammar::{
    API_KEY_SECRET_KEY, API_KEY_SECRET_NAME, Grammar, InvalidField, PHONE_NUMBER,
};
use crate::crd::room_properties::RESTRICTED;
use crate::phone::{self, GlobalNumbers};

/// Durations as in the Gateway API (GEP-2257).
static DURATION: Grammar = Grammar::new(
    "^([0-9]{1,5}(h|m|s|ms)){1,4}$",
    32,
    "use a duration such as 90s, 5m, 1h30m or 500ms",
);
/// A namespace is named by a DNS label (RFC 1123).
static NAMESPACE: Grammar = Grammar::new(
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    63,
    "use the name of a namespace, for example team-a",
);
/// Ids become part of room names, records and messages.
static ID: Grammar = Grammar::new(
    "^[-_./A-Za-z0-9]+$",
    253,
    "use at most 253 letters, digits, '-', '_', '.' and '/'",
);

/// The value of an optional flag; `None` if it is empty. A manifest often sets an environment variable
/// to the empty string to leave it out.
#[derive(Clone, Debug)]
pub struct Given<T>(pub Option<T>);

/// Parses the value of an optional flag.
pub(super) fn given<T, E>(
    parse: fn(&str) -> Result<T, E>,
) -> impl Fn(&str) -> Result<Given<T>, E> + Clone {
    move |text| match text.trim() {
        "" => Ok(Given(None)),
        text => parse(text).map(|it| Given(Some(it))),
    }
}

/// Parses the value of a flag; an empty value means the default.
pub(super) fn or<T, E>(
    default: &'static str,
    parse: fn(&str) -> Result<T, E>,
) -> impl Fn(&str) -> Result<T, E> + Clone {
    move |text| match text.trim() {
        "" => parse(default),
        text => parse(text),
    }
}

/// A key in a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretKey {
    /// The namespace of the Secret.
    pub namespace: String,
    /// The name of the Secret.
    pub name: String,
    /// The key under which it holds the value.
    pub key: String,
}

/// `NAMESPACE/NAME` or `NAMESPACE/NAME/KEY`.
pub(super) fn secret_key(text: &str) -> Result<SecretKey, &'static str> {
    let mut parts = text.splitn(3, '/');
    let (namespace, name, key) = (parts.next(), parts.next(), parts.next());
    let fitting = |part: Option<&str>, grammar: &Grammar| {
        part.and_then(|it| grammar.check(it).ok())
            .map(str::to_owned)
    };
    let found = || {
        Some(SecretKey {
            namespace: fitting(namespace, &NAMESPACE)?,
            name: fitting(name, &API_KEY_SECRET_NAME)?,
            key: match key {
                Some(_) => fitting(key, &API_KEY_SECRET_KEY)?,
                None => default_api_key_key(),
            },
        })
    };
    found().ok_or(
        "use NAMESPACE/NAME of a Secret, or NAMESPACE/NAME/KEY, for example daily/daily-api-key",
    )
}

pub(super) fn boolean(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "use true or false")
}

pub(super) fn path(text: &str) -> Result<PathBuf, Infallible> {
    text.parse()
}

pub(super) fn duration(text: &str) -> Result<Duration, InvalidField> {
    let duration = DURATION.check(text)?.parse::<kube::core::Duration>();
    duration.map(Into::into).map_err(|_| DURATION.invalid())
}

/// `:8080` means port 8080 of all addresses, IPv6 and IPv4.
pub(super) fn listen(text: &str) -> Result<SocketAddr, &'static str> {
    let all = text.strip_prefix(':').map(|port| format!("[::]:{port}"));
    let address = all.as_deref().unwrap_or(text).parse();
    address.map_err(|_| "use an address and a port such as :8080, 127.0.0.1:8080 or [::1]:8080")
}

pub(super) fn namespace(text: &str) -> Result<String, InvalidField> {
    NAMESPACE.check(text).map(str::to_owned)
}

/// Each namespace counts once.
pub(super) fn namespaces(text: &str) -> Result<Vec<String>, &'static str> {
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',').map(str::trim) {
        let name = namespace(name).map_err(
            |_| "use names of namespaces separated by commas, for example team-a,team-b",
        )?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Each property counts once.
pub(super) fn restricted_properties(text: &str) -> Result<Vec<String>, String> {
    let mut names: Vec<&str> = text.split(',').map(str::trim).collect();
    names.sort_unstable();
    names.dedup();
    match names.iter().all(|it| RESTRICTED.contains(it)) {
        true => Ok(names.into_iter().map(str::to_owned).collect()),
        false => Err(format!(
            "use any of {}, separated by commas",
            RESTRICTED.join(", ")
        )),
    }
}

/// A room that names no country publishes the US number.
pub(super) fn global_numbers(text: &str) -> Result<GlobalNumbers, &'static str> {
    const EXAMPLE: &str = "use phone numbers in E.164 form separated by commas, at most one for each country \
                           and one of the US, for example +12095038039,+442080501289";
    let mut numbers = GlobalNumbers::new();
    for number in text.split(',').map(str::trim) {
        let number = PHONE_NUMBER.check(number).map_err(|_| EXAMPLE)?;
        let country = phone::country(number).ok_or(EXAMPLE)?;
        if numbers.insert(country, number.to_owned()).is_some() {
            return Err(EXAMPLE);
        }
    }
    let has_us = numbers.contains_key("US");
    has_us.then_some(numbers).ok_or(EXAMPLE)
}

pub(super) fn id(text: &str) -> Result<String, InvalidField> {
    ID.check(text).map(str::to_owned)
}

pub(super) fn ids(text: &str) -> Result<Vec<String>, InvalidField> {
    let ids = text.split(',').map(str::trim);
    ids.filter(|it| !it.is_empty()).map(id).collect()
}
