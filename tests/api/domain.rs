//! Dial-in configs in the property `pin_dialin` of the domain: a list that each write replaces.
//!
//! The telling scenarios of [`crate::numbers`] and [`crate::restart`] under this setting, and what only a
//! list brings with it: the entries of others, writers that race, and a change of the setting.

use std::sync::Arc;

use daily_sim::{FaultKind, FaultSpec, Outcome};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::adopt::{with_own_key, write_own_key};
use crate::fixture::{Fixture, NUMBER, SECOND_NUMBER, Setup, stop_at};
use crate::objects::Kind::{Number, Room};
use crate::objects::Object;
use crate::restart::crash_and_restart;
use crate::safety::reaches_the_point;
use crate::stage::{Affected::By, Stage};
use crate::wait::{LATER, SOON, until};
use crate::{numbers, restart};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let set = || Setup::new().at_the_domain();
    let mut trials = vec![
        stage.trial("domain::one_holder", set(), numbers::one_holder),
        stage.trial("domain::retained", set(), numbers::retained),
        stage.trial("domain::reply_lost", set(), numbers::reply_lost),
        stage.trial("domain::foreign_entries", set(), foreign_entries),
        stage.trial("domain::adopted", set(), adopted),
        stage.trial(
            "domain::written_over_by_another",
            set(),
            written_over_by_another,
        ),
        stage.trial(
            "domain::another_writes_after_the_read",
            set().hold_at("config-create:before"),
            another_writes_after_the_read,
        ),
        stage.trial(
            "domain::late_write_of_another_number",
            set().value("quietPeriod", json!("4s")),
            late_write_of_another_number,
        ),
        stage.trial(
            "domain::late_write_of_an_earlier_leader",
            set().value("quietPeriod", json!("15s")),
            late_write_of_an_earlier_leader,
        ),
        stage.trial(
            "domain::late_write_before_an_edit",
            set().value("quietPeriod", json!("15s")),
            late_write_before_an_edit,
        ),
        stage.trial("domain::adopted_and_replaced", set(), adopted_and_replaced),
        stage.trial("domain::switched_and_edited", set(), switched_and_edited),
        stage.trial(
            "domain::s1_deleted_before_the_write",
            set().hold_at("config-create:before"),
            s1_deleted_before_the_write,
        ),
        stage.trial(
            "domain::switched_and_crashed",
            Setup::new(),
            switched_and_crashed,
        ),
    ];
    trials.extend(stage.under_each_answer(
        "domain::ready",
        set(),
        By(&["configs-seen"]),
        numbers::ready,
    ));
    trials.extend(stage.under_each_answer(
        "domain::edit",
        set(),
        By(&["config-reads"]),
        numbers::edit,
    ));
    trials.extend(stage.under_each_answer(
        "domain::greeting_taken_away",
        set(),
        By(&["config-empty"]),
        numbers::greeting_taken_away,
    ));
    trials.extend(stage.under_each_answer(
        "domain::deleted",
        set(),
        By(&["config-reads"]),
        numbers::deleted,
    ));
    trials.extend(stage.under_each_answer(
        "domain::switched_both_ways",
        Setup::new(),
        By(&["configs-seen", "config-reads"]),
        switched_both_ways,
    ));
    for phase in ["before", "between", "after"] {
        let at = |effect: &str| set().stop_at(&format!("{effect}:{phase}"));
        let name = |what: &str| format!("domain::restart_{what}:{phase}");
        trials.push(stage.trial(&name("create"), at("config-create"), restart::number));
        trials.push(stage.trial(&name("update"), at("config-update"), restart::number_update));
        trials.push(stage.trial(
            &name("delete"),
            at("config-delete"),
            restart::number_deletion,
        ));
    }
    trials
}

fn properties(entries: &Value) -> Value {
    json!({"properties": {"pin_dialin": entries}})
}

/// Somebody else writes the list.
async fn write_by_hand(fx: &Fixture, entries: &Value) {
    let set = fx.by_hand.post("/", &properties(entries)).await;
    assert_eq!(set.expect("Daily answers").status, 200);
}

fn theirs() -> Value {
    json!({"phone_number": SECOND_NUMBER, "name_prefix": "theirs", "ivr_greeting": {"message": "Bonjour."}})
}

/// The entries of others stay as they are, whatever becomes of ours; rooms publish both.
async fn foreign_entries(fx: &mut Fixture) {
    write_by_hand(fx, &json!([theirs()])).await;
    fx.number("second-line", SECOND_NUMBER).await;
    let in_use = ("Stalled", "True", "NumberInUse");
    fx.condition(Number, "second-line", in_use).await;
    let spec = |message: &str| json!({"phoneNumber": NUMBER, "ivrGreeting": {"message": message}});
    let ours =
        |message: &str| json!({"phone_number": NUMBER, "ivr_greeting": {"message": message}});
    for message in ["Hello.", "Good day."] {
        fx.apply(Number, "main-line", &spec(message)).await;
        fx.ready(Number, "main-line").await;
        assert_eq!(fx.entries_at_daily().await, [theirs(), ours(message)]);
    }
    for number in [NUMBER, SECOND_NUMBER] {
        let room = format!("room-{}", &number[2..]);
        let numbers = json!([{"phoneNumber": number}]);
        if number == SECOND_NUMBER {
            fx.delete(Number, "second-line").await;
            fx.gone(Number, "second-line").await;
        }
        fx.room(
            &room,
            json!({"ttl": "1h", "dialin": {"roomNumbers": numbers}}),
        )
        .await;
        let room = fx.ready(Room, &room).await;
        let call = fx.sim.dial(room.dial_string()).await;
        let call = call.expect("it can be dialled");
        assert_eq!(call.outcome, Outcome::OnHold, "{call:?}");
    }
    let room = format!("room-{}", &NUMBER[2..]);
    fx.delete(Room, &room).await;
    fx.gone(Room, &room).await;
    fx.delete(Number, "main-line").await;
    fx.gone(Number, "main-line").await;
    assert_eq!(fx.entries_at_daily().await, [theirs()]);
}

/// An entry of somebody else is adopted without a write, and outlives its object. The greeting that the spec
/// sets replaces its own, and the rest of the list stays.
async fn adopted(fx: &mut Fixture) {
    write_own_key(fx).await;
    let entry = |message: &str| json!({"phone_number": NUMBER, "name_prefix": "front", "ivr_greeting": {"message": message}});
    write_by_hand(fx, &json!([entry("Theirs."), theirs()])).await;
    let mark = fx.mark().await;
    let mut spec = with_own_key(json!({"phoneNumber": NUMBER, "adoptionPolicy": "AdoptOrCreate"}));
    fx.apply(Number, "main-line", &spec).await;
    let number = fx.ready(Number, "main-line").await;
    let id = format!("pin_dialin:{NUMBER}");
    assert_eq!(number.text("/status/configId"), id);
    fx.event("main-line", "Normal", "Adopted").await;
    fx.delete(Number, "main-line").await;
    fx.gone(Number, "main-line").await;
    fx.event("main-line", "Normal", "Orphaned").await;
    let journal = fx.journal_since(mark).await;
    journal.expect_no_write("the spec sets nothing");

    spec["ivrGreeting"] = json!({"message": "Hello."});
    spec["deletionPolicy"] = json!("Delete");
    fx.apply(Number, "main-line", &spec).await;
    fx.ready(Number, "main-line").await;
    assert_eq!(fx.entries_at_daily().await, [entry("Hello."), theirs()]);
    fx.delete(Number, "main-line").await;
    fx.gone(Number, "main-line").await;
    assert_eq!(fx.entries_at_daily().await, [theirs()]);
}

/// The entry that the operator creates in the place of an adopted one goes with its object.
async fn adopted_and_replaced(fx: &mut Fixture) {
    write_own_key(fx).await;
    let adopted = json!({"phone_number": NUMBER, "name_prefix": "front"});
    write_by_hand(fx, &json!([adopted, theirs()])).await;
    let spec = with_own_key(json!({"phoneNumber": NUMBER, "adoptionPolicy": "AdoptOrCreate"}));
    fx.apply(Number, "main-line", &spec).await;
    fx.ready(Number, "main-line").await;
    write_by_hand(fx, &json!([theirs()])).await;
    let created = [theirs(), json!({"phone_number": NUMBER})];
    until("the operator creates an entry", LATER, async || {
        match fx.entries_at_daily().await == created {
            true => Ok(()),
            false => Err("it is not"),
        }
    })
    .await;
    fx.ready(Number, "main-line").await;
    fx.delete(Number, "main-line").await;
    fx.gone(Number, "main-line").await;
    assert_eq!(fx.entries_at_daily().await, [theirs()]);
}

/// Another client that has read the list before writes it back without our entry.
async fn written_over_by_another(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    let mark = fx.mark().await;
    write_by_hand(fx, &json!([theirs()])).await;
    let both = [theirs(), json!({"phone_number": NUMBER})];
    let healed = async || match fx.entries_at_daily().await == both {
        true => Ok(()),
        false => Err("it is not"),
    };
    until("our entry is put back", LATER, healed).await;
    fx.ready(Number, "main-line").await;
    let journal = fx.journal_since(mark).await;
    assert_eq!(journal.done("POST", "/"), 2, "{}", journal.tail(20));
    fx.event("main-line", "Warning", "Missing").await;

    // The same with another greeting in it.
    let other = json!({"phone_number": NUMBER, "ivr_greeting": {"message": "Theirs."}});
    write_by_hand(fx, &json!([theirs(), other])).await;
    until("our entry is corrected", LATER, async || {
        match fx.entries_at_daily().await == both {
            true => Ok(()),
            false => Err("it is not"),
        }
    })
    .await;
    fx.event("main-line", "Normal", "DriftCorrected").await;
}

/// Between the operator's read and its write another client adds an entry. Daily has no precondition for a
/// write: if it is sent a moment later, that entry is lost. A list that was read long ago is not sent.
async fn another_writes_after_the_read(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    reaches_the_point(fx).await;
    write_by_hand(fx, &json!([theirs()])).await;
    let waited = fx.sim.clock().await.expect("it has one").now;
    until("the list is older than a second", SOON, async || {
        let now = fx.sim.clock().await.expect("it has one").now;
        let age = now.duration_since(waited).as_millis();
        (age > 1_200).then_some(()).ok_or(age)
    })
    .await;
    fx.let_go();
    fx.ready(Number, "main-line").await;
    let both = [theirs(), json!({"phone_number": NUMBER})];
    assert_eq!(fx.entries_at_daily().await, both);
}

/// The write for one number is not answered and takes effect late, with the list of before. The other
/// number waits for it, and no entry is lost.
async fn late_write_of_another_number(fx: &mut Fixture) {
    let late = FaultKind::ExecuteAfter(std::time::Duration::from_secs(2));
    let fault = FaultSpec::next("POST", "/", late);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.number("main-line", NUMBER).await;
    until("the write is sent", SOON, async || {
        let faults = fx.journal().await.calls("GET", "/").len();
        (faults > 1).then_some(()).ok_or(faults)
    })
    .await;
    fx.number("second-line", SECOND_NUMBER).await;
    for name in ["main-line", "second-line"] {
        fx.ready(Number, name).await;
    }
    assert_eq!(fx.entries_at_daily().await.len(), 2);
    let missing = fx.journal().await;
    assert!(missing.done("POST", "/") <= 3, "{}", missing.tail(30));
}

/// The same if the process that sent the write ends before it takes effect.
async fn late_write_of_an_earlier_leader(fx: &mut Fixture) {
    let late = FaultKind::ExecuteAfter(std::time::Duration::from_secs(12));
    let fault = FaultSpec::next("POST", "/", late);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.number("main-line", NUMBER).await;
    until("the write is sent", SOON, async || {
        let applied = fx.sim.faults().await.expect("are told")[0].applied;
        (applied == 1).then_some(()).ok_or(applied)
    })
    .await;
    fx.operator().kill().await;
    fx.number("second-line", SECOND_NUMBER).await;
    fx.free_lease().await;
    fx.start_operator(&[]).await;
    for name in ["main-line", "second-line"] {
        fx.ready(Number, name).await;
    }
    assert_eq!(fx.entries_at_daily().await.len(), 2);
    let journal = fx.journal().await;
    let writes = journal.calls("POST", "/").into_iter();
    let faults: Vec<_> = writes.map(|it| it.fault.as_deref()).collect();
    let late_first = [Some("executeAfter"), None];
    assert_eq!(faults, late_first, "{}", journal.tail(30));
}

/// The same with an edit: no other entry is changed before the late list has taken effect.
async fn late_write_before_an_edit(fx: &mut Fixture) {
    for (name, number) in [("main-line", NUMBER), ("second-line", SECOND_NUMBER)] {
        fx.number(name, number).await;
        fx.ready(Number, name).await;
    }
    let greets =
        |number: &str| json!({"phoneNumber": number, "ivrGreeting": {"message": "Hello."}});
    let late = FaultKind::ExecuteAfter(std::time::Duration::from_secs(12));
    let fault = FaultSpec::next("POST", "/", late);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    let mark = fx.mark().await;
    fx.apply(Number, "main-line", &greets(NUMBER)).await;
    until("the write is sent", SOON, async || {
        let applied = fx.sim.faults().await.expect("are told")[0].applied;
        (applied == 1).then_some(()).ok_or(applied)
    })
    .await;
    fx.operator().kill().await;
    fx.apply(Number, "second-line", &greets(SECOND_NUMBER))
        .await;
    fx.free_lease().await;
    fx.start_operator(&[]).await;
    until("both numbers greet", LATER, async || {
        let entries = fx.entries_at_daily().await;
        let greet = |it: &Value| it["ivr_greeting"]["message"] == "Hello.";
        let all = entries.iter().all(greet);
        all.then_some(()).ok_or_else(|| json!(entries))
    })
    .await;
    let journal = fx.journal_since(mark).await;
    let writes = journal.calls("POST", "/").into_iter();
    let faults: Vec<_> = writes.map(|it| it.fault.as_deref()).collect();
    let late_first = [Some("executeAfter"), None];
    assert_eq!(faults, late_first, "{}", journal.tail(30));
    assert_eq!(fx.entries_at_daily().await.len(), 2);
}

/// S1: the object is deleted after the list was read.
async fn s1_deleted_before_the_write(fx: &mut Fixture) {
    write_by_hand(fx, &json!([theirs()])).await;
    let mark = fx.mark().await;
    fx.number("main-line", NUMBER).await;
    reaches_the_point(fx).await;
    fx.delete(Number, "main-line").await;
    fx.let_go();
    fx.gone(Number, "main-line").await;
    let journal = fx.journal_since(mark).await;
    journal.expect_no_write("it was deleted before its entry was written");
}

/// Ends the operator and starts one that writes configs to this place.
async fn switch(fx: &mut Fixture, api: &str, env: &[(String, String)]) {
    assert!(fx.operator().terminate().await.success());
    fx.launch_operator_with(&[format!("--number-api={api}")], env);
    fx.operator().ready_or_crashed().await;
}

async fn is_at(fx: &Fixture, id: impl Fn(&str) -> bool) -> Object {
    let there = |number: &Object| number.is_ready() && id(number.text("/status/configId"));
    fx.until(Number, "main-line", "is moved", LATER, there)
        .await
}

/// A setting of a live install: the config is moved, rooms keep number and PIN, and between the two calls
/// of a move there is no other.
async fn switched_both_ways(fx: &mut Fixture) {
    let spec = json!({"phoneNumber": NUMBER, "ivrGreeting": {"message": "Hello."}});
    fx.apply(Number, "main-line", &spec).await;
    fx.ready(Number, "main-line").await;
    let numbers = json!([{"numberRef": {"name": "main-line"}}]);
    let room = json!({"ttl": "1h", "dialin": {"roomNumbers": numbers}});
    fx.room("standup", room).await;
    let before = fx.ready(Room, "standup").await;
    for api in ["domain-properties", "dialin-configs"] {
        let at_the_domain = api == "domain-properties";
        let mark = fx.mark().await;
        switch(fx, api, &[]).await;
        let is_entry = |id: &str| id.starts_with("pin_dialin:") == at_the_domain;
        is_at(fx, is_entry).await;
        let journal = fx.journal_since(mark).await;
        let writes: Vec<_> = journal.writes();
        match fx.answer("configs-seen") {
            "together" => journal.expect_no_write("Daily shows it in both places"),
            _ => {
                assert_eq!(writes.len(), 2, "{}", journal.tail(30));
                let between = journal.all().iter();
                let between = between.filter(|it| (writes[0].seq..writes[1].seq).contains(&it.seq));
                let about_numbers = between.filter(|it| !it.path.starts_with("/rooms"));
                let most = if at_the_domain { 2 } else { 1 };
                assert!(about_numbers.count() <= most, "{}", journal.tail(30));
            }
        }
        let configs = fx.configs_at_daily().await;
        assert_eq!(configs.len(), 1);
        let config = &configs[0]["config"];
        assert_eq!(config["ivr_greeting"]["message"], "Hello.");
        let after = fx.ready(Room, "standup").await;
        assert_eq!(after.dial_string(), before.dial_string());
        let call = fx.sim.dial(after.dial_string()).await;
        let call = call.expect("it can be dialled");
        assert_eq!(call.outcome, Outcome::OnHold, "{call:?}");
    }
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    fx.delete(Number, "main-line").await;
    fx.gone(Number, "main-line").await;
    assert!(fx.configs_at_daily().await.is_empty());
}

/// Daily fails while the config is to be moved, and the spec is edited meanwhile.
async fn switched_and_edited(fx: &mut Fixture) {
    let spec = |message: &str| json!({"phoneNumber": NUMBER, "ivrGreeting": {"message": message}});
    fx.apply(Number, "main-line", &spec("Hello.")).await;
    fx.ready(Number, "main-line").await;
    let fails = FaultKind::Status {
        status: 503,
        body: None,
        headers: Default::default(),
    };
    let fault = FaultSpec::next("POST", "/", fails).times(0);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    switch(fx, "dialin-configs", &[]).await;
    let unavailable = ("Reconciling", "True", "DailyUnavailable");
    fx.condition(Number, "main-line", unavailable).await;
    fx.apply(Number, "main-line", &spec("Good day.")).await;
    let edited = |number: &Object| {
        let reconciling = number.condition("Reconciling");
        reconciling.is_some_and(|it| it.observed_generation == number.generation())
    };
    fx.until(Number, "main-line", "is reconciled", LATER, edited)
        .await;
    fx.sim.clear_faults().await.expect("the faults go");
    is_at(fx, |id| !id.starts_with("pin_dialin:")).await;
    let configs = fx.configs_at_daily().await;
    assert_eq!(configs.len(), 1);
    assert_eq!(configs[0]["config"]["ivr_greeting"]["message"], "Good day.");
}

/// The process ends between the two calls of a move.
async fn switched_and_crashed(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    for api in ["domain-properties", "dialin-configs"] {
        let at_the_domain = api == "domain-properties";
        fx.add_args(vec![format!("--number-api={api}")]);
        assert!(fx.operator().terminate().await.success());
        fx.launch_operator(&[stop_at("config-create:before")]);
        crash_and_restart(fx).await;
        is_at(fx, |id| id.starts_with("pin_dialin:") == at_the_domain).await;
        assert_eq!(fx.configs_at_daily().await.len(), 1);
        assert_eq!(
            fx.entries_at_daily().await.len(),
            usize::from(at_the_domain)
        );
    }
}
