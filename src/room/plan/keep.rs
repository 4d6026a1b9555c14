//! Keeping a recorded room as the spec asks, and its Secret with it.

use std::time::Duration;

use super::differ::{Differs, differs};
use super::{LATER, Look, MARGIN, Passed, Plan, SOON, Serving, Step};
use super::{absent, act, delete, expire, fails, look, passed, unchanged};
use crate::clock::Moment;
use crate::crd::PublishedNumber;
use crate::crd::condition::Reason;
use crate::daily::evidence::{Observed, Source};
use crate::daily::types::{Domain, Pin};
use crate::reconcile::plan::{Outcome, Step as AnyStep, failing, rest};
use crate::reconcile::problem::{Problem, Requeue, ResolvedBy};
use crate::reconcile::record::{End, Made, Record};
use crate::room::Room;
use crate::room::numbers::WhyGlobal;
use crate::room::secret::{self, Found, SecretContent};
use crate::room::spec::Spec;
use crate::room::view::{NumberProblem, View};

/// Within so many seconds all of a folder is applied. Times of creation have no fractions.
const FOLDER: i64 = 2;
/// Where listings show no PIN, a room is asked for it at every so many listings.
const PIN_LOOKS: u32 = 4;

/// A Secret that cannot be written is tried again this often: no watch shows that a quota, a policy
/// or a foreign Secret is gone.
const SECRET_AGAIN: Duration = Duration::from_secs(15);

/// What is decided with, once the room is known to be there.
pub(super) struct Keeping<'a> {
    pub(super) view: &'a View,
    pub(super) spec: &'a Spec,
    pub(super) domain: &'a Domain,
    pub(super) owned: &'a Record,
    pub(super) made: &'a Made,
    pub(super) observed: &'a Observed,
    /// The recorded end.
    pub(super) end: End,
}

pub(in crate::room) fn plan(
    view: &View,
    spec: &Spec,
    domain: &Domain,
    owned: &Record,
    made: &Made,
) -> Plan {
    if view.forced && !view.facts.looked {
        return look(Look::Room);
    }
    let known = view.known();
    let Some(observed) = &known.observed else {
        return match known.absence {
            Some(absence) => absent::plan(view, spec, owned, made, absence),
            // The listing serves all objects of the account. One that does not show the room and
            // is not complete says nothing, and the name itself has to be asked for.
            None if !view.facts.listed => look(Look::Listing),
            None if !view.facts.looked => look(Look::Room),
            None => unchanged(SOON),
        };
    };
    // What was seen before a write of which nobody knows whether it was done is no longer so.
    if known.unknown_write.is_some_and(|at| observed.at < at) && !view.facts.looked {
        return look(Look::Room);
    }
    if let Some(plan) = maybe_stale(view, known.maybe_stale_until) {
        return plan;
    }
    if let Some(plan) = doubtful(view, made, observed) {
        return plan;
    }
    let end = made.end.clone();
    let end = end.unwrap_or_else(|| spec.end_of(view.meta.created));
    if let Some(plan) = end_has_come(view, &end, observed) {
        return plan;
    }
    present(&Keeping {
        view,
        spec,
        domain,
        owned,
        made,
        observed,
        end,
    })
}

/// A read found no room so shortly after our write that it may have lagged (F-ROOM-41): nothing is
/// concluded or sent in this pass, and as soon as it cannot lag any more the name is asked for again.
fn maybe_stale(view: &View, until: Option<Moment>) -> Option<Plan> {
    let until = until?;
    if until > view.now.moment {
        let wait = view.now.moment.until(until) + MARGIN;
        return view.facts.looked.then(|| unchanged(wait));
    }
    (!view.facts.looked).then_some(look(Look::Room))
}

/// Another id or PIN in a listing, or no dial-in, is asked about by name before it is believed.
fn doubtful(view: &View, made: &Made, observed: &Observed) -> Option<Plan> {
    let other_room = observed.room.id != made.id;
    let no_dialin = observed.room.config.dialin.is_none() && view.memory.kind.dialin_sent.is_none();
    let in_doubt =
        other_room || no_dialin || pin_is_doubtful(view, observed) || pin_is_old(view, observed);
    if observed.source == Source::List && !view.facts.looked && in_doubt {
        return Some(look(Look::Room));
    }
    other_room.then(|| {
        let message = format!(
            "Room {} was replaced at Daily by a room that this DailyRoom does not own. Delete that room at Daily, or \
             create a DailyRoom with another name.",
            observed.room.name
        );
        let requeue = Requeue::After(LATER);
        fails(Reason::NameTaken, message, ResolvedBy::User, requeue)
    })
}

/// Whether a listing shows another PIN than the one that is reported, or none is reported.
fn pin_is_doubtful(view: &View, observed: &Observed) -> bool {
    match (&observed.room.config.dialin_code, &view.status.dialin_code) {
        (Some(shown), Some(reported)) => shown.digits() != reported,
        (_, None) => true,
        // A listing need not show it.
        (None, Some(_)) => false,
    }
}

/// Whether the listing shows no PIN (F-PIN-10), and the room was not asked for it for long: somebody
/// may have changed the room by hand, and its PIN with it.
fn pin_is_old(view: &View, observed: &Observed) -> bool {
    let named = view.known().named;
    // Passes come a moment sooner or later than the interval.
    let due = view.drift_interval * PIN_LOOKS - view.drift_interval / 2;
    let recent = |at: Moment| at.until(view.now.moment) < due;
    observed.room.config.dialin_code.is_none() && !named.is_some_and(recent)
}

fn end_has_come(view: &View, end: &End, observed: &Observed) -> Option<Plan> {
    if view.now.wall < end.at {
        return None;
    }
    // Many rooms may end at once: one listing shows all of them. A room that it does not decide on is
    // asked for by name.
    if !view.facts.listed_again && !view.facts.looked {
        return Some(look(Look::NextListing));
    }
    if !view.facts.looked {
        return Some(look(Look::Room));
    }
    // A room without an end does not end by itself: its end is put back. // F-PIN-22
    let exp = observed.room.config.exp?;
    match passed(view, exp.max(end.at), observed.date) {
        Passed::Yes => Some(expire(view)),
        Passed::Between => Some(unchanged(SOON)),
        // It was moved later at Daily, and is taken over or put back.
        Passed::No => None,
    }
}

fn present(keeping: &Keeping<'_>) -> Plan {
    let Keeping { view, observed, .. } = keeping;
    let Some(numbers) = &view.facts.numbers else {
        // Where the status is lost, the Secret has the numbers that callers hold.
        let lost = view.status.phone_numbers.is_empty() && view.facts.secret.is_none();
        return look(if lost { Look::Secret } else { Look::Numbers });
    };
    let mut problem = match differs(keeping, numbers.as_deref().ok()) {
        Differs::No => None,
        Differs::Do(plan) => return plan,
        Differs::Rejected(problem) => Some(problem),
    };
    if let Err(numbers) = numbers {
        problem.get_or_insert_with(|| of_numbers(numbers));
    }
    let Some(pin) = pin(view, observed) else {
        return no_pin(view);
    };
    let published = match published(view) {
        Ok(published) => published,
        Err(plan) => return plan,
    };
    if published.is_empty() {
        let again = numbers.as_ref().map_or_else(|it| it.again, |_| SOON);
        let problem = problem.unwrap_or_else(no_number);
        return failing(problem, Requeue::After(again));
    }
    if let Some(plan) = number_may_follow(view) {
        return plan;
    }
    let content = SecretContent {
        secret_name: view.names.secret.clone(),
        room_name: observed.room.name.clone(),
        url: observed.room.url.clone(),
        pin,
        numbers: published,
        end: observed.room.config.exp.unwrap_or(keeping.end.at),
    };
    secret_is_written(keeping, content, problem)
}

fn of_numbers(numbers: &NumberProblem) -> Problem {
    let resolved_by = match numbers.waits {
        true => ResolvedBy::Waiting,
        false => ResolvedBy::User,
    };
    Problem {
        served: !numbers.is_unserved(),
        ..Problem::new(numbers.reason, resolved_by, numbers.message.clone())
    }
}

/// Room and PinDialinNumber may come out of one folder, the room first. Where the account has a
/// number that could be set up, a new room looks once more before it publishes a global one, which
/// it would keep.
fn number_may_follow(view: &View) -> Option<Plan> {
    let could = view.facts.why_global == Some(WhyGlobal::NothingConfigured);
    let age = view.now.wall.checked_sub(view.meta.created)?;
    let left = u64::try_from(FOLDER.checked_sub(age)?).ok()?;
    (could && age >= 0 && left > 0).then(|| unchanged(Duration::from_secs(left)))
}

fn no_number() -> Problem {
    let message = "No phone number is configured for PIN dial-in. Create a PinDialinNumber.";
    Problem::new(Reason::NumberNotReady, ResolvedBy::Waiting, message).unserved()
}

/// The numbers that are published: those that were chosen now, or while that is not possible those
/// that were published before.
fn published(view: &View) -> Result<Vec<PublishedNumber>, Plan> {
    if let Some(Ok(numbers)) = &view.facts.numbers {
        return Ok(numbers.clone());
    }
    if !view.status.phone_numbers.is_empty() {
        return Ok(view.status.phone_numbers.clone());
    }
    match &view.facts.secret {
        None => Err(look(Look::Secret)),
        Some(Found::Ours { numbers, .. }) => Ok(numbers.clone()),
        Some(Found::Absent | Found::Foreign) => Ok(Vec::new()),
    }
}

/// The Secret says what is published; then callers are served.
fn secret_is_written(
    keeping: &Keeping<'_>,
    content: SecretContent,
    problem: Option<Problem>,
) -> Plan {
    let Keeping { view, observed, .. } = keeping;
    let meta = &view.meta;
    if let Some(why) = &view.facts.secret_refused {
        let message = format!(
            "The Secret {} could not be written: {why}",
            content.secret_name
        );
        let requeue = Requeue::After(SECRET_AGAIN);
        return fails(Reason::SecretRefused, message, ResolvedBy::User, requeue);
    }
    match &view.facts.secret {
        None => return look(Look::Secret),
        Some(Found::Absent) => return act(Step::CreateSecret(content)),
        Some(Found::Foreign) => {
            let message = format!(
                "The Secret {} exists and does not belong to this DailyRoom. Delete it, or choose another \
                 spec.secret.name.",
                content.secret_name
            );
            let requeue = Requeue::After(SECRET_AGAIN);
            return fails(Reason::SecretConflict, message, ResolvedBy::User, requeue);
        }
        Some(Found::Ours { says, labelled, .. })
            if *labelled && *says == secret::fingerprint(&secret::wanted(meta, &content)) => {}
        Some(found @ Found::Ours { .. }) => {
            let guard = found.guard(meta, &content.secret_name);
            let update = guard.map(|guard| act(Step::UpdateSecret(content, guard)));
            return update.unwrap_or_else(|| look(Look::Secret));
        }
    }
    let unserved = view.facts.numbers.as_ref().and_then(|it| it.as_ref().err());
    let requeue = match &problem {
        Some(problem) if !problem.served => {
            Requeue::After(unserved.map_or(SOON, |numbers| numbers.again))
        }
        Some(problem) if problem.resolved_by != ResolvedBy::User => Requeue::After(SOON),
        _ => Requeue::AtDrift(Some(content.end)),
    };
    let outcome = match problem {
        Some(problem) if !problem.served => Outcome::Failing(problem),
        problem => {
            let serving = Serving {
                domain: keeping.domain.clone(),
                id: observed.room.id.clone(),
                created: observed.room.created_at,
                why_global: view.facts.why_global.clone(),
                content,
            };
            Outcome::Serving(Box::new(serving), problem)
        }
    };
    former_secret_goes(view, &outcome).unwrap_or_else(|| rest(outcome, requeue))
}

/// The Secret of an earlier `spec.secret.name` goes once the status names the new one, which holds
/// the same PIN.
fn former_secret_goes(view: &View, outcome: &Outcome<Room>) -> Option<Plan> {
    // It can wait until the watch has shown all Secrets.
    view.facts.other_secrets.as_ref()?;
    let former = match delete::former_secret(view)? {
        Ok(former) => former,
        Err(look) => return Some(look),
    };
    let named = view.status.binding.as_ref().map(|it| &it.name);
    if named == Some(&view.names.secret) {
        return Some(act(Step::DeleteSecret(former)));
    }
    let report = AnyStep::Report(outcome.clone());
    matches!(outcome, Outcome::Serving(..)).then_some(Plan::Act(report))
}

/// Daily's PIN, by name; else the one that is known of this very room.
fn pin(view: &View, observed: &Observed) -> Option<Pin> {
    let believed = observed.source != Source::List || !pin_is_doubtful(view, observed);
    let shown = observed
        .room
        .config
        .dialin_code
        .as_ref()
        .filter(|_| believed);
    let same_room = view
        .status
        .room
        .as_ref()
        .is_some_and(|it| it.id == observed.room.id);
    let known = view.status.dialin_code.as_deref().filter(|_| same_room);
    shown
        .and_then(|pin| Pin::new(pin.digits()))
        .or_else(|| known.and_then(Pin::new))
}

fn no_pin(view: &View) -> Plan {
    if !view.facts.looked {
        return look(Look::Room);
    }
    fails(
        Reason::RejectedByDaily,
        "Daily shows no PIN for the room. Check that the Daily account may use PIN dial-in.",
        ResolvedBy::User,
        Requeue::After(LATER),
    )
}
