//! When listings begin and end, and which rooms they keep.

use daily_sim::{Config, FaultKind, FaultSpec, Sim};
use serde_json::json;

use super::*;
use crate::daily::evidence::Losses;
use crate::naming;

const KEY: &str = "acme-key-0123456789abcdef";
const HOUR: Duration = Duration::from_secs(3600);
/// Time limit for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

async fn daily() -> Sim {
    let config = Config::single("acme", KEY, &[]);
    Sim::start(config).await.unwrap()
}

fn nothing() -> Expected {
    Arc::new(|_| Vec::new())
}

/// Lists until the schedule meets the condition.
async fn list_until(account: &Account, expected: Expected, so: impl Fn(&Schedule) -> bool) {
    list_every(HOUR, account, expected, so).await;
}

async fn list_every(
    interval: Duration,
    account: &Account,
    expected: Expected,
    so: impl Fn(&Schedule) -> bool,
) {
    let mut listings = account.listings();
    let listed = async {
        tokio::select! {
            () = account.list_while_used(interval, HOUR, expected) => panic!("it is used"),
            listings = listings.wait_for(so) => drop(listings.unwrap()),
        }
    };
    let listed = tokio::time::timeout(PATIENCE, listed).await;
    listed.expect("the listings go on");
}

#[tokio::test]
async fn an_unused_account_ends_and_its_keys_are_forgotten() {
    let daily = daily().await;
    let account = Account::for_tests(&daily.base_url(), KEY);
    let unused = Duration::from_millis(200);
    let listed = account.list_while_used(HOUR, unused, nothing());
    let ended = tokio::time::timeout(PATIENCE, listed).await;
    ended.expect("it ends");
    assert_eq!(account.listings().borrow().read, 1, "it was listed before");
    assert!(account.has_ended() && account.good_key().is_none());
    assert!(
        !account.used(&KEY.into(), clock::now()),
        "another one begins"
    );
}

#[tokio::test]
async fn listings_go_on_when_a_refused_key_is_verified_again() {
    let daily = daily().await;
    let account = Account::for_tests(&daily.base_url(), KEY);
    let refused = FaultKind::Status {
        status: 401,
        body: Some(json!({"error": "authentication-error"})),
        headers: Default::default(),
    };
    let fault = FaultSpec::next("GET", "/rooms", refused);
    daily.client().unwrap().fault(&fault).await.unwrap();
    list_until(&account, nothing(), |it| it.failed == 1).await;
    assert!(account.good_key().is_none());
    assert!(account.listings().borrow().next > clock::now());
    assert!(account.used(&KEY.into(), clock::now()));
    assert!(account.listings().borrow().next <= clock::now(), "at once");
    list_until(&account, nothing(), |it| it.read == 1).await;
}

#[tokio::test]
async fn a_listing_keeps_expected_rooms_and_those_with_evidence() {
    let daily = daily().await;
    let account = Account::for_tests(&daily.base_url(), KEY);
    let by_hand = daily.client().unwrap().api(KEY);
    for name in ["ours", "asked", "foreign"] {
        let made = by_hand.post("/rooms", &json!({"name": name})).await;
        assert_eq!(made.unwrap().status, 200);
    }
    assert!(account.evidence().room("asked", "").observed.is_none());
    let expected: Expected = Arc::new(|_| {
        let room = |name: &str| ExpectedRoom {
            name: name.to_owned(),
            end: i64::MAX,
            recreated: true,
        };
        vec![room("ours"), room("gone")]
    });
    list_until(&account, expected, |it| it.read == 1).await;
    let observed = |name: &str| account.evidence().room(name, "").observed.is_some();
    let absent = |name: &str| account.evidence().room(name, "").absence.is_some();
    assert!(observed("ours") && observed("asked") && absent("gone"));
    assert!(
        !observed("foreign") && !absent("foreign"),
        "nothing is said of it"
    );
}

#[tokio::test]
async fn a_complete_listing_shows_once_which_unexpected_rooms_carry_the_mark() {
    let daily = daily().await;
    let account = Account::for_tests(&daily.base_url(), KEY);
    let client = daily.client().unwrap();
    let name = |cluster, object| naming::derived_room_name(cluster, "team", object);
    let (ours, lost, others) = (name("c1", "ours"), name("c1", "lost"), name("c2", "lost"));
    for name in [&ours, &lost, &others, "by-hand"] {
        let made = client.api(KEY).post("/rooms", &json!({"name": name})).await;
        assert_eq!(made.unwrap().status, 200);
    }
    let expected: Expected = Arc::new(move |_| {
        let (name, end) = (ours.clone(), i64::MAX);
        vec![ExpectedRoom {
            name,
            end,
            recreated: true,
        }]
    });
    list_until(&account, Arc::clone(&expected), |it| it.read == 1).await;
    let (_, marked) = account.take_marked().unwrap();
    assert_eq!(marked.count, 2);
    assert_eq!(marked.unknown.keys().collect::<Vec<_>>(), [&lost]);
    assert!(account.take_marked().is_none());
    let cut = FaultKind::Status {
        status: 200,
        body: Some(json!({"total_count": 4, "data": []})),
        headers: Default::default(),
    };
    client
        .fault(&FaultSpec::next("GET", "/rooms", cut))
        .await
        .unwrap();
    account.list_soon(clock::now());
    list_until(&account, expected, |it| it.read == 2).await;
    assert!(account.take_marked().is_none(), "it is not complete");
}

/// A page as Daily would send it, with a room that has a `dialin` of another type.
#[tokio::test]
async fn a_room_that_does_not_parse_hides_no_other() {
    let daily = daily().await;
    let account = Account::for_tests(&daily.base_url(), KEY);
    let room = |id: &str, config: serde_json::Value| {
        json!({"id": id, "name": id, "privacy": "public", "url": "https://demo.daily.co/a",
            "created_at": "2026-12-01T08:00:00Z", "config": config})
    };
    let data = [
        room("odd", json!({"dialin": true})),
        room("ours", json!({})),
    ];
    let page = FaultKind::Status {
        status: 200,
        body: Some(json!({"total_count": 2, "data": data})),
        headers: Default::default(),
    };
    let fault = FaultSpec::next("GET", "/rooms", page);
    daily.client().unwrap().fault(&fault).await.unwrap();
    for name in ["odd", "ours", "gone"] {
        let _ = account.evidence().room(name, "");
    }
    list_until(&account, nothing(), |it| it.read == 1).await;
    assert!(account.evidence().room("ours", "").observed.is_some());
    assert!(account.evidence().room("gone", "").absence.is_some());
    let odd = account.evidence().room("odd", "");
    assert!(odd.observed.is_none() && odd.absence.is_none());
}

#[tokio::test]
async fn while_listings_fail_each_room_is_read_by_name_once_an_interval() {
    let daily = daily().await;
    let account = Account::for_tests(&daily.base_url(), KEY);
    let client = daily.client().unwrap();
    for name in ["deleted", "kept"] {
        let made = client.api(KEY).post("/rooms", &json!({"name": name})).await;
        assert_eq!(made.unwrap().status, 200);
        account.evidence().room(name, "");
    }
    list_until(&account, nothing(), |it| it.read == 1).await;
    let deleted = client.api(KEY).delete("/rooms/deleted").await;
    assert_eq!(deleted.unwrap().status, 200);
    let broken = FaultKind::Status {
        status: 500,
        body: None,
        headers: Default::default(),
    };
    let fault = FaultSpec::next("GET", "/rooms", broken).times(0);
    client.fault(&fault).await.unwrap();
    let calls = async |path: &str| {
        let journal = client.journal(0).await.unwrap();
        let calls = journal
            .iter()
            .filter(|it| it.method == "GET" && it.path == path);
        calls.count()
    };
    // The listing of this moment is not older than the interval.
    let list_now = || {
        account
            .schedule
            .send_modify(|it| it.recovered(clock::now()))
    };
    list_now();
    list_until(&account, nothing(), |it| it.failed == 1).await;
    assert_eq!(calls("/rooms/deleted").await, 0);
    list_now();
    let is_absent = || account.evidence().room("deleted", "").absence.is_some();
    let interval = Duration::from_secs(1);
    list_every(interval, &account, nothing(), |_| is_absent()).await;
    assert!(account.evidence().room("kept", "").observed.is_some());
    assert_eq!(calls("/rooms/deleted").await, 1);
    let losses = account.evidence().room("kept", "").losses;
    assert_eq!(losses, Losses::Unknown);
}
