//! One operator leads: it hands over when it is asked to end, and is replaced when it is killed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use kube::api::ListParams;
use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{Fixture, Setup};
use crate::objects::Kind::Room;
use crate::stage::Stage;
use crate::wait::{LATER, SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    vec![
        stage.trial("leadership::clean_hand_over", Setup::new(), clean_hand_over),
        stage.trial("leadership::deleted_lease", Setup::new(), deleted_lease),
        stage.trial("leadership::drains", Setup::new(), drains),
        stage.trial("leadership::killed_leader", Setup::new(), killed_leader),
        stage.trial("leadership::paused_leader", Setup::new(), paused_leader),
        stage.trial("leadership::slow_clock", Setup::new(), slow_clock),
    ]
}

async fn leader(fx: &Fixture) -> String {
    let led = async || fx.leader().await.ok_or("nobody leads");
    until("somebody leads", SOON, led).await
}

async fn leader_other_than(fx: &Fixture, before: &str) {
    let other = async || match fx.leader().await {
        Some(leader) if leader != before => Ok(()),
        seen => Err(format!("{seen:?}")),
    };
    until("another one leads", LATER, other).await;
}

/// SIGTERM frees the Lease, and the next operator works at once. Nobody tells it how many DELETEs were
/// sent, so its first one waits until Daily's window is empty for sure.
async fn clean_hand_over(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let asked = Instant::now();
    let status = fx.operator().terminate().await;
    assert!(status.success(), "{status}");
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "it drains within ten seconds"
    );
    assert_eq!(fx.leader().await, None, "the Lease is free");
    let handed_over = Instant::now();
    fx.start_operator(&[]).await;
    fx.room("retro", json!({"ttl": "1h"})).await;
    fx.ready(Room, "retro").await;
    let took = handed_over.elapsed();
    assert!(
        took < Duration::from_secs(15),
        "it took {took:?}, as if it waited for the Lease"
    );
    fx.delete(Room, "standup").await;
    end_while_a_delete_waits(fx).await;
    fx.gone(Room, "standup").await;
}

/// A new leader waits for half a minute before its first DELETE. If it is asked to end meanwhile, it ends
/// at once, and has nothing in flight.
async fn end_while_a_delete_waits(fx: &mut Fixture) {
    tokio::time::sleep(Duration::from_secs(2)).await;
    let asked = Instant::now();
    let status = fx.operator().terminate().await;
    assert!(status.success(), "{status}");
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    let deletes = fx.journal().await.calls("DELETE", "*").len();
    assert_eq!(deletes, 0, "the DELETE waited and was not sent");
    fx.start_operator(&[]).await;
    let line = fx.operator().says("Leading").await;
    assert_eq!(line["previous_leader"], json!("released"));
}

/// Whoever has seen the Lease leaves it alone when it is gone: its holder creates it again and goes on.
async fn deleted_lease(fx: &mut Fixture) {
    let before = leader(fx).await;
    fx.start_operator(&[]).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    fx.delete_lease().await;
    let led = leader(fx).await;
    assert_eq!(led, before, "the standby leaves it alone");
    assert!(fx.operators[0].leads().await);
    assert!(!fx.operators[1].leads().await);
    fx.operators[0].says("The Lease was deleted").await;
    fx.room("retro", json!({"ttl": "1h"})).await;
    fx.ready(Room, "retro").await;
}

/// A leader renews the Lease by a clock that is an hour behind: a standby goes by its own. The leader restores
/// the duration that somebody has changed.
async fn slow_clock(fx: &mut Fixture) {
    let before = leader(fx).await;
    fx.start_operator(&[]).await;
    fx.age_lease().await;
    fx.prolong_lease().await;
    // The standby looks at it each second, the leader less often.
    until("the leader renews it", SOON, async || {
        let leases = fx.leases().list(&ListParams::default()).await;
        let lease = leases.expect("are listed").items.into_iter().next();
        let spec = lease.and_then(|it| it.spec).expect("has a spec");
        let renewed = spec.renew_time.expect("has a time").0;
        let age = Timestamp::now().duration_since(renewed);
        let seen = (age.as_secs() < 60, spec.lease_duration_seconds);
        (seen == (true, Some(15)))
            .then_some(())
            .ok_or(format!("{seen:?}"))
    })
    .await;
    assert_eq!(leader(fx).await, before);
    assert!(fx.operators[0].leads().await);
    assert!(!fx.operators[1].leads().await);
}

/// A create whose reply is under way when the operator is told to end is not cut off.
async fn drains(fx: &mut Fixture) {
    let slow = daily_sim::FaultKind::Latency(Duration::from_secs(2));
    let fault = daily_sim::FaultSpec::next("POST", "/rooms", slow);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.room("standup", json!({"ttl": "1h"})).await;
    let sent = async || match fx.sim.faults().await.expect("are told")[0].applied {
        0 => Err("no create is sent"),
        _ => Ok(()),
    };
    until("the create is under way", SOON, sent).await;
    let status = fx.operator().terminate().await;
    assert!(status.success(), "{status}");
    assert_eq!(fx.leader().await, None, "the Lease is free");
    fx.start_operator(&[]).await;
    let room = fx.ready(Room, "standup").await;
    let rooms = fx.rooms_at_daily().await;
    assert_eq!(rooms.len(), 1);
    assert_eq!(rooms[0]["config"]["dialin_code"].as_str(), room.pin());
}

async fn killed_leader(fx: &mut Fixture) {
    let before = leader(fx).await;
    fx.start_operator(&[]).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    assert_eq!(
        fx.leader().await.as_deref(),
        Some(before.as_str()),
        "the second one waits"
    );
    fx.operators[0].kill().await;
    leader_other_than(fx, &before).await;
    fx.room("retro", json!({"ttl": "1h"})).await;
    fx.ready(Room, "retro").await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
    assert_eq!(fx.journal().await.done("POST", "/rooms"), 2);
}

/// A leader that stood still while another took over does nothing when it wakes up.
async fn paused_leader(fx: &mut Fixture) {
    let before = leader(fx).await;
    fx.start_operator(&[]).await;
    fx.operators[0].pause();
    fx.room("standup", json!({"ttl": "1h"})).await;
    leader_other_than(fx, &before).await;
    let room = fx.ready(Room, "standup").await;
    fx.operators[0].resume();
    fx.operators[0].ended("the leader of before ends").await;
    fx.force_pass(Room, "standup", "after all").await;
    let echoed =
        |room: &crate::objects::Object| room.text("/status/lastHandledReconcileAt") == "after all";
    let after = fx
        .until(Room, "standup", "echoes the forced pass", SOON, echoed)
        .await;
    assert_eq!(after.pin(), room.pin());
    assert_eq!(fx.journal().await.done("POST", "/rooms"), 1);
}
