//! How a process ends, and how the next one takes over: an update, an uninstall, and everything
//! that can keep the Lease from being released.

use std::sync::Arc;

use daily_sim::{FaultKind, FaultSpec};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{Fixture, Setup};
use crate::link::Link;
use crate::objects::Kind::Room;
use crate::stage::Stage;

/// The call of Daily that is under way when the operator is asked to end.
const HELD: &str = "under-way";
/// Less than a third of what a Lease lasts: nobody waited for it to expire.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(5);
const NOT_RELEASED: &str = "The operator ends without releasing the Lease";

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let alone = || Setup::new().without_operator();
    let at_release = || Setup::new().hold_at("lease-release:before");
    vec![
        stage.trial("life::rolling_update", Setup::new(), rolling_update),
        stage.trial("life::standby_ends", Setup::new(), standby_ends),
        stage.trial("life::rights_come_back", Setup::new(), rights_come_back),
        stage.trial("life::uninstall", alone(), uninstall),
        stage.trial(
            "life::uninstall_while_draining",
            Setup::new(),
            forbidden_drain,
        ),
        stage.trial("life::lease_deleted", at_release(), lease_deleted),
        stage.trial("life::lease_taken", at_release(), lease_taken),
        stage.trial(
            "life::lease_taken_while_draining",
            Setup::new(),
            lease_taken_while_draining,
        ),
        stage.trial("life::api_server_gone_at_the_end", alone(), gone_at_the_end),
        stage.trial(
            "life::api_server_hangs_at_the_end",
            alone(),
            hangs_at_the_end,
        ),
    ]
}

/// An update of a Deployment with one replica: the new pod is ready beside the old one, which then
/// drains and hands over. At no moment do both lead, and nobody waits for the Lease to expire.
async fn rolling_update(fx: &mut Fixture) {
    fx.operators[0].leads_is(true).await;
    let before = fx.leader().await;
    fx.start_operator(&[]).await;
    let hold = FaultSpec::next("POST", "/rooms", FaultKind::Hold(HELD.to_owned()));
    fx.sim.fault(&hold).await.expect("the fault is installed");
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.fault_applies().await;
    fx.operators[0].ask_to_end();
    fx.operators[0].readyz(503, "shutting down\n").await;
    assert_eq!(fx.leader().await, before, "it leads until it has drained");
    assert!(!fx.operators[1].leads().await);
    let draining = Timestamp::now();
    fx.sim.release(HELD).await.expect("the reply is sent");
    let status = fx.operators[0].ended("the old operator ends").await;
    assert!(status.success(), "{status}");
    fx.operators[1].leads_is(true).await;
    fx.operators[1].readyz(200, "ok\n").await;
    let room = fx.ready(Room, "standup").await;
    let rooms = fx.rooms_at_daily().await;
    assert_eq!(rooms.len(), 1);
    assert_eq!(rooms[0]["config"]["dialin_code"].as_str(), room.pin());
    let released = time(fx, 0, "The Lease is released").await;
    let led = time(fx, 1, "Leading").await;
    assert!(led > draining, "one after the other");
    // The new one may lead before the old one says that it has released the Lease.
    let without = led.duration_since(released);
    assert!(without < AT_ONCE, "at once: {without}");
    let leading = fx.operators[1].says("Leading").await;
    assert!(text(&leading["previous_leader"]) == "released", "{leading}");
}

async fn time(fx: &Fixture, nth: usize, message: &str) -> Timestamp {
    let line = fx.operators[nth].says(message).await;
    text(&line["timestamp"]).parse().expect("it is a time")
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A standby that is asked to end takes nothing with it.
async fn standby_ends(fx: &mut Fixture) {
    fx.operators[0].leads_is(true).await;
    let leader = fx.leader().await;
    fx.start_operator(&[]).await;
    let status = fx.operator().terminate().await;
    assert!(status.success(), "{status}");
    assert!(fx.operator().said(NOT_RELEASED).is_empty());
    assert_eq!(fx.leader().await, leader);
    assert!(fx.operators[0].leads().await);
}

/// The operator ends with 0, and says once why the Lease was not released.
async fn ends_without_the_lease(fx: &mut Fixture, cause: &str, next: &str) {
    let status = fx.operator().ended("the operator ends").await;
    assert!(status.success(), "{status}");
    let said = fx.operator().said(NOT_RELEASED);
    let [line] = &said[..] else {
        panic!("it is said once: {said:#?}");
    };
    assert_eq!(line["level"], "WARN");
    assert!(text(&line["error"]).contains(cause), "{line}");
    assert!(text(&line["message"]).contains(next), "{line}");
}

/// A leader whose rights are taken away waits for them, and goes on in the same process.
async fn rights_come_back(fx: &mut Fixture) {
    // A leader waits for its caches. Without the rights they would never be filled.
    fx.operator().leads_is(true).await;
    fx.operator().readyz(200, "ok\n").await;
    fx.take_bindings().await;
    fx.operator().readyz(503, "waiting for the Lease\n").await;
    fx.operator().is_healthy().await;
    assert!(!fx.operator().leads().await);
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.grant_rights().await;
    fx.operator().readyz(200, "ok\n").await;
    assert!(fx.operator().leads().await);
    fx.ready(Room, "standup").await;
    assert_eq!(
        fx.operator().said("Leading").len(),
        1,
        "it led all the time"
    );
}

/// Rights and ServiceAccount go before the pod. It stays alive, says what is forbidden, and ends
/// well when it is asked to; the next one takes over as after a crash.
async fn uninstall(fx: &mut Fixture) {
    let (mut link, env) = fx.link().await;
    link.mend();
    fx.start_operator(&[env]).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    let pin = fx.ready(Room, "standup").await.pin().map(str::to_owned);
    let holder = fx.leader().await;
    fx.take_rights().await;
    // Watches that are open stay so: they are opened again without the rights.
    link.cut().await;
    link.mend();
    fx.operator().says("The namespace is not served").await;
    fx.operator().says("The Lease cannot be renewed").await;
    fx.operator().readyz(503, "waiting for the Lease\n").await;
    fx.operator().is_healthy().await;
    fx.operator().ask_to_end();
    let next = "the next leader waits until the Lease expires";
    ends_without_the_lease(fx, "denied the call", next).await;
    assert_eq!(fx.leader().await, holder, "the Lease is left as it was");

    fx.grant_rights().await;
    fx.start_operator(&[]).await;
    fx.operator().leads_is(true).await;
    let leading = fx.operator().says("Leading").await;
    assert_eq!(text(&leading["previous_leader"]), "crashed", "{leading}");
    assert_eq!(fx.ready(Room, "standup").await.pin(), pin.as_deref());
    assert_eq!(fx.journal().await.done("POST", "/rooms"), 1);
}

/// What is under way when the rights go cannot be finished, which is said and is no failure.
async fn forbidden_drain(fx: &mut Fixture) {
    let hold = FaultSpec::next("POST", "/rooms", FaultKind::Hold(HELD.to_owned()));
    fx.sim.fault(&hold).await.expect("the fault is installed");
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.fault_applies().await;
    fx.take_rights().await;
    fx.operator().ask_to_end();
    fx.operator().readyz(503, "shutting down\n").await;
    fx.sim.release(HELD).await.expect("the reply is sent");
    ends_without_the_lease(fx, "denied the call", "until the Lease expires").await;
    let logs = fx.logs();
    let reported = logs
        .lines()
        .any(|line| line.contains("standup") && line.contains("denied"));
    assert!(reported, "what could not be done is said");
    fx.grant_rights().await;
    fx.start_operator(&[]).await;
    fx.ready(Room, "standup").await;
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
}

/// Somebody deletes the Lease while the operator ends.
async fn lease_deleted(fx: &mut Fixture) {
    fx.operator().ask_to_end();
    fx.operator().readyz(503, "shutting down\n").await;
    fx.delete_lease().await;
    fx.let_go();
    ends_without_the_lease(fx, "deleted or emptied", "waits 15 s").await;
    assert_eq!(fx.leader().await, None, "no Lease is made at the end");
}

/// Another process takes the Lease while the operator ends.
async fn lease_taken(fx: &mut Fixture) {
    fx.operator().ask_to_end();
    fx.operator().readyz(503, "shutting down\n").await;
    fx.hand_lease_to("another").await;
    fx.let_go();
    ends_without_the_lease(
        fx,
        "lost the Lease to another",
        "another process is the leader",
    )
    .await;
    assert_eq!(fx.leader().await.as_deref(), Some("another"));
}

/// Another process takes the Lease while a call is still under way: the operator may send nothing
/// more, and ends at once.
async fn lease_taken_while_draining(fx: &mut Fixture) {
    let hold = FaultSpec::next("POST", "/rooms", FaultKind::Hold(HELD.to_owned()));
    fx.sim.fault(&hold).await.expect("the fault is installed");
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.fault_applies().await;
    fx.operator().ask_to_end();
    fx.operator().readyz(503, "shutting down\n").await;
    fx.hand_lease_to("another").await;
    ends_without_the_lease(
        fx,
        "lost the Lease to another",
        "another process is the leader",
    )
    .await;
    assert_eq!(fx.leader().await.as_deref(), Some("another"));
}

/// A leader with a line of its own to the API server.
async fn leading_on_a_link(fx: &mut Fixture) -> Link {
    let (mut link, env) = fx.link().await;
    link.mend();
    fx.start_operator(&[env]).await;
    fx.operator().leads_is(true).await;
    link
}

/// The API server goes and does not come back before the operator has to end.
async fn gone_at_the_end(fx: &mut Fixture) {
    let mut link = leading_on_a_link(fx).await;
    link.cut().await;
    fx.operator().ask_to_end();
    ends_without_the_lease(fx, "cannot be reached", "until the Lease expires").await;
    assert!(fx.leader().await.is_some(), "the Lease is left to expire");
}

/// The API server does not answer any more: the operator waits for it, but not for ever.
async fn hangs_at_the_end(fx: &mut Fixture) {
    let link = leading_on_a_link(fx).await;
    link.freeze();
    fx.operator().ask_to_end();
    let cause = "the API server did not answer";
    ends_without_the_lease(fx, cause, "until the Lease expires").await;
    assert!(fx.leader().await.is_some(), "the Lease is left to expire");
}
