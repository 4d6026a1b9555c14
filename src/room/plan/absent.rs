//! A recorded room that Daily says is not there: ended, vanished, or not to be believed yet.

use super::make::date;
use super::{Again, Change, LATER, Look, MARGIN, Needs, Passed, Plan, SOON, Step, Verdict};
use super::{expire, failing, passed, rest};
use crate::binding::{Binding, Claim, End, Made};
use crate::clock::Moment;
use crate::crd::MissingRoomPolicy;
use crate::crd::condition::Reason;
use crate::daily::ledger::{Absence, between_words};
use crate::room::desired::{Desired, FARTHEST_END};
use crate::room::view::View;

/// So often a vanished room is made anew within a day.
const RECREATIONS: usize = 3;
const DAY: i64 = 24 * 3600;

pub(super) fn plan(
    view: &View,
    desired: &Desired,
    binding: &Binding,
    made: &Made,
    absence: Absence,
) -> Plan {
    let by_spec = desired.end_of(view.subject.created);
    let end = made.end.clone().unwrap_or_else(|| by_spec.clone());
    match passed(view, end.at, absence.date) {
        Passed::Between => rest(Verdict::Unchanged, Again::In(SOON)),
        Passed::Yes => ended(view, binding, &end, by_spec),
        Passed::No => vanished(view, desired, binding, absence, end),
    }
}

/// It ended as planned; a later end in the spec makes a new room.
fn ended(view: &View, binding: &Binding, end: &End, by_spec: End) -> Plan {
    if by_spec.of == end.of || by_spec.at <= view.now.wall {
        return expire(view);
    }
    if by_spec.at - view.now.wall > FARTHEST_END {
        let message = "the new end is more than 364 days ahead, and Daily takes no room that ends \
                       so late: move it nearer";
        let again = Again::Drift(None);
        return failing(
            Reason::InvalidSpec,
            message.to_owned(),
            Needs::Person,
            again,
        );
    }
    if view.is_chosen() && !view.looked {
        return Plan::Look(Look::Room);
    }
    let claim = Claim {
        at: date(view),
        end: Some(by_spec),
        past_end: Some(end.at),
    };
    anew(binding, claim, binding.recreated.clone(), Change::After)
}

fn vanished(view: &View, desired: &Desired, binding: &Binding, absence: Absence, end: End) -> Plan {
    let asked = view.forced || view.is_edited();
    if view.known().tripped && !asked {
        return missing(
            "the room has vanished at Daily before its end, and with it so many others that none \
             is made anew by itself: look what happened there, then ask for a pass with the \
             annotation daily-operator.io/reconcile-requested-at",
            Needs::Time,
            end.at,
        );
    }
    match believed(view, absence) {
        Ok(()) => {}
        Err(Wait::Look) if !view.looked => return Plan::Look(Look::Room),
        Err(Wait::Look) => return rest(Verdict::Unchanged, Again::In(SOON)),
        Err(Wait::Until(moment)) => {
            let wait = view.now.moment.until(moment) + MARGIN;
            return rest(Verdict::Unchanged, Again::In(wait.min(LATER)));
        }
    }
    if desired.missing == MissingRoomPolicy::Report && !asked {
        return missing(
            "the room has vanished at Daily before its end, and its PIN is dead: ask for a pass \
             with the annotation daily-operator.io/reconcile-requested-at, or edit the spec, to \
             have a new one made with a new PIN",
            Needs::Person,
            end.at,
        );
    }
    let mut recreated = binding.recreated.clone();
    recreated.retain(|at| *at > view.now.wall - DAY);
    if recreated.len() >= RECREATIONS && !asked {
        return missing(
            "the room has vanished at Daily again, after it was made anew three times in 24 hours: \
             find out who deletes it, then ask for a pass with the annotation \
             daily-operator.io/reconcile-requested-at",
            Needs::Person,
            end.at,
        );
    }
    recreated.push(view.now.wall);
    let claim = Claim {
        at: date(view),
        end: Some(end),
        past_end: None,
    };
    anew(binding, claim, recreated, Change::Anew)
}

/// The recorded id gives way to a claim before anything is made.
fn anew(binding: &Binding, claim: Claim, recreated: Vec<i64>, change: Change) -> Plan {
    let binding = Binding {
        claim: Some(claim),
        made: None,
        recreated,
        ..binding.clone()
    };
    Plan::Act(Step::Record(binding, change))
}

fn missing(message: &str, needs: Needs, end: i64) -> Plan {
    let again = Again::Drift(Some(end));
    failing(Reason::Missing, message.to_owned(), needs, again)
}

/// What has to happen before an absence is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// The name has to be asked for now.
    Look,
    /// Nothing is to be done before.
    Until(Moment),
}

/// Two words of absence that lie half the quiet period apart, the second one by name, and that one
/// a quiet period after everything that may still be done.
fn believed(view: &View, absence: Absence) -> Result<(), Wait> {
    let second = absence.first.after(between_words(view.quiet));
    asked_after(view, absence.by_name, second)
}

/// The name was asked for at this moment, a quiet period after everything that may still be done:
/// nothing of ours comes after that answer.
pub(super) fn settled(view: &View, asked: Option<Moment>) -> Result<(), Wait> {
    asked_after(view, asked, Moment::default())
}

fn asked_after(view: &View, asked: Option<Moment>, at_least: Moment) -> Result<(), Wait> {
    let unknown = view.known().unknown_write;
    let done = unknown.map_or(Moment::default(), |at| at.after(view.quiet));
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
