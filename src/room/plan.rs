//! What to do next for a DailyRoom. No I/O: pure and total.
//!
//! [`plan`] answers with one thing at a time. A look fills the view, a step changes the world and
//! the view, and both come back here; a rest ends the pass with what is to be reported. After a
//! step whose outcome is unknown the pass ends, and the next one begins with observing.

#![allow(
    clippy::large_enum_variant,
    clippy::result_large_err,
    reason = "a plan is made and taken apart once a round; boxes would only be in the way"
)]

mod absent;
mod delete;
mod differ;
mod keep;
mod make;
mod names;
#[cfg(test)]
pub(super) mod tests;

pub(super) use self::differ::{keeps_numbers, shows};

use std::time::Duration;

use super::desired::Desired;
use super::numbers::WhyGlobal;
use super::secret::Card;
use super::view::View;
use crate::binding::{Binding, Recorded};
use crate::crd::PublishedNumber;
use crate::crd::condition::{self, Reason};
use crate::daily::types::{CreateRoom, Domain, RoomChange};
use crate::kube::Guard;
use crate::standing::{Again, Needs, Trouble};

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Something has to be known first.
    Look(Look),
    /// Something has to be done.
    Act(Step),
    /// Nothing is to be done now.
    Rest(Rest),
}

/// What has to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The key that applies, and its domain.
    Access,
    /// The room, by its name.
    Room,
    /// A listing of the account.
    Listing,
    /// The numbers to publish.
    Numbers,
    /// The Secret.
    Secret,
    /// Other DailyRooms of the chosen name.
    Rivals,
}

/// What has to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Add finalizer and record.
    Bind(Binding),
    /// Replace the record.
    Record(Binding, Change),
    /// Report before going on.
    Show(Verdict),
    /// Make the room.
    CreateRoom(CreateRoom),
    /// Change the room.
    UpdateRoom(Update),
    /// Delete the room with this id.
    DeleteRoom {
        /// Its name.
        name: String,
        /// Its id.
        id: String,
    },
    /// Delete what is left of our own room that has ended, so that its name is free.
    Collect {
        /// The name.
        name: String,
    },
    /// Make the Secret.
    CreateSecret(Card),
    /// Put the Secret right.
    UpdateSecret(Card, Guard),
    /// Delete the Secret.
    DeleteSecret(Guard),
    /// Remove the finalizer.
    Release(Release),
}

/// What a record says anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The id of the room that was made.
    Made,
    /// The id of a room that was found again.
    Found,
    /// A room that had vanished is to be made anew.
    Anew,
    /// The room that ended is followed by a new one.
    After,
    /// The end was moved at Daily, and is taken over.
    EndTakenOver(i64),
    /// The end that was sent, or what else was.
    Sent,
    /// The name is somebody else's: the claim is withdrawn.
    Withdrawn,
    /// The name is free: it is claimed.
    Claimed,
}

/// A change of a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The room's name.
    pub name: String,
    /// What changes.
    pub change: RoomChange,
    /// Whether its end moves nearer.
    pub nearer: bool,
    /// Whether somebody else had changed it.
    pub drift: bool,
    /// Whether such a change has changed the PIN of a room of this account before.
    pub changes_pin: bool,
    /// Tells this change from others, also when its end moves on with the clock.
    pub mark: String,
}

/// How an object is let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Release {
    /// Nothing of it is left at Daily, or nothing ever was.
    Clean,
    /// The room was deleted.
    Deleted,
    /// The room stays, as asked for.
    Retained(String),
    /// Something may be left at Daily: why.
    Orphaned(String),
}

/// Why nothing is to be done now, and until when.
#[derive(Clone, Debug, PartialEq)]
pub struct Rest {
    /// What is reported.
    pub verdict: Verdict,
    /// When to look again at the latest.
    pub again: Again,
}

/// How things stand.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// First sight: it is worked on.
    Progressing,
    /// Callers reach the room. With trouble, something else needs a person or time.
    Serving(Box<Serving>, Option<Trouble>),
    /// Callers do not reach a room.
    Failing(Trouble),
    /// The room ended as planned.
    Expired,
    /// Something is being confirmed; what was reported stands.
    Unchanged,
    /// The object is being deleted, and this is what it waits for.
    Deleting(Trouble),
    /// The object is gone, or nothing of ours.
    Done,
}

impl Verdict {
    /// What is wrong.
    #[must_use]
    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Failing(trouble) | Self::Deleting(trouble) => Some(trouble),
            Self::Serving(_, trouble) => trouble.as_ref(),
            Self::Progressing | Self::Expired | Self::Unchanged | Self::Done => None,
        }
    }

    /// Whether it changes what is reported of the object.
    #[must_use]
    pub fn is_news(&self) -> bool {
        !matches!(self, Self::Progressing | Self::Unchanged | Self::Done)
    }
}

/// What a room that serves callers is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Serving {
    /// The domain.
    pub domain: Domain,
    /// Daily's id of the room.
    pub id: String,
    /// When Daily made it, in unix seconds.
    pub created: i64,
    /// Why a global number was chosen just now, if it was.
    pub why_global: Option<WhyGlobal>,
    /// What the Secret says.
    pub card: Card,
}

pub(super) const SOON: Duration = Duration::from_secs(5);
pub(super) const LATER: Duration = Duration::from_secs(60);
/// So that the next look comes after the moment that is waited for, and not a hair before.
pub(super) const MARGIN: Duration = Duration::from_millis(50);

/// What comes next.
#[must_use]
pub fn plan(view: &View) -> Plan {
    if view.subject.deleting.is_some() {
        return delete::plan(view);
    }
    if let Some(other) = other_installation(view) {
        return other;
    }
    let desired = match readable(view) {
        Ok(desired) => desired,
        Err(rest) => return rest,
    };
    if let Some(rest) = make::past_from_the_start(view, desired) {
        return rest;
    }
    if stays_expired(view, desired) {
        return expire(view);
    }
    let domain = match proven(view) {
        Ok(domain) => domain,
        Err(rest) => return rest,
    };
    let Some(binding) = view.subject.binding() else {
        return make::bind(view, desired, domain);
    };
    if let Some(rest) = another_name(view, binding) {
        return rest;
    }
    if !view.subject.is_held() {
        return Plan::Act(Step::Bind(binding.clone()));
    }
    if view.status.conditions.is_empty() {
        return Plan::Act(Step::Show(Verdict::Progressing));
    }
    match (&binding.made, &binding.claim) {
        (Some(made), _) => keep::plan(view, desired, domain, binding, made),
        (None, Some(claim)) => make::create(view, desired, binding, claim),
        (None, None) => make::claim_again(view, desired, binding),
    }
}

/// A record of another installation is left alone.
fn other_installation(view: &View) -> Option<Plan> {
    let record = view.subject.recorded.binding()?;
    (record.installation_id != view.own.installation_id).then(|| {
        failing(
            Reason::OtherInstallation,
            format!(
                "the installation {} of the operator holds this object, and this one is {}: if that one is \
                 gone for good, start this one with --installation-id={0}, in the chart installationId",
                record.installation_id, view.own.installation_id
            ),
            Needs::Person,
            Again::In(LATER),
        )
    })
}

fn readable(view: &View) -> Result<&Desired, Plan> {
    let invalid = |message: String| {
        failing(
            Reason::InvalidSpec,
            message,
            Needs::Person,
            Again::Drift(None),
        )
    };
    if view.subject.recorded == Recorded::Unreadable {
        return Err(invalid(format!(
            "the annotation {} cannot be read: put back what the operator wrote there, or remove \
             the annotation to have the room looked for by its name",
            crate::crd::BINDING_ANNOTATION
        )));
    }
    view.desired
        .as_ref()
        .map_err(|unfit| invalid(unfit.0.clone()))
}

/// The domain of the key in force, which must be the one that the object is bound in.
fn proven(view: &View) -> Result<&Domain, Plan> {
    let Some(access) = &view.access else {
        return Err(Plan::Look(Look::Access));
    };
    let domain = access.as_ref().map_err(|problem| {
        let needs = match problem.reason {
            Reason::Unauthorized => Needs::Person,
            // Once a room is made, a key that is gone is not one that is still to come.
            Reason::ApiKeyNotFound | Reason::ApiKeyNotAllowed if is_made(view) => Needs::Person,
            Reason::ApiKeyNotFound | Reason::ApiKeyNotAllowed => Needs::Time,
            _ => Needs::Retry,
        };
        failing(
            problem.reason,
            problem.message.clone(),
            needs,
            Again::In(SOON),
        )
    })?;
    let bound = view
        .subject
        .binding()
        .map(|it| (&it.domain_id, &it.domain_name));
    let reported = view
        .status
        .account
        .as_ref()
        .map(|it| (&it.domain_id, &it.domain_name));
    match bound.or(reported.filter(|_| view.subject.hint().is_none())) {
        Some((id, name)) if *id != domain.id => Err(failing(
            Reason::AccountChanged,
            format!(
                "the API key in force belongs to the Daily domain {}, but the room is in {name}: \
                 put a key of {name} in its place, or make another DailyRoom",
                domain.name
            ),
            Needs::Person,
            Again::In(SOON),
        )),
        _ => Ok(domain),
    }
}

fn is_made(view: &View) -> bool {
    view.subject.binding().is_some_and(|it| it.made.is_some())
}

/// The recorded name never changes: it is the chosen one, or the derived one. Whoever may edit the
/// object may edit the record, so no other name is believed.
fn another_name(view: &View, binding: &Binding) -> Option<Plan> {
    let own = view.own_name();
    (binding.name != own).then(|| {
        failing(
            Reason::InvalidSpec,
            format!(
                "the room is recorded as {}, but its name is {own}: a name never changes; if the \
                 id of the cluster was changed, set it back with --cluster-id, else make another \
                 DailyRoom",
                binding.name
            ),
            Needs::Person,
            Again::Drift(None),
        )
    })
}

/// Callers who are served stay so; what is wrong is said.
pub(super) fn failing(reason: Reason, message: String, needs: Needs, again: Again) -> Plan {
    let served = !matches!(
        reason,
        Reason::SecretConflict | Reason::SecretRefused | Reason::Missing | Reason::NameTaken
    );
    rest(
        Verdict::Failing(Trouble {
            reason,
            message,
            needs,
            served,
        }),
        again,
    )
}

pub(super) fn rest(verdict: Verdict, again: Again) -> Plan {
    Plan::Rest(Rest { verdict, again })
}

/// Whether Expired is in the status.
pub(super) fn is_expired(view: &View) -> bool {
    condition::is_true(&view.status.conditions, condition::kind::EXPIRED)
}

/// What has ended stays so, whatever becomes of key and Daily, until a person asks.
fn stays_expired(view: &View, desired: &Desired) -> bool {
    let recorded = view.subject.binding().and_then(|it| it.made.as_ref());
    let recorded = recorded.and_then(|it| it.end.as_ref()).map(|it| it.at);
    let end = recorded.unwrap_or_else(|| desired.end_of(view.subject.created).at);
    let unclaimed = view.subject.binding().is_none_or(|it| it.claim.is_none());
    is_expired(view) && unclaimed && !view.is_edited() && !view.forced && end <= view.now.wall
}

/// The end has come: say so first, then take the Secret away.
pub(super) fn expire(view: &View) -> Plan {
    let told = is_expired(view)
        && view.status.dialin_code.is_none()
        && condition::status_of(&view.status.conditions, condition::kind::READY).is_none();
    if !told {
        return Plan::Act(Step::Show(Verdict::Expired));
    }
    match delete::secret(view) {
        Some(plan) => plan,
        None => rest(Verdict::Expired, Again::Drift(None)),
    }
}

/// Whether an end has passed by our clock and by Daily's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// By both.
    Yes,
    /// By neither.
    No,
    /// By one of them: nothing is concluded.
    Between,
}

pub(super) fn passed(view: &View, end: i64, date: Option<i64>) -> Passed {
    match (view.now.wall >= end, date.unwrap_or(view.now.wall) >= end) {
        (true, true) => Passed::Yes,
        (false, false) => Passed::No,
        _ => Passed::Between,
    }
}

/// The numbers in E.164 alone.
pub(super) fn e164(numbers: &[PublishedNumber]) -> Vec<String> {
    numbers.iter().map(|it| it.phone_number.clone()).collect()
}
