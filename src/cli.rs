//! The command line. Each flag is checked by itself here; [`crate::config::Config`] checks the rules
//! between flags.

mod selector;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kube::core::Selector;
use secrecy::SecretString;

use self::selector::selector;
pub use self::values::{Given, SecretKey};
use self::values::{
    boolean, duration, given, global_numbers, id, ids, listen, namespace, namespaces, or, path,
    restricted_properties, secret_key,
};
use crate::daily::number_api::NumberApi;
use crate::phone::GlobalNumbers;

const QUIET_PERIOD: &str = "60s";
const DRIFT_INTERVAL: &str = "5m";
const ORPHAN_AGE: &str = "24h";
const LISTEN: &str = ":8080";

/// Phone dial-in with a PIN for Daily.co rooms, as Kubernetes resources.
#[derive(Debug, Parser)]
#[command(name = "daily-operator", version, about)]
pub struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the operator.
    ///
    /// If a flag is repeated, the last value wins, so that arguments added at the end of a command line
    /// override the earlier ones.
    #[command(args_override_self = true)]
    Run(Box<RunArgs>),
    /// Check whether an operator with these flags can work. Changes nothing.
    ///
    /// Takes the same flags and environment variables as run. Exits with 0 if no check failed, with 1 if
    /// a check failed, and with 2 if a flag is invalid.
    #[command(args_override_self = true)]
    Check(Box<CheckArgs>),
    /// Print the CustomResourceDefinitions as YAML.
    Crd,
}

/// The flags of `check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// The flags that the operator would run with.
    #[command(flatten)]
    pub run: RunArgs,
    /// Output format
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Output,
}

/// The output formats of `check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table for people.
    Table,
    /// JSON for programs.
    Json,
}

/// Whether the operator writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Writes {
    /// The operator reconciles objects.
    Enabled,
    /// Read-only: the operator writes nothing to Daily, and only its Lease to Kubernetes.
    Disabled,
}

/// What happens to orphans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OrphanPolicy {
    /// A log line and a metric report them.
    Report,
    /// The operator deletes those that nobody kept, as far as it knows that, and reports the others.
    Delete,
}

/// Whether statuses have PINs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CodeInStatus {
    /// As spec.dialin.codeInStatus of each DailyRoom says.
    Spec,
    /// No status has a PIN.
    Omit,
}

/// The log formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// Text for people.
    Text,
}

/// The flags of `run`. Each can also be set by an environment variable.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// URL of the Daily API: HTTPS, or HTTP on loopback [default: https://api.daily.co/v1]
    // A string, because clap would repeat a password in it.
    #[arg(long, value_name = "URL", env = "DAILY_OPERATOR_DAILY_BASE_URL")]
    pub daily_base_url: Option<String>,
    /// PEM file with CA certificates to trust for Daily, in addition to the built-in public CAs
    #[arg(
        long,
        value_name = "FILE",
        env = "DAILY_OPERATOR_DAILY_CA_FILE",
        value_parser = given(path)
    )]
    pub daily_ca_file: Option<Given<PathBuf>>,
    /// HTTP proxy for calls to Daily, http(s)://[USER:PASSWORD@]HOST:PORT. Overrides HTTPS_PROXY and NO_PROXY. The operator never uses a proxy for the API server
    #[arg(
        long,
        value_name = "URL",
        env = "DAILY_OPERATOR_DAILY_PROXY",
        hide_env_values = true
    )]
    pub daily_proxy: Option<SecretString>,
    /// Secret with the default API key. KEY defaults to api-key
    #[arg(
        long,
        value_name = "NAMESPACE/NAME[/KEY]",
        env = "DAILY_OPERATOR_DEFAULT_API_KEY_SECRET",
        value_parser = given(secret_key)
    )]
    pub default_api_key_secret: Option<Given<SecretKey>>,
    /// Label selector, in JSON, for the namespaces whose DailyRooms may use the default API key. {} selects all namespaces [default: only the Lease's namespace]
    #[arg(
        long,
        value_name = "SELECTOR",
        env = "DAILY_OPERATOR_DEFAULT_API_KEY_NAMESPACES",
        value_parser = given(selector)
    )]
    pub default_api_key_namespaces: Option<Given<Selector>>,
    /// Label selector, in JSON, for the namespaces whose PinDialinNumbers may use the default API key. {} selects all namespaces [default: only the Lease's namespace]
    #[arg(
        long,
        value_name = "SELECTOR",
        env = "DAILY_OPERATOR_DEFAULT_API_KEY_NUMBER_NAMESPACES",
        value_parser = given(selector)
    )]
    pub default_api_key_number_namespaces: Option<Given<Selector>>,
    /// Room properties, separated by commas, that DailyRooms with the default API key may set in roomProperties: any of enable_dialout, meeting_join_hook, recordings_bucket, sip, streaming_endpoints and transcription_bucket [default: none]
    #[arg(
        long,
        value_name = "NAMES",
        env = "DAILY_OPERATOR_ALLOW_ROOM_PROPERTIES",
        value_parser = given(restricted_properties)
    )]
    pub allow_room_properties: Option<Given<Vec<String>>>,
    /// Daily's global numbers that DailyRooms may publish, in E.164 form and separated by commas: at most one for each country; a number of the US is required [default: the ten that Daily's documentation names]
    #[arg(
        long,
        value_name = "NUMBERS",
        env = "DAILY_OPERATOR_GLOBAL_NUMBERS",
        value_parser = given(global_numbers)
    )]
    pub global_numbers: Option<Given<GlobalNumbers>>,
    /// Whether the status of a DailyRoom has its PIN
    #[arg(
        long,
        value_enum,
        default_value = "spec",
        env = "DAILY_OPERATOR_CODE_IN_STATUS"
    )]
    pub code_in_status: CodeInStatus,
    /// Whether DailyRooms and PinDialinNumbers that use the default API key may adopt rooms and dial-in configs that exist at Daily, as spec.adoptionPolicy asks
    #[arg(
        long,
        value_name = "BOOL",
        env = "DAILY_OPERATOR_ALLOW_ADOPTION_WITH_DEFAULT_KEY",
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        value_parser = or("false", boolean)
    )]
    pub allow_adoption_with_default_key: bool,
    /// ID of this cluster. Part of the derived room names [default: the UID of the namespace kube-system]
    #[arg(
        long,
        value_name = "ID",
        env = "DAILY_OPERATOR_CLUSTER_ID",
        value_parser = given(id)
    )]
    pub cluster_id: Option<Given<String>>,
    /// Earlier IDs of this cluster, separated by commas, for example from before it was rebuilt: its DailyRooms find the rooms that they had. In no other cluster with these IDs an operator may run [default: none]
    #[arg(
        long,
        value_name = "IDS",
        env = "DAILY_OPERATOR_PREVIOUS_CLUSTER_IDS",
        value_parser = given(ids)
    )]
    pub previous_cluster_ids: Option<Given<Vec<String>>>,
    /// ID of this installation. An object is reconciled only by the installation that owns it [default: CLUSTER-ID/LEASE-NAMESPACE/daily-operator]
    #[arg(
        long,
        value_name = "ID",
        env = "DAILY_OPERATOR_INSTALLATION_ID",
        value_parser = given(id)
    )]
    pub installation_id: Option<Given<String>>,
    /// IDs of other installations, separated by commas, whose objects this installation takes over. These installations must never run again
    #[arg(
        long,
        value_name = "IDS",
        env = "DAILY_OPERATOR_TAKE_OVER_INSTALLATION_IDS",
        value_parser = given(ids)
    )]
    pub take_over_installation_ids: Option<Given<Vec<String>>>,
    /// How long to wait after a write with an unknown outcome before a room counts as missing. At least 30s
    #[arg(
        long,
        value_name = "DURATION",
        env = "DAILY_OPERATOR_QUIET_PERIOD",
        default_value = QUIET_PERIOD,
        value_parser = or(QUIET_PERIOD, duration)
    )]
    pub quiet_period: Duration,
    /// Namespaces to serve, separated by commas [default: all namespaces]
    #[arg(
        long,
        value_name = "NAMES",
        env = "DAILY_OPERATOR_WATCH_NAMESPACES",
        value_parser = given(namespaces)
    )]
    pub watch_namespaces: Option<Given<Vec<String>>>,
    /// How often to list the rooms of each Daily account to detect drift. At least 30s
    #[arg(
        long,
        value_name = "DURATION",
        env = "DAILY_OPERATOR_DRIFT_INTERVAL",
        default_value = DRIFT_INTERVAL,
        value_parser = or(DRIFT_INTERVAL, duration)
    )]
    pub drift_interval: Duration,
    /// Where to write the dial-in configs of PinDialinNumbers: at /domain-dialin-config, or in the property pin_dialin of the domain, which is not safe beside other clients that write it
    #[arg(
        long,
        value_enum,
        default_value = "dialin-configs",
        env = "DAILY_OPERATOR_NUMBER_API"
    )]
    pub number_api: NumberApi,
    /// How long a room with the mark of this cluster must have had no DailyRoom before the operator reports it as an orphan. At least 1h
    #[arg(
        long,
        value_name = "DURATION",
        env = "DAILY_OPERATOR_ORPHAN_AGE",
        default_value = ORPHAN_AGE,
        value_parser = or(ORPHAN_AGE, duration)
    )]
    pub orphan_age: Duration,
    /// What to do with orphans: only report them, or also delete the empty ones whose DailyRoom this process saw deleted without deletionPolicy Retain
    #[arg(
        long,
        value_enum,
        ignore_case = true,
        default_value = "report",
        env = "DAILY_OPERATOR_ORPHAN_POLICY"
    )]
    pub orphan_policy: OrphanPolicy,
    /// Address on which to serve probes and metrics
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "DAILY_OPERATOR_LISTEN",
        default_value = LISTEN,
        value_parser = or(LISTEN, listen)
    )]
    pub listen: SocketAddr,
    /// Log format
    #[arg(
        long,
        value_enum,
        default_value = "json",
        env = "DAILY_OPERATOR_LOG_FORMAT"
    )]
    pub log_format: LogFormat,
    /// Namespace of the Lease for leader election [default: the namespace of the pod, or default outside a pod]
    #[arg(
        long,
        value_name = "NAMESPACE",
        env = "DAILY_OPERATOR_LEASE_NAMESPACE",
        value_parser = given(namespace)
    )]
    pub lease_namespace: Option<Given<String>>,
    /// Whether the operator writes to Daily and Kubernetes
    #[arg(
        long,
        value_enum,
        default_value = "enabled",
        env = "DAILY_OPERATOR_WRITES"
    )]
    pub writes: Writes,
}
