//! Claiming a name and creating the room.

use serde_json::{Map, Value, json};

use super::unchanged;
use super::{LATER, Look, Passed, Plan, SOON, Step, act, e164, expire, fails, look, passed};
use crate::crd::condition::Reason;
use crate::daily::evidence::{CreateAttempts, Observed, Source};
use crate::daily::types::{CreateRoom, Domain, Room};
use crate::naming;
use crate::reconcile::backoff::Rejection;
use crate::reconcile::plan::{Change, Step as AnyStep, Written, note, record};
use crate::reconcile::problem::{Requeue, ResolvedBy};
use crate::reconcile::record::{Claim, End, Made, Record};
use crate::room::spec::{EndSpec, FARTHEST_END, Spec};
use crate::room::view::View;

/// An end that had passed when the object was created, by the API server's clock, on an object that
/// owns nothing: it is over, and Daily need not be asked.
pub(super) fn past_from_the_start(view: &View, spec: &Spec) -> bool {
    let EndSpec::At(at) = spec.end else {
        return false;
    };
    let unknown = view.recorded.record().is_none() && view.status.room.is_none();
    unknown && at <= view.meta.created && at <= view.now.wall
}

/// Claims the name.
pub(in crate::room) fn claim(view: &View, spec: &Spec, domain: &Domain) -> Plan {
    let end = spec.end_of(view.meta.created);
    if let Some(plan) = too_far(view, &end) {
        return plan;
    }
    let name = view.own_room_name();
    let former = view.former_record();
    let former = former.filter(|it| it.domain_id == domain.id && it.name == name);
    let over = end.at <= view.now.wall;
    if (view.is_chosen() || over || former.is_some()) && !view.facts.looked {
        return look(Look::Room);
    }
    let found = view
        .known()
        .observed
        .as_ref()
        .map(|observed| &observed.room);
    if over && found.is_none() {
        return over_before_creation(view, &end);
    }
    let unclaimed = view.new_record(&name, domain);
    if view.is_chosen() {
        if let Some(plan) = held_by_rival(view, &name) {
            return plan;
        }
        match (found, former.and_then(|it| it.made.as_ref())) {
            (Some(room), Some(made)) if room.id == made.id => {
                let found = Record {
                    made: Some(made.clone()),
                    ..unclaimed
                };
                return record(found, Change::Found);
            }
            (Some(_), _) => return taken(view),
            (None, _) => {}
        }
    }
    claimed(view, spec, unclaimed, end, Change::Claimed)
}

/// The end has passed by our clock, and there is no room. Never created is not ended: Daily's clock
/// has to agree.
fn over_before_creation(view: &View, end: &End) -> Plan {
    match passed(view, end.at, view.known().absence.and_then(|it| it.date)) {
        Passed::Yes => expire(view),
        Passed::No | Passed::Between => unchanged(SOON),
    }
}

/// The record with a claim of the room to create.
fn claimed(view: &View, spec: &Spec, unclaimed: Record, end: End, change: Change) -> Plan {
    let numbers = match &view.facts.numbers {
        Some(Ok(numbers)) => e164(numbers),
        _ => return numbers_missing(view),
    };
    let sent = match view.is_chosen() {
        true => vec![mark(&request(spec, &unclaimed.name, &end, &numbers))],
        false => Vec::new(),
    };
    let claim = Claim {
        end: Some(end),
        sent,
        ..Claim::at(date(view))
    };
    let claimed = Record {
        claim: Some(claim),
        ..unclaimed
    };
    record(claimed, change)
}

/// Daily's clock when it answered that the name is free; ours where that does not matter.
pub(super) fn date(view: &View) -> i64 {
    let absence = view.known().absence;
    absence.and_then(|it| it.date).unwrap_or(view.now.wall)
}

/// An end that Daily does not take yet.
fn too_far(view: &View, end: &End) -> Option<Plan> {
    let over = end
        .at
        .saturating_sub(FARTHEST_END)
        .saturating_sub(view.now.wall);
    (over > 0).then(|| {
        fails(
            Reason::InvalidSpec,
            "The end is more than 364 days ahead, and Daily creates no such room. Choose an earlier end; otherwise the \
             room is created when the end is 364 days ahead.",
            ResolvedBy::User,
            Requeue::AtDrift(Some(view.now.wall.saturating_add(over))),
        )
    })
}

/// Another DailyRoom that holds the name.
fn held_by_rival(view: &View, name: &str) -> Option<Plan> {
    let Some(rival) = &view.facts.rival else {
        return Some(look(Look::Rivals));
    };
    let rival = rival.as_ref()?;
    let message = format!(
        "{} holds the room name {name}. Choose another roomName.",
        rival.seen_from(&view.meta.namespace, "DailyRoom")
    );
    let requeue = Requeue::After(LATER);
    Some(fails(Reason::NameTaken, message, ResolvedBy::User, requeue))
}

fn taken(view: &View) -> Plan {
    let message = format!(
        "A room named {} exists at Daily, and nothing shows that it was created for this DailyRoom. Choose another \
         roomName, or delete that room at Daily.",
        view.room_name()
    );
    fails(
        Reason::NameTaken,
        message,
        ResolvedBy::User,
        Requeue::After(LATER),
    )
}

/// What is in the way of a room that is not created yet.
fn numbers_missing(view: &View) -> Plan {
    match &view.facts.numbers {
        Some(Err(problem)) => {
            let resolved_by = match problem.waits {
                true => ResolvedBy::Waiting,
                false => ResolvedBy::User,
            };
            let requeue = Requeue::After(problem.again);
            fails(
                problem.reason,
                problem.message.clone(),
                resolved_by,
                requeue,
            )
        }
        None | Some(Ok(_)) => look(Look::Numbers),
    }
}

/// A claim was withdrawn: waits until the name is free.
pub(in crate::room) fn claim_again(view: &View, spec: &Spec, unclaimed: &Record) -> Plan {
    if !view.facts.looked {
        return look(Look::Room);
    }
    if let Some(observed) = &view.known().observed
        && unclaimed.former_id.as_ref() == Some(&observed.room.id)
    {
        return recorded(
            view,
            spec,
            unclaimed,
            &Claim::at(observed.room.created_at),
            observed,
        );
    }
    if view.known().absence.is_none() {
        return taken(view);
    }
    let end = spec.end_of(view.meta.created);
    if end.at <= view.now.wall {
        return over_before_creation(view, &end);
    }
    if let Some(plan) = held_by_rival(view, &unclaimed.name) {
        return plan;
    }
    claimed(view, spec, unclaimed.clone(), end, Change::Claimed)
}

/// Creates the room that is claimed, or finds it created.
pub(in crate::room) fn create(view: &View, spec: &Spec, record: &Record, claim: &Claim) -> Plan {
    let known = view.known();
    if let Some(observed) = &known.observed {
        return found(view, spec, record, claim, observed);
    }
    // An answer that was lost, or a create of an earlier process, has to be looked for.
    let may_exist = match known.create_attempts {
        CreateAttempts::None => false,
        // A derived name costs no GET: if its room exists, Daily refuses the create.
        CreateAttempts::EarlierProcess => view.is_chosen(),
        CreateAttempts::Refused | CreateAttempts::Unknown | CreateAttempts::Created(_) => true,
    };
    if may_exist && !view.facts.looked {
        return look(Look::Room);
    }
    let end = claimed_end(view, spec, claim);
    if let Some(plan) = too_far(view, &end) {
        return plan;
    }
    if end.at <= view.now.wall {
        if !view.facts.looked {
            return look(Look::Room);
        }
        return over_before_creation(view, &end);
    }
    let numbers = match &view.facts.numbers {
        Some(Ok(numbers)) => e164(numbers),
        _ => return numbers_missing(view),
    };
    let request = request(spec, &record.name, &end, &numbers);
    if view.is_chosen()
        && let Some(plan) = note(record, claim, mark(&request))
    {
        return plan;
    }
    let same = |it: &&Rejection| it.what == naming::fingerprint(&json!(request));
    match view.memory.rejection.as_ref().filter(same) {
        Some(rejection) if (view.retried || !view.forced) && view.now.moment < rejection.until => {
            rejected(view, record, rejection)
        }
        _ => act(Step::CreateRoom(request)),
    }
}

/// The end to create the room with: the claimed one, unless the spec was edited since.
fn claimed_end(view: &View, spec: &Spec, claim: &Claim) -> End {
    let by_spec = spec.end_of(view.meta.created);
    match &claim.end {
        Some(end) if end.of == by_spec.of => end.clone(),
        _ => by_spec,
    }
}

/// A create was rejected and the name shows nothing. It may be the request; or a room that has ended
/// and still takes the name (F-ROOM-33), or one that no read shows yet (F-ROOM-41). Either is waited
/// for: nothing is deleted to make room.
fn rejected(view: &View, record: &Record, rejection: &Rejection) -> Plan {
    let name_may_be_held = match record.former_id {
        Some(_) => {
            ". Daily may still hold the name for the room of before; the operator tries again."
        }
        None => "",
    };
    let message = format!(
        "Daily rejected the room: {}{name_may_be_held}",
        rejection.info
    );
    let requeue = Requeue::After(view.now.moment.until(rejection.until));
    fails(Reason::RejectedByDaily, message, ResolvedBy::User, requeue)
}

/// A room of the claimed name is there: is it ours?
fn found(view: &View, spec: &Spec, record: &Record, claim: &Claim, observed: &Observed) -> Plan {
    if observed.source == Source::List && !view.facts.looked {
        return look(Look::Room);
    }
    let created_here = observed.source == Source::Create;
    if view.is_chosen() && !created_here && view.facts.rival.is_none() {
        return look(Look::Rivals);
    }
    if is_ours(view, record, claim, observed) {
        return recorded(view, spec, record, claim, observed);
    }
    if may_be_ours(view) {
        // A create of ours may still take effect: the claim stands, so that its room is known.
        return taken(view);
    }
    let withdrawn = Record {
        claim: None,
        ..record.clone()
    };
    crate::reconcile::plan::record(withdrawn, Change::Withdrawn)
}

/// Whether a room without a recorded id is ours: a derived name proves it, and so do a create of
/// ours that was answered with it and the id of before. A chosen name needs a claim, a create that
/// may have taken effect, and a room that says what that create asked for.
pub(super) fn is_ours(view: &View, record: &Record, claim: &Claim, observed: &Observed) -> bool {
    let room = &observed.room;
    if !view.is_chosen() && naming::looks_derived(&room.name) {
        return true;
    }
    if observed.source == Source::Create || record.former_id.as_ref() == Some(&room.id) {
        return true;
    }
    may_be_ours(view)
        && view.facts.rival == Some(None)
        && room.created_at >= claim.at
        && claim.sent.iter().any(|sent| says(room, sent))
}

/// The room is recorded.
fn recorded(view: &View, spec: &Spec, record: &Record, claim: &Claim, observed: &Observed) -> Plan {
    let room = &observed.room;
    let created_here = observed.source == Source::Create;
    let by_spec = claimed_end(view, spec, claim);
    // A room found again keeps its own end, as if a ttl had given it; a fixed end is corrected.
    let at = room.config.exp.unwrap_or(by_spec.at);
    let of = match spec.end {
        EndSpec::Ttl(_) => by_spec.of,
        EndSpec::At(_) => EndSpec::At(at).of(),
    };
    let sent = match &view.facts.numbers {
        Some(Ok(numbers)) if created_here => Some(spec.dialin(&e164(numbers))),
        _ => None,
    };
    let made = Made {
        sent: sent.map(|sent| naming::fingerprint(&json!(sent))),
        end: Some(End { at, of }),
        ..Made::of(&room.id)
    };
    let recorded = Record {
        claim: None,
        former_id: None,
        made: Some(made),
        ..record.clone()
    };
    let change = match created_here {
        true => Change::Created,
        false => Change::Found,
    };
    // A derived name finds its room without the id.
    let written = match view.is_chosen() {
        true => Written::Now,
        false => Written::WithStatus,
    };
    Plan::Act(AnyStep::Record(recorded, change, written))
}

/// Whether a create of ours since the claim may have taken effect although no answer said so. After
/// a restart nobody knows.
pub(super) fn may_be_ours(view: &View) -> bool {
    view.known().create_attempts.may_have_created()
}

/// What a create asks for, as far as it is compared with a room that is found.
pub(super) fn mark(request: &CreateRoom) -> Value {
    let mut mark = request.properties.clone();
    if let Some(dialin) = mark.get_mut("dialin").and_then(Value::as_object_mut) {
        dialin.remove("room_numbers");
    }
    mark.insert("privacy".to_owned(), json!(request.privacy));
    mark.into()
}

/// Whether a room says what a create asked for, as far as Daily shows it. Its `dialin` is shown, or
/// nothing is proven.
fn says(room: &Room, sent: &Value) -> bool {
    let config = &room.config;
    let dialin = |shown: &Map<String, Value>| {
        let sent = sent["dialin"].as_object();
        let mut sent = sent.into_iter().flatten();
        sent.all(|(key, value)| shown.get(key).is_none_or(|it| it == value))
    };
    sent["privacy"] == room.privacy
        && sent["exp"] == json!(config.exp)
        && sent["eject_at_room_exp"] == config.eject_at_room_exp.unwrap_or(false)
        && config.dialin.as_ref().is_some_and(dialin)
}

/// The request that creates the room.
pub(super) fn request(spec: &Spec, name: &str, end: &End, numbers: &[String]) -> CreateRoom {
    let mut properties = Map::new();
    properties.insert("exp".into(), json!(end.at));
    properties.insert("eject_at_room_exp".into(), json!(spec.eject));
    properties.insert("dialin".into(), Value::Object(spec.dialin(numbers)));
    CreateRoom {
        name: name.to_owned(),
        privacy: spec.privacy,
        properties,
    }
}
