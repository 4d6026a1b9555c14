//! Keeping a room that is recorded as it should be, and its Secret with it.

use std::time::Duration;

use super::differ::{Differs, differs};
use super::{Again, LATER, Look, Needs, Passed, Plan, SOON, Serving, Step, Trouble, Verdict};
use super::{MARGIN, absent, expire, failing, passed, rest};
use crate::binding::{Binding, End, Made};
use crate::clock::Moment;
use crate::crd::PublishedNumber;
use crate::crd::condition::Reason;
use crate::daily::ledger::{Seen, Word};
use crate::daily::types::{Domain, Pin};
use crate::kube::Guard;
use crate::room::desired::Desired;
use crate::room::numbers::WhyGlobal;
use crate::room::secret::{self, Card, Found};
use crate::room::view::View;

/// Within so many seconds all of a folder is applied. Times of creation have no fractions.
const FOLDER: i64 = 2;
/// Where listings show no PIN, a room is asked for it at every so many listings.
const PIN_LOOKS: u32 = 4;

/// What is decided with, once the room is known to be there.
pub(super) struct Keeping<'a> {
    pub(super) view: &'a View,
    pub(super) desired: &'a Desired,
    pub(super) domain: &'a Domain,
    pub(super) binding: &'a Binding,
    pub(super) made: &'a Made,
    pub(super) seen: &'a Seen,
    /// The recorded end.
    pub(super) end: End,
}

pub(super) fn plan(
    view: &View,
    desired: &Desired,
    domain: &Domain,
    binding: &Binding,
    made: &Made,
) -> Plan {
    if view.forced && !view.looked {
        return Plan::Look(Look::Room);
    }
    let known = view.known();
    let Some(seen) = &known.seen else {
        return match known.absence {
            Some(absence) => absent::plan(view, desired, binding, made, absence),
            // The listing serves all objects of the account. One that does not show the room and
            // is not complete says nothing, and the name itself has to be asked for.
            None if !view.listed => Plan::Look(Look::Listing),
            None if !view.looked => Plan::Look(Look::Room),
            None => rest(Verdict::Unchanged, Again::In(SOON)),
        };
    };
    // What was seen before a write of which nobody knows whether it was done is no longer so.
    if known.unknown_write.is_some_and(|at| seen.at < at) && !view.looked {
        return Plan::Look(Look::Room);
    }
    if let Some(plan) = disputed(view, known.disputed) {
        return plan;
    }
    if let Some(plan) = doubtful(view, made, seen) {
        return plan;
    }
    let end = made.end.clone();
    let end = end.unwrap_or_else(|| desired.end_of(view.subject.created));
    if let Some(plan) = end_has_come(view, &end, seen) {
        return plan;
    }
    present(&Keeping {
        view,
        desired,
        domain,
        binding,
        made,
        seen,
        end,
    })
}

/// A read found no room so shortly after our write that it may have lagged (F-ROOM-41): nothing is
/// concluded or sent in this pass, and as soon as it cannot lag any more the name is asked for again.
fn disputed(view: &View, until: Option<Moment>) -> Option<Plan> {
    let until = until?;
    if until > view.now.moment {
        let wait = view.now.moment.until(until) + MARGIN;
        return view
            .looked
            .then(|| rest(Verdict::Unchanged, Again::In(wait)));
    }
    (!view.looked).then_some(Plan::Look(Look::Room))
}

/// Another id or PIN in a listing, or no dial-in, is asked about by name before it is believed.
fn doubtful(view: &View, made: &Made, seen: &Seen) -> Option<Plan> {
    let other_room = seen.room.id != made.id;
    let no_dialin = seen.room.config.dialin.is_none() && view.memory.dialin_sent.is_none();
    let in_doubt = other_room || no_dialin || pin_is_doubtful(view, seen) || pin_is_old(view, seen);
    if seen.by == Word::Listing && !view.looked && in_doubt {
        return Some(Plan::Look(Look::Room));
    }
    other_room.then(|| {
        let message = format!(
            "the room {} at Daily is not the one that was made for this object, which is gone: \
             delete that room, or make a DailyRoom of another name",
            seen.room.name
        );
        failing(Reason::NameTaken, message, Needs::Person, Again::In(LATER))
    })
}

/// Whether a listing shows another PIN than the one that is reported, or none is reported.
fn pin_is_doubtful(view: &View, seen: &Seen) -> bool {
    match (&seen.room.config.dialin_code, &view.status.dialin_code) {
        (Some(shown), Some(reported)) => shown.digits() != reported,
        (_, None) => true,
        // A listing need not show it.
        (None, Some(_)) => false,
    }
}

/// Whether the listing shows no PIN (F-PIN-10), and the room was not asked for it for long: somebody
/// may have changed the room by hand, and its PIN with it.
fn pin_is_old(view: &View, seen: &Seen) -> bool {
    let named = view.known().named;
    // Passes come a moment sooner or later than the interval.
    let due = view.drift * PIN_LOOKS - view.drift / 2;
    let recent = |at: Moment| at.until(view.now.moment) < due;
    seen.room.config.dialin_code.is_none() && !named.is_some_and(recent)
}

fn end_has_come(view: &View, end: &End, seen: &Seen) -> Option<Plan> {
    if view.now.wall < end.at {
        return None;
    }
    if !view.looked {
        return Some(Plan::Look(Look::Room));
    }
    // A room without an end does not end by itself: its end is put back. // F-PIN-22
    let exp = seen.room.config.exp?;
    match passed(view, exp.max(end.at), seen.date) {
        Passed::Yes => Some(expire(view)),
        Passed::Between => Some(rest(Verdict::Unchanged, Again::In(SOON))),
        // It was moved later at Daily, and is taken over or put back.
        Passed::No => None,
    }
}

fn present(keeping: &Keeping<'_>) -> Plan {
    let Keeping { view, seen, .. } = keeping;
    let Some(numbers) = &view.numbers else {
        // Where the status is lost, the Secret has the numbers that callers hold.
        let lost = view.status.phone_numbers.is_empty() && view.secret.is_none();
        return Plan::Look(if lost { Look::Secret } else { Look::Numbers });
    };
    let mut trouble = match differs(keeping, numbers.as_deref().ok()) {
        Differs::No => None,
        Differs::Do(step) => return Plan::Act(step),
        Differs::Refused(trouble) => Some(trouble),
    };
    if let Err(problem) = numbers {
        trouble.get_or_insert(Trouble {
            reason: problem.reason,
            message: problem.message.clone(),
            needs: if problem.waits {
                Needs::Time
            } else {
                Needs::Person
            },
            served: true,
        });
    }
    let Some(pin) = pin(view, seen) else {
        return no_pin(view);
    };
    let published = match published(view) {
        Ok(published) => published,
        Err(plan) => return plan,
    };
    if published.is_empty() {
        let again = numbers.as_ref().map_or_else(|it| it.again, |_| SOON);
        let trouble = trouble.unwrap_or_else(no_number);
        return rest(Verdict::Failing(trouble), Again::In(again));
    }
    if let Some(plan) = number_may_follow(view) {
        return plan;
    }
    let card = Card {
        secret_name: view.wishes.secret_name.clone(),
        room_name: seen.room.name.clone(),
        url: seen.room.url.clone(),
        pin,
        numbers: published,
        end: seen.room.config.exp.unwrap_or(keeping.end.at),
    };
    card_is_out(keeping, card, trouble)
}

/// Room and PinDialinNumber may come out of one folder, the room first. Where the account has a
/// number that could be set up, a new room looks once more before it publishes a global one, which
/// it would keep.
fn number_may_follow(view: &View) -> Option<Plan> {
    let could = view.why_global == Some(WhyGlobal::NothingConfigured);
    let age = view.now.wall.checked_sub(view.subject.created)?;
    let left = u64::try_from(FOLDER.checked_sub(age)?).ok()?;
    (could && age >= 0 && left > 0)
        .then(|| rest(Verdict::Unchanged, Again::In(Duration::from_secs(left))))
}

fn no_number() -> Trouble {
    Trouble {
        reason: Reason::NumberNotReady,
        message: "no number takes the PIN of this room: create a PinDialinNumber".to_owned(),
        needs: Needs::Time,
        served: false,
    }
}

/// The numbers that are published: those that were chosen now, or while that is not possible those
/// that were published before.
fn published(view: &View) -> Result<Vec<PublishedNumber>, Plan> {
    if let Some(Ok(numbers)) = &view.numbers {
        return Ok(numbers.clone());
    }
    if !view.status.phone_numbers.is_empty() {
        return Ok(view.status.phone_numbers.clone());
    }
    match &view.secret {
        None => Err(Plan::Look(Look::Secret)),
        Some(Found::Ours { numbers, .. }) => Ok(numbers.clone()),
        Some(Found::Absent | Found::Foreign) => Ok(Vec::new()),
    }
}

/// The Secret says what the card says; then all is well.
fn card_is_out(keeping: &Keeping<'_>, card: Card, trouble: Option<Trouble>) -> Plan {
    let Keeping { view, seen, .. } = keeping;
    let subject = &view.subject;
    match &view.secret {
        None => return Plan::Look(Look::Secret),
        Some(Found::Absent) => return Plan::Act(Step::CreateSecret(card)),
        Some(Found::Foreign) => {
            let message = format!(
                "the Secret {} exists and is not this object's: delete it, or choose another \
                 spec.secret.name",
                card.secret_name
            );
            let again = Again::In(SOON * 3);
            return failing(Reason::SecretConflict, message, Needs::Person, again);
        }
        Some(Found::Ours { says, labelled, .. })
            if *labelled && *says == secret::fingerprint(&secret::wanted(subject, &card)) => {}
        Some(Found::Ours {
            uid,
            resource_version,
            ..
        }) => {
            let guard = Guard {
                namespace: subject.namespace.clone(),
                name: card.secret_name.clone(),
                uid: uid.clone(),
                resource_version: resource_version.clone(),
            };
            return Plan::Act(Step::UpdateSecret(card, guard));
        }
    }
    let again = match &trouble {
        Some(trouble) if trouble.needs != Needs::Person => Again::In(SOON),
        _ => Again::Drift(Some(card.end)),
    };
    let serving = Serving {
        domain: keeping.domain.clone(),
        id: seen.room.id.clone(),
        created: seen.room.created_at,
        why_global: view.why_global.clone(),
        card,
    };
    rest(Verdict::Serving(Box::new(serving), trouble), again)
}

/// Daily's PIN, by name; else the one that is known of this very room.
fn pin(view: &View, seen: &Seen) -> Option<Pin> {
    let believed = seen.by != Word::Listing || !pin_is_doubtful(view, seen);
    let shown = seen.room.config.dialin_code.as_ref().filter(|_| believed);
    let same_room = view
        .status
        .room
        .as_ref()
        .is_some_and(|it| it.id == seen.room.id);
    let known = view.status.dialin_code.as_deref().filter(|_| same_room);
    shown
        .and_then(|pin| Pin::new(pin.digits()))
        .or_else(|| known.and_then(Pin::new))
}

fn no_pin(view: &View) -> Plan {
    if !view.looked {
        return Plan::Look(Look::Room);
    }
    let message = "Daily shows no PIN for the room: check that the account may use PIN dial-in";
    failing(
        Reason::RejectedByDaily,
        message.to_owned(),
        Needs::Person,
        Again::In(LATER),
    )
}
