//! When the Lease may be taken, and what is then written. No I/O, no clock.

use k8s_openapi::api::coordination::v1::Lease;

use super::{DURATION, How, Now, lease};
use crate::clock::Moment;

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
    /// Whether there has ever been one.
    ever: bool,
}

impl Election {
    pub(super) fn new(me: String) -> Self {
        let seen = Seen {
            lease: None,
            since: Moment::default(),
            ever: false,
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
        self.seen.ever |= lease.is_some();
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

    /// Whether it was deleted since we have seen it.
    pub(super) fn is_deleted(&self) -> bool {
        self.seen.ever && self.seen.lease.is_none()
    }

    /// Whether we have ever reached for it, answered or not.
    pub(super) fn reached(&self) -> bool {
        self.left.is_some()
    }

    /// What the one before us left.
    pub(super) fn left(&self) -> How {
        self.left.unwrap_or_else(|| left(&self.seen))
    }

    /// What to write to have it; `first` is the Lease when there is none yet.
    pub(super) fn acquisition(&mut self, first: Lease, now: Now) -> Lease {
        let seen = self.seen.lease.clone();
        if self.is_ours() {
            return lease::renewal(seen.unwrap_or(first), now);
        }
        self.left = Some(left(&self.seen));
        lease::taken(seen.unwrap_or(first), &self.me, now)
    }

    /// What to write to keep it.
    pub(super) fn renewal(&self, now: Now) -> Option<Lease> {
        let seen = self.seen.lease.clone().filter(|_| self.is_ours())?;
        Some(lease::renewal(seen, now))
    }

    /// What to write to give it back.
    pub(super) fn release(&self, clean: bool, now: Now) -> Option<Lease> {
        let seen = self.seen.lease.clone().filter(|_| self.is_ours())?;
        Some(lease::released(seen, clean, now))
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
/// by another clock. A Lease that is deleted is no sign that its holder has ended, so it expires in
/// the same way.
fn decide(now: Now, seen: &Seen, me: &str) -> Step {
    let unchanged = seen.since.until(now.boot);
    let Some(lease) = &seen.lease else {
        return match seen.ever && unchanged < DURATION {
            true => Step::Wait,
            false => Step::Acquire,
        };
    };
    match lease::holder(lease) {
        None => Step::Acquire,
        Some(holder) if holder == me => Step::Renew,
        Some(_) if unchanged >= lease::duration(lease) => Step::Acquire,
        Some(_) => Step::Wait,
    }
}

/// What the leader before left.
fn left(seen: &Seen) -> How {
    match &seen.lease {
        None if !seen.ever => How::Fresh,
        Some(lease) if lease::is_handed_over(lease) => How::CleanHandOver,
        None | Some(_) => How::Crashed {
            last_renew: seen.since,
        },
    }
}

#[cfg(test)]
mod tests;
