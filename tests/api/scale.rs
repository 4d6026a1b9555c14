//! Five hundred rooms, and what each of them costs.

use std::ops::Range;
use std::sync::Arc;

use futures::StreamExt;
use libtest_mimic::Trial;
use serde_json::json;

use crate::audit::Request;
use crate::fixture::{Fixture, Setup};
use crate::objects::{Kind::Room, Object};
use crate::stage::Stage;
use crate::wait::until;

const ROOMS: usize = 500;
/// Daily takes 20 calls a second, and the machine may be busy with other scenarios.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(300);

/// How many rooms have chosen names.
const NAMED: usize = 40;
/// How many rooms there are before memory is measured: by then all caches, connections and buffers exist.
const FIRST: usize = 50;
/// A room takes about 30 KiB. The peak has also what the reconciles of a moment use, and the allocator keeps
/// what is freed: 500 rooms have taken 50 to 80 MB in all.
const KIB_A_ROOM: u64 = 150;

const CALLS_A_ROOM: usize = 2;
const WRITES_A_ROOM: usize = 5;
const EVENTS_A_ROOM: usize = 2;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let setup = || Setup::new().busy().value("driftInterval", json!("5m"));
    vec![
        stage.trial("scale::five_hundred_rooms", setup(), five_hundred_rooms),
        stage.trial("scale::chosen_names", Setup::new(), chosen_names),
    ]
}

/// A room of a chosen name costs no list of the DailyRooms, which would transfer all of them.
async fn chosen_names(fx: &mut Fixture) {
    let named = |nth| json!({"ttl": "8h", "roomName": format!("board-{nth}")});
    fx.room("first", named(NAMED)).await;
    fx.ready(Room, "first").await;
    let lists = |fx: &Fixture| {
        let requests = fx.plane.requests(&fx.namespace);
        let lists = |it: &&Request| it.verb == "list" && it.resource == Room.plural();
        requests.iter().filter(lists).count()
    };
    let before = lists(fx);
    for nth in 0..NAMED {
        fx.room(&format!("room-{nth}"), named(nth)).await;
    }
    all_are_ready(fx, NAMED + 1).await;
    assert_eq!(lists(fx), before);
}

/// Waits until so many rooms are Ready, and the audit log shows it.
async fn all_are_ready(fx: &Fixture, count: usize) {
    until("all rooms are Ready", PATIENCE, async || {
        let rooms = fx.list(Room).await;
        match rooms.iter().filter(|room| room.is_ready()).count() {
            ready if ready == count => Ok(()),
            ready => Err(format!("{ready} are Ready")),
        }
    })
    .await;
    // A write shows in the audit log shortly after it was answered; each Ready is the last of its room.
    until("the audit log is complete", PATIENCE, async || {
        let requests = fx.plane.requests(&fx.namespace);
        let statuses = requests.iter().filter(|it| it.subresource == "status");
        match statuses.count() {
            seen if seen >= count => Ok(()),
            seen => Err(format!("{seen} statuses")),
        }
    })
    .await;
}

async fn five_hundred_rooms(fx: &mut Fixture) {
    let started = std::time::Instant::now();
    create(fx, 0..FIRST).await;
    all_are_ready(fx, FIRST).await;
    let memory = fx.operator().peak_kib();
    create(fx, FIRST..ROOMS).await;
    all_are_ready(fx, ROOMS).await;
    let memory = fx.operator().peak_kib().saturating_sub(memory);
    let took = started.elapsed();
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
    let each = memory / (ROOMS - FIRST) as u64;
    assert!(each <= KIB_A_ROOM, "{each} KiB of memory for each room");
}

async fn create(fx: &Fixture, nths: Range<usize>) {
    let names = nths.map(|nth| format!("room-{nth:03}"));
    futures::stream::iter(names)
        .for_each_concurrent(16, async |name| {
            fx.room(&name, json!({"ttl": "8h"})).await;
        })
        .await;
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
