//! What is refused among the values, and in which words.

use std::path::Path;

use serde_json::Value;

use crate::render::{CLUSTER, HELM, HELM_3, chart, render_with, run};

const IN_QUOTES: &str = "value must be 'text in quotes, on the command line with --set-string'";

/// Values, and what both Helms say of them.
const REFUSED: &[(&str, &str)] = &[
    // What YAML reads as a number has lost how it was written.
    (
        "image: {tag: 20261125}",
        "at '/image/tag': value must be 'text in quotes",
    ),
    (
        "clusterId: 1234567890",
        "at '/clusterId': value must be 'text in quotes",
    ),
    ("installationId: 7", IN_QUOTES),
    ("watchNamespaces: [123]", IN_QUOTES),
    ("fullnameOverride: 12", IN_QUOTES),
    ("driftInterval: 300", IN_QUOTES),
    ("extraArgs: [1]", IN_QUOTES),
    ("extraEnv: [{name: A, value: 1}]", IN_QUOTES),
    ("daily: {apiKey: {existingSecret: {name: 1}}}", IN_QUOTES),
    ("daily: {apiKey: {value: 12345678901234567890}}", IN_QUOTES),
    (
        "daily: {apiKey: {namespaces: {matchLabels: {team: 7}}}}",
        IN_QUOTES,
    ),
    (
        "commonLabels: {version: 1.10}",
        "at '/commonLabels/version': value must be 'text in quotes",
    ),
    ("podAnnotations: {id: 12345678901234567890}", IN_QUOTES),
    (
        "podLabels: {a: {b: c}}",
        "at '/podLabels/a': got object, want boolean or integer or string",
    ),
    // Names that are not known.
    (
        "watchNamespace: [team-a]",
        "at '': additional properties 'watchNamespace' not allowed",
    ),
    (
        "replicas: 2",
        "additional properties 'replicas' not allowed",
    ),
    (
        "daily: {baseURL: https://mock.example/v1}",
        "at '/daily': additional properties 'baseURL' not allowed",
    ),
    (
        "daily: {apiKey: {namespaces: {matchLabel: {a: b}}}}",
        "at '/daily/apiKey/namespaces': additional properties 'matchLabel' not allowed",
    ),
    (
        "daily: {apiKey: {existingSecret: {names: x}}}",
        "additional properties 'names' not allowed",
    ),
    (
        "image: {registry: x}",
        "additional properties 'registry' not allowed",
    ),
    (
        "rbac: {aggregateClusterRoles: true}",
        "additional properties 'aggregateClusterRoles' not allowed",
    ),
    (
        "serviceMonitor: {additionalLabels: {}}",
        "additional properties 'additionalLabels' not allowed",
    ),
    // Other types, and what cannot work.
    (
        "daily: {apiKey: {namespaces: [team-a]}}",
        "value must be 'a label selector such as {matchLabels: {team: a}}; to select namespaces by name use",
    ),
    (
        "daily: {apiKey: {namespaces: team-a}}",
        "value must be 'a label selector such as",
    ),
    (
        "daily: {apiKey: {namespaces: {matchExpressions: [{key: a, operator: Equals}]}}}",
        "value must be one of 'In', 'NotIn', 'Exists', 'DoesNotExist'",
    ),
    (
        "daily: {baseUrl: api.daily.co}",
        "value must be 'a URL such as https://api.daily.co/v1, without user and query",
    ),
    (
        "daily: {proxy: proxy:3128}",
        "value must be 'a URL such as http://proxy.example.com:3128'",
    ),
    (
        "watchNamespaces: team-a",
        "value must be 'a list of namespaces such as [team-a, team-b]'",
    ),
    (
        "extraEnv: {A: b}",
        "value must be 'a list such as [{name: HTTPS_PROXY",
    ),
    (
        "imagePullSecrets: [registry]",
        "value must be 'an object such as {name: registry}'",
    ),
    (
        "image: {digest: abc}",
        "value must be 'a digest: sha256: and 64 hexadecimal digits'",
    ),
    (
        "driftInterval: '300'",
        "value must be 'a duration such as 90s, 5m or 1h30m'",
    ),
    (
        "quietPeriod: 1d",
        "value must be 'a duration such as 90s, 5m or 1h30m'",
    ),
    (
        "orphanAge: 48h",
        "at '/orphanAge': value must be 'removed: set orphans.age instead'",
    ),
    (
        "orphans: {policy: delete}",
        "at '/orphans/policy': value must be one of 'Report', 'Delete'",
    ),
    (
        "writes: true",
        "at '/writes': value must be one of 'enabled', 'disabled'",
    ),
    (
        "log: {level: debgu}",
        "at '/log/level': value must be 'error, warn, info, debug or trace, or a filter with",
    ),
    (
        "log: {level: 3}",
        "at '/log/level': value must be 'error, warn",
    ),
    (
        "log: {format: yaml}",
        "at '/log/format': value must be one of 'json', 'text'",
    ),
    (
        "replicaCount: '2'",
        "at '/replicaCount': got string, want integer",
    ),
    (
        "rbac: {create: 'false'}",
        "at '/rbac/create': got string, want boolean",
    ),
    (
        "service: {port: 0}",
        "at '/service/port': minimum: got 0, want 1",
    ),
    (
        "podDisruptionBudget: {enabled: true, maxUnavailable: half}",
        "value must be 'a number, or a percentage such as 50%'",
    ),
    (
        "podDisruptionBudget: {enabled: true, minAvailable: 1}",
        "podDisruptionBudget.minAvailable is 1 and replicaCount is 1: no pod could ever be evicted",
    ),
    (
        "{replicaCount: 3, podDisruptionBudget: {enabled: true, minAvailable: 67%}}",
        "podDisruptionBudget.minAvailable is 67% and replicaCount is 3: no pod could ever be evicted",
    ),
    (
        "podDisruptionBudget: {enabled: true, maxUnavailable: 0%}",
        "podDisruptionBudget.maxUnavailable is 0%: no pod could ever be evicted",
    ),
    (
        "daily: {baseUrl: 'http://mock.example/v1'}",
        "http:// is for loopback only'",
    ),
    // With its namespace it would be taken for a namespace, a name and a key.
    (
        "daily: {apiKey: {existingSecret: {name: daily-operator/daily}}}",
        "value must be 'the name of an object in the release namespace, without the namespace'",
    ),
    (
        "daily: {caBundle: {configMapName: ca, key: ../ca.crt}}",
        "value must be 'a key of a ConfigMap or Secret",
    ),
    (
        "watchNamespaces: [Team A]",
        "value must be 'the name of a namespace, such as team-a'",
    ),
    (
        "clusterId: eu 1",
        "at '/clusterId': value must be 'at most 253 letters",
    ),
    // Values that exclude each other.
    (
        "daily: {apiKey: {value: 0123456789abcdefg, existingSecret: {name: daily}}}",
        "value must be 'an API key from one place: set either",
    ),
    (
        "daily: {caBundle: {configMapName: a, secretName: b}}",
        "value must be 'CA certificates from one place: set either",
    ),
    (
        "podDisruptionBudget: {minAvailable: 1, maxUnavailable: 1}",
        "value must be 'one limit: set either",
    ),
    (
        "{serviceMonitor: {enabled: true}, podMonitor: {enabled: true}}",
        "value must be 'values with one monitor: enable either",
    ),
];

/// A secret that is refused is not printed: terminals and CI keep what Helm says.
const SECRET: &[(&str, &str)] = &[
    (
        "daily: {apiKey: {value: short-key}}",
        "value must be 'an API key: one line of 16 to 256 printable characters'",
    ),
    (
        "daily: {apiKey: {value: \"0123456789abcdef short-key\"}}",
        "value must be 'an API key: one line",
    ),
    (
        "daily: {proxy: 'http://user:short-key@proxy:3128'}",
        "value must be 'a URL without user and password: set HTTPS_PROXY",
    ),
];

fn said_by(helm: &Path, values: &str) -> String {
    match render_with(helm, values) {
        Ok(_) => panic!("{values} is not refused"),
        Err(said) => said,
    }
}

#[test]
fn each_is_refused_by_both_helms_in_these_words() {
    for (values, sentence) in REFUSED.iter().chain(SECRET) {
        for helm in [&*HELM, &*HELM_3] {
            let said = said_by(helm, values);
            assert!(said.contains(sentence), "{values}: {said}");
            assert!(!said.contains("short-key"), "{values}: {said}");
        }
    }
}

/// `--set` makes a number too; the sentence names the flag that does not.
#[test]
fn the_command_line_is_held_to_the_same() {
    for helm in [&*HELM, &*HELM_3] {
        let with = |flag| {
            let command = ["template", "x", flag, "image.tag=20261125"];
            let ran = run(helm, &[&command[..], &CLUSTER[..]].concat(), "{}");
            String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned()
        };
        assert!(with("--set").contains(IN_QUOTES));
        assert!(with("--set-string").contains("image: \"daily-operator:20261125\""));
    }
}

/// Every object of the schema refuses what it does not know, except where users choose the keys.
#[test]
fn no_object_is_open_by_accident() {
    let text = std::fs::read_to_string(chart().join("values.schema.json")).expect("is there");
    let schema: Value = serde_json::from_str(&text).expect("is JSON");
    let mut open = Vec::new();
    collect_open(&schema["properties"], "", &mut open);
    collect_open(&schema["$defs"], "", &mut open);
    assert_eq!(schema["additionalProperties"], false);
    // Kubernetes' own types, which the API server checks, and the values of parent charts.
    let expected = [
        "/global",
        "/extraEnv/else/items/properties/valueFrom",
        "/resources",
        "/tolerations/items",
        "/affinity",
        "/topologySpreadConstraints/items",
        "/podSecurityContext",
        "/securityContext",
        "/extraVolumes/items",
        "/extraVolumeMounts/items",
        "/networkPolicy/properties/ingressFrom/items",
        "/networkPolicy/properties/extraEgress/items",
        "/serviceMonitor/properties/relabelings/items",
        "/serviceMonitor/properties/metricRelabelings/items",
        "/podMonitor/properties/relabelings/items",
        "/podMonitor/properties/metricRelabelings/items",
        "/extraObjects/items",
    ];
    open.sort();
    let mut expected = expected.map(str::to_owned);
    expected.sort();
    assert_eq!(open, expected);
}

fn collect_open(schema: &Value, path: &str, open: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            let is_object = |kind: &Value| {
                kind == "object"
                    || kind
                        .as_array()
                        .is_some_and(|it| it.contains(&"object".into()))
            };
            let in_condition = path.ends_with("/if") || path.contains("/if/");
            if fields.get("type").is_some_and(is_object)
                && !fields.contains_key("additionalProperties")
                && !in_condition
            {
                open.push(path.to_owned());
            }
            for (name, inner) in fields {
                collect_open(inner, &format!("{path}/{name}"), open);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect_open(item, path, open);
            }
        }
        _ => {}
    }
}
