//! Which of several objects holds a name at Daily. No I/O.
//!
//! The cache of the watch and the records that this process wrote since are enough: only the leader
//! writes records, and its watch began after every earlier leader's last write.

use super::lifecycle::Create;
use super::meta::Meta;
use super::object::Object;
use super::record::Recorded;
use super::view::{Rival, View};

/// The other object that holds the name first: the one that owns something at Daily, else the oldest of
/// those that claim the name. Only a record holds a name, and only while what it records may
/// exist in this domain: anybody can create an object, Daily may refuse what it asks for, and an ended room stays as
/// long as its owner likes.
pub fn first<'a, K: Create>(
    view: &View<K>,
    domain: &str,
    others: impl Iterator<Item = (&'a Object<K>, &'a Recorded)>,
) -> Option<Rival> {
    let (meta, name) = (&view.meta, view.name_at_daily()?);
    let ours = (
        true,
        meta.created,
        meta.namespace.clone(),
        meta.name.clone(),
    );
    let ranked = others.filter_map(|(object, recorded)| {
        let record = recorded.record()?;
        let holds =
            record.holds_name() && record.domain_id == domain && !K::is_over(object, record);
        if !holds || !K::is_same_name(&record.name, &name) {
            return None;
        }
        let meta = Meta::of(object)?;
        if record.uid != meta.uid || meta.uid == view.meta.uid {
            return None;
        }
        let made = record.made.as_ref().map(|it| it.id.clone());
        let rank = (made.is_none(), meta.created, meta.namespace, meta.name);
        Some((rank, made))
    });
    let (rank, made) = ranked.min()?;
    Some(Rival {
        is_first: rank < ours,
        namespace: rank.2,
        name: rank.3,
        made,
    })
}
