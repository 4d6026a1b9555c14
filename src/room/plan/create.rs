//! Claiming a name and creating the room.

use serde_json::json;

use super::adopt::{adopt, end_of_found, not_held, still_taken, taken};
use super::claim::{claim as new_claim, comparable, is_ours};
use super::confirm_answer::{RECHECK, confirm_by_name, previous_name_is_known};
use super::drain::empty;
use super::expire::{self, Passed, expire, passed};
use super::problems::{end_too_far, fails, properties_allowed, reported};
use super::properties;
use super::steps::{Read, Step};
use super::{Plan, Planned};
use crate::crd::condition::{self, Reason, kind};
use crate::crd::time::rfc3339;
use crate::daily::evidence::{CreateAttempts, Observed, Source};
use crate::daily::types::{CreateRoom, Domain};
use crate::naming;
use crate::reconcile::backoff::Rejection;
use crate::reconcile::claim::{
    forget_refused, holder, no_late_write, record_request, rival, withdraw,
};
use crate::reconcile::guards::has_waited;
use crate::reconcile::lifecycle::Create;
use crate::reconcile::object::Object;
use crate::reconcile::problem::{Problem, Requeue, ResolvedBy};
use crate::reconcile::record::{Claim, End, Made, Record};
use crate::reconcile::steps::{
    Change, Outcome, Step as AnyStep, Written, act, failing, read, record, unchanged,
};
use crate::room::Room;
use crate::room::spec::{FARTHEST_END, Spec, fingerprint, own_numbers};
use crate::room::view::View;

impl Create for Room {
    fn before_access(view: &View, spec: &Spec) -> Result<(), Plan> {
        // Whatever Daily answers, a PIN that the status may not have goes first.
        if view.omits_code() && view.status.dialin_code.is_some() {
            return Err(Plan::Act(AnyStep::Report(Outcome::Unchanged)));
        }
        expire::before_access(view, spec)
    }

    fn claim(view: &View, spec: &Spec, domain: &Domain) -> Planned {
        previous_name_is_known(view)?;
        let end = spec.end_of_new(view.meta.created, view.now.wall);
        is_not_too_far(view, &end)?;
        let name = view.own_room_name();
        let restored = view.restored_record(&name, domain);
        let is_over = end.at <= view.now.wall;
        let unclaimed = view.new_record(&name, domain);
        if view.is_chosen() && !is_over {
            // While another object has the name, Daily need not be asked.
            is_free(view, &name)?;
            still_taken(view, spec, &unclaimed)?;
        }
        if view.is_chosen() || is_over || restored.is_some() {
            confirm_by_name(view)?;
        }
        let room = view.evidence.observed.as_ref().map(|it| &it.room);
        if is_over && room.is_none() {
            return Ok(over_before_creation(view, &end));
        }
        if view.is_chosen() {
            is_free(view, &name)?;
        }
        let made = restored.and_then(|it| it.made.as_ref());
        let made = made.filter(|made| room.is_some_and(|it| it.id == made.id));
        match (made, room) {
            // A derived name finds its room by itself, but not that a deletion gave the end.
            (Some(made), _) if view.is_chosen() || made.drain.is_some() => {
                let owned = unclaimed.owning(made.clone().undrained());
                Ok(record(owned, Change::Found))
            }
            (_, Some(room)) if view.is_chosen() => adopt(view, spec, &unclaimed, room),
            _ => record_claim(view, spec, &unclaimed, end),
        }
    }

    fn claim_again(view: &View, spec: &Spec, unclaimed: &Record) -> Planned {
        still_taken(view, spec, unclaimed)?;
        confirm_by_name(view)?;
        if let Some(observed) = &view.evidence.observed
            && unclaimed.former_id.as_ref() == Some(&observed.room.id)
        {
            let claim = Claim::at(observed.room.created_at);
            return Ok(record_room(view, spec, unclaimed, &claim, observed));
        }
        if let Some(observed) = &view.evidence.observed {
            return adopt(view, spec, unclaimed, &observed.room);
        }
        if view.evidence.absence.is_none() {
            return Ok(taken(view));
        }
        let end = spec.end_of_new(view.meta.created, view.now.wall);
        if end.at <= view.now.wall {
            return Ok(over_before_creation(view, &end));
        }
        is_free(view, &unclaimed.name)?;
        record_claim(view, spec, unclaimed, end)
    }

    fn create(view: &View, spec: &Spec, owned: &Record, claim: &Claim) -> Planned {
        if let Some(observed) = &view.evidence.observed {
            return found(view, spec, owned, claim, observed);
        }
        let may_exist = match view.evidence.create_attempts {
            CreateAttempts::None => false,
            // A derived name costs no GET: if its room exists, Daily refuses the create.
            CreateAttempts::EarlierProcess => view.is_chosen(),
            CreateAttempts::Refused | CreateAttempts::Unknown | CreateAttempts::Created(_) => true,
        };
        if may_exist {
            confirm_by_name(view)?;
        }
        let end = claimed_end(view, spec, claim);
        is_not_too_far(view, &end)?;
        if end.at <= view.now.wall {
            confirm_by_name(view)?;
            return Ok(over_before_creation(view, &end));
        }
        may_set_properties(view, spec)?;
        let request = request(spec, owned, &end, &numbers(view)?, view.now.wall);
        if let Some(rejection) = view.rejection_of(&naming::fingerprint(&json!(request))) {
            forget_refused(view, owned, claim)?;
            return Ok(rejected(view, owned, rejection));
        }
        // A derived name has one owner in all, whose deletion the finalizer holds back.
        no_late_write(view, view.is_chosen().then_some(view.trusted_from))?;
        removes_nobody(view, claim)?;
        if view.is_chosen() {
            if claim.refused
                && let Err(held) = not_held(view, &owned.name, rival(view)?)
            {
                return Ok(withdraw(view, owned, held));
            }
            record_request(owned, claim, comparable(&request))?;
        }
        Ok(act(Step::CreateRoom(Box::new(request))))
    }

    /// Nobody knows whether Daily tells names apart that differ only in case (F-ROOM-37).
    fn is_same_name(one: &str, other: &str) -> bool {
        one.to_lowercase() == other.to_lowercase()
    }

    fn is_over(room: &Object<Room>, record: &Record) -> bool {
        record.claim.is_none() && condition::is_true(&room.status.conditions, kind::EXPIRED)
    }
}

/// The end has passed by our clock, and there is no room. The object expires only if Daily's clock agrees, and no
/// earlier create may still be applied, or shown.
fn over_before_creation(view: &View, end: &End) -> Plan {
    let final_from = view.absence_is_final_from();
    let is_final = (view.evidence.absence).is_some_and(|it| it.last >= final_from);
    if view.evidence.create_attempts.may_have_created() && !is_final {
        return unchanged(RECHECK);
    }
    match passed(view, end.at, view.evidence.absence.and_then(|it| it.date)) {
        Passed::Yes => expire(view),
        Passed::No | Passed::Unconfirmed => unchanged(RECHECK),
    }
}

fn record_claim(view: &View, spec: &Spec, unclaimed: &Record, end: End) -> Planned {
    // No name is claimed before the room can be created.
    may_set_properties(view, spec)?;
    numbers(view)?;
    let claim = new_claim(view, end);
    Ok(record(unclaimed.with_claim(claim), Change::Claimed))
}

fn may_set_properties(view: &View, spec: &Spec) -> Result<(), Plan> {
    let requeue = Requeue::AtDrift(None);
    properties_allowed(view, spec).map_err(|problem| failing(problem, requeue))
}

fn is_not_too_far(view: &View, end: &End) -> Result<(), Plan> {
    let possible_from = end.at.saturating_sub(FARTHEST_END);
    if possible_from <= view.now.wall {
        return Ok(());
    }
    Err(end_too_far(
        "The end is more than 364 days ahead, which Daily does not accept. Choose an earlier end; otherwise the \
         operator creates the room 364 days before its end.",
        Requeue::AtDrift(Some(possible_from)),
    ))
}

/// No other object claims or owns the name, even if it came later: of two claims one create would fail.
fn is_free(view: &View, name: &str) -> Result<(), Plan> {
    not_held(view, name, holder(view)?)
}

/// The numbers to create the room with.
fn numbers(view: &View) -> Result<Vec<String>, Plan> {
    match &view.facts.numbers {
        None => Err(read(Read::Numbers)),
        Some(Ok(numbers)) => Ok(own_numbers(numbers)),
        Some(Err(missing)) => {
            let problem = &missing.problem;
            let message = problem.message.clone();
            let requeue = match problem.resolved_by {
                ResolvedBy::User => Requeue::Polling(missing.retry),
                ResolvedBy::Waiting | ResolvedBy::Retry => Requeue::After(missing.retry),
            };
            Err(fails(problem.reason, message, problem.resolved_by, requeue))
        }
    }
}

/// The claimed end, unless the spec was edited since, or the room is renewed and that end has passed.
fn claimed_end(view: &View, spec: &Spec, claim: &Claim) -> End {
    let now = view.now.wall;
    let by_spec = spec.end_of_new(view.meta.created, now);
    match &claim.end {
        Some(end)
            if end.is_of_the_same_spec(&by_spec) && (spec.renewal.is_none() || end.at > now) =>
        {
            end.clone()
        }
        _ => by_spec,
    }
}

/// Daily may leave participants in an ended room of the name (F-ROOM-29), and removes them when a new room takes
/// the name (F-ROOM-33). Presence shows them (F-PRES-4). Its failure delays only a room that follows an ended one,
/// so that an account without presence gets rooms.
fn removes_nobody(view: &View, claim: &Claim) -> Result<(), Plan> {
    let longest = view.deletion.max_drain;
    let until = claim.at.saturating_add(longest);
    let since = view.memory.kind.occupied_since;
    let date = view.evidence.absence.and_then(|it| it.date);
    let has_waited =
        has_waited(view, Some(claim.at), since, longest) && date.is_some_and(|it| it >= until);
    if has_waited || view.forced && reported(view, Reason::RoomOccupied) {
        return Ok(());
    }
    let Err(why) = empty(view)? else {
        return Ok(());
    };
    if !claim.after_end && matches!(view.facts.presence, Some(Err(_))) {
        return Ok(());
    }
    // An earlier create may have succeeded, so that they are in the room of this object.
    confirm_by_name(view)?;
    let message = format!(
        "The previous room of this name has ended, and its PIN no longer works. {why} A new room would remove all \
         participants. The operator creates it when the room is empty, and at {} with everyone in it. To create it \
         now, set the annotation daily-operator.io/reconcile-requested-at.",
        rfc3339(until)
    );
    let (reason, requeue) = (Reason::RoomOccupied, Requeue::After(RECHECK));
    Err(fails(reason, message, ResolvedBy::Waiting, requeue))
}

/// Daily rejected the create, and shows no room of the name. The cause may be the request, a room that
/// has ended and still holds the name (F-ROOM-33), or one that no read shows yet (F-ROOM-41). The operator
/// waits, and deletes nothing to free the name.
fn rejected(view: &View, owned: &Record, rejection: &Rejection) -> Plan {
    let info = &rejection.info;
    let problem = match owned.former_id {
        Some(_) => {
            let message = format!(
                "Daily rejected the room: {info}. Daily may still hold the name for the previous room, and the operator \
                 retries."
            );
            Problem::for_user(Reason::RejectedByDaily, message)
        }
        None => Problem::rejected("the room", info),
    };
    failing(
        problem,
        Requeue::After(view.now.moment.until(rejection.until)),
    )
}

/// A room with the claimed name exists: it is recorded if it is ours.
fn found(view: &View, spec: &Spec, owned: &Record, claim: &Claim, observed: &Observed) -> Planned {
    if observed.source == Source::List {
        confirm_by_name(view)?;
    }
    if view.is_chosen() && observed.source != Source::Create {
        rival(view)?;
    }
    Ok(match is_ours(view, owned, claim, observed) {
        true => record_room(view, spec, owned, claim, observed),
        false => withdraw(view, owned, adopt(view, spec, owned, &observed.room)?),
    })
}

fn record_room(
    view: &View,
    spec: &Spec,
    owned: &Record,
    claim: &Claim,
    observed: &Observed,
) -> Plan {
    let room = &observed.room;
    let created_here = observed.source == Source::Create;
    let end = end_of_found(view, spec, claimed_end(view, spec, claim), room);
    // An earlier reconcile may have created it from another spec.
    let from_this_spec = created_here && view.facts.created;
    let dialin = match &view.facts.numbers {
        Some(Ok(numbers)) if from_this_spec => Some(spec.dialin(&own_numbers(numbers))),
        _ => None,
    };
    let made = Made {
        sent: dialin.as_ref().map(fingerprint),
        end: Some(end),
        ..Made::of(&room.id)
    };
    let made = match from_this_spec {
        true => properties::recorded(&spec.properties, room, made),
        false => properties::found(view, spec, room, made),
    };
    let change = match created_here {
        true => Change::Created,
        false => Change::Found,
    };
    // A derived name finds its room even if the id is lost.
    let written = match view.is_chosen() {
        true => Written::Now,
        false => Written::WithStatus,
    };
    Plan::Act(AnyStep::Record(
        Box::new(owned.owning(made)),
        change,
        written,
    ))
}

/// The request that creates the room at this time.
pub(super) fn request(
    spec: &Spec,
    owned: &Record,
    end: &End,
    numbers: &[String],
    now: i64,
) -> CreateRoom {
    let mut properties = spec.properties.clone();
    properties.insert("exp".into(), json!(end.at));
    if let Some(nbf) = spec.nbf(now) {
        properties.insert("nbf".into(), json!(nbf));
    }
    if let Some(most) = spec.max_participants {
        properties.insert("max_participants".into(), json!(most));
    }
    properties.insert("eject_at_room_exp".into(), json!(spec.ejects()));
    properties.insert("dialin".into(), spec.dialin(numbers).into());
    CreateRoom {
        name: owned.name.clone(),
        privacy: spec.privacy_of_created(owned),
        properties,
    }
}
