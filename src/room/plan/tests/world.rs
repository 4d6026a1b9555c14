//! A small world without I/O in which plans are carried out, well or not: Daily's rooms, one
//! object, its Secret, the clocks, and what the process remembers.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::*;
use crate::daily::evidence::{Evidence, replica_lag};
use crate::daily::listing::Joining;
use crate::daily::types::{Answer, ListedRoom, RoomsPage};
use crate::reconcile::MAX_ROUNDS;
use crate::reconcile::lifecycle::Drive;
use crate::reconcile::memory::Namespace;

/// So long an ended room takes its name where it does.
const COLLECTED: i64 = 300;
/// So late presence shows who has joined, and who has left: the worst for somebody who reconnects.
const JOIN_LAG: Duration = Duration::from_secs(25);
const LEAVE_LAG: Duration = Duration::from_secs(10);

/// How a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is done, and its answer comes.
    Done,
    /// It is done, and its answer is lost.
    Lost,
    /// It is not done, and nobody knows.
    Dropped,
    /// A call of Daily's is done later, and nobody knows.
    Late,
    /// It is done, and the process dies.
    Died,
}

pub(super) struct World {
    pub(super) meta: Meta,
    pub(super) spec: Value,
    pub(super) status: DailyRoomStatus,
    pub(super) memory: Memory,
    pub(super) evidence: Evidence,
    pub(super) rooms: BTreeMap<String, Room>,
    /// The ids of the rooms that we made or recorded.
    pub(super) ours: BTreeSet<String>,
    /// The ids of those that we adopted.
    pub(super) adopted: BTreeSet<String>,
    /// The Secrets, by their names.
    pub(super) secrets: BTreeMap<String, Secret>,
    /// Whether Daily issues no tokens.
    pub(super) tokens_fail: bool,
    pub(super) numbers_fail: bool,
    /// How many PINs in a row were reported, and the last one.
    pub(super) pins: i64,
    last_pin: Option<Pin>,
    /// Whether status or Secret were lost or edited.
    pub(super) forgot: bool,
    /// How far Daily's clock is ahead.
    pub(super) skew: i64,
    /// Whether an ended room takes its name until it is collected.
    pub(super) lingers: bool,
    /// How far reads lag behind writes.
    pub(super) replica_lag: Duration,
    /// Whether a change of a room changes its PIN.
    pub(super) repins: bool,
    /// Whether no end may move nearer, and no room be created beside one that has not ended.
    pub(super) only_later: bool,
    pub(super) people: Vec<Person>,
    /// Whether answers lack the header `Date`.
    pub(super) dateless: bool,
    /// Whether Daily does not answer who is where.
    pub(super) presence_fails: bool,
    /// How long a DELETE waits for its slot.
    pub(super) slot_wait: Duration,
    /// When the deletion of the namespace was requested.
    pub(super) namespace_deleted: Option<i64>,
    /// What the rooms were before each change, with its time.
    past: Vec<(Duration, BTreeMap<String, Room>)>,
    pub(super) released: Option<Release>,
    /// Whether a claim was withdrawn although the room was ours: it cannot always be known.
    pub(super) disowned: bool,
    pub(super) late: Vec<(Duration, Step)>,
    pub(super) last: Option<Outcome>,
    trusted_from: Moment,
    pub(super) clock: Duration,
    made: u32,
}

/// Somebody in a room.
pub(super) struct Person {
    /// The name of the room.
    room: String,
    joined: Duration,
    left: Option<Duration>,
    /// When they joined first, if they have reconnected since.
    first: Duration,
}

/// The result of a reconcile.
pub(super) struct Passed {
    pub(super) acts: Vec<AnyStep>,
    pub(super) requeue: Requeue,
}

impl World {
    pub(super) fn new(spec: Value, skew: i64, lingers: bool) -> Self {
        Self {
            meta: unbound().meta,
            spec,
            status: DailyRoomStatus::default(),
            memory: Memory::default(),
            evidence: Evidence::new(replica_lag(QUIET)),
            rooms: BTreeMap::new(),
            ours: BTreeSet::new(),
            adopted: BTreeSet::new(),
            secrets: BTreeMap::new(),
            tokens_fail: false,
            numbers_fail: false,
            pins: 0,
            last_pin: None,
            forgot: false,
            skew,
            lingers,
            replica_lag: Duration::ZERO,
            repins: false,
            only_later: false,
            people: Vec::new(),
            dateless: false,
            presence_fails: false,
            slot_wait: Duration::ZERO,
            namespace_deleted: None,
            past: Vec::new(),
            released: None,
            disowned: false,
            late: Vec::new(),
            last: None,
            trusted_from: Moment::default(),
            clock: moment().0,
            made: 0,
        }
    }

    /// Somebody joins the room, if there is one.
    pub(super) fn join(&mut self) {
        let room = self.name();
        let (joined, first) = (self.clock, self.clock);
        if self.shown(&room).is_some() {
            self.people.push(Person {
                room,
                joined,
                left: None,
                first,
            });
        }
    }

    /// Everybody leaves.
    pub(super) fn leave(&mut self) {
        for person in &mut self.people {
            person.left = person.left.or(Some(self.clock));
        }
    }

    /// Everybody in the room loses the connection, and is back a moment later. The deletion knows of them
    /// only if it has waited for them before.
    pub(super) fn reconnect(&mut self) {
        let waits = self.record().and_then(|it| it.made?.drain).is_some();
        let joined = self.clock + Duration::from_secs(3);
        let there = self.people.iter().filter(|it| it.left.is_none());
        let back = there.map(|it| Person {
            room: it.room.clone(),
            joined,
            left: None,
            first: if waits { it.first } else { joined },
        });
        let back: Vec<Person> = back.collect();
        self.leave();
        self.people.extend(back);
    }

    /// What the deletion knows of participants is lost.
    pub(super) fn forget_reconnects(&mut self) {
        for person in &mut self.people {
            person.first = person.joined;
        }
    }

    fn occupancy(&self, room: &str) -> Occupancy {
        let is_shown = |it: &&Person| {
            let is_gone = |left: Duration| left + LEAVE_LAG <= self.clock;
            it.room == room && it.joined + JOIN_LAG <= self.clock && !it.left.is_some_and(is_gone)
        };
        Occupancy {
            at: self.moment(),
            participants: self.people.iter().filter(is_shown).count(),
            meeting: false,
        }
    }

    /// A DELETE is about to be sent: it puts out nobody whom presence could show, unless it may.
    pub(super) fn check_put_out(&self, room: &str) {
        let deletion = DeletionSpec::read(&self.spec);
        let requested = self.meta.deleting.unwrap();
        let of_namespace = self
            .namespace_deleted
            .map(|at| (at - requested).max(0) + 600);
        let longest = deletion.max_drain.min(of_namespace.unwrap_or(i64::MAX));
        let waited = self.wall() - requested;
        let is_known = |it: &&Person| {
            let inside = it.left.is_none() && it.joined <= self.clock;
            it.room == room && inside && it.first + JOIN_LAG <= self.clock
        };
        let known = self.people.iter().filter(is_known).count();
        let may = deletion.at_once || waited >= longest || known == 0;
        assert!(may, "{known} are put out after {waited} s");
    }

    /// A create is about to be sent: in the ended room of its name is nobody whom presence shows, unless it may
    /// put them out.
    pub(super) fn check_replaced(&self, view: &View, room: &str) {
        let claim = view.record().and_then(|it| it.claim.as_ref()).unwrap();
        let waited = self.wall() - claim.at;
        let unknown = self.presence_fails && !claim.after_end;
        let may = unknown || view.forced || waited >= view.deletion.max_drain;
        let here = self.occupancy(room).participants;
        let is_free = self.shown(room).is_none();
        assert!(
            may || here == 0 || !is_free,
            "{here} are put out after {waited} s"
        );
    }

    /// The room is deleted with everybody in it.
    pub(super) fn put_out(&mut self, room: &str) {
        for person in self.people.iter_mut().filter(|it| it.room == room) {
            person.left = person.left.or(Some(self.clock));
        }
    }

    /// The slot of a DELETE was waited for, and presence is read again.
    pub(super) fn is_empty(&self, room: &str) -> bool {
        !self.presence_fails && self.occupancy(room).is_empty()
    }

    pub(super) fn wall(&self) -> i64 {
        let since = self.clock - moment().0;
        NOW + i64::try_from(since.as_secs()).unwrap()
    }

    pub(super) fn date(&self) -> i64 {
        self.wall() + self.skew
    }

    /// The header `Date` of an answer.
    pub(super) fn date_header(&self) -> Option<i64> {
        (!self.dateless).then(|| self.date())
    }

    fn moment(&self) -> Moment {
        Moment(self.clock)
    }

    /// Each call takes its time, so that no two moments are the same.
    pub(super) fn tick(&mut self) -> Moment {
        self.clock += Duration::from_millis(1);
        self.moment()
    }

    pub(super) fn wait(&mut self, time: Duration) {
        let until = self.clock + time;
        let due: Vec<_> = self.late.extract_if(.., |it| it.0 <= until).collect();
        for (at, step) in due {
            self.clock = self.clock.max(at);
            let _ = self.at_daily(&step);
        }
        self.clock = until;
    }

    pub(super) fn restart(&mut self) {
        self.memory = Memory::default();
        self.evidence = Evidence::new(replica_lag(QUIET));
        self.trusted_from = self.moment().after(QUIET);
    }

    pub(super) fn record(&self) -> Option<Record> {
        self.view().record().cloned()
    }

    pub(super) fn name(&self) -> String {
        self.view().room_name()
    }

    pub(super) fn is_chosen(&self) -> bool {
        self.view().is_chosen()
    }

    /// The room of this name, as Daily shows it.
    pub(super) fn shown(&self, name: &str) -> Option<&Room> {
        let room = self.rooms.get(name)?;
        (room.config.exp.is_none_or(|exp| exp > self.date())).then_some(room)
    }

    /// The room of this name, as a read shows it.
    pub(super) fn read(&self, name: &str) -> Option<&Room> {
        let then = self.clock.saturating_sub(self.replica_lag);
        let rooms = self.past.iter().find(|(at, _)| *at > then);
        let room = rooms.map_or(&self.rooms, |(_, before)| before).get(name)?;
        (room.config.exp.is_none_or(|exp| exp > self.date())).then_some(room)
    }

    /// The rooms are about to change.
    pub(super) fn changes(&mut self) {
        self.past.push((self.clock, self.rooms.clone()));
        let then = self.clock.saturating_sub(self.replica_lag);
        self.past.retain(|(at, _)| *at > then);
    }

    /// A room has another PIN from now on.
    pub(super) fn repin(&mut self, name: &str) {
        self.made += 1;
        let pin = Pin::new(&format!("{:011}", self.made));
        self.rooms.get_mut(name).unwrap().config.dialin_code = pin;
    }

    fn taken(&mut self, name: &str) -> bool {
        let Some(room) = self.rooms.get(name) else {
            return false;
        };
        let over = room.config.exp.map_or(0, |exp| self.date() - exp);
        let kept = if self.lingers { COLLECTED } else { 0 };
        if over > 0 && over >= kept || over == 0 && kept == 0 && self.shown(name).is_none() {
            self.changes();
            self.rooms.remove(name);
            return false;
        }
        true
    }

    /// Makes a room at Daily, whoever asks for it.
    pub(super) fn put(&mut self, name: &str, privacy: &str, properties: &Value) -> Option<Room> {
        if self.taken(name) {
            return None;
        }
        self.made += 1;
        let mut config = properties.clone();
        config.as_object_mut().unwrap().remove("lang");
        if config.get("dialin").is_some() {
            config["dialin_code"] = json!(format!("{:011}", self.made));
        }
        let mut room: Room = serde_json::from_value(json!({
            "id": format!("room-{}", self.made), "name": name, "privacy": privacy,
            "url": format!("https://demo.daily.co/{name}"),
            "created_at": "2026-12-01T08:00:00Z", "config": config,
        }))
        .unwrap();
        room.created_at = self.date();
        self.put_out(name);
        self.changes();
        self.rooms.insert(name.to_owned(), room.clone());
        Some(room)
    }

    pub(super) fn list(&mut self, complete: bool) {
        let begun = self.tick();
        let past = self.past.iter().flat_map(|(_, rooms)| rooms.keys());
        let names: BTreeSet<String> = self.rooms.keys().chain(past).cloned().collect();
        let shown = names.iter().filter_map(|it| self.read(it).cloned());
        let data: Vec<ListedRoom> = shown.map(ListedRoom::from).collect();
        let page = Answer {
            value: RoomsPage {
                total_count: u64::try_from(data.len()).unwrap(),
                data,
            },
            date: self.date_header(),
        };
        let expected = [self.name()];
        let mut wanted = self.evidence.names();
        wanted.extend(expected.clone());
        let joining = Joining::begin(begun, wanted, "c", HashSet::new());
        let listing = joining.add(page, self.tick()).break_value();
        let listing = listing.expect("it is one page");
        let _ = self.evidence.apply_listing(listing, complete, &expected);
    }

    fn view(&self) -> View {
        let view = unbound().spec(self.spec.clone()).with(|it| {
            it.meta = self.meta.clone();
            it.status = self.status.clone();
            it.recorded = Recorded::read(self.status.record.as_deref());
            it.memory = self.memory.clone();
            it.trusted_from = self.trusted_from;
            it.facts.numbers = None;
            it.access = None;
            if it.meta.deleting.is_some() {
                it.memory.deleting_since.get_or_insert(self.moment());
            }
        });
        view.with(|it| {
            it.remember_shown_pin();
            let mut remembered = self.memory.kind.secrets.clone();
            remembered.retain(|kind, known| {
                let name = it.names.of(*kind).unwrap_or_default();
                *known == self.found(name)
            });
            it.facts.secrets = remembered;
            let wanted = SecretKind::ALL.map(|kind| it.names.of(kind));
            let others = self.secrets.keys();
            let others = others.filter(|name| !wanted.contains(&Some(name.as_str())));
            it.facts.other_secrets = Some(others.cloned().collect());
        })
    }

    fn refresh(&mut self, view: &mut View) {
        view.now = Now {
            moment: self.moment(),
            wall: self.wall(),
        };
        view.meta = self.meta.clone();
        view.status = self.status.clone();
        if view.access.is_some() {
            let name = view.room_name();
            view.evidence = self.evidence.room(&name, &view.meta.uid);
        }
    }

    /// One reconcile; `fates` are those of its steps, and those after them are done.
    pub(super) fn pass(&mut self, fates: &[Fate]) -> Passed {
        let mut fates = fates.iter().copied();
        let mut view = self.view();
        self.refresh(&mut view);
        view.grant_request();
        let mut acts = Vec::new();
        for _ in 0..MAX_ROUNDS {
            match plan(&view) {
                Plan::Read(read) => self.read_for(&mut view, read),
                Plan::Rest(outcome, requeue) => {
                    if outcome != Outcome::Done {
                        self.report(&mut view, &outcome);
                    }
                    self.last = Some(outcome);
                    self.memory = view.memory;
                    return Passed { acts, requeue };
                }
                Plan::Act(step) => {
                    acts.push(step.clone());
                    let fate = fates.next().unwrap_or(Fate::Done);
                    self.act(&mut view, step, fate);
                    if fate == Fate::Done {
                        self.refresh(&mut view);
                        continue;
                    }
                    if fate == Fate::Died {
                        self.restart();
                    } else {
                        self.memory = view.memory;
                    }
                    let requeue = Requeue::After(Duration::from_secs(1));
                    return Passed { acts, requeue };
                }
            }
            self.refresh(&mut view);
        }
        panic!("comes to no rest: {acts:?}");
    }

    /// Writes the status, as a reconcile does.
    pub(super) fn report(&mut self, view: &mut View, outcome: &Outcome) {
        self.status = status(view, outcome);
        <Kind as Drive>::on_reported(view, outcome);
        if let Outcome::Serving(serving, _) = outcome
            && self.last_pin.as_ref() != Some(&serving.content.pin)
        {
            self.last_pin = Some(serving.content.pin.clone());
            self.pins += 1;
        }
    }

    fn read_for(&mut self, view: &mut View, read: generic::Read<Kind>) {
        let read = match read {
            generic::Read::Access => {
                view.access = Some(Ok(domain()));
                return;
            }
            generic::Read::Rival => {
                view.rival = Some(None);
                return;
            }
            generic::Read::Namespace => {
                let (at, deleted) = (self.moment(), self.namespace_deleted);
                view.memory.namespace = Some(Namespace { at, deleted });
                return;
            }
            generic::Read::Of(read) => read,
        };
        match read {
            Read::Room => self.read_room(view),
            Read::PreviousNames => unreachable!("the cluster had no earlier id"),
            Read::Listing => {
                self.list(true);
                view.facts.awaited_listing = true;
            }
            Read::NextListing => {
                self.list(true);
                view.facts.awaited_next_listing = true;
            }
            Read::Numbers if self.numbers_fail => {
                let (reason, resolved_by) = (Reason::NumberNotReady, ResolvedBy::Waiting);
                let problem = NumberProblem::new(reason, resolved_by, "not yet".into(), RECHECK);
                view.facts.numbers = Some(Err(problem));
            }
            Read::Numbers => view.facts.numbers = Some(Ok(vec![number(NUMBER)])),
            Read::Secret(kind) => self.read_secret(view, kind),
            Read::FormerSecrets => {
                let others = view.facts.other_secrets.iter().flatten();
                let former = others.filter_map(|name| {
                    let found = self.found(name);
                    found.kind().zip(found.guard(&self.meta, name))
                });
                view.facts.former_secrets = Some(former.collect());
            }
            Read::Presence => self.read_presence(view),
        }
    }

    fn found(&self, name: &str) -> Found {
        secret::found(&self.meta, self.secrets.get(name))
    }

    pub(super) fn read_secret(&mut self, view: &mut View, kind: SecretKind) {
        let found = self.found(view.names.of(kind).unwrap());
        view.remember_secret(kind, found);
    }

    fn read_presence(&mut self, view: &mut View) {
        if self.presence_fails {
            view.is_there(Err("no answer".to_owned()));
            return;
        }
        view.is_there(Ok(self.occupancy(&view.room_name())));
    }

    fn read_room(&mut self, view: &mut View) {
        let name = view.room_name();
        let at = self.tick();
        self.get(&name, at);
        view.facts.read_by_name = true;
    }

    pub(super) fn get(&mut self, name: &str, at: Moment) {
        let value = self.read(name).cloned();
        let date = self.date_header();
        self.evidence.read(name, Answer { value, date }, at);
    }

    /// The answer to a write shows what is so.
    pub(super) fn answer(&mut self, name: &str, at: Moment) {
        let value = self.shown(name).cloned();
        let date = self.date_header();
        self.evidence.written(name, Answer { value, date }, at);
    }
}
