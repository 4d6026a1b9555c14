//! The last answer to a question that many reconciles ask at a time. No I/O.

use std::sync::Arc;

use crate::clock::Moment;
use crate::daily::error::CallError;

/// The last answer, and the last failure.
pub(super) struct LastAnswer<T> {
    answer: Option<(Moment, Arc<T>)>,
    failed: Option<(Moment, CallError)>,
}

impl<T> Default for LastAnswer<T> {
    fn default() -> Self {
        Self {
            answer: None,
            failed: None,
        }
    }
}

impl<T> LastAnswer<T> {
    /// The answer for a caller that came at this moment and needs one that was asked for at `not_before`
    /// or later. A caller that waited for a failed call shares its failure.
    pub(super) fn get(
        &self,
        came: Moment,
        not_before: Moment,
    ) -> Option<Result<Arc<T>, CallError>> {
        let answer = self.answer.as_ref().filter(|(at, _)| *at >= not_before);
        let failed = self.failed.as_ref().filter(|(at, _)| *at >= came);
        let answer = answer.map(|(_, it)| Ok(Arc::clone(it)));
        answer.or_else(|| failed.map(|(_, error)| Err(error.clone())))
    }

    /// Keeps the answer to a call that was sent at `asked` and has ended now.
    pub(super) fn update(
        &mut self,
        asked: Moment,
        read: Result<T, CallError>,
        now: Moment,
    ) -> Result<Arc<T>, CallError> {
        match read {
            Ok(answer) => {
                let answer = Arc::new(answer);
                self.answer = Some((asked, Arc::clone(&answer)));
                Ok(answer)
            }
            Err(error) => {
                self.failed = Some((now, error.clone()));
                Err(error)
            }
        }
    }

    /// A write was sent, so that the answer is outdated.
    pub(super) fn invalidate(&mut self) {
        self.answer = None;
    }
}
