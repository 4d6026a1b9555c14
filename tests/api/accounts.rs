//! Keys: another value of the same domain changes nothing, one of another domain stops everything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use daily_sim::Outcome;
use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{
    DEFAULT_KEY_SECRET, DOMAIN, Fixture, KEY, NUMBER, OTHER_DOMAIN, OTHER_KEY, RELEASE, SECOND_KEY,
    Setup, WRONG_KEY,
};
use crate::objects::Kind::{Number, Room};
use crate::objects::{Kind, Object};
use crate::stage::Stage;
use crate::wait::{LATER, SOON, until};

const WRONG_KEYS: usize = 80;
/// The operator sends this many calls with keys that are not verified in 5 seconds.
const MOST_UNVERIFIED: usize = 50;
const MISSING_KEYS: usize = 20;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    vec![
        stage.trial("accounts::rotated_key", Setup::new(), rotated_key),
        stage.trial("accounts::other_domain", Setup::new(), other_domain),
        stage.trial("accounts::example", Setup::new(), example),
        stage.trial("accounts::many_wrong_keys", Setup::new(), many_wrong_keys),
        stage.trial(
            "accounts::missing_keys",
            Setup::new().value("driftInterval", json!("5m")),
            missing_keys,
        ),
        stage.trial(
            "accounts::other_domain_by_reference",
            Setup::new(),
            other_domain_by_reference,
        ),
        stage.trial(
            "accounts::other_domain_for_a_number",
            Setup::new(),
            other_domain_for_a_number,
        ),
        stage.trial(
            "accounts::deleted_under_another_domain",
            Setup::new(),
            deleted_under_another_domain,
        ),
    ]
}

/// A new key of the same domain is used within ten seconds, and nothing is written.
async fn rotated_key(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    let mark = fx.mark().await;
    fx.write_key(DEFAULT_KEY_SECRET, SECOND_KEY).await;
    fx.force_pass(Room, "standup", "rotated").await;
    let echoed = |room: &Object| room.text("/status/lastHandledReconcileAt") == "rotated";
    let after = fx
        .until(Room, "standup", "echoes the forced pass", SOON, echoed)
        .await;
    assert!(after.is_ready() && after.pin() == before.pin());
    fx.journal_since(mark)
        .await
        .expect_no_write("it is the same domain");
}

/// Keys that are not verified share a limit, so that they delay no other key for long.
async fn many_wrong_keys(fx: &mut Fixture) {
    for nth in 0..WRONG_KEYS {
        let secret = format!("wrong-{nth}");
        fx.write_key(&secret, &format!("{WRONG_KEY}-{nth}")).await;
        let key = json!({"name": secret});
        let spec = json!({"ttl": "1h", "apiKeySecretRef": key});
        fx.room(&format!("room-{nth}"), spec).await;
    }
    for nth in 0..WRONG_KEYS {
        let stalled = ("Stalled", "True", "Unauthorized");
        fx.condition(Room, &format!("room-{nth}"), stalled).await;
    }
    let journal = fx.journal().await;
    let calls = journal.all().iter().filter(|it| it.status == 401);
    let times: Vec<u64> = calls.map(|it| it.elapsed_ms).collect();
    assert!(times.len() >= WRONG_KEYS, "{}", times.len());
    for window in times.windows(MOST_UNVERIFIED + 1) {
        let took = window[MOST_UNVERIFIED] - window[0];
        assert!(
            took > 4_000,
            "more than {MOST_UNVERIFIED} calls in {took} ms"
        );
    }
}

/// A Secret that is missing is read less and less often, for each object: after 5 seconds, and then after 10.
async fn missing_keys(fx: &mut Fixture) {
    let mut tail = fx.plane.tail();
    let start = Instant::now();
    for nth in 0..MISSING_KEYS {
        let key = json!({"name": format!("missing-{nth}")});
        let spec = json!({"ttl": "1h", "apiKeySecretRef": key});
        fx.room(&format!("room-{nth}"), spec).await;
    }
    let mut reads: BTreeMap<String, usize> = BTreeMap::new();
    let mut first_third = None;
    until("each is read three times", LATER, async || {
        for request in tail.requests(&fx.home, RELEASE) {
            if request.verb == "get" && request.resource == "secrets" {
                *reads.entry(request.name).or_default() += 1;
            }
        }
        reads.retain(|name, _| name.starts_with("missing-"));
        if reads.values().any(|it| *it >= 3) {
            first_third.get_or_insert(start.elapsed());
        }
        let often = reads.values().filter(|it| **it >= 3).count();
        (often == MISSING_KEYS).then_some(()).ok_or(often)
    })
    .await;
    let first_third = first_third.expect("all are read three times");
    assert!(first_third > Duration::from_secs(13), "{first_third:?}");
}

/// The example of rooms in two accounts, neither of which the default key belongs to.
async fn example(fx: &mut Fixture) {
    fx.write_key("daily-sales", KEY).await;
    fx.write_key("daily-support", OTHER_KEY).await;
    fx.apply_example("10-two-accounts.yaml", &[]).await;
    for (name, domain) in [("sales-call", DOMAIN), ("support-call", OTHER_DOMAIN)] {
        let room = fx.ready(Room, name).await;
        assert_eq!(room.text("/status/account/domainName"), domain);
        let call = fx.sim.dial(room.dial_string()).await;
        let call = call.expect("it can be dialled");
        assert_eq!(call.outcome, Outcome::OnHold, "{call:?}");
    }
}

/// Says so, naming both domains, without a write or a loss.
async fn account_changed(fx: &Fixture, kind: Kind, name: &str) {
    let changed = ("Stalled", "True", "AccountChanged");
    let object = fx.condition(kind, name, changed).await;
    let message = object.condition("Stalled").expect("is there").message;
    assert!(
        message.contains(DOMAIN) && message.contains(OTHER_DOMAIN),
        "{message}"
    );
    assert!(!object.has("Expired", "True", "Expired"));
    assert_eq!(object.text("/status/account/domainName"), DOMAIN);
    fx.event(name, "Warning", "AccountChanged").await;
}

async fn heals(fx: &Fixture, kind: Kind, name: &str) -> Object {
    let healed = |object: &Object| {
        object.is_ready()
            && object
                .condition("Stalled")
                .is_none_or(|it| it.status != "True")
    };
    fx.until(kind, name, "heals", SOON, healed).await
}

async fn other_domain(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    let secret = fx.secret("standup-dialin").await;
    let mark = fx.mark().await;
    fx.write_key(DEFAULT_KEY_SECRET, OTHER_KEY).await;
    account_changed(fx, Room, "standup").await;
    assert_eq!(
        fx.secret("standup-dialin").await,
        secret,
        "the Secret is kept"
    );

    fx.write_key(DEFAULT_KEY_SECRET, KEY).await;
    assert_eq!(heals(fx, Room, "standup").await.pin(), before.pin());
    fx.journal_since(mark)
        .await
        .expect_no_write("the key was of another domain");
}

async fn other_domain_by_reference(fx: &mut Fixture) {
    fx.write_key("their-key", OTHER_KEY).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    let mark = fx.mark().await;
    fx.room(
        "standup",
        json!({"ttl": "1h", "apiKeySecretRef": {"name": "their-key"}}),
    )
    .await;
    account_changed(fx, Room, "standup").await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    assert_eq!(heals(fx, Room, "standup").await.pin(), before.pin());
    fx.journal_since(mark)
        .await
        .expect_no_write("the key was of another domain");
}

async fn other_domain_for_a_number(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    let mark = fx.mark().await;
    fx.write_key(DEFAULT_KEY_SECRET, OTHER_KEY).await;
    account_changed(fx, Number, "main-line").await;
    fx.write_key(DEFAULT_KEY_SECRET, KEY).await;
    heals(fx, Number, "main-line").await;
    fx.journal_since(mark)
        .await
        .expect_no_write("the key was of another domain");
}

/// The last good key of the bound domain deletes the room; the other domain is not written to.
async fn deleted_under_another_domain(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let mark = fx.mark().await;
    fx.write_key(DEFAULT_KEY_SECRET, OTHER_KEY).await;
    account_changed(fx, Room, "standup").await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    assert!(fx.rooms_at_daily().await.is_empty());
    let journal = fx.journal_since(mark).await;
    for write in journal.writes() {
        assert_eq!(
            write.account.as_deref(),
            Some(DOMAIN),
            "{}",
            journal.tail(20)
        );
    }
}
