//! The numbers of an account, as they were last read. No I/O.

use super::last_answer::LastAnswer;
use super::written_configs::WrittenConfigs;
use crate::clock::Moment;
use crate::daily::types::{DialinConfig, PurchasedNumber};

/// The numbers of an account, as Daily answered at one moment.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// When the first call was sent.
    pub at: Moment,
    /// Daily's clock in the last answer.
    pub date: Option<i64>,
    pub purchased: Vec<PurchasedNumber>,
    /// All dial-in configs, also those of the domain's own property.
    pub configs: Vec<DialinConfig>,
}

/// The last answer, and what was written since.
#[derive(Default)]
pub(super) struct NumbersCache {
    pub(super) written: WrittenConfigs,
    pub(super) last: LastAnswer<Numbers>,
}
