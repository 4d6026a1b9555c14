//! What a pass over a DailyRoom finds out and remembers, beside what holds for any kind.

use std::time::Duration;

use super::Room;
use super::numbers::WhyGlobal;
use super::plan::Update;
use super::secret::Found;
use crate::clock::Moment;
use crate::crd::PublishedNumber;
use crate::crd::condition::Reason;
use crate::daily::evidence::RoomEvidence;
use crate::k8s::Guard;
use crate::naming;
use crate::reconcile;
use crate::reconcile::rivals::Rival;

/// What a pass over a DailyRoom knows.
pub type View = reconcile::view::View<Room>;

/// What a pass finds out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// What is known of the room, once the domain is.
    pub evidence: RoomEvidence,
    /// Whether Daily was asked for the room by name in this pass.
    pub looked: bool,
    /// Whether a listing was waited for in this pass.
    pub listed: bool,
    /// Whether a listing that begins within this pass was waited for.
    pub listed_again: bool,
    /// The numbers to publish, once they were chosen.
    pub numbers: Option<Result<Vec<PublishedNumber>, NumberProblem>>,
    /// Why a global number was chosen among them in this pass, if it was.
    pub why_global: Option<WhyGlobal>,
    /// The Secret, once it was read.
    pub secret: Option<Found>,
    /// Secrets with our label under other names than the wanted one, once the watch has shown all.
    pub other_secrets: Option<Vec<String>>,
    /// Those of them that are ours, once they were read: what an earlier `spec.secret.name` left.
    pub former_secrets: Option<Vec<Guard>>,
    /// Another DailyRoom that holds the chosen name, once they were compared.
    pub rival: Option<Option<Rival>>,
    /// The change that Daily accepted in this pass.
    pub updated: Option<Update>,
    /// What the API server answered when it refused the Secret in this pass.
    pub secret_refused: Option<String>,
}

/// Why the numbers to publish are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberProblem {
    /// The reason of the condition.
    pub reason: Reason,
    /// What happened and what to do.
    pub message: String,
    /// Whether it may resolve itself, or the user has to act.
    pub waits: bool,
    /// When to look again at the latest.
    pub again: Duration,
}

impl NumberProblem {
    /// Whether nobody is served on the numbers. A permission that was withdrawn changes nothing for
    /// callers.
    #[must_use]
    pub fn is_unserved(&self) -> bool {
        matches!(
            self.reason,
            Reason::NumberNotReady | Reason::NumberNotFound | Reason::NumberNotPurchased
        )
    }
}

/// What this process remembers of a DailyRoom between passes. Losing it costs a call or a wait.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// The fingerprint of the `dialin` that was sent last and that Daily has not shown since.
    pub dialin_sent: Option<String>,
    /// Whether Daily kept numbers that an update had left out: it merges what it is sent.
    pub merges: bool,
    /// The Secret as it was read or written last.
    pub secret: Option<Found>,
    /// Since when nothing but a PinDialinNumber that is being set up is in the way of the room.
    pub number_awaited: Option<Moment>,
}

impl View {
    /// The name of the room: the recorded one, else the chosen or derived one.
    #[must_use]
    pub fn room_name(&self) -> String {
        let recorded = self.record().map(|it| it.name.clone());
        recorded.unwrap_or_else(|| self.own_room_name())
    }

    /// The name that spec or derivation give.
    #[must_use]
    pub fn own_room_name(&self) -> String {
        match &self.names.chosen {
            Some(chosen) => chosen.clone(),
            None => naming::derived_room_name(
                &self.own.cluster_id,
                &self.meta.namespace,
                &self.meta.name,
            ),
        }
    }

    /// Whether the room's name is chosen, so that it says nothing of whose the room is.
    #[must_use]
    pub fn is_chosen(&self) -> bool {
        self.names.chosen.is_some()
    }

    /// Whether the spec leaves it to the operator which number is published.
    #[must_use]
    pub fn names_no_number(&self) -> bool {
        let spec = self.spec.as_ref();
        spec.is_ok_and(|it| it.numbers.is_empty())
    }

    /// What is known of the room.
    #[must_use]
    pub fn known(&self) -> &RoomEvidence {
        &self.facts.evidence
    }
}
