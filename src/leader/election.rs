//! When the Lease may be taken, and what is then written. No I/O, no clock.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;

use super::{How, Now, Used, lease};
use crate::clock::Moment;

/// A Lease that was last renewed so long ago is taken at once. Clocks of two nodes differ, so this
/// is more than they plausibly do: a leader whose clock is slow must not be taken for dead.
const STALE: Duration = Duration::from_secs(600);

/// What is to be done about the Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is free, or its holder has let it expire.
    Acquire,
    /// It is ours.
    Renew,
    /// Another one holds it.
    Wait,
}

/// What one process knows of the Lease.
#[derive(Clone, Debug)]
pub(super) struct Election {
    me: String,
    seen: Seen,
    /// What was left by the one before, as it was when we first reached for the Lease: if that
    /// write is not answered, the Lease looks like ours afterwards.
    left: Option<How>,
}

/// The Lease as it was read last, and since when it looks so.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    lease: Option<Lease>,
    since: Moment,
}

impl Election {
    pub(super) fn new(me: String) -> Self {
        let seen = Seen {
            lease: None,
            since: Moment::default(),
        };
        Self {
            me,
            seen,
            left: None,
        }
    }

    /// Takes note of the Lease as it was read, or as a write left it.
    pub(super) fn saw(&mut self, lease: Option<Lease>, now: Now) {
        if version(lease.as_ref()) != version(self.seen.lease.as_ref()) {
            self.seen.since = now.boot;
        }
        self.seen.lease = lease;
    }

    pub(super) fn decide(&self, now: Now) -> Step {
        decide(now, &self.seen, &self.me)
    }

    /// Who holds it, if it is another one.
    pub(super) fn other_holder(&self) -> Option<&str> {
        let holder = self.seen.lease.as_ref().and_then(lease::holder);
        holder.filter(|holder| *holder != self.me)
    }

    /// Whether we hold it, as far as we know.
    pub(super) fn is_ours(&self) -> bool {
        self.seen.lease.as_ref().and_then(lease::holder) == Some(&self.me)
    }

    /// Whether there is a Lease that nobody holds, as far as we know.
    pub(super) fn is_free(&self) -> bool {
        let lease = self.seen.lease.as_ref();
        lease.is_some_and(|lease| lease::holder(lease).is_none())
    }

    /// Whether we have ever reached for it, answered or not.
    pub(super) fn reached(&self) -> bool {
        self.left.is_some()
    }

    /// What the one before us left.
    pub(super) fn left(&self, now: Now) -> How {
        self.left
            .unwrap_or_else(|| lease::left(self.seen.lease.as_ref(), now))
    }

    /// What to write to have it; `first` is the Lease when there is none yet.
    pub(super) fn acquisition(&mut self, first: Lease, now: Now) -> Lease {
        let seen = self.seen.lease.clone();
        if self.is_ours() {
            return lease::renewal(seen.unwrap_or(first), now);
        }
        self.left = Some(lease::left(seen.as_ref(), now));
        lease::taken(seen.unwrap_or(first), &self.me, now)
    }

    /// What to write to keep it.
    pub(super) fn renewal(&self, now: Now) -> Option<Lease> {
        let seen = self.seen.lease.clone().filter(|_| self.is_ours())?;
        Some(lease::renewal(seen, now))
    }

    /// What to write to give it back.
    pub(super) fn release(&self, used: Option<Used>, now: Now) -> Option<Lease> {
        let seen = self.seen.lease.clone().filter(|_| self.is_ours())?;
        Some(lease::released(seen, used, now))
    }
}

/// The version by which two readings are told apart. The time is part of it for the sake of
/// whoever restores a Lease from a backup.
fn version(lease: Option<&Lease>) -> Option<(Option<&str>, Option<k8s_openapi::jiff::Timestamp>)> {
    lease.map(|lease| {
        let version = lease.metadata.resource_version.as_deref();
        (version, lease::renewed(lease))
    })
}

/// Another one's Lease has expired when *we* saw it unchanged for its duration: its own times are
/// by another clock.
fn decide(now: Now, seen: &Seen, me: &str) -> Step {
    let Some(lease) = &seen.lease else {
        return Step::Acquire;
    };
    let stale = |then| now.since_wall(then) > STALE;
    match lease::holder(lease) {
        None => Step::Acquire,
        Some(holder) if holder == me => Step::Renew,
        Some(_) if seen.since.until(now.boot) >= lease::duration(lease) => Step::Acquire,
        Some(_) if lease::renewed(lease).is_some_and(stale) => Step::Acquire,
        Some(_) => Step::Wait,
    }
}

#[cfg(test)]
mod tests;
