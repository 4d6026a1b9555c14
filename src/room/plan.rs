//! What to do next for a DailyRoom, beside what holds for any kind. No I/O: pure and total.

#![allow(
    clippy::large_enum_variant,
    clippy::result_large_err,
    reason = "a plan is made and taken apart once a round; boxes would only be in the way"
)]

mod absent;
pub(super) mod create;
pub(super) mod delete;
mod differ;
pub(super) mod keep;
#[cfg(test)]
pub(super) mod tests;

use std::time::Duration;

use super::Room;
use super::numbers::WhyGlobal;
use super::secret::SecretContent;
use super::spec::Spec;
use super::view::View;
use crate::crd::PublishedNumber;
use crate::crd::condition::{self, Reason};
use crate::daily::types::{CreateRoom, Domain, RoomChange};
use crate::k8s::Guard;
use crate::reconcile::Named;
use crate::reconcile::plan::{Outcome, failing, rest};
use crate::reconcile::problem::{Problem, Requeue, ResolvedBy};

/// What comes next.
pub type Plan = crate::reconcile::plan::Plan<Room>;

/// What can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The room, by its name.
    Room,
    /// A listing of the account.
    Listing,
    /// A listing of the account that begins from now on, which shows all rooms that end with this
    /// one.
    NextListing,
    /// The numbers to publish.
    Numbers,
    /// The Secret.
    Secret,
    /// Other DailyRooms of the chosen name.
    Rivals,
    /// Secrets of ours under other names than the wanted one.
    FormerSecrets,
}

/// What can be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Create the room.
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
    /// Create the Secret.
    CreateSecret(SecretContent),
    /// Correct the Secret.
    UpdateSecret(SecretContent, Guard),
    /// Delete the Secret.
    DeleteSecret(Guard),
    /// Remember that Daily merges what it is sent.
    NoteMerge,
    /// Remember that Daily accepted this change without applying it.
    NoteUnapplied {
        /// What the change is known by.
        mark: String,
    },
}

/// A change of a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The room's name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// What changes.
    pub change: RoomChange,
    /// Whether its end moves nearer, which takes something away from those inside.
    pub nearer: bool,
    /// Whether somebody else had changed it.
    pub drift: bool,
    /// Tells this change from others, also when its end moves on with the clock.
    pub mark: String,
}

/// What serves callers.
#[derive(Clone, Debug, PartialEq)]
pub struct Serving {
    /// The domain.
    pub domain: Domain,
    /// Daily's id of the room.
    pub id: String,
    /// When Daily created it, in unix seconds.
    pub created: i64,
    /// Why a global number was chosen just now, if it was.
    pub why_global: Option<WhyGlobal>,
    /// What the Secret says.
    pub content: SecretContent,
}

impl Named for Look {
    fn name(&self) -> &'static str {
        match self {
            Self::Room => "look-room",
            Self::Listing => "look-listing",
            Self::NextListing => "look-next-listing",
            Self::Numbers => "look-numbers",
            Self::Secret => "look-secret",
            Self::Rivals => "look-rivals",
            Self::FormerSecrets => "look-former-secrets",
        }
    }
}

impl Named for Step {
    fn name(&self) -> &'static str {
        match self {
            Self::CreateRoom(_) => "create-room",
            Self::UpdateRoom(_) => "update-room",
            Self::DeleteRoom { .. } => "delete-room",
            Self::CreateSecret(_) => "create-secret",
            Self::UpdateSecret(..) => "update-secret",
            Self::DeleteSecret(_) => "delete-secret",
            Self::NoteMerge => "note-merge",
            Self::NoteUnapplied { .. } => "note-unapplied",
        }
    }
}

/// What may change within seconds is looked at again after so long.
pub(super) const SOON: Duration = Duration::from_secs(5);
/// What a user has to change outside of Kubernetes is looked at again after so long.
pub(super) const LATER: Duration = Duration::from_secs(60);
/// Added to every timed requeue so that the deadline has passed when the pass begins.
pub(super) const MARGIN: Duration = Duration::from_millis(50);

pub(super) fn look(look: Look) -> Plan {
    Plan::Look(crate::reconcile::plan::Look::Of(look))
}

pub(super) fn act(step: Step) -> Plan {
    Plan::Act(crate::reconcile::plan::Step::Of(step))
}

/// Ends the pass with a problem of this reason.
pub(super) fn fails(
    reason: Reason,
    message: impl Into<String>,
    resolved_by: ResolvedBy,
    requeue: Requeue,
) -> Plan {
    let unserved = matches!(
        reason,
        Reason::SecretConflict | Reason::SecretRefused | Reason::Missing | Reason::NameTaken
    );
    let problem = Problem::new(reason, resolved_by, message);
    let problem = if unserved {
        problem.unserved()
    } else {
        problem
    };
    failing(problem, requeue)
}

/// Waits for something to be confirmed.
pub(super) fn unchanged(again: Duration) -> Plan {
    rest(Outcome::Unchanged, Requeue::After(again))
}

/// What comes before the key is read: what is over needs none.
pub(super) fn before_access(view: &View, spec: &Spec) -> Option<Plan> {
    let over = create::past_from_the_start(view, spec) || stays_expired(view, spec);
    over.then(|| expire(view))
}

/// Whether Expired is in the status.
pub(super) fn is_expired(view: &View) -> bool {
    condition::is_true(&view.status.conditions, condition::kind::EXPIRED)
}

/// What has ended stays so, whatever becomes of key and Daily, until the user asks.
fn stays_expired(view: &View, spec: &Spec) -> bool {
    let recorded = view.record().and_then(|it| it.made.as_ref());
    let recorded = recorded.and_then(|it| it.end.as_ref()).map(|it| it.at);
    let end = recorded.unwrap_or_else(|| spec.end_of(view.meta.created).at);
    let unclaimed = view.record().is_none_or(|it| it.claim.is_none());
    is_expired(view) && unclaimed && !view.is_edited() && !view.forced && end <= view.now.wall
}

/// The end has come: it is reported first, then the Secret goes.
pub(super) fn expire(view: &View) -> Plan {
    let reported = is_expired(view)
        && view.status.dialin_code.is_none()
        && condition::status_of(&view.status.conditions, condition::kind::READY).is_none();
    if !reported {
        return Plan::Act(crate::reconcile::plan::Step::Report(Outcome::Expired));
    }
    match delete::secret(view) {
        Some(plan) => plan,
        None => rest(Outcome::Expired, Requeue::AtDrift(None)),
    }
}

/// Whether an end has passed by our clock and by Daily's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// By both.
    Yes,
    /// By neither.
    No,
    /// By one of them, or Daily's is not known: nothing is concluded.
    Between,
}

pub(super) fn passed(view: &View, end: i64, date: Option<i64>) -> Passed {
    match (view.now.wall >= end, date.map(|date| date >= end)) {
        (true, Some(true)) => Passed::Yes,
        (false, Some(false)) => Passed::No,
        _ => Passed::Between,
    }
}

/// The numbers in E.164 alone.
pub(super) fn e164(numbers: &[PublishedNumber]) -> Vec<String> {
    numbers.iter().map(|it| it.phone_number.clone()).collect()
}
