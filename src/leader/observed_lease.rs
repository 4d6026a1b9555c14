//! The Lease as last observed: when it may be acquired, and what to write. No I/O, no clock.

use k8s_openapi::api::coordination::v1::Lease;

use super::{LEASE_DURATION, Now, PreviousLeader, lease};
use crate::clock::Moment;

/// The Lease as one process last observed it.
#[derive(Clone, Debug)]
pub(super) struct ObservedLease {
    me: String,
    lease: Option<Lease>,
    /// Since when it is unchanged.
    since: Moment,
    /// Whether this process has ever observed a Lease.
    ever: bool,
    /// How the previous leader ended, set when this process first tries to acquire the Lease. If that
    /// write succeeds without a response, the Lease looks like ours afterwards.
    previous: Option<PreviousLeader>,
}

impl ObservedLease {
    pub(super) fn new(me: String) -> Self {
        Self {
            me,
            lease: None,
            since: Moment::default(),
            ever: false,
            previous: None,
        }
    }

    /// Stores the Lease as it was read or written.
    pub(super) fn observe(&mut self, lease: Option<Lease>, now: Now) {
        if version(lease.as_ref()) != version(self.lease.as_ref()) {
            self.since = now.boot;
        }
        self.ever |= lease.is_some();
        self.lease = lease;
    }

    /// Whether this process may acquire the Lease now, or holds it. Another process's Lease has expired when *we*
    /// observed it unchanged for its duration: its own times are from another clock. A deleted Lease expires
    /// in the same way, because its deletion does not end its holder.
    pub(super) fn may_acquire(&self, now: Now) -> bool {
        let unchanged = self.since.until(now.boot);
        match &self.lease {
            None => !self.ever || unchanged >= LEASE_DURATION,
            Some(lease) => self.other_holder().is_none() || unchanged >= lease::duration(lease),
        }
    }

    fn holder(&self) -> Option<&str> {
        self.lease.as_ref().and_then(lease::holder)
    }

    /// The holder, if it is another process.
    pub(super) fn other_holder(&self) -> Option<&str> {
        self.holder().filter(|holder| *holder != self.me)
    }

    pub(super) fn is_ours(&self) -> bool {
        self.holder() == Some(&self.me)
    }

    /// Whether the Lease exists and nobody holds it.
    pub(super) fn is_free(&self) -> bool {
        self.lease.is_some() && self.holder().is_none()
    }

    /// Whether the Lease was deleted after this process had observed it.
    pub(super) fn is_deleted(&self) -> bool {
        self.ever && self.lease.is_none()
    }

    /// Whether this process has ever tried to acquire the Lease, with or without a response.
    pub(super) fn was_claimed(&self) -> bool {
        self.previous.is_some()
    }

    /// How the previous leader ended.
    pub(super) fn previous(&self) -> PreviousLeader {
        self.previous.unwrap_or_else(|| self.left_by())
    }

    fn left_by(&self) -> PreviousLeader {
        match &self.lease {
            None if !self.ever => PreviousLeader::None,
            Some(lease) if lease::is_released_clean(lease) => PreviousLeader::Released,
            None | Some(_) => PreviousLeader::Crashed {
                last_renew: self.since,
            },
        }
    }

    /// The Lease to write to acquire it; `first` if none exists.
    pub(super) fn acquisition(&mut self, first: Lease, now: Now) -> Lease {
        let lease = self.lease.clone().unwrap_or(first);
        if self.is_ours() {
            return lease::renewed(lease, now);
        }
        self.previous = Some(self.left_by());
        lease::acquired(lease, &self.me, now)
    }

    /// The Lease to write to keep it.
    pub(super) fn renewal(&self, now: Now) -> Option<Lease> {
        let lease = self.lease.clone().filter(|_| self.is_ours())?;
        Some(lease::renewed(lease, now))
    }

    /// The Lease to write to release it.
    pub(super) fn release(&self, clean: bool, now: Now) -> Option<Lease> {
        let lease = self.lease.clone().filter(|_| self.is_ours())?;
        Some(lease::released(lease, clean, now))
    }
}

/// What changes with each write. The renew time counts as well, because restoring a Lease from a backup
/// can bring back an old resourceVersion.
fn version(lease: Option<&Lease>) -> Option<(Option<&str>, Option<k8s_openapi::jiff::Timestamp>)> {
    lease.map(|lease| {
        let version = lease.metadata.resource_version.as_deref();
        (version, lease::renew_time(lease))
    })
}

#[cfg(test)]
mod tests;
