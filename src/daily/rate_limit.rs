//! The rate limit of an account: each call first waits here for a slot.
//!
//! Slots are granted in the order in which they are asked for. A DELETE first queues for the limit
//! of DELETEs and then with all other calls, so that a long wait for a DELETE delays no other call.
//! A granted slot needs nothing more to be sent, so that nobody waits for ever.
//!
//! This is no token bucket: Daily's limits are sliding windows, which a bucket of the same rate
//! exceeds in a burst, or does not use up.

mod pause;
mod windows;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use self::windows::{Slots, Wait, Windows};
use crate::clock::{self, Moment};
use crate::daily::error::CallError;

/// What a slot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Any call but a DELETE.
    General,
    /// A DELETE, which counts against both limits (F-RATE-2, F-RATE-7).
    Delete,
}

/// The rate limit of one account. Clones share it.
#[derive(Clone, Debug)]
pub struct RateLimit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Not held over an `await`.
    windows: Mutex<Windows>,
    changed: Notify,
    /// Held by the first in the queue for a call, and for a DELETE. Tokio's mutex is fair.
    calls: tokio::sync::Mutex<()>,
    deletes: tokio::sync::Mutex<()>,
}

impl RateLimit {
    /// An unused limit, or one that was used up at this moment.
    pub fn new(used_up: Option<Moment>) -> Self {
        // A moment in the future would block calls until then, and no call can have been sent there.
        let used_up = used_up.map(|at| at.min(clock::now()));
        Self::with(Windows::new(used_up))
    }

    /// A limit of this many calls in the time in which an account has 100.
    pub fn of_calls(calls: usize) -> Self {
        Self::with(Windows::of_calls(calls))
    }

    fn with(windows: Windows) -> Self {
        Self(Arc::new(Inner {
            windows: Mutex::new(windows),
            changed: Notify::new(),
            calls: tokio::sync::Mutex::new(()),
            deletes: tokio::sync::Mutex::new(()),
        }))
    }

    /// Waits until this call may be sent.
    pub async fn slot(&self, call: Call) -> Slot {
        match call {
            Call::General => self.take_calls(1).await,
            Call::Delete => {
                let mut delete = self.take_delete().await;
                delete.merge(self.take_calls(1).await);
                delete
            }
        }
    }

    /// Waits until a GET and the DELETE after it may be sent. Both slots are granted together: if
    /// each were granted alone, those with only one could wait for each other for ever. In between,
    /// waits for `first`, which may make calls of its own.
    pub async fn slots_for_delete<T>(&self, first: impl Future<Output = T>) -> (T, Slot, Slot) {
        let mut delete = self.take_delete().await;
        let first = first.await;
        let mut get = self.take_calls(2).await;
        delete.merge(get.split_call());
        (first, get, delete)
    }

    /// Waits until a GET and the update after it may be sent.
    pub async fn slots_for_update(&self) -> (Slot, Slot) {
        let mut both = self.take_calls(2).await;
        (both.split_call(), both)
    }

    /// Counts a call that was sent without a slot, as only its answer named the account.
    pub fn sent_already(&self) {
        self.windows().count(clock::now());
    }

    /// Daily answered a call, or did not.
    pub fn answered_with<T>(&self, answer: &Result<T, CallError>) {
        match answer {
            Err(CallError::RateLimited { retry_after }) => self.exceeded(*retry_after),
            _ => self.answered(),
        }
    }

    /// Daily answered 429: no slot is granted for a while.
    pub fn exceeded(&self, retry_after: Option<Duration>) {
        self.windows().throttled(retry_after, clock::now());
        self.0.changed.notify_waiters();
    }

    /// Daily answered anything else: the next pause is a short one again.
    pub fn answered(&self) {
        self.windows().pause.reset(clock::now());
    }

    async fn take_calls(&self, calls: usize) -> Slot {
        let _first = self.0.calls.lock().await;
        self.wait(|windows, now| windows.reserve_calls(calls, now))
            .await;
        self.reserved(calls, 0)
    }

    async fn take_delete(&self) -> Slot {
        let _first = self.0.deletes.lock().await;
        self.wait(Windows::reserve_delete).await;
        self.reserved(0, 1)
    }

    async fn wait(&self, reserve: impl Fn(&mut Windows, Moment) -> Result<(), Wait>) {
        loop {
            // Registered before the try, so that it misses no change.
            let changed = self.0.changed.notified();
            let now = clock::now();
            let tried = reserve(&mut self.windows(), now);
            match tried {
                Ok(()) => return,
                Err(Wait::ForRelease) => changed.await,
                Err(Wait::Until(moment)) => {
                    let _ = tokio::time::timeout(now.until(moment), changed).await;
                }
            }
        }
    }

    fn reserved(&self, calls: usize, deletes: usize) -> Slot {
        Slot {
            limit: self.clone(),
            slots: Slots { calls, deletes },
        }
    }

    fn windows(&self) -> MutexGuard<'_, Windows> {
        self.0.windows.lock()
    }
}

#[cfg(test)]
impl RateLimit {
    /// How many calls and DELETEs count now, sent or reserved.
    pub(crate) fn usage(&self) -> (usize, usize) {
        let Slots { calls, deletes } = self.windows().usage(clock::now());
        (calls, deletes)
    }
}

/// The right to send one call. Dropping it returns it.
#[derive(Debug)]
#[must_use = "dropping a slot returns it"]
pub struct Slot {
    limit: RateLimit,
    slots: Slots,
}

impl Slot {
    /// The call is sent now.
    pub fn sent(self) -> InFlight {
        InFlight(self)
    }

    fn merge(&mut self, mut other: Self) {
        let slots = std::mem::take(&mut other.slots);
        self.slots.calls += slots.calls;
        self.slots.deletes += slots.deletes;
    }

    fn split_call(&mut self) -> Self {
        let one = self.slots.calls.min(1);
        self.slots.calls -= one;
        self.limit.reserved(one, 0)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.slots != Slots::default() {
            self.limit.windows().release(self.slots);
            self.limit.0.changed.notify_waiters();
        }
    }
}

/// A call that was sent. It is dropped when the call is answered or given up, and counts from then
/// on as sent at that moment: Daily counts a call when it arrives, which is no later.
#[derive(Debug)]
#[must_use = "it is dropped when the call is answered"]
pub struct InFlight(Slot);

impl Drop for InFlight {
    fn drop(&mut self) {
        let slots = std::mem::take(&mut self.0.slots);
        self.0.limit.windows().sent(slots, clock::now());
        self.0.limit.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};

    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    fn fresh() -> RateLimit {
        RateLimit::new(None)
    }

    /// This many calls were sent a while ago.
    fn used(calls: usize, ago: Duration) -> RateLimit {
        let limit = fresh();
        let at = Moment(clock::now().0.saturating_sub(ago));
        limit.windows().sent(Slots { calls, deletes: 0 }, at);
        limit
    }

    /// Fails if the future does not end soon.
    async fn soon<T>(future: impl Future<Output = T>) -> T {
        let patience = Duration::from_secs(20);
        let outcome = tokio::time::timeout(patience, future).await;
        outcome.expect("nobody waits for ever")
    }

    async fn slots(limit: &RateLimit, call: Call, count: usize) -> Vec<Slot> {
        soon(join_all((0..count).map(|_| limit.slot(call)))).await
    }

    fn waits<F: Future>(future: &mut Pin<&mut F>) -> bool {
        future.as_mut().now_or_never().is_none()
    }

    #[tokio::test]
    async fn slots_are_granted_in_order() {
        let limit = fresh();
        let mut all = slots(&limit, Call::General, 100).await;
        let mut first = pin!(limit.slot(Call::General));
        let mut second = pin!(limit.slot(Call::General));
        assert!(waits(&mut first) && waits(&mut second));
        drop(all.pop());
        assert!(waits(&mut second), "it is the other's turn");
        let _first = soon(first).await;
        assert!(waits(&mut second));
        drop(all.pop());
        let _second = soon(second).await;
        assert_eq!(limit.usage(), (100, 0));
    }

    #[tokio::test]
    async fn a_caller_that_gives_up_keeps_no_slot() {
        let limit = fresh();
        let mut deletes = slots(&limit, Call::Delete, 50).await;
        let calls = slots(&limit, Call::General, 50).await;
        assert_eq!(limit.usage(), (100, 50));
        {
            // It has the slot of the DELETE and queues for the one of the call when it gives up.
            let mut gives_up = pin!(limit.slot(Call::Delete));
            drop(deletes.pop());
            let _taken = soon(limit.slot(Call::General)).await;
            assert!(waits(&mut gives_up));
            assert_eq!(limit.usage(), (100, 50));
        }
        assert_eq!(limit.usage(), (99, 49));
        drop((deletes, calls));
        assert_eq!(limit.usage(), (0, 0));
    }

    #[tokio::test]
    async fn a_wait_for_a_delete_delays_no_call() {
        let limit = fresh();
        let _deletes = slots(&limit, Call::Delete, 50).await;
        let mut delete = pin!(limit.slot(Call::Delete));
        assert!(waits(&mut delete));
        let _calls = slots(&limit, Call::General, 50).await;
        assert!(waits(&mut delete));
    }

    #[tokio::test]
    async fn pairs_never_wait_for_each_other() {
        let limit = fresh();
        let pair = || async {
            let ((), get, delete) = limit.slots_for_delete(async {}).await;
            drop(get);
            // In place of the check before the DELETE, while all others wait for slots.
            tokio::task::yield_now().await;
            drop(delete);
        };
        let all = join_all((0..300).map(|_| pair()));
        soon(all).await;
        assert_eq!(limit.usage(), (0, 0));
    }

    #[tokio::test]
    async fn a_pair_counts_as_two_calls_and_one_delete() {
        let limit = fresh();
        let ((), get, delete) = limit.slots_for_delete(async {}).await;
        assert_eq!(limit.usage(), (2, 1));
        let in_flight = get.sent();
        assert_eq!(limit.usage(), (2, 1));
        drop(delete);
        assert_eq!(limit.usage(), (1, 0));
        drop(in_flight);
        assert_eq!(limit.usage(), (1, 0));
        let ((), get, delete) = limit.slots_for_delete(async {}).await;
        drop(get);
        drop(delete.sent());
        assert_eq!(limit.usage(), (2, 1));
    }

    #[tokio::test]
    async fn sent_calls_leave_the_window_in_time() {
        // The window has 5.05 s, of which 0.25 s are left.
        let limit = used(100, Duration::from_millis(4_800));
        let start = clock::now();
        assert_eq!(limit.usage(), (100, 0));
        drop(limit.slot(Call::General).await.sent());
        let waited = start.until(clock::now());
        assert!(waited >= Duration::from_millis(150), "{waited:?}");
        assert!(waited < Duration::from_secs(4), "{waited:?}");
        assert_eq!(limit.usage(), (1, 0));
    }

    #[tokio::test]
    async fn a_send_wakes_a_caller_that_waits_for_a_release() {
        let limit = used(99, Duration::from_millis(4_950));
        let held = limit.slot(Call::General).await;
        let mut next = pin!(limit.slots_for_delete(async {}));
        assert!(waits(&mut next));
        drop(held.sent());
        let _both = soon(next).await;
    }

    /// Daily may count it when it arrives, which is any moment until its answer.
    #[tokio::test]
    async fn a_call_that_is_not_answered_counts_however_long_it_takes() {
        let limit = fresh();
        let in_flight = limit.slot(Call::Delete).await.sent();
        let later = clock::now().after(Duration::from_secs(3_600));
        let counts = Slots {
            calls: 1,
            deletes: 1,
        };
        assert_eq!(limit.windows().usage(later), counts);
        drop(in_flight);
        assert_eq!(limit.windows().usage(clock::now()), counts);
        assert_eq!(limit.windows().usage(later), Slots::default());
    }

    #[tokio::test]
    async fn a_call_without_a_slot_counts_and_takes_no_reserved_slot() {
        let limit = RateLimit::of_calls(2);
        let held = slots(&limit, Call::General, 2).await;
        limit.sent_already();
        assert_eq!(limit.usage(), (3, 0));
        drop(held);
        assert_eq!(limit.usage(), (1, 0));
        let _one = limit.slot(Call::General).await;
        let mut next = pin!(limit.slot(Call::General));
        assert!(waits(&mut next));
    }

    #[tokio::test]
    async fn a_429_stops_all_and_its_end_lets_them_go() {
        let limit = fresh();
        limit.exceeded(None);
        let mut slot = pin!(limit.slot(Call::General));
        assert!(waits(&mut slot));
        let start = clock::now();
        drop(soon(slot).await);
        assert!(start.until(clock::now()) >= Duration::from_millis(900));
    }

    #[test]
    fn a_use_in_the_future_blocks_no_longer_than_one_now() {
        let later = clock::now().after(Duration::from_secs(3_600));
        let limit = RateLimit::new(Some(later));
        let wait = limit.windows().reserve_calls(1, clock::now());
        let Err(Wait::Until(end)) = wait else {
            panic!("is full");
        };
        assert!(clock::now().until(end) <= Duration::from_millis(5_200));
    }
}
