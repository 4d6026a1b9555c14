//! Whatever happens, and whatever is lost of it, a room comes to what it should be.

use std::env;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::world::{Fate, World};
use super::*;
use crate::daily::types::RoomConfig;

/// What happens between passes, or with one.
#[derive(Clone, Debug)]
enum Event {
    Pass(Vec<Fate>),
    Wait(u64),
    List(bool),
    Restart,
    HandDelete,
    /// Somebody else's room takes the name, with dial-in and an end or without both.
    OtherRoom(bool),
    HandEdit,
    MoveEnd(i64),
    /// To what Daily may show, for example milliseconds.
    SetEnd(i64),
    Edit(usize),
    /// Edits how the room is deleted alone.
    EditDeletion(usize),
    Force,
    Suspend(bool),
    Delete,
    LoseSecrets,
    EditSecrets,
    Tokens,
    LoseStatus,
    LoseRecord,
    Copy,
    Numbers,
    Join,
    Leave,
    Reconnect,
    /// From now on Daily does or does not answer who is where.
    Presence,
    /// From now on answers have or lack the header `Date`.
    Dates,
    /// From now on a DELETE waits this long for its slot.
    Busy(u64),
    DeleteNamespace,
}

const SPECS: [&str; 14] = [
    r#"{"ttl": "8h"}"#,
    r#"{"ttl": "8h", "privacy": "Private"}"#,
    r#"{"ttl": "8h", "dialin": {"displayName": "Caller"}}"#,
    r#"{"ttl": "11m", "ttlAfterExpired": "2m"}"#,
    r#"{"ttl": "9h", "missingRoomPolicy": "Report"}"#,
    r#"{"expirationTime": "2027-01-15T12:00:00Z", "ejectAtRoomExpiry": false}"#,
    r#"{"ttl": "8h", "notBeforeTime": "2027-01-15T09:00:00Z", "maxParticipants": 20}"#,
    r#"{"ttl": "25m", "renewal": {"before": "11m"}}"#,
    r#"{"ttl": "8h", "meetingTokens": {"tokens": [{"key": "a", "role": "Owner"}, {"key": "b", "role": "Participant", "ttl": "10m"}]}}"#,
    r#"{"ttl": "7h", "secret": {"name": "other"}, "meetingTokens": {"tokens": [{"key": "a", "role": "Participant"}]}}"#,
    r#"{"ttl": "8h", "secret": {"name": "standup-tokens"}, "meetingTokens": {"secretName": "standup-dialin", "tokens": [{"key": "a", "role": "Owner"}]}}"#,
    r#"{"ttl": "8h", "roomProperties": {"enable_chat": true, "lang": "de"}}"#,
    r#"{"ttl": "8h", "dialin": {"codeInStatus": "Omit"}}"#,
    r#"{"ttl": "8h"}"#,
];

/// The specs of most stories.
const OTHERS: std::ops::Range<usize> = 0..11;
/// The specs of stories about `roomProperties` and `codeInStatus`.
const PROPERTIES_AND_CODE: std::ops::Range<usize> = OTHERS.end..14;

const DELETIONS: [&str; 5] = [
    r#"{}"#,
    r#"{"maxDrain": "30m"}"#,
    r#"{"maxDrain": "10s"}"#,
    r#"{"deletionPolicy": "Delete"}"#,
    r#"{"deletionPolicy": "Retain"}"#,
];

fn spec(start: Start, index: usize, deletion: usize) -> Value {
    let mut spec: Value = serde_json::from_str(SPECS[index]).unwrap();
    if start.chosen {
        spec["roomName"] = json!("standup");
        if start.adopts {
            spec["adoptionPolicy"] = json!("AdoptOrCreate");
        }
    }
    let deletion: Value = serde_json::from_str(DELETIONS[deletion]).unwrap();
    let all = spec.as_object_mut().unwrap();
    all.extend(deletion.as_object().unwrap().clone());
    spec
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Done),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Dropped),
        1 => Just(Fate::Late),
        1 => Just(Fate::Died),
    ]
}

fn event(specs: std::ops::Range<usize>) -> impl Strategy<Value = Event> {
    prop_oneof![
        10 => prop::collection::vec(fate(), 0..8).prop_map(Event::Pass),
        4 => prop_oneof![1u64..70, 60u64..700].prop_map(Event::Wait),
        2 => any::<bool>().prop_map(Event::List),
        1 => Just(Event::Restart),
        2 => Just(Event::HandDelete),
        1 => any::<bool>().prop_map(Event::OtherRoom),
        1 => Just(Event::HandEdit),
        1 => (-900i64..900).prop_map(Event::MoveEnd),
        1 => any::<i64>().prop_map(Event::SetEnd),
        2 => specs.prop_map(Event::Edit),
        1 => Just(Event::Force),
        1 => any::<bool>().prop_map(Event::Suspend),
        1 => Just(Event::Delete),
        1 => Just(Event::LoseSecrets),
        1 => Just(Event::EditSecrets),
        1 => Just(Event::Tokens),
        1 => Just(Event::LoseStatus),
        1 => Just(Event::LoseRecord),
        1 => Just(Event::Copy),
        1 => Just(Event::Numbers),
        2 => Just(Event::Join),
        1 => Just(Event::Leave),
        1 => Just(Event::Reconnect),
        1 => Just(Event::Presence),
        1 => Just(Event::Dates),
        1 => Just(Event::DeleteNamespace),
        1 => (0..DELETIONS.len()).prop_map(Event::EditDeletion),
    ]
}

/// The spec of a room that is renewed.
const RENEWED: usize = 7;

/// What may happen to a room that is renewed without moving its end.
fn event_without_ends() -> impl Strategy<Value = Event> {
    prop_oneof![
        10 => prop::collection::vec(fate(), 0..8).prop_map(Event::Pass),
        8 => prop_oneof![1u64..70, 60u64..1000].prop_map(Event::Wait),
        2 => any::<bool>().prop_map(Event::List),
        1 => Just(Event::Restart),
        1 => Just(Event::HandEdit),
        1 => Just(Event::Force),
        1 => any::<bool>().prop_map(Event::Suspend),
        1 => Just(Event::LoseSecrets),
        1 => Just(Event::LoseStatus),
        1 => Just(Event::LoseRecord),
        1 => Just(Event::Numbers),
        1 => Just(Event::Dates),
    ]
}

#[derive(Clone, Copy, Debug)]
struct Start {
    spec: usize,
    chosen: bool,
    /// Which of the ways to delete a room.
    deletion: usize,
    adopts: bool,
    skew: i64,
    lingers: bool,
    lags: bool,
    repins: bool,
}

/// Nothing special.
const PLAIN: Start = Start {
    spec: 0,
    chosen: false,
    deletion: 0,
    adopts: false,
    skew: 0,
    lingers: false,
    lags: false,
    repins: false,
};

fn start(specs: std::ops::Range<usize>) -> impl Strategy<Value = Start> {
    let flags = (any::<bool>(), 0..DELETIONS.len(), any::<bool>());
    let answers = (any::<bool>(), any::<bool>(), any::<bool>());
    let parts = (specs, flags, answers, -4i64..5);
    parts.prop_map(
        |(spec, (chosen, deletion, adopts), (lingers, lags, repins), skew)| Start {
            spec,
            chosen,
            deletion,
            adopts,
            skew,
            lingers,
            lags,
            repins,
        },
    )
}

impl World {
    fn happen(&mut self, event: &Event, start: Start) {
        let name = self.name();
        match event {
            Event::Pass(fates) => {
                let _ = self.pass(fates);
            }
            Event::Wait(seconds) => self.wait(Duration::from_secs(*seconds)),
            Event::List(complete) => self.list(*complete),
            Event::Restart => self.restart(),
            Event::HandDelete => {
                self.put_out(&name);
                self.changes();
                self.rooms.remove(&name);
            }
            Event::OtherRoom(dialin) => {
                let properties = match dialin {
                    true => json!({"exp": END, "dialin": {"display_name": "Somebody"}}),
                    false => json!({}),
                };
                let _ = self.put(&name, "public", &properties);
            }
            Event::HandEdit => self.edit_room(&name, |it| {
                it.privacy = "private".into();
                it.config.max_participants = Some(5);
                it.config.nbf = Some(NOW + 7200);
                it.config.others.edit(|all| drop(all.remove("enable_chat")));
            }),
            Event::MoveEnd(by) => self.edit_room(&name, |it| {
                it.config.exp = it.config.exp.map(|exp| exp + by);
            }),
            Event::SetEnd(exp) => self.edit_room(&name, |it| {
                let config: RoomConfig = serde_json::from_value(json!({"exp": exp})).unwrap();
                it.config.exp = config.exp;
            }),
            Event::Edit(index) => {
                self.spec = spec(start, *index, start.deletion);
                self.meta.generation += 1;
            }
            Event::EditDeletion(deletion) => {
                self.spec = spec(start, start.spec, *deletion);
                self.meta.generation += 1;
            }
            Event::Force => {
                let before = self.meta.requested.clone().unwrap_or_default();
                self.meta.requested = Some(format!("{before}1"));
            }
            Event::Suspend(suspend) => {
                self.spec["suspend"] = json!(suspend);
                self.meta.generation += 1;
            }
            Event::Delete => {
                let now = self.wall();
                self.meta.deleting.get_or_insert(now);
            }
            Event::LoseSecrets => {
                self.forgot = true;
                self.secrets.clear();
            }
            Event::EditSecrets => {
                self.forgot = true;
                for secret in self.secrets.values_mut() {
                    let data = secret.data.get_or_insert_default();
                    let first = data.values_mut().next();
                    first.unwrap().0 = b"1".to_vec();
                    secret.metadata.resource_version = Some("edited".into());
                }
            }
            Event::Tokens => self.tokens_fail = !self.tokens_fail,
            // A chosen name is not known again without its record.
            Event::LoseStatus if self.is_chosen() => {
                self.forgot = true;
                let record = self.status.record.take();
                self.status = DailyRoomStatus {
                    record,
                    ..DailyRoomStatus::default()
                };
            }
            Event::LoseStatus => {
                self.forget_reconnects();
                self.forgot = true;
                self.status = DailyRoomStatus::default();
            }
            Event::LoseRecord if self.is_chosen() => {}
            Event::LoseRecord => {
                self.forget_reconnects();
                self.status.record = None;
            }
            Event::Copy => {
                self.forget_reconnects();
                self.disowned |= self.is_chosen();
                self.meta.uid.push('1');
                self.memory = Memory::default();
            }
            Event::Numbers => self.numbers_fail = !self.numbers_fail,
            Event::Join => self.join(),
            Event::Leave => self.leave(),
            Event::Reconnect => self.reconnect(),
            Event::Busy(seconds) => self.slot_wait = Duration::from_secs(*seconds),
            Event::Dates => self.dateless = !self.dateless,
            Event::Presence => self.presence_fails = !self.presence_fails,
            Event::DeleteNamespace => {
                let now = self.wall();
                self.namespace_deleted.get_or_insert(now);
                self.meta.deleting.get_or_insert(now);
            }
        }
    }

    fn edit_room(&mut self, name: &str, change: impl FnOnce(&mut Room)) {
        if self.shown(name).is_some() {
            self.changes();
            if self.repins {
                self.repin(name);
            }
            change(self.rooms.get_mut(name).unwrap());
        }
    }

    /// Passes without faults, after what was under way is done and everybody has left, until none of them
    /// does anything.
    fn settle(&mut self) {
        self.numbers_fail = false;
        self.spec["suspend"] = json!(false);
        self.meta.generation += 1;
        self.tokens_fail = false;
        self.presence_fails = false;
        self.dateless = false;
        self.leave();
        self.wait(QUIET);
        let mut quiet = 0;
        // A room that is renewed may first have to wait for its name until another one has ended.
        for _ in 0..120 {
            self.list(true);
            let passed = self.pass(&[]);
            quiet = if passed.acts.is_empty() { quiet + 1 } else { 0 };
            match passed.requeue {
                Requeue::OnChange => return,
                Requeue::After(time) | Requeue::Polling(time) => self.wait(time),
                Requeue::AtDrift(_) => self.wait(Duration::from_secs(1)),
            }
            if quiet == 4 {
                return;
            }
        }
        panic!("reaches no fixpoint: {:?}", self.last);
    }

    fn check(&self) {
        let name = self.name();
        let shown = self.shown(&name);
        let alive = self.ours.iter().filter(|id| {
            let is = |it: &&Room| it.id == **id;
            let room = self.rooms.values().find(is);
            room.is_some_and(|it| self.shown(&it.name).is_some())
        });
        assert!(alive.count() <= 1, "more than one room is ours");
        match self.last.as_ref().unwrap() {
            Outcome::Serving(serving, problem) => {
                let contended = problem.as_ref().map(|it| it.reason);
                assert!(
                    contended.is_none_or(|it| it == Reason::Contended),
                    "{problem:?}"
                );
                let room = shown.expect("a room is served");
                let made = self.record().unwrap().made.unwrap();
                assert_eq!((&serving.id, &made.id), (&room.id, &room.id));
                let pin = room.config.dialin_code.as_ref().unwrap().digits();
                let name = &serving.content.secret_name;
                let secret = self.secrets[name].data.as_ref().unwrap();
                assert_eq!(secret["dialin-code"].0, pin.as_bytes());
                let omits = self.spec["dialin"]["codeInStatus"] == "Omit";
                let shown = (!omits).then_some(pin);
                assert_eq!(self.status.dialin_code.as_deref(), shown);
                // Each PIN that was reported counts, unless what was known of the last one is lost.
                if !self.forgot {
                    assert_eq!(self.status.dialin_code_revision, Some(self.pins));
                }
                // An adopted room keeps what the spec does not set.
                let record = self.record().unwrap();
                let adopted = record.is_adopted();
                let default = match record.private {
                    Some(true) => "Private",
                    _ => "Public",
                };
                let privacy = self.spec["privacy"].as_str();
                if contended.is_none() && (privacy.is_some() || !adopted) {
                    assert_eq!(room.privacy, privacy.unwrap_or(default).to_lowercase());
                }
                let most = self.spec["maxParticipants"].as_i64();
                if contended.is_none() && (most.is_some() || !adopted) {
                    assert_eq!(room.config.max_participants, most);
                }
                self.check_tokens(room);
                if let Some(chat) = self.spec["roomProperties"].get("enable_chat") {
                    assert_eq!(room.config.others.get("enable_chat").as_ref(), Some(chat));
                }
            }
            Outcome::Expired => {
                assert!(self.secrets.is_empty() && self.status.dialin_code.is_none());
            }
            Outcome::Failing(problem) => {
                let said = [
                    Reason::NameTaken,
                    Reason::AdoptionNotAllowed,
                    Reason::Missing,
                    Reason::InvalidSpec,
                ];
                assert!(said.contains(&problem.reason), "{problem:?}");
            }
            Outcome::Done => assert!(self.meta.deleting.is_some()),
            other => panic!("ends as {other:?}"),
        }
        assert!(self.meta.deleting.is_none() || !self.meta.has_finalizer);
    }
}

impl World {
    /// There are the Secrets that the spec asks for, and no token outlives the room.
    fn check_tokens(&self, room: &Room) {
        let spec = unbound().spec(self.spec.clone());
        let tokens = &spec.parsed().tokens;
        let secrets = 1 + usize::from(!tokens.is_empty());
        assert_eq!(self.secrets.len(), secrets, "{:?}", self.secrets.keys());
        for wanted in tokens {
            let name = spec.names.token_secret.as_ref().unwrap();
            let data = self.secrets[name].data.as_ref().unwrap();
            let token = String::from_utf8(data[&wanted.key].0.clone()).unwrap();
            let grant = MeetingToken::new(token).grant(&domain().id).unwrap();
            assert_eq!(
                (&grant.room_name, grant.is_owner),
                (&room.name, wanted.is_owner)
            );
            assert!(
                grant.exp <= room.config.exp.unwrap(),
                "{grant:?} outlives its room"
            );
        }
    }
}

/// The answer to a create is lost with its process, then the status with the record, and reads lag: the
/// record that the next process writes is not the first one.
#[test]
fn a_record_after_a_lost_status_does_not_prove_that_nothing_was_sent() {
    let start = Start {
        lags: true,
        ..PLAIN
    };
    let (done, lost, died) = (Fate::Done, Fate::Lost, Fate::Died);
    let events = [
        Event::Pass(vec![done, lost]),
        Event::Pass(vec![died]),
        Event::LoseStatus,
        Event::Pass(vec![done, done]),
        Event::Delete,
        Event::Pass(Vec::new()),
    ];
    live(start, &events);
}

/// The spec is edited between the create and the write of the record, so that the next reconcile records a room
/// that was created without the properties.
#[test]
fn an_edit_right_after_the_create_is_sent() {
    let start = Start { spec: 12, ..PLAIN };
    let (done, lost) = (Fate::Done, Fate::Lost);
    let events = [
        Event::Pass(vec![done, done, lost]),
        Event::Edit(11),
        Event::Pass(Vec::new()),
    ];
    live(start, &events);
}

/// A process ends between the write of the Secret and that of the status, or the record is lost, and the next update of
/// the room changes its PIN: the Secret shows which one callers know.
#[test]
fn a_pin_that_changes_after_a_crash_counts() {
    let start = |spec, chosen, lags| Start {
        spec,
        chosen,
        lags,
        repins: true,
        ..PLAIN
    };
    let pass = || Event::Pass(Vec::new());
    let died = || Event::Pass(vec![Fate::Died]);
    live(start(11, true, false), &[pass(), Event::Edit(12), died()]);
    let shown_again = [pass(), Event::HandEdit, Event::Edit(13), died()];
    live(start(12, false, false), &shown_again);
    let created = Event::Pass(vec![Fate::Done]);
    let lost = [pass(), Event::LoseRecord, died(), created, Event::HandEdit];
    live(start(0, false, true), &lost);
    let written = Event::Pass(vec![Fate::Done, Fate::Done, Fate::Died]);
    live(start(12, false, false), &[pass(), Event::Edit(11), written]);
}

/// A create before the crash may have been applied, although Daily does not show its room yet.
#[test]
fn an_end_that_is_edited_into_the_past_after_a_crash_is_not_reported_at_once() {
    let start = Start {
        spec: 4,
        lags: true,
        ..PLAIN
    };
    let crashed = Event::Pass(vec![Fate::Done, Fate::Died]);
    let edited = [Event::Edit(3), Event::Pass(Vec::new())];
    let events = [Event::Wait(180), Event::Dates, crashed, Event::Dates];
    live(start, &events.into_iter().chain(edited).collect::<Vec<_>>());
}

/// Lives on with a room that is renewed, and whose end nobody else moves.
fn live_renewed(start: Start, events: &[Event]) {
    let start = Start {
        spec: RENEWED,
        // A deletion that waits moves the end.
        deletion: 3,
        ..start
    };
    live_in(start, events, |world| world.only_later = true);
}

fn live(start: Start, events: &[Event]) {
    live_in(start, events, |_| ());
}

fn live_in(start: Start, events: &[Event], change: impl FnOnce(&mut World)) {
    let first = spec(start, start.spec, start.deletion);
    let mut world = World::new(first, start.skew, start.lingers);
    if start.lags {
        world.replica_lag = Duration::from_secs(2);
    }
    world.repins = start.repins;
    change(&mut world);
    for event in events {
        world.happen(event, start);
    }
    world.settle();
    world.check();
}

/// What happens while a deletion waits for participants.
fn event_of_a_deletion() -> impl Strategy<Value = Event> {
    let wait = prop_oneof![4 => 1u64..40, 1 => 60u64..700, 1 => 1800u64..3700];
    prop_oneof![
        8 => prop::collection::vec(fate(), 0..4).prop_map(Event::Pass),
        6 => wait.prop_map(Event::Wait),
        1 => any::<bool>().prop_map(Event::List),
        1 => Just(Event::Restart),
        2 => Just(Event::Join),
        2 => Just(Event::Leave),
        3 => Just(Event::Reconnect),
        1 => Just(Event::Presence),
        1 => Just(Event::Dates),
        1 => (0u64..40).prop_map(Event::Busy),
        1 => Just(Event::DeleteNamespace),
        1 => (-900i64..900).prop_map(Event::MoveEnd),
        1 => (0..DELETIONS.len()).prop_map(Event::EditDeletion),
    ]
}

/// The seed is fixed; as many new ones as `PROPTEST_CASES` asks for.
fn cases() -> ProptestConfig {
    let asked = env::var("PROPTEST_CASES")
        .ok()
        .and_then(|it| it.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(600),
        rng_seed: match asked {
            Some(_) => RngSeed::Random,
            None => RngSeed::Fixed(1),
        },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_story_ends_well(
        start in start(OTHERS),
        events in prop::collection::vec(event(OTHERS), 0..14),
    ) {
        live(start, &events);
    }

    #[test]
    fn every_story_of_properties_and_codes_ends_well(
        start in start(PROPERTIES_AND_CODE),
        events in prop::collection::vec(event(PROPERTIES_AND_CODE), 0..14),
    ) {
        live(start, &events);
    }

    #[test]
    fn a_renewed_room_ends_no_sooner_and_is_one(
        start in start(OTHERS),
        events in prop::collection::vec(event_without_ends(), 0..20),
    ) {
        live_renewed(start, &events);
    }

    #[test]
    fn nobody_is_put_out_early(
        start in start(OTHERS),
        inside in 0u64..60,
        slot in prop_oneof![Just(0u64), 0u64..40],
        events in prop::collection::vec(event_of_a_deletion(), 0..20),
    ) {
        let served = [Event::Pass(Vec::new()), Event::Pass(Vec::new()), Event::Pass(Vec::new())];
        let met = [Event::Busy(slot), Event::Join, Event::Wait(inside), Event::Delete];
        let all: Vec<Event> = served.into_iter().chain(met).chain(events).collect();
        live(start, &all);
    }

    /// No operator runs until the room has ended with somebody in it. It is renewed, so that a new one follows.
    #[test]
    fn nobody_is_put_out_of_an_ended_room_early(
        start in start(RENEWED..RENEWED + 1),
        events in prop::collection::vec(event_of_a_deletion(), 0..20),
    ) {
        let served = [Event::Pass(Vec::new()), Event::Pass(Vec::new()), Event::Pass(Vec::new())];
        let ended = [Event::Join, Event::Wait(25 * 60), Event::Restart];
        let all: Vec<Event> = served.into_iter().chain(ended).chain(events).collect();
        live(start, &all);
    }
}
