//! What a pass knows when it decides. Data alone: the decisions are in [`plan`](super::plan()).

use std::time::Duration;

use super::Kind;
use super::memory::Memory;
use super::object::Meta;
use super::record::{Record, Recorded};
use super::spec::{DeletionSpec, InvalidSpec};
use crate::clock::{self, Moment};
use crate::crd::Status;
use crate::daily::types::Domain;
use crate::keys::KeyProblem;

/// What a pass knows.
#[derive(Clone, Debug, PartialEq)]
pub struct View<K: Kind> {
    /// The object's metadata.
    pub meta: Meta,
    /// What a deletion needs of the spec.
    pub deletion: DeletionSpec,
    /// The names that the spec gives.
    pub names: K::Names,
    /// What the object asks for.
    pub spec: Result<K::Spec, InvalidSpec>,
    /// The status as it is stored.
    pub status: K::Status,
    /// What the object owns. It is ahead of the stored status where a record goes with the next
    /// status write.
    pub recorded: Recorded,
    /// Who this operator is.
    pub own: Identity,
    /// The clocks.
    pub now: Now,
    /// How long after a write of unknown outcome nothing counts as absent.
    pub quiet_period: Duration,
    /// How often the rooms of the account are listed.
    pub drift_interval: Duration,
    /// Absence that Daily answered before this moment does not count: an earlier leader may have
    /// sent a write that still takes effect.
    pub trusted_from: Moment,
    /// The domain of the key in force, or during deletion of the last good key, once it was read.
    pub access: Option<Result<Domain, KeyProblem>>,
    /// Whether the user requested this pass.
    pub forced: bool,
    /// Whether what Daily rejected before was sent once more in this pass.
    pub retried: bool,
    /// What this pass has found out.
    pub facts: K::Facts,
    /// What this process remembers of the object.
    pub memory: Memory<K::Memory>,
}

/// Who this operator is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Part of every derived room name, and of every record.
    pub cluster_id: String,
    /// Which installation owns an object.
    pub installation_id: String,
    /// Other installations whose objects this one takes over.
    pub takes_over: Vec<String>,
}

/// The clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The monotonic one.
    pub moment: Moment,
    /// The wall clock in unix seconds.
    pub wall: i64,
}

impl Now {
    /// The clocks as they are.
    #[must_use]
    pub fn read() -> Self {
        Self {
            moment: clock::now(),
            wall: clock::wall().as_second(),
        }
    }
}

impl<K: Kind> View<K> {
    /// The record that was written for this very object.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        let record = self.recorded.record()?;
        (record.uid == self.meta.uid).then_some(record)
    }

    /// The record of an earlier object of this name and cluster, which a restore brought back.
    #[must_use]
    pub fn former_record(&self) -> Option<&Record> {
        let record = self.recorded.record()?;
        let restored = record.uid != self.meta.uid && record.cluster_id == self.own.cluster_id;
        restored.then_some(record)
    }

    /// Daily's id of the recorded room or config.
    #[must_use]
    pub fn made_id(&self) -> Option<&str> {
        let made = self.record()?.made.as_ref()?;
        Some(&made.id)
    }

    /// The name at Daily: the recorded one, else that of the spec or derivation.
    #[must_use]
    pub fn name_at_daily(&self) -> Option<String> {
        let recorded = self.record().map(|it| it.name.clone());
        recorded.or_else(|| K::own_name(self))
    }

    /// Whether the spec was edited since it was last reconciled.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        let seen = *self.status.common().observed_generation;
        seen.is_some_and(|seen| seen != self.meta.generation)
    }

    /// The domain that holds what the object owns, whatever key is in force.
    #[must_use]
    pub fn recorded_domain(&self) -> Option<&str> {
        let recorded = self.record().map(|it| it.domain_id.as_str());
        let reported = self.status.common().account.as_ref();
        recorded.or(reported.map(|it| it.domain_id.as_str()))
    }

    /// The text of `status.record`. One that says the same in other words is left as it is.
    #[must_use]
    pub fn record_text(&self) -> Option<String> {
        let stored = self.status.common().record.clone();
        if Recorded::read(stored.as_deref()) == self.recorded {
            return stored;
        }
        self.recorded.record().map(Record::text).or(stored)
    }

    /// A record of this object that claims and owns nothing yet.
    #[must_use]
    pub fn new_record(&self, name: &str, domain: &Domain) -> Record {
        Record {
            uid: self.meta.uid.clone(),
            cluster_id: self.own.cluster_id.clone(),
            domain_id: domain.id.clone(),
            domain_name: domain.name.clone(),
            name: name.to_owned(),
            installation_id: self.own.installation_id.clone(),
            claim: None,
            made: None,
            former_id: None,
            recreated: Vec::new(),
            unknown: Default::default(),
        }
    }
}
