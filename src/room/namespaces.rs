//! The labels of namespaces, by which a PinDialinNumber may allow DailyRooms to publish its number.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::reflector::{ObjectRef, Store};

use crate::k8s::MetadataOf;

/// The metadata of a namespace, without what nobody uses.
pub type NamespaceMeta = MetadataOf<Namespace>;

/// The caches of namespaces, one for each watch.
#[derive(Clone)]
pub struct Namespaces(pub(crate) Vec<Store<NamespaceMeta>>);

impl Namespaces {
    /// A namespace, if a watch has shown it.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<NamespaceMeta>> {
        let key = ObjectRef::new(name);
        self.0.iter().find_map(|store| store.get(&key))
    }
}
