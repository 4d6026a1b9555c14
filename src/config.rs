//! Flags and environment, validated into [`Config`]. Only [`Environment`] does I/O.

mod environment;
mod error;
mod parse;
mod proxy;
mod scope;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use environment::Environment;
pub use error::ConfigError;
pub(crate) use parse::base_url;
pub use proxy::Proxy;
pub use scope::Scope;
use secrecy::ExposeSecret;

use crate::cli::RunArgs;
use crate::crd::default_api_key_key;
use crate::crd::grammar::{API_KEY_SECRET_KEY, API_KEY_SECRET_NAME};
use crate::reconcile::meta::Identity;

/// The name of the Lease.
pub const LEASE_NAME: &str = "daily-operator";

const BASE_URL: &str = "https://api.daily.co/v1";
const LISTEN: &str = ":8080";
const QUIET_PERIOD: Duration = Duration::from_secs(60);
const SHORTEST_QUIET_PERIOD: Duration = Duration::from_secs(30);
const DRIFT_INTERVAL: Duration = Duration::from_secs(300);
const SHORTEST_DRIFT_INTERVAL: Duration = Duration::from_secs(30);
/// With a simulated Daily, too: the listings have to end before the next ones begin.
const SHORTEST_DRIFT_INTERVAL_EVER: Duration = Duration::from_secs(1);

/// What the operator is started with, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the Daily API is, without a slash at its end; HTTPS, except on loopback.
    pub daily_base_url: String,
    /// A PEM file with roots to trust beside those compiled in.
    pub daily_ca_file: Option<PathBuf>,
    /// The proxy for Daily.
    pub daily_proxy: Option<Proxy>,
    /// The Secret with the default key.
    pub default_key: Option<DefaultKey>,
    /// Part of every derived room name; absent: the UID of the namespace kube-system.
    pub cluster_id: Option<String>,
    /// Which installation owns an object; absent: the id of the cluster with the Lease's namespace
    /// and name.
    pub installation_id: Option<String>,
    /// Installations whose objects this one takes over.
    pub take_over: Vec<String>,
    /// How long after a write with an unknown outcome nothing is believed to be gone.
    pub quiet_period: Duration,
    /// The namespaces to serve; empty is all.
    pub watch_namespaces: Vec<String>,
    /// How often each account is listed.
    pub drift_interval: Duration,
    /// Where health and metrics are served; `[::]` is every address.
    pub listen: SocketAddr,
    /// How logs are written.
    pub log_format: LogFormat,
    /// The namespace of the Lease.
    pub lease_namespace: String,
    /// Whether anything is written at all.
    pub writes: bool,
}

/// The Secret with the default key, and who may use it.
#[derive(Clone, Debug, PartialEq)]
pub struct DefaultKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The key in it.
    pub key: String,
    /// Namespaces whose DailyRooms may use it.
    pub rooms: Scope,
    /// Namespaces whose PinDialinNumbers may use it.
    pub numbers: Scope,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl Config {
    /// Checks what was written on the command line and in the environment; an empty value counts
    /// as absent.
    ///
    /// # Errors
    /// With a sentence that says what is wrong and what to write.
    pub fn new(args: RunArgs, environment: &Environment) -> Result<Self, ConfigError> {
        let given = |value: Option<String>| value.filter(|text| !text.trim().is_empty());
        let url = given(args.daily_base_url);
        let url = parse::base_url(url.as_deref().unwrap_or(BASE_URL))?;
        let lease_namespace = match given(args.lease_namespace) {
            Some(name) => parse::namespace("lease-namespace", &name)?,
            None => environment.pod_namespace().unwrap_or("default").to_owned(),
        };
        let rooms = Scope::parse(
            "default-api-key-namespaces",
            given(args.default_api_key_namespaces),
        )?;
        let numbers = Scope::parse(
            "default-api-key-number-namespaces",
            given(args.default_api_key_number_namespaces),
        )?;
        let secret = given(args.default_api_key_secret);
        let proxy = given(args.daily_proxy.map(|url| url.expose_secret().to_owned()));
        Ok(Self {
            daily_proxy: proxy::proxy(proxy.as_deref(), environment, &url)?,
            quiet_period: quiet_period(given(args.quiet_period), &url)?,
            drift_interval: drift_interval(given(args.drift_interval), &url)?,
            daily_base_url: url.text,
            daily_ca_file: given(args.daily_ca_file).map(PathBuf::from),
            default_key: default_key(secret.as_deref(), rooms, numbers)?,
            cluster_id: given(args.cluster_id)
                .map(|id| parse::id("cluster-id", &id))
                .transpose()?,
            installation_id: given(args.installation_id)
                .map(|id| parse::id("installation-id", &id))
                .transpose()?,
            take_over: parse::ids(
                "take-over-installation-ids",
                given(args.take_over_installation_ids).as_deref(),
            )?,
            watch_namespaces: parse::namespaces(given(args.watch_namespaces).as_deref())?,
            listen: parse::listen(given(args.listen).as_deref().unwrap_or(LISTEN))?,
            log_format: args.log_format,
            lease_namespace,
            writes: args.writes == crate::cli::Writes::Enabled,
        })
    }
}

impl Config {
    /// Who this operator is in the cluster of this id.
    #[must_use]
    pub fn identity(&self, cluster_id: String) -> Identity {
        let namespace = &self.lease_namespace;
        let default = || format!("{cluster_id}/{namespace}/{LEASE_NAME}");
        Identity {
            installation_id: self.installation_id.clone().unwrap_or_else(default),
            takes_over: self.take_over.clone(),
            cluster_id,
        }
    }
}

fn default_key(
    secret: Option<&str>,
    rooms: Scope,
    numbers: Scope,
) -> Result<Option<DefaultKey>, ConfigError> {
    let Some(secret) = secret else {
        return match (rooms, numbers) {
            (Scope::LeaseNamespace, Scope::LeaseNamespace) => Ok(None),
            _ => Err(ConfigError::NoDefaultKey),
        };
    };
    let wrong = || {
        ConfigError::value(
            "default-api-key-secret",
            secret,
            "NAMESPACE/NAME of a Secret, or NAMESPACE/NAME/KEY, for example daily/daily-api-key",
        )
    };
    let mut parts = secret.trim().splitn(3, '/');
    let namespace = parts.next().filter(|part| parse::is_label(part));
    let name = parts
        .next()
        .filter(|part| API_KEY_SECRET_NAME.check(part).is_ok());
    let key = match parts.next() {
        Some(key) => {
            let key = API_KEY_SECRET_KEY.check(key).map_err(|_| wrong())?;
            key.to_owned()
        }
        None => default_api_key_key(),
    };
    Ok(Some(DefaultKey {
        namespace: namespace.ok_or_else(wrong)?.to_owned(),
        name: name.ok_or_else(wrong)?.to_owned(),
        key,
        rooms,
        numbers,
    }))
}

fn quiet_period(text: Option<String>, url: &parse::BaseUrl) -> Result<Duration, ConfigError> {
    let Some(text) = text else {
        return Ok(QUIET_PERIOD);
    };
    let period = parse::duration("quiet-period", &text)?;
    if period < SHORTEST_QUIET_PERIOD && !url.loopback {
        return Err(ConfigError::value(
            "quiet-period",
            &text,
            "at least 30s: Daily may still carry out a write that it did not answer",
        ));
    }
    Ok(period)
}

fn drift_interval(text: Option<String>, url: &parse::BaseUrl) -> Result<Duration, ConfigError> {
    let Some(text) = text else {
        return Ok(DRIFT_INTERVAL);
    };
    let interval = parse::duration("drift-interval", &text)?;
    if url.loopback && interval < SHORTEST_DRIFT_INTERVAL_EVER {
        return Err(ConfigError::value("drift-interval", &text, "at least 1s"));
    }
    if interval < SHORTEST_DRIFT_INTERVAL && !url.loopback {
        return Err(ConfigError::value(
            "drift-interval",
            &text,
            "at least 30s: each pass lists all rooms of an account",
        ));
    }
    Ok(interval)
}

#[cfg(test)]
mod tests;
