//! Flags and environment, validated into [`Config`]. No I/O.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// What the operator is started with, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the Daily API is, without a slash at its end; HTTPS, except on loopback.
    pub daily_base_url: String,
    /// A PEM file with roots to trust beside those compiled in.
    pub daily_ca_file: Option<PathBuf>,
    /// The Secret with the default key.
    pub default_key: Option<DefaultKey>,
    /// Part of every derived room name; absent: the UID of the namespace kube-system.
    pub cluster_id: Option<String>,
    /// Who holds the objects; the Lease's namespace and name unless given.
    pub installation_id: String,
    /// How long after a write with an unknown outcome nothing is believed to be gone.
    pub quiet_period: Duration,
    /// The namespaces to serve; empty is all.
    pub watch_namespaces: Vec<String>,
    /// How often each account is listed.
    pub drift_interval: Duration,
    /// Where health and metrics are served.
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

/// Which namespaces may use the default key.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// The Lease's namespace only: no selector was given.
    LeaseNamespace,
    /// Those whose labels the selector selects; the empty one selects all.
    Selector(LabelSelector),
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// The name of the Lease.
pub const LEASE_NAME: &str = "daily-operator";
