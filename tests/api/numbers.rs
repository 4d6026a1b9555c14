//! Purchased numbers on the PIN dial-in, and which numbers a room publishes.

use std::sync::Arc;

use daily_sim::{FaultKind, FaultSpec, Outcome, is_global};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{DOMAIN, FOREIGN_NUMBER, Fixture, NUMBER, SECOND_NUMBER, Setup};
use crate::objects::{
    Kind::{Number, Room},
    Object,
};
use crate::stage::{Affected::By, Stage};
use crate::wait::{LATER, SOON};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let plain = vec![
        stage.trial(
            "numbers::reference_ready_later",
            Setup::new(),
            reference_ready_later,
        ),
        stage.trial(
            "numbers::reference_retained",
            Setup::new(),
            reference_retained,
        ),
        stage.trial("numbers::one_holder", Setup::new(), one_holder),
        stage.trial("numbers::retained", Setup::new(), retained),
        stage.trial("numbers::removed_by_hand", Setup::new(), removed_by_hand),
    ];
    let joined = [
        stage.under_each_answer(
            "numbers::greeting_taken_away",
            Setup::new(),
            By(&["config-put", "config-reads", "config-null", "config-empty"]),
            greeting_taken_away,
        ),
        stage.under_each_answer(
            "numbers::global_by_name",
            Setup::new(),
            By(&["global-numbers"]),
            global_by_name,
        ),
        stage.under_each_answer(
            "numbers::global_by_country",
            Setup::new(),
            By(&["global-numbers"]),
            global_by_country,
        ),
        stage.under_each_answer(
            "numbers::released",
            Setup::new(),
            By(&["released-number", "released-config", "number-shapes"]),
            released,
        ),
        stage.under_each_answer(
            "numbers::ready",
            Setup::new(),
            By(&[
                "number-shapes",
                "configs-seen",
                "filtered-count",
                "filter-match",
                "number-order",
            ]),
            ready,
        ),
        stage.under_each_answer(
            "numbers::edit",
            Setup::new(),
            By(&["config-put", "config-reads"]),
            edit,
        ),
        stage.under_each_answer(
            "numbers::deleted",
            Setup::new(),
            By(&["config-reads"]),
            deleted,
        ),
        stage.under_each_answer(
            "numbers::reply_lost",
            Setup::new(),
            By(&["filter-match", "filtered-count"]),
            reply_lost,
        ),
        stage.under_each_answer(
            "numbers::literal_ready_later",
            Setup::new(),
            By(&["unassigned-number"]),
            literal_ready_later,
        ),
        stage.under_each_answer(
            "numbers::purchased_is_chosen",
            Setup::new(),
            By(&["number-order", "number-shapes", "numbers-of-pin"]),
            purchased_is_chosen,
        ),
        stage.under_each_answer(
            "numbers::not_purchased",
            Setup::new(),
            By(&["foreign-number"]),
            not_purchased,
        ),
        stage.under_each_answer(
            "numbers::somebody_elses_config",
            Setup::new(),
            By(&["configs-seen"]),
            somebody_elses_config,
        ),
        stage.under_each_answer(
            "numbers::set_up_at_the_domain",
            Setup::new(),
            By(&["configs-seen"]),
            set_up_at_the_domain,
        ),
        stage.under_each_answer(
            "numbers::global_choice_is_kept",
            Setup::new(),
            By(&["dialin-number"]),
            global_choice_is_kept,
        ),
    ];
    plain
        .into_iter()
        .chain(joined.into_iter().flatten())
        .collect()
}

pub async fn ready(fx: &mut Fixture) {
    let spec =
        json!({"phoneNumber": NUMBER, "namePrefix": "front", "ivrGreeting": {"message": "Hello."}});
    fx.apply(Number, "main-line", &spec).await;
    let number = fx.ready(Number, "main-line").await;
    let configs = fx.configs_at_daily().await;
    assert_eq!(configs.len(), 1);
    assert_eq!(configs[0]["type"], "pin_dialin");
    assert_eq!(configs[0]["config"]["phone_number"], NUMBER);
    assert_eq!(configs[0]["config"]["name_prefix"], "front");
    assert_eq!(configs[0]["config"]["ivr_greeting"]["message"], "Hello.");
    assert_eq!(number.at("/status/configId"), &configs[0]["id"]);
    assert_eq!(number.text("/status/country"), "US");
    assert_eq!(number.text("/status/account/domainName"), DOMAIN);
    assert_eq!(fx.journal().await.writes().len(), 1);
    fx.event("main-line", "Normal", "Created").await;
}

pub async fn edit(fx: &mut Fixture) {
    let spec = |message: &str| json!({"phoneNumber": NUMBER, "ivrGreeting": {"message": message}});
    fx.apply(Number, "main-line", &spec("Hello.")).await;
    let before = fx.ready(Number, "main-line").await;
    let mark = fx.mark().await;
    fx.apply(Number, "main-line", &spec("Good day.")).await;
    fx.ready(Number, "main-line").await;
    let journal = fx.journal_since(mark).await;
    let writes = journal.writes();
    assert_eq!(writes.len(), 1, "{}", journal.tail(20));
    let (method, path) = fx.config_route("PUT", before.text("/status/configId"));
    assert_eq!(writes[0].method, method);
    assert_eq!(writes[0].path, path);
    let configs = fx.configs_at_daily().await;
    assert_eq!(configs[0]["config"]["ivr_greeting"]["message"], "Good day.");
    assert_eq!(configs[0]["config"]["phone_number"], NUMBER);
}

/// What the spec says no more is gone, and what it still says stays, whether a PUT merges or not.
pub async fn greeting_taken_away(fx: &mut Fixture) {
    let spec =
        json!({"phoneNumber": NUMBER, "namePrefix": "front", "ivrGreeting": {"message": "Hello."}});
    fx.apply(Number, "main-line", &spec).await;
    fx.ready(Number, "main-line").await;
    let mark = fx.mark().await;
    let spec = json!({"phoneNumber": NUMBER, "namePrefix": "front"});
    fx.apply(Number, "main-line", &spec).await;
    // An entry of the domain's list is replaced as a whole, so that it needs no empty text.
    if fx.answer("config-empty") == "refused" && !fx.at_the_domain {
        let rejected = ("Stalled", "True", "RejectedByDaily");
        let number = fx.condition(Number, "main-line", rejected).await;
        let ready = number.condition("Ready").expect("is there");
        assert_eq!(ready.status, "True", "callers hear the old greeting");
        let configs = fx.configs_at_daily().await;
        assert_eq!(configs[0]["config"]["ivr_greeting"]["message"], "Hello.");
        return;
    }
    fx.ready(Number, "main-line").await;
    let configs = fx.configs_at_daily().await;
    assert_eq!(configs[0]["config"]["name_prefix"], "front");
    let message = &configs[0]["config"]["ivr_greeting"]["message"];
    assert_eq!(message.as_str().unwrap_or_default(), "", "{message}");
    let journal = fx.journal_since(mark).await;
    assert_eq!(journal.writes().len(), 1, "{}", journal.tail(20));
}

/// A released number is never published, whatever Daily still lists of it.
pub async fn released(fx: &mut Fixture) {
    for (name, number) in [("main-line", NUMBER), ("second-line", SECOND_NUMBER)] {
        fx.number(name, number).await;
        fx.ready(Number, name).await;
    }
    fx.room("before", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "before").await;
    assert!(before.dial_string().starts_with(NUMBER), "the earliest one");
    let listed = fx.by_hand.get("/purchased-phone-numbers").await;
    let listed = listed.expect("Daily answers").body;
    let entries = listed["data"].as_array().expect("is a list");
    let entry = entries.iter().find(|it| it["number"] == NUMBER);
    let id = entry.expect("is listed")["id"].as_str().expect("has an id");
    let path = format!("/release-phone-number/{id}");
    let gone = fx.by_hand.delete(&path).await.expect("Daily answers");
    assert_eq!(gone.status, 200, "{:?}", gone.body);

    let unpurchased = ("Ready", "False", "NumberNotPurchased");
    fx.force_pass(Number, "main-line", "it was released").await;
    fx.condition(Number, "main-line", unpurchased).await;
    fx.room("after", json!({"ttl": "1h"})).await;
    let named = json!({"ttl": "1h", "dialin": {"roomNumbers": [{"phoneNumber": NUMBER}]}});
    fx.room("named", named).await;
    fx.force_pass(Room, "before", "its number was released")
        .await;
    let after = fx.ready(Room, "after").await;
    fx.condition(Room, "named", unpurchased).await;
    let moved = |room: &crate::objects::Object| room.dial_string().starts_with(SECOND_NUMBER);
    let wait = crate::wait::SOON;
    let before = fx
        .until(Room, "before", "publishes the other", wait, moved)
        .await;
    for room in [&before, &after] {
        assert_eq!(
            room.text("/status/phoneNumbers/0/phoneNumber"),
            SECOND_NUMBER
        );
        let call = fx.sim.dial(room.dial_string()).await;
        let call = call.expect("it can be dialled");
        assert_eq!(call.outcome, Outcome::OnHold, "{call:?}");
    }
}

pub async fn reply_lost(fx: &mut Fixture) {
    let (method, path) = fx.config_route("POST", "");
    let fault = FaultSpec::next(method, &path, FaultKind::ReplyLost);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.number("main-line", NUMBER).await;
    let number = fx.ready(Number, "main-line").await;
    let configs = fx.configs_at_daily().await;
    assert_eq!(configs.len(), 1);
    assert_eq!(number.at("/status/configId"), &configs[0]["id"]);
    fx.delete(Number, "main-line").await;
    fx.gone(Number, "main-line").await;
    assert!(
        fx.configs_at_daily().await.is_empty(),
        "it was known as ours"
    );
}

/// The room waits for its PinDialinNumber and moves on by itself.
async fn reference_ready_later(fx: &mut Fixture) {
    let numbers = json!([{"numberRef": {"name": "main-line"}}]);
    fx.room(
        "standup",
        json!({"ttl": "1h", "dialin": {"roomNumbers": numbers}}),
    )
    .await;
    let room = fx
        .condition(Room, "standup", ("Ready", "False", "NumberNotFound"))
        .await;
    assert!(
        room.condition("Reconciling")
            .is_some_and(|it| it.status == "True")
    );
    assert!(
        room.condition("Stalled")
            .is_none_or(|it| it.status != "True")
    );
    assert!(fx.find_secret("standup-dialin").await.is_none());
    fx.number("main-line", NUMBER).await;
    let room = fx.ready(Room, "standup").await;
    assert!(
        room.dial_string().starts_with(NUMBER),
        "{}",
        room.dial_string()
    );
}

async fn literal_ready_later(fx: &mut Fixture) {
    let numbers = json!([{"phoneNumber": SECOND_NUMBER}]);
    fx.room(
        "standup",
        json!({"ttl": "1h", "dialin": {"roomNumbers": numbers}}),
    )
    .await;
    let room = fx
        .condition(Room, "standup", ("Ready", "False", "NumberNotReady"))
        .await;
    let message = room.condition("Ready").expect("is there").message;
    assert!(
        message.contains("PinDialinNumber"),
        "it says what to create: {message}"
    );
    fx.number("second-line", SECOND_NUMBER).await;
    let room = fx.ready(Room, "standup").await;
    assert!(
        room.dial_string().starts_with(SECOND_NUMBER),
        "{}",
        room.dial_string()
    );
}

/// Callers elsewhere get a number of their country, without anything that has to be purchased.
async fn global_by_name(fx: &mut Fixture) {
    let british = "+442080501289";
    let numbers = json!([{"phoneNumber": british}]);
    let spec = json!({"ttl": "1h", "dialin": {"roomNumbers": numbers}});
    fx.room("standup", spec).await;
    let room = fx.ready(Room, "standup").await;
    let published = room.at("/status/phoneNumbers");
    let expected = json!([{"phoneNumber": british, "source": "Global", "country": "GB"}]);
    assert_eq!(published, &expected);
    let call = fx.sim.dial(room.dial_string()).await;
    let call = call.expect("it can be dialled");
    let outcome = match fx.answer("global-numbers") {
        "all" => Outcome::OnHold,
        // Nothing that the operator could know: the user names the number.
        _ => Outcome::WrongPin,
    };
    assert_eq!(call.outcome, outcome, "{call:?}");

    // One number more changes neither the room nor its PIN.
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    let numbers = json!([{"numberRef": {"name": "main-line"}}, {"phoneNumber": british}]);
    let spec = json!({"ttl": "1h", "dialin": {"roomNumbers": numbers}});
    fx.room("standup", spec).await;
    let both = fx.ready(Room, "standup").await;
    let published = both.at("/status/phoneNumbers").as_array();
    assert_eq!(published.map(Vec::len), Some(2));
    assert_eq!(both.pin(), room.pin());
    let secret = fx.secret("standup-dialin").await;
    assert!(secret["phone-numbers"].contains(british), "{secret:?}");

    fx.number("world", british).await;
    let stalled = ("Stalled", "True", "NumberNotPurchased");
    let number = fx.condition(Number, "world", stalled).await;
    let message = number.condition("Stalled").expect("is there").message;
    assert!(message.contains("global numbers"), "{message}");
}

/// The first one holds the number; when it goes, the other takes it without being touched.
pub async fn one_holder(fx: &mut Fixture) {
    fx.number("a-first", NUMBER).await;
    fx.ready(Number, "a-first").await;
    fx.number("b-second", NUMBER).await;
    let refused = fx
        .condition(Number, "b-second", ("Ready", "False", "NumberInUse"))
        .await;
    let message = refused.condition("Ready").expect("is there").message;
    assert!(
        message.contains("a-first"),
        "it names the holder: {message}"
    );
    assert_eq!(fx.configs_at_daily().await.len(), 1);
    assert!(fx.get(Number, "a-first").await.is_ready());
    fx.delete(Number, "a-first").await;
    fx.gone(Number, "a-first").await;
    fx.ready(Number, "b-second").await;
    assert_eq!(fx.configs_at_daily().await.len(), 1);
}

pub async fn deleted(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    let number = fx.ready(Number, "main-line").await;
    fx.delete(Number, "main-line").await;
    fx.gone(Number, "main-line").await;
    assert!(fx.configs_at_daily().await.is_empty());
    let (method, path) = fx.config_route("DELETE", number.text("/status/configId"));
    let journal = fx.journal().await;
    let writes = journal.writes();
    assert_eq!(writes.len(), 2, "{}", journal.tail(20));
    assert_eq!(writes[1].method, method);
    assert_eq!(writes[1].path, path, "by its recorded id");
}

pub async fn retained(fx: &mut Fixture) {
    let spec = json!({"phoneNumber": NUMBER, "deletionPolicy": "Retain"});
    fx.apply(Number, "main-line", &spec).await;
    fx.ready(Number, "main-line").await;
    fx.delete(Number, "main-line").await;
    fx.gone(Number, "main-line").await;
    assert_eq!(fx.configs_at_daily().await.len(), 1);
    assert_eq!(fx.journal().await.writes().len(), 1, "the create");
}

/// An edit of the countries changes what is published and not the PIN, without a request to Daily. A country
/// that the operator does not know leaves callers served.
async fn global_by_country(fx: &mut Fixture) {
    let of = |countries: Value| json!({"ttl": "1h", "dialin": {"globalNumbers": countries}});
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    assert_eq!(before.text("/status/phoneNumbers/0/country"), "US");
    let mark = fx.mark().await;
    fx.room("standup", of(json!(["GB", "CA"]))).await;
    let british = format!("+442080501289,,{}", before.pin().expect("has a PIN"));
    let moved = |room: &Object| room.dial_string() == british && room.is_ready();
    let what = "publishes the British number with the same PIN";
    let room = fx.until(Room, "standup", what, SOON, moved).await;
    let published = json!([
        {"phoneNumber": "+442080501289", "source": "Global", "country": "GB"},
        {"phoneNumber": "+12268078039", "source": "Global", "country": "CA"},
    ]);
    assert_eq!(*room.at("/status/phoneNumbers"), published);
    let event = fx.event("standup", "Warning", "PhoneNumberChanged").await;
    let note = event.note.unwrap_or_default();
    assert!(note.contains("+442080501289 in place of +1"), "{note}");
    let secret = fx.secret("standup-dialin").await;
    assert_eq!(secret["dial-string"], british);
    assert!(
        secret["phone-numbers"].contains("+12268078039"),
        "{secret:?}"
    );
    let journal = fx.journal_since(mark).await;
    assert_eq!(journal.writes().len(), 0, "{}", journal.tail(20));
    let outcome = match fx.answer("global-numbers") {
        "all" => Outcome::OnHold,
        // The operator cannot place a call to find out.
        _ => Outcome::WrongPin,
    };
    let call = fx.sim.dial(&british).await.expect("it can be dialled");
    assert_eq!(call.outcome, outcome, "{call:?}");

    for name in ["standup", "new"] {
        fx.room(name, of(json!(["DE"]))).await;
        let unknown = ("Stalled", "True", "InvalidSpec");
        let stalled = fx.condition(Room, name, unknown).await;
        let message = stalled.condition("Stalled").expect("is there").message;
        let known = "AU, BR, CA, CL, CZ, FI, FR, GB, NZ, US";
        assert!(message.contains(known), "{message}");
    }
    let kept = fx.get(Room, "standup").await;
    assert!(kept.has("Ready", "True", "Available"), "callers are served");
    assert_eq!(kept.dial_string(), british);
    assert_eq!(fx.rooms_at_daily().await.len(), 1);

    fx.operator().kill().await;
    fx.launch_operator_with(
        &["--global-numbers=+12095038039,+498912345678".to_owned()],
        &[],
    );
    let german = |room: &Object| room.is_ready() && room.dial_string().starts_with("+498912345678");
    for name in ["standup", "new"] {
        let what = "publishes the number that the administrator added";
        let room = fx.until(Room, name, what, LATER, german).await;
        assert!(name == "new" || room.pin() == before.pin());
    }
}

/// Without a purchased number on the PIN dial-in a global one is published, and stays when a
/// PinDialinNumber comes later.
async fn global_choice_is_kept(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    assert_eq!(before.text("/status/phoneNumbers/0/source"), "Global");
    assert!(is_global(before.text("/status/phoneNumbers/0/phoneNumber")));
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    fx.force_pass(Room, "standup", "look again").await;
    let echoed =
        |room: &crate::objects::Object| room.text("/status/lastHandledReconcileAt") == "look again";
    let after = fx
        .until(Room, "standup", "looks again", crate::wait::SOON, echoed)
        .await;
    assert_eq!(after.dial_string(), before.dial_string());
}

/// The earliest purchased number that has a config: not simply the earliest.
async fn purchased_is_chosen(fx: &mut Fixture) {
    fx.number("second-line", SECOND_NUMBER).await;
    fx.ready(Number, "second-line").await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    assert_eq!(room.text("/status/phoneNumbers/0/source"), "Purchased");
    assert!(
        room.dial_string().starts_with(SECOND_NUMBER),
        "{}",
        room.dial_string()
    );
}

async fn not_purchased(fx: &mut Fixture) {
    fx.number("main-line", FOREIGN_NUMBER).await;
    let number = fx
        .condition(
            Number,
            "main-line",
            ("Ready", "False", "NumberNotPurchased"),
        )
        .await;
    assert!(
        number
            .condition("Stalled")
            .is_some_and(|it| it.status == "True")
    );
    fx.event("main-line", "Warning", "NumberNotPurchased").await;

    let numbers = json!([{"phoneNumber": FOREIGN_NUMBER}]);
    fx.room(
        "standup",
        json!({"ttl": "1h", "dialin": {"roomNumbers": numbers}}),
    )
    .await;
    fx.condition(Room, "standup", ("Ready", "False", "NumberNotPurchased"))
        .await;
    fx.event("standup", "Warning", "NumberNotPurchased").await;
    assert!(fx.find_secret("standup-dialin").await.is_none());
    fx.journal()
        .await
        .expect_no_write("the number is not the account's");
}

/// The PinDialinNumber that a room names is deleted with Retain, and applied again: the config stays, and callers reach
/// the room until somebody deletes it.
async fn reference_retained(fx: &mut Fixture) {
    let retained = json!({"phoneNumber": NUMBER, "deletionPolicy": "Retain"});
    fx.apply(Number, "main-line", &retained).await;
    fx.ready(Number, "main-line").await;
    let numbers = json!([{"numberRef": {"name": "main-line"}}]);
    let spec = json!({"ttl": "1h", "dialin": {"roomNumbers": numbers}});
    fx.room("standup", spec).await;
    let before = fx.ready(Room, "standup").await;
    fx.delete(Number, "main-line").await;
    fx.gone(Number, "main-line").await;
    still_answers(fx, "NumberNotFound").await;
    fx.apply(Number, "main-line", &retained).await;
    fx.condition(Number, "main-line", ("Stalled", "True", "NumberInUse"))
        .await;
    still_answers(fx, "NumberNotReady").await;
    let call = fx.sim.dial(before.dial_string()).await;
    let call = call.expect("it can be dialled");
    assert_eq!(call.outcome, Outcome::OnHold, "{call:?}");

    let configs = fx.configs_at_daily().await;
    let id = configs[0]["id"].as_str().expect("it has an id");
    let path = format!("/domain-dialin-config/{id}");
    fx.by_hand.delete(&path).await.expect("Daily answers");
    let well =
        |room: &crate::objects::Object| room.is_ready() && room.condition("Reconciling").is_none();
    fx.until(Room, "standup", "is well", crate::wait::LATER, well)
        .await;
}

/// The room is Ready and says what is wrong with the number that it names.
async fn still_answers(fx: &Fixture, reason: &str) {
    let room = fx
        .condition(Room, "standup", ("Reconciling", "True", reason))
        .await;
    assert!(room.is_ready(), "{:#}", room.0);
    let message = room.condition("Reconciling").expect("is there").message;
    let keeps = format!("the room keeps the number {NUMBER}, which still answers");
    assert!(message.contains(&keeps), "{message}");
}

/// A config that the operator did not make is neither taken over nor deleted, and rooms publish no number
/// that asks for no PIN.
async fn somebody_elses_config(fx: &mut Fixture) {
    let theirs = [
        ("main-line", NUMBER, "pin_dialin"),
        ("second-line", SECOND_NUMBER, "pinless_dialin"),
    ];
    for (_, number, kind) in theirs {
        let config = json!({"type": kind, "phone_number": number, "name_prefix": "theirs"});
        let made = fx.by_hand.post("/domain-dialin-config", &config).await;
        assert_eq!(made.expect("Daily answers").status, 200);
    }
    let mark = fx.mark().await;
    let pinless = json!([{"phoneNumber": SECOND_NUMBER}]);
    let spec = json!({"ttl": "1h", "dialin": {"roomNumbers": pinless}});
    fx.room("standup", spec).await;
    for (name, number, _) in theirs {
        fx.number(name, number).await;
        let in_use = ("Stalled", "True", "NumberInUse");
        let refused = fx.condition(Number, name, in_use).await;
        assert!(refused.has("Ready", "False", "NumberInUse"));
        fx.event(name, "Warning", "NumberInUse").await;
    }
    let silent = ("Ready", "False", "NumberNotReady");
    fx.condition(Room, "standup", silent).await;
    for (name, ..) in theirs {
        fx.delete(Number, name).await;
        fx.gone(Number, name).await;
    }
    let configs = fx.configs_at_daily().await;
    let prefixes: Vec<_> = configs
        .iter()
        .map(|it| &it["config"]["name_prefix"])
        .collect();
    assert_eq!(prefixes, ["theirs", "theirs"]);
    let journal = fx.journal_since(mark).await;
    assert_eq!(journal.done("DELETE", "*") + journal.done("PUT", "*"), 0);
}

async fn removed_by_hand(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    let before = fx.ready(Number, "main-line").await;
    let id = before.text("/status/configId").to_owned();
    let path = format!("/domain-dialin-config/{id}");
    assert_eq!(
        fx.by_hand
            .delete(&path)
            .await
            .expect("Daily answers")
            .status,
        200
    );
    let anew = |number: &crate::objects::Object| {
        number.is_ready() && number.text("/status/configId") != id
    };
    fx.until(Number, "main-line", "is put back", crate::wait::LATER, anew)
        .await;
    assert_eq!(fx.configs_at_daily().await.len(), 1);
}

/// In the domain's own property, as the PIN dial-in guide does it: rooms publish such a number, and a
/// PinDialinNumber says where it is set up.
async fn set_up_at_the_domain(fx: &mut Fixture) {
    let entries = |entries: Value| json!({"properties": {"pin_dialin": entries}});
    let entry = json!({"phone_number": NUMBER, "ivr_greeting": {"message": "From before."}});
    let set = fx.by_hand.post("/", &entries(json!([entry]))).await;
    assert_eq!(set.expect("Daily answers").status, 200);
    let mark = fx.mark().await;
    let named = json!([{"phoneNumber": NUMBER}]);
    let spec = json!({"ttl": "1h", "dialin": {"roomNumbers": named}});
    fx.room("by-name", spec).await;
    fx.room("by-choice", json!({"ttl": "1h"})).await;
    for name in ["by-name", "by-choice"] {
        let room = fx.ready(Room, name).await;
        assert_eq!(room.text("/status/phoneNumbers/0/phoneNumber"), NUMBER);
        let call = fx.sim.dial(room.dial_string()).await;
        let call = call.expect("it can be dialled");
        assert_eq!(call.outcome, Outcome::OnHold, "{call:?}");
    }

    fx.number("main-line", NUMBER).await;
    fx.condition(Number, "main-line", ("Stalled", "True", "NumberInUse"))
        .await;
    let journal = fx.journal_since(mark).await;
    assert_eq!(journal.done("POST", "/domain-dialin-config"), 0);

    // Removed there, it is free. Daily may show a config of the domain in both places.
    let set = fx.by_hand.post("/", &entries(json!([]))).await;
    assert_eq!(set.expect("Daily answers").status, 200);
    fx.force_pass(Number, "main-line", "it is free").await;
    fx.ready(Number, "main-line").await;
    let room = fx.get(Room, "by-name").await;
    let call = fx.sim.dial(room.dial_string()).await;
    let call = call.expect("it can be dialled");
    assert_eq!(call.outcome, Outcome::OnHold, "{call:?}");
}
