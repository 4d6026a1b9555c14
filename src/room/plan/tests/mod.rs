//! The decisions as tables: a view in, a whole plan out. Here are the views that they begin with.

mod absent;
mod answers;
mod delete;
mod effects;
mod keep;
mod make;
mod property;
mod world;

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::binding::{Claim, End, Made};
use crate::clock::Moment;
use crate::crd::{Account, DailyRoomSpec, DailyRoomStatus, NumberSource};
use crate::daily::ledger::{Absence, Posts, Seen, Sight, Word};
use crate::daily::types::{Pin, Room};
use crate::keys::KeyProblem;
use crate::naming;
use crate::room::desired::Wishes;
use crate::room::report;
use crate::room::secret::{self, Found};
use crate::room::view::{Memory, Now, Own};
use crate::subject::Subject;

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
        subject: Subject {
            namespace: "team".into(),
            name: "standup".into(),
            uid: "uid-1".into(),
            resource_version: "1".into(),
            generation: 1,
            created: CREATED,
            deleting: None,
            finalizers: vec!["other/finalizer".into()],
            recorded: Recorded::None,
            requested: None,
        },
        wishes: Wishes::default(),
        desired: Err(crate::room::desired::Unfit(String::new())),
        status: DailyRoomStatus::default(),
        own: Own {
            cluster_id: "cluster".into(),
            installation_id: "ns/lease".into(),
        },
        now: Now {
            moment: moment(),
            wall: NOW,
        },
        quiet: QUIET,
        drift: Duration::from_secs(300),
        trusted_from: Moment::default(),
        access: Some(Ok(domain())),
        forced: false,
        sight: None,
        pin_changes: Default::default(),
        looked: false,
        listed: false,
        numbers: Some(Ok(vec![number(NUMBER)])),
        why_global: None,
        secret: None,
        rival: None,
        tried: false,
        secret_refused: false,
        memory: Memory::default(),
    };
    view.spec(json!({"ttl": "8h"}))
}

/// One whose name is claimed, and whose room is to be made.
pub(in crate::room) fn claimed() -> View {
    let view = unbound();
    let claim = Claim {
        at: NOW,
        end: Some(by_ttl(END)),
        past_end: None,
    };
    let binding = binding_of(&view, Some(claim), None);
    view.bound(binding).progressing()
}

/// One whose room is recorded.
pub(in crate::room) fn recorded() -> View {
    let view = claimed();
    let sent = view.desired().dialin(&[NUMBER.to_owned()]);
    let made = Made {
        id: ID.into(),
        sent: Some(naming::fingerprint(&json!(sent))),
        end: Some(by_ttl(END)),
    };
    let binding = binding_of(&view, None, Some(made));
    view.bound(binding)
}

/// One whose callers are served, as a listing shows.
pub(in crate::room) fn serving() -> View {
    let view = recorded().sees(Word::Listing, |_| {});
    view.published()
}

fn by_ttl(at: i64) -> End {
    End {
        at,
        of: format!("ttl={TTL}"),
    }
}

fn binding_of(view: &View, claim: Option<Claim>, made: Option<Made>) -> Binding {
    Binding {
        uid: "uid-1".into(),
        domain_id: "domain-1".into(),
        domain_name: "demo".into(),
        name: view.own_name(),
        installation_id: "ns/lease".into(),
        claim,
        made,
        recreated: Vec::new(),
    }
}

/// The room as it should be.
fn room(view: &View) -> Room {
    let desired = view.desired();
    let name = view.room_name();
    let mut room: Room = serde_json::from_value(json!({
        "id": ID, "name": name, "privacy": desired.privacy,
        "url": format!("https://demo.daily.co/{name}"), "created_at": "2026-12-01T08:00:00Z",
        "config": {"exp": END, "eject_at_room_exp": desired.eject, "dialin_code": PIN,
                   "dialin": desired.dialin(&[NUMBER.to_owned()])},
    }))
    .unwrap();
    room.created_at = NOW;
    room
}

pub(in crate::room) fn card(view: &View) -> Card {
    Card {
        secret_name: "standup-dialin".into(),
        room_name: view.room_name(),
        url: room(view).url,
        pin: Pin::new(PIN).unwrap(),
        numbers: vec![number(NUMBER)],
        end: END,
    }
}

fn secret_of(view: &View, card: &Card) -> Found {
    let mut secret = secret::wanted(&view.subject, card);
    secret.metadata.uid = Some("secret-uid".into());
    secret.metadata.resource_version = Some("9".into());
    secret::found(&view.subject, Some(&secret))
}

fn secret_guard() -> Guard {
    Guard {
        namespace: "team".into(),
        name: "standup-dialin".into(),
        uid: "secret-uid".into(),
        resource_version: "9".into(),
    }
}

pub(in crate::room) fn served(card: Card, trouble: Option<Trouble>) -> Verdict {
    let serving = Serving {
        domain: domain(),
        id: ID.into(),
        created: NOW,
        why_global: None,
        card,
    };
    Verdict::Serving(Box::new(serving), trouble)
}

impl View {
    pub(in crate::room) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn desired(&self) -> &Desired {
        self.desired.as_ref().unwrap()
    }

    fn spec(self, spec: Value) -> Self {
        let spec: DailyRoomSpec = serde_json::from_value(spec).unwrap();
        self.with(|view| {
            view.wishes = Wishes::of("standup", &spec);
            view.desired = Desired::parse(&spec);
        })
    }

    /// The same view, of a room whose name is chosen.
    fn chosen(self) -> Self {
        let view = self.with(|view| {
            view.wishes.chosen_name = Some("standup".into());
            if let Ok(desired) = &mut view.desired {
                desired.chosen_name = Some("standup".into());
            }
        });
        view.record(|binding| binding.name = "standup".into())
    }

    /// Another spec since the last pass.
    pub(in crate::room) fn edited(self, spec: Value) -> Self {
        self.spec(spec).with(|view| view.subject.generation = 2)
    }

    fn bound(self, binding: Binding) -> Self {
        self.with(|view| {
            view.subject.recorded = Recorded::Binding(Box::new(binding));
            view.subject.finalizers = view.subject.finalizers_with_ours();
        })
    }

    pub(in crate::room) fn record(self, change: impl FnOnce(&mut Binding)) -> Self {
        self.with(|view| {
            if let Recorded::Binding(binding) = &mut view.subject.recorded {
                change(binding);
            }
        })
    }

    fn claim(self, change: impl FnOnce(&mut Claim)) -> Self {
        self.record(|binding| change(binding.claim.as_mut().unwrap()))
    }

    pub(in crate::room) fn made(self, change: impl FnOnce(&mut Made)) -> Self {
        self.record(|binding| change(binding.made.as_mut().unwrap()))
    }

    fn binding(&self) -> Binding {
        self.subject.binding().unwrap().clone()
    }

    fn progressing(self) -> Self {
        let status = report::status(&self, &Verdict::Progressing);
        self.with(|view| view.status = status)
    }

    /// Status and Secret say what they should.
    pub(in crate::room) fn published(self) -> Self {
        let card = card(&self);
        let secret = secret_of(&self, &card);
        let verdict = served(card, None);
        let status = report::status(&self, &verdict);
        self.with(|view| {
            view.status = status;
            view.secret = Some(secret);
        })
    }

    /// Expired is told, and the Secret is gone.
    pub(in crate::room) fn expired(self) -> Self {
        let status = report::status(&self, &Verdict::Expired);
        self.with(|view| {
            view.status = status;
            view.secret = Some(Found::Absent);
        })
    }

    fn sees(self, by: Word, change: impl FnOnce(&mut Room)) -> Self {
        let mut room = room(&self);
        change(&mut room);
        let seen = Seen {
            room,
            at: moment(),
            date: Some(self.now.wall),
            by,
        };
        self.sight(|sight| {
            sight.absence = None;
            sight.seen = Some(seen);
        })
    }

    /// There is no room: Daily has said so since `first`, and by name at `by_name`.
    fn absent(self, first: Moment, by_name: Option<Moment>) -> Self {
        let date = Some(self.now.wall);
        self.sight(|sight| {
            sight.seen = None;
            sight.absence = Some(Absence {
                first,
                by_name,
                date,
            });
        })
    }

    /// The name was asked for in this pass, and there is no room.
    fn free(self) -> Self {
        self.absent(moment(), Some(moment())).looked()
    }

    fn sight(self, change: impl FnOnce(&mut Sight)) -> Self {
        self.with(|view| change(view.sight.get_or_insert_default()))
    }

    fn posts(self, posts: Posts) -> Self {
        self.sight(|sight| sight.posts = posts)
    }

    fn looked(self) -> Self {
        self.with(|view| view.looked = true)
    }

    pub(in crate::room) fn forced(self) -> Self {
        self.with(|view| view.forced = true)
    }

    pub(in crate::room) fn wall(self, wall: i64) -> Self {
        self.with(|view| view.now.wall = wall)
    }

    /// Daily's clock in the last word on the room.
    fn date(self, date: i64) -> Self {
        self.sight(|sight| {
            if let Some(seen) = &mut sight.seen {
                seen.date = Some(date);
            }
            if let Some(absence) = &mut sight.absence {
                absence.date = Some(date);
            }
        })
    }

    fn deleting(self) -> Self {
        self.with(|view| view.subject.deleting = Some(NOW))
    }
}

#[track_caller]
fn check(view: &View, expected: Plan) {
    assert_eq!(plan(view), expected);
}

#[track_caller]
fn looks(view: &View, look: Look) {
    check(view, Plan::Look(look));
}

#[track_caller]
fn acts(view: &View, step: Step) {
    check(view, Plan::Act(step));
}

#[track_caller]
fn unchanged(view: &View, again: Duration) {
    check(view, rest(Verdict::Unchanged, Again::In(again)));
}

/// The whole plan but its sentence, of which a part is given.
#[track_caller]
fn fails(view: &View, reason: Reason, needs: Needs, again: Again, says: &str) {
    let planned = plan(view);
    let message = match &planned {
        Plan::Rest(Rest {
            verdict: Verdict::Failing(trouble),
            ..
        }) => trouble.message.clone(),
        other => panic!("does not fail: {other:?}"),
    };
    assert!(message.contains(says), "{message}");
    assert_eq!(planned, failing(reason, message, needs, again));
}
