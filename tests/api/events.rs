//! Events reach whoever looks for them; what cannot be published is in the log.

use std::sync::Arc;

use k8s_openapi::api::rbac::v1::Role;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;
use libtest_mimic::Trial;
use serde_json::json;
use testbed::faults::{Fault, Requests};

use crate::fixture::{Fixture, RELEASE, Setup};
use crate::load;
use crate::objects::Kind::Room;
use crate::rights;
use crate::stage::Stage;
use crate::wait::{SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    vec![
        stage.trial("events::long_names", Setup::new(), long_names),
        stage.trial("events::repeats", Setup::new(), repeats),
        stage.trial("events::another_note", Setup::new(), another_note),
        stage.trial("events::forbidden", Setup::new(), forbidden),
        stage.trial("events::released_once", Setup::new(), released_once),
        stage.trial(
            "events::conflict",
            Setup::new().without_operator(),
            conflict,
        ),
    ]
}

/// A write to Daily is published although the status write after it conflicts: the next reconcile finds
/// nothing to write.
async fn conflict(fx: &mut Fixture) {
    let (proxy, env) = fx.faults().await;
    fx.start_operator(&[env]).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let status = Requests::of("PATCH", "*/dailyrooms/standup/status").at_most(1);
    let conflict = proxy.inject(status, Fault::Status(409));
    fx.room("standup", json!({"ttl": "1h", "privacy": "Private"}))
        .await;
    fx.ready(Room, "standup").await;
    assert_eq!(conflict.hits(), 1);
    fx.event("standup", "Normal", "Updated").await;
}

/// A Secret has the object reconciled again, before the watch shows that it is gone.
async fn released_once(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let mut copy = fx.find_secret("standup-dialin").await.expect("is there");
    fx.operator().terminate().await;
    fx.delete(Room, "standup").await;
    let (proxy, env) = fx.faults().await;
    let silent = proxy.inject(Requests::watch("dailyrooms"), Fault::Silence);
    fx.start_operator(&[env]).await;
    fx.gone(Room, "standup").await;
    let deleted = fx.event("standup", "Normal", "Deleted").await;
    assert_eq!(deleted.series, None);
    let reconciles = async || {
        let metrics = fx.operators.last().map(|it| it.metrics());
        let metrics = metrics.expect("an operator runs").await;
        load::reconciles(&metrics.unwrap_or_default())
    };
    let before = reconciles().await;
    copy.metadata = ObjectMeta {
        name: Some("copy".to_owned()),
        labels: copy.metadata.labels.take(),
        annotations: copy.metadata.annotations.take(),
        ..ObjectMeta::default()
    };
    let created = fx.secrets().create(&PostParams::default(), &copy).await;
    created.expect("the Secret is created");
    until("it is reconciled again", SOON, async || {
        let now = reconciles().await;
        (now > before).then_some(()).ok_or(now)
    })
    .await;
    assert!(silent.hits() > 0, "the watch is silent");
    let deleted = fx.event("standup", "Normal", "Deleted").await;
    assert_eq!(deleted.series, None, "it is published once");
}

/// The longest names that are admitted, and those at which a name with a time is too long.
async fn long_names(fx: &mut Fixture) {
    for length in [236, 237, 246] {
        let name = "a".repeat(length);
        fx.room(&name, json!({"ttl": "1h"})).await;
        fx.ready(Room, &name).await;
        fx.event(&name, "Normal", "Created").await;
    }
    let dotted = format!("{}.{}", "b".repeat(235), "c".repeat(10));
    fx.room(&dotted, json!({"ttl": "1h"})).await;
    fx.event(&dotted, "Normal", "Created").await;
    assert!(!fx.logs().contains("The event could not be published"));
}

/// The same again is counted, though the object has changed in between.
async fn repeats(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    for nth in 1..=3 {
        let annotation = json!({"metadata": {"annotations": {"example.com/nth": nth.to_string()}}});
        fx.merge(Room, "standup", annotation).await;
        let drift = json!({"stringData": {"dialin-code": format!("wrong-{nth}")}});
        fx.patch_secret("standup-dialin", &drift).await;
        until("the repair is counted", SOON, async || {
            let event = fx.event("standup", "Warning", "SecretRepaired").await;
            let count = event.series.map_or(1, |it| it.count);
            (count == nth).then_some(()).ok_or(format!("{count}"))
        })
        .await;
    }
    let events = fx.events("standup").await;
    let repaired = events
        .iter()
        .filter(|it| it.reason.as_deref() == Some("SecretRepaired"));
    assert_eq!(repaired.count(), 1, "{events:#?}");
}

/// The same reason with another text: whoever reads the events finds each.
async fn another_note(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let edits = [
        (json!({"privacy": "Private"}), "Updated", "privacy"),
        (
            json!({"ejectAtRoomExpiry": false}),
            "Updated",
            "eject_at_room_exp",
        ),
        (
            json!({"dialin": {"globalNumbers": ["XX"]}}),
            "InvalidSpec",
            "for XX",
        ),
        (
            json!({"dialin": {"globalNumbers": ["YY"]}}),
            "InvalidSpec",
            "for YY",
        ),
    ];
    for (edit, reason, text) in edits {
        fx.merge(Room, "standup", json!({"spec": edit})).await;
        until("the edit has its event", SOON, async || {
            let events = fx.events("standup").await;
            let notes = events
                .into_iter()
                .filter(|it| it.reason.as_deref() == Some(reason))
                .filter_map(|it| it.note);
            let notes: Vec<String> = notes.collect();
            let is_there = notes.iter().any(|it| it.contains(text));
            is_there.then_some(()).ok_or(notes.join(" | "))
        })
        .await;
    }
}

async fn forbidden(fx: &mut Fixture) {
    let roles: Api<Role> = Api::namespaced(fx.client.clone(), &fx.namespace);
    let mut role = roles.get(RELEASE).await.expect("the Role is there");
    let is_events = |resources: &Option<Vec<String>>| {
        resources
            .iter()
            .flatten()
            .any(|resource| resource == "events")
    };
    if let Some(rules) = &mut role.rules {
        rules.retain(|rule| !is_events(&rule.resources));
    }
    let replaced = roles.replace(RELEASE, &PostParams::default(), &role).await;
    replaced.expect("the Role can be changed");
    let here = (fx.namespace.as_str(), "");
    rights::are_taken(fx, "create", "events.k8s.io/events", here).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    let line = fx.operator().says("The event could not be published").await;
    assert_eq!(line["level"], "WARN", "{line}");
    assert_eq!(line["name"], "standup", "{line}");
    for field in ["note", "reason", "error", "kind", "namespace"] {
        assert!(
            line[field].as_str().is_some_and(|it| !it.is_empty()),
            "{field}: {line}"
        );
    }
    fx.ready(Room, "standup").await;
}
