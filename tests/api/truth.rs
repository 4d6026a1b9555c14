//! What counts as true: Daily's word in the bound domain, and of two readings the harmless one.

use std::sync::Arc;
use std::time::Duration;

use daily_sim::{FaultKind, FaultMatch, FaultSpec};
use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{Fixture, Setup};
use crate::objects::{Kind::Room, Object};
use crate::stage::{Affected::By, Stage};
use crate::wait::{LATER, SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let plain = vec![stage.trial(
        "truth::create_without_pin",
        Setup::new(),
        create_without_pin,
    )];
    let joined = [
        stage.under_each_answer(
            "truth::s3_two_clocks",
            Setup::new(),
            By(&["get-expired", "collector", "total-count"]),
            s3_two_clocks,
        ),
        stage.under_each_answer(
            "truth::s5_exists_and_not_found",
            Setup::new(),
            By(&["info-texts"]),
            s5_exists_and_not_found,
        ),
        stage.under_each_answer(
            "truth::s6_lost_status",
            Setup::new(),
            By(&["listing-dialin-code", "dialin-shown", "reads"]),
            s6_lost_status,
        ),
        stage.under_each_answer(
            "truth::s6_lost_record",
            Setup::new(),
            By(&["listing-dialin-code", "dialin-shown", "reads"]),
            s6_lost_record,
        ),
        stage.under_each_answer(
            "truth::s7_empty_listing",
            Setup::new(),
            By(&["total-count"]),
            s7_empty_listing,
        ),
        stage.under_each_answer(
            "truth::s12_answers_without_pin",
            Setup::new(),
            By(&["listing-dialin-code"]),
            s12_answers_without_pin,
        ),
    ];
    plain
        .into_iter()
        .chain(joined.into_iter().flatten())
        .collect()
}

/// Waits for some more drift passes, in which the operator could do harm.
pub async fn drift_passes(fx: &Fixture, count: usize) {
    let mark = fx.mark().await;
    let listed = async || match fx.journal_since(mark).await.calls("GET", "/rooms").len() {
        seen if seen >= count => Ok(()),
        seen => Err(format!("{seen} of {count}")),
    };
    until("drift passes go on", SOON, listed).await;
}

/// By Daily's clock the room has ended, by ours it has not: nothing is done.
async fn s3_two_clocks(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    let mark = fx.mark().await;
    fx.sim
        .advance(Duration::from_secs(2 * 3600))
        .await
        .expect("the clock moves");
    assert!(fx.rooms_at_daily().await.is_empty());
    drift_passes(fx, 4).await;
    let after = fx.get(Room, "standup").await;
    assert!(
        !after.has("Expired", "True", "Expired"),
        "our clock disagrees"
    );
    assert!(
        after
            .condition("Ready")
            .is_none_or(|it| it.reason != "Missing"),
        "Daily's disagrees"
    );
    assert_eq!(after.pin(), before.pin());
    assert!(fx.find_secret("standup-dialin").await.is_some());
    fx.journal_since(mark)
        .await
        .expect_no_write("the clocks disagree");
}

/// A refused create and a GET that finds nothing prove nothing: no DELETE makes room.
async fn s5_exists_and_not_found(fx: &mut Fixture) {
    let body =
        json!({"error": "invalid-request-error", "info": "a room of this name already exists"});
    let refusal = FaultKind::Status {
        status: 400,
        body: Some(body),
        headers: Default::default(),
    };
    let fault = FaultSpec::next("POST", "/rooms", refusal).times(2);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.room("standup", json!({"ttl": "1h"})).await;
    let refused = async || match fx.sim.faults().await.expect("are told")[0].applied {
        0 => Err("no create is sent"),
        _ => Ok(()),
    };
    until("a create is refused", SOON, refused).await;
    fx.sim.clear_faults().await.expect("the faults go");
    fx.force_pass(Room, "standup", "try again").await;
    fx.ready(Room, "standup").await;
    let journal = fx.journal().await;
    assert!(
        journal.calls("DELETE", "*").is_empty(),
        "{}",
        journal.tail(20)
    );
}

async fn s6_lost_status(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    let mark = fx.mark().await;
    fx.lose_status(Room, "standup").await;
    let after = fx.ready(Room, "standup").await;
    for kept in [
        "dialinCode",
        "dialString",
        "expirationTime",
        "phoneNumbers",
        "room",
    ] {
        let pointer = format!("/status/{kept}");
        assert_eq!(after.at(&pointer), before.at(&pointer), "{kept}");
    }
    let journal = fx.journal_since(mark).await;
    // What Daily does not show of `dialin` is sent once more: what was sent stood in the record, which
    // is lost with the status.
    let sent = usize::from(fx.answer("dialin-shown") != "all");
    assert_eq!(journal.done("POST", "*"), sent, "{}", journal.tail(20));
    assert!(journal.calls("DELETE", "*").is_empty());
}

/// Finalizer, record and status are stripped, as a restore does: the derived name finds the room.
async fn s6_lost_record(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    fx.operator().terminate().await;
    let stripped = json!({"metadata": {"finalizers": null, "annotations": null}});
    fx.merge(Room, "standup", stripped).await;
    fx.lose_status(Room, "standup").await;
    let mark = fx.mark().await;
    fx.start_operator(&[]).await;
    let after = fx.ready(Room, "standup").await;
    assert_eq!(after.pin(), before.pin());
    assert_eq!(
        after.text("/status/room/id"),
        before.text("/status/room/id")
    );
    let end = "/status/expirationTime";
    assert_eq!(after.text(end), before.text(end));
    let journal = fx.journal_since(mark).await;
    // What Daily does not show of `dialin` is sent once more, since nobody knows it any more.
    let sent = usize::from(fx.answer("dialin-shown") != "all");
    assert_eq!(journal.done("POST", "*"), sent, "{}", journal.tail(20));
    assert_eq!(after.finalizers(), 1);
    // A listing need not show the PIN: nobody is told that there is none.
    let events = fx.events("standup").await;
    let mut reasons = events.iter().filter_map(|it| it.reason.as_deref());
    assert!(!reasons.any(|it| it == "RejectedByDaily"), "{events:#?}");
}

/// Listings that come back empty with a 200 are no proof while the room answers by its name.
async fn s7_empty_listing(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    let empty = FaultKind::Status {
        status: 200,
        body: Some(json!({"total_count": 0, "data": []})),
        headers: Default::default(),
    };
    let mark = fx.mark().await;
    let fault = FaultSpec::next("GET", "/rooms", empty).times(0);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    drift_passes(fx, 4).await;
    fx.sim.clear_faults().await.expect("the faults go");
    let after = fx.get(Room, "standup").await;
    assert!(after.is_ready(), "{:#}", after.at("/status"));
    assert_eq!(after.pin(), before.pin());
    fx.journal_since(mark)
        .await
        .expect_no_write("the room is there");
}

fn no_pin_in_any_answer() -> FaultSpec {
    FaultSpec {
        matches: FaultMatch::default(),
        times: 0,
        skip: 0,
        kind: FaultKind::Drop("dialin_code".to_owned()),
    }
}

/// Daily shows no PIN for a while, on every call: the one that is known stays.
async fn s12_answers_without_pin(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    let secret = fx.secret("standup-dialin").await;
    fx.sim
        .fault(&no_pin_in_any_answer())
        .await
        .expect("the fault is installed");
    drift_passes(fx, 2).await;
    fx.room("standup", json!({"ttl": "1h", "privacy": "Private"}))
        .await;
    let updated = async || match fx.journal().await.done("POST", "/rooms/*") {
        0 => Err("no update is sent"),
        _ => Ok(()),
    };
    until("the edit is sent", SOON, updated).await;
    drift_passes(fx, 2).await;
    assert_eq!(fx.secret("standup-dialin").await, secret);
    fx.sim.clear_faults().await.expect("the faults go");
    let after = fx.ready(Room, "standup").await;
    assert_eq!(after.pin(), before.pin());
    assert_eq!(after.at("/status/dialinCodeRevision"), 1);
    let reasons = fx.events("standup").await;
    let changed = reasons
        .iter()
        .any(|event| event.reason.as_deref() == Some("DialinCodeChanged"));
    assert!(!changed, "the PIN never changed");
}

/// A room without a PIN is of no use to a caller: it is said aloud, and no Secret has an empty PIN.
async fn create_without_pin(fx: &mut Fixture) {
    fx.sim
        .fault(&no_pin_in_any_answer())
        .await
        .expect("the fault is installed");
    fx.room("standup", json!({"ttl": "1h"})).await;
    let rejected = |room: &Object| room.has("Ready", "False", "RejectedByDaily");
    fx.until(
        Room,
        "standup",
        "says that there is no PIN",
        LATER,
        rejected,
    )
    .await;
    assert!(fx.find_secret("standup-dialin").await.is_none());
    fx.sim.clear_faults().await.expect("the faults go");
    fx.force_pass(Room, "standup", "look again").await;
    fx.ready(Room, "standup").await;
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
}
