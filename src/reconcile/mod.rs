//! The loop, once for both kinds: observe, plan, act, report.
//!
//! A pass begins with what the watch and this process know. [`plan()`] asks for one look or one step
//! at a time until it comes to a rest, which [`report`] turns into status and events. What is true
//! of any object is here: its key, record and finalizer, the guards before planning, the live check,
//! conditions, events, back-off and memory. What is true of one kind only is behind the trait
//! [`Kind`].

#![allow(
    clippy::large_enum_variant,
    clippy::result_large_err,
    reason = "a plan is made and taken apart once a round; boxes would only be in the way"
)]

mod access;
pub mod backoff;
pub mod conditions;
mod failure;
mod guards;
pub mod memory;
pub mod object;
mod pass;
pub mod plan;
pub mod problem;
pub mod record;
pub mod report;
pub mod rivals;
pub mod spec;
pub mod view;
mod write;

use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::core::NamespaceResourceScope;
use kube::runtime::reflector::Store;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use self::failure::Failure;
use self::memory::Memories;
use self::object::Object;
pub(crate) use self::pass::Pass;
pub use self::pass::reconcile;
pub use self::plan::plan;
use self::plan::{Change, Plan, Release};
use self::record::{Claim, Made, Record};
pub use self::spec::{DeletionSpec, InvalidSpec};
use self::view::{Identity, View};
pub(crate) use self::write::Live;
use crate::clock::Moment;
use crate::config::Config;
use crate::crd::Status;
use crate::daily::types::Domain;
use crate::effect::Gate;
use crate::k8s::{Events, Note};
use crate::keys::{For, Keys};
use crate::metrics::{Controller, Metrics};

/// What a pass works with.
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
    pub(crate) shared: K::Shared,
}

/// Something that has a name in the log.
pub trait Named {
    /// Its name.
    fn name(&self) -> &'static str;
}

/// A kind that the operator reconciles: what is true of it only.
///
/// The functions that plan and report are pure; [`look`](Self::look) and [`act`](Self::act) do the
/// I/O that a plan asks for, and choose nothing.
pub trait Kind: Copy + Debug + PartialEq + Send + Sync + 'static {
    /// The kind at the API server.
    type Resource: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>;
    /// Its spec as it is written.
    type RawSpec: DeserializeOwned + Clone + Debug + Send + Sync;
    /// Its spec, parsed.
    type Spec: Clone + Debug + PartialEq + Send + Sync;
    /// The names in its spec that a deletion needs.
    type Names: Clone + Debug + Default + PartialEq + Send + Sync;
    /// Its status.
    type Status: Status;
    /// What a pass finds out.
    type Facts: Clone + Debug + Default + PartialEq + Send + Sync;
    /// What a process remembers between passes.
    type Memory: Clone + Debug + Default + PartialEq + Send + Sync;
    /// What can be looked at.
    type Look: Copy + Debug + PartialEq + Named + Send + Sync;
    /// What can be done.
    type Step: Clone + Debug + PartialEq + Named + Send + Sync;
    /// What was done, for events.
    type Applied: Clone + Debug + PartialEq + Send + Sync;
    /// What serves callers.
    type Serving: Clone + Debug + PartialEq + Send + Sync;
    /// What looks and steps use beside the [`Context`].
    type Shared: Send + Sync;

    /// Its name in metrics.
    const CONTROLLER: Controller;
    /// Which of the default key's selectors counts.
    const KEY_FOR: For;
    /// The kind, in messages.
    const NAME: &'static str;
    /// What it owns at Daily, in messages.
    const THING: &'static str;
    /// Until when that stays if nobody deletes it, in messages.
    const UNTIL: &'static str;
    /// Whether a listing of the account's rooms says how its objects are.
    const FOLLOWS_LISTINGS: bool;

    /// Parses a spec.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    fn parse(spec: &Self::RawSpec) -> Result<Self::Spec, InvalidSpec>;
    /// Reads the names of a spec that need not parse.
    fn names(object: &str, spec: &Value) -> Self::Names;
    /// What the object owns, by name, in messages.
    fn owned(view: &View<Self>) -> String;
    /// The name at Daily that spec or derivation give.
    fn own_name(view: &View<Self>) -> Option<String>;

    /// What comes before the key is read, if anything does.
    fn before_access(_: &View<Self>, _: &Self::Spec) -> Option<Plan<Self>> {
        None
    }
    /// Claims the name.
    fn claim(view: &View<Self>, spec: &Self::Spec, domain: &Domain) -> Plan<Self>;
    /// Claims the name again after a claim was withdrawn.
    fn claim_again(view: &View<Self>, spec: &Self::Spec, record: &Record) -> Plan<Self>;
    /// Creates what is claimed, or finds it created.
    fn create(view: &View<Self>, spec: &Self::Spec, record: &Record, claim: &Claim) -> Plan<Self>;
    /// Keeps what is recorded as the spec asks.
    fn keep(
        view: &View<Self>,
        spec: &Self::Spec,
        domain: &Domain,
        record: &Record,
        made: &Made,
    ) -> Plan<Self>;
    /// Whether an object without a record may own something at Daily.
    fn may_own_unrecorded(view: &View<Self>) -> bool;
    /// What a deletion waits for before it needs a key.
    fn before_delete(_: &View<Self>) -> Option<Plan<Self>> {
        None
    }
    /// Deletes what the object owns.
    fn delete(view: &View<Self>) -> Plan<Self>;
    /// Lets the object go.
    fn release(view: &View<Self>, how: Release) -> Plan<Self>;

    /// What the condition Ready says while callers are served.
    fn served_message(view: &View<Self>, serving: &Self::Serving) -> String;
    /// What the condition Expired says.
    fn expired_message(_: &View<Self>) -> &'static str {
        ""
    }
    /// Reports what serves callers.
    fn report_serving(status: &mut Self::Status, view: &View<Self>, serving: &Self::Serving);
    /// Reports that the end has come.
    fn report_expired(_: &mut Self::Status, _: &View<Self>) {}
    /// Takes from the status what no longer reaches anybody.
    fn report_unserved(_: &mut Self::Status, _: &View<Self>) {}
    /// The event of a record that was replaced.
    fn recorded_event(view: &View<Self>, change: Change) -> Option<Note>;
    /// The event of what only this kind does.
    fn applied_event(view: &View<Self>, applied: &Self::Applied) -> Option<Note>;
    /// The events of a status that changes.
    fn status_events(_: &View<Self>, _: &Self::Status) -> Vec<Note> {
        Vec::new()
    }

    /// The room that a line of the log is about.
    fn room_in_log(view: &View<Self>) -> Option<String>;
    /// What is known before anything is asked.
    fn begin(context: &Context<Self>, view: &mut View<Self>);
    /// What is known by now of our own writes.
    fn refresh(pass: &mut Pass<Self>);
    /// Claims and creates before this record have nothing to do with it.
    fn claimed(pass: &mut Pass<Self>, record: &Record, change: Change);
    /// Finds out what the plan asks for.
    fn look(
        pass: &mut Pass<Self>,
        look: Self::Look,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Does what the plan asks for.
    fn act(
        pass: &mut Pass<Self>,
        step: Self::Step,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// How events refer to an object: without its version, so that repeats are folded.
fn reference<K: Kind>(view: &View<K>) -> ObjectReference {
    use kube::Resource;
    ObjectReference {
        api_version: Some(K::Resource::api_version(&()).into_owned()),
        kind: Some(K::Resource::kind(&()).into_owned()),
        namespace: Some(view.meta.namespace.clone()),
        name: Some(view.meta.name.clone()),
        uid: Some(view.meta.uid.clone()),
        ..ObjectReference::default()
    }
}
