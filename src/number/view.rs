//! What a pass over a PinDialinNumber finds out and remembers, beside what holds for any kind.

use super::Number;
use crate::clock::Moment;
use crate::daily::evidence::CreateAttempts;
use crate::daily::types::DialinConfig;
use crate::reconcile;
use crate::reconcile::rivals::Rival;

/// What a pass over a PinDialinNumber knows.
pub type View = reconcile::view::View<Number>;

/// What a pass finds out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// When the pass began, or its last write to Daily ended: what was read since is fresh.
    pub began: Moment,
    /// What Daily answers about the number, once it was asked.
    pub number: Option<NumberState>,
    /// The last write of ours of unknown outcome.
    pub unknown_write: Option<Moment>,
    /// What became of our creates since the claim.
    pub create_attempts: CreateAttempts,
    /// Another PinDialinNumber that holds the number, once they were compared.
    pub rival: Option<Option<Rival>>,
    /// How many DailyRooms publish the number, once they were counted.
    pub users: Option<usize>,
    /// Whether the config was changed in this pass.
    pub updated: bool,
    /// Whether the config was deleted in this pass.
    pub deleted: bool,
}

/// What Daily answers about a number.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberState {
    /// When it was asked.
    pub at: Moment,
    /// Daily's clock then.
    pub date: Option<i64>,
    /// Whether the account has purchased the number.
    pub purchased: bool,
    /// The configs of exactly this number, and the recorded one whatever its number.
    pub configs: Vec<DialinConfig>,
}

/// What this process remembers of a PinDialinNumber between passes. Losing it costs a call or a
/// wait.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// When the recorded config was first missing, and has been since.
    pub first_absent: Option<Moment>,
}

impl NumberState {
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
