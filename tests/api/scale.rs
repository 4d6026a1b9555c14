//! Five hundred rooms, and what each of them costs.

use std::sync::Arc;

use futures::StreamExt;
use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{Fixture, Setup};
use crate::objects::{Kind::Room, Object};
use crate::stage::Stage;
use crate::wait::until;

const ROOMS: usize = 500;
/// Daily takes 20 calls a second, and the machine may be busy with other scenarios.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(300);

const CALLS_A_ROOM: usize = 2;
const WRITES_A_ROOM: usize = 5;
const EVENTS_A_ROOM: usize = 2;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let setup = || Setup::new().busy().value("driftInterval", json!("5m"));
    vec![stage.trial("scale::five_hundred_rooms", setup(), five_hundred_rooms)]
}

async fn five_hundred_rooms(fx: &mut Fixture) {
    let started = std::time::Instant::now();
    let names = (0..ROOMS).map(|nth| format!("room-{nth:03}"));
    futures::stream::iter(names)
        .for_each_concurrent(16, async |name| {
            fx.room(&name, json!({"ttl": "8h"})).await;
        })
        .await;
    until("all rooms are Ready", PATIENCE, async || {
        let ready = fx
            .list(Room)
            .await
            .iter()
            .filter(|room| room.is_ready())
            .count();
        if ready == ROOMS {
            Ok(())
        } else {
            Err(format!("{ready} are Ready"))
        }
    })
    .await;
    let took = started.elapsed();
    // A write shows in the audit log shortly after it was answered; each Ready is the last of its room.
    until("the audit log is complete", PATIENCE, async || {
        let requests = fx.plane.requests(&fx.namespace);
        let seen = requests
            .iter()
            .filter(|it| it.subresource == "status")
            .count();
        if seen >= ROOMS {
            Ok(())
        } else {
            Err(format!("{seen} statuses"))
        }
    })
    .await;
    check_pins(&fx.list(Room).await);
    let (calls, writes, events) = costs(fx).await;
    println!(
        "{ROOMS} rooms Ready after {:.1}s: {calls} calls of Daily beside listings, {writes} writes to \
         Kubernetes, {events} events; peak memory of the operator {}",
        took.as_secs_f64(),
        fx.operator().peak_memory(),
    );
    println!("{}", kinds_of_writes(fx));
    assert!(calls <= CALLS_A_ROOM * ROOMS, "{calls} calls of Daily");
    assert!(
        writes <= WRITES_A_ROOM * ROOMS,
        "{writes} writes to Kubernetes"
    );
    assert!(events <= EVENTS_A_ROOM * ROOMS, "{events} events");
}

/// How many writes of each kind there were, with their outcome.
fn kinds_of_writes(fx: &Fixture) -> String {
    let mut kinds = std::collections::BTreeMap::<String, usize>::new();
    for request in fx.plane.requests(&fx.namespace) {
        if request.is_write() {
            *kinds.entry(request.kind()).or_default() += 1;
        }
    }
    let line = |(kind, count): (String, usize)| format!("  {count} {kind}\n");
    kinds.into_iter().map(line).collect()
}

/// Each room has a PIN and a Secret of its own.
fn check_pins(rooms: &[Object]) {
    let pins: std::collections::BTreeSet<_> = rooms.iter().filter_map(Object::pin).collect();
    assert_eq!(pins.len(), ROOMS);
}

/// Calls of Daily for single rooms, writes to Kubernetes beside the Lease, and events.
async fn costs(fx: &Fixture) -> (usize, usize, usize) {
    let journal = fx.journal().await;
    let of_a_room = |path: &str| path.starts_with("/rooms/");
    let calls = journal
        .all()
        .iter()
        .filter(|call| of_a_room(&call.path) || call.method != "GET");
    let requests = fx.plane.requests(&fx.namespace);
    let (events, writes): (Vec<_>, Vec<_>) = requests
        .iter()
        .filter(|it| it.is_write())
        .partition(|it| it.is_event());
    (calls.count(), writes.len(), events.len())
}
