//! Who an object is, and who this operator is.

use kube::{Resource, ResourceExt};

use crate::crd::{FINALIZER, RECONCILE_ANNOTATION};
use crate::k8s::Guard;

/// Who this operator is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Part of every derived room name, and of every record.
    pub cluster_id: String,
    /// Earlier ids of the cluster, from before it was rebuilt.
    pub previous_cluster_ids: Vec<String>,
    /// Which installation owns an object.
    pub installation_id: String,
    /// Other installations whose objects this one takes over.
    pub takes_over: Vec<String>,
}

impl Identity {
    /// Whether the cluster has or had this id.
    pub fn is_of_cluster(&self, id: &str) -> bool {
        self.cluster_id == id || self.previous_cluster_ids.iter().any(|it| it == id)
    }
}

/// The metadata of an object that a reconcile uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    pub generation: i64,
    /// When it was created, in unix seconds of the API server's clock.
    pub created: i64,
    /// When its deletion was requested, in unix seconds of the API server's clock.
    pub deleting: Option<i64>,
    pub has_finalizer: bool,
    /// The value of the annotation that requests a reconcile.
    pub requested: Option<String>,
}

impl Meta {
    /// `None` if the API server did not send all of it.
    pub fn of(object: &impl Resource) -> Option<Self> {
        let meta = object.meta();
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
            has_finalizer: object.finalizers().iter().any(|it| it == FINALIZER),
            requested: object.annotations().get(RECONCILE_ANNOTATION).cloned(),
        })
    }

    /// The precondition of a write to the object.
    pub fn guard(&self) -> Guard {
        Guard {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            resource_version: self.resource_version.clone(),
        }
    }
}
