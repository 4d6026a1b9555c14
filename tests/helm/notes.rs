//! What Helm prints after an installation.

use crate::render::{HELM, run};

/// Only Helm 4 renders notes without a cluster that is new enough.
fn notes(values: &str) -> String {
    let command = ["install", "daily-operator", "--dry-run=client"];
    let ran = run(&HELM, &command, values);
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let (_, notes) = said.split_once("NOTES:\n").expect("there are notes");
    notes.to_owned()
}

/// Values, what the notes say of them, and what they do not say.
const CASES: [(&str, &str, &str); 7] = [
    (
        "{}",
        "kubectl create secret generic daily-api-key --namespace NAMESPACE --from-file=api-key=FILE",
        "the Secret daily-operator/",
    ),
    (
        "daily: {apiKey: {existingSecret: {name: daily, key: token}}}",
        "from the Secret daily-operator/daily, key token",
        "history",
    ),
    (
        "daily: {apiKey: {existingSecret: {name: daily}}}",
        "helm test daily-operator --namespace daily-operator --logs",
        "create secret",
    ),
    (
        "daily: {apiKey: {value: 0123456789abcdefg}}",
        "The API key is also in Helm's release history",
        "0123456789abcdefg",
    ),
    (
        "watchNamespaces: [team-a, team-b]",
        "the namespaces team-a, team-b",
        "all namespaces",
    ),
    ("writes: disabled", "Writes are disabled", "CRDs"),
    ("crds: {enabled: false}", "upgrade them yourself", "Writes"),
];

#[test]
fn the_next_commands_fit_the_values() {
    for (values, says, not) in CASES {
        let notes = notes(values);
        assert!(notes.contains(says), "{values}: {notes}");
        assert!(!notes.contains(not), "{values}: {notes}");
        let writes = !values.contains("writes: disabled");
        let namespace = match values.contains("watchNamespaces") {
            true => " --namespace team-a",
            false => "",
        };
        for (step, command) in [("2. ", "kubectl apply"), ("3. ", "kubectl wait")] {
            // Without writes no room becomes Ready.
            let rest = notes.split_once(step).map(|(_, rest)| rest);
            assert_eq!(rest.is_some(), writes, "{values}: {notes}");
            let command = format!("{command}{namespace} -");
            assert!(
                rest.is_none_or(|it| it.contains(&command)),
                "{values}: {notes}"
            );
        }
    }
}
