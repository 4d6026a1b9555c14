//! Calls that Daily accepts.

use std::collections::HashSet;
use std::ops::ControlFlow;

use daily_operator::clock;
use daily_operator::daily::client::Client;
use daily_operator::daily::error::CallError;
use daily_operator::daily::listing::{Joining, Listing};
use daily_operator::daily::page::read_all;
use daily_operator::daily::types::{
    DialinConfig, DialinConfigBody, DialinConfigRequest, IvrGreeting, PIN_DIALIN,
};
use daily_sim::{Config, Limits};

use crate::stage::{KEY, NUMBER, Stage, change, config, key, wish};

/// F-DOM-1.
#[tokio::test]
async fn the_domain_of_a_key() {
    let stage = Stage::new().await;
    let answer = stage.client.domain(&key()).await.expect("is answered");
    assert_eq!(answer.value.name, "demo");
    assert!(!answer.value.id.is_empty());
    let skew = answer.date.expect("has a date") - clock::wall().as_second();
    assert!(skew.abs() < 60, "{skew}");
}

/// F-ROOM-4, F-ROOM-16, F-ROOM-20, F-ROOM-24, F-ROOM-25.
#[tokio::test]
async fn the_life_of_a_room() {
    let (stage, key) = (Stage::new().await, key());
    let client = &stage.client;
    let none = client.room(&key, "standup").await.expect("is answered");
    assert_eq!(none.value, None);
    assert!(none.date.is_some());

    let wish = wish("standup");
    let made = client.create_room(&key, &wish).await.expect("is made");
    let made = made.value;
    assert_eq!((&*made.name, &*made.privacy), ("standup", "private"));
    assert_eq!(made.config.exp, wish.properties["exp"].as_i64());
    assert_eq!(made.config.eject_at_room_exp, Some(true));
    let pin = made.config.dialin_code.clone().expect("has a PIN");
    assert_eq!(pin.digits().len(), 11);
    assert!(!format!("{made:?}").contains(pin.digits()));

    let read = client.room(&key, "standup").await.expect("is answered");
    assert_eq!(read.value.as_ref(), Some(&made));

    let changed = client.update_room(&key, "standup", &change()).await;
    let changed = changed.expect("is changed").value;
    assert_eq!((&*changed.id, &*changed.privacy), (&*made.id, "public"));
    assert_eq!(changed.config.eject_at_room_exp, None);
    assert_eq!(changed.config.dialin_code, Some(pin));

    let deleted = client.delete_room(&key, "standup").await;
    assert!(deleted.expect("is deleted").date.is_some());
    let again = client.delete_room(&key, "standup").await;
    assert!(matches!(again, Err(CallError::NotFound)), "{again:?}");
    let update = client.update_room(&key, "standup", &change()).await;
    assert!(matches!(update, Err(CallError::NotFound)), "{update:?}");
}

/// F-ROOM-5: also names that Daily cannot have are sent to the right path.
#[tokio::test]
async fn a_strange_name_names_nothing() {
    let stage = Stage::new().await;
    for name in ["a/b", "a?b", "a b", "%2e%2e", "ü", "a#b"] {
        let deleted = stage.client.delete_room(&key(), name).await;
        assert!(matches!(deleted, Err(CallError::NotFound)), "{deleted:?}");
    }
    for name in ["", ".", ".."] {
        let deleted = stage.client.delete_room(&key(), name).await;
        assert!(matches!(deleted, Err(CallError::NotFound)), "{deleted:?}");
    }
    let journal = stage.control.journal(0).await.expect("is told");
    let below_rooms = |path: &String| path.starts_with("/rooms/");
    assert!(journal.iter().all(|entry| below_rooms(&entry.path)));
    assert_eq!(journal.len(), 6);
}

/// F-CFG-1, F-CFG-6, F-CFG-7, F-CFG-10, F-CFG-11.
#[tokio::test]
async fn the_life_of_a_dialin_config() {
    let (stage, key) = (Stage::new().await, key());
    let client = &stage.client;
    let made = client.create_dialin_config(&key, &config(NUMBER)).await;
    let made = made.expect("is made").value;
    assert_eq!(made.kind, PIN_DIALIN);
    assert_eq!(made.config.phone_number.as_deref(), Some(NUMBER));
    assert_eq!(made.config.name_prefix.as_deref(), Some("main"));

    let nothing = Some(IvrGreeting {
        message: Some(String::new()),
    });
    let body = DialinConfigBody {
        phone_number: Some(NUMBER.to_owned()),
        name_prefix: Some("second".to_owned()),
        ivr_greeting: nothing.clone(),
    };
    let update = DialinConfigRequest { kind: None, body };
    let changed = client.update_dialin_config(&key, &made.id, &update).await;
    let changed = changed.expect("is changed").value;
    assert_eq!(changed.id, made.id);
    assert_eq!(changed.config.name_prefix.as_deref(), Some("second"));
    assert_eq!(changed.config.ivr_greeting, nothing);

    assert_eq!(configs(client).await, vec![changed]);

    let deleted = client.delete_dialin_config(&key, &made.id).await;
    deleted.expect("is deleted");
    assert_eq!(configs(client).await, vec![]);
    let again = client.delete_dialin_config(&key, &made.id).await;
    assert!(matches!(again, Err(CallError::NotFound)), "{again:?}");
}

async fn configs(client: &Client) -> Vec<DialinConfig> {
    let key = key();
    let page = |after: Option<String>| {
        let (client, key) = (client, &key);
        async move { client.dialin_configs_page(key, after.as_deref()).await }
    };
    read_all(page).await.expect("is answered").value
}

/// F-CFG-6, F-NUM-1, F-NUM-2, F-ROOM-11, F-ROOM-13: lists of more than one page.
#[tokio::test]
async fn lists_of_several_pages() {
    let numbers: Vec<String> = (0..103).map(|n| format!("+120255510{n:02}")).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let config_of = Config::single("demo", KEY, &numbers).limits(Limits::Off);
    let (stage, key) = (Stage::with(config_of).await, key());
    for number in &numbers {
        let config = config(number);
        let made = stage.client.create_dialin_config(&key, &config).await;
        made.expect("is made");
        stage.room(&format!("room-of-{}", &number[1..])).await;
    }

    assert_eq!(configs(&stage.client).await.len(), 103);

    let page = |after: Option<String>| {
        let (client, key) = (&stage.client, &key);
        async move { client.purchased_numbers_page(key, after.as_deref()).await }
    };
    let bought = read_all(page).await.expect("is answered").value;
    assert_eq!(bought.len(), 103);
    assert!(bought.iter().all(|number| number.created.is_some()));
    let earliest = bought.iter().min_by_key(|number| number.created);
    assert_eq!(earliest.expect("is one").number, numbers[0]);

    let listing = listing(&stage).await;
    assert!(listing.is_complete(0));
    let shown = |number: &&&str| listing.get(&format!("room-of-{}", &number[1..])).is_some();
    assert_eq!(numbers.iter().filter(shown).count(), 103);
    let room = listing.get("room-of-12025551000").expect("is listed");
    assert!(room.config.dialin_code.is_some());
    assert!(listing.begun <= listing.ended);
    assert!(listing.date.is_some());
}

async fn listing(stage: &Stage) -> Listing {
    let names = (0..103).map(|n| format!("room-of-120255510{n:02}"));
    let mut joining = Joining::begin(clock::now(), names.collect(), "c", HashSet::new());
    loop {
        let page = stage.client.rooms_page(&key(), joining.after()).await;
        match joining.add(page.expect("is answered"), clock::now()) {
            ControlFlow::Continue(more) => joining = more,
            ControlFlow::Break(listing) => return listing,
        }
    }
}
