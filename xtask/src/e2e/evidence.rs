//! The evidence for a failed check: objects, events, logs of pods and of the node.

use testbed::Node;

use super::report::say;
use super::sim;
use super::stage::{OPERATOR, TEAM};
use crate::with_causes;

/// The arguments of kubectl for each part of the evidence.
const QUESTIONS: [&[&str]; 5] = [
    &[
        "get",
        "pods,deployments,services,events",
        "--all-namespaces",
        "--output=wide",
    ],
    &[
        "get",
        "dailyrooms,pindialinnumbers",
        "--all-namespaces",
        "--output=yaml",
    ],
    &["describe", "pods", "--namespace", OPERATOR],
    &["describe", "pods", "--namespace", TEAM],
    &["get", "leases", "--namespace", OPERATOR, "--output=yaml"],
];
/// How many lines of each pod's log are shown.
const TAIL: &str = "--tail=60";

/// Prints the evidence.
pub async fn show(node: &Node) {
    for question in QUESTIONS {
        ask(node, question).await;
    }
    let all = "--selector=app.kubernetes.io/name=daily-operator";
    for before in ["--previous=false", "--previous=true"] {
        let logs = [
            "logs",
            all,
            "--prefix",
            TAIL,
            before,
            "--namespace",
            OPERATOR,
        ];
        ask(node, &logs).await;
    }
    let logs = [
        "logs",
        "deployment/daily-sim",
        TAIL,
        "--namespace",
        sim::NAMESPACE,
    ];
    ask(node, &logs).await;
    for name in ["kubelet.log", "containerd.log"] {
        println!("\nThe end of {name}:");
        let text = std::fs::read_to_string(node.folder().join(name)).unwrap_or_default();
        let skipped = text.lines().count().saturating_sub(20);
        text.lines().skip(skipped).for_each(say);
    }
}

async fn ask(node: &Node, question: &[&str]) {
    println!("\nkubectl {}:", question.join(" "));
    match node.cluster().run(question).await {
        Ok(answer) => say(answer),
        Err(error) => say(with_causes(&error)),
    }
}
