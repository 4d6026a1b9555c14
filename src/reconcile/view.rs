//! What a reconcile knows when it decides. Data alone: the decisions are in [`plan`](super::plan()).

use std::time::Duration;

use super::backoff::Rejection;
use super::contention::Corrections;
use super::deletion_spec::{DeletionSpec, InvalidSpec};
use super::kind::Kind;
use super::memory::Memory;
use super::meta::{Identity, Meta};
use super::record::{Record, Recorded};
use crate::clock::{self, Moment};
use crate::crd::Status;
use crate::crd::condition::{self, kind};
use crate::daily::evidence::{RoomEvidence, between_absences};
use crate::daily::types::Domain;
use crate::keys::KeyProblem;

/// How often a user's request for a reconcile is granted.
pub(super) const MIN_BETWEEN_REQUESTS: Duration = Duration::from_secs(10);

/// What a reconcile knows.
#[derive(Clone, Debug, PartialEq)]
pub struct View<K: Kind> {
    pub meta: Meta,
    /// What a deletion needs of the spec.
    pub deletion: DeletionSpec,
    /// Whether `spec.suspend` is true.
    pub suspended: bool,
    pub names: K::Names,
    pub spec: Result<K::Spec, InvalidSpec>,
    /// The status as it is stored.
    pub status: K::Status,
    /// What the object owns. Newer than the stored status if a record waits for the next status
    /// write.
    pub recorded: Recorded,
    pub own: Identity,
    pub now: Now,
    /// For how long a write of unknown outcome may still take effect.
    pub quiet_period: Duration,
    /// How often the rooms of the account are listed.
    pub drift_interval: Duration,
    /// Until when a write of an earlier leader may still take effect.
    pub trusted_from: Moment,
    /// The domain of the API key, or during a deletion of the last good key, once it was read.
    pub access: Option<Result<Domain, KeyProblem>>,
    /// Whether that is the operator's default API key.
    pub uses_default_key: bool,
    /// Whether that key may be used to adopt what exists at Daily.
    pub key_may_adopt: bool,
    /// What the account last answered about the name, and what became of our writes.
    pub evidence: RoomEvidence,
    /// Another object that holds the name, once all were compared.
    pub rival: Option<Option<Rival>>,
    /// Whether the user requested this reconcile.
    pub forced: bool,
    /// The fingerprints of the writes that were sent and rejected in this reconcile.
    pub retried: Vec<String>,
    /// What this reconcile has read, beside what all kinds read.
    pub facts: K::Facts,
    pub memory: Memory<K::Memory>,
}

/// The clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    pub moment: Moment,
    /// In unix seconds.
    pub wall: i64,
}

impl Now {
    pub fn read() -> Self {
        Self {
            moment: clock::now(),
            wall: clock::wall().as_second(),
        }
    }
}

/// Another object that holds the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Whether it holds the name before this object.
    pub is_first: bool,
    pub namespace: String,
    pub name: String,
    /// Daily's id of what it owns, once that is recorded.
    pub made: Option<String>,
}

impl Rival {
    /// The rival in a message to users of `namespace`, who may not learn names in other namespaces.
    pub fn seen_from(&self, namespace: &str, kind: &str) -> String {
        if self.namespace == namespace {
            return format!("The {kind} {}", self.name);
        }
        format!("A {kind} in another namespace")
    }
}

impl<K: Kind> View<K> {
    /// The record that was written for this very object.
    pub fn record(&self) -> Option<&Record> {
        let record = self.recorded.record()?;
        (record.uid == self.meta.uid).then_some(record)
    }

    /// The record of an earlier object of this name and cluster, which a backup restored.
    pub fn former_record(&self) -> Option<&Record> {
        let record = self.recorded.record()?;
        let restored = record.uid != self.meta.uid && self.own.is_of_cluster(&record.cluster_id);
        restored.then_some(record)
    }

    /// Daily's id of what the object owns.
    pub fn made_id(&self) -> Option<&str> {
        let made = self.record()?.made.as_ref()?;
        Some(&made.id)
    }

    /// Whether the object adopted what it owns.
    pub fn is_adopted(&self) -> bool {
        self.record().is_some_and(Record::is_adopted)
    }

    /// Whether what the object owns at Daily outlives the object.
    pub fn retains(&self) -> bool {
        self.deletion.retain == Some(true)
            || self.made_id().is_some_and(|id| self.retains_adopted(id))
    }

    /// Whether the object adopted what has this id, which then outlives it unless the spec says otherwise.
    pub fn retains_adopted(&self, id: &str) -> bool {
        let record = self.record();
        self.deletion.retain.is_none() && record.is_some_and(|it| it.has_adopted(id))
    }

    /// The name at Daily: the recorded one, else the one that the spec sets or that is derived.
    pub fn name_at_daily(&self) -> Option<String> {
        let recorded = self.record().map(|it| it.name.clone());
        recorded.or_else(|| self.own_name())
    }

    /// The name that the spec sets or that is derived from the object. One that an earlier id of the cluster
    /// gave stays if it is recorded, or if its room was found.
    pub fn own_name(&self) -> Option<String> {
        let names = K::own_names(&self.own, &self.meta, &self.names);
        let recorded = self.record().or(self.former_record());
        let recorded = recorded.map(|it| &it.name);
        let kept = recorded.or(self.memory.previous_name.iter().flatten().next());
        let kept = names.iter().find(|it| Some(*it) == kept);
        kept.or(names.first()).cloned()
    }

    /// What the object owns at Daily, with its name, in messages.
    pub fn named_thing(&self) -> String {
        let name = self.name_at_daily().unwrap_or_default();
        format!("{} {name}", K::THING_NAMED)
    }

    /// Whether the spec was edited since it was last reconciled.
    pub fn is_edited(&self) -> bool {
        let observed = *self.status.common().observed_generation;
        observed.is_some_and(|observed| observed != self.meta.generation)
    }

    /// Whether Ready is True for the present spec. Only then is a difference at Daily certainly a change that
    /// somebody made there: another problem may have kept an observed edit from being sent.
    pub fn is_ready_as_specified(&self) -> bool {
        let conditions = self.status.common().conditions;
        let ready = conditions
            .iter()
            .find(|it| it.type_ == kind::READY && it.status == "True");
        ready.and_then(|it| it.observed_generation) == Some(self.meta.generation)
    }

    /// Whether nothing may be written to Daily and to Secrets. A deletion is not suspended.
    pub fn is_suspended(&self) -> bool {
        self.suspended && self.meta.deleting.is_none()
    }

    /// Whether the last reconcile found the object suspended, and this one does not. The edit that
    /// resumes it asks for nothing else.
    pub fn is_resumed(&self) -> bool {
        let conditions = self.status.common().conditions;
        !self.suspended && condition::is_true(conditions, kind::SUSPENDED)
    }

    /// The same, if it is of this name and domain.
    pub fn restored_record(&self, name: &str, domain: &Domain) -> Option<&Record> {
        let restored = self.former_record();
        restored.filter(|it| it.domain_id == domain.id && it.name == name)
    }

    /// Grants a user's request for a reconcile, unless another one was granted a moment ago. A request or an
    /// edit lets the operator put back what it gave up on.
    pub fn grant_request(&mut self) {
        let now = self.now.moment;
        let granted = self.memory.forced_at;
        let just_granted = granted.is_some_and(|at| at.until(now) < MIN_BETWEEN_REQUESTS);
        self.forced = self.is_requested() && !just_granted;
        if self.forced {
            self.memory.forced_at = Some(now);
        }
        if self.forced || self.is_edited() {
            self.memory.corrections = Corrections::default();
        }
    }

    /// Whether the user requests a reconcile that the status does not acknowledge yet. A suspended object
    /// is reconciled once it is resumed.
    pub fn is_requested(&self) -> bool {
        let handled = self.status.common().last_handled_reconcile_at;
        let asked = self.meta.requested.is_some() && self.meta.requested != *handled;
        asked && !self.is_suspended()
    }

    /// The id of the domain that holds what the object owns, whatever API key applies.
    pub fn recorded_domain(&self) -> Option<&str> {
        let recorded = self.record().map(|it| it.domain_id.as_str());
        let reported = self.status.common().account.as_ref();
        recorded.or(reported.map(|it| it.domain_id.as_str()))
    }

    /// From when on an answer that something is absent is final: no write that was sent before can
    /// still take effect.
    pub fn absence_is_final_from(&self) -> Moment {
        let unknown = self.evidence.unknown_write;
        let own = unknown.map_or(Moment::default(), |at| at.after(self.quiet_period));
        let inherited = match self.memory.began_here {
            true => Moment::default(),
            false => self.trusted_from,
        };
        own.max(inherited)
    }

    /// From when on a second answer makes something missing that the answer of the moment `first` did not
    /// show: half a quiet period later, and when no earlier write can take effect any more.
    pub fn missing_from(&self, first: Moment) -> Moment {
        let second = first.after(between_absences(self.quiet_period));
        second.max(self.absence_is_final_from())
    }

    /// Whether what differs at Daily may come from our own earlier write: Daily did not answer it and
    /// applied it late, after the user had changed the spec back. It is not the wish of anybody, and is
    /// corrected.
    pub fn late_write_may_be_ours(&self) -> bool {
        let own = self.evidence.unknown_write;
        let own = own.map(|at| at.after(self.quiet_period).after(self.drift_interval));
        let inherited = Some(self.trusted_from).filter(|it| *it != Moment::default());
        let inherited = inherited.map(|at| at.after(self.drift_interval));
        own.max(inherited)
            .is_some_and(|until| self.now.moment < until)
    }

    /// Whether a create since the claim may have succeeded, now or later. One that the claim does not
    /// record was not sent, or Daily refused it.
    pub fn create_may_have_succeeded(&self) -> bool {
        let claim = self.record().and_then(|it| it.claim.as_ref());
        let sent = claim.is_none_or(|it| !it.sent.is_empty());
        sent && self.evidence.create_attempts.may_have_created()
    }

    /// The rejection that keeps this write from being sent again now. A user's request for a reconcile
    /// allows one more attempt.
    pub fn rejection_of(&self, write: &str) -> Option<&Rejection> {
        self.holding(self.memory.rejection.as_ref(), write)
    }

    /// The same of a rejection that only this kind remembers.
    pub fn holding<'a>(
        &self,
        rejection: Option<&'a Rejection>,
        write: &str,
    ) -> Option<&'a Rejection> {
        let rejection = rejection?;
        let retries_now = self.forced && !self.retried.iter().any(|it| it == write);
        let holds = rejection.what == write && self.now.moment < rejection.until;
        (holds && !retries_now).then_some(rejection)
    }

    /// The text of `status.record`: the stored one, unless it means something else.
    pub fn record_text(&self) -> Option<String> {
        let stored = self.status.common().record.clone();
        if Recorded::read(stored.as_deref()) == self.recorded {
            return stored;
        }
        self.recorded.record().map(Record::text).or(stored)
    }

    /// A record of this object without a claim. What a restored object has adopted stays adopted.
    pub fn new_record(&self, name: &str, domain: &Domain) -> Record {
        let restored = self.restored_record(name, domain);
        Record {
            adopted_id: restored.and_then(|it| it.adopted_id.clone()),
            private: restored.and_then(|it| it.private),
            uid: self.meta.uid.clone(),
            cluster_id: self.own.cluster_id.clone(),
            domain_id: domain.id.clone(),
            domain_name: domain.name.clone(),
            name: name.to_owned(),
            installation_id: self.own.installation_id.clone(),
            ..Record::default()
        }
    }
}

#[cfg(test)]
impl<K: Kind> View<K> {
    /// The write that was rejected last was sent once more in this reconcile.
    pub fn retry_rejected(&mut self) {
        let rejected = self.memory.rejection.iter().map(|it| it.what.clone());
        self.retried.extend(rejected);
    }
}
