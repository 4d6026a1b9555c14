//! What a reconcile of a PinDialinNumber knows, beside what is the same for any kind.

use super::Number;
use crate::clock::Moment;
use crate::daily::number_api::NumberApi;
use crate::daily::types::DialinConfig;
use crate::reconcile;

/// What a reconcile of a PinDialinNumber knows.
pub type View = reconcile::view::View<Number>;

/// What one reconcile has read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Where the operator is configured to write dial-in configs.
    pub api: NumberApi,
    /// An answer about the number, once one was read.
    pub number: Option<NumberEvidence>,
    /// When the reconcile began, or its last write to Daily ended: later answers are fresh.
    pub fresh_since: Moment,
    /// How many DailyRooms publish the number, once they were counted.
    pub publishers: Option<usize>,
    /// The same by the last regular count, which is what the status and messages show.
    pub attached_rooms: Option<i64>,
    /// Whether the update of this reconcile was counted as a correction, once it has updated the config.
    pub updated: Option<bool>,
    /// Whether this reconcile has deleted the config.
    pub deleted: bool,
}

/// What Daily answered about a number.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberEvidence {
    /// When Daily was asked.
    pub at: Moment,
    /// Daily's clock then, in unix seconds.
    pub date: Option<i64>,
    /// Whether the account has purchased the number.
    pub purchased: bool,
    /// The config of exactly this number, and the recorded one, whatever its number.
    pub configs: Vec<DialinConfig>,
    /// What the config of this number is called in the other place, if Daily shows it in both (F-DOM-2).
    pub other_id: Option<String>,
}

/// What the process remembers of a PinDialinNumber between reconciles.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Since when the recorded config is missing, or the number is not purchased any more.
    pub first_absent: Option<Moment>,
    /// From when on a read shows whether the last write to the domain's list is still there. Another
    /// client that had read the list before may have sent it back without our entry.
    pub read_back_from: Option<Moment>,
}

impl NumberEvidence {
    pub fn by_id(&self, id: &str) -> Option<&DialinConfig> {
        self.configs.iter().find(|it| it.id == id)
    }

    /// The config of exactly this number, of any type. Daily has at most one (F-CFG-4).
    pub fn of_number(&self, number: &str) -> Option<&DialinConfig> {
        let of_it = |it: &&DialinConfig| it.config.phone_number.as_deref() == Some(number);
        self.configs.iter().find(of_it)
    }
}
