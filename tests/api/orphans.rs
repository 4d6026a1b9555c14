//! Rooms at Daily that no DailyRoom has are reported.

mod delete;

use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, RELEASE, Setup};
use crate::objects::Kind::Room;
use crate::stage::Stage;
use crate::wait::{LATER, until};

const REPORT: &str = "Room without a DailyRoom";

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let setup = || Setup::new().value("orphans", json!({"age": "3s"}));
    let mut trials = delete::scenarios(stage);
    trials.extend([
        stage.trial("orphans::are_reported", setup(), are_reported),
        stage.trial(
            "orphans::no_verdict_without_all_objects",
            setup().value("clusterId", json!("a-cluster")),
            no_verdict_without_all_objects,
        ),
    ]);
    trials
}

/// Deletes an object while no operator runs, so that its room stays at Daily. Gives the room.
async fn orphan(fx: &mut Fixture, name: &str) -> Value {
    let room = fx.ready(Room, name).await;
    assert!(fx.operator().terminate().await.success());
    fx.delete(Room, name).await;
    let bare = json!({"metadata": {"finalizers": null}});
    fx.merge(Room, name, bare).await;
    fx.gone(Room, name).await;
    room.at("/status/room").clone()
}

async fn counts(fx: &Fixture, count: usize) {
    let operator = fx.operators.last().expect("one runs");
    let wanted = format!("daily_operator_orphaned_rooms{{domain=\"acme\"}} {count}");
    until(&wanted, LATER, async || {
        let metrics = operator.metrics().await.unwrap_or_default();
        let line = metrics
            .lines()
            .find(|it| it.starts_with("daily_operator_orphaned"));
        let line = line.unwrap_or_default().to_owned();
        (line == wanted).then_some(()).ok_or(line)
    })
    .await;
}

/// One room has lost its DailyRoom. The others have one, here or in a namespace that another
/// installation serves, or do not carry the mark of this cluster.
async fn are_reported(fx: &mut Fixture) {
    fx.start_installation_beside(Setup::new()).await;
    for name in ["kept", "lost"] {
        fx.room(name, json!({"ttl": "1h"})).await;
    }
    fx.beside[0].room("elsewhere", json!({"ttl": "1h"})).await;
    fx.beside[0].ready(Room, "elsewhere").await;
    let kept = fx.ready(Room, "kept").await;
    let of_another_cluster = kept.room_name().replace("-kept_", "-copy_");
    for name in ["by-hand", &of_another_cluster] {
        let room = fx.by_hand.post("/rooms", &json!({"name": name})).await;
        assert_eq!(room.expect("Daily answers").status, 200);
    }
    let pin = fx.ready(Room, "lost").await.pin().map(str::to_owned);
    let lost = orphan(fx, "lost").await;
    let mark = fx.mark().await;
    fx.start_operator(&[]).await;
    counts(fx, 1).await;
    let seen = fx.journal().await.calls("GET", "/rooms").len();
    until("more listings are read", LATER, async || {
        let read = fx.journal().await.calls("GET", "/rooms").len();
        (read >= seen + 6).then_some(()).ok_or(read)
    })
    .await;
    let reported = fx.operator().said(REPORT);
    assert_eq!(reported.len(), 1, "it is reported once: {reported:#?}");
    assert_eq!(reported[0]["room"], lost["name"]);
    assert_eq!(reported[0]["id"], lost["id"]);
    let journal = fx.journal_since(mark).await;
    journal.expect_no_write("orphans are only reported");

    fx.room("lost", json!({"ttl": "1h"})).await;
    let found = fx.ready(Room, "lost").await;
    assert_eq!(
        (found.pin(), &found.at("/status/room")["id"]),
        (pin.as_deref(), &lost["id"])
    );
    counts(fx, 0).await;
}

/// The operator may list the DailyRooms of its namespace only.
async fn no_verdict_without_all_objects(fx: &mut Fixture) {
    fx.room("lost", json!({"ttl": "1h"})).await;
    orphan(fx, "lost").await;
    fx.take_cluster_bindings().await;
    grant_all_but_the_list(fx).await;
    fx.start_operator(&[]).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let refusal = "cannot list the DailyRooms of all namespaces";
    fx.operator().says(refusal).await;
    let seen = fx.journal().await.calls("GET", "/rooms").len();
    until("more listings are read", LATER, async || {
        let read = fx.journal().await.calls("GET", "/rooms").len();
        (read >= seen + 3).then_some(()).ok_or(read)
    })
    .await;
    assert_eq!(fx.operator().said(refusal).len(), 1, "it is said once");
    counts(fx, 0).await;
    fx.grant_rights().await;
    counts(fx, 1).await;
    fx.operator().says(REPORT).await;
}

/// The rights on both kinds in the operator's namespace, and those on namespaces.
async fn grant_all_but_the_list(fx: &Fixture) {
    let ours = json!([{
        "apiGroups": ["daily-operator.io"], "verbs": ["get", "list", "watch", "patch"],
        "resources": ["dailyrooms", "dailyrooms/status", "pindialinnumbers", "pindialinnumbers/status"],
    }]);
    let namespaces = json!([{
        "apiGroups": [""], "verbs": ["get", "list", "watch"], "resources": ["namespaces"],
    }]);
    let subjects = json!([{"kind": "ServiceAccount", "name": RELEASE, "namespace": fx.home}]);
    for (kind, rules) in [("Role", ours), ("ClusterRole", namespaces)] {
        let name = format!("{}-part", fx.home);
        let version = "rbac.authorization.k8s.io/v1";
        let role = json!({
            "apiVersion": version, "kind": kind, "metadata": {"name": name}, "rules": rules,
        });
        let binding = json!({
            "apiVersion": version, "kind": format!("{kind}Binding"), "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
            "subjects": subjects,
        });
        for manifest in [role, binding] {
            let applied = match kind {
                "Role" => fx.plane.apply_in(&fx.home, manifest).await,
                _ => fx.plane.apply_cluster(manifest).await,
            };
            applied.expect("the rights can be granted");
        }
    }
}
