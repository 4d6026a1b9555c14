//! A recorded room that Daily says is not there: ended, missing, or not to be believed yet.

use super::create::date;
use super::{LATER, Look, MARGIN, Passed, Plan, SOON, expire, fails, look, passed, unchanged};
use crate::clock::Moment;
use crate::crd::MissingRoomPolicy;
use crate::crd::condition::Reason;
use crate::daily::evidence::{Absence, between_absences};
use crate::reconcile::plan::{Change, record};
use crate::reconcile::problem::{Requeue, ResolvedBy};
use crate::reconcile::record::{Claim, End, Made, Record};
use crate::room::spec::{FARTHEST_END, Spec};
use crate::room::view::View;

/// So often a missing room is recreated within a day. Each time callers lose their PIN, and whoever
/// deletes it will do so again; three leave room for honest mistakes.
const RECREATIONS: usize = 3;
const DAY: i64 = 24 * 3600;

pub(super) fn plan(
    view: &View,
    spec: &Spec,
    owned: &Record,
    made: &Made,
    absence: Absence,
) -> Plan {
    let by_spec = spec.end_of(view.meta.created);
    let end = made.end.clone().unwrap_or_else(|| by_spec.clone());
    match passed(view, end.at, absence.date) {
        Passed::Between if absence.date.is_none() && !view.facts.looked => look(Look::Room),
        Passed::Between => unchanged(SOON),
        Passed::Yes => ended(view, owned, &end, by_spec),
        Passed::No => vanished(view, spec, owned, absence, end),
    }
}

/// It ended as planned; a later end in the spec gives a new room.
fn ended(view: &View, owned: &Record, end: &End, by_spec: End) -> Plan {
    if by_spec.of == end.of || by_spec.at <= view.now.wall {
        return expire(view);
    }
    if by_spec.at.saturating_sub(view.now.wall) > FARTHEST_END {
        return fails(
            Reason::InvalidSpec,
            "The new end is more than 364 days ahead, and Daily creates no such room. Choose an earlier end.",
            ResolvedBy::User,
            Requeue::AtDrift(None),
        );
    }
    if view.is_chosen() && !view.facts.looked {
        return look(Look::Room);
    }
    let claim = Claim {
        end: Some(by_spec),
        ..Claim::at(date(view))
    };
    replaced(owned, claim, owned.recreated.clone(), Change::Renewed)
}

fn vanished(view: &View, spec: &Spec, owned: &Record, absence: Absence, end: End) -> Plan {
    let requested = view.forced || view.is_edited();
    if view.known().mass_loss && !requested {
        return missing(
            "The room is missing at Daily before its end, and so many others are missing with it that automatic \
             re-creation is suspended. Find out what happened at Daily. To recreate the room, edit the spec or set the \
             annotation daily-operator.io/reconcile-requested-at.",
            ResolvedBy::Waiting,
            end.at,
        );
    }
    match believed(view, absence) {
        Ok(()) => {}
        Err(Wait::Look) if !view.facts.looked => return look(Look::Room),
        Err(Wait::Look) => return unchanged(SOON),
        Err(Wait::Until(moment)) => {
            let wait = view.now.moment.until(moment) + MARGIN;
            return unchanged(wait.min(LATER));
        }
    }
    if spec.missing == MissingRoomPolicy::Report && !requested {
        return missing(
            "The room is missing at Daily before its end, and its PIN no longer works. To recreate the room with a new \
             PIN, edit the spec or set the annotation daily-operator.io/reconcile-requested-at.",
            ResolvedBy::User,
            end.at,
        );
    }
    let mut recreated = owned.recreated.clone();
    recreated.retain(|at| *at > view.now.wall.saturating_sub(DAY));
    if recreated.len() >= RECREATIONS && !requested {
        return missing(
            "The room is missing at Daily again after it was recreated three times in 24 hours. Find out who deletes \
             it. To recreate the room, edit the spec or set the annotation daily-operator.io/reconcile-requested-at.",
            ResolvedBy::User,
            end.at,
        );
    }
    recreated.push(view.now.wall);
    let claim = Claim {
        end: Some(end),
        ..Claim::at(date(view))
    };
    replaced(owned, claim, recreated, Change::Recreated)
}

/// The recorded id gives way to a claim before anything is created. It is kept beside it: should the
/// room come back, it is still ours.
fn replaced(owned: &Record, claim: Claim, recreated: Vec<i64>, change: Change) -> Plan {
    let claimed = Record {
        claim: Some(claim),
        former_id: owned.made.as_ref().map(|it| it.id.clone()),
        made: None,
        recreated,
        ..owned.clone()
    };
    record(claimed, change)
}

fn missing(message: &str, resolved_by: ResolvedBy, end: i64) -> Plan {
    let requeue = Requeue::AtDrift(Some(end));
    fails(Reason::Missing, message, resolved_by, requeue)
}

/// What has to happen before an absence is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Daily has to be asked for the name now.
    Look,
    /// Nothing is to be done before.
    Until(Moment),
}

/// Two answers of absence that lie half the quiet period apart, the second one by name, and that one
/// a quiet period after every write that may still take effect.
fn believed(view: &View, absence: Absence) -> Result<(), Wait> {
    let second = absence.first.after(between_absences(view.quiet_period));
    asked_after(view, absence.by_name, second)
}

/// Daily was asked for the name at this moment, a quiet period after every write that may still take
/// effect: nothing of ours comes after that answer.
pub(super) fn quiet_since(view: &View, asked: Option<Moment>) -> Result<(), Wait> {
    asked_after(view, asked, Moment::default())
}

fn asked_after(view: &View, asked: Option<Moment>, at_least: Moment) -> Result<(), Wait> {
    let unknown = view.known().unknown_write;
    let done = unknown.map_or(Moment::default(), |at| at.after(view.quiet_period));
    let trusted = match view.memory.bound_here {
        true => Moment::default(),
        false => view.trusted_from,
    };
    let needed = at_least.max(done).max(trusted);
    match asked {
        Some(at) if at >= needed => Ok(()),
        _ if view.now.moment >= needed => Err(Wait::Look),
        _ => Err(Wait::Until(needed)),
    }
}
