//! The names of the Secrets with our label, by the object that the label names.
//!
//! The Secret of an earlier `spec.secret.name` still holds the PIN, and only its own label says whose it
//! is. Searching the cache of all Secrets for each object would not scale.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use kube::ResourceExt;
use parking_lot::Mutex;

use super::secret::OWNER_LABEL;
use crate::naming;
use crate::reconcile::meta::Meta;

/// How many Secrets with other names one reconcile reads at most: users can set the label on any number
/// of Secrets.
const MAX_OTHERS: usize = 8;

#[derive(Clone, Debug, Default)]
pub struct SecretIndex(Arc<Mutex<HashMap<Owner, BTreeSet<String>>>>);

/// A namespace, and the value of the label.
type Owner = (String, String);

impl SecretIndex {
    pub fn applied(&self, secret: &impl ResourceExt) {
        insert(&mut self.0.lock(), secret);
    }

    pub fn deleted(&self, secret: &impl ResourceExt) {
        let Some(key) = key(secret) else { return };
        let mut index = self.0.lock();
        if let Some(names) = index.get_mut(&key) {
            names.remove(&secret.name_any());
            if names.is_empty() {
                index.remove(&key);
            }
        }
    }

    /// A namespace, or without one all namespaces, was listed again and has these Secrets: those that were
    /// deleted while no watch was open are forgotten.
    pub fn listed(&self, namespace: Option<&str>, secrets: &[Arc<impl ResourceExt>]) {
        let mut index = self.0.lock();
        index.retain(|(of, _), _| namespace.is_some_and(|it| it != of));
        for secret in secrets {
            insert(&mut index, &**secret);
        }
    }

    /// The Secrets with the label of a DailyRoom and another name than the wanted ones. A label proves
    /// nothing: each Secret has to be read before it is deleted.
    pub fn others(&self, object: &Meta, wanted: &[&str]) -> Vec<String> {
        let label = naming::owner_label(&object.namespace, &object.name);
        let index = self.0.lock();
        let names = index.get(&(object.namespace.clone(), label));
        let names = names.into_iter().flatten();
        names
            .filter(|name| !wanted.contains(&name.as_str()))
            .take(MAX_OTHERS)
            .cloned()
            .collect()
    }
}

fn insert(index: &mut HashMap<Owner, BTreeSet<String>>, secret: &impl ResourceExt) {
    if secret.meta().deletion_timestamp.is_none()
        && let Some(key) = key(secret)
    {
        index.entry(key).or_default().insert(secret.name_any());
    }
}

fn key(secret: &impl ResourceExt) -> Option<Owner> {
    let label = secret.labels().get(OWNER_LABEL)?.clone();
    Some((secret.namespace()?, label))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Secret;

    use super::*;
    use crate::room::plan::tests::unbound;

    fn secret(name: &str, label: &str) -> Secret {
        let mut secret = Secret::default();
        secret.metadata.namespace = Some("team".into());
        secret.metadata.name = Some(name.into());
        secret.metadata.labels = Some([(OWNER_LABEL.to_owned(), label.to_owned())].into());
        secret
    }

    #[test]
    fn a_labelled_secret_with_another_name_is_found_until_it_is_deleted() {
        let object = unbound().meta;
        let label = naming::owner_label(&object.namespace, &object.name);
        let index = SecretIndex::default();
        let others = || index.others(&object, &["wanted", "tokens"]);
        for name in ["wanted", "former", "tokens"] {
            index.applied(&secret(name, &label));
        }
        index.applied(&secret("stranger", "other"));
        assert_eq!(others(), ["former"]);
        index.deleted(&secret("former", &label));
        assert!(others().is_empty());
        index.applied(&secret("former", &label));
        index.listed(Some("other"), &[] as &[Arc<Secret>]);
        assert_eq!(others(), ["former"], "of another namespace");
        index.listed(Some("team"), &[Arc::new(secret("later", &label))]);
        assert_eq!(others(), ["later"]);
        index.listed(None, &[] as &[Arc<Secret>]);
        assert!(others().is_empty());
        for n in 0..20 {
            index.applied(&secret(&format!("many-{n}"), &label));
        }
        assert_eq!(others().len(), MAX_OTHERS);
    }
}
