//! Which of several objects holds a name at Daily. No I/O.
//!
//! The cache of the watch and the records that this process wrote since are enough: only the leader
//! writes records, and its watch began after every earlier leader's last write.

use super::kind::Kind;
use super::meta::Meta;
use super::object::Object;
use super::record::{Record, Recorded};

/// Another object that holds the name before this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
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

/// The object that holds a name before the object `meta`: the one that owns something at Daily, else the
/// oldest of those that claim the name.
pub fn first<'a, K: Kind>(
    meta: &Meta,
    others: impl Iterator<Item = (&'a Object<K>, Recorded)>,
    claims: impl Fn(&Object<K>, &Meta, Option<&Record>) -> bool,
) -> Option<Rival> {
    let ours = (
        true,
        meta.created,
        meta.namespace.clone(),
        meta.name.clone(),
    );
    let own_uid = &meta.uid;
    let ranked = others.filter_map(|(object, recorded)| {
        let meta = Meta::of(object)?;
        let record = recorded.record().filter(|it| it.uid == meta.uid);
        if meta.uid == *own_uid || !claims(object, &meta, record) {
            return None;
        }
        let made = record.and_then(|it| it.made.as_ref());
        let made = made.map(|it| it.id.clone());
        let rank = (made.is_none(), meta.created, meta.namespace, meta.name);
        Some((rank, made))
    });
    let (rank, made) = ranked.min()?;
    (rank < ours).then_some(Rival {
        namespace: rank.2,
        name: rank.3,
        made,
    })
}
