//! The deletions of DailyRooms that this process observed. An orphan is deleted only if the DailyRoom that
//! had it is among them. No I/O.

use std::collections::HashMap;
use std::sync::Arc;

use kube::runtime::watcher::Event;
use parking_lot::Mutex;

use crate::clock::Moment;
use crate::crd::ApiKeySecretRef;
use crate::reconcile::meta::{Identity, Meta};
use crate::reconcile::object::Object;
use crate::room::{self, Room};

/// How many are remembered of each account. A listing that does not show a room drops its deletion, so that
/// mostly those of orphans are left.
const MOST: usize = 1_000;

/// The deletion of a DailyRoom that may have left its room at Daily.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Deletion {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) domain_id: String,
    /// The recorded id of the room.
    pub(super) id: String,
    /// The API key that the spec named.
    pub(super) key: Option<ApiKeySecretRef>,
    pub(super) at: Moment,
}

impl Deletion {
    /// `None` if the last state of the DailyRoom does not prove that this installation created the room with
    /// this derived name for it, and that nobody wanted to keep the room.
    fn of(own: &Identity, object: &Object<Room>, room: &str, at: Moment) -> Option<Self> {
        let meta = Meta::of(object)?;
        let record = object.recorded.record()?;
        let created = record.made.as_ref().filter(|_| !record.is_adopted())?;
        let is_own = record.uid == meta.uid
            && record.cluster_id == own.cluster_id
            && record.installation_id == own.installation_id
            && record.name == room;
        // A spec that does not parse may retain the room in words of a later version.
        let is_kept = object.deletion.retain == Some(true) || object.spec.is_err();
        (is_own && !is_kept).then(|| Self {
            namespace: meta.namespace,
            name: meta.name,
            domain_id: record.domain_id.clone(),
            id: created.id.clone(),
            key: object.deletion.key.clone(),
            at,
        })
    }
}

/// The observed deletions by the derived names of the rooms, shared by the watches and the sweeps.
#[derive(Clone)]
pub(in crate::controllers) struct Deletions {
    own: Identity,
    rooms: Arc<Mutex<HashMap<String, Deletion>>>,
}

impl Deletions {
    pub(in crate::controllers) fn new(own: &Identity) -> Self {
        Self {
            own: own.clone(),
            rooms: Arc::default(),
        }
    }

    /// The watch of DailyRooms in this namespace, or in all, has delivered an event.
    pub(in crate::controllers) fn observe(
        &self,
        namespace: Option<&str>,
        event: &Event<Object<Room>>,
        now: Moment,
    ) {
        let mut rooms = self.rooms.lock();
        let object = match event {
            Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => Some(object),
            Event::Init | Event::InitDone => None,
        };
        let Some((object, meta)) = object.and_then(|it| Some((it, Meta::of(it)?))) else {
            // The watch lists the objects again: before that, any of them may have come, been retained and
            // gone.
            rooms.retain(|_, it| namespace.is_some_and(|watched| it.namespace != watched));
            return;
        };
        let room = room::derived_name(&self.own, &meta);
        rooms.remove(&room);
        let deletion = match event {
            Event::Delete(_) => Deletion::of(&self.own, object, &room, now),
            _ => None,
        };
        if let Some(deletion) = deletion {
            make_space(&mut rooms, &deletion.domain_id);
            rooms.insert(room, deletion);
        }
    }

    pub(super) fn get(&self, room: &str) -> Option<Deletion> {
        self.rooms.lock().get(room).cloned()
    }

    pub(super) fn retain(&self, keep: impl Fn(&str, &Deletion) -> bool) {
        self.rooms.lock().retain(|room, it| keep(room, it));
    }
}

/// Forgets the oldest deletion of an account that has as many as are remembered.
fn make_space(rooms: &mut HashMap<String, Deletion>, domain_id: &str) {
    let of_account = rooms.iter().filter(|(_, it)| it.domain_id == domain_id);
    let oldest = of_account.clone().min_by_key(|(_, it)| it.at);
    let oldest = oldest.map(|(room, _)| room.clone());
    if let Some(oldest) = oldest.filter(|_| of_account.count() >= MOST) {
        rooms.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    fn deletions() -> Deletions {
        Deletions::new(&Identity {
            cluster_id: "c".into(),
            previous_cluster_ids: vec!["before".into()],
            installation_id: "i".into(),
            takes_over: vec!["theirs".into()],
        })
    }

    fn room_name(name: &str) -> String {
        crate::naming::derived_room_name("c", "team", name)
    }

    fn changed(name: &str, change: fn(&mut Value, &mut Value)) -> Object<Room> {
        let mut record = json!({
            "uid": "u1", "clusterId": "c", "installationId": "i", "domainId": "d1",
            "domainName": "acme", "name": room_name(name), "made": {"id": "room-1"},
        });
        let mut object = json!({
            "metadata": {
                "namespace": "team", "name": name, "uid": "u1", "resourceVersion": "1",
                "generation": 1, "creationTimestamp": "2026-12-01T08:00:00Z",
            },
            "spec": {"ttl": "1h", "apiKeySecretRef": {"name": "daily"}}, "status": {},
        });
        change(&mut object, &mut record);
        if !record.is_null() {
            object["status"]["record"] = record.to_string().into();
        }
        serde_json::from_value(object).unwrap()
    }

    fn object(name: &str) -> Object<Room> {
        changed(name, |_, _| ())
    }

    /// What is remembered after the deletion of a DailyRoom in this state.
    fn remembered(change: fn(&mut Value, &mut Value)) -> Option<Deletion> {
        let deletions = deletions();
        let object = changed("standup", change);
        deletions.observe(None, &Event::Delete(object), at(1));
        let other = deletions.get(&room_name("retro"));
        assert_eq!(other, None, "a DailyRoom concerns no other room");
        deletions.get(&room_name("standup"))
    }

    #[test]
    fn the_deletion_of_a_dailyroom_that_has_its_room_is_remembered() {
        let deletion = remembered(|_, _| ()).unwrap();
        assert_eq!(
            (deletion.domain_id, deletion.id),
            ("d1".into(), "room-1".into())
        );
        assert_eq!(
            (deletion.namespace, deletion.name),
            ("team".into(), "standup".into())
        );
        assert_eq!(deletion.key.unwrap().name, "daily");
        let delete = |it: &mut Value, _: &mut Value| it["spec"]["deletionPolicy"] = "Delete".into();
        assert!(remembered(delete).is_some());
    }

    #[test]
    fn no_deletion_that_proves_too_little_is_remembered() {
        type Change = fn(&mut Value, &mut Value);
        let changes: [(&str, Change); 13] = [
            ("retained", |it, _| {
                it["spec"]["deletionPolicy"] = "Retain".into()
            }),
            ("retained in an invalid spec", |it, _| {
                it["spec"] = json!({"ttl": 5, "deletionPolicy": "Retain"});
            }),
            ("in words of a later version", |it, _| {
                it["spec"]["deletionPolicy"] = "RetainForAYear".into();
            }),
            ("adopted", |_, it| it["adoptedId"] = "room-1".into()),
            ("adopted, to be deleted", |object, it| {
                object["spec"]["deletionPolicy"] = "Delete".into();
                it["adoptedId"] = "room-1".into();
            }),
            ("without a record", |_, it| *it = Value::Null),
            ("unreadable record", |_, it| it["uid"] = 5.into()),
            ("not created yet", |_, it| {
                it["made"].take();
                it["claim"] = json!({"at": 7});
            }),
            ("of a backup", |_, it| it["uid"] = "u0".into()),
            ("of another cluster", |_, it| it["clusterId"] = "x".into()),
            ("of an earlier cluster", |_, it| {
                it["clusterId"] = "before".into()
            }),
            ("of another installation", |_, it| {
                it["installationId"] = "theirs".into()
            }),
            ("of another name", |_, it| {
                it["name"] = room_name("retro").into()
            }),
        ];
        let proving = changes.map(|(what, change)| remembered(change).map(|_| what));
        let proving: Vec<&str> = proving.into_iter().flatten().collect();
        assert!(proving.is_empty(), "{proving:?}");
    }

    /// Whatever happens to a DailyRoom of the name afterwards, and whenever a watch may have missed something.
    #[test]
    fn a_deletion_is_forgotten_at_the_next_event_of_the_name_and_at_a_gap_of_the_watch() {
        let retained = || {
            changed("standup", |it, _| {
                it["spec"]["deletionPolicy"] = "Retain".into()
            })
        };
        let forgets = [
            ("team", Event::Apply(object("standup")), true),
            ("team", Event::Apply(retained()), true),
            ("team", Event::InitApply(object("standup")), true),
            ("team", Event::Delete(retained()), true),
            ("team", Event::Init, true),
            ("other", Event::Init, false),
            ("team", Event::Apply(object("retro")), false),
            ("team", Event::Delete(object("retro")), false),
        ];
        let wrong = forgets.into_iter().filter(|(watched, event, forgotten)| {
            let deletions = deletions();
            deletions.observe(None, &Event::Delete(object("standup")), at(1));
            deletions.observe(Some(watched), event, at(2));
            deletions.get(&room_name("standup")).is_none() != *forgotten
        });
        let wrong: Vec<_> = wrong.map(|(watched, event, _)| (watched, event)).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn of_an_account_the_oldest_deletion_is_forgotten_first() {
        let deletions = deletions();
        let elsewhere = changed("elsewhere", |_, it| it["domainId"] = "d2".into());
        deletions.observe(None, &Event::Delete(elsewhere), at(0));
        for nth in 0..=MOST as u64 {
            let object = object(&format!("room-{nth}"));
            deletions.observe(None, &Event::Delete(object), at(nth));
        }
        let knows = |name: &str| deletions.get(&room_name(name)).is_some();
        assert!(!knows("room-0") && knows("room-1") && knows("room-1000"));
        assert!(knows("elsewhere"), "each account has its own");
        assert_eq!(deletions.rooms.lock().len(), MOST + 1);
    }
}
