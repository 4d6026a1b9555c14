//! An object as a pass sees it: who it is, and what is recorded on it. No I/O.
//!
//! It is read from metadata alone, so that an object whose spec does not parse can still be deleted.

use kube::Resource;
use kube::api::ObjectMeta;

use crate::binding::{Binding, Recorded};
use crate::crd::{FINALIZER, RECONCILE_ANNOTATION};
use crate::kube::Guard;

/// Who an object is, and what is recorded on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its version.
    pub resource_version: String,
    /// The generation of its spec.
    pub generation: i64,
    /// When it was created, in unix seconds.
    pub created: i64,
    /// When its deletion was asked for, in unix seconds.
    pub deleting: Option<i64>,
    /// All its finalizers.
    pub finalizers: Vec<String>,
    /// What the operator recorded on it.
    pub recorded: Recorded,
    /// What stands in the annotation that asks for a pass.
    pub requested: Option<String>,
}

impl Subject {
    /// The subject of an object's metadata; `None` if the API server did not send it.
    #[must_use]
    pub fn of(meta: &ObjectMeta) -> Option<Self> {
        let seconds =
            |time: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time| time.0.as_second();
        Some(Self {
            namespace: meta.namespace.clone()?,
            name: meta.name.clone()?,
            uid: meta.uid.clone()?,
            resource_version: meta.resource_version.clone()?,
            generation: meta.generation?,
            created: meta.creation_timestamp.as_ref().map(seconds)?,
            deleting: meta.deletion_timestamp.as_ref().map(seconds),
            finalizers: meta.finalizers.clone().unwrap_or_default(),
            recorded: Recorded::read(meta.annotations.as_ref()),
            requested: meta
                .annotations
                .as_ref()
                .and_then(|annotations| annotations.get(RECONCILE_ANNOTATION))
                .cloned(),
        })
    }

    /// The subject of an object.
    #[must_use]
    pub fn of_object(object: &impl Resource) -> Option<Self> {
        Self::of(object.meta())
    }

    /// What a write to it is meant for.
    #[must_use]
    pub fn guard(&self) -> Guard {
        Guard {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            resource_version: self.resource_version.clone(),
        }
    }

    /// Whether our finalizer is on it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.finalizers.iter().any(|it| it == FINALIZER)
    }

    /// The finalizers with ours.
    #[must_use]
    pub fn finalizers_with_ours(&self) -> Vec<String> {
        let mut finalizers = self.finalizers_without_ours();
        finalizers.push(FINALIZER.to_owned());
        finalizers
    }

    /// The finalizers without ours.
    #[must_use]
    pub fn finalizers_without_ours(&self) -> Vec<String> {
        let others = self.finalizers.iter().filter(|it| *it != FINALIZER);
        others.cloned().collect()
    }

    /// The record, if it was made for this very object.
    #[must_use]
    pub fn binding(&self) -> Option<&Binding> {
        self.recorded.binding().filter(|it| it.uid == self.uid)
    }

    /// A record that was made for an object before this one, which was restored or copied.
    #[must_use]
    pub fn hint(&self) -> Option<&Binding> {
        self.recorded.binding().filter(|it| it.uid != self.uid)
    }
}
