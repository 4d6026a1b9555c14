//! The pace at which an account takes calls: whoever wants to make one waits here for a slot.
//!
//! Slots are granted in the order in which they are asked for. Those who want to delete queue for
//! the DELETEs first and then with all others, so that a long wait for a DELETE keeps nobody else
//! waiting. Whoever has a slot needs nothing more, so nobody waits for ever.

mod pause;
mod windows;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

pub use self::windows::Used;
use self::windows::{Slots, Wait, Windows};
use crate::clock::{self, Moment};

/// What a slot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Any call but a DELETE.
    General,
    /// A DELETE, which counts as a call and as a DELETE (F-RATE-7).
    Delete,
}

/// The limits of one account. Clones are the same limiter.
#[derive(Clone, Debug)]
pub struct Limiter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    windows: Mutex<Windows>,
    changed: Notify,
    /// Whose turn it is for a call, and for a DELETE. Tokio's mutex is fair.
    calls: tokio::sync::Mutex<()>,
    deletes: tokio::sync::Mutex<()>,
}

impl Limiter {
    /// A limiter that starts as if this much had been sent.
    #[must_use]
    pub fn new(used: Used) -> Self {
        // What is in the future here would block until then; nothing can have been sent there.
        let at = used.at.min(clock::now());
        Self::with(Windows::new(Used { at, ..used }))
    }

    /// A limiter of so many calls in the time in which an account has 100.
    #[must_use]
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

    /// Waits until this call may be sent. Giving up is dropping the future.
    pub async fn slot(&self, call: Call) -> Slot {
        match call {
            Call::General => Slot(self.take_calls(1).await),
            Call::Delete => {
                let mut delete = self.take_delete().await;
                delete.take(self.take_calls(1).await);
                Slot(delete)
            }
        }
    }

    /// Waits until a GET and the DELETE that it is for may be sent: both are granted together, or
    /// those who have the one could wait for the other for ever.
    pub async fn slots_for_delete(&self) -> (Slot, Slot) {
        let mut delete = self.take_delete().await;
        let mut get = self.take_calls(2).await;
        delete.take(get.split_call());
        (Slot(get), Slot(delete))
    }

    /// Waits until a GET and the update that it is for may be sent.
    pub async fn slots_for_update(&self) -> (Slot, Slot) {
        let mut both = self.take_calls(2).await;
        let get = both.split_call();
        (Slot(get), Slot(both))
    }

    /// A call was sent without a slot, because its account was not known before its answer. It counts.
    pub fn sent_already(&self) {
        self.windows().sent_already(clock::now());
    }

    /// Daily answered 429: nothing is granted for a while.
    pub fn throttled(&self, retry_after: Option<Duration>) {
        self.windows().throttled(retry_after, clock::now());
        self.0.changed.notify_waiters();
    }

    /// Daily answered something else: the next pause is a short one again.
    pub fn answered(&self) {
        self.windows().answered(clock::now());
    }

    /// How many calls and DELETEs count at this moment, sent or about to be.
    #[must_use]
    pub fn usage(&self) -> (usize, usize) {
        let Slots { calls, deletes } = self.windows().usage(clock::now());
        (calls, deletes)
    }

    async fn take_calls(&self, calls: usize) -> Held {
        let _turn = self.0.calls.lock().await;
        self.wait(|windows, now| windows.reserve_calls(calls, now))
            .await;
        self.held(calls, 0)
    }

    async fn take_delete(&self) -> Held {
        let _turn = self.0.deletes.lock().await;
        self.wait(Windows::reserve_delete).await;
        self.held(0, 1)
    }

    async fn wait(&self, reserve: impl Fn(&mut Windows, Moment) -> Result<(), Wait>) {
        loop {
            // Made before the look, so that no change between the two is missed.
            let changed = self.0.changed.notified();
            let now = clock::now();
            let tried = reserve(&mut self.windows(), now);
            match tried {
                Ok(()) => return,
                Err(Wait::ForRelease) => changed.await,
                Err(Wait::Until(moment)) => {
                    // A change may be worth a look, and the time is worth one in any case.
                    let _ = tokio::time::timeout(now.until(moment), changed).await;
                }
            }
        }
    }

    fn held(&self, calls: usize, deletes: usize) -> Held {
        Held {
            limiter: self.clone(),
            slots: Slots { calls, deletes },
        }
    }

    fn windows(&self) -> MutexGuard<'_, Windows> {
        self.0.windows.lock()
    }
}

/// The right to send one call. Dropping it gives it back.
#[derive(Debug)]
#[must_use = "a slot that is dropped is given back"]
pub struct Slot(Held);

impl Slot {
    /// The call is sent now.
    pub fn sent(self) -> InFlight {
        InFlight(self.0)
    }
}

/// A call that was sent. It counts until it is dropped, when the call has been answered or given
/// up, and from then on as sent at that moment: Daily counts it when it arrives, which is no later.
#[derive(Debug)]
#[must_use = "it is dropped when the call has been answered"]
pub struct InFlight(Held);

impl Drop for InFlight {
    fn drop(&mut self) {
        let slots = std::mem::take(&mut self.0.slots);
        self.0.limiter.windows().sent(slots, clock::now());
        self.0.limiter.0.changed.notify_waiters();
    }
}

/// What is reserved and not sent yet.
#[derive(Debug)]
struct Held {
    limiter: Limiter,
    slots: Slots,
}

impl Held {
    fn take(&mut self, mut other: Self) {
        let slots = std::mem::take(&mut other.slots);
        self.slots.calls += slots.calls;
        self.slots.deletes += slots.deletes;
    }

    fn split_call(&mut self) -> Self {
        let one = self.slots.calls.min(1);
        self.slots.calls -= one;
        self.limiter.held(one, 0)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.slots != Slots::default() {
            self.limiter.windows().release(self.slots);
            self.limiter.0.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};

    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    fn fresh() -> Limiter {
        Limiter::new(Used::default())
    }

    /// What must come, comes soon.
    async fn soon<T>(future: impl Future<Output = T>) -> T {
        let patience = Duration::from_secs(20);
        let outcome = tokio::time::timeout(patience, future).await;
        outcome.expect("nobody waits for ever")
    }

    async fn slots(limiter: &Limiter, call: Call, count: usize) -> Vec<Slot> {
        soon(join_all((0..count).map(|_| limiter.slot(call)))).await
    }

    fn waits<F: Future>(future: &mut Pin<&mut F>) -> bool {
        future.as_mut().now_or_never().is_none()
    }

    #[tokio::test]
    async fn slots_are_granted_in_order() {
        let limiter = fresh();
        let mut all = slots(&limiter, Call::General, 100).await;
        let mut first = pin!(limiter.slot(Call::General));
        let mut second = pin!(limiter.slot(Call::General));
        assert!(waits(&mut first) && waits(&mut second));
        drop(all.pop());
        assert!(waits(&mut second), "it is the other's turn");
        let _first = soon(first).await;
        assert!(waits(&mut second));
        drop(all.pop());
        let _second = soon(second).await;
        assert_eq!(limiter.usage(), (100, 0));
    }

    #[tokio::test]
    async fn one_who_gives_up_keeps_nothing() {
        let limiter = fresh();
        let mut deletes = slots(&limiter, Call::Delete, 50).await;
        let calls = slots(&limiter, Call::General, 50).await;
        assert_eq!(limiter.usage(), (100, 50));
        {
            // This one has its DELETE and queues for the call when it gives up.
            let mut gives_up = pin!(limiter.slot(Call::Delete));
            drop(deletes.pop());
            let _taken = soon(limiter.slot(Call::General)).await;
            assert!(waits(&mut gives_up));
            assert_eq!(limiter.usage(), (100, 50));
        }
        assert_eq!(limiter.usage(), (99, 49));
        drop((deletes, calls));
        assert_eq!(limiter.usage(), (0, 0));
    }

    #[tokio::test]
    async fn one_who_waits_for_a_delete_keeps_no_call_waiting() {
        let limiter = fresh();
        let _deletes = slots(&limiter, Call::Delete, 50).await;
        let mut delete = pin!(limiter.slot(Call::Delete));
        assert!(waits(&mut delete));
        let _calls = slots(&limiter, Call::General, 50).await;
        assert!(waits(&mut delete));
    }

    #[tokio::test]
    async fn pairs_never_wait_for_each_other() {
        let limiter = fresh();
        let pair = || async {
            let (get, delete) = limiter.slots_for_delete().await;
            drop(get);
            // What a holder does in between: its check, while all others want slots too.
            tokio::task::yield_now().await;
            drop(delete);
        };
        let all = join_all((0..300).map(|_| pair()));
        soon(all).await;
        assert_eq!(limiter.usage(), (0, 0));
    }

    #[tokio::test]
    async fn a_pair_counts_as_two_calls_and_one_delete() {
        let limiter = fresh();
        let (get, delete) = limiter.slots_for_delete().await;
        assert_eq!(limiter.usage(), (2, 1));
        let in_flight = get.sent();
        assert_eq!(limiter.usage(), (2, 1));
        drop(delete);
        assert_eq!(limiter.usage(), (1, 0));
        drop(in_flight);
        assert_eq!(limiter.usage(), (1, 0));
        let (get, delete) = limiter.slots_for_delete().await;
        drop(get);
        drop(delete.sent());
        assert_eq!(limiter.usage(), (2, 1));
    }

    #[tokio::test]
    async fn what_was_sent_leaves_the_window_in_time() {
        let just_sent = Used {
            calls: 100,
            deletes: 0,
            // The window has 5.05 s, of which 0.25 s are left.
            at: Moment(clock::now().0.saturating_sub(Duration::from_millis(4_800))),
        };
        let limiter = Limiter::new(just_sent);
        let start = clock::now();
        assert_eq!(limiter.usage(), (100, 0));
        drop(limiter.slot(Call::General).await.sent());
        let waited = start.until(clock::now());
        assert!(waited >= Duration::from_millis(150), "{waited:?}");
        assert!(waited < Duration::from_secs(4), "{waited:?}");
        assert_eq!(limiter.usage(), (1, 0));
    }

    #[tokio::test]
    async fn a_send_wakes_one_who_waited_for_a_release() {
        let old = Used {
            calls: 99,
            deletes: 0,
            at: Moment(clock::now().0.saturating_sub(Duration::from_millis(4_950))),
        };
        let limiter = Limiter::new(old);
        let held = limiter.slot(Call::General).await;
        let mut next = pin!(limiter.slots_for_delete());
        assert!(waits(&mut next));
        drop(held.sent());
        let _both = soon(next).await;
    }

    /// Daily may count it when it arrives, which is any moment until its answer.
    #[tokio::test]
    async fn a_call_that_is_not_answered_counts_however_long_it_takes() {
        let limiter = fresh();
        let in_flight = limiter.slot(Call::Delete).await.sent();
        let later = clock::now().after(Duration::from_secs(3_600));
        let counts = Slots {
            calls: 1,
            deletes: 1,
        };
        assert_eq!(limiter.windows().usage(later), counts);
        drop(in_flight);
        assert_eq!(limiter.windows().usage(clock::now()), counts);
        assert_eq!(limiter.windows().usage(later), Slots::default());
    }

    #[tokio::test]
    async fn a_call_without_a_slot_counts_and_takes_no_slot_from_others() {
        let limiter = Limiter::of_calls(2);
        let held = slots(&limiter, Call::General, 2).await;
        limiter.sent_already();
        assert_eq!(limiter.usage(), (3, 0));
        drop(held);
        assert_eq!(limiter.usage(), (1, 0));
        let _one = limiter.slot(Call::General).await;
        let mut next = pin!(limiter.slot(Call::General));
        assert!(waits(&mut next));
    }

    #[tokio::test]
    async fn a_429_stops_all_and_its_end_lets_them_go() {
        let limiter = fresh();
        limiter.throttled(None);
        let mut slot = pin!(limiter.slot(Call::General));
        assert!(waits(&mut slot));
        let start = clock::now();
        drop(soon(slot).await);
        assert!(start.until(clock::now()) >= Duration::from_millis(900));
    }

    #[test]
    fn a_moment_that_is_yet_to_come_blocks_no_longer_than_now() {
        let later = clock::now().after(Duration::from_secs(3_600));
        let limiter = Limiter::new(Used::up(later));
        let wait = limiter.windows().reserve_calls(1, clock::now());
        let Err(Wait::Until(end)) = wait else {
            panic!("is full");
        };
        assert!(clock::now().until(end) <= Duration::from_millis(5_200));
    }
}
