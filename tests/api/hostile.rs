//! Objects that are made to do harm, as a generator thinks of them, beside a room that is served.
//!
//! `DAILY_OPERATOR_HOSTILE_SEED` and `DAILY_OPERATOR_HOSTILE_COUNT` draw others and more of them.

mod fields;
mod large;
mod managed_fields;
mod objects;
mod properties;

use std::sync::Arc;
use std::time::Duration;

use daily_sim::JournalEntry;
use kube::Error;
use kube::api::DeleteParams;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use self::objects::Hostile;
use crate::fixture::{Fixture, KEY, Setup};
use crate::objects::Kind::{Number, Room};
use crate::stage::{Stage, from_env};
use crate::stake::Stake;
use crate::wait::{LATER, until};

/// So many objects, in steps between which the neighbour's room is edited.
const COUNT: u64 = 48;
const STEP: usize = 8;

/// An edit of the neighbour's room is at Daily and in its status within this time.
const EDITED_WITHIN: Duration = Duration::from_secs(10);
/// Requests of the API server and calls of Daily that an object may cost, deletion included.
const REQUESTS_AN_OBJECT: usize = 60;
const CALLS_AN_OBJECT: usize = 30;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let setup = Setup::new().neighbour().value("driftInterval", json!("5s"));
    let neighbour = || Setup::new().neighbour();
    vec![
        stage.trial("hostile::objects_harm_nobody", setup, objects_harm_nobody),
        Trial::test("hostile::every_field_is_drawn", || {
            fields::are_drawn();
            Ok(())
        }),
        stage.trial("hostile::large_objects", neighbour(), large::objects),
        stage.trial(
            "hostile::managed_fields",
            neighbour(),
            managed_fields::harm_nobody,
        ),
        stage.trial("hostile::large_rooms", Setup::new(), large::rooms),
        stage.trial(
            "hostile::room_properties",
            neighbour().busy(),
            properties::harm_nobody,
        ),
    ]
}

async fn objects_harm_nobody(fx: &mut Fixture) {
    let tenant = fx.neighbour();
    let home = fx.go_to(tenant.clone());
    fx.write_key("daily-api-key", KEY).await;
    fx.go_to(home.clone());
    fx.room("bystander", edited(0)).await;
    let before = fx.ready(Room, "bystander").await;
    let domain = before.text("/status/account/domainId").to_owned();
    let mut tail = fx.plane.tail();
    let mark = fx.mark().await;

    let seed = from_env("DAILY_OPERATOR_HOSTILE_SEED", 1);
    let count = from_env("DAILY_OPERATOR_HOSTILE_COUNT", COUNT);
    let hostile = objects::draw(seed, usize::try_from(count).expect("is not so many"));
    let mut admitted = 0;
    let mut round = 0;
    for step in hostile.chunks(STEP) {
        fx.go_to(tenant.clone());
        for one in step {
            admitted += usize::from(let_loose(fx, one, &domain).await);
        }
        round += 1;
        edit_of_the_neighbour(fx, &home, round).await;
    }
    // A generator that the API server refuses throughout shows nothing.
    let least = hostile.len() / 4;
    assert!(
        admitted >= least,
        "of {count} objects {admitted} were admitted"
    );
    fx.go_to(tenant.clone());
    for one in &hostile {
        delete_unless_gone(fx, one).await;
    }
    edit_of_the_neighbour(fx, &home, round + 1).await;
    fx.go_to(tenant);
    all_of_them_go(fx).await;
    fx.go_to(home);
    fx.daily_takes_calls().await;
    let after = Stake::of(fx, Room, "bystander").await;
    assert_eq!(after.object.pin(), before.pin());
    assert_eq!(after.object.dial_string(), before.dial_string());
    assert_eq!(after.id(), before.text("/status/room/id"));
    after.is_untouched(fx).await;

    let requests = tail.requests(&fx.home, crate::fixture::RELEASE);
    let requests = requests.iter().filter(|it| it.resource != "leases").count();
    let calls = fx.journal_since(mark).await;
    let calls = calls
        .all()
        .iter()
        .filter(|call| call.path != "/rooms")
        .count();
    println!("{admitted} of {count} admitted: {requests} requests and {calls} calls of Daily");
    assert!(
        requests <= admitted * REQUESTS_AN_OBJECT,
        "{requests} requests for {admitted}"
    );
    assert!(
        calls <= admitted * CALLS_AN_OBJECT,
        "{calls} calls for {admitted}"
    );
    fx.operator().is_healthy().await;
    fx.operator().keeps_the_memory_limit();
}

/// Waits until nothing is left of them in the namespace.
///
/// Without a key the operator cannot look whether an object has a room of its derived name, and
/// lets it go only after ten minutes: such a one loses its finalizer here.
async fn all_of_them_go(fx: &Fixture) {
    let stripped = json!({"metadata": {"finalizers": null}});
    until("all of them go", LATER, async || {
        let mut left = Vec::new();
        for kind in [Room, Number] {
            for object in fx.list(kind).await {
                let conditions = object.at("/status/conditions").to_string();
                let name = object.text("/metadata/name");
                if conditions.contains("ApiKeyNotFound") {
                    // It may be gone by now.
                    let _ = fx.try_merge(kind, name, stripped.clone()).await;
                }
                left.push(format!("{name}: {conditions}"));
            }
        }
        left.is_empty().then_some(()).ok_or(left.join("\n"))
    })
    .await;
}

fn caller(round: usize) -> String {
    format!("Caller {round}")
}

fn edited(round: usize) -> Value {
    json!({"ttl": "8h", "roomName": "board", "dialin": {"displayName": caller(round)}})
}

/// The neighbour's room is Ready, also with the change.
async fn edit_of_the_neighbour(fx: &mut Fixture, home: &str, round: usize) {
    let tenant = fx.go_to(home.to_owned());
    let generation = fx.room("bystander", edited(round)).await.generation();
    let what = format!("edit {round} is served");
    let served = |room: &crate::objects::Object| room.is_ready() && room.generation() == generation;
    fx.until(Room, "bystander", &what, EDITED_WITHIN, served)
        .await;
    // A look by hand would count in the limits that the operator keeps to.
    let journal = fx.journal().await;
    let sent = |call: &&JournalEntry| {
        let body = call.body.as_ref();
        let name = body.and_then(|it| it["properties"]["dialin"]["display_name"].as_str());
        call.status == 200 && name == Some(&caller(round))
    };
    let sent = journal.calls("POST", "/rooms/board").into_iter().find(sent);
    assert!(sent.is_some(), "{}", journal.tail(20));
    fx.go_to(tenant);
}

/// Creates it, and does to it what its tenant does. Says whether the API server admitted it.
async fn let_loose(fx: &Fixture, hostile: &Hostile, domain: &str) -> bool {
    let Hostile { kind, name, .. } = hostile;
    let Ok(created) = fx.try_create(*kind, &hostile.manifest).await else {
        return false;
    };
    let annotations = hostile.manifest["metadata"]["annotations"].clone();
    let known = json!({"metadata": {"annotations": annotations}});
    for patch in std::iter::once(&known).chain(&hostile.patches) {
        let patch = patch.to_string().replace(objects::UID, created.uid());
        let patch = patch.replace(objects::DOMAIN_ID, domain);
        let patch = patch.replace(objects::INSTALLATION_ID, &installation_id(fx));
        let patch = serde_json::from_str(&patch).expect("is JSON");
        // What the API server refuses does nothing.
        let _ = fx.try_merge(*kind, name, patch).await;
    }
    if hostile.deleted {
        delete_unless_gone(fx, hostile).await;
    }
    true
}

/// Some of them delete themselves, at any time.
async fn delete_unless_gone(fx: &Fixture, Hostile { kind, name, .. }: &Hostile) {
    let api = fx.objects(*kind);
    match api.delete(name, &DeleteParams::default()).await {
        Err(Error::Api(refusal)) if refusal.code == 404 => {}
        deleted => drop(deleted.expect("the object can be deleted")),
    }
}

/// What the operator is called, as its log says.
fn installation_id(fx: &Fixture) -> String {
    let lines = fx.operators[0].lines();
    let id = lines.iter().find_map(|line| line["installation"].as_str());
    id.expect("the log names it").to_owned()
}
