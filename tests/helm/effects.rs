//! Every value has its effect: where it shows, and as what.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::render::{chart, render};

/// A value, where it shows, and as what.
type Effect = (&'static str, &'static str, &'static str, Value);

const DEPLOYMENT: &str = "Deployment/daily-operator";
const ARGS: &str = "/spec/template/spec/containers/0/args";
const CRD: &str = "CustomResourceDefinition/dailyrooms.daily-operator.io";

/// Effects on names, labels and what is not the pod.
fn around_the_pod() -> Vec<Effect> {
    vec![
        (
            "global: {imagePullSecrets: [registry]}",
            DEPLOYMENT,
            "/spec/template/spec/imagePullSecrets",
            json!([{"name": "registry"}]),
        ),
        (
            "global: {commonLabels: {team: a}}",
            DEPLOYMENT,
            "/metadata/labels/team",
            json!("a"),
        ),
        (
            "nameOverride: dialin",
            "Deployment/daily-operator-dialin",
            "/spec/selector/matchLabels/app.kubernetes.io~1name",
            json!("dialin"),
        ),
        (
            "fullnameOverride: dialin",
            "Deployment/dialin",
            "/metadata/name",
            json!("dialin"),
        ),
        (
            "namespaceOverride: elsewhere",
            "ServiceAccount",
            "/metadata/namespace",
            json!("elsewhere"),
        ),
        (
            "commonLabels: {cost-center: 4711}",
            CRD,
            "/metadata/labels/cost-center",
            json!("4711"),
        ),
        (
            "commonLabels: {big: 9007199254740991}",
            "Service",
            "/metadata/labels/big",
            json!("9007199254740991"),
        ),
        (
            "commonLabels: {app.kubernetes.io/name: mine}",
            DEPLOYMENT,
            "/metadata/labels/app.kubernetes.io~1name",
            json!("daily-operator"),
        ),
        (
            "serviceAccount: {create: false}",
            DEPLOYMENT,
            "/spec/template/spec/serviceAccountName",
            json!("default"),
        ),
        (
            "serviceAccount: {name: robot}",
            "ServiceAccount/robot",
            "/metadata/name",
            json!("robot"),
        ),
        (
            "serviceAccount: {annotations: {role: 7}}",
            "ServiceAccount",
            "/metadata/annotations",
            json!({"role": "7"}),
        ),
        (
            "serviceAccount: {automount: true}",
            "ServiceAccount",
            "/automountServiceAccountToken",
            json!(true),
        ),
        (
            "rbac: {create: false}",
            "ClusterRoleBinding",
            "",
            Value::Null,
        ),
        (
            "rbac: {userRoles: false}",
            "ClusterRole/daily-operator-edit",
            "",
            Value::Null,
        ),
        (
            "rbac: {aggregateToView: true}",
            "ClusterRole/daily-operator-view",
            "/metadata/labels/rbac.authorization.k8s.io~1aggregate-to-view",
            json!("true"),
        ),
        (
            "rbac: {aggregateToEdit: false}",
            "ClusterRole/daily-operator-edit",
            "/metadata/labels/rbac.authorization.k8s.io~1aggregate-to-edit",
            Value::Null,
        ),
        (
            "rbac: {aggregateToAdmin: false}",
            "ClusterRole/daily-operator-edit",
            "/metadata/labels/rbac.authorization.k8s.io~1aggregate-to-admin",
            Value::Null,
        ),
        (
            "rbac: {serviceBinding: false}",
            "ClusterRole/daily-operator-servicebinding",
            "",
            Value::Null,
        ),
        ("crds: {enabled: false}", CRD, "", Value::Null),
        (
            "crds: {keep: false}",
            CRD,
            "/metadata/annotations",
            Value::Null,
        ),
        (
            "service: {port: 9402}",
            "Service",
            "/spec/ports/0/port",
            json!(9402),
        ),
        (
            "podDisruptionBudget: {enabled: true}",
            "PodDisruptionBudget",
            "/spec/maxUnavailable",
            json!(1),
        ),
        (
            "podDisruptionBudget: {enabled: true, minAvailable: 50%}",
            "PodDisruptionBudget",
            "/spec/minAvailable",
            json!("50%"),
        ),
        (
            "podDisruptionBudget: {enabled: true, maxUnavailable: 2}",
            "PodDisruptionBudget",
            "/spec/maxUnavailable",
            json!(2),
        ),
        (
            "networkPolicy: {enabled: true}",
            "NetworkPolicy",
            "/spec/policyTypes",
            json!(["Ingress", "Egress"]),
        ),
        (
            "networkPolicy: {enabled: true, ingressFrom: [{podSelector: {}}]}",
            "NetworkPolicy",
            "/spec/ingress/0/from",
            json!([{"podSelector": {}}]),
        ),
        (
            "networkPolicy: {enabled: true, apiServerPorts: [8443]}",
            "NetworkPolicy",
            "/spec/egress/1/ports",
            json!([{"port": 8443}, {"port": 443}]),
        ),
        (
            "networkPolicy: {enabled: true, extraEgress: [{to: []}]}",
            "NetworkPolicy",
            "/spec/egress/2",
            json!({"to": []}),
        ),
        (
            "serviceMonitor: {enabled: true}",
            "ServiceMonitor",
            "/spec/endpoints/0/path",
            json!("/metrics"),
        ),
        (
            "serviceMonitor: {enabled: true, labels: {release: 1}}",
            "ServiceMonitor",
            "/metadata/labels/release",
            json!("1"),
        ),
        (
            "serviceMonitor: {enabled: true, interval: 1m}",
            "ServiceMonitor",
            "/spec/endpoints/0/interval",
            json!("1m"),
        ),
        (
            "serviceMonitor: {enabled: true, scrapeTimeout: 5s}",
            "ServiceMonitor",
            "/spec/endpoints/0/scrapeTimeout",
            json!("5s"),
        ),
        (
            "serviceMonitor: {enabled: true, honorLabels: true}",
            "ServiceMonitor",
            "/spec/endpoints/0/honorLabels",
            json!(true),
        ),
        (
            "serviceMonitor: {enabled: true, relabelings: [{action: drop}]}",
            "ServiceMonitor",
            "/spec/endpoints/0/relabelings",
            json!([{"action": "drop"}]),
        ),
        (
            "serviceMonitor: {enabled: true, metricRelabelings: [{action: keep}]}",
            "ServiceMonitor",
            "/spec/endpoints/0/metricRelabelings",
            json!([{"action": "keep"}]),
        ),
        (
            "podMonitor: {enabled: true}",
            "PodMonitor",
            "/spec/podMetricsEndpoints/0/port",
            json!("http"),
        ),
        (
            "podMonitor: {enabled: true, labels: {release: a}}",
            "PodMonitor",
            "/metadata/labels/release",
            json!("a"),
        ),
        (
            "podMonitor: {enabled: true, interval: 1m}",
            "PodMonitor",
            "/spec/podMetricsEndpoints/0/interval",
            json!("1m"),
        ),
        (
            "podMonitor: {enabled: true, scrapeTimeout: 5s}",
            "PodMonitor",
            "/spec/podMetricsEndpoints/0/scrapeTimeout",
            json!("5s"),
        ),
        (
            "podMonitor: {enabled: true, honorLabels: true}",
            "PodMonitor",
            "/spec/podMetricsEndpoints/0/honorLabels",
            json!(true),
        ),
        (
            "podMonitor: {enabled: true, relabelings: [{action: drop}]}",
            "PodMonitor",
            "/spec/podMetricsEndpoints/0/relabelings",
            json!([{"action": "drop"}]),
        ),
        (
            "podMonitor: {enabled: true, metricRelabelings: [{action: keep}]}",
            "PodMonitor",
            "/spec/podMetricsEndpoints/0/metricRelabelings",
            json!([{"action": "keep"}]),
        ),
        (
            "extraObjects: [{kind: ConfigMap, metadata: {name: '{{ .Release.Name }}-x'}}]",
            "ConfigMap",
            "/metadata/name",
            json!("daily-operator-x"),
        ),
        (
            "extraObjects: ['{kind: ConfigMap, metadata: {name: {{ .Release.Name }}-y}}']",
            "ConfigMap",
            "/metadata/name",
            json!("daily-operator-y"),
        ),
        (
            "watchNamespaces: [team-a]",
            "Role/daily-operator",
            "/metadata/namespace",
            json!("team-a"),
        ),
    ]
}

/// Effects on the pod, its arguments aside.
fn on_the_pod() -> Vec<Effect> {
    let at = |values, pointer: &'static str, is| (values, DEPLOYMENT, pointer, is);
    vec![
        at("replicaCount: 2", "/spec/replicas", json!(2)),
        at(
            "revisionHistoryLimit: 0",
            "/spec/revisionHistoryLimit",
            json!(0),
        ),
        at(
            "image: {repository: registry.example/op}",
            "/spec/template/spec/containers/0/image",
            json!("registry.example/op:0.1.0"),
        ),
        at(
            "image: {tag: '20261125'}",
            "/spec/template/spec/containers/0/image",
            json!("daily-operator:20261125"),
        ),
        at(
            "image: {tag: x, digest: 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}",
            "/spec/template/spec/containers/0/image",
            json!(
                "daily-operator@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
            ),
        ),
        at(
            "image: {pullPolicy: Always}",
            "/spec/template/spec/containers/0/imagePullPolicy",
            json!("Always"),
        ),
        at(
            "imagePullSecrets: [{name: registry}]",
            "/spec/template/spec/imagePullSecrets",
            json!([{"name": "registry"}]),
        ),
        at(
            "resources: {limits: {memory: 1Gi}}",
            "/spec/template/spec/containers/0/resources/limits/memory",
            json!("1Gi"),
        ),
        at(
            "deploymentAnnotations: {a: true}",
            "/metadata/annotations",
            json!({"a": "true"}),
        ),
        at(
            "podAnnotations: {prometheus.io/port: 8080}",
            "/spec/template/metadata/annotations",
            json!({"prometheus.io/port": "8080"}),
        ),
        at(
            "podLabels: {a: 20261125}",
            "/spec/template/metadata/labels/a",
            json!("20261125"),
        ),
        at(
            "priorityClassName: high",
            "/spec/template/spec/priorityClassName",
            json!("high"),
        ),
        at(
            "nodeSelector: {zone: 1}",
            "/spec/template/spec/nodeSelector",
            json!({"zone": "1"}),
        ),
        at(
            "tolerations: [{operator: Exists, tolerationSeconds: 86400000}]",
            "/spec/template/spec/tolerations",
            json!([{"operator": "Exists", "tolerationSeconds": 86_400_000}]),
        ),
        at(
            "affinity: {nodeAffinity: {}}",
            "/spec/template/spec/affinity",
            json!({"nodeAffinity": {}}),
        ),
        at(
            "topologySpreadConstraints: [{maxSkew: 5}]",
            "/spec/template/spec/topologySpreadConstraints",
            json!([{"maxSkew": 5}]),
        ),
        at(
            "terminationGracePeriodSeconds: 60",
            "/spec/template/spec/terminationGracePeriodSeconds",
            json!(60),
        ),
        at(
            "podSecurityContext: {runAsUser: 1000680000}",
            "/spec/template/spec/securityContext/runAsUser",
            json!(1_000_680_000),
        ),
        at(
            "securityContext: {runAsGroup: 5}",
            "/spec/template/spec/containers/0/securityContext/runAsGroup",
            json!(5),
        ),
        at(
            "extraVolumes: [{name: v, emptyDir: {}}]",
            "/spec/template/spec/volumes",
            json!([{"name": "v", "emptyDir": {}}]),
        ),
        at(
            "extraVolumeMounts: [{name: v, mountPath: /v}]",
            "/spec/template/spec/containers/0/volumeMounts",
            json!([{"name": "v", "mountPath": "/v"}]),
        ),
        at(
            "log: {level: debug}",
            "/spec/template/spec/containers/0/env",
            json!([{"name": "DAILY_OPERATOR_LOG", "value": "debug"}]),
        ),
        at(
            "extraEnv: [{name: A, value: '1'}]",
            "/spec/template/spec/containers/0/env",
            json!([{"name": "A", "value": "1"}]),
        ),
        at(
            "daily: {caBundle: {configMapName: ca}}",
            "/spec/template/spec/volumes",
            json!([{"name": "daily-ca", "configMap": {"name": "ca"}}]),
        ),
        at(
            "daily: {caBundle: {secretName: ca}}",
            "/spec/template/spec/volumes",
            json!([{"name": "daily-ca", "secret": {"secretName": "ca"}}]),
        ),
    ]
}

/// Values that are arguments of the operator.
fn arguments() -> Vec<(&'static str, &'static str)> {
    vec![
        (
            "daily: {baseUrl: 'https://mock.example/v1'}",
            "--daily-base-url=https://mock.example/v1",
        ),
        (
            "daily: {caBundle: {secretName: ca, key: company.pem}}",
            "--daily-ca-file=/etc/daily-operator/ca/company.pem",
        ),
        (
            "daily: {proxy: 'http://proxy.example.com:3128'}",
            "--daily-proxy=http://proxy.example.com:3128",
        ),
        (
            "daily: {apiKey: {existingSecret: {name: daily}}}",
            "--default-api-key-secret=daily-operator/daily",
        ),
        (
            "daily: {apiKey: {existingSecret: {name: daily, key: token}}}",
            "--default-api-key-secret=daily-operator/daily/token",
        ),
        (
            "daily: {apiKey: {value: 0123456789abcdefx}}",
            "--default-api-key-secret=daily-operator/daily-operator-api-key",
        ),
        (
            "daily: {apiKey: {existingSecret: {name: daily}, namespaces: {matchLabels: {team: a}}}}",
            r#"--default-api-key-namespaces={"matchLabels":{"team":"a"}}"#,
        ),
        (
            "daily: {apiKey: {existingSecret: {name: daily}, numberNamespaces: {}}}",
            "--default-api-key-number-namespaces={}",
        ),
        (
            "watchNamespaces: [team-a, team-b]",
            "--watch-namespaces=team-a,team-b",
        ),
        ("clusterId: '1234567890'", "--cluster-id=1234567890"),
        ("installationId: a/b", "--installation-id=a/b"),
        ("driftInterval: 1h30m", "--drift-interval=1h30m"),
        ("quietPeriod: 90s", "--quiet-period=90s"),
        ("writes: disabled", "--writes=disabled"),
        ("log: {format: text}", "--log-format=text"),
        ("extraArgs: ['--listen=:9090']", "--listen=:9090"),
        (
            "namespaceOverride: elsewhere",
            "--lease-namespace=elsewhere",
        ),
    ]
}

#[test]
fn each_value_shows_where_it_should() {
    let default = render("{}");
    for (values, object, pointer, is) in around_the_pod().into_iter().chain(on_the_pod()) {
        let rendered = render(values);
        assert_eq!(rendered.at(object, pointer), is, "{values}");
        let is_a_rule = values.contains("app.kubernetes.io/name");
        assert!(
            is_a_rule || default.at(object, pointer) != is,
            "{values} changes nothing"
        );
    }
}

#[test]
fn each_argument_is_given_to_the_operator_and_to_its_check() {
    let default = render("{}").args();
    for (values, argument) in arguments() {
        let rendered = render(values);
        assert!(
            !default.contains(&argument.to_owned()),
            "{values} changes nothing"
        );
        for (object, pointer) in [(DEPLOYMENT, ARGS), ("Pod", "/spec/containers/0/args")] {
            let args = rendered.at(object, pointer);
            let has = args
                .as_array()
                .is_some_and(|args| args.contains(&json!(argument)));
            assert!(has, "{values}: {args}");
        }
    }
}

/// Kubernetes' own types, which are taken over whole.
const WHOLE: [&str; 3] = ["resources", "podSecurityContext", "securityContext"];

/// The paths of the values that a user sets: leaves, and maps that are empty by default.
fn leaves(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    let is_whole = WHOLE.contains(&path);
    match value.as_object().filter(|map| !map.is_empty() && !is_whole) {
        None => drop(into.insert(path.to_owned())),
        Some(map) => {
            for (key, inner) in map {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(inner, &format!("{path}{dot}{key}"), into);
            }
        }
    }
}

/// A value that is added later needs its line above.
#[test]
fn no_value_is_forgotten() {
    let parse = |text: &str| -> Value { serde_saphyr::from_str(text).expect("is YAML") };
    let defaults = std::fs::read_to_string(chart().join("values.yaml")).expect("is there");
    let mut all = BTreeSet::new();
    leaves(&parse(&defaults), "", &mut all);
    let mut tested = BTreeSet::new();
    let effects = around_the_pod().into_iter().chain(on_the_pod());
    let values = effects.map(|(values, ..)| values);
    for values in values.chain(arguments().into_iter().map(|(values, _)| values)) {
        leaves(&parse(values), "", &mut tested);
    }
    let is_tested = |value: &&String| {
        tested.iter().any(|path| {
            let (short, long) = if path.len() < value.len() {
                (path, *value)
            } else {
                (*value, path)
            };
            long == short
                || long
                    .strip_prefix(short.as_str())
                    .is_some_and(|rest| rest.starts_with('.'))
        })
    };
    let forgotten: Vec<_> = all.iter().filter(|value| !is_tested(value)).collect();
    assert!(
        all.len() > 60 && forgotten.is_empty(),
        "{forgotten:?} of {}",
        all.len()
    );
}
