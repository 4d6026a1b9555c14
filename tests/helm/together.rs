//! Values that meet.

use serde_json::{Value, json};

use crate::render::{HELM, render, render_with};

const POD: &str = "/spec/template/spec";

fn pointer(rest: &str) -> String {
    format!("{POD}{rest}")
}

/// In all namespaces it may see and change its own kinds, and nothing else.
#[test]
fn a_release_for_some_namespaces_reads_no_secrets_of_the_cluster() {
    let values = "{watchNamespaces: [team-a], crds: {enabled: false}, \
                  rbac: {userRoles: false, serviceBinding: false}}";
    let rendered = render(values);
    assert_eq!(rendered.of("CustomResourceDefinition").count(), 0);
    let roles: Vec<_> = rendered.of("ClusterRole").collect();
    let [role] = &roles[..] else {
        panic!("one ClusterRole is there: {roles:?}");
    };
    for rule in role["rules"].as_array().expect("has rules") {
        let own = rule["apiGroups"] == json!(["daily-operator.io"]);
        let named = rule["resources"] == json!(["namespaces"])
            && rule["resourceNames"] == json!(["team-a"])
            && rule["verbs"] == json!(["get", "list", "watch"]);
        assert!(own || named, "{rule}");
    }
    assert_eq!(
        render(&values.replace("userRoles: false", "userRoles: true"))
            .of("ClusterRole")
            .count(),
        3
    );
}

/// Releases of one name in two namespaces share no object.
#[test]
fn namesakes_in_two_namespaces_do_not_meet() {
    let values = "{watchNamespaces: [team-a], crds: {enabled: false}}";
    let one = render(values);
    let two = render(&format!("{{namespaceOverride: two, {}", &values[1..]));
    let names = |kind| one.of(kind).map(|it| it["metadata"]["name"].clone());
    for name in names("ClusterRole") {
        let is_shared = two
            .of("ClusterRole")
            .any(|it| it["metadata"]["name"] == name);
        assert!(!is_shared, "{name}");
    }
    let in_kube_system = |rendered: &crate::render::Rendered| -> Vec<Value> {
        let roles = rendered
            .of("Role")
            .filter(|it| it["metadata"]["namespace"] == "kube-system");
        roles.map(|it| it["metadata"]["name"].clone()).collect()
    };
    assert_eq!(
        in_kube_system(&one),
        [json!("daily-operator-daily-operator")]
    );
    assert_eq!(in_kube_system(&two), [json!("daily-operator-two")]);
}

/// A name of the cluster in the values takes the place of the one that is read.
#[test]
fn a_given_cluster_id_needs_no_right_in_kube_system() {
    let values = "{watchNamespaces: [team-a], clusterId: eu-1}";
    let rendered = render(values);
    assert!(
        rendered
            .of("Role")
            .all(|it| it["metadata"]["namespace"] != "kube-system")
    );
}

/// A namespace override moves all that has a namespace, and who is bound.
#[test]
fn all_of_a_moved_release_moves() {
    let values = "{namespaceOverride: moved, daily: {apiKey: {value: 0123456789abcdefg}}, \
                  podDisruptionBudget: {enabled: true}, networkPolicy: {enabled: true}, \
                  podMonitor: {enabled: true}}";
    let rendered = render(values);
    let mut seen = 0;
    for object in rendered.all() {
        if let Some(namespace) = object.pointer("/metadata/namespace") {
            assert_eq!(*namespace, "moved", "{object}");
            seen += 1;
        }
        if let Some(subject) = object.pointer("/subjects/0/namespace") {
            assert_eq!(*subject, "moved", "{object}");
        }
    }
    assert!(seen >= 8, "{seen}");
    assert!(
        rendered
            .args()
            .contains(&"--default-api-key-secret=moved/daily-operator-api-key".to_owned())
    );
}

#[test]
fn the_inline_key_is_in_a_secret_that_the_operator_may_read_by_name() {
    let rendered = render("daily: {apiKey: {value: 0123456789abcdefg}}");
    let secret = rendered.at("Secret", "/data/api-key");
    assert_eq!(secret, "MDEyMzQ1Njc4OWFiY2RlZmc=");
    let rule = rendered.at("Role/daily-operator-release", "/rules/2");
    assert_eq!(
        rule,
        json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["daily-operator-api-key"], "verbs": ["get"]})
    );
    // The pods do not name the key, so that a new one does not restart them.
    let one = rendered.at("Deployment", "");
    let other = render("daily: {apiKey: {value: gfedcba9876543210}}").at("Deployment", "");
    assert_eq!(one, other);
}

#[test]
fn without_a_key_nothing_is_said_of_one() {
    let rendered = render("daily: {apiKey: {namespaces: {matchLabels: {a: b}}}}");
    assert!(
        !rendered.args().iter().any(|arg| arg.contains("api-key")),
        "{:?}",
        rendered.args()
    );
    assert_eq!(rendered.of("Secret").count(), 0);
    assert_eq!(
        rendered.at("Role/daily-operator-release", "/rules/2"),
        Value::Null
    );
}

/// Null is the release namespace only; the operator has it so when the flag is absent.
#[test]
fn a_selector_that_is_null_is_no_flag() {
    let rendered = render("daily: {apiKey: {existingSecret: {name: daily}, namespaces: null}}");
    let flags = |name: &str| {
        rendered
            .args()
            .iter()
            .filter(|arg| arg.starts_with(name))
            .count()
    };
    assert_eq!(flags("--default-api-key-secret="), 1);
    assert_eq!(flags("--default-api-key-namespaces="), 0);
}

/// Flags of the users come last, where they override.
#[test]
fn extra_args_come_last() {
    let args = render("{extraArgs: ['--listen=:9090'], writes: disabled}").args();
    assert_eq!(args.last().map(String::as_str), Some("--listen=:9090"));
    assert!(args.contains(&"--listen=:8080".to_owned()), "{args:?}");
}

/// An environment variable may be given once only.
#[test]
fn the_log_level_gives_way_to_the_variable() {
    let values = "{log: {level: debug}, extraEnv: [{name: DAILY_OPERATOR_LOG, value: trace}]}";
    let env = render(values).at("Deployment", &pointer("/containers/0/env"));
    assert_eq!(
        env,
        json!([{"name": "DAILY_OPERATOR_LOG", "value": "trace"}])
    );
}

#[test]
fn files_of_the_users_come_beside_the_ca() {
    let values = "{daily: {caBundle: {secretName: ca}}, extraVolumes: [{name: v, emptyDir: {}}], \
                  extraVolumeMounts: [{name: v, mountPath: /v}]}";
    for (object, at) in [("Deployment", POD), ("Pod", "/spec")] {
        let rendered = render(values);
        let mounts = rendered.at(object, &format!("{at}/containers/0/volumeMounts"));
        let expected = json!([
            {"name": "daily-ca", "mountPath": "/etc/daily-operator/ca", "readOnly": true},
            {"name": "v", "mountPath": "/v"},
        ]);
        assert_eq!(mounts, expected);
        let volumes = rendered.at(object, &format!("{at}/volumes"));
        assert_eq!(volumes.as_array().map(Vec::len), Some(2), "{volumes}");
    }
}

#[test]
fn pull_secrets_of_parent_and_chart_are_added_up() {
    let values =
        "{global: {imagePullSecrets: [one, {name: two}]}, imagePullSecrets: [{name: three}]}";
    let secrets = render(values).at("Deployment", &pointer("/imagePullSecrets"));
    assert_eq!(
        secrets,
        json!([{"name": "one"}, {"name": "two"}, {"name": "three"}])
    );
}

/// One pod needs no spread; several are spread unless the users say how.
#[test]
fn several_pods_are_spread_over_nodes() {
    let spread = pointer("/topologySpreadConstraints");
    assert_eq!(render("{}").at("Deployment", &spread), Value::Null);
    let two = render("replicaCount: 2").at("Deployment", &spread);
    assert_eq!(two[0]["topologyKey"], "kubernetes.io/hostname");
    assert_eq!(two[0]["whenUnsatisfiable"], "ScheduleAnyway");
    let own = render("{replicaCount: 2, topologySpreadConstraints: [{maxSkew: 5}]}");
    assert_eq!(own.at("Deployment", &spread), json!([{"maxSkew": 5}]));
}

/// The new pod is Ready before the old one ends, also when there is only one.
#[test]
fn a_rolling_update_takes_no_pod_away_first() {
    for values in ["{}", "replicaCount: 3"] {
        let strategy = render(values).at("Deployment", "/spec/strategy");
        let expected =
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
        assert_eq!(strategy, expected);
    }
}

/// OpenShift gives each namespace its own range of UIDs, and refuses any other.
#[test]
fn no_uid_is_fixed() {
    let text = format!("{:?}", render("daily: {caBundle: {secretName: ca}}").all());
    for field in ["runAsUser", "runAsGroup", "fsGroup"] {
        assert!(!text.contains(field), "{field}");
    }
    assert!(text.contains("runAsNonRoot"));
}

/// The pods of the Deployment alone are counted, kept and sent calls; the check's pod is not.
#[test]
fn the_pod_of_the_check_is_none_of_the_deployment() {
    let rendered = render("{podDisruptionBudget: {enabled: true}, networkPolicy: {enabled: true}}");
    let labels = rendered.at("Pod", "/metadata/labels");
    let selects = |object: &str, pointer: &str| {
        let selector = rendered.at(object, pointer);
        let selector = selector.as_object().expect("selects by labels").clone();
        assert!(!selector.is_empty());
        selector.iter().all(|(key, value)| labels[key] == *value)
    };
    assert!(!selects("Deployment", "/spec/selector/matchLabels"));
    assert!(!selects("Service", "/spec/selector"));
    assert!(!selects(
        "PodDisruptionBudget",
        "/spec/selector/matchLabels"
    ));
    assert!(selects("NetworkPolicy", "/spec/podSelector/matchLabels"));
}

/// The ports of Daily and of the proxy follow from their URLs.
#[test]
fn the_network_policy_lets_the_operator_call_what_it_calls() {
    let ports = |daily: &str| {
        let values = format!("{{networkPolicy: {{enabled: true}}, daily: {daily}}}");
        render(&values).at("NetworkPolicy", "/spec/egress/1/ports")
    };
    assert_eq!(ports("{}"), json!([{"port": 443}, {"port": 6443}]));
    let mock = json!([{"port": 443}, {"port": 6443}, {"port": 8443}]);
    assert_eq!(ports("{baseUrl: 'https://mock.example:8443/v1'}"), mock);
    let proxy = json!([{"port": 443}, {"port": 6443}, {"port": 3128}]);
    assert_eq!(ports("{proxy: 'http://proxy.example.com:3128'}"), proxy);
    let plain = json!([{"port": 443}, {"port": 6443}, {"port": 80}]);
    assert_eq!(ports("{proxy: 'http://proxy.example.com'}"), plain);
}

/// A budget that can never be met is refused, one that can is not.
#[test]
fn a_disruption_budget_leaves_a_pod_to_evict() {
    for values in [
        "{replicaCount: 3, podDisruptionBudget: {enabled: true, minAvailable: 2}}",
        "{replicaCount: 3, podDisruptionBudget: {enabled: true, minAvailable: 50%}}",
        "{podDisruptionBudget: {enabled: true, maxUnavailable: 1%}}",
        "{podDisruptionBudget: {minAvailable: 1}}",
    ] {
        assert!(render_with(&HELM, values).is_ok(), "{values}");
    }
}

/// A parent chart may switch this chart by its condition and give global values of its own.
#[test]
fn a_parent_chart_may_add_what_is_not_for_this_one() {
    render("{enabled: true, global: {imageRegistry: x, storageClass: y}}");
}

/// CRDs that are not kept carry nothing that keeps them.
#[test]
fn crds_are_kept_unless_told() {
    let kept = render("{}");
    let annotations = "/metadata/annotations/helm.sh~1resource-policy";
    for crd in ["dailyrooms", "pindialinnumbers"] {
        let crd = format!("CustomResourceDefinition/{crd}.daily-operator.io");
        assert_eq!(kept.at(&crd, annotations), "keep");
        assert_eq!(
            kept.at(&crd, "/metadata/labels/app.kubernetes.io~1component"),
            "crds"
        );
    }
    let room = "CustomResourceDefinition/dailyrooms.daily-operator.io";
    let label = "/metadata/labels/servicebinding.io~1provisioned-service";
    assert_eq!(kept.at(room, label), "true");
}
