//! What a pass over a PinDialinNumber knows when it decides. Data alone: the decisions are in
//! [`plan`](super::plan), the reading in [`observe`](super::observe).

use std::time::Duration;

use super::desired::{Desired, Wishes};
use crate::binding::Binding;
use crate::clock::Moment;
use crate::crd::PinDialinNumberStatus;
use crate::daily::ledger::Posts;
use crate::daily::types::{DialinConfig, Domain};
use crate::keys::KeyProblem;
use crate::room::desired::Unfit;
use crate::room::view::{Keyless, Now, Refusal};
use crate::subject::Subject;

/// What a pass knows.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The object.
    pub subject: Subject,
    /// What is needed to delete it.
    pub wishes: Wishes,
    /// What it asks for.
    pub desired: Result<Desired, Unfit>,
    /// What was reported last.
    pub status: PinDialinNumberStatus,
    /// Who holds objects.
    pub installation_id: String,
    /// The clocks.
    pub now: Now,
    /// When the pass began, or its last write to Daily ended: what was read since is fresh.
    pub began: Moment,
    /// How long after an unknown write nothing is believed to be gone.
    pub quiet: Duration,
    /// Absence that was told before this moment is not believed: a leader before this one may
    /// have sent something that is still to be done.
    pub trusted_from: Moment,
    /// The domain of the key in force, or of the last good key when the object is being deleted;
    /// once it was looked for.
    pub access: Option<Result<Domain, KeyProblem>>,
    /// Whether a person asks for a pass.
    pub forced: bool,
    /// What Daily says of the number, once it was asked.
    pub line: Option<Line>,
    /// The last write of ours of which nobody knows whether it was done.
    pub unknown_write: Option<Moment>,
    /// Our creates since the claim.
    pub posts: Posts,
    /// Another PinDialinNumber that comes before this one, once they were looked through.
    pub rival: Option<Option<Rival>>,
    /// Whether they were read from the API server for that, and not from what was watched.
    pub rival_is_live: bool,
    /// How many DailyRooms publish the number, once they were counted.
    pub users: Option<usize>,
    /// Whether what Daily had refused before was tried again in this pass.
    pub tried: bool,
    /// Whether the config was changed in this pass.
    pub updated: bool,
    /// Whether the config was deleted in this pass.
    pub deleted: bool,
    /// What this process remembers of the object.
    pub memory: Memory,
}

/// What Daily says of a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When it was asked.
    pub at: Moment,
    /// Daily's clock then.
    pub date: Option<i64>,
    /// Whether the account has purchased the number.
    pub purchased: bool,
    /// The configs of exactly this number, and the recorded one whatever its number.
    pub configs: Vec<DialinConfig>,
}

/// Another PinDialinNumber of the same number in the same domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Its namespace and name.
    pub name: String,
    /// Daily's id of its config, if one is recorded.
    pub config: Option<String>,
}

/// What this process remembers of an object between passes. Losing it costs a call or a wait.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Whether this process bound the object, so that no other one can have sent anything for it.
    pub bound_here: bool,
    /// Whether this process claimed the number, so that it knows of every create since.
    pub claimed_here: bool,
    /// What a create of this process said that may have been done without its id being recorded.
    pub posted: Option<Desired>,
    /// The id that a create of this process was answered with.
    pub created: Option<String>,
    /// When the recorded config was first missing, and has been since.
    pub first_absent: Option<Moment>,
    /// What Daily refused, not to be sent again and again.
    pub refusal: Option<Refusal>,
    /// Definite answers that there is no key to delete with.
    pub keyless: Option<Keyless>,
    /// When a forced pass was last made.
    pub forced_at: Option<Moment>,
}

impl View {
    /// The number: the recorded one, else that of the spec.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        let bound = self.subject.binding().map(|it| it.name.as_str());
        let asked = self.desired.as_ref().ok();
        bound.or(asked.map(|it| it.phone_number.as_str()))
    }

    /// Whether the spec was edited since it was last acted on.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        self.status
            .observed_generation
            .is_some_and(|seen| seen != self.subject.generation)
    }

    /// The domain in which the object is bound, whatever key is in force.
    #[must_use]
    pub fn bound_domain(&self) -> Option<&str> {
        let binding = self
            .subject
            .binding()
            .map(|it: &Binding| it.domain_id.as_str());
        let reported = self.status.account.as_ref().map(|it| it.domain_id.as_str());
        binding.or(reported)
    }
}

impl Line {
    /// The config with this id.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&DialinConfig> {
        self.configs.iter().find(|it| it.id == id)
    }

    /// The config of exactly this number, of whatever type; Daily has at most one (F-CFG-4).
    #[must_use]
    pub fn of_number(&self, number: &str) -> Option<&DialinConfig> {
        let of_it = |it: &&DialinConfig| it.config.phone_number.as_deref() == Some(number);
        self.configs.iter().find(of_it)
    }
}
