//! Flags in, a configuration or a sentence out.

use std::collections::BTreeMap;

use super::*;
use crate::cli::{Cli, Command};
use clap::Parser;

/// The configuration, or what clap or the rules between flags say.
fn config(flags: &[&str]) -> Result<Config, String> {
    config_in(None, flags)
}

fn config_in(pod: Option<&str>, flags: &[&str]) -> Result<Config, String> {
    let pod = pod.map(ToOwned::to_owned);
    config_with(&Environment::new(pod, |_| None), flags)
}

fn config_with(environment: &Environment, flags: &[&str]) -> Result<Config, String> {
    let words = ["daily-operator", "run"].into_iter();
    let cli = Cli::try_parse_from(words.chain(flags.iter().copied()));
    match cli.map_err(|error| error.to_string())?.command {
        Command::Run(args) => Config::new(*args, environment).map_err(|error| error.to_string()),
        _ => panic!("run was asked for"),
    }
}

const LOCAL: &str = "--daily-base-url=http://127.0.0.1:9/v1";

#[test]
fn without_flags_it_serves_all_namespaces_and_has_no_key() {
    let config = config(&[]).unwrap();
    assert_eq!(config.daily_base_url, "https://api.daily.co/v1");
    assert_eq!(config.default_key, None);
    assert!(!config.adoption_with_default_key);
    assert!(config.installation_id.is_none() && config.take_over.is_empty());
    assert_eq!(config.quiet_period, Duration::from_secs(60));
    assert_eq!(config.drift_interval, Duration::from_secs(300));
    assert_eq!(config.orphan_age, Duration::from_secs(24 * 3600));
    assert!(!config.deletes_orphans);
    let deleting = self::config(&["--orphan-policy=Delete"]).unwrap();
    assert!(deleting.deletes_orphans);
    assert_eq!(config.listen.to_string(), "[::]:8080");
    assert!(config.watch_namespaces.is_empty() && config.cluster_id.is_none());
    assert!(config.writes && config.log_format == LogFormat::Json);
    assert_eq!(config.number_api, NumberApi::DialinConfigs);
}

#[test]
fn the_pod_names_the_namespace_of_the_lease_unless_a_flag_does() {
    let of = |pod, flags: &[&str]| {
        let config = config_in(pod, flags).unwrap();
        let identity = config.identity("cluster".to_owned());
        (config.lease_namespace, identity.installation_id)
    };
    let text = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        of(Some("ops"), &[]),
        text("ops", "cluster/ops/daily-operator")
    );
    assert_eq!(
        of(Some("ops"), &["--lease-namespace=voice"]),
        text("voice", "cluster/voice/daily-operator")
    );
    assert_eq!(
        of(None, &["--installation-id=eu/1"]),
        text("default", "eu/1")
    );
}

#[test]
fn an_empty_value_counts_as_absent() {
    let flags = [
        "--daily-base-url=",
        "--daily-ca-file=",
        "--daily-proxy=",
        "--default-api-key-secret=",
        "--default-api-key-namespaces=",
        "--default-api-key-number-namespaces=",
        "--allow-room-properties=",
        "--allow-adoption-with-default-key=",
        "--global-numbers=",
        "--cluster-id=",
        "--previous-cluster-ids=",
        "--installation-id=",
        "--take-over-installation-ids=",
        "--quiet-period=",
        "--orphan-age=",
        "--watch-namespaces= ",
        "--drift-interval=",
        "--listen=",
        "--lease-namespace=",
    ];
    let (empty, absent) = (config(&flags).unwrap(), config(&[]).unwrap());
    assert_eq!(format!("{empty:?}"), format!("{absent:?}"));
}

/// What is added to the chart's arguments with `extraArgs` comes last.
#[test]
fn the_last_of_a_repeated_flag_counts() {
    let config = config(&[
        "--listen=:8080",
        "--writes=enabled",
        "--log-format=json",
        "--watch-namespaces=team-a",
        "--cluster-id=c1",
        "--listen=:9090",
        "--writes=disabled",
        "--log-format=text",
        "--watch-namespaces",
        "team-b",
        "--cluster-id=1234567890",
        "--number-api=domain-properties",
    ])
    .unwrap();
    assert_eq!(config.number_api, NumberApi::DomainProperties);
    assert_eq!(config.listen.port(), 9090);
    assert!(!config.writes && config.log_format == LogFormat::Text);
    assert_eq!(config.watch_namespaces, ["team-b"]);
    assert_eq!(config.cluster_id.as_deref(), Some("1234567890"));
}

#[test]
fn what_the_chart_renders_is_understood() {
    let config = config(&[
        "--daily-base-url=http://127.0.0.1:4100/v1/",
        "--default-api-key-secret=daily/key",
        "--default-api-key-namespaces={}",
        "--default-api-key-number-namespaces={\"matchLabels\":{\"team\":\"voice\"}}",
        "--allow-room-properties=sip, enable_dialout,sip",
        "--global-numbers=+12095038039, +498912345678",
        "--code-in-status=omit",
        "--allow-adoption-with-default-key=true",
        "--watch-namespaces=team-a,team-b,team-a",
        "--cluster-id=c1",
        "--previous-cluster-ids=b1,a1",
        "--installation-id=main",
        "--drift-interval=2s",
        "--quiet-period=1s",
        "--writes=disabled",
        "--log-format=text",
        "--listen=127.0.0.1:0",
        "--lease-namespace=daily",
    ])
    .unwrap();
    let key = config.default_key.unwrap();
    assert_eq!(
        (key.namespace.as_str(), key.name.as_str(), key.key.as_str()),
        ("daily", "key", "api-key")
    );
    assert_eq!(key.rooms, Scope::Selector(Selector::default()));
    assert!(config.adoption_with_default_key);
    assert_eq!(config.previous_cluster_ids, ["b1", "a1"]);
    assert_eq!(config.daily_base_url, "http://127.0.0.1:4100/v1");
    assert_eq!(config.watch_namespaces, ["team-a", "team-b"]);
    assert_eq!(config.allow_room_properties, ["enable_dialout", "sip"]);
    assert_eq!(config.global_numbers["DE"], "+498912345678");
    assert_eq!(config.global_numbers.len(), 2);
    assert!(config.omits_codes);
    assert_eq!(config.drift_interval, Duration::from_secs(2));
    assert!(!config.writes && config.log_format == LogFormat::Text);
}

#[test]
fn a_bad_value_is_refused_with_what_to_write() {
    let table: &[(&[&str], &str)] = &[
        (&["--daily-base-url=http://api.daily.co/v1"], "https://"),
        (&["--daily-base-url=http://127.0.0.1.nip.io/v1"], "https://"),
        (&["--daily-base-url=api.daily.co"], "https://"),
        (
            &["--daily-base-url=https://api.daily.co/v1?a=b"],
            "without query",
        ),
        (&["--daily-base-url=https://"], "without query"),
        (&["--default-api-key-secret=key"], "NAMESPACE/NAME"),
        (&["--default-api-key-secret=a/b/c/d"], "NAMESPACE/NAME"),
        (&["--default-api-key-secret=a/B"], "NAMESPACE/NAME"),
        (&["--default-api-key-secret=a/b/"], "NAMESPACE/NAME"),
        (
            &["--default-api-key-namespaces={}"],
            "--default-api-key-secret",
        ),
        (&["--quiet-period=29s"], "at least 30s"),
        (&["--orphan-age=59m"], "at least 3600s"),
        (&["--quiet-period=90"], "such as 90s"),
        (&["--quiet-period=-90s"], "such as 90s"),
        (&["--quiet-period=1.5m"], "such as 90s"),
        (&["--quiet-period=1h1h1h1h1h"], "such as 90s"),
        (&["--quiet-period=999999h"], "such as 90s"),
        (&["--quiet-period=1\u{00b5}s"], "such as 90s"),
        (&["--drift-interval=20s"], "at least 30s"),
        (&[LOCAL, "--drift-interval=999ms"], "at least 1s"),
        (&["--watch-namespaces=team_a"], "separated by commas"),
        (&["--watch-namespaces=a,,b"], "separated by commas"),
        (&["--lease-namespace=A"], "name of a namespace"),
        (&["--cluster-id=a b"], "letters, digits"),
        (&["--listen=8080"], "such as :8080"),
        (&["--listen=localhost:80"], "such as :8080"),
        (&["--listen=:65536"], "such as :8080"),
    ];
    for (flags, part) in table {
        let told = config(flags).expect_err(&format!("{flags:?}"));
        assert!(told.contains(part), "{flags:?}: {told}");
        let (flag, _) = flags.last().unwrap().split_once('=').unwrap();
        assert!(told.contains(flag), "{told}");
    }
}

#[test]
fn a_password_in_the_url_is_not_repeated() {
    let told = config(&["--daily-base-url=https://me:hunter2@api.daily.co/v1"]);
    let told = format!("{:?}", told.unwrap_err());
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn a_selector_is_taken_whole_or_not_at_all() {
    let table = [
        (
            "{\"matchlabels\":{\"a\":\"b\"}}",
            "unknown field `matchlabels`",
        ),
        (
            "{\"matchExpressions\":[{\"key\":\"a\",\"op\":\"In\"}]}",
            "unknown field `op`",
        ),
        (
            "{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"in\"}]}",
            "unknown variant `in`, expected one of `In`",
        ),
        (
            "{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\"}]}",
            "In and NotIn need values",
        ),
        (
            "{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\",\"values\":[\"b\"]}]}",
            "Exists and DoesNotExist take no values",
        ),
        ("a=b", "expected a label selector"),
        ("null", "expected a label selector"),
        ("[", "neither JSON nor YAML"),
    ];
    for (text, part) in table {
        let flag = format!("--default-api-key-namespaces={text}");
        let told = config(&["--default-api-key-secret=a/b", &flag]).unwrap_err();
        assert!(told.contains(part), "{text}: {told}");
    }
}

#[test]
fn durations_are_those_of_the_gateway_api() {
    for (text, millis) in [
        ("90s", 90_000),
        ("1h30m", 5_400_000),
        ("500ms", 500),
        ("1h2m3s4ms", 3_723_004),
        ("0s", 0),
    ] {
        let config = config(&[LOCAL, &format!("--quiet-period={text}")]).unwrap();
        assert_eq!(config.quiet_period, Duration::from_millis(millis), "{text}");
    }
}

#[test]
fn loopback_is_told_by_its_address() {
    for (url, fits) in [
        ("http://localhost:1", true),
        ("http://127.9.9.9", true),
        ("http://[::1]:80/v1", true),
        ("http://10.0.0.1", false),
        ("http://localhost.example.com", false),
    ] {
        let config = config(&[&format!("--daily-base-url={url}")]);
        assert_eq!(config.is_ok(), fits, "{url}");
    }
}

#[test]
fn a_scope_selects_by_name_or_by_labels() {
    let selector = |text: &str| {
        let flag = format!("--default-api-key-namespaces={text}");
        let config = config(&["--default-api-key-secret=a/b", &flag]).unwrap();
        config.default_key.unwrap().rooms
    };
    let voice = selector(r#"{"matchLabels": {"team": "voice"}}"#);
    let not_dev = selector(
        r#"{"matchExpressions": [{"key": "stage", "operator": "NotIn", "values": ["dev"]},
                                {"key": "team", "operator": "Exists", "values": []}]}"#,
    );
    let all = selector("{}");
    type Case<'a> = (&'a Scope, &'a str, &'a [(&'a str, &'a str)], bool);
    let table: &[Case] = &[
        (&Scope::LeaseNamespace, "daily", &[], true),
        (&Scope::LeaseNamespace, "other", &[("team", "voice")], false),
        (&all, "other", &[], true),
        (&voice, "other", &[("team", "voice")], true),
        (&voice, "daily", &[], false),
        (&not_dev, "other", &[("team", "x")], true),
        (&not_dev, "other", &[("team", "x"), ("stage", "dev")], false),
        (&not_dev, "other", &[], false),
    ];
    for (scope, namespace, labels, expected) in table {
        let labels: BTreeMap<_, _> = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let selected = scope.selects(namespace, &labels, "daily");
        assert_eq!(selected, *expected, "{scope:?} {namespace} {labels:?}");
    }
    assert!(voice.needs_labels() && !all.needs_labels());
}

/// The proxy under these variables and flags, as it is shown.
fn proxy(variables: &[(&str, &str)], flags: &[&str]) -> Result<Option<String>, String> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let config = config_with(&Environment::new(None, variable), flags)?;
    Ok(config
        .daily_proxy
        .map(|it| format!("{it} from {}", it.origin())))
}

#[test]
fn the_proxy_for_daily_comes_from_the_flag_or_the_variables() {
    const REMOTE: &str = "http://proxy.example:3128";
    let of = |variables: &[(&str, &str)], flags: &[&str]| proxy(variables, flags).unwrap();
    let is = |text: &str| Some(text.to_owned());
    assert_eq!(of(&[], &[]), None);
    let variable = is("http://proxy.example:3128 from HTTPS_PROXY");
    assert_eq!(of(&[("HTTPS_PROXY", REMOTE)], &[]), variable);
    assert_eq!(of(&[("HTTPS_PROXY", "proxy.example:3128/")], &[]), variable);
    assert_eq!(
        of(&[("HTTPS_PROXY", " "), ("https_proxy", REMOTE)], &[]),
        is("http://proxy.example:3128 from https_proxy")
    );
    let flag = ["--daily-proxy=https://u:p@other.example:8443"];
    let both = [("HTTPS_PROXY", REMOTE), ("NO_PROXY", "*")];
    assert_eq!(
        of(&both, &flag),
        is("https://other.example:8443 from --daily-proxy")
    );
    for (no_proxy, excluded) in [
        ("api.daily.co", true),
        ("a.example, daily.co", true),
        (".daily.co", true),
        ("*", true),
        ("10.0.0.0/8,.svc,.cluster.local", false),
        ("ily.co", false),
    ] {
        let variables = [("HTTPS_PROXY", REMOTE), ("no_proxy", no_proxy)];
        assert_eq!(of(&variables, &[]).is_none(), excluded, "{no_proxy}");
    }
    // Neither HTTP_PROXY nor ALL_PROXY is for HTTPS, as in Go.
    assert_eq!(
        of(&[("HTTP_PROXY", REMOTE), ("ALL_PROXY", REMOTE)], &[]),
        None
    );
    // A Daily on this machine is not behind a proxy, unless the flag says so.
    assert_eq!(of(&[("HTTPS_PROXY", REMOTE)], &[LOCAL]), None);
    let tls = "--daily-base-url=https://127.0.0.1:9/v1";
    assert_eq!(of(&[("HTTPS_PROXY", REMOTE)], &[tls]), None);
    assert!(of(&[], &[tls, "--daily-proxy=http://proxy.example:3128"]).is_some());
    assert!(of(&[], &[LOCAL, "--daily-proxy=http://127.0.0.1:3128"]).is_some());
    let leaks = proxy(&[], &[LOCAL, "--daily-proxy=http://proxy.example:3128"]);
    assert_eq!(leaks, Err(ConfigError::ProxyForHttp.to_string()));
}

#[test]
fn the_password_of_a_proxy_is_not_shown() {
    let secret = "http://user:s3cr3t@proxy.example:3128";
    let variable = |name: &str| (name == "HTTPS_PROXY").then(|| secret.to_owned());
    let environment = Environment::new(None, variable);
    let found = config_with(&environment, &[]).unwrap();
    let flags = ["daily-operator", "run", "--daily-proxy", secret];
    let cli = Cli::try_parse_from(flags).unwrap();
    let shown = format!(
        "{found:?} {environment:?} {cli:?} {}",
        found.daily_proxy.as_ref().unwrap()
    );
    // In base64 as well: user:s3cr3t
    for part in ["s3cr3t", "dXNlcjpzM2NyM3Q"] {
        assert!(!shown.contains(part), "{shown}");
    }
    for bad in [
        "socks5://user:s3cr3t@proxy.example",
        "http://user:s3cr3t@",
        "http://user:s3c#r3t@proxy.example",
        "http://user:123?s3c@proxy.example",
        "user:123/s3c@proxy.example",
        "ftp://user:s3cr3t@proxy.example",
        "http://:3128",
    ] {
        let flag = format!("--daily-proxy={bad}");
        let error = config(&[&flag]).unwrap_err();
        assert!(
            error.starts_with("--daily-proxy is not the URL") && !error.contains("s3c"),
            "{error}"
        );
        let error = proxy(&[("HTTPS_PROXY", bad)], &[]).unwrap_err();
        assert!(error.starts_with("HTTPS_PROXY is not the URL"), "{error}");
        // Where it is not used it does not matter.
        assert_eq!(
            proxy(&[("HTTPS_PROXY", bad), ("NO_PROXY", "daily.co")], &[]),
            Ok(None)
        );
    }
}
