//! The numbers of an account, as they were last read. No I/O.

use std::sync::Arc;

use super::written_configs::WrittenConfigs;
use crate::clock::Moment;
use crate::daily::error::CallError;
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

/// The last answers.
#[derive(Default)]
pub(super) struct NumbersCache {
    pub(super) written: WrittenConfigs,
    numbers: Option<Arc<Numbers>>,
    failed: Option<(Moment, CallError)>,
}

impl NumbersCache {
    /// The answer for a caller that came at this moment and needs numbers that were read at
    /// `not_before` or later. A caller that waited for a failed read shares its failure.
    pub(super) fn get(
        &self,
        came: Moment,
        not_before: Moment,
    ) -> Option<Result<Arc<Numbers>, CallError>> {
        let numbers = self.numbers.as_ref().filter(|it| it.at >= not_before);
        let failed = self.failed.as_ref().filter(|(at, _)| *at >= came);
        let numbers = numbers.map(|it| Ok(Arc::clone(it)));
        numbers.or_else(|| failed.map(|(_, error)| Err(error.clone())))
    }

    pub(super) fn update(&mut self, read: &Result<Arc<Numbers>, CallError>, now: Moment) {
        match read {
            Ok(numbers) => self.numbers = Some(Arc::clone(numbers)),
            Err(error) => self.failed = Some((now, error.clone())),
        }
    }

    /// A write was sent, so that the numbers are outdated.
    pub(super) fn invalidate(&mut self) {
        self.numbers = None;
    }
}
