//! What this process remembers of objects between passes. Losing it costs a call or a wait, and
//! nothing else: what must not be lost is in the record.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kube::{Resource, ResourceExt};
use parking_lot::Mutex;

use super::Kind;
use super::backoff::{Backoff, Rejection};
use super::object::Object;
use super::record::Recorded;
use crate::clock::{self, Moment};
use crate::log::Trail;

/// Within so long the watch shows what was written. One that is further behind has lost its past,
/// and what it shows then is the truth.
const LAG: Duration = Duration::from_secs(30);

/// What is remembered of one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory<M> {
    /// Whether this process recorded the object first, so that no other one can have sent anything
    /// for it.
    pub bound_here: bool,
    /// What Daily rejected, not to be sent again and again.
    pub rejection: Option<Rejection>,
    /// How often in a row no key was found.
    pub key_problems: u32,
    /// How many definite answers since the last good key there was none to delete with, once that counts.
    pub keyless_answers: u32,
    /// When a requested pass was last made.
    pub forced_at: Option<Moment>,
    /// The installation that owns the object, once that was published.
    pub owned_elsewhere: Option<String>,
    /// What only this kind remembers.
    pub kind: M,
}

/// The memories of all objects of a kind.
#[derive(Debug, Default)]
pub struct Memories<M>(Mutex<HashMap<(String, String), Kept<M>>>);

#[derive(Debug)]
struct Kept<M> {
    uid: String,
    remembered: Remembered<M>,
    /// The version and the record after the last write of this process.
    written: Option<(u64, Recorded)>,
    at: Moment,
}

/// What is remembered when a pass begins.
#[derive(Clone, Debug)]
pub struct Remembered<M> {
    /// Of the object.
    pub memory: Memory<M>,
    /// Of its failures.
    pub backoff: Backoff,
    /// Of what the log has said.
    pub trail: Arc<Trail>,
}

impl<M: Clone + Default> Memories<M> {
    /// What is remembered of an object; of another one of that name nothing is. An object without
    /// a uid is none.
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
        remembered.backoff = remembered.backoff.seen(object);
        Some(remembered)
    }

    /// Whether the object is older than what this process wrote last: the watch has not shown that
    /// yet, and a decision would be on what is no longer so.
    pub fn is_stale(&self, object: &impl Resource) -> bool {
        let shown = object.meta().resource_version.as_deref().and_then(version);
        let kept = self.0.lock();
        let Some(kept) = kept.get(&key(object)) else {
            return false;
        };
        object.meta().uid.as_ref() == Some(&kept.uid)
            && kept.at.until(clock::now()) < LAG
            && shown.is_some_and(|shown| kept.written.as_ref().is_some_and(|it| shown < it.0))
    }

    /// The record of an object: that of the watch, or what this process wrote since.
    pub fn latest<K: Kind>(&self, object: &Object<K>) -> Recorded {
        let shown = object
            .metadata
            .resource_version
            .as_deref()
            .and_then(version);
        let kept = self.0.lock();
        let kept = kept.get(&key(object));
        let kept = kept.filter(|kept| object.metadata.uid.as_ref() == Some(&kept.uid));
        match kept.and_then(|kept| kept.written.as_ref()) {
            Some((written, recorded)) if shown.is_some_and(|shown| shown < *written) => {
                recorded.clone()
            }
            _ => object.recorded.clone(),
        }
    }

    /// Remembers it for the next pass. `written` are version and record after the last write.
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

    /// A pass did not come to its end: what it learnt was kept as it went, and the next one comes
    /// after this long.
    pub fn failed(&self, object: &impl Resource) -> Option<Duration> {
        let mut kept = self.0.lock();
        let kept = kept.get_mut(&key(object))?;
        Some(kept.remembered.backoff.failed(clock::now()))
    }

    /// Forgets the objects that are not among these.
    pub fn retain(&self, alive: impl Fn(&str, &str) -> bool) {
        self.0
            .lock()
            .retain(|(namespace, name), _| alive(namespace, name));
    }
}

/// Versions of one resource can be compared as numbers; one that is no number is not compared.
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
    fn another_object_of_the_name_is_not_remembered() {
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
    }
}
