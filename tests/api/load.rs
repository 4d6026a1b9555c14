//! What a full cluster costs the operator: asked for with `DAILY_OPERATOR_LOAD_ROOMS=3000`, in a
//! release build, since it takes an hour. It prints its figures; of them only those that do not
//! depend on the machine are asserted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use kube::Api;
use kube::api::{DynamicObject, ListParams};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::audit::Request;
use crate::fixture::{Fixture, RELEASE, Setup};
use crate::objects::Kind::Room;
use crate::stage::{Stage, from_env};
use crate::wait::until;

/// Objects beside the rooms that never have one, each with an annotation of 250 KiB.
const FAT: u64 = 1000;
const ANNOTATION: usize = 250 * 1024;
/// Daily takes 20 creates a second and 50 deletes in 30 seconds.
const PATIENCE: Duration = Duration::from_secs(3600);

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let rooms = from_env("DAILY_OPERATOR_LOAD_ROOMS", 0);
    if rooms == 0 {
        return Vec::new();
    }
    let setup = Setup::new().busy().value("driftInterval", json!("5m"));
    let story = async move |fx: &mut Fixture| a_full_cluster(fx, rooms).await;
    vec![stage.trial("load::a_full_cluster", setup, story)]
}

async fn a_full_cluster(fx: &mut Fixture, rooms: u64) {
    let start = Instant::now();
    create(fx, "room", rooms, json!({"ttl": "8h"}), 0).await;
    all_are_ready(fx, rooms).await;
    figure(fx, "created", start);

    let mut tail = fx.plane.tail();
    let start = Instant::now();
    let over = json!({"expirationTime": "2020-01-01T00:00:00Z"});
    create(fx, "over", FAT, over, ANNOTATION).await;
    let mut reported = 0;
    until("the others are Expired", PATIENCE, async || {
        let requests = tail.requests(&fx.home, RELEASE);
        reported += requests
            .iter()
            .filter(|it| it.subresource == "status")
            .count();
        let all = reported as u64 >= FAT;
        all.then_some(()).ok_or(format!("{reported} statuses"))
    })
    .await;
    figure(fx, "fat objects created", start);

    // A restart finds nothing to do.
    fx.operator().terminate().await;
    let mut tail = fx.plane.tail();
    let start = Instant::now();
    fx.start_operator(&[]).await;
    let reconciled = (rooms + FAT) as f64;
    until("all were reconciled", PATIENCE, async || {
        let metrics = fx.operators.last().map(|it| it.metrics());
        let metrics = metrics.expect("an operator runs").await.unwrap_or_default();
        let done = reconciles(&metrics);
        (done >= reconciled).then_some(()).ok_or(format!("{done}"))
    })
    .await;
    figure(fx, "restarted", start);
    let requests = tail.requests(&fx.home, RELEASE);
    let refused = requests.iter().filter(|it| it.is_too_many()).count();
    let reports: Vec<&Request> = requests.iter().filter(|it| it.is_report()).collect();
    println!(
        "restart: {} requests, {refused} answered 429, {} reports",
        requests.len(),
        reports.len()
    );
    assert_eq!(refused, 0, "the API server was asked too much");
    assert!(reports.is_empty(), "{reports:?}");

    let start = Instant::now();
    for name in names("over", FAT).chain(names("room", rooms)) {
        fx.delete(Room, &name).await;
    }
    figure(fx, "deletion requested", start);
    until("all are gone", PATIENCE, async || {
        let left = left(fx).await;
        (left == 0).then_some(()).ok_or(format!("{left} are left"))
    })
    .await;
    figure(fx, "deleted", start);
}

/// Names of objects, in order.
fn names(prefix: &'static str, count: u64) -> impl Iterator<Item = String> {
    (0..count).map(move |nth| format!("{prefix}-{nth:04}"))
}

async fn create(fx: &Fixture, prefix: &'static str, count: u64, spec: Value, annotation: usize) {
    let mut template = Room.manifest("", &spec);
    if annotation > 0 {
        template["metadata"]["annotations"] = json!({"example.com/fat": "x".repeat(annotation)});
    }
    futures::stream::iter(names(prefix, count))
        .for_each_concurrent(16, async |name| {
            let mut manifest = template.clone();
            manifest["metadata"]["name"] = json!(name);
            fx.create(Room, &manifest).await;
        })
        .await;
}

async fn all_are_ready(fx: &Fixture, rooms: u64) {
    until("all rooms are Ready", PATIENCE, async || {
        let objects = fx.list(Room).await;
        let ready = objects.iter().filter(|it| it.is_ready()).count() as u64;
        (ready == rooms).then_some(()).ok_or(format!("{ready} are"))
    })
    .await;
}

/// How many objects are left, without reading them whole.
async fn left(fx: &Fixture) -> usize {
    let api: Api<DynamicObject> =
        Api::namespaced_with(fx.client.clone(), &fx.namespace, &Room.resource());
    let found = api.list_metadata(&ListParams::default()).await;
    found.expect("the API server answers").items.len()
}

fn figure(fx: &mut Fixture, what: &str, start: Instant) {
    let peak = fx.operator().peak_memory();
    println!(
        "{what}: {:.0}s, peak memory {peak}",
        start.elapsed().as_secs_f64()
    );
    fx.operator().keeps_the_memory_limit();
}

/// How many reconciles of rooms have ended.
pub fn reconciles(metrics: &str) -> f64 {
    let lines = metrics.lines();
    let of_rooms = |line: &&str| {
        line.starts_with(r#"controller_runtime_reconcile_total{controller="dailyroom""#)
    };
    let count = |line: &str| {
        line.rsplit(' ')
            .next()
            .and_then(|it| it.parse::<f64>().ok())
    };
    lines.filter(of_rooms).filter_map(count).sum()
}
