//! What a kind implements, each trait in the file of its name, and [`Drive`] in `observe.rs`.
//!
//! [`Create`], [`Keep`], [`Delete`] and [`Report`] are pure. [`Drive`] does the I/O that a plan asks
//! for, and chooses nothing.

use super::kind::Kind;
use super::object::Object;
use super::record::{Claim, Made, Record};
use super::steps::{Change, Outcome, Plan, Planned, Release};
use super::view::View;
use super::{Context, Failure, Pass};
use crate::crd::condition::Reason;
use crate::daily::account::Account;
use crate::daily::evidence::RoomEvidence;
use crate::daily::types::Domain;
use crate::k8s::Note;

/// How a name is claimed and what has it is created. Pure.
pub trait Create: Kind {
    /// What to do before an API key is needed.
    fn before_access(_: &View<Self>, _: &Self::Spec) -> Result<(), Plan<Self>> {
        Ok(())
    }
    fn claim(view: &View<Self>, spec: &Self::Spec, domain: &Domain) -> Planned<Self>;
    /// Claims the name again after the claim was withdrawn.
    fn claim_again(view: &View<Self>, spec: &Self::Spec, unclaimed: &Record) -> Planned<Self>;
    /// Creates what is claimed, or records it if it exists already.
    fn create(view: &View<Self>, spec: &Self::Spec, owned: &Record, claim: &Claim)
    -> Planned<Self>;
    /// Whether two names at Daily may be one.
    fn is_same_name(one: &str, other: &str) -> bool {
        one == other
    }
    /// Whether what an object records has ended as planned.
    fn is_over(_: &Object<Self>, _: &Record) -> bool {
        false
    }
}

/// How what is recorded is kept in line with the spec. Pure.
pub trait Keep: Kind {
    fn keep(
        view: &View<Self>,
        spec: &Self::Spec,
        domain: &Domain,
        owned: &Record,
        made: &Made,
    ) -> Planned<Self>;
    /// When what is recorded ends by itself, in unix seconds. `None` once that is reported.
    fn ends_at(_: &View<Self>) -> Option<i64> {
        None
    }
    /// When a suspended object with this end has to be reconciled next, in unix seconds.
    fn next_time(_: &View<Self>, end: i64) -> i64 {
        end
    }
    /// Drops what a new record makes obsolete.
    fn on_recorded(view: &mut View<Self>, change: Change);
}

/// How an object is deleted. Pure.
pub trait Delete: Kind {
    /// Whether an object without a record may own something at Daily.
    fn may_own_unrecorded(view: &View<Self>) -> bool;
    /// What a deletion waits for before it needs an API key.
    fn before_delete(_: &View<Self>) -> Result<(), Plan<Self>> {
        Ok(())
    }
    /// What has to be put back before what the object owns is left at Daily.
    fn before_retain(_: &View<Self>) -> Result<(), Plan<Self>> {
        Ok(())
    }
    /// Deletes what the object owns.
    fn delete(view: &View<Self>) -> Planned<Self>;
    /// Removes the finalizer, and before it what Kubernetes holds for the object.
    fn release(_: &View<Self>, how: Release) -> Plan<Self> {
        how.into()
    }
}

/// The decisions of a kind.
pub trait Decide: Create + Keep + Delete {}

impl<K: Create + Keep + Delete> Decide for K {}

/// What a kind reports: pure functions from an outcome to status and events.
pub trait Report: Kind {
    /// The message of Ready while callers are served.
    fn ready_message(serving: &Self::Serving) -> String;
    /// Reason and message of Suspended, if there is more to say than that.
    fn suspension(_: &View<Self>) -> Option<(Reason, String)> {
        None
    }
    fn expired_message(_: &View<Self>) -> &'static str {
        ""
    }
    /// Sets the status fields that only this kind has.
    fn set_status(status: &mut Self::Status, view: &View<Self>, outcome: &Outcome<Self>);
    /// The event of a write that only this kind has.
    fn applied_event(view: &View<Self>, applied: &Self::Applied) -> Option<Note>;
    fn status_events(_: &View<Self>, _: &Self::Status) -> Vec<Note> {
        Vec::new()
    }
}

/// The I/O of a kind. Results go into the view, where the next plan finds them.
pub trait Drive: Kind {
    /// Adds what the caches know before anything is read.
    fn begin(context: &Context<Self>, view: &mut View<Self>);
    /// What the account knows about a name, for the object with the uid `owner`.
    fn evidence(account: &Account, name: &str, owner: &str) -> RoomEvidence;
    /// Drops what newer evidence makes obsolete.
    fn on_evidence(_: &mut View<Self>) {}
    /// Remembers what the status does not say of a reported outcome.
    fn on_reported(_: &mut View<Self>, _: &Outcome<Self>) {}
    /// Reads what the plan asks for.
    fn read(
        pass: &mut Pass<Self>,
        read: Self::Read,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Applies a step of the plan.
    fn act(
        pass: &mut Pass<Self>,
        step: Self::Step,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A kind with all steps of the loop.
pub trait Reconciled: Decide + Report + Drive {}

impl<K: Decide + Report + Drive> Reconciled for K {}
