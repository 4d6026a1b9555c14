//! Publishing a room: its numbers and PIN in the Secret, then Ready.

use std::time::Duration;

use super::confirm_answer::{RECHECK, confirm_by_name};
use super::delete_secrets::former_secrets;
use super::differ::Present;
use super::problems::USER_RETRY;
use super::publish_tokens::tokens_are_written;
use super::steps::{Read, SecretEvent, SecretWrite, Serving, Step};
use super::write_secret::{secret_is_written, was_tampered_with};
use super::{Plan, Planned};
use crate::crd::PublishedNumber;
use crate::crd::condition::Reason;
use crate::daily::evidence::{Observed, Source};
use crate::daily::types::Pin;
use crate::reconcile::problem::{Problem, Requeue, ResolvedBy};
use crate::reconcile::steps::{Outcome, Step as AnyStep, act, failing, read, unchanged};
use crate::room::Room;
use crate::room::published_numbers::WhyGlobal;
use crate::room::secret::{self, Found, SecretContent, SecretKind};
use crate::room::view::View;

/// Within how many seconds all objects of one `kubectl apply` are created. Creation times have no
/// fractions.
const APPLY_DURATION: i64 = 2;

/// Corrects the room, unless a problem is known already, then publishes it.
pub(super) fn publish(present: &Present<'_>, problem: Option<Problem>) -> Planned {
    let Present { view, observed, .. } = present;
    let Some(numbers) = &view.facts.numbers else {
        // If the status is lost, the Secret has the numbers that callers know.
        let status_is_lost = view.status.phone_numbers.is_empty()
            && !view.facts.secrets.contains_key(&SecretKind::Dialin);
        return Ok(read(match status_is_lost {
            true => Read::Secret(SecretKind::Dialin),
            false => Read::Numbers,
        }));
    };
    let problem = match problem {
        Some(problem) => Some(problem),
        None => present.corrected(numbers.as_deref().ok())?,
    };
    let problem = problem.or_else(|| numbers.as_ref().err().map(|it| it.problem.clone()));
    let unserved = match numbers {
        Ok(_) => Requeue::Polling(USER_RETRY),
        Err(it) => Requeue::After(it.retry),
    };
    let Some(pin) = pin(view, observed) else {
        confirm_by_name(view)?;
        // What keeps dial-in from being enabled keeps the room from having a PIN.
        let cause = problem.filter(|_| observed.room.config.dialin.is_none());
        return Ok(failing(cause.unwrap_or_else(no_pin), unserved));
    };
    let published = published(view);
    if published.is_empty() {
        let problem = problem.unwrap_or_else(no_number);
        return Ok(failing(problem, unserved));
    }
    number_may_follow(view)?;
    let content = SecretContent {
        secret_name: view.names.secret.clone(),
        room_name: observed.room.name.clone(),
        url: observed.room.url.clone(),
        revision: revision(view, observed, &pin),
        pin,
        numbers: published,
        end: observed.room.config.exp.unwrap_or(present.end.at),
        added: present.spec.secret.clone(),
    };
    dialin_secret_is_written(present, &content, problem.as_ref())?;
    callers_come_first(present, &content, problem.as_ref())?;
    let tokens = tokens_are_written(present, content.end)?;
    let requeue = match &problem {
        Some(problem) if !problem.served => unserved,
        Some(problem) if problem.resolved_by != ResolvedBy::User => Requeue::After(RECHECK),
        _ => {
            let next = present.spec.next_time(content.end, view.now.wall);
            Requeue::AtDrift(Some(tokens.next.map_or(next, |it| it.min(next))))
        }
    };
    let has_tokens = tokens.problem.is_none();
    let outcome = outcome(present, content, problem.or(tokens.problem));
    former_secrets_are_deleted(view, &outcome, has_tokens)?;
    Ok(Plan::Rest(outcome, requeue))
}

/// Callers can call before Daily has issued the meeting tokens, which may take long or fail.
fn callers_come_first(
    present: &Present<'_>,
    content: &SecretContent,
    problem: Option<&Problem>,
) -> Result<(), Plan> {
    if present.spec.tokens.is_empty() || is_reported(present.view, content) {
        return Ok(());
    }
    match outcome(present, content.clone(), problem.cloned()) {
        outcome @ Outcome::Serving(..) => Err(Plan::Act(AnyStep::Report(outcome))),
        _ => Ok(()),
    }
}

/// Whether the status reports exactly this content.
fn is_reported(view: &View, content: &SecretContent) -> bool {
    let status = &view.status;
    let end = status.expiration_time.as_ref().map(|it| it.0.as_second());
    let secret = status.binding.as_ref().map(|it| &it.name);
    secret == Some(&content.secret_name) && is_dialed(view, content) && end == Some(content.end)
}

/// Whether the status reports this PIN and these numbers.
fn is_dialed(view: &View, content: &SecretContent) -> bool {
    let status = &view.status;
    status.dialin_code_revision == Some(content.revision)
        && (view.omits_code() || status.dialin_code.is_some())
        && status.phone_numbers == content.numbers
}

/// The PIN of a read by name, or of a listing that agrees with the status; else the reported PIN of this
/// very room.
fn pin(view: &View, observed: &Observed) -> Option<Pin> {
    let believed = observed.source != Source::List || !pin_is_doubtful(view, observed);
    let shown = observed.room.config.dialin_code.as_ref();
    let shown = shown.filter(|_| believed);
    let is_same = |id: &String| *id == observed.room.id;
    let is_reported = view.status.room.as_ref().is_some_and(|it| is_same(&it.id));
    let reported = view.reported_pin().filter(|_| is_reported);
    shown
        .and_then(|pin| Pin::new(pin.digits()))
        .or_else(|| reported.and_then(Pin::new))
}

/// How many PINs the object has had with this one. A Secret that is one ahead of the status has a PIN that an
/// earlier process could not report any more.
fn revision(view: &View, observed: &Observed, pin: &Pin) -> i64 {
    let Some(before) = view.status.dialin_code_revision else {
        return 1;
    };
    let next = before.saturating_add(1);
    let is_same = view.is_reported(pin, &observed.room.id);
    let is_ahead = view.remembered_pin().is_none()
        && view
            .written_pin()
            .is_some_and(|it| it.revision == Some(next));
    if is_same && !is_ahead { before } else { next }
}

/// If the status may not have the PIN, the Secret says after a restart which one callers know.
pub(super) fn pin_is_known(view: &View) -> Result<(), Plan> {
    let is_known =
        view.reported_pin().is_some() || view.facts.secrets.contains_key(&SecretKind::Dialin);
    match is_known || !view.omits_code() {
        true => Ok(()),
        false => Err(read(Read::Secret(SecretKind::Dialin))),
    }
}

/// Whether an answer shows another PIN than was reported, or none was. A listing need not show the PIN.
pub(super) fn pin_is_doubtful(view: &View, observed: &Observed) -> bool {
    match (&observed.room.config.dialin_code, view.reported_pin()) {
        (Some(shown), Some(reported)) => shown.digits() != reported,
        (_, None) => true,
        (None, Some(_)) => false,
    }
}

fn no_pin() -> Problem {
    let message =
        "Daily shows no PIN for the room. Check that the Daily account may use PIN dial-in.";
    Problem::for_user(Reason::RejectedByDaily, message)
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

/// The Secret with the PIN has this content. Without it nobody can call, nor while another problem leaves them unserved.
fn dialin_secret_is_written(
    present: &Present<'_>,
    content: &SecretContent,
    other: Option<&Problem>,
) -> Result<(), Plan> {
    let view = present.view;
    let kind = SecretKind::Dialin;
    let name = &content.secret_name;
    let found = view.facts.secrets.get(&kind);
    let found = found.ok_or(read(Read::Secret(kind)))?;
    let body = secret::wanted(&view.meta, content);
    // If another process wrote the Secret, the status reports its content, unless the spec was edited
    // since, or an earlier version of the operator wrote it.
    let has_no_revision = view.written_pin().is_some_and(|it| it.revision.is_none());
    let was_written = is_reported(view, content) && !view.is_edited() && !has_no_revision;
    let event = was_tampered_with(view, name, found).unwrap_or(was_written);
    let event = event.then_some(SecretEvent::Repaired);
    let identity = secret::fingerprint(&body);
    let write = SecretWrite {
        kind,
        body,
        identity,
        event,
    };
    let Some((problem, wait)) = secret_is_written(view, found, write)? else {
        return Ok(());
    };
    let requeue = Requeue::After(wait);
    if let Some(unserved) = other.filter(|it| !it.served) {
        return Err(failing(unserved.clone(), requeue));
    }
    let Some(secret_name) = still_used(view, found, content)? else {
        return Err(failing(problem.unserved(), requeue));
    };
    let message = format!(
        "{} Until then the Secret {secret_name} keeps the number and PIN, and callers still reach the room.",
        problem.message
    );
    let problem = Problem { message, ..problem };
    let content = SecretContent {
        secret_name,
        ..content.clone()
    };
    let outcome = outcome(present, content, Some(problem));
    Err(Plan::Rest(outcome, requeue))
}

/// The Secret that apps read while this content cannot be written, if the number and PIN in it reach the room: the same
/// one, or that of an earlier `spec.secret.name`.
fn still_used(view: &View, found: &Found, content: &SecretContent) -> Result<Option<String>, Plan> {
    if found.has_dialin_of(content) {
        return Ok(Some(content.secret_name.clone()));
    }
    let bound = view.status.binding.as_ref();
    let Some(bound) = bound.filter(|_| is_dialed(view, content)) else {
        return Ok(None);
    };
    let former = former_secrets(view)?.iter();
    let mut former = former.filter(|(kind, _)| *kind == SecretKind::Dialin);
    let is_there = former.any(|(_, it)| it.name == bound.name);
    Ok(is_there.then(|| bound.name.clone()))
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
/// the same PIN; one with meeting tokens, once the new one has them.
fn former_secrets_are_deleted(
    view: &View,
    outcome: &Outcome<Room>,
    has_tokens: bool,
) -> Result<(), Plan> {
    // This can wait until the watch has shown all Secrets.
    if view.facts.other_secrets.is_none() {
        return Ok(());
    }
    let binding = view.status.binding.as_ref().map(|it| &it.name);
    let is_reported = binding == Some(&view.names.secret);
    for (kind, former) in former_secrets(view)? {
        let is_replaced = match kind {
            SecretKind::Dialin => is_reported,
            SecretKind::Tokens => has_tokens,
        };
        if is_replaced {
            return Err(act(Step::DeleteSecret(former.clone())));
        }
        if *kind == SecretKind::Dialin && matches!(outcome, Outcome::Serving(..)) {
            return Err(Plan::Act(AnyStep::Report(outcome.clone())));
        }
    }
    Ok(())
}
