//! An API server that fails in each way that the fault proxy knows: the operator goes on by itself, and
//! within the times that docs/operations.md names.

use std::sync::Arc;
use std::time::{Duration, Instant};

use daily_sim::{FaultKind, FaultSpec};
use libtest_mimic::Trial;
use serde_json::json;
use testbed::faults::{Fault, FaultProxy, Injected, Requests};

use crate::fixture::{Fixture, RELEASE, Setup};
use crate::objects::Kind::Room;
use crate::objects::Object;
use crate::stage::Stage;
use crate::wait::{LATER, SOON, until};

/// After an outage, however long, a new DailyRoom is Ready within this time.
const AFTER_AN_OUTAGE: Duration = Duration::from_secs(10);
/// An answer that stops is given up after 60 s, and asked for again within 5 s.
const AFTER_A_STOP: Duration = Duration::from_secs(75);
/// More than the operator's calls at a time.
const ROOMS: usize = 80;
/// How many of them are under way at most: 48, one about the Lease, and the lists of four watches.
const AT_A_TIME: usize = 53;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let alone = || Setup::new().without_operator();
    let outages = [5, 20, 60].map(|secs| {
        let name = format!("api_server::outage:{secs}s");
        stage.trial(&name, alone(), async move |fx: &mut Fixture| {
            outage(fx, Duration::from_secs(secs)).await;
        })
    });
    let others = vec![
        stage.trial("api_server::busy", alone(), busy),
        stage.trial("api_server::calls_at_a_time", alone(), calls_at_a_time),
        stage.trial("api_server::another_ca", alone(), another_ca),
        stage.trial("api_server::expired_watch", alone(), expired_watch),
        stage.trial("api_server::lease_conflicts", alone(), lease_conflicts),
        stage.trial("api_server::list_that_stops", alone(), list_that_stops),
        stage.trial("api_server::shared_key", alone(), shared_key),
        stage.trial("api_server::silent_watch", alone(), silent_watch),
        stage.trial("api_server::slow", alone(), slow),
    ];
    outages.into_iter().chain(others).collect()
}

/// One read of the Secret with the default key fails, and then one call that verifies the key. All rooms
/// need it, and none reports what is over in seconds.
async fn shared_key(fx: &mut Fixture) {
    let (proxy, env) = fx.faults().await;
    fx.start_operator(std::slice::from_ref(&env)).await;
    let names: Vec<String> = (0..20).map(|nth| format!("room-{nth}")).collect();
    for name in &names {
        fx.room(name, json!({"ttl": "1h"})).await;
    }
    for name in &names {
        fx.ready(Room, name).await;
    }
    assert!(fx.operator().terminate().await.success());
    let key = Requests::of("GET", "*/secrets/daily-default-key").at_most(1);
    let read = proxy.inject(key, Fault::Status(500));
    let unavailable = FaultKind::Status {
        status: 503,
        body: None,
        headers: Default::default(),
    };
    let verification = FaultSpec::next("GET", "/", unavailable);
    fx.sim
        .fault(&verification)
        .await
        .expect("the fault is installed");
    let mark = fx.mark().await;
    let mut tail = fx.plane.tail();
    fx.start_operator(&[env]).await;
    until("the rooms are listed", LATER, async || {
        let listed = fx.journal_since(mark).await.done("GET", "/rooms");
        (listed > 1).then_some(()).ok_or(listed)
    })
    .await;
    assert_eq!(read.hits(), 1);
    let requests = tail.requests(&fx.home, RELEASE);
    let reports: Vec<_> = requests.iter().filter(|it| it.is_report()).collect();
    assert!(reports.is_empty(), "{reports:#?}");
}

async fn ready_within(fx: &Fixture, name: &str, within: Duration) {
    fx.until(Room, name, "becomes Ready", within, Object::is_ready)
        .await;
}

/// A proxy with faults, each of which has to hit something.
struct Behind {
    proxy: FaultProxy,
    injected: Vec<Injected>,
}

impl Behind {
    async fn all_have_hit(&self) {
        until("all faults have hit", LATER, async || {
            let missed = self.injected.iter().find(|it| it.hits() == 0);
            missed.map_or(Ok(()), |it| Err(format!("{it:?}")))
        })
        .await;
    }
}

/// An operator that leads behind a proxy with these faults.
async fn leading_behind(fx: &mut Fixture, faults: &[(Requests, Fault)]) -> Behind {
    let (proxy, env) = fx.faults().await;
    let faults = faults.iter().cloned();
    let injected = faults
        .map(|(requests, fault)| proxy.inject(requests, fault))
        .collect();
    fx.launch_operator(&[env]);
    fx.operator().leads_is(true).await;
    Behind { proxy, injected }
}

/// The DailyRoom is created while the operator cannot see it.
async fn outage(fx: &mut Fixture, length: Duration) {
    let Behind { mut proxy, .. } = leading_behind(fx, &[]).await;
    fx.room("before", json!({"ttl": "1h"})).await;
    fx.ready(Room, "before").await;
    proxy.cut().await.expect("the connections end");
    fx.room("meanwhile", json!({"ttl": "1h"})).await;
    tokio::time::sleep(length).await;
    fx.operator().is_healthy().await;
    proxy.mend().expect("it listens again");
    ready_within(fx, "meanwhile", AFTER_AN_OUTAGE).await;
    fx.operator().readyz(200, "ok\n").await;
}

/// The CA of a cluster was rotated. Some time later the kubelet updates the file with it in the pod.
async fn another_ca(fx: &mut Fixture) {
    let Behind { mut proxy, .. } = leading_behind(fx, &[]).await;
    fx.operator().readyz(200, "ok\n").await;
    proxy.rotate_ca().await.expect("it listens again");
    let line = fx.operator().says("The Lease cannot be renewed").await;
    let error = line["error"].as_str().expect("it has a cause");
    assert!(error.contains("invalid peer certificate"), "{error}");
    fx.room("standup", json!({"ttl": "1h"})).await;
    let _same_file = fx.trusting(&proxy);
    ready_within(fx, "standup", AFTER_AN_OUTAGE).await;
    fx.operator().readyz(200, "ok\n").await;
}

/// An API server that was restarted does not know any more where a watch was.
async fn expired_watch(fx: &mut Fixture) {
    let mut behind = leading_behind(fx, &[]).await;
    fx.operator().readyz(200, "ok\n").await;
    behind.proxy.cut().await.expect("the connections end");
    for plural in ["dailyrooms", "pindialinnumbers", "secrets"] {
        let opened = Requests::watch(plural).at_most(2);
        let expired = behind.proxy.inject(opened, Fault::Status(410));
        behind.injected.push(expired);
    }
    fx.room("standup", json!({"ttl": "1h"})).await;
    behind.proxy.mend().expect("it listens again");
    ready_within(fx, "standup", AFTER_AN_OUTAGE).await;
    // The room needs the first of the watches. Each of them backs off for itself.
    behind.all_have_hit().await;
}

/// The connection stays open, so that only a timeout notices it. The first list is the one that asks
/// whether the kind is there.
async fn list_that_stops(fx: &mut Fixture) {
    let (proxy, env) = fx.faults().await;
    let first = |plural, skip| Requests::list(plural).after(skip).at_most(1);
    let stopped = [("dailyrooms", 1), ("secrets", 0)]
        .map(|(plural, skip)| proxy.inject(first(plural, skip), Fault::StopHalfWay));
    fx.launch_operator(&[env]);
    until("the lists stop", LATER, async || {
        let hits = stopped.each_ref().map(Injected::hits);
        (hits == [1, 1]).then_some(()).ok_or(format!("{hits:?}"))
    })
    .await;
    let caches = ["dailyrooms", "secrets"];
    let namespace = fx.namespace.clone();
    let waiting =
        caches.map(|kind| format!("waiting for the cache of {kind} in namespace {namespace}\n"));
    fx.operators[0].readyz(503, &waiting.concat()).await;
    fx.operators[0].is_healthy().await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    ready_within(fx, "standup", AFTER_A_STOP).await;
    fx.operator().readyz(200, "ok\n").await;
    let failures = r#"daily_operator_watch_failures_total{kind="dailyrooms"} 1"#;
    assert!(fx.operator().get("/metrics").await.body.contains(failures));
}

/// A watch that is open and says nothing, not even that it ends after 45 s.
async fn silent_watch(fx: &mut Fixture) {
    let silent = Requests::watch("dailyrooms").at_most(1);
    let behind = leading_behind(fx, &[(silent, Fault::Silence)]).await;
    fx.operator().readyz(200, "ok\n").await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    ready_within(fx, "standup", AFTER_A_STOP).await;
    behind.all_have_hit().await;
}

/// What is refused because there is too much to do is asked for again, less and less often.
async fn busy(fx: &mut Fixture) {
    let lists = || Requests::list("dailyrooms").at_most(2);
    let faults = [
        (lists(), Fault::Status(429)),
        (lists(), Fault::Status(503)),
        (Requests::watch("dailyrooms").at_most(1), Fault::Status(429)),
        (
            Requests::of("PUT", "*/leases/*").at_most(1),
            Fault::Status(429),
        ),
    ];
    let behind = leading_behind(fx, &faults).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    behind.all_have_hit().await;
    fx.operator().readyz(200, "ok\n").await;
}

/// A Lease that the operator holds, and that the API server lets nobody write for a while.
async fn lease_conflicts(fx: &mut Fixture) {
    let Behind { proxy, .. } = leading_behind(fx, &[]).await;
    let put = Requests::of("PUT", "*/leases/*");
    let refused = proxy.inject(put, Fault::Status(409));
    let tried = async |times: usize| {
        until(&format!("{times} renewals are refused"), SOON, async || {
            let hits = refused.hits();
            (hits >= times).then_some(()).ok_or(hits)
        })
        .await;
        Instant::now()
    };
    let first = tried(1).await;
    let took = tried(4).await.duration_since(first);
    assert!(took > Duration::from_secs(4), "three more in {took:?}");
    proxy.clear();
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
}

/// The operator reads the object before each create and delete, and waits for the answer.
async fn slow(fx: &mut Fixture) {
    let faults = [
        ("GET", "*/dailyrooms/*", 3),
        ("GET", "*", 1),
        ("POST", "*", 1),
        ("PUT", "*", 1),
        ("PATCH", "*", 1),
    ];
    let faults = faults.map(|(method, path, seconds)| {
        let delay = Fault::Delay(Duration::from_secs(seconds));
        (Requests::of(method, path), delay)
    });
    let behind = leading_behind(fx, &faults).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    assert_eq!(fx.journal().await.done("POST", "/rooms"), 1);
    behind.all_have_hit().await;
}

/// A restart reads the Secret of every room, and not of all of them at once.
async fn calls_at_a_time(fx: &mut Fixture) {
    fx.start_operator(&[]).await;
    for nth in 0..ROOMS {
        fx.room(&format!("room-{nth}"), json!({"ttl": "1h"})).await;
    }
    for nth in 0..ROOMS {
        fx.ready(Room, &format!("room-{nth}")).await;
    }
    assert!(fx.operator().terminate().await.success());
    let secrets = Requests::of("GET", "*/secrets/*-dialin");
    let (proxy, env) = fx.faults().await;
    let read = proxy.inject(secrets, Fault::Delay(Duration::from_millis(500)));
    fx.launch_operator(&[env]);
    until("all Secrets are read", LATER, async || match read.hits() {
        hits if hits >= ROOMS => Ok(()),
        hits => Err(format!("{hits}")),
    })
    .await;
    let most = proxy.most_at_a_time();
    assert!((10..=AT_A_TIME).contains(&most), "{most} at a time");
}
