//! Publishing a room: its numbers and PIN in the Secret, then Ready.

use std::time::Duration;

use super::confirm_answer::{RECHECK, confirm_by_name};
use super::delete_secrets::former_secret;
use super::differ::Present;
use super::problems::{USER_RETRY, fails};
use super::steps::{Read, SecretWrite, Serving, Step};
use super::{Plan, Planned};
use crate::crd::PublishedNumber;
use crate::crd::condition::Reason;
use crate::daily::evidence::{Observed, Source};
use crate::daily::types::Pin;
use crate::reconcile::problem::{Problem, Requeue, ResolvedBy};
use crate::reconcile::steps::{Outcome, Step as AnyStep, act, failing, read, unchanged};
use crate::room::Room;
use crate::room::published_numbers::WhyGlobal;
use crate::room::secret::{self, Found, SecretContent};
use crate::room::view::View;

/// Within how many seconds all objects of one `kubectl apply` are created. Creation times have no
/// fractions.
const APPLY_DURATION: i64 = 2;
/// How often to read another owner's Secret again, whose label no watch selects.
const SECRET_RETRY: Duration = Duration::from_secs(15);

/// Corrects the room, unless a problem is known already, then publishes it.
pub(super) fn publish(present: &Present<'_>, problem: Option<Problem>) -> Planned {
    let Present { view, observed, .. } = present;
    let Some(numbers) = &view.facts.numbers else {
        // If the status is lost, the Secret has the numbers that callers know.
        let status_is_lost = view.status.phone_numbers.is_empty() && view.facts.secret.is_none();
        return Ok(read(match status_is_lost {
            true => Read::Secret,
            false => Read::Numbers,
        }));
    };
    let problem = match problem {
        Some(problem) => Some(problem),
        None => present.corrected(numbers.as_deref().ok())?,
    };
    let problem = problem.or_else(|| numbers.as_ref().err().map(|it| it.problem.clone()));
    let Some(pin) = pin(view, observed) else {
        confirm_by_name(view)?;
        return Ok(no_pin());
    };
    let published = published(view);
    let retry = numbers.as_ref().map_or_else(|it| it.retry, |_| RECHECK);
    if published.is_empty() {
        let problem = problem.unwrap_or_else(no_number);
        return Ok(failing(problem, Requeue::After(retry)));
    }
    number_may_follow(view)?;
    let content = SecretContent {
        secret_name: view.names.secret.clone(),
        room_name: observed.room.name.clone(),
        url: observed.room.url.clone(),
        pin,
        numbers: published,
        end: observed.room.config.exp.unwrap_or(present.end.at),
        added: present.spec.secret.clone(),
    };
    secret_is_written(view, &content)?;
    let requeue = match &problem {
        Some(problem) if !problem.served => Requeue::After(retry),
        Some(problem) if problem.resolved_by != ResolvedBy::User => Requeue::After(RECHECK),
        _ => Requeue::AtDrift(Some(present.next_time(content.end))),
    };
    let outcome = outcome(present, content, problem);
    former_secret_is_deleted(view, &outcome)?;
    Ok(Plan::Rest(outcome, requeue))
}

/// The PIN of a read by name, or of a listing that agrees with the status; else the reported PIN of this
/// very room.
fn pin(view: &View, observed: &Observed) -> Option<Pin> {
    let believed = observed.source != Source::List || !pin_is_doubtful(view, observed);
    let shown = observed.room.config.dialin_code.as_ref();
    let shown = shown.filter(|_| believed);
    let is_same = |id: &String| *id == observed.room.id;
    let is_reported = view.status.room.as_ref().is_some_and(|it| is_same(&it.id));
    let reported = view.status.dialin_code.as_deref().filter(|_| is_reported);
    shown
        .and_then(|pin| Pin::new(pin.digits()))
        .or_else(|| reported.and_then(Pin::new))
}

/// Whether an answer shows another PIN than the status, or the status has none. A listing need not show
/// the PIN.
pub(super) fn pin_is_doubtful(view: &View, observed: &Observed) -> bool {
    match (&observed.room.config.dialin_code, &view.status.dialin_code) {
        (Some(shown), Some(reported)) => shown.digits() != reported,
        (_, None) => true,
        (None, Some(_)) => false,
    }
}

fn no_pin() -> Plan {
    fails(
        Reason::RejectedByDaily,
        "Daily shows no PIN for the room. Check that the Daily account may use PIN dial-in.",
        ResolvedBy::User,
        Requeue::After(USER_RETRY),
    )
}

/// The numbers that were chosen now, else those that were published before.
fn published(view: &View) -> Vec<PublishedNumber> {
    match &view.facts.numbers {
        Some(Ok(numbers)) => numbers.clone(),
        _ => view.status.phone_numbers.clone(),
    }
}

fn no_number() -> Problem {
    let message = "No phone number is configured for PIN dial-in. Create a PinDialinNumber.";
    Problem::new(Reason::NumberNotReady, ResolvedBy::Waiting, message).unserved()
}

/// One `kubectl apply` may create the room before its PinDialinNumber. If the account has a number that
/// could be configured, a new room waits a moment before it publishes a global number, which it would
/// keep.
fn number_may_follow(view: &View) -> Result<(), Plan> {
    let age = view.now.wall.saturating_sub(view.meta.created);
    let left = u64::try_from(APPLY_DURATION.saturating_sub(age)).unwrap_or(0);
    let could_follow = view.facts.why_global == Some(WhyGlobal::NothingConfigured);
    if could_follow && age >= 0 && left > 0 {
        return Err(unchanged(Duration::from_secs(left)));
    }
    Ok(())
}

/// The Secret exists, belongs to the object, and has this content.
fn secret_is_written(view: &View, content: &SecretContent) -> Result<(), Plan> {
    let name = &content.secret_name;
    let found = view.facts.secret.as_ref().ok_or(read(Read::Secret))?;
    let body = secret::wanted(&view.meta, content);
    let wanted = secret::fingerprint(&body);
    let repairs = found.fingerprint() != Some(&wanted) && was_tampered_with(view, content, found);
    let write = Box::new(SecretWrite { body, repairs });
    let step = match found {
        Found::Absent => Step::CreateSecret(write),
        Found::Foreign => {
            let message = format!(
                "The Secret {name} exists and does not belong to this DailyRoom. Delete it, or set another \
                 spec.secret.name."
            );
            let (reason, requeue) = (Reason::SecretConflict, Requeue::After(SECRET_RETRY));
            return Err(fails(reason, message, ResolvedBy::User, requeue));
        }
        Found::Ours {
            fingerprint,
            has_common_labels,
            ..
        } => {
            if *has_common_labels && *fingerprint == wanted {
                return Ok(());
            }
            let guard = found.guard(&view.meta, name);
            Step::UpdateSecret(write, guard.ok_or(read(Read::Secret))?)
        }
    };
    let rejection = view.memory.kind.secret_rejection.as_ref();
    let Some(rejection) = view.holding(rejection, &wanted) else {
        return Err(act(step));
    };
    let why = &rejection.info;
    let message = format!("The API server rejected the Secret {name}: {why}");
    let (reason, wait) = (
        Reason::SecretRefused,
        view.now.moment.until(rejection.until),
    );
    Err(fails(
        reason,
        message,
        ResolvedBy::User,
        Requeue::After(wait),
    ))
}

/// Whether somebody deleted or edited the Secret since the operator wrote it. Another process may have
/// written it: then the status reports its content, unless the spec was edited since.
fn was_tampered_with(view: &View, content: &SecretContent, found: &Found) -> bool {
    let written = view.memory.kind.written.get(&content.secret_name);
    written.map_or_else(
        || content.is_reported(&view.status) && !view.is_edited(),
        |written| found.fingerprint() != Some(written),
    )
}

fn outcome(
    present: &Present<'_>,
    content: SecretContent,
    problem: Option<Problem>,
) -> Outcome<Room> {
    let room = &present.observed.room;
    match problem {
        Some(problem) if !problem.served => Outcome::Failing(problem),
        problem => {
            let serving = Serving {
                domain: present.domain.clone(),
                id: room.id.clone(),
                created: room.created_at,
                why_global: present.view.facts.why_global.clone(),
                content,
            };
            Outcome::Serving(Box::new(serving), problem)
        }
    }
}

/// The Secret of an earlier `spec.secret.name` is deleted once the status names the new one, which holds
/// the same PIN.
fn former_secret_is_deleted(view: &View, outcome: &Outcome<Room>) -> Result<(), Plan> {
    // This can wait until the watch has shown all Secrets.
    if view.facts.other_secrets.is_none() {
        return Ok(());
    }
    let Some(former) = former_secret(view)? else {
        return Ok(());
    };
    let binding = view.status.binding.as_ref().map(|it| &it.name);
    if binding == Some(&view.names.secret) {
        return Err(act(Step::DeleteSecret(former)));
    }
    match outcome {
        Outcome::Serving(..) => Err(Plan::Act(AnyStep::Report(outcome.clone()))),
        _ => Ok(()),
    }
}
