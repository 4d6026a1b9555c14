//! The sliding windows of a rate limit. No I/O; moments come in as arguments.

use std::collections::VecDeque;
use std::time::Duration;

use super::pause::Pause;
use crate::clock::Moment;

/// How many calls Daily takes in any 5 seconds. // F-RATE-1
pub(super) const CALLS: usize = 100;
/// How many DELETEs Daily takes in any 30 seconds. // F-RATE-2
pub(super) const DELETES: usize = 50;
/// How many calls and DELETEs a second Daily names for the same limits. // F-RATE-1, F-RATE-2
const CALLS_A_SECOND: usize = 20;
const DELETES_A_SECOND: usize = 2;
/// How long after a 429 each second counts. Whether Daily enforces seconds is unknown (F-RATE-9), and
/// while Daily answers slowly they would cost half of the rate, so they count only after a 429.
const SECONDS_COUNT_FOR: Duration = Duration::from_secs(600);
/// How long a call counts after its answer. It also counts from its send to its answer, so that no
/// delay on its way matters. These are 5 s and 1%, by which Daily's clock may be slower than ours.
const CALLS_SPAN: Duration = Duration::from_millis(5_050);
/// The same for DELETEs.
const DELETES_SPAN: Duration = Duration::from_millis(30_300);
/// The same for both in a second.
const SECOND_SPAN: Duration = Duration::from_millis(1_010);

/// Why no slot is granted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// The window or the pause ends then.
    Until(Moment),
    /// All slots are reserved, until one is sent or returned.
    ForRelease,
}

/// What counts against the limits of an account, and the pause after a 429.
#[derive(Debug)]
pub(super) struct Windows {
    calls: Window,
    deletes: Window,
    calls_of_second: Window,
    deletes_of_second: Window,
    seconds_count_until: Option<Moment>,
    pub pause: Pause,
}

/// How many slots of each window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slots {
    pub calls: usize,
    pub deletes: usize,
}

impl Windows {
    /// Unused windows, or windows that were used up at this moment.
    pub fn new(used_up: Option<Moment>) -> Self {
        let mut windows = Self {
            calls: Window::new(CALLS, CALLS_SPAN),
            deletes: Window::new(DELETES, DELETES_SPAN),
            calls_of_second: Window::new(CALLS_A_SECOND, SECOND_SPAN),
            deletes_of_second: Window::new(DELETES_A_SECOND, SECOND_SPAN),
            seconds_count_until: None,
            pause: Pause::default(),
        };
        if let Some(at) = used_up {
            let (calls, deletes) = (CALLS, DELETES);
            windows.sent(Slots { calls, deletes }, at);
        }
        windows
    }

    /// Unused windows for this many calls.
    pub fn of_calls(calls: usize) -> Self {
        Self {
            calls: Window::new(calls, CALLS_SPAN),
            ..Self::new(None)
        }
    }

    /// Reserves slots for this many calls.
    pub fn reserve_calls(&mut self, count: usize, now: Moment) -> Result<(), Wait> {
        if let Some(end) = self.pause.end(now) {
            return Err(Wait::Until(end));
        }
        if self.seconds_count(now) {
            self.calls_of_second.room_for(count, now)?;
        }
        self.calls.room_for(count, now)?;
        self.calls_of_second.reserved += count;
        self.calls.reserved += count;
        Ok(())
    }

    /// Reserves the slot that a DELETE needs beside the one of a call. // F-RATE-7
    pub fn reserve_delete(&mut self, now: Moment) -> Result<(), Wait> {
        if self.seconds_count(now) {
            self.deletes_of_second.room_for(1, now)?;
        }
        self.deletes.room_for(1, now)?;
        self.deletes_of_second.reserved += 1;
        self.deletes.reserved += 1;
        Ok(())
    }

    fn seconds_count(&self, now: Moment) -> bool {
        self.seconds_count_until.is_some_and(|until| now < until)
    }

    /// Daily answered 429.
    pub fn throttled(&mut self, retry_after: Option<Duration>, now: Moment) {
        self.pause.begin(retry_after, now);
        self.seconds_count_until = Some(now.after(SECONDS_COUNT_FOR));
    }

    /// A call was sent without a reserved slot.
    pub fn count(&mut self, now: Moment) {
        self.calls.count(1, now);
        self.calls_of_second.count(1, now);
    }

    /// Reserved slots were sent, and are answered now.
    pub fn sent(&mut self, slots: Slots, now: Moment) {
        self.calls.sent(slots.calls, now);
        self.deletes.sent(slots.deletes, now);
        self.calls_of_second.sent(slots.calls, now);
        self.deletes_of_second.sent(slots.deletes, now);
    }

    /// Reserved slots are returned.
    pub fn release(&mut self, slots: Slots) {
        self.calls.release(slots.calls);
        self.deletes.release(slots.deletes);
        self.calls_of_second.release(slots.calls);
        self.deletes_of_second.release(slots.deletes);
    }

    #[cfg(test)]
    pub fn usage(&mut self, now: Moment) -> Slots {
        Slots {
            calls: self.calls.taken(now),
            deletes: self.deletes.taken(now),
        }
    }
}

/// At most `limit` in any `span`.
#[derive(Debug)]
pub(super) struct Window {
    limit: usize,
    span: Duration,
    reserved: usize,
    /// When the calls that still count were sent, the earliest first.
    sent: VecDeque<Moment>,
}

impl Window {
    fn new(limit: usize, span: Duration) -> Self {
        Self {
            limit,
            span,
            reserved: 0,
            sent: VecDeque::new(),
        }
    }

    fn taken(&mut self, now: Moment) -> usize {
        while let Some(first) = self.sent.front()
            && first.until(now) >= self.span
        {
            self.sent.pop_front();
        }
        self.reserved + self.sent.len()
    }

    fn room_for(&mut self, count: usize, now: Moment) -> Result<(), Wait> {
        let too_many = (self.taken(now) + count).saturating_sub(self.limit);
        let Some(last) = too_many.checked_sub(1) else {
            return Ok(());
        };
        Err(match self.sent.get(last) {
            Some(sent) => Wait::Until(sent.after(self.span)),
            None => Wait::ForRelease,
        })
    }

    fn sent(&mut self, count: usize, now: Moment) {
        self.release(count);
        self.count(count, now);
    }

    /// Counts calls that were sent, reserved or not.
    fn count(&mut self, count: usize, now: Moment) {
        // Windows that are not asked must not grow.
        self.taken(now);
        let last = self.sent.back().copied().unwrap_or(now);
        self.sent.extend(std::iter::repeat_n(now.max(last), count));
    }

    fn release(&mut self, count: usize) {
        self.reserved = self.reserved.saturating_sub(count);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CALL: Slots = Slots {
        calls: 1,
        deletes: 0,
    };
    const DELETE: Slots = Slots {
        calls: 1,
        deletes: 1,
    };

    fn at(millis: u64) -> Moment {
        Moment(Duration::from_millis(millis))
    }

    #[test]
    fn a_slot_counts_until_a_while_after_the_answer() {
        let mut windows = Windows::new(None);
        for _ in 0..CALLS {
            windows.reserve_calls(1, at(0)).expect("is free");
        }
        assert_eq!(windows.reserve_calls(1, at(9_000)), Err(Wait::ForRelease));
        windows.sent(CALL, at(9_000));
        let wait = Err(Wait::Until(at(14_050)));
        assert_eq!(windows.reserve_calls(1, at(9_001)), wait);
        assert_eq!(windows.reserve_calls(2, at(9_001)), Err(Wait::ForRelease));
        assert_eq!(windows.reserve_calls(1, at(14_049)), wait);
        assert_eq!(windows.reserve_calls(1, at(14_050)), Ok(()));
    }

    #[test]
    fn a_returned_slot_is_free_at_once() {
        let mut windows = Windows::new(None);
        for _ in 0..DELETES {
            windows.reserve_delete(at(0)).expect("is free");
        }
        assert_eq!(windows.reserve_delete(at(0)), Err(Wait::ForRelease));
        windows.release(DELETE);
        assert_eq!(windows.reserve_delete(at(0)), Ok(()));
    }

    #[test]
    fn it_starts_with_what_is_used() {
        let mut windows = Windows::new(Some(at(1_000)));
        let (call, delete) = (Wait::Until(at(6_050)), Wait::Until(at(31_300)));
        assert_eq!(windows.reserve_calls(1, at(1_500)), Err(call));
        assert_eq!(windows.reserve_delete(at(1_500)), Err(delete));
        let all = Slots {
            calls: 100,
            deletes: 50,
        };
        assert_eq!(windows.usage(at(6_049)), all);
        assert_eq!(windows.usage(at(6_050)).calls, 0);
        assert_eq!(windows.usage(at(31_300)), Slots::default());
    }

    #[test]
    fn nothing_is_granted_in_a_pause() {
        let mut windows = Windows::new(None);
        windows.pause.begin(None, at(0));
        let wait = Err(Wait::Until(at(1_000)));
        assert_eq!(windows.reserve_calls(1, at(999)), wait);
        assert_eq!(windows.reserve_calls(1, at(1_000)), Ok(()));
    }

    /// F-RATE-9.
    #[test]
    fn each_second_counts_for_ten_minutes_after_a_429() {
        let mut windows = Windows::new(None);
        for _ in 0..40 {
            windows
                .reserve_calls(1, at(0))
                .expect("seconds do not count yet");
        }
        windows.throttled(None, at(0));
        assert_eq!(windows.reserve_calls(1, at(1_000)), Err(Wait::ForRelease));
        for _ in 0..40 {
            windows.sent(CALL, at(1_500));
        }
        let wait = Err(Wait::Until(at(2_510)));
        assert_eq!(windows.reserve_calls(1, at(1_600)), wait);
        for _ in 0..20 {
            windows
                .reserve_calls(1, at(2_510))
                .expect("the second is over");
        }
        assert_eq!(windows.reserve_calls(1, at(2_510)), Err(Wait::ForRelease));
        for _ in 0..20 {
            windows.sent(CALL, at(2_510));
        }
        for _ in 0..2 {
            windows.reserve_delete(at(4_000)).expect("two are free");
        }
        assert_eq!(windows.reserve_delete(at(4_000)), Err(Wait::ForRelease));
        for _ in 0..100 {
            windows
                .reserve_calls(1, at(600_000))
                .expect("all 100 are free");
        }
        assert!(windows.reserve_calls(1, at(600_000)).is_err());
    }

    #[test]
    fn the_limits_are_used_to_95_percent() {
        let (minutes, mut now) = (10, 0);
        let mut windows = Windows::new(None);
        let (mut calls, mut deletes) = (0_u64, 0_u64);
        while now < minutes * 60_000 {
            while windows.reserve_delete(at(now)).is_ok() {
                windows
                    .reserve_calls(1, at(now))
                    .expect("there is room for it");
                windows.sent(DELETE, at(now));
                deletes += 1;
                calls += 1;
            }
            while windows.reserve_calls(1, at(now)).is_ok() {
                windows.sent(CALL, at(now));
                calls += 1;
            }
            now += 10;
        }
        // 20 calls and 5/3 DELETEs a second.
        assert!(calls * 100 >= 95 * 20 * 60 * minutes, "{calls}");
        assert!(deletes * 100 >= 95 * 100 * minutes, "{deletes}");
    }

    /// A caller.
    #[derive(Clone, Debug)]
    struct Caller {
        /// The delay after the caller before.
        gap: u64,
        delete: bool,
        /// How long it holds its slot before the send.
        holds: u64,
        sends: bool,
        /// How long the call takes to arrive.
        arrives: u64,
        /// How long its answer takes after that.
        answers: u64,
    }

    fn callers() -> impl Strategy<Value = Vec<Caller>> {
        let gap = prop_oneof![4 => Just(0_u64), 3 => 0..40_u64, 1 => 0..6_000_u64];
        let holds = prop_oneof![3 => Just(0_u64), 2 => 0..2_000_u64];
        let way = || prop_oneof![3 => Just(0_u64), 2 => 0..3_000_u64];
        let one = (
            gap,
            prop::bool::weighted(0.4),
            holds,
            prop::bool::weighted(0.9),
            (way(), way()),
        );
        let caller = one.prop_map(|(gap, delete, holds, sends, (arrives, answers))| Caller {
            gap,
            delete,
            holds,
            sends,
            arrives,
            answers,
        });
        prop::collection::vec(caller, 1..700)
    }

    /// Runs all callers; returns when each call arrived, and whether it is a DELETE.
    fn run(callers: &[Caller], used: Slots) -> Vec<(u64, bool)> {
        let mut windows = Windows::new(None);
        windows.sent(used, at(0));
        let mut arrivals: VecDeque<(u64, Caller)> = VecDeque::new();
        let mut arrival = 0;
        for caller in callers {
            arrival += caller.gap;
            arrivals.push_back((arrival, caller.clone()));
        }
        let (mut for_delete, mut for_call) = (VecDeque::new(), VecDeque::new());
        let mut holding: Vec<(u64, Caller)> = Vec::new();
        let mut answered: Vec<(u64, Slots)> = Vec::new();
        let (mut sent, mut left, mut now) = (Vec::new(), callers.len(), 0_u64);
        while left > 0 || !answered.is_empty() {
            answered.retain(|(until, slots)| {
                if *until <= now {
                    windows.sent(*slots, at(now));
                }
                *until > now
            });
            while arrivals.front().is_some_and(|(time, _)| *time <= now) {
                let (_, caller) = arrivals.pop_front().expect("is there");
                match caller.delete {
                    true => for_delete.push_back(caller),
                    false => for_call.push_back(caller),
                }
            }
            while !for_delete.is_empty() && windows.reserve_delete(at(now)).is_ok() {
                for_call.extend(for_delete.pop_front());
            }
            while !for_call.is_empty() && windows.reserve_calls(1, at(now)).is_ok() {
                let caller: Caller = for_call.pop_front().expect("is there");
                holding.push((now + caller.holds, caller));
            }
            holding.retain(|(until, caller)| {
                if *until > now {
                    return true;
                }
                let slots = if caller.delete { DELETE } else { CALL };
                if caller.sends {
                    let arrives = now + caller.arrives;
                    sent.push((arrives, caller.delete));
                    answered.push((arrives + caller.answers, slots));
                } else {
                    windows.release(slots);
                }
                left -= 1;
                false
            });
            now += 20;
            assert!(now < 3_600_000, "{left} wait for ever");
        }
        sent
    }

    fn most_in(times: &[u64], span: u64) -> usize {
        let within = |&start: &u64| {
            let end = start + span;
            times.iter().filter(|&&t| t >= start && t < end).count()
        };
        times.iter().map(within).max().unwrap_or(0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn no_pattern_of_calls_exceeds_the_limits(
            callers in callers(),
            calls in 0..=CALLS,
            deletes in 0..=DELETES,
        ) {
            let sent = run(&callers, Slots { calls, deletes });
            let before = |n: usize| std::iter::repeat_n(0, n);
            let all: Vec<u64> =
                before(calls).chain(sent.iter().map(|(time, _)| *time)).collect();
            let deleted: Vec<u64> = before(deletes)
                .chain(sent.iter().filter(|(_, delete)| *delete).map(|(time, _)| *time))
                .collect();
            prop_assert!(most_in(&all, 5_000) <= 100);
            prop_assert!(most_in(&deleted, 30_000) <= 50);
        }
    }
}
