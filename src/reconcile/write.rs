//! Writing to an object of either kind: finalizer, record, status and events.

use kube::Resource;

use super::backoff::Rejection;
use super::kind::Kind;
use super::lifecycle::Reconciled;
use super::memory::NEWEST;
use super::meta::Meta;
use super::object::Object;
use super::problem::Problem;
use super::record::{Record, Recorded};
use super::report::{self, Applied};
use super::steps::{Change, Outcome, Release, Written};
use super::{Failure, Pass};
use crate::crd::{FINALIZER, Status};
use crate::daily::error::CallError;
use crate::effect::{Blocked, Check, Effect, EffectError};
use crate::k8s::{KubeError, Note, delete_object, get_object, replace_status, set_finalizer};

/// What the live check before a write to Daily demands of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Live {
    /// It is not being deleted.
    Kept,
    /// It is not being deleted, and its spec was not edited: the write changes what exists.
    KeptAsRead,
    /// It is being deleted, and its spec was not edited: an edit may stop the deletion.
    Deleting,
}

impl<K: Reconciled> Pass<K> {
    pub(super) async fn add_finalizer(&mut self) -> Result<(), Failure> {
        let is_first = self.view.record().is_none();
        let written = self.set_finalizer(Effect::FinalizerAdd, true).await;
        let written = written.map_err(|error| Failure::of_kube("the finalizer", error))?;
        self.view.memory.began_here |= is_first;
        self.continue_with(&written)
    }

    async fn set_finalizer(
        &self,
        effect: Effect,
        wanted: bool,
    ) -> Result<Object<K>, EffectError<KubeError>> {
        let guard = self.view.meta.guard();
        let client = &self.context.client;
        let patch = set_finalizer::<Object<K>>(client, &guard, FINALIZER, wanted);
        self.send(effect, patch).await
    }

    pub(super) async fn record(
        &mut self,
        record: Record,
        change: Change,
        written: Written,
    ) -> Result<(), Failure> {
        let before = std::mem::replace(&mut self.view.recorded, record.clone().into());
        if written == Written::Now
            && let Err(failure) = self.write_record().await
        {
            self.view.recorded = before;
            return Err(failure);
        }
        if let Some(session) = &self.session
            && change.is_new_claim()
        {
            let uid = &self.view.meta.uid;
            session.account.evidence().writes(&record.name).claimed(uid);
        }
        // The record shows others who holds the name, and what this object compared is outdated.
        self.name_lock = None;
        self.view.rival = None;
        K::on_recorded(&mut self.view, change);
        self.applied.push(Applied::Recorded(change));
        self.refresh();
        self.keep_memory();
        Ok(())
    }

    /// Writes the record. The rest of the status stays, but an empty one says that reconciliation is in
    /// progress.
    async fn write_record(&mut self) -> Result<(), Failure> {
        let outcome = match self.view.status.common().conditions.is_empty() {
            true => Outcome::Progressing,
            false => Outcome::Unchanged,
        };
        let status = report::status(&self.view, &outcome);
        self.write_status(Effect::Record, status).await
    }

    /// Writes the status if it differs, and publishes events.
    pub(super) async fn report(&mut self, outcome: &Outcome<K>) -> Result<(), Failure> {
        self.log_problem(outcome);
        let status = report::status(&self.view, outcome);
        let events = report::events(&self.view, &status, &self.applied);
        if status != self.view.status {
            self.write_status(Effect::Status, status).await?;
        }
        K::on_reported(&mut self.view, outcome);
        self.applied.clear();
        self.publish(&events).await;
        Ok(())
    }

    async fn write_status(&mut self, effect: Effect, status: K::Status) -> Result<(), Failure> {
        let guard = self.view.meta.guard();
        let write = replace_status::<Object<K>>(&self.context.client, &guard, &status);
        let written = self.send(effect, write).await;
        let written = written.map_err(|error| Failure::of_kube("the status", error))?;
        self.view.status = status;
        self.continue_with(&written)
    }

    /// Continues with the object as the API server returned it after a write.
    fn continue_with(&mut self, written: &Object<K>) -> Result<(), Failure> {
        self.view.meta = Meta::of(written).ok_or_else(Failure::conflict)?;
        self.view.suspended = written.suspended;
        self.refresh();
        // The write must not be forgotten if the reconcile is cut off from here on.
        self.keep_memory();
        Ok(())
    }

    /// Deletes the object as it was read: the API server rejects the request if anything in it has changed
    /// since. If it has our finalizer, its deletion comes next.
    pub(crate) async fn delete_object(&mut self) -> Result<(), Failure> {
        let guard = self.view.meta.guard();
        let delete = delete_object::<Object<K>>(&self.context.client, &guard);
        let deleted = self.send(Effect::ObjectDelete, delete).await;
        match deleted.map_err(|error| Failure::of_kube("the object", error))? {
            Some(deleting) => self.continue_with(&deleting),
            None => {
                self.view.meta.deleting = Some(self.view.now.wall);
                self.view.meta.has_finalizer = false;
                Ok(())
            }
        }
    }

    pub(super) async fn release(&mut self, how: Release) -> Result<(), Failure> {
        if let Release::Orphaned(why) = &how {
            let (what, record) = (self.view.named_thing(), self.view.record());
            let domain = record.map_or("unknown", |it| &it.domain_name);
            self.on().orphaned(&what, domain, why);
        }
        // Published before the object is gone.
        self.applied.push(Applied::Released(how));
        let events = report::events(&self.view, &self.view.status, &self.applied);
        self.applied.clear();
        self.publish(&events).await;
        let removed = self.set_finalizer(Effect::FinalizerRemove, false).await;
        match removed {
            Ok(_) | Err(EffectError::Failed(_, KubeError::NotFound)) => {}
            Err(error) => return Err(Failure::of_kube("the finalizer", error)),
        }
        self.view.meta.has_finalizer = false;
        self.view.meta.resource_version = NEWEST.to_owned();
        if let (Some(session), Some(name)) = (&self.session, self.view.name_at_daily()) {
            session.account.forget(&name, &self.view.meta.uid);
        }
        Ok(())
    }

    /// Publishes the writes that no report has published: the next reconcile finds nothing to write. A
    /// change of the record is left out, because the next reconcile may make it again.
    pub(crate) async fn publish_unreported(&mut self) {
        let is_done = |it: &Applied<K>| matches!(it, Applied::Updated { .. } | Applied::Of(_));
        self.applied.retain(is_done);
        let events = report::events(&self.view, &self.view.status, &self.applied);
        self.applied.clear();
        self.publish(&events).await;
    }

    /// Updates the view after a write to Daily. A rejection is remembered, and the plan decides on it.
    pub(crate) fn sent(
        &mut self,
        sent: Result<(), EffectError<CallError>>,
        what: &str,
    ) -> Result<(), Failure> {
        self.refresh();
        match sent {
            Ok(()) => {
                self.view.memory.rejection = None;
                Ok(())
            }
            Err(EffectError::Failed(_, CallError::Refused { info, .. })) => {
                self.rejected(what, info);
                Ok(())
            }
            Err(error) => Err(Failure::of_daily(error)),
        }
    }
}

impl<K: Kind> Pass<K> {
    pub(super) async fn publish(&self, events: &[Note]) {
        let reference = self.object.object_ref(&());
        for event in events {
            self.on().event(event.reason, &event.note);
            self.context.events.publish(event, &reference).await;
        }
    }

    pub(super) async fn publish_problem(&self, problem: &Problem) {
        self.publish(&[report::warning(problem)]).await;
    }

    /// Sends a write whose precondition the API server checks itself.
    pub(crate) async fn send<T>(
        &self,
        effect: Effect,
        write: impl Future<Output = Result<T, KubeError>>,
    ) -> Result<T, EffectError<KubeError>> {
        let check = Check::by_version().on(self.on());
        self.context.gate.pass(effect, check, write).await
    }

    /// Reads the object right before a write to Daily: it must still be what the write was decided on.
    pub(crate) fn live(&self, demand: Live) -> Check {
        let client = self.context.client.clone();
        let (meta, record) = (
            self.view.meta.clone(),
            self.view.status.common().record.clone(),
        );
        Check::live(async move {
            let read = get_object::<Object<K>>(&client, &meta.namespace, &meta.name).await;
            let object = read.map_err(Blocked::Unchecked)?;
            let object = object.ok_or(Blocked::Changed("it is gone"))?;
            unchanged(&object, &meta, record.as_deref(), demand)
        })
        .on(self.on())
    }

    /// Remembers that Daily did not apply this write.
    pub(crate) fn rejected(&mut self, what: &str, info: String) {
        self.view.retried.push(what.to_owned());
        let before = self.view.memory.rejection.as_ref();
        let rejection = Rejection::after(before, what, info, self.view.now.moment);
        self.view.memory.rejection = Some(rejection);
    }
}

/// Whether the object is still what a write to Daily was decided on.
fn unchanged<K: Kind>(
    object: &Object<K>,
    meta: &Meta,
    record: Option<&str>,
    demand: Live,
) -> Result<(), Blocked> {
    let changed = |why| Err(Blocked::Changed(why));
    let Some(now) = Meta::of(object) else {
        return changed("it is gone");
    };
    if now.uid != meta.uid {
        return changed("it was recreated");
    }
    if !now.has_finalizer {
        return changed("its finalizer is gone");
    }
    let stored = Recorded::read(object.status.common().record.as_deref());
    if stored != Recorded::read(record) {
        return changed("its record has changed");
    }
    match (demand, now.deleting.is_some()) {
        (Live::Kept | Live::KeptAsRead, true) => changed("its deletion was requested"),
        (Live::Kept | Live::KeptAsRead, false) if object.suspended => changed("it was suspended"),
        (Live::Deleting, false) => changed("its deletion was not requested"),
        (Live::KeptAsRead | Live::Deleting, _) if now.generation != meta.generation => {
            changed("its spec was edited")
        }
        _ => Ok(()),
    }
}
