//! What the operator is started with. The flags are typed by [`crate::cli`]; this checks the rules
//! between flags and fills in what the environment knows. Only [`Environment`] does I/O.

mod default_key;
mod environment;
mod proxy;
mod url;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use default_key::Scope;
pub use environment::Environment;
use kube::core::Selector;
pub use proxy::Proxy;
use secrecy::ExposeSecret;

pub(crate) use self::url::BaseUrl;
use crate::cli::{CodeInStatus, Given, LogFormat, OrphanPolicy, RunArgs, SecretKey, Writes};
use crate::daily::number_api::NumberApi;
use crate::phone::{self, GlobalNumbers};
use crate::reconcile::meta::Identity;

/// The name of the Lease.
pub const LEASE_NAME: &str = "daily-operator";

const BASE_URL: &str = "https://api.daily.co/v1";
const SHORTEST_QUIET_PERIOD: Duration = Duration::from_secs(30);
const SHORTEST_DRIFT_INTERVAL: Duration = Duration::from_secs(30);
/// The same with a simulated Daily: one listing must end before the next one starts.
const SHORTEST_DRIFT_INTERVAL_ON_LOOPBACK: Duration = Duration::from_secs(1);
const SHORTEST_ORPHAN_AGE: Duration = Duration::from_secs(3600);

/// What the operator is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The URL of the Daily API without a trailing slash; HTTPS, except on loopback.
    pub daily_base_url: String,
    /// A PEM file with CA certificates to trust for Daily, in addition to the built-in ones.
    pub daily_ca_file: Option<PathBuf>,
    /// The proxy for calls to Daily.
    pub daily_proxy: Option<Proxy>,
    /// The Secret with the default API key.
    pub default_key: Option<DefaultKey>,
    /// Restricted properties that DailyRooms with the default API key may set.
    pub allow_room_properties: Vec<String>,
    /// Daily's global numbers that DailyRooms may publish.
    pub global_numbers: GlobalNumbers,
    /// Whether no status has a PIN, whatever the specs say.
    pub omits_codes: bool,
    /// Whether objects that use the default key may adopt what exists at Daily.
    pub adoption_with_default_key: bool,
    /// Part of the derived room names. `None`: the UID of the namespace kube-system.
    pub cluster_id: Option<String>,
    /// Earlier ids of the cluster, whose derived names and records count as its own.
    pub previous_cluster_ids: Vec<String>,
    /// The id of this installation. `None`: cluster id, namespace and name of the Lease.
    pub installation_id: Option<String>,
    /// Installations whose objects this one takes over.
    pub take_over: Vec<String>,
    /// How long after a write with an unknown outcome nothing counts as absent at Daily.
    pub quiet_period: Duration,
    /// The namespaces to serve; empty means all.
    pub watch_namespaces: Vec<String>,
    /// How often the rooms of each account are listed.
    pub drift_interval: Duration,
    /// Where the dial-in configs of PinDialinNumbers are written.
    pub number_api: NumberApi,
    /// How long a room must have had no DailyRoom to be an orphan.
    pub orphan_age: Duration,
    /// Whether orphans are deleted, if it is safe.
    pub deletes_orphans: bool,
    /// Where probes and metrics are served; `[::]` is every address.
    pub listen: SocketAddr,
    /// The log format.
    pub log_format: LogFormat,
    /// The namespace of the Lease.
    pub lease_namespace: String,
    /// Whether the operator writes to Daily and Kubernetes.
    pub writes: bool,
}

/// The Secret with the default API key, and who may use it.
#[derive(Clone, Debug, PartialEq)]
pub struct DefaultKey {
    /// The namespace of the Secret.
    pub namespace: String,
    /// The name of the Secret.
    pub name: String,
    /// The key in the Secret.
    pub key: String,
    /// Namespaces whose DailyRooms may use it.
    pub rooms: Scope,
    /// Namespaces whose PinDialinNumbers may use it.
    pub numbers: Scope,
}

/// Why the operator cannot start with these flags. The values of URLs are not repeated, because they
/// can hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The URL of the Daily API is invalid.
    #[error(
        "--daily-base-url must be a URL such as https://api.daily.co/v1, without query and fragment; \
         use https://, or http:// on loopback"
    )]
    BaseUrl,
    /// The URL of the Daily API holds a user or password.
    #[error(
        "--daily-base-url must not contain a user or password; store the API key in a Secret and \
         name it with --default-api-key-secret"
    )]
    UserInUrl,
    /// The proxy's URL is invalid.
    #[error(
        "{origin} is not the URL of an HTTP proxy; use http://HOST:PORT or https://HOST:PORT, with a \
         user as in http://USER:PASSWORD@HOST:PORT and special characters percent-encoded"
    )]
    Proxy {
        /// The flag or the environment variable.
        origin: &'static str,
    },
    /// A proxy on another machine for a Daily API without TLS.
    #[error(
        "--daily-proxy cannot be used if --daily-base-url starts with http://, because the proxy \
         would see the API key; use an https:// URL, or a proxy on loopback"
    )]
    ProxyForHttp,
    /// Selectors for a default key, and no default key.
    #[error(
        "--default-api-key-namespaces and --default-api-key-number-namespaces restrict the default \
         API key, but none is configured; set --default-api-key-secret, or remove both flags"
    )]
    NoDefaultKey,
    /// A duration that is too short.
    #[error("--{flag} must be at least {}s: {why}", shortest.as_secs())]
    TooShort {
        /// The flag, without its dashes.
        flag: &'static str,
        /// The shortest duration that is accepted.
        shortest: Duration,
        /// The reason.
        why: &'static str,
    },
}

impl Config {
    /// The namespaces to watch, each for itself; `None` stands for all.
    pub fn scopes(&self) -> Vec<Option<&str>> {
        match self.watch_namespaces.is_empty() {
            true => vec![None],
            false => self
                .watch_namespaces
                .iter()
                .map(|it| Some(it.as_str()))
                .collect(),
        }
    }

    /// Checks the rules between flags. The environment stands in for flags that are absent.
    ///
    /// # Errors
    /// When the flags contradict each other, or a URL is invalid.
    pub fn new(args: RunArgs, environment: &Environment) -> Result<Self, ConfigError> {
        let filled = |text: &String| !text.trim().is_empty();
        let url = args.daily_base_url.filter(filled);
        let url = BaseUrl::parse(url.as_deref().unwrap_or(BASE_URL))?;
        let proxy = args.daily_proxy.map(|it| it.expose_secret().to_owned());
        let proxy = proxy.filter(filled);
        check_durations(
            args.quiet_period,
            args.drift_interval,
            args.orphan_age,
            url.loopback,
        )?;
        let pod_namespace = || {
            environment
                .pod_namespace
                .clone()
                .unwrap_or("default".to_owned())
        };
        Ok(Self {
            daily_proxy: proxy::proxy(proxy.as_deref(), environment, &url)?,
            quiet_period: args.quiet_period,
            drift_interval: args.drift_interval,
            number_api: args.number_api,
            orphan_age: args.orphan_age,
            deletes_orphans: args.orphan_policy == OrphanPolicy::Delete,
            daily_base_url: url.text,
            daily_ca_file: value(args.daily_ca_file),
            default_key: default_key(
                value(args.default_api_key_secret),
                scope(args.default_api_key_namespaces),
                scope(args.default_api_key_number_namespaces),
            )?,
            allow_room_properties: value(args.allow_room_properties).unwrap_or_default(),
            global_numbers: value(args.global_numbers).unwrap_or_else(phone::known_global_numbers),
            omits_codes: args.code_in_status == CodeInStatus::Omit,
            adoption_with_default_key: args.allow_adoption_with_default_key,
            cluster_id: value(args.cluster_id),
            previous_cluster_ids: value(args.previous_cluster_ids).unwrap_or_default(),
            installation_id: value(args.installation_id),
            take_over: value(args.take_over_installation_ids).unwrap_or_default(),
            watch_namespaces: value(args.watch_namespaces).unwrap_or_default(),
            listen: args.listen,
            log_format: args.log_format,
            lease_namespace: value(args.lease_namespace).unwrap_or_else(pod_namespace),
            writes: args.writes == Writes::Enabled,
        })
    }

    /// Who this operator is in the cluster with this id. It takes over the objects that it had by earlier ids.
    pub fn identity(&self, cluster_id: String) -> Identity {
        let namespace = &self.lease_namespace;
        let default = |cluster_id| format!("{cluster_id}/{namespace}/{LEASE_NAME}");
        let before = self.previous_cluster_ids.iter().map(default);
        let installation_id = self.installation_id.clone();
        Identity {
            installation_id: installation_id.unwrap_or_else(|| default(&cluster_id)),
            takes_over: self.take_over.iter().cloned().chain(before).collect(),
            previous_cluster_ids: self.previous_cluster_ids.clone(),
            cluster_id,
        }
    }
}

fn value<T>(flag: Option<Given<T>>) -> Option<T> {
    flag.and_then(|it| it.0)
}

fn scope(selector: Option<Given<Selector>>) -> Scope {
    value(selector).map_or(Scope::LeaseNamespace, Scope::Selector)
}

fn default_key(
    secret: Option<SecretKey>,
    rooms: Scope,
    numbers: Scope,
) -> Result<Option<DefaultKey>, ConfigError> {
    match secret {
        Some(secret) => Ok(Some(DefaultKey {
            namespace: secret.namespace,
            name: secret.name,
            key: secret.key,
            rooms,
            numbers,
        })),
        None if rooms == Scope::LeaseNamespace && numbers == Scope::LeaseNamespace => Ok(None),
        None => Err(ConfigError::NoDefaultKey),
    }
}

fn check_durations(
    quiet: Duration,
    drift: Duration,
    orphan_age: Duration,
    loopback: bool,
) -> Result<(), ConfigError> {
    let at_least = |flag, duration, shortest, why| match duration < shortest {
        true => Err(ConfigError::TooShort {
            flag,
            shortest,
            why,
        }),
        false => Ok(()),
    };
    if loopback {
        let why = "a listing must end before the next one starts";
        let shortest = SHORTEST_DRIFT_INTERVAL_ON_LOOPBACK;
        return at_least("drift-interval", drift, shortest, why);
    }
    let why = "Daily may still carry out a write that it did not answer";
    at_least("quiet-period", quiet, SHORTEST_QUIET_PERIOD, why)?;
    let why = "each listing reads all rooms of an account";
    at_least("drift-interval", drift, SHORTEST_DRIFT_INTERVAL, why)?;
    let why = "a backup may bring the DailyRoom of the room back";
    at_least("orphan-age", orphan_age, SHORTEST_ORPHAN_AGE, why)
}

#[cfg(test)]
mod tests;
