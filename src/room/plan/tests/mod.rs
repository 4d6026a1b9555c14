//! The decisions as tables: a view in, a whole plan out. Here are the views that they begin with.

mod absent;
mod adopt;
mod answers;
mod contention;
mod create;
mod delete;
mod drain;
mod effects;
mod keep;
mod occupied;
mod omit;
mod previous;
mod properties;
mod renew;
mod suspend;
mod tokens;

mod property;
mod world;

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Map, Value, json};

use super::confirm_answer::RECHECK;
use super::differ::keeps_numbers;
use super::problems::USER_RETRY;
use super::steps::{Read, SecretEvent, SecretWrite, Serving, Step, TokenRequest, Update};
use crate::clock::Moment;
use crate::crd::condition::Reason;
use crate::crd::{Account, DailyRoomSpec, DailyRoomStatus, NumberSource, PublishedNumber};
use crate::daily::account::presence::Occupancy;
use crate::daily::evidence::{Absence, CreateAttempts, Losses, Observed, RoomEvidence, Source};
use crate::daily::meeting_token::{Grant, MeetingToken};
use crate::daily::types::{CreateRoom, Domain, Pin, Room, RoomChange};
use crate::k8s::Guard;
use crate::keys::KeyProblem;
use crate::naming;
use crate::reconcile::backoff::Rejection;
use crate::reconcile::deletion_spec::{DeletionSpec, InvalidSpec};
use crate::reconcile::meta::Identity;
use crate::reconcile::meta::Meta;
use crate::reconcile::plan;
use crate::reconcile::problem::{Problem, Requeue, ResolvedBy};
use crate::reconcile::record::{Claim, End, Made, Record, Recorded};
use crate::reconcile::report::status;
use crate::reconcile::steps::{self as generic, Change, Release, Written};
use crate::reconcile::view::Now;
use crate::reconcile::view::Rival;
use crate::room::Room as Kind;
use crate::room::published_numbers::NumberProblem;
use crate::room::secret::{self, Found, SecretContent, SecretKind};
use crate::room::spec::{Names, Spec};
use crate::room::view::{Facts, TokenFailure, View};

type Memory = crate::reconcile::memory::Memory<crate::room::view::Memory>;
type Plan = generic::Plan<Kind>;
type Outcome = generic::Outcome<Kind>;
type AnyStep = generic::Step<Kind>;

impl From<Step> for AnyStep {
    fn from(step: Step) -> Self {
        Self::Of(step)
    }
}

fn write(record: Record, change: Change) -> AnyStep {
    AnyStep::Record(Box::new(record), change, Written::Now)
}

fn with_status(record: Record, change: Change) -> AnyStep {
    AnyStep::Record(Box::new(record), change, Written::WithStatus)
}

fn bind(record: Record) -> AnyStep {
    write(record, Change::Claimed)
}

const CREATED: i64 = 1_800_000_000;
const TTL: i64 = 8 * 3600;
pub(in crate::room) const END: i64 = CREATED + TTL;
pub(in crate::room) const NOW: i64 = CREATED + 600;
const QUIET: Duration = Duration::from_secs(60);
pub(in crate::room) const PIN: &str = "01234567890";
pub(in crate::room) const OTHER_PIN: &str = "09876543210";
pub(in crate::room) const ID: &str = "room-1";
pub(in crate::room) const NUMBER: &str = "+12025550123";

/// The monotonic clock of the views.
fn moment() -> Moment {
    at(100_000)
}

fn at(seconds: u64) -> Moment {
    Moment(Duration::from_secs(seconds))
}

/// So many seconds before now.
fn ago(seconds: u64) -> Moment {
    Moment(moment().0.saturating_sub(Duration::from_secs(seconds)))
}

fn domain() -> Domain {
    Domain {
        name: "demo".into(),
        id: "domain-1".into(),
    }
}

fn number(number: &str) -> PublishedNumber {
    PublishedNumber {
        phone_number: number.into(),
        source: NumberSource::Global,
        country: Some("US".into()),
    }
}

/// An object of which nothing is known but that its key is good and its numbers are there.
pub(in crate::room) fn unbound() -> View {
    let view = View {
        meta: Meta {
            namespace: "team".into(),
            name: "standup".into(),
            uid: "uid-1".into(),
            resource_version: "1".into(),
            generation: 1,
            created: CREATED,
            deleting: None,
            has_finalizer: true,
            requested: None,
        },
        deletion: DeletionSpec::default(),
        suspended: false,
        names: Names::default(),
        spec: Err(InvalidSpec(String::new())),
        status: DailyRoomStatus::default(),
        recorded: Recorded::Nothing,
        own: Identity {
            cluster_id: "cluster".into(),
            previous_cluster_ids: Vec::new(),
            installation_id: "cluster/ns/lease".into(),
            takes_over: Vec::new(),
        },
        now: Now {
            moment: moment(),
            wall: NOW,
        },
        quiet_period: QUIET,
        drift_interval: Duration::from_secs(300),
        trusted_from: Moment::default(),
        access: Some(Ok(domain())),
        uses_default_key: false,
        key_may_adopt: true,
        evidence: RoomEvidence {
            losses: Losses::Few,
            ..RoomEvidence::default()
        },
        rival: None,
        forced: false,
        retried: Vec::new(),
        facts: Facts {
            numbers: Some(Ok(vec![number(NUMBER)])),
            other_secrets: Some(Vec::new()),
            ..Facts::default()
        },
        memory: Memory::default(),
    };
    view.spec(json!({"ttl": "8h"}))
}

/// One whose name is claimed, and whose room is to be created.
pub(in crate::room) fn claimed() -> View {
    let view = unbound();
    let claim = Claim {
        end: Some(by_ttl(END)),
        ..Claim::at(NOW)
    };
    let record = record_of(&view, Some(claim), None);
    view.bound(record).progressing().inside(0)
}

/// One whose room is recorded.
pub(in crate::room) fn recorded() -> View {
    let view = claimed();
    let sent = view.parsed().dialin(&[NUMBER.to_owned()]);
    let made = Made {
        sent: Some(naming::fingerprint(&json!(sent))),
        end: Some(by_ttl(END)),
        ..Made::of(ID)
    };
    let record = record_of(&view, None, Some(made));
    view.bound(record).with(|it| it.facts.presence = None)
}

/// One whose callers are served, as a listing shows.
pub(in crate::room) fn serving() -> View {
    let view = recorded().sees(Source::List, |_| {});
    view.published()
}

fn by_ttl(at: i64) -> End {
    End::new(at, format!("ttl={TTL}"))
}

fn record_of(view: &View, claim: Option<Claim>, made: Option<Made>) -> Record {
    Record {
        claim,
        made,
        ..view.new_record(&view.own_room_name(), &domain())
    }
}

/// What creates the room with this end.
fn request(view: &View, end: i64) -> CreateRoom {
    let numbers = [NUMBER.to_owned()];
    let owned = Record {
        name: "standup".to_owned(),
        ..Record::default()
    };
    super::create::request(view.parsed(), &owned, &by_ttl(end), &numbers, NOW)
}

/// The room as it should be.
fn room(view: &View) -> Room {
    let parsed = view.parsed();
    let name = view.room_name();
    let mut room: Room = serde_json::from_value(json!({
        "id": ID, "name": name, "privacy": parsed.privacy.unwrap_or("public"),
        "url": format!("https://demo.daily.co/{name}"), "created_at": "2026-12-01T08:00:00Z",
        "config": {"exp": END, "eject_at_room_exp": parsed.ejects(), "dialin_code": PIN,
                   "nbf": parsed.nbf(NOW), "max_participants": parsed.max_participants,
                   "dialin": parsed.dialin(&[NUMBER.to_owned()])},
    }))
    .unwrap();
    room.created_at = NOW;
    room.config.others = parsed.properties.clone().into();
    room
}

pub(in crate::room) fn content(view: &View) -> SecretContent {
    SecretContent {
        secret_name: "standup-dialin".into(),
        room_name: view.room_name(),
        url: room(view).url,
        pin: Pin::new(PIN).unwrap(),
        revision: 1,
        numbers: vec![number(NUMBER)],
        end: END,
        added: view.parsed().secret.clone(),
    }
}

/// The write of the Secret with this content.
fn secret_write(view: &View, content: &SecretContent, repairs: bool) -> Box<SecretWrite> {
    let body = secret::wanted(&view.meta, content);
    Box::new(SecretWrite {
        kind: SecretKind::Dialin,
        identity: secret::fingerprint(&body),
        body,
        event: repairs.then_some(SecretEvent::Repaired),
    })
}

fn secret_of(view: &View, content: &SecretContent) -> Found {
    stored(view, secret::wanted(&view.meta, content))
}

/// The Secret as the API server has it.
fn stored(view: &View, mut secret: Secret) -> Found {
    secret.metadata.uid = Some("secret-uid".into());
    secret.metadata.resource_version = Some("9".into());
    secret::found(&view.meta, Some(&secret))
}

/// A token of Daily's that grants this.
fn token(grant: &Grant) -> MeetingToken {
    let claims = json!({
        "d": domain().id, "r": grant.room_name, "exp": grant.exp, "o": grant.is_owner,
        "u": grant.user_name, "ejt": grant.eject_at_token_exp,
    });
    let claims = BASE64URL_NOPAD.encode(claims.to_string().as_bytes());
    MeetingToken::new(format!("e30.{claims}.signature"))
}

fn secret_guard() -> Guard {
    Guard {
        namespace: "team".into(),
        name: "standup-dialin".into(),
        uid: "secret-uid".into(),
        resource_version: "9".into(),
    }
}

pub(in crate::room) fn served(content: SecretContent, problem: Option<Problem>) -> Outcome {
    let serving = Serving {
        domain: domain(),
        id: ID.into(),
        created: NOW,
        why_global: None,
        content,
    };
    Outcome::Serving(Box::new(serving), problem)
}

impl View {
    pub(in crate::room) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn has_secret(&mut self, found: Option<Found>) {
        let secrets = &mut self.facts.secrets;
        secrets.remove(&SecretKind::Dialin);
        secrets.extend(found.map(|it| (SecretKind::Dialin, it)));
    }

    fn parsed(&self) -> &Spec {
        self.spec.as_ref().unwrap()
    }

    fn spec(self, value: Value) -> Self {
        let spec: DailyRoomSpec = serde_json::from_value(value.clone()).unwrap();
        self.with(|view| {
            view.names = Names::read("standup", &value);
            view.deletion = DeletionSpec::read(&value);
            view.suspended = value["suspend"] == true;
            view.spec = Spec::parse(&spec);
        })
    }

    /// The same view, of a room whose name is chosen. What its create asks for is noted.
    fn chosen(self) -> Self {
        let view = self.with(|view| {
            view.names.chosen = Some("standup".into());
            if let Ok(parsed) = &mut view.spec {
                parsed.chosen_name = Some("standup".into());
            }
        });
        let sent = super::claim::comparable(&request(&view, END));
        view.with_record(|record| {
            record.name = "standup".into();
            if let Some(claim) = &mut record.claim {
                claim.sent = vec![sent];
            }
        })
    }

    /// Another spec since the last reconcile.
    pub(in crate::room) fn edited(self, spec: Value) -> Self {
        self.spec(spec).with(|view| view.meta.generation = 2)
    }

    fn bound(self, owned: Record) -> Self {
        self.with(|view| {
            view.recorded = owned.into();
            view.status.record = view.record_text();
        })
    }

    pub(in crate::room) fn with_record(self, change: impl FnOnce(&mut Record)) -> Self {
        self.with(|view| {
            if let Recorded::Record(owned) = &mut view.recorded {
                change(owned);
            }
            view.status.record = view.record_text();
        })
    }

    fn claim(self, change: impl FnOnce(&mut Claim)) -> Self {
        self.with_record(|owned| change(owned.claim.as_mut().unwrap()))
    }

    pub(in crate::room) fn made(self, change: impl FnOnce(&mut Made)) -> Self {
        self.with_record(|owned| change(owned.made.as_mut().unwrap()))
    }

    fn owned(&self) -> Record {
        self.record().unwrap().clone()
    }

    fn progressing(self) -> Self {
        let status = status(&self, &Outcome::Progressing);
        self.with(|view| view.status = status)
    }

    /// Status and Secret say what they should.
    pub(in crate::room) fn published(self) -> Self {
        let content = content(&self);
        let secret = secret_of(&self, &content);
        let outcome = served(content, None);
        let status = status(&self, &outcome);
        self.with(|view| {
            view.status = status;
            view.has_secret(Some(secret));
        })
    }

    /// Expired is reported, and the Secret is deleted.
    pub(in crate::room) fn expired(self) -> Self {
        let status = status(&self, &Outcome::Expired);
        self.with(|view| {
            view.status = status;
            view.has_secret(Some(Found::Absent));
        })
    }

    fn sees(self, source: Source, change: impl FnOnce(&mut Room)) -> Self {
        let mut room = room(&self);
        change(&mut room);
        let observed = Observed {
            room,
            at: moment(),
            date: Some(self.now.wall),
            source,
        };
        self.evidence(|evidence| {
            evidence.absence = None;
            evidence.observed = Some(observed);
        })
        .with(|it| it.facts.created = source == Source::Create)
    }

    /// There is no room: Daily has said so since `first`, and by name at `by_name`.
    fn absent(self, first: Moment, by_name: Option<Moment>) -> Self {
        let date = Some(self.now.wall);
        self.evidence(|evidence| {
            evidence.observed = None;
            evidence.absence = Some(Absence {
                first,
                last: by_name.unwrap_or(first),
                by_name,
                date,
            });
        })
    }

    /// The name was asked for in this reconcile, and there is no room.
    fn free(self) -> Self {
        self.absent(moment(), Some(moment())).read_by_name()
    }

    fn evidence(self, change: impl FnOnce(&mut RoomEvidence)) -> Self {
        self.with(|view| change(&mut view.evidence))
    }

    fn create_attempts(self, create_attempts: CreateAttempts) -> Self {
        self.evidence(|evidence| evidence.create_attempts = create_attempts)
    }

    fn read_by_name(self) -> Self {
        self.with(|view| view.facts.read_by_name = true)
    }

    pub(in crate::room) fn forced(self) -> Self {
        self.with(|view| view.forced = true)
    }

    pub(in crate::room) fn wall(self, wall: i64) -> Self {
        self.with(|view| view.now.wall = wall)
    }

    /// Daily's clock in the last answer about the room.
    fn date(self, date: i64) -> Self {
        self.evidence(|evidence| {
            if let Some(observed) = &mut evidence.observed {
                observed.date = Some(date);
            }
            if let Some(absence) = &mut evidence.absence {
                absence.date = Some(date);
            }
        })
    }

    fn deleting(self) -> Self {
        self.with(|view| view.meta.deleting = Some(NOW))
    }

    /// So many are in the room, as Daily has just answered.
    fn inside(self, participants: usize) -> Self {
        let at = self.now.moment;
        let here = Occupancy {
            at,
            participants,
            meeting: false,
        };
        self.with(|view| view.facts.presence = Some(Ok(here)))
    }
}

/// Another DailyRoom that holds the name.
fn rival(namespace: &str) -> Option<Option<Rival>> {
    Some(Some(Rival {
        is_first: true,
        namespace: namespace.to_owned(),
        name: "first".to_owned(),
        made: None,
    }))
}

#[track_caller]
fn check(view: &View, expected: Plan) {
    assert_eq!(plan(view), expected);
}

#[track_caller]
fn reads(view: &View, read: Read) {
    check(view, generic::read(read));
}

#[track_caller]
fn reads_rival(view: &View) {
    check(view, Plan::Read(generic::Read::Rival));
}

#[track_caller]
fn reads_access(view: &View) {
    check(view, Plan::Read(generic::Read::Access));
}

#[track_caller]
fn acts(view: &View, step: impl Into<AnyStep>) {
    check(view, Plan::Act(step.into()));
}

#[track_caller]
fn unchanged(view: &View, again: Duration) {
    check(view, Plan::Rest(Outcome::Unchanged, Requeue::After(again)));
}

/// The whole plan but its sentence, of which a part is given.
#[track_caller]
fn fails(view: &View, reason: Reason, resolved_by: ResolvedBy, again: Requeue, says: &str) {
    let planned = plan(view);
    let message = match &planned {
        Plan::Rest(Outcome::Failing(problem), _) => problem.message.clone(),
        other => panic!("does not fail: {other:?}"),
    };
    assert!(message.contains(says), "{message}");
    assert_eq!(
        planned,
        super::problems::fails(reason, message, resolved_by, again)
    );
}
