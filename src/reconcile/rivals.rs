//! Which of several objects holds a name at Daily. No I/O.
//!
//! The store of the watch and the records that this process wrote since are all that is needed: only
//! the leader writes records, and its watch began with everything that earlier leaders wrote.

use super::Kind;
use super::object::{Meta, Object};
use super::record::{Record, Recorded};
use super::view::View;

/// Another object that holds the name before ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Daily's id of what it made, if that is recorded.
    pub made: Option<String>,
}

impl Rival {
    /// How it is called in a message to the owner of an object in this namespace. Objects of other
    /// namespaces are not named.
    #[must_use]
    pub fn seen_from(&self, namespace: &str, kind: &str) -> String {
        if self.namespace == namespace {
            return format!("The {kind} {}", self.name);
        }
        format!("A {kind} in another namespace")
    }
}

/// The object that holds the name before ours: the one that made something, else the older of those
/// that claim it. `claims` says whether an object claims the name, by its record for this very
/// object if there is one.
pub fn first<'a, K: Kind>(
    view: &View<K>,
    others: impl Iterator<Item = (&'a Object<K>, Recorded)>,
    claims: impl Fn(&Object<K>, &Meta, Option<&Record>) -> bool,
) -> Option<Rival> {
    let ranked = others.filter_map(|(object, recorded)| {
        let meta = Meta::of(object)?;
        let record = recorded.record().filter(|it| it.uid == meta.uid);
        if meta.uid == view.meta.uid || !claims(object, &meta, record) {
            return None;
        }
        let made = record.and_then(|it| it.made.as_ref());
        let made = made.map(|it| it.id.clone());
        let rank = (made.is_none(), meta.created, meta.namespace, meta.name);
        Some((rank, made))
    });
    let meta = &view.meta;
    let ours = (
        true,
        meta.created,
        meta.namespace.clone(),
        meta.name.clone(),
    );
    let (rank, made) = ranked.min()?;
    (rank < ours).then_some(Rival {
        namespace: rank.2,
        name: rank.3,
        made,
    })
}
