//! Tables of decisions, and two contenders over a store that drops, delays and refuses.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::leader::{RENEWAL_VALIDITY, is_recent};

fn at(secs: u64) -> Now {
    Now {
        boot: Moment(Duration::from_secs(secs)),
        wall: Timestamp::from_second(1_000_000 + i64::try_from(secs).unwrap()).unwrap(),
    }
}

fn held_by(holder: &str, renewed: u64) -> Lease {
    let mut lease = lease::acquired(lease::new("ns", "lease"), holder, at(renewed));
    lease.metadata.resource_version = Some(renewed.to_string());
    lease
}

#[test]
fn another_ones_lease_is_left_alone_for_its_duration() {
    let mut longer = held_by("b", 100);
    longer.spec.as_mut().unwrap().lease_duration_seconds = Some(40);
    let mut endless = held_by("b", 100);
    endless.spec.as_mut().unwrap().lease_duration_seconds = Some(86_400);
    let mut shorter = held_by("b", 100);
    shorter.spec.as_mut().unwrap().lease_duration_seconds = Some(-1);
    let timeless = {
        let mut lease = held_by("b", 100);
        lease.spec.as_mut().unwrap().renew_time = None;
        lease
    };
    let free = lease::released(held_by("b", 100), false, at(100));
    let table = [
        ("no Lease", None, 100, 100, true),
        ("ours", Some(held_by("a", 100)), 100, 900, true),
        ("free", Some(free), 100, 100, true),
        ("just seen", Some(held_by("b", 100)), 100, 114, false),
        ("seen long enough", Some(held_by("b", 100)), 100, 115, true),
        (
            "old, but seen just now",
            Some(held_by("b", 100)),
            160,
            160,
            false,
        ),
        (
            "hours old by its own clock",
            Some(held_by("b", 100)),
            9000,
            9014,
            false,
        ),
        ("of the future", Some(held_by("b", 9000)), 100, 114, false),
        (
            "of the future, dead",
            Some(held_by("b", 9000)),
            100,
            115,
            true,
        ),
        ("says 40 s", Some(longer.clone()), 100, 139, false),
        ("says 40 s", Some(longer), 100, 140, true),
        ("says a day", Some(endless.clone()), 100, 159, false),
        ("says a day", Some(endless), 100, 160, true),
        ("says nonsense", Some(shorter), 100, 114, false),
        ("says no time", Some(timeless), 100, 114, false),
    ];
    for (what, lease, since, now, expected) in table {
        let mut observed = ObservedLease::new("a".into());
        observed.observe(lease, at(since));
        assert_eq!(observed.may_acquire(at(now)), expected, "{what}");
    }
}

#[test]
fn the_wait_begins_anew_with_each_renewal_that_is_seen() {
    let mut observed = ObservedLease::new("a".into());
    observed.observe(Some(held_by("b", 100)), at(100));
    observed.observe(Some(held_by("b", 100)), at(114));
    assert!(observed.may_acquire(at(115)));
    observed.observe(Some(held_by("b", 105)), at(114));
    assert!(!observed.may_acquire(at(128)));
    assert!(observed.may_acquire(at(129)));
}

#[test]
fn what_was_left_is_remembered_when_the_answer_was_not_heard() {
    let mut observed = ObservedLease::new("a".into());
    observed.observe(Some(held_by("b", 100)), at(120));
    let written = observed.acquisition(lease::new("ns", "lease"), at(120));
    observed.observe(Some(written), at(125));
    assert!(observed.may_acquire(at(125)));
    let again = observed.acquisition(lease::new("ns", "lease"), at(126));
    assert_eq!(lease::holder(&again), Some("a"));
    // By our own clock: the time in the Lease is by another one's.
    let last_renew = at(120).boot;
    assert_eq!(observed.previous(), PreviousLeader::Crashed { last_renew });
}

#[test]
fn a_lease_that_was_seen_and_is_deleted_stays_its_holders_for_a_while() {
    let mut observed = ObservedLease::new("a".into());
    observed.observe(None, at(100));
    assert!(observed.may_acquire(at(100)));
    assert_eq!(observed.previous(), PreviousLeader::None);
    observed.observe(Some(held_by("b", 110)), at(110));
    observed.observe(None, at(112));
    observed.observe(None, at(120));
    assert!(!observed.may_acquire(at(126)));
    assert!(observed.may_acquire(at(127)));
    let last_renew = at(112).boot;
    observed.acquisition(lease::new("ns", "lease"), at(127));
    assert_eq!(observed.previous(), PreviousLeader::Crashed { last_renew });
}

#[test]
fn what_was_left_is_told_by_how_the_leader_ended() {
    let held = held_by("b", 100);
    let freed = |clean| lease::released(held_by("b", 100), clean, at(105));
    let crashed = PreviousLeader::Crashed {
        last_renew: at(200).boot,
    };
    let table = [
        (None, PreviousLeader::None),
        (Some(held), crashed),
        (Some(freed(false)), crashed),
        (Some(freed(true)), PreviousLeader::Released),
    ];
    for (lease, expected) in table {
        let mut observed = ObservedLease::new("a".into());
        observed.observe(lease, at(200));
        assert_eq!(observed.previous(), expected);
    }
}

/// The API server: a write passes with the version that is stored only.
#[derive(Default)]
struct Store {
    lease: Option<Lease>,
    version: u64,
}

impl Store {
    fn write(&mut self, mut lease: Lease) -> Option<Lease> {
        let stored = self.lease.as_ref();
        if stored.map(|l| &l.metadata.resource_version) != Some(&lease.metadata.resource_version)
            && (stored.is_some() || lease.metadata.resource_version.is_some())
        {
            return None;
        }
        self.version += 1;
        lease.metadata.resource_version = Some(self.version.to_string());
        self.lease = Some(lease.clone());
        Some(lease)
    }
}

/// One process, driven as the elector drives it; its writes go out, land and are answered apart.
struct Contender {
    observed: ObservedLease,
    boot: u64,
    skew: i64,
    renewed: Option<Now>,
    out: Option<(Lease, Now)>,
    answer: Option<(Option<Lease>, Now)>,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Pass(u64),
    Read(usize),
    Send(usize),
    Land(usize),
    Answer(usize),
    Forget(usize),
    /// All of it at once, as on a good day.
    Turn(usize),
}

impl Contender {
    fn new(name: &str, boot: u64, skew: i64) -> Self {
        Self {
            observed: ObservedLease::new(name.to_owned()),
            boot,
            skew,
            renewed: None,
            out: None,
            answer: None,
        }
    }

    fn now(&self, millis: u64) -> Now {
        let wall = at(0).wall + SignedDuration::from_millis(i64::try_from(millis).unwrap());
        Now {
            boot: Moment(Duration::from_millis(self.boot + millis)),
            wall: wall + SignedDuration::from_secs(self.skew),
        }
    }

    fn send(&mut self, now: Now) {
        if !self.observed.may_acquire(now) {
            return;
        }
        let write = match self.observed.is_ours() {
            true => self.observed.renewal(now),
            false => Some(self.observed.acquisition(lease::new("ns", "lease"), now)),
        };
        self.out = write.map(|lease| (lease, now));
    }

    fn land(&mut self, store: &mut Store) {
        if let Some((lease, begun)) = self.out.take() {
            self.answer = Some((store.write(lease), begun));
        }
    }

    fn receive(&mut self, now: Now) {
        if let Some((Some(lease), begun)) = self.answer.take() {
            self.observed.observe(Some(lease), now);
            self.renewed = Some(begun);
        }
    }
}

fn event() -> impl Strategy<Value = Event> {
    let who = 0..2_usize;
    prop_oneof![
        4 => (0..8_000_u64).prop_map(Event::Pass),
        4 => who.clone().prop_map(Event::Turn),
        1 => who.clone().prop_map(Event::Read),
        1 => who.clone().prop_map(Event::Send),
        1 => who.clone().prop_map(Event::Land),
        1 => who.clone().prop_map(Event::Answer),
        1 => who.prop_map(Event::Forget),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Whatever is delayed, lost or refused, and with clocks minutes apart, at most one of two may
    /// send at any time.
    #[test]
    fn never_do_two_lead(
        boots in (0..1_000_000_u64, 0..1_000_000_u64),
        skews in (-240..240_i64, -240..240_i64),
        events in proptest::collection::vec(event(), 1..200),
    ) {
        let mut store = Store::default();
        let mut both = [
            Contender::new("a", boots.0, skews.0),
            Contender::new("b", boots.1, skews.1),
        ];
        let mut millis = 1_000_000;
        for event in events {
            match event {
                Event::Pass(by) => millis += by,
                Event::Read(who) => {
                    let now = both[who].now(millis);
                    both[who].observed.observe(store.lease.clone(), now);
                }
                Event::Send(who) => {
                    let now = both[who].now(millis);
                    both[who].send(now);
                }
                Event::Land(who) => both[who].land(&mut store),
                Event::Answer(who) => {
                    let now = both[who].now(millis);
                    both[who].receive(now);
                }
                Event::Forget(who) => both[who].answer = None,
                Event::Turn(who) => {
                    let now = both[who].now(millis);
                    both[who].observed.observe(store.lease.clone(), now);
                    both[who].send(now);
                    both[who].land(&mut store);
                    both[who].receive(now);
                }
            }
            let lead = |it: &Contender| is_recent(it.renewed, RENEWAL_VALIDITY, it.now(millis));
            prop_assert!(!(lead(&both[0]) && lead(&both[1])), "two lead at {millis} ms");
        }
    }
}
