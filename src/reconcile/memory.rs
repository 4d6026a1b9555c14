//! What this process remembers of objects between reconciles. Losing it costs a call or a wait, and
//! nothing else: what must not be lost is in the record.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kube::{Resource, ResourceExt};
use parking_lot::Mutex;

use super::backoff::{Backoff, Rejection};
use super::contention::Corrections;
use super::record::Recorded;
use crate::clock::{self, Moment};
use crate::log::Trail;

/// How far the watch may lag behind our own writes. If it still shows an older version after this time,
/// the API server was restored from a backup, and the older version is the truth.
const WATCH_LAG: Duration = Duration::from_secs(30);
/// The resourceVersion of an object that was released. Whatever the watch still shows of it is stale: another watch
/// may have it reconciled before its deletion arrives.
pub(super) const NEWEST: &str = "18446744073709551615";

/// What is remembered of one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory<M> {
    /// Whether this process added the finalizer to an object without a record. The finalizer comes before
    /// the first record, and the record before the first write to Daily: no earlier process has sent
    /// anything for the object. A record that this process wrote first does not prove that, because the
    /// status may have been lost.
    pub began_here: bool,
    /// The write that Daily rejected last.
    pub rejection: Option<Rejection>,
    /// What was put back at Daily since the user last edited the spec or requested a reconcile.
    pub corrections: Corrections,
    /// How many reads in a row found no usable key.
    pub key_problems: u32,
    /// When this process first saw the object in deletion.
    pub deleting_since: Option<Moment>,
    /// When this process first found no usable key for the deletion, and none since.
    pub keyless_since: Option<Moment>,
    /// Since when Daily is polled for the cause of a problem; anew after an edit or a request of the user.
    pub polled_since: Option<Moment>,
    /// The namespace, once a deletion waits.
    pub namespace: Option<Namespace>,
    /// When a user's request for a reconcile was last granted.
    pub forced_at: Option<Moment>,
    /// Which name has a room, of those that the present and the earlier ids of the cluster give, once Daily was asked.
    pub previous_name: Option<Option<String>>,
    /// The installation that owns the object, once an event said so.
    pub owned_elsewhere: Option<String>,
    /// What only this kind remembers.
    pub kind: M,
}

impl<M> Memory<M> {
    /// Counts definite answers about the API key in a row.
    pub fn count_key(&mut self, usable: bool, deleting: bool, now: Moment) {
        if usable {
            self.key_problems = 0;
            self.keyless_since = None;
            return;
        }
        self.key_problems = self.key_problems.saturating_add(1);
        if deleting {
            self.keyless_since.get_or_insert(now);
        }
    }
}

/// What was read of the namespace of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespace {
    pub at: Moment,
    /// When its deletion was requested, in unix seconds.
    pub deleted: Option<i64>,
}

/// The memories of all objects of a kind.
#[derive(Debug, Default)]
pub struct Memories<M>(Mutex<HashMap<(String, String), Kept<M>>>);

#[derive(Debug)]
struct Kept<M> {
    uid: String,
    remembered: Remembered<M>,
    /// The resourceVersion and the record after the last write of this process.
    written: Option<(u64, Recorded)>,
    at: Moment,
}

/// What is remembered when a reconcile begins.
#[derive(Clone, Debug)]
pub struct Remembered<M> {
    pub memory: Memory<M>,
    pub backoff: Backoff,
    /// What the log has said of the object.
    pub trail: Arc<Trail>,
}

impl<M> Kept<M> {
    /// The record after the last write of this process, if the object is from before that write.
    fn newer_than(&self, object: &impl Resource) -> Option<&Recorded> {
        let shown = object
            .meta()
            .resource_version
            .as_deref()
            .and_then(version)?;
        let (written, recorded) = self.written.as_ref()?;
        let is_same = object.meta().uid.as_ref() == Some(&self.uid);
        (is_same && shown < *written).then_some(recorded)
    }
}

impl<M: Clone + Default> Memories<M> {
    /// What is remembered of an object. An object that was recreated under its name has another uid,
    /// and nothing is remembered of it.
    pub fn recall<K>(&self, object: &K) -> Option<Remembered<M>>
    where
        K: Resource<DynamicType = ()>,
    {
        let uid = object.meta().uid.as_ref()?;
        let kept = self.0.lock();
        let kept = kept.get(&key(object)).filter(|kept| kept.uid == *uid);
        let remembered = kept.map(|kept| kept.remembered.clone());
        let mut remembered = remembered.unwrap_or_else(|| {
            let (namespace, name) = key(object);
            Remembered {
                memory: Memory::default(),
                backoff: Backoff::default(),
                trail: Arc::new(Trail::new(&K::kind(&()), &namespace, &name)),
            }
        });
        remembered.backoff = remembered.backoff.observe(object);
        Some(remembered)
    }

    /// Whether the watch shows the object as it was before this process's last write. Decisions on it
    /// would be outdated.
    pub fn is_stale(&self, object: &impl Resource) -> bool {
        let kept = self.0.lock();
        kept.get(&key(object)).is_some_and(|kept| {
            kept.newer_than(object).is_some() && kept.at.until(clock::now()) < WATCH_LAG
        })
    }

    /// The record that this process wrote, if the watch does not show it yet.
    pub fn newer(&self, object: &impl Resource) -> Option<Recorded> {
        let kept = self.0.lock();
        let newer = kept.get(&key(object))?.newer_than(object);
        newer.cloned()
    }

    /// Remembers an object. `written` is its resourceVersion and record after the last write.
    pub fn keep(
        &self,
        object: &impl Resource,
        remembered: Remembered<M>,
        written: (&str, &Recorded),
    ) {
        let (resource_version, recorded) = written;
        let kept = Kept {
            uid: object.meta().uid.clone().unwrap_or_default(),
            remembered,
            written: version(resource_version).map(|it| (it, recorded.clone())),
            at: clock::now(),
        };
        self.0.lock().insert(key(object), kept);
    }

    /// Counts a failure of a reconcile that could not end, and returns when to retry.
    pub fn failed(&self, object: &impl Resource) -> Option<Duration> {
        let mut kept = self.0.lock();
        let kept = kept.get_mut(&key(object))?;
        Some(kept.remembered.backoff.failed(clock::now()))
    }

    /// Forgets the objects for which `exists` is false.
    pub fn retain(&self, exists: impl Fn(&str, &str) -> bool) {
        self.0
            .lock()
            .retain(|(namespace, name), _| exists(namespace, name));
    }
}

/// A resourceVersion as a number: those of one resource can be compared.
fn version(resource_version: &str) -> Option<u64> {
    resource_version.parse().ok()
}

fn key(object: &impl Resource) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;

    fn object(uid: &str, version: &str) -> ConfigMap {
        let mut object = ConfigMap::default();
        object.metadata.name = Some("a".into());
        object.metadata.uid = Some(uid.into());
        object.metadata.resource_version = Some(version.into());
        object
    }

    fn keep(memories: &Memories<u32>, written: &str) {
        let mut remembered = memories.recall(&object("1", written)).unwrap();
        remembered.memory.kind = 7;
        memories.keep(
            &object("1", written),
            remembered,
            (written, &Recorded::Nothing),
        );
    }

    #[test]
    fn a_deletion_is_keyless_since_the_first_of_the_answers_in_a_row_without_a_key() {
        let at = |seconds| Moment(Duration::from_secs(seconds));
        let mut memory = Memory::<()>::default();
        let mut counts = |usable, deleting, seconds| {
            memory.count_key(usable, deleting, at(seconds));
            (memory.key_problems, memory.keyless_since)
        };
        assert_eq!(counts(false, false, 1), (1, None), "it is not deleted");
        assert_eq!(counts(false, true, 2), (2, Some(at(2))));
        assert_eq!(counts(false, true, 70), (3, Some(at(2))));
        assert_eq!(counts(true, true, 71), (0, None), "there was a key");
        assert_eq!(counts(false, true, 72), (1, Some(at(72))));
    }

    #[test]
    fn an_object_that_was_recreated_is_not_remembered() {
        let memories = Memories::default();
        keep(&memories, "5");
        assert_eq!(memories.recall(&object("1", "5")).unwrap().memory.kind, 7);
        assert_eq!(memories.recall(&object("2", "5")).unwrap().memory.kind, 0);
    }

    #[test]
    fn an_object_from_before_our_last_write_is_stale() {
        let memories = Memories::default();
        keep(&memories, "10");
        for (shown, stale) in [("9", true), ("10", false), ("11", false), ("x", false)] {
            assert_eq!(memories.is_stale(&object("1", shown)), stale, "{shown}");
        }
        assert!(!memories.is_stale(&object("2", "9")), "another object");
        keep(&memories, NEWEST);
        assert!(memories.is_stale(&object("1", "11")), "it was released");
    }
}
