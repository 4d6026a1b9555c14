//! What the log and the metrics show of the life of an object.

use std::sync::Arc;

use daily_sim::{FaultKind, FaultSpec};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{FOREIGN_NUMBER, Fixture, NUMBER, Setup};
use crate::objects::Kind::{Number, Room};
use crate::stage::Stage;
use crate::wait::{LATER, SOON, until, until_true};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    vec![
        stage.trial("logs::life_of_a_room", Setup::new(), life_of_a_room),
        stage.trial("logs::life_of_a_number", Setup::new(), life_of_a_number),
        stage.trial("logs::outage", Setup::new(), outage),
        stage.trial("logs::needs_a_person", Setup::new(), needs_a_person),
        stage.trial("logs::waiting", Setup::new(), waiting),
        stage.trial(
            "logs::panic",
            Setup::new().panic_at("secret-create:before"),
            panics,
        ),
        stage.trial(
            "logs::panic_after_a_write",
            Setup::new().panic_at("record:after"),
            panics,
        ),
        stage.trial(
            "logs::in_detail",
            Setup::new().log("info,daily_operator=debug"),
            in_detail,
        ),
    ]
}

/// The lines about an object.
fn lines(fx: &Fixture, name: &str) -> Vec<Value> {
    let logs = fx.logs();
    let lines = logs.lines().filter_map(|it| serde_json::from_str(it).ok());
    lines.filter(|it: &Value| it["name"] == name).collect()
}

/// Those with this message, as level and another field.
fn said<'a>(lines: &'a [Value], message: &str, field: &str) -> Vec<(&'a str, &'a str)> {
    let with = lines.iter().filter(|it| it["message"] == message);
    let text = |value: &'a Value| value.as_str().unwrap_or_default();
    with.map(|it| (text(&it["level"]), text(&it[field])))
        .collect()
}

fn effects(lines: &[Value]) -> Vec<&str> {
    let effects = said(lines, "Effect applied", "effect");
    let at_info = |(level, effect)| {
        assert_eq!(level, "INFO");
        effect
    };
    effects.into_iter().map(at_info).collect()
}

/// The lines about an object beside its events, once there are so many: an effect is logged after the API server
/// shows it.
async fn at_least(fx: &Fixture, name: &str, count: usize) -> Vec<Value> {
    until(&format!("{count} lines about {name}"), SOON, async || {
        let mut lines = lines(fx, name);
        lines.retain(|it| it["message"] != "Event");
        match lines.len() >= count {
            true => Ok(lines),
            false => Err(format!("{lines:#?}")),
        }
    })
    .await
}

/// One line for each effect, and for nothing else.
async fn life_of_a_room(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    let made = [
        "finalizer-add",
        "record",
        "room-create",
        // The account has a number that could be set up, so the room looks once more for it. What it
        // owns is recorded meanwhile.
        "status",
        "secret-create",
        "status",
    ];
    let so_far = at_least(fx, "standup", made.len()).await;
    assert_eq!(effects(&so_far), made);
    for line in &so_far {
        assert_eq!(line["kind"], "DailyRoom");
        assert_eq!(line["namespace"], fx.namespace.as_str());
        assert_eq!(line["room"], room.room_name());
        assert!(line["took"].as_f64().is_some_and(|took| took < 60.0));
    }
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    let all = at_least(fx, "standup", made.len() + 3).await;
    assert_eq!(all.len(), effects(&all).len(), "more is said: {all:#?}");
    let deleted = &effects(&all)[made.len()..];
    let mut sorted = deleted.to_vec();
    sorted.sort_unstable();
    assert_eq!(sorted, ["finalizer-remove", "room-delete", "secret-delete"]);
    assert_eq!(deleted.last(), Some(&"finalizer-remove"));
    let lines = lines(fx, "standup");
    let events = said(&lines, "Event", "reason");
    assert_eq!(events, [("INFO", "Created"), ("INFO", "Deleted")]);
    let renewals = fx.logs().matches("lease-renew").count();
    assert_eq!(renewals, 0, "they are logged at DEBUG only");
    assert_eq!(fx.logs().matches("lease-acquire").count(), 1);
}

async fn life_of_a_number(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    // The claim is recorded, and then what the create asks for.
    let recorded = ["finalizer-add", "record", "record"];
    let created = ["config-create", "status"];
    let made = [&recorded[..], &created].concat();
    let lines = at_least(fx, "main-line", made.len()).await;
    assert_eq!(effects(&lines), made);
    for line in &lines {
        assert_eq!(line["kind"], "PinDialinNumber");
        assert!(!line.to_string().contains(NUMBER), "{line}");
    }
}

/// Each pass fails and is counted; the log has the begin and the end.
async fn outage(fx: &mut Fixture) {
    let down = FaultKind::Status {
        status: 503,
        body: None,
        headers: Default::default(),
    };
    let mut fault = FaultSpec::next("", "", down).times(0);
    fault.matches.method = None;
    fault.matches.path = None;
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.condition(Room, "standup", ("Ready", "Unknown", "DailyUnavailable"))
        .await;
    until("three passes fail", LATER, async || {
        let metrics = metrics(fx).await;
        let errors = counted(&metrics, "reconcile_errors_total", "");
        let results = counted(&metrics, "reconcile_total", ",result=\"error\"");
        assert_eq!(counted(&metrics, "terminal_reconcile_errors_total", ""), 0);
        // A reconcile may end between the reads of the two.
        (errors >= 3 && errors == results)
            .then_some(())
            .ok_or(metrics)
    })
    .await;
    fx.sim.clear_faults().await.expect("the faults go");
    fx.ready(Room, "standup").await;
    let lines = lines(fx, "standup");
    let is = "DailyUnavailable";
    assert_eq!(said(&lines, "Problem began", "reason"), [("WARN", is)]);
    assert_eq!(said(&lines, "Problem resolved", "reason"), [("INFO", is)]);
    let events = said(&lines, "Event", "reason");
    assert_eq!(events, [("INFO", is), ("INFO", "Created")]);
    let cause = said(&lines, "Problem began", "cause");
    assert!(!cause[0].1.is_empty(), "it has its cause");
}

/// A pass that panics costs its own object a retry. It is in the log, the metrics and an event, and
/// the process goes on.
async fn panics(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.event("standup", "Warning", "InternalError").await;
    fx.ready(Room, "standup").await;
    fx.room("retro", json!({"ttl": "1h"})).await;
    fx.ready(Room, "retro").await;
    let count = counted(&metrics(fx).await, "reconcile_panics_total", "");
    assert_eq!(count, 1);
    let panicked = said(&lines(fx, "standup"), "Reconcile panicked", "kind").len();
    assert_eq!(panicked, 1);
    assert_eq!(fx.rooms_at_daily().await.len(), 2);
}

async fn needs_a_person(fx: &mut Fixture) {
    fx.number("no-line", FOREIGN_NUMBER).await;
    fx.condition(Number, "no-line", ("Stalled", "True", "NumberNotPurchased"))
        .await;
    let of_numbers = |metrics: &str, family: &str| {
        let line = format!("controller_runtime_{family}{{controller=\"pindialinnumber\"}} ");
        value_of(metrics, &line)
    };
    until("the pass is counted", SOON, async || {
        let metrics = metrics(fx).await;
        let terminal = of_numbers(&metrics, "terminal_reconcile_errors_total");
        let is_same = terminal == of_numbers(&metrics, "reconcile_errors_total");
        (terminal > 0 && is_same).then_some(()).ok_or(metrics)
    })
    .await;
    let lines = lines(fx, "no-line");
    let began = said(&lines, "Problem began", "reason");
    assert_eq!(began, [("WARN", "NumberNotPurchased")]);
}

/// What may come by itself is no failure.
async fn waiting(fx: &mut Fixture) {
    let numbers = json!([{"numberRef": {"name": "never"}}]);
    fx.room(
        "standup",
        json!({"ttl": "1h", "dialin": {"roomNumbers": numbers}}),
    )
    .await;
    fx.condition(Room, "standup", ("Ready", "False", "NumberNotFound"))
        .await;
    until("several passes wait", SOON, async || {
        let metrics = metrics(fx).await;
        assert_eq!(counted(&metrics, "reconcile_errors_total", ""), 0);
        let passes = counted(&metrics, "reconcile_total", ",result=\"requeue_after\"");
        (passes >= 3).then_some(()).ok_or(passes)
    })
    .await;
}

/// The rounds of a pass, in their order. That no PIN is among them is looked at after each scenario.
async fn in_detail(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let found = until("the pass ends", SOON, async || {
        let lines = lines(fx, "standup");
        let ended = said(&lines, "Reconcile ended", "outcome");
        let right = ended.contains(&("DEBUG", "requeue_after"));
        right.then_some(lines).ok_or("it has not")
    })
    .await;
    let rounds = said(&found, "Round", "what");
    let place = |what| rounds.iter().position(|it| *it == ("DEBUG", what));
    let made = [
        place("read-numbers"),
        place("add-finalizer"),
        place("create-room"),
    ];
    assert!(made.iter().all(Option::is_some) && made.is_sorted());
    let renewed = || fx.logs().contains("lease-renew");
    until_true("a renewal is logged", SOON, async || renewed()).await;
}

/// What the operator that was started last shows at `/metrics`.
async fn metrics(fx: &Fixture) -> String {
    let operator = fx.operators.last().expect("an operator was started");
    operator.get("/metrics").await.body
}

/// The value of a family of controller-runtime's, for DailyRooms.
fn counted(metrics: &str, family: &str, more: &str) -> u64 {
    let line = format!("controller_runtime_{family}{{controller=\"dailyroom\"{more}}} ");
    value_of(metrics, &line)
}

/// The value on the line that begins so; zero where there is none yet.
fn value_of(metrics: &str, line: &str) -> u64 {
    let value = metrics.lines().find_map(|it| it.strip_prefix(line));
    value.map_or(0, |it| it.parse().expect("it is a number"))
}
