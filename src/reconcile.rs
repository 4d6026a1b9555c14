//! The reconcile loop, once for both kinds: observe, plan, act, report.
//!
//! A reconcile begins with what the watch and this process know. [`plan()`] asks for one read or one
//! step at a time until it comes to a rest, which [`report`] turns into status and events. Here is
//! what is the same for any object: its API key, record and finalizer, the guards before planning,
//! the live check, conditions, events, back-off and memory. What differs is in the traits of
//! [`lifecycle`], which `room` and `number` implement.

pub mod backoff;
pub mod claim;
pub mod conditions;
pub mod contention;
pub mod deletion_spec;
mod failure;
pub(crate) mod guards;
mod isolation;
pub mod kind;
pub mod lifecycle;
pub(crate) mod longest_wait;
pub mod memory;
pub mod meta;
pub mod object;
mod observe;
mod pass;
pub mod plan;
pub mod problem;
pub mod record;
pub mod report;
mod requeue;
pub mod rivals;
pub mod steps;
pub mod view;
mod write;

use std::sync::Arc;

use kube::runtime::reflector::Store;
use tokio_util::sync::CancellationToken;

pub use self::deletion_spec::InvalidSpec;
pub(crate) use self::failure::Failure;
pub use self::isolation::reconcile;
pub use self::kind::Kind;
pub use self::lifecycle::Reconciled;
use self::memory::Memories;
use self::meta::Identity;
use self::object::Object;
#[cfg(test)]
pub(crate) use self::pass::MAX_ROUNDS;
pub(crate) use self::pass::Pass;
pub use self::plan::plan;
pub(crate) use self::write::Live;
use crate::clock::Moment;
use crate::concurrency::Permits;
use crate::config::Config;
use crate::effect::Gate;
use crate::k8s::Events;
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::name_locks::NameLocks;

/// What all reconciles of a kind share.
pub struct Context<K: Kind> {
    pub(crate) client: kube::Client,
    pub(crate) config: Arc<Config>,
    pub(crate) own: Identity,
    pub(crate) trusted_from: Moment,
    pub(crate) gate: Gate,
    pub(crate) events: Events,
    pub(crate) metrics: Metrics,
    pub(crate) keys: Arc<Keys>,
    pub(crate) objects: Vec<Store<Object<K>>>,
    pub(crate) memories: Memories<K::Memory>,
    /// One reconcile at a time decides which object gets a name at Daily. Of two creates Daily lets one
    /// succeed, but it has no say in an adoption.
    pub(crate) name_locks: NameLocks,
    /// Cancelled when the operator stops.
    pub(crate) stop: CancellationToken,
    /// Keeps a namespace whose reconciles take long, whatever they wait for, from taking all workers.
    pub(crate) permits: Permits,
    pub(crate) shared: K::Shared,
}
