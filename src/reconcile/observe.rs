//! Reading what every kind needs: the API key, rival objects, and what the account knows.

use std::sync::Arc;

use super::lifecycle::Reconciled;
use super::memory::Namespace;
use super::object::Object;
use super::record::Recorded;
use super::steps::CACHE_RETRY;
use super::view::Now;
use super::{Failure, Kind, Pass, rivals};
use crate::clock;
use crate::crd::condition::Reason;
use crate::k8s::namespace_deleted;
use crate::keys::{KeyError, KeyProblem, Session};

/// An object in the cache, and its record if that is newer.
type Held<K> = (Arc<Object<K>>, Option<Recorded>);

impl<K: Kind> Pass<K> {
    /// The API key and account; a plan asks for access before it asks Daily.
    pub(crate) fn session(&self) -> Result<Session, Failure> {
        let session = self.session.clone();
        session.ok_or_else(Failure::conflict)
    }

    /// The watches have shown all objects since this process leads.
    pub(crate) fn caches_are_filled(&self) -> Result<(), Failure> {
        match self.context.metrics.health().watches.are_filled() {
            true => Ok(()),
            false => Err(Failure::silent(CACHE_RETRY)),
        }
    }

    /// All objects of the kind, with their latest records.
    fn objects(&self) -> Result<Vec<Held<K>>, Failure> {
        // An object that is not in the cache yet may hold the name.
        self.caches_are_filled()?;
        let objects = self.context.objects.iter().flat_map(|store| store.state());
        let with_newer = |object: Arc<Object<K>>| {
            let newer = self.context.memories.newer(&*object);
            (object, newer)
        };
        Ok(objects.map(with_newer).collect())
    }

    /// Takes a permit of the account, which this reconcile holds until it ends.
    fn take_permit(&mut self, session: Option<&Session>) -> Result<(), Failure> {
        let meta = &self.view.meta;
        let deleting = meta.deleting.is_some();
        let permit = session.map(|it| it.account.permit(&meta.namespace, deleting));
        self.permit = permit.transpose().map_err(Failure::busy)?;
        Ok(())
    }
}

impl<K: Reconciled> Pass<K> {
    /// Reads the API key that applies, and its domain.
    pub(super) async fn read_access(&mut self) -> Result<(), Failure> {
        let view = &self.view;
        let keys = &self.context.keys;
        let namespace = &view.meta.namespace;
        let found = keys
            .session(K::KEY_FOR, namespace, view.deletion.key.as_ref())
            .await;
        let found = match found {
            Ok(session) => Ok(session),
            Err(error) => Err(match self.gone_with_its_namespace(&error).await {
                Some(problem) => problem,
                None => Failure::of_key(error)?,
            }),
        };
        let recorded = view.recorded_domain();
        let fits = |session: &Session| recorded.is_none_or(|id| session.account.domain().id == id);
        let found = match (found, recorded) {
            // What a good key created can be deleted with it after it was replaced. The last good key
            // serves only the namespace that it was in force for.
            (found, Some(id))
                if view.meta.deleting.is_some() && !found.as_ref().is_ok_and(fits) =>
            {
                let last_good = keys.last_good(namespace, id).await;
                let last_good = last_good.or_else(|it| Failure::of_key(it).map(|_| None))?;
                last_good.map_or(found, Ok)
            }
            (found, _) => found,
        };
        let usable = found.as_ref().is_ok_and(fits);
        let deleting = self.view.meta.deleting.is_some();
        let memory = &mut self.view.memory;
        memory.count_key(usable, deleting, clock::now());
        self.view.access = Some(match &found {
            Ok(session) => Ok(session.account.domain().clone()),
            Err(problem) => Err(problem.clone()),
        });
        let is_default = found.as_ref().is_ok_and(|it| it.is_default);
        let allowed = self.context.config.adoption_with_default_key;
        self.view.uses_default_key = is_default;
        self.view.key_may_adopt = found.is_ok() && (allowed || !is_default);
        self.take_permit(found.as_ref().ok())?;
        self.session = found.ok();
        self.refresh();
        Ok(())
    }

    /// The key of an object in a namespace that is being deleted, once the operator may not read its Secret
    /// any more. Without Roles nobody can create it again, so this answer is as definite as "not found".
    async fn gone_with_its_namespace(&self, error: &KeyError) -> Option<KeyProblem> {
        let meta = &self.view.meta;
        meta.deleting?;
        if error.forbidden_in() != Some(meta.namespace.as_str()) {
            return None;
        }
        let read = namespace_deleted(&self.context.client, &meta.namespace).await;
        read.ok().flatten()?;
        Some(KeyProblem {
            reason: Reason::ApiKeyNotFound,
            message: format!(
                "the namespace is being deleted, and the operator's rights in it are gone. {error}"
            ),
        })
    }

    /// Compares all objects of the kind, to find another one that holds the name.
    pub(super) async fn read_rival(&mut self) -> Result<(), Failure> {
        let domain = self.session()?.account.domain().id.clone();
        if self.view.meta.deleting.is_none() && self.view.made_id().is_none() {
            let name = self.view.name_at_daily().unwrap_or_default();
            let name = any_case(&domain, &name);
            self.name_lock = None;
            self.name_lock = Some(self.context.name_locks.lock(&name).await);
            // Whoever had the lock may have written meanwhile.
            self.refresh();
        }
        let objects = self.objects()?;
        let others = objects
            .iter()
            .map(|(it, newer)| (&**it, newer.as_ref().unwrap_or(&it.recorded)));
        self.view.rival = Some(rivals::first(&self.view, &domain, others));
        Ok(())
    }

    /// Without an answer the namespace is taken for one that stays, so that the deletion waits.
    pub(super) async fn read_namespace(&mut self) -> Result<(), Failure> {
        let name = &self.view.meta.namespace;
        let read = namespace_deleted(&self.context.client, name).await;
        let known = self.view.memory.namespace.and_then(|it| it.deleted);
        self.refresh();
        self.view.memory.namespace = Some(Namespace {
            at: self.view.now.moment,
            deleted: read.ok().flatten().or(known),
        });
        Ok(())
    }

    /// Takes over the current time, and what the account knows by now.
    pub(crate) fn refresh(&mut self) {
        self.view.now = Now::read();
        if let (Some(session), Some(name)) = (&self.session, self.view.name_at_daily()) {
            self.view.evidence = K::evidence(&session.account, &name, &self.view.meta.uid);
            K::on_evidence(&mut self.view);
        }
    }
}

/// A name of this domain in any case, because nobody knows whether Daily tells them apart (F-ROOM-37).
fn any_case(domain: &str, name: &str) -> String {
    format!("{domain}/{}", name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_decided_on_in_any_case_and_in_its_domain() {
        assert_eq!(any_case("d1", "Board"), any_case("d1", "bOARD"));
        assert_ne!(any_case("d1", "Board"), any_case("d2", "Board"));
    }
}
