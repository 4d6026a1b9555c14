//! The command line, as it is written; [`crate::config::Config`] says whether it makes sense.

use clap::{Args, Parser, Subcommand, ValueEnum};
use secrecy::SecretString;

use crate::config::LogFormat;

/// Daily.co phone dial-in with a PIN, as Kubernetes resources.
#[derive(Debug, Parser)]
#[command(name = "daily-operator", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the operator.
    ///
    /// A flag that is given twice counts as it was given last, so that arguments which are added
    /// to a rendered command line override it.
    #[command(args_override_self = true)]
    Run(Box<RunArgs>),
    /// Check once whether an operator with these flags could work; changes nothing.
    ///
    /// Takes the flags and variables of run. Exits with 0 if nothing failed, with 1 if something
    /// did, and with 2 if the flags cannot be used.
    #[command(args_override_self = true)]
    Check(Box<CheckArgs>),
    /// Print the CustomResourceDefinitions as YAML.
    Crd,
}

/// The flags of `check`: those of `run`, and how to print.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// What the operator is run with.
    #[command(flatten)]
    pub run: RunArgs,
    /// How the outcome is printed
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Output,
}

/// How an outcome is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table, for people.
    Table,
    /// JSON, for machines.
    Json,
}

/// Whether the operator writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Writes {
    /// It works.
    Enabled,
    /// It writes nothing to Daily and, its Lease aside, nothing to Kubernetes.
    Disabled,
}

/// The flags of `run`. Each is also an environment variable.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Where the Daily API is: HTTPS, or HTTP on loopback [default: https://api.daily.co/v1]
    #[arg(long, value_name = "URL", env = "DAILY_OPERATOR_DAILY_BASE_URL")]
    pub daily_base_url: Option<String>,
    /// A PEM file with CA certificates to trust for Daily, in addition to the public ones that are built in
    #[arg(long, value_name = "FILE", env = "DAILY_OPERATOR_DAILY_CA_FILE")]
    pub daily_ca_file: Option<String>,
    /// The HTTP proxy for Daily, http(s)://[USER:PASSWORD@]HOST:PORT; wins over HTTPS_PROXY and NO_PROXY, which are never used for the API server
    #[arg(
        long,
        value_name = "URL",
        env = "DAILY_OPERATOR_DAILY_PROXY",
        hide_env_values = true
    )]
    pub daily_proxy: Option<SecretString>,
    /// The Secret with the default API key; its key is api-key unless given
    #[arg(
        long,
        value_name = "NAMESPACE/NAME[/KEY]",
        env = "DAILY_OPERATOR_DEFAULT_API_KEY_SECRET"
    )]
    pub default_api_key_secret: Option<String>,
    /// Label selector of the namespaces whose DailyRooms may use the default key, as JSON; {} is all [default: the Lease's namespace]
    #[arg(
        long,
        value_name = "SELECTOR",
        env = "DAILY_OPERATOR_DEFAULT_API_KEY_NAMESPACES"
    )]
    pub default_api_key_namespaces: Option<String>,
    /// The same for PinDialinNumbers
    #[arg(
        long,
        value_name = "SELECTOR",
        env = "DAILY_OPERATOR_DEFAULT_API_KEY_NUMBER_NAMESPACES"
    )]
    pub default_api_key_number_namespaces: Option<String>,
    /// Part of every derived room name [default: the UID of the namespace kube-system]
    #[arg(long, value_name = "ID", env = "DAILY_OPERATOR_CLUSTER_ID")]
    pub cluster_id: Option<String>,
    /// Which installation owns an object [default: CLUSTER-ID/LEASE-NAMESPACE/daily-operator]
    #[arg(long, value_name = "ID", env = "DAILY_OPERATOR_INSTALLATION_ID")]
    pub installation_id: Option<String>,
    /// Other installations whose objects this one takes over, separated by commas: they must be gone for good
    #[arg(
        long,
        value_name = "IDS",
        env = "DAILY_OPERATOR_TAKE_OVER_INSTALLATION_IDS"
    )]
    pub take_over_installation_ids: Option<String>,
    /// How long to wait after a write with an unknown outcome before a room counts as missing; at least 30s [default: 60s]
    #[arg(long, value_name = "DURATION", env = "DAILY_OPERATOR_QUIET_PERIOD")]
    pub quiet_period: Option<String>,
    /// The namespaces to serve, separated by commas [default: all]
    #[arg(long, value_name = "NAMES", env = "DAILY_OPERATOR_WATCH_NAMESPACES")]
    pub watch_namespaces: Option<String>,
    /// How often to list the rooms of each account to find drift; at least 30s [default: 5m]
    #[arg(long, value_name = "DURATION", env = "DAILY_OPERATOR_DRIFT_INTERVAL")]
    pub drift_interval: Option<String>,
    /// Where health and metrics are served [default: :8080]
    #[arg(long, value_name = "ADDRESS", env = "DAILY_OPERATOR_LISTEN")]
    pub listen: Option<String>,
    /// How logs are written
    #[arg(
        long,
        value_enum,
        default_value = "json",
        env = "DAILY_OPERATOR_LOG_FORMAT"
    )]
    pub log_format: LogFormat,
    /// The namespace of the Lease [default: the pod's own, else default]
    #[arg(long, value_name = "NAMESPACE", env = "DAILY_OPERATOR_LEASE_NAMESPACE")]
    pub lease_namespace: Option<String>,
    /// Whether the operator writes to Daily and Kubernetes
    #[arg(
        long,
        value_enum,
        default_value = "enabled",
        env = "DAILY_OPERATOR_WRITES"
    )]
    pub writes: Writes,
}
