//! How a room differs from the spec, and the one update that corrects it.

use serde_json::{Map, Value, json};

use super::Plan;
use super::confirm_answer::confirm_by_name;
use super::problems::{may_set, properties_allowed, reported};
use super::properties::{Properties, keeps_keys, recorded};
use super::steps::{PRIVACY, Step, Update};
use crate::crd::PublishedNumber;
use crate::crd::condition::Reason;
use crate::daily::evidence::{Observed, Source};
use crate::daily::types::{Domain, MAX_PARTICIPANTS, Room, RoomChange};
use crate::naming;
use crate::reconcile::problem::Problem;
use crate::reconcile::record::{End, Made, Record};
use crate::reconcile::steps::{Change, act, record};
use crate::room::spec::{FARTHEST_END, PUBLIC, Spec, fingerprint, own_numbers};
use crate::room::view::View;

/// How many seconds ahead the earliest end is that we send. Daily accepts one that is a second ahead
/// (F-ROOM-17); the rest is for the call.
pub(super) const EARLIEST_END: i64 = 3;

const NUMBERS: &str = "room_numbers";

/// A recorded room that Daily shows.
pub(super) struct Present<'a> {
    pub(super) view: &'a View,
    pub(super) spec: &'a Spec,
    pub(super) domain: &'a Domain,
    pub(super) owned: &'a Record,
    pub(super) made: &'a Made,
    pub(super) observed: &'a Observed,
    /// The recorded end.
    pub(super) end: End,
}

/// The end that a room should have.
enum WantedEnd {
    Is(End),
    /// It was moved at Daily. For a `ttl`, the end at Daily is the truth.
    MovedAtDaily(End),
    /// Daily does not accept the end in the spec.
    Invalid(Problem),
}

impl Present<'_> {
    /// Compares the room with the spec. A difference that cannot be corrected is a problem, and anything
    /// to do about one is an error. Without `numbers` the `dialin` is not compared.
    pub(super) fn corrected(
        &self,
        numbers: Option<&[PublishedNumber]>,
    ) -> Result<Option<Problem>, Plan> {
        let dialin = numbers.and_then(|numbers| self.dialin(&own_numbers(numbers)));
        let dialin = dialin.as_ref();
        let properties = self.properties();
        if let Some(problem) = self.withdrawn(&properties)? {
            return Ok(Some(problem));
        }
        let end = match self.wanted_end() {
            WantedEnd::Is(end) => end,
            WantedEnd::Invalid(problem) => return Ok(Some(problem)),
            WantedEnd::MovedAtDaily(end) => {
                let moved = Change::EndMoved(end.at);
                return Err(self.record(end, self.made.clone(), moved));
            }
        };
        let others = properties.change();
        if !others.is_empty() && self.observed.source == Source::List {
            // Nobody knows whether a listing shows all that a GET shows, as with the PIN (F-PIN-10).
            confirm_by_name(self.view)?;
        }
        let mut change = self.change(dialin, others, &end);
        let contended = drop_contended(self.view, &mut change);
        if !change.is_empty() {
            return self.update(change, dialin, &end);
        }
        if !contended.is_empty() {
            return Ok(Some(self.without_dialin(self.view.contended(&contended))));
        }
        // An update may have been applied although its answer was lost: it is recorded now.
        let made = Made {
            sent: dialin.map(fingerprint).or_else(|| self.made.sent.clone()),
            ..self.made.clone()
        };
        let made = recorded(&properties.wanted, &self.observed.room, made);
        let is_recorded = self.made.end.as_ref() == Some(&end) && *self.made == made;
        match is_recorded && self.owned.private == self.private() {
            true => Ok(properties_allowed(self.view, self.spec).err()),
            false => Err(self.record(end, made, Change::Sent)),
        }
    }

    /// What is wanted of `roomProperties`: all that the API key in force may set.
    fn properties(&self) -> Properties<'_> {
        let view = self.view;
        let mut wanted = self.spec.properties.clone();
        wanted.retain(|name, _| may_set(view, name));
        Properties {
            wanted,
            made: self.made,
            room: &self.observed.room,
            sent: view.facts.updated.as_ref().map(|it| &it.change),
            merges: view.memory.kind.merges,
        }
    }

    /// Resets the recorded properties that the API key in force may no longer set, and then forgets them, so
    /// that a reset is not repeated. It is sent alone: a value in the spec that Daily rejects, or an invalid
    /// end, must not keep it from being applied.
    fn withdrawn(&self, properties: &Properties<'_>) -> Result<Option<Problem>, Plan> {
        let is_withdrawn = |name: &String| !may_set(self.view, name);
        if !self.made.properties.keys().any(is_withdrawn) {
            return Ok(None);
        }
        if self.observed.source == Source::List {
            confirm_by_name(self.view)?;
        }
        let mut resets = properties.change();
        resets.retain(|name, _| is_withdrawn(name));
        if !resets.is_empty() {
            return self.send(Update::of(&self.owned.name, &self.observed.room.id, resets));
        }
        let mut made = self.made.clone();
        made.properties.retain(|name, _| !is_withdrawn(name));
        made.properties_shown.retain(|name, _| !is_withdrawn(name));
        Err(record(self.owned.owning(made), Change::Sent))
    }

    fn wanted_end(&self) -> WantedEnd {
        let (view, observed) = (self.view, self.observed);
        let by_spec = self.end_by_spec();
        let shown = observed.room.config.exp;
        let earliest = self.clock().saturating_add(EARLIEST_END);
        if self.made.end.is_some() && self.end.is_of_the_same_spec(&by_spec) {
            let at = |at| End {
                at,
                ..self.end.clone()
            };
            let follows_daily = by_spec.of.starts_with("ttl=") && !view.late_write_may_be_ours();
            return match shown {
                Some(shown) if shown == self.end.at => WantedEnd::Is(at(shown)),
                Some(shown) if follows_daily => WantedEnd::MovedAtDaily(at(shown)),
                // An end that was moved or removed is restored. If it has passed meanwhile, the room
                // ends as soon as Daily allows.
                Some(_) | None => WantedEnd::Is(at(self.end.at.max(earliest))),
            };
        }
        if by_spec.at.saturating_sub(view.now.wall) > FARTHEST_END {
            let message = "The end is more than 364 days ahead, which Daily does not accept. Choose an earlier end; \
                           until then the room keeps its present one.";
            return WantedEnd::Invalid(Problem::for_user(Reason::InvalidSpec, message));
        }
        let at = match shown {
            // The room is about to end anyway, and Daily accepts no earlier end.
            Some(shown) if by_spec.at < earliest && shown <= earliest => shown,
            _ => by_spec.at.max(earliest),
        };
        WantedEnd::Is(End { at, ..by_spec })
    }

    /// The later of our clock and Daily's in the answer that showed the room.
    pub(super) fn clock(&self) -> i64 {
        let wall = self.view.now.wall;
        wall.max(self.observed.date.unwrap_or(wall))
    }

    /// The end that the spec asks for.
    pub(super) fn end_by_spec(&self) -> End {
        let created = self.view.meta.created;
        self.spec.end_after_edit(&self.end, created, self.clock())
    }

    /// Whether the room has to have a property: an adopted one keeps what the spec does not set.
    fn applies<T>(&self, set: Option<T>) -> bool {
        set.is_some() || !self.owned.is_adopted()
    }

    /// The `dialin` that is wanted. `None` if an adopted room keeps its own, and its PIN with it.
    fn dialin(&self, numbers: &[String]) -> Option<Map<String, Value>> {
        match &self.observed.room.config.dialin {
            Some(own) if self.owned.is_adopted() => {
                let wanted = self.spec.dialin_over(own.clone(), numbers);
                (wanted != *own).then_some(wanted)
            }
            _ => Some(self.spec.dialin(numbers)),
        }
    }

    /// The top-level properties that differ, each as a whole.
    fn change(
        &self,
        dialin: Option<&Map<String, Value>>,
        others: Map<String, Value>,
        end: &End,
    ) -> RoomChange {
        let (spec, room) = (self.spec, &self.observed.room);
        let mut change = RoomChange {
            properties: others,
            ..RoomChange::default()
        };
        let privacy = spec.privacy_of_created(self.owned);
        if self.applies(spec.privacy) && room.privacy != privacy {
            change.privacy = Some(privacy);
        }
        let properties = &mut change.properties;
        let eject = spec.ejects();
        if self.applies(spec.eject) && room.config.ejects() != eject {
            properties.insert("eject_at_room_exp".into(), json!(eject));
        }
        let most = |most: Option<i64>| most.unwrap_or(MAX_PARTICIPANTS);
        if self.applies(spec.max_participants)
            && most(room.config.max_participants) != most(spec.max_participants)
        {
            properties.insert("max_participants".into(), json!(spec.max_participants));
        }
        let now = self.view.now.wall;
        let nbf = spec.nbf(now);
        if self.applies(spec.not_before) && room.config.nbf.filter(|shown| *shown > now) != nbf {
            properties.insert("nbf".into(), json!(nbf));
        }
        if let Some(dialin) = dialin
            && dialin_differs(self.view, self.made, room, dialin)
        {
            let mut sent = dialin.clone();
            let has_stale_numbers = room.config.dialin.as_ref().is_some_and(names_numbers);
            if self.view.memory.kind.merges && has_stale_numbers && !names_numbers(dialin) {
                sent.insert(NUMBERS.into(), json!([]));
            }
            properties.insert("dialin".into(), sent.into());
        }
        if room.config.exp != Some(end.at) {
            properties.insert("exp".into(), json!(end.at));
        }
        change
    }

    fn update(
        &self,
        change: RoomChange,
        dialin: Option<&Map<String, Value>>,
        end: &End,
    ) -> Result<Option<Problem>, Plan> {
        let dialin = dialin.filter(|_| change.properties.contains_key("dialin"));
        let rejected = self.send(Update {
            name: self.owned.name.clone(),
            id: self.observed.room.id.clone(),
            dialin: dialin.map(fingerprint),
            fingerprint: change_fingerprint(&change, end),
            change,
            drift: self.is_drift(),
            counts: self.may_be_drift() && !self.view.late_write_may_be_ours(),
            renews: false,
        })?;
        Ok(rejected.map(|problem| match dialin {
            Some(_) => self.without_dialin(problem),
            None => problem,
        }))
    }

    /// Whether somebody has changed the room at Daily. All else in the spec is applied while a property is not
    /// allowed.
    fn is_drift(&self) -> bool {
        let view = self.view;
        let is_applied = !view.is_edited() && reported(view, Reason::PropertyNotAllowed);
        is_applied || view.is_ready_as_specified()
    }

    /// Sends an update, unless Daily did not apply it before.
    pub(super) fn send(&self, update: Update) -> Result<Option<Problem>, Plan> {
        send(self.view, &self.observed.room, update).map(Some)
    }

    /// Whether somebody may have changed the room since it was published: the spec was not edited.
    fn may_be_drift(&self) -> bool {
        let published = self.view.status.room.as_ref();
        let is_published = published.is_some_and(|it| it.id == self.observed.room.id);
        (is_published || !self.owned.is_adopted()) && !self.view.is_edited()
    }

    /// What keeps dial-in from being set. If it is disabled, nobody can call.
    fn without_dialin(&self, problem: Problem) -> Problem {
        match self.observed.room.config.dialin {
            Some(_) => problem,
            None => problem.unserved(),
        }
    }

    /// Whether the room is private, if it was adopted.
    fn private(&self) -> Option<bool> {
        match self.owned.is_adopted() {
            true => Some(self.observed.room.privacy != PUBLIC),
            false => self.owned.private,
        }
    }

    pub(super) fn record(&self, end: End, made: Made, change: Change) -> Plan {
        let made = Made {
            end: Some(end),
            ..made
        };
        record(
            Record {
                made: Some(made),
                private: self.private(),
                ..self.owned.clone()
            },
            change,
        )
    }
}

/// Sends an update, unless Daily did not apply it before: then that is the problem.
pub(super) fn send(view: &View, room: &Room, update: Update) -> Result<Problem, Plan> {
    let updated = view.facts.updated.as_ref();
    if let Some(sent) = updated.filter(|it| it.fingerprint == update.fingerprint) {
        return Err(not_applied(view, room, sent));
    }
    if let Some(rejection) = view.rejection_of(&update.fingerprint) {
        if view.retried.contains(&update.fingerprint) {
            // Daily may have rejected the change because the room is gone (F-ROOM-23).
            confirm_by_name(view)?;
        }
        return Ok(Problem::rejected("the change of the room", &rejection.info));
    }
    Err(act(Step::UpdateRoom(Box::new(update))))
}

/// Daily accepted a change without applying it, and would do so again. If Daily merges updates, numbers and
/// keys of objects have to be removed explicitly instead.
fn not_applied(view: &View, room: &Room, sent: &Update) -> Plan {
    let is_kept = || keeps_numbers(room, &sent.change) || keeps_keys(room, &sent.change);
    let merged = !view.memory.kind.merges && is_kept();
    act(match merged {
        true => Step::RememberMerge,
        false => Step::RememberUnapplied {
            fingerprint: sent.fingerprint.clone(),
        },
    })
}

/// An end in the past is sent as the earliest possible one, which moves on with the clock. So the
/// fingerprint has what the end was computed from instead.
fn change_fingerprint(change: &RoomChange, end: &End) -> String {
    let mut change = json!(change);
    if let Some(exp) = change.pointer_mut("/properties/exp") {
        *exp = json!([end.of, end.not_before]);
    }
    naming::fingerprint(&change)
}

/// Compares `dialin` with what Daily shows of it, and what Daily does not show with what was sent last:
/// nothing is sent again only because Daily does not show it (F-PIN-9).
fn dialin_differs(view: &View, made: &Made, room: &Room, wanted: &Map<String, Value>) -> bool {
    let wanted_fingerprint = fingerprint(wanted);
    let sent_here = view.memory.kind.dialin_sent.as_ref() == Some(&wanted_fingerprint);
    let Some(shown) = &room.config.dialin else {
        // Somebody disabled dial-in, unless this process enabled it and Daily does not show it.
        return !sent_here;
    };
    if !agrees(shown, wanted) {
        return true;
    }
    let all_shown = wanted.keys().all(|key| shown.contains_key(key));
    !all_shown && !sent_here && made.sent.as_ref() != Some(&wanted_fingerprint)
}

/// Whether what Daily shows of a `dialin` contradicts nothing that is wanted.
fn agrees(shown: &Map<String, Value>, wanted: &Map<String, Value>) -> bool {
    let contradicted =
        |(key, value): (&String, &Value)| shown.get(key).is_some_and(|it| it != value);
    let surplus = names_numbers(shown) && !names_numbers(wanted);
    !surplus && !wanted.iter().any(contradicted)
}

fn names_numbers(dialin: &Map<String, Value>) -> bool {
    let numbers = dialin.get(NUMBERS).and_then(Value::as_array);
    numbers.is_some_and(|numbers| !numbers.is_empty())
}

/// Whether a room kept numbers that the change left out. Then Daily merges updates (F-ROOM-22), and an
/// empty list has to be sent.
pub(super) fn keeps_numbers(room: &Room, change: &RoomChange) -> bool {
    let sent = change.properties.get("dialin").and_then(Value::as_object);
    let left_out = sent.is_some_and(|sent| !sent.contains_key(NUMBERS));
    left_out && room.config.dialin.as_ref().is_some_and(names_numbers)
}

/// Leaves out what another writer keeps changing, and returns it.
fn drop_contended(view: &View, change: &mut RoomChange) -> Vec<String> {
    let mut contended = Vec::new();
    if change.privacy.is_some() && view.is_contended(PRIVACY) {
        change.privacy = None;
        contended.push(PRIVACY.to_owned());
    }
    change.properties.retain(|name, _| {
        let is_contended = view.is_contended(name);
        contended.extend(is_contended.then(|| name.clone()));
        !is_contended
    });
    contended
}
