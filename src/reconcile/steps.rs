//! What a plan can ask for, and what a reconcile can end with. Data alone.

use std::time::Duration;

use super::kind::{Kind, Named};
use super::problem::{Problem, Requeue, ResolvedBy};
use super::record::Record;
use crate::crd::condition::Reason;

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan<K: Kind> {
    /// Something has to be known first.
    Read(Read<K>),
    /// Something has to be written.
    Act(Step<K>),
    /// The reconcile ends.
    Rest(Outcome<K>, Requeue),
}

/// What comes next; as an error, what has to come before.
pub type Planned<K> = Result<Plan<K>, Plan<K>>;

/// What has to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read<K: Kind> {
    /// The API key that applies, and its domain.
    Access,
    /// Whether another object holds the name.
    Rival,
    /// Whether the namespace is being deleted.
    Namespace,
    /// Something that only this kind has.
    Of(K::Read),
}

/// What has to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<K: Kind> {
    AddFinalizer,
    /// Replace the record.
    Record(Box<Record>, Change, Written),
    /// Write status and events before the reconcile goes on.
    Report(Outcome<K>),
    /// Remove the finalizer.
    Release(Release),
    /// Something that only this kind has.
    Of(K::Step),
}

/// When a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Before the next step.
    Now,
    /// With the next status write: without the record, the next reconcile would find the same.
    WithStatus,
}

/// Why a record is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The name is free and is claimed.
    Claimed,
    /// Something else has the name: the claim is withdrawn.
    Withdrawn,
    /// A create was answered with this id.
    Created,
    /// What an earlier create made was found.
    Found,
    /// What existed before is adopted.
    Adopted,
    /// What is missing is recreated.
    Recreated,
    /// A new room replaces the one that ended.
    Replaced,
    /// The end was moved on in time, to this unix time.
    Renewed(i64),
    /// The end was moved at Daily, to this unix time, and is kept.
    EndMoved(i64),
    /// What was sent to Daily is recorded.
    Sent,
    /// Another installation owned the object before.
    TakenOver,
}

impl Change {
    /// Whether the record claims the name for a create that is still to be sent.
    pub fn is_new_claim(self) -> bool {
        matches!(self, Self::Claimed | Self::Recreated | Self::Replaced)
    }
}

/// How an object is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Release {
    /// It owns nothing at Daily.
    Clean,
    /// What it owned was deleted.
    Deleted,
    /// What it owns stays, because `deletionPolicy` is `Retain`.
    Retained,
    /// Something may be left at Daily, for this reason.
    Orphaned(String),
}

/// What a reconcile came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<K: Kind> {
    /// Reconciliation has begun.
    Progressing,
    /// Callers are served. With a problem, something else waits or needs the user.
    Serving(Box<K::Serving>, Option<Problem>),
    /// The object does not match its spec.
    Failing(Problem),
    /// The room has ended.
    Expired,
    /// The object is suspended: what it serves stays as it is.
    Suspended,
    /// An observation needs confirmation; the status stays as it is.
    Unchanged,
    /// The deletion cannot finish yet.
    Deleting(Problem),
    /// Another installation owns the object, and nothing is written to it.
    OwnedElsewhere(Problem),
    /// The object is gone, or owns nothing.
    Done,
}

impl<K: Kind> Outcome<K> {
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Failing(problem) | Self::Deleting(problem) | Self::OwnedElsewhere(problem) => {
                Some(problem)
            }
            Self::Serving(_, problem) => problem.as_ref(),
            Self::Progressing | Self::Expired | Self::Suspended | Self::Unchanged | Self::Done => {
                None
            }
        }
    }

    /// Whether it tells that there is a problem, or that there is none any more.
    pub fn is_conclusive(&self) -> bool {
        !matches!(
            self,
            Self::Progressing | Self::Suspended | Self::Unchanged | Self::Done
        )
    }
}

impl<K: Kind> Read<K> {
    /// The name in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Access => "read-access",
            Self::Rival => "read-rival",
            Self::Namespace => "read-namespace",
            Self::Of(read) => read.name(),
        }
    }
}

impl<K: Kind> Step<K> {
    /// The name in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AddFinalizer => "add-finalizer",
            Self::Record(..) => "record",
            Self::Report(_) => "report",
            Self::Release(_) => "release",
            Self::Of(step) => step.name(),
        }
    }
}

/// Added to every timed requeue so that the deadline has passed when the reconcile begins.
pub const MARGIN: Duration = Duration::from_millis(50);

/// How soon to check again whether the caches of the watches are filled, which takes seconds.
pub(crate) const CACHE_RETRY: Duration = Duration::from_secs(1);

/// Why an object waits for the quiet period. Without a countdown, because each new message would
/// be a write of the status.
pub const MAY_TAKE_EFFECT: &str = "Waiting: an earlier request to Daily may still take effect.";

impl<K: Kind> From<Release> for Plan<K> {
    fn from(how: Release) -> Self {
        Self::Act(Step::Release(how))
    }
}

/// Reads something that only this kind has.
pub fn read<K: Kind>(read: K::Read) -> Plan<K> {
    Plan::Read(Read::Of(read))
}

/// Writes something that only this kind has.
pub fn act<K: Kind>(step: K::Step) -> Plan<K> {
    Plan::Act(Step::Of(step))
}

/// Ends the reconcile with a problem.
pub fn failing<K: Kind>(problem: Problem, requeue: Requeue) -> Plan<K> {
    Plan::Rest(Outcome::Failing(problem), requeue)
}

/// Ends the reconcile until an observation can be confirmed.
pub fn unchanged<K: Kind>(after: Duration) -> Plan<K> {
    Plan::Rest(Outcome::Unchanged, Requeue::After(after))
}

/// Ends the reconcile of an object whose deletion has to wait.
pub fn deletion_waits<K: Kind>(message: &str, after: Duration) -> Plan<K> {
    let problem = Problem::new(Reason::Progressing, ResolvedBy::Waiting, message);
    Plan::Rest(Outcome::Deleting(problem), Requeue::After(after))
}

/// Replaces the record before anything else happens.
pub fn record<K: Kind>(record: Record, change: Change) -> Plan<K> {
    Plan::Act(Step::Record(Box::new(record), change, Written::Now))
}
