//! `daily-operator check` with the arguments and the rights that the chart renders.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::Parser;
use daily_operator::check::rights;
use daily_operator::cli::{Cli, Command};
use daily_operator::config::{Config, Environment};
use k8s_openapi::api::rbac::v1::{PolicyRule, Role};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{Patch, PatchParams};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{DEFAULT_KEY_SECRET, Fixture, KEY, RELEASE, Setup, WRONG_KEY};
use crate::operator::Checked;
use crate::plane::Release;
use crate::stage::Stage;
use crate::wait::{LATER, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let alone = || Setup::new().without_operator();
    let wrong = alone().default_key(WRONG_KEY);
    let none = alone().without_default_key();
    vec![
        stage.trial("check::all_is_well", Setup::new(), all_is_well),
        stage.trial("check::changes_nothing", alone(), changes_nothing),
        stage.trial("check::missing_right", alone(), missing_right),
        stage.trial("check::refused_key", wrong, refused_key),
        stage.trial("check::no_default_key", none, no_default_key),
        stage.trial("check::missing_secret", alone(), missing_secret),
        stage.trial("check::unreachable", alone(), unreachable),
        stage.trial("check::crds", alone().own_plane(), crds),
        stage.trial("check::chart_grants_what_is_needed", alone(), chart),
    ]
}

/// The only check of this name.
fn row<'a>(report: &'a Value, name: &str) -> &'a Value {
    let rows = report["checks"].as_array().expect("there are checks");
    let mut rows = rows.iter().filter(|row| row["check"] == name);
    let row = rows
        .next()
        .unwrap_or_else(|| panic!("no {name} in {report:#}"));
    assert!(rows.next().is_none(), "one {name} in {report:#}");
    row
}

#[track_caller]
fn is(report: &Value, name: &str, status: &str, detail: &str) {
    let row = row(report, name);
    assert_eq!(row["status"], status, "{row:#}");
    let text = row["detail"].as_str().expect("has a detail");
    assert!(text.contains(detail), "{row:#}");
    let says_what_to_do = row["nextStep"].as_str().is_some_and(|it| !it.is_empty());
    assert_eq!(says_what_to_do, status != "OK", "{row:#}");
}

/// The names of the checks that are not OK.
fn troubled(report: &Value) -> Vec<&str> {
    let rows = report["checks"].as_array().expect("there are checks");
    let rows = rows.iter().filter(|row| row["status"] != "OK");
    rows.filter_map(|row| row["check"].as_str()).collect()
}

async fn json_of(fx: &Fixture, args: &[&str]) -> (i32, Value) {
    let args: Vec<&str> = args.iter().copied().chain(["-o", "json"]).collect();
    let Checked { code, output } = fx.check(&args).await;
    let report = serde_json::from_str(&output);
    (code, report.unwrap_or_else(|_| panic!("is JSON: {output}")))
}

async fn all_is_well(fx: &mut Fixture) {
    let holder = until("an operator leads", LATER, async || {
        fx.leader().await.ok_or("nobody does")
    })
    .await;
    let (code, report) = json_of(fx, &[]).await;
    assert_eq!((code, &report["status"]), (0, &json!("OK")), "{report:#}");
    let names: Vec<&str> = report["checks"]
        .as_array()
        .expect("there are checks")
        .iter()
        .filter_map(|row| row["check"].as_str())
        .collect();
    let expected = [
        "configuration",
        "api-server",
        "crds",
        "rights",
        "lease",
        "default-key",
        "network",
        "domain",
        "clock",
        "limits",
        "numbers",
    ];
    assert_eq!(names, expected);
    is(
        &report,
        "configuration",
        "OK",
        &format!("serves {}", fx.namespace),
    );
    is(&report, "api-server", "OK", "Kubernetes v1.");
    is(&report, "lease", "OK", &format!("held by {holder}"));
    is(&report, "network", "OK", "without a proxy; no private CA");
    is(&report, "domain", "OK", "acme");
    is(&report, "numbers", "OK", "2 purchased, 0 with PIN dial-in");
    is(&report, "limits", "OK", "20 calls per second");

    let table = fx.check(&[]).await;
    assert_eq!(table.code, 0);
    let lines: Vec<&str> = table.output.lines().collect();
    assert_eq!(lines.len(), expected.len() + 3, "{}", table.output);
    assert!(
        lines[0].starts_with("CHECK          STATUS  DETAIL"),
        "{}",
        table.output
    );
    let last = lines.last().expect("there is a line");
    assert_eq!(*last, "All 11 checks are OK. The operator can work.");
}

/// It reads, and asks what is allowed.
async fn changes_nothing(fx: &mut Fixture) {
    let (code, _) = json_of(fx, &[]).await;
    assert_eq!(code, 0);
    fx.journal().await.expect_no_write("a check only reads");
    assert_eq!(fx.leader().await, None, "a check takes no Lease");
    let requests = fx.plane.requests(&fx.namespace);
    let writes: BTreeSet<_> = requests
        .iter()
        .filter(|it| it.resource != "selfsubjectaccessreviews")
        .map(|it| it.verb.as_str())
        .collect();
    assert_eq!(writes, BTreeSet::from(["get"]), "{requests:?}");
}

async fn missing_right(fx: &mut Fixture) {
    let api: Api<Role> = Api::namespaced(fx.client.clone(), &fx.namespace);
    let role = api.get(RELEASE).await.expect("the Role is there");
    let rules: Vec<PolicyRule> = role.rules.expect("it has rules");
    let keeps =
        |rule: &&PolicyRule| rule.api_groups.as_deref() != Some(&["events.k8s.io".to_owned()]);
    let kept: Vec<&PolicyRule> = rules.iter().filter(keeps).collect();
    assert_eq!(kept.len() + 1, rules.len());
    let patch = Patch::Merge(json!({"rules": kept}));
    let patched = api.patch(RELEASE, &PatchParams::default(), &patch).await;
    patched.expect("the Role can be changed");
    let detail = format!(
        "the ServiceAccount may not create events.events.k8s.io, patch events.events.k8s.io in \
         namespace {}",
        fx.namespace
    );
    // The authorizer of the API server follows the Role with its watch.
    let report = until("the right is missing", LATER, async || {
        let (code, report) = json_of(fx, &[]).await;
        if code == 1 { Ok(report) } else { Err(report) }
    })
    .await;
    is(&report, "rights", "FAIL", &detail);
    assert_eq!(troubled(&report), ["rights"], "{report:#}");
}

/// Not installed, as they should be, and as an older version had them.
async fn crds(fx: &mut Fixture) {
    let (code, report) = json_of(fx, &[]).await;
    assert_eq!(code, 1);
    let unserved = "does not serve DailyRoom and PinDialinNumber of daily-operator.io/v1alpha1";
    is(&report, "crds", "FAIL", unserved);
    assert_eq!(troubled(&report), ["crds"], "{report:#}");

    fx.plane.apply_crds().await.expect("they can be installed");
    // The API server serves them some time after it has accepted them.
    until("the CRDs are served", LATER, async || {
        let (code, report) = json_of(fx, &[]).await;
        if code == 0 { Ok(()) } else { Err(report) }
    })
    .await;

    let api: Api<CustomResourceDefinition> = Api::all(fx.client.clone());
    let field = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/dialString";
    let older = serde_json::from_value(json!([{"op": "remove", "path": field}]));
    let patch = Patch::Json::<()>(older.expect("is a patch"));
    let name = "dailyrooms.daily-operator.io";
    let patched = api.patch(name, &PatchParams::default(), &patch).await;
    patched.expect("the CRD can be changed");
    let report = until("the field is missing", LATER, async || {
        let (code, report) = json_of(fx, &[]).await;
        if code == 1 { Ok(report) } else { Err(report) }
    })
    .await;
    let lacks = "older than this operator; they lack DailyRoom.status.dialString";
    is(&report, "crds", "FAIL", lacks);
}

async fn refused_key(fx: &mut Fixture) {
    let (code, report) = json_of(fx, &[]).await;
    assert_eq!(code, 1);
    is(&report, "domain", "FAIL", "Daily refused the API key");
    is(&report, "default-key", "OK", DEFAULT_KEY_SECRET);
    let table = fx.check(&[]).await;
    assert_eq!(table.code, 1);
    let wanted = "1 of 9 checks failed. Do what their rows say, and run the check again.\n";
    assert!(table.output.ends_with(wanted), "{}", table.output);
    for text in [report.to_string(), table.output] {
        assert!(!text.contains(WRONG_KEY));
    }
}

async fn no_default_key(fx: &mut Fixture) {
    let (code, report) = json_of(fx, &[]).await;
    assert_eq!(code, 0, "{report:#}");
    is(
        &report,
        "default-key",
        "OK",
        "create a Secret named daily-api-key in each namespace",
    );
    assert!(troubled(&report).is_empty(), "{report:#}");
}

async fn missing_secret(fx: &mut Fixture) {
    fx.delete_secret(DEFAULT_KEY_SECRET).await;
    let (code, report) = json_of(fx, &[]).await;
    assert_eq!(code, 1);
    is(&report, "default-key", "FAIL", "does not exist: create it");
    fx.write_key(DEFAULT_KEY_SECRET, KEY).await;
    let (code, report) = json_of(fx, &[]).await;
    assert_eq!(code, 0, "{report:#}");
}

/// Daily, the API server, or flags that make no sense.
async fn unreachable(fx: &mut Fixture) {
    let (code, report) = json_of(fx, &["--daily-base-url=https://127.0.0.1:1/v1"]).await;
    assert_eq!(code, 1);
    let cause = "Daily cannot be reached: tcp connect error: Connection refused (os error 111)";
    is(&report, "network", "FAIL", cause);
    let (code, report) = json_of(fx, &["--daily-ca-file=no/such/file"]).await;
    assert_eq!(code, 1);
    is(
        &report,
        "network",
        "FAIL",
        "no/such/file\", which cannot be read; it must be a file",
    );

    let nowhere = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": "s3cr3t-token"}}],
    });
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, nowhere.to_string()).expect("it can be written");
    let answer = fx.check_with(&file, &["-o", "json"]).await;
    let report: Value = serde_json::from_str(&answer.output).expect("is JSON");
    assert_eq!(answer.code, 1);
    is(&report, "api-server", "FAIL", "Connection refused");
    assert_eq!(row(&report, "rights")["status"], "WARN");
    assert!(!answer.output.contains("s3cr3t-token"));

    let usage = fx.check(&["--quiet-period=soon"]).await;
    assert_eq!(usage.code, 2, "{}", usage.output);
}

/// A right as text: where, what and how.
type Words = String;

fn words(
    namespace: Option<&str>,
    group: &str,
    resource: &str,
    name: Option<&str>,
    verb: &str,
) -> Words {
    let namespace = namespace.unwrap_or("*");
    let name = name.unwrap_or("*");
    format!("{namespace}: {verb} {group}/{resource} {name}")
}

/// The rights that a release gives the operator's ServiceAccount.
fn granted(release: &Release) -> BTreeSet<Words> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().map(text).collect()
    };
    let mut rights = BTreeSet::new();
    for binding in release.of(&["RoleBinding", "ClusterRoleBinding"]) {
        let subjects = binding["subjects"].as_array().expect("it has subjects");
        if !subjects.iter().any(|it| it["name"] == RELEASE) {
            continue;
        }
        let namespace = binding["metadata"]["namespace"].as_str();
        let reference = &binding["roleRef"];
        let is_it = |role: &&Value| {
            role["kind"] == reference["kind"]
                && role["metadata"]["name"] == reference["name"]
                && (role["kind"] == "ClusterRole"
                    || role["metadata"]["namespace"].as_str() == namespace)
        };
        let role = release.of(&["Role", "ClusterRole"]).find(is_it);
        let role = role.expect("the role is in the chart");
        for rule in role["rules"].as_array().expect("it has rules") {
            let names = match list(&rule["resourceNames"]) {
                names if names.is_empty() => vec![None],
                names => names.into_iter().map(Some).collect(),
            };
            for group in list(&rule["apiGroups"]) {
                for resource in list(&rule["resources"]) {
                    for verb in list(&rule["verbs"]) {
                        for name in &names {
                            let name = name.as_deref();
                            rights.insert(words(namespace, &group, &resource, name, &verb));
                        }
                    }
                }
            }
        }
    }
    rights
}

/// The rules of the chart are those that the operator checks for, no fewer and no more.
async fn chart(fx: &mut Fixture) {
    let key = json!({"apiKey": {"existingSecret": {"name": "daily-key"}}});
    for values in [
        json!({}),
        json!({"daily": key}),
        json!({"watchNamespaces": ["team-a", "team-b"]}),
        json!({"watchNamespaces": ["team-a"], "daily": key, "clusterId": "c1"}),
    ] {
        let release = fx.plane.render(RELEASE, "voice", &values).await;
        let release = release.expect("is rendered");
        let args = release.operator_args().expect("has arguments");
        let words_of_flags = ["daily-operator".to_owned()].into_iter().chain(args);
        let Command::Run(args) = Cli::parse_from(words_of_flags).command else {
            panic!("the chart runs the operator");
        };
        let config = Config::new(*args, &Environment::default()).expect("is a configuration");
        let needed: BTreeSet<Words> = rights::needed(&config)
            .iter()
            .map(|it| {
                let (namespace, name) = (it.namespace.as_deref(), it.name.as_deref());
                words(namespace, it.group, it.resource, name, it.verb)
            })
            .collect();
        let granted = granted(&release);
        assert!(granted.len() > 20, "the rules are found: {granted:?}");
        assert_eq!(granted, needed, "{values}");
    }
}
