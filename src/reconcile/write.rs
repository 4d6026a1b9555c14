//! What a pass writes to an object of either kind: finalizer, record, status and events.

use super::backoff::Rejection;
use super::object::{Meta, Object};
use super::plan::{Change, Outcome, Release, Written};
use super::problem::Problem;
use super::record::{Record, Recorded};
use super::report::{self, Applied};
use super::{Failure, Kind, Pass, reference};
use crate::crd::Status;
use crate::daily::error::CallError;
use crate::effect::{Blocked, Check, Effect, EffectError};
use crate::k8s::{KubeError, Note, apply_status, get_object, merge_finalizers};

/// What the live check of an effect at Daily demands of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Live {
    /// It stays.
    Kept,
    /// It stays, and its spec is the one that was decided on: something is taken away.
    KeptAsRead,
    /// It is being deleted.
    Deleting,
}

impl<K: Kind> Pass<K> {
    pub(super) async fn add_finalizer(&mut self) -> Result<(), Failure> {
        let finalizers = self.view.meta.finalizers_with_ours();
        let guard = self.view.meta.guard();
        let patch = merge_finalizers::<Object<K>>(&self.context.client, &guard, &finalizers);
        let gate = &self.context.gate;
        let written = gate
            .pass(Effect::FinalizerAdd, &self.by_version(), patch)
            .await;
        let written = written.map_err(|error| Failure::of_kube("the finalizer", error))?;
        self.take(&written)
    }

    pub(super) async fn record(
        &mut self,
        record: Record,
        change: Change,
        written: Written,
    ) -> Result<(), Failure> {
        let is_first = self.view.record().is_none();
        let before = std::mem::replace(&mut self.view.recorded, record.clone().into());
        if written == Written::Now
            && let Err(failure) = self.write_record().await
        {
            self.view.recorded = before;
            return Err(failure);
        }
        self.view.memory.bound_here |= is_first;
        K::claimed(self, &record, change);
        self.applied.push(Applied::Recorded(change));
        self.refresh();
        self.keep_memory();
        Ok(())
    }

    /// Writes the record with the status as it is; a status that says nothing yet says that
    /// reconciliation is in progress.
    async fn write_record(&mut self) -> Result<(), Failure> {
        let first = self.view.status.common().conditions.is_empty();
        let outcome = match first {
            true => Outcome::Progressing,
            false => Outcome::Unchanged,
        };
        let status = report::status(&self.view, &outcome);
        self.write_status(Effect::Record, status).await
    }

    /// Writes the status if it differs, and publishes what was done and is new.
    pub(super) async fn report(&mut self, outcome: &Outcome<K>) -> Result<(), Failure> {
        self.log_problem(outcome);
        let status = report::status(&self.view, outcome);
        let events = report::events(&self.view, &status, &self.applied);
        if status != self.view.status {
            self.write_status(Effect::Status, status).await?;
        }
        self.applied.clear();
        self.publish(&events).await;
        Ok(())
    }

    async fn write_status(&mut self, effect: Effect, status: K::Status) -> Result<(), Failure> {
        let guard = self.view.meta.guard();
        let write = apply_status::<Object<K>>(&self.context.client, &guard, &status);
        let gate = &self.context.gate;
        let written = gate.pass(effect, &self.by_version(), write).await;
        let written = written.map_err(|error| Failure::of_kube("the status", error))?;
        self.view.status = status;
        self.take(&written)
    }

    /// Goes on with the object as the API server has it after a write.
    fn take(&mut self, written: &Object<K>) -> Result<(), Failure> {
        self.view.meta = Meta::of(written).ok_or_else(Failure::conflict)?;
        self.refresh();
        // A pass that is cut off after this has written, and others have to know.
        self.keep_memory();
        Ok(())
    }

    pub(super) async fn publish(&self, events: &[Note]) {
        let reference = reference(&self.view);
        for event in events {
            self.context.events.publish(event, &reference).await;
        }
    }

    pub(super) async fn publish_problem(&self, problem: &Problem) {
        self.publish(&[report::warning(problem)]).await;
    }

    pub(super) async fn release(&mut self, how: Release) -> Result<(), Failure> {
        if let Release::Orphaned(why) = &how {
            self.on().orphaned(why);
        }
        // Published while there is an object to publish it for.
        self.applied.push(Applied::Released(how));
        let events = report::events(&self.view, &self.view.status, &self.applied);
        self.applied.clear();
        self.publish(&events).await;
        let finalizers = self.view.meta.finalizers_without_ours();
        let guard = self.view.meta.guard();
        let patch = merge_finalizers::<Object<K>>(&self.context.client, &guard, &finalizers);
        let gate = &self.context.gate;
        let removed = gate
            .pass(Effect::FinalizerRemove, &self.by_version(), patch)
            .await;
        match removed {
            Ok(_) | Err(EffectError::Failed(_, KubeError::NotFound)) => {}
            Err(error) => return Err(Failure::of_kube("the finalizer", error)),
        }
        self.view.meta.finalizers = finalizers;
        if let (Some(session), Some(name)) = (&self.session, self.view.name_at_daily()) {
            session.account.forget(&name, &self.view.meta.uid);
        }
        Ok(())
    }

    /// The check of effects whose precondition the API server checks itself.
    pub(crate) fn by_version(&self) -> Check {
        Check::by_version().on(self.on())
    }

    /// Reads the object right before an effect at Daily: it must be the one that was decided on.
    pub(crate) fn live(&self, demand: Live) -> Check {
        let client = self.context.client.clone();
        let (meta, record) = (
            self.view.meta.clone(),
            self.view.status.common().record.clone(),
        );
        Check::live(move || {
            let (client, meta, record) = (client.clone(), meta.clone(), record.clone());
            async move {
                let read = get_object::<Object<K>>(&client, &meta.namespace, &meta.name).await;
                let object = read.map_err(Blocked::Unchecked)?;
                let object = object.ok_or(Blocked::Changed("it is gone"))?;
                unchanged(&object, &meta, record.as_deref(), demand)
            }
        })
        .on(self.on())
    }

    /// Takes in how a write to Daily went; a rejection is remembered and decided on.
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

    /// Remembers what Daily does not do, and for how long it is not sent again.
    pub(crate) fn rejected(&mut self, what: &str, info: String) {
        // What the user asked for was tried.
        self.view.retried = true;
        let before = self.view.memory.rejection.as_ref();
        let rejection = Rejection::after(before, what, info, self.view.now.moment);
        self.view.memory.rejection = Some(rejection);
    }
}

/// Whether the object is still what an effect at Daily was decided on.
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
        return changed("it was deleted and created again");
    }
    if !now.has_finalizer() {
        return changed("its finalizer is gone");
    }
    let stored = Recorded::read(object.status.common().record.as_deref());
    if stored != Recorded::read(record) {
        return changed("its record is another one");
    }
    match (demand, now.deleting.is_some()) {
        (Live::Kept | Live::KeptAsRead, true) => changed("its deletion was requested"),
        (Live::Deleting, false) => changed("its deletion was not requested"),
        (Live::KeptAsRead, false) if now.generation != meta.generation => {
            changed("its spec was edited")
        }
        _ => Ok(()),
    }
}
