//! The types and names of a kind.

use std::fmt::Debug;

use kube::core::NamespaceResourceScope;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::deletion_spec::InvalidSpec;
use super::meta::{Identity, Meta};
use crate::crd::Status;
use crate::keys::For;
use crate::metrics::Controller;

/// A read or step with a name for the log.
pub trait Named {
    fn name(&self) -> &'static str;
}

impl<T> Named for T
where
    for<'a> &'a T: Into<&'static str>,
{
    fn name(&self) -> &'static str {
        self.into()
    }
}

/// The types and names of a kind.
pub trait Kind: Copy + Debug + PartialEq + Send + Sync + 'static {
    /// The kind at the API server.
    type Resource: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>;
    /// The spec as users write it.
    type RawSpec: DeserializeOwned + Clone + Debug + Send + Sync;
    /// The spec, validated.
    type Spec: Clone + Debug + PartialEq + Send + Sync;
    /// The names in the spec that a deletion needs, even if the spec is invalid.
    type Names: Clone + Debug + Default + PartialEq + Send + Sync;
    type Status: Status;
    /// What one reconcile has read so far.
    type Facts: Clone + Debug + Default + PartialEq + Send + Sync;
    /// What the process remembers between reconciles.
    type Memory: Clone + Debug + Default + PartialEq + Send + Sync;
    /// A read that only this kind needs.
    type Read: Copy + Debug + PartialEq + Named + Send + Sync;
    /// A write that only this kind needs.
    type Step: Clone + Debug + PartialEq + Named + Send + Sync;
    /// A write of this kind that is published as an event.
    type Applied: Clone + Debug + PartialEq + Send + Sync;
    /// What callers reach while the object is Ready.
    type Serving: Clone + Debug + PartialEq + Send + Sync;
    /// What reads and steps need beside the [`Context`].
    type Shared: Send + Sync;

    /// The label of the kind in metrics.
    const CONTROLLER: Controller;
    /// Which selector of the default API key applies.
    const KEY_FOR: For;
    /// The kind, in messages.
    const NAME: &'static str;
    /// What the object owns at Daily, in messages.
    const THING: &'static str;
    /// The same before its name.
    const THING_NAMED: &'static str;
    /// How long that exists if nobody deletes it, in messages.
    const UNTIL: &'static str;
    /// The actions of events about a create and an update at Daily.
    const ACTIONS: (&'static str, &'static str);
    /// Whether log lines have the name at Daily. A phone number is not logged.
    const LOGS_NAME: bool;
    /// Whether a listing of the account's rooms shows the state of the objects.
    const FOLLOWS_LISTINGS: bool;

    /// Validates a spec.
    ///
    /// # Errors
    /// What is wrong with it, and what to write instead.
    fn parse(spec: &Self::RawSpec) -> Result<Self::Spec, InvalidSpec>;
    /// Reads the names from a spec that may be invalid.
    fn names(object: &str, spec: &Value) -> Self::Names;
    /// The name at Daily that the spec sets or that is derived from the object; then those that earlier ids of
    /// the cluster gave.
    fn own_names(own: &Identity, meta: &Meta, names: &Self::Names) -> Vec<String>;
}
