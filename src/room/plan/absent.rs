//! A recorded room that Daily says does not exist: it ended, is missing, or the answer is not final.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::claim::claim;
use super::confirm_answer::{RECHECK, confirm_by_name, confirm_recently, until_asked_by_name};
use super::expire::{Passed, asks_for_another, expire, passed};
use super::problems::{USER_RETRY, end_too_far, fails};
use super::{Plan, Planned};
use crate::crd::MissingRoomPolicy;
use crate::crd::condition::Reason;
use crate::daily::evidence::{Absence, Losses};
use crate::reconcile::problem::{Requeue, ResolvedBy};
use crate::reconcile::record::{Claim, End, Made, Record};
use crate::reconcile::steps::{Change, record, unchanged};
use crate::room::spec::{FARTHEST_END, Spec};
use crate::room::view::View;

/// How often a missing room is recreated within 24 hours. Each time callers lose their PIN, and whoever
/// deletes the room will do it again; three allow for honest mistakes.
const MAX_RECREATIONS: usize = 3;
const DAY: i64 = 24 * 3600;

pub(super) fn absent(
    view: &View,
    spec: &Spec,
    owned: &Record,
    made: &Made,
    absence: Absence,
) -> Planned {
    let end = made.end.clone();
    let end = end.unwrap_or_else(|| spec.end_of(view.meta.created));
    match passed(view, end.at, absence.date) {
        Passed::Unconfirmed => {
            if absence.date.is_none() {
                confirm_by_name(view)?;
                return Ok(unchanged(RECHECK));
            }
            // If our clock is behind, nothing changes before it reaches the end.
            let left = u64::try_from(end.at.saturating_sub(view.now.wall)).unwrap_or(0);
            Ok(unchanged(RECHECK.max(Duration::from_secs(left))))
        }
        Passed::Yes => ended(view, spec, owned, &end),
        Passed::No => missing(view, spec, owned, absence, end),
    }
}

/// The room ended. A later end in the spec asks for a new room, and so does a renewal that came too late.
pub(super) fn ended(view: &View, spec: &Spec, owned: &Record, end: &End) -> Planned {
    let by_spec = spec.end_of_new(view.meta.created, view.now.wall);
    if !asks_for_another(view, spec, end) {
        return Ok(expire(view));
    }
    if by_spec.at.saturating_sub(view.now.wall) > FARTHEST_END {
        return Ok(end_too_far(
            "The new end is more than 364 days ahead, which Daily does not accept. Choose an earlier end.",
            Requeue::AtDrift(None),
        ));
    }
    if view.is_chosen() {
        confirm_by_name(view)?;
    }
    let claim = Claim {
        after_end: true,
        ..claim(view, by_spec)
    };
    Ok(record(replacing(owned, claim), Change::Replaced))
}

/// What replaces an adopted room is private, unless the record says that the adopted room was not: an earlier version
/// of the operator may have recorded it.
fn replacing(owned: &Record, claim: Claim) -> Record {
    Record {
        private: owned.private.or(owned.is_adopted().then_some(true)),
        ..owned.replacing(claim)
    }
}

/// Whether the operator recreates a missing room that no user asks for.
pub(in crate::room) fn is_recreated(spec: &Spec, record: &Record, now: i64) -> bool {
    spec.missing == MissingRoomPolicy::Recreate && recreations(record, now).len() < MAX_RECREATIONS
}

/// When the room was recreated within the last 24 hours.
fn recreations(record: &Record, now: i64) -> Vec<i64> {
    let mut recreated = record.recreated.clone();
    recreated.retain(|at| *at > now.saturating_sub(DAY));
    recreated
}

/// The room is missing before its end. It is recreated, unless something speaks against it.
fn missing(view: &View, spec: &Spec, owned: &Record, absence: Absence, end: End) -> Planned {
    let requested = view.forced || view.is_edited() && !view.is_resumed();
    let report = |message, resolved_by| {
        let requeue = Requeue::AtDrift(Some(end.at));
        Ok(fails(Reason::Missing, message, resolved_by, requeue))
    };
    let recreates = is_recreated(spec, owned, view.now.wall);
    if recreates
        && !requested
        && let Some(why) = suspended(view)
    {
        let requeue = Requeue::AtDrift(Some(end.at));
        let reason = Reason::RecreationSuspended;
        return Ok(fails(reason, why, ResolvedBy::User, requeue));
    }
    if let Some(wait) = until_confirmed(view, absence)? {
        return Ok(unchanged(wait.min(USER_RETRY)));
    }
    if spec.missing == MissingRoomPolicy::Report && !requested {
        return report(
            "The room is missing at Daily before its end, and its PIN no longer works. To recreate the room with a new \
             PIN, edit the spec or set the annotation daily-operator.io/reconcile-requested-at.",
            ResolvedBy::User,
        );
    }
    if !recreates && !requested {
        return report(
            "The room is missing at Daily again, after the operator recreated it three times in 24 hours. Find out who \
             deletes it. To recreate the room, edit the spec or set the annotation \
             daily-operator.io/reconcile-requested-at.",
            ResolvedBy::User,
        );
    }
    if view.evidence.losses == Losses::Unknown && !requested {
        return report(
            "The room is missing at Daily before its end. The operator recreates it once a listing of the account shows \
             that few rooms are missing.",
            ResolvedBy::Waiting,
        );
    }
    confirm_recently(view, absence.by_name)?;
    let mut recreated = recreations(owned, view.now.wall);
    recreated.push(view.now.wall);
    let claimed = Record {
        recreated,
        ..replacing(owned, claim(view, end.clone()))
    };
    Ok(record(claimed, Change::Recreated))
}

/// Why a room of a mass loss is not recreated. That stays as reported until the user asks for this room or Daily shows
/// it again: that others were recreated on request does not make the loss smaller.
fn suspended(view: &View) -> Option<String> {
    let is_reported = |it: &&Condition| it.reason == Reason::RecreationSuspended.as_str();
    let reported = view.status.conditions.iter().find(is_reported);
    let reported = reported.map(|it| &it.message);
    // Another problem, such as a missing API key, may have taken the place of the condition.
    if let Some(message) = reported.or(view.memory.kind.recreation_suspended.as_ref()) {
        return Some(message.clone());
    }
    let Losses::Mass { missing, of } = view.evidence.losses else {
        return None;
    };
    Some(format!(
        "The room is missing at Daily before its end. Automatic re-creation is suspended, because {missing} of {of} \
         rooms of the account vanished at once. Find out what happened at Daily: the operator uses the room again if it \
         comes back. To recreate the room with a new PIN, edit the spec or set the annotation \
         daily-operator.io/reconcile-requested-at."
    ))
}

/// A room is missing by two answers that are half the quiet period apart, the second one to a read by
/// name when no earlier write can take effect any more.
fn until_confirmed(view: &View, absence: Absence) -> Result<Option<Duration>, Plan> {
    until_asked_by_name(view, absence.by_name, view.missing_from(absence.first))
}
