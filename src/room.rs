//! DailyRooms: what differs from other kinds.

mod act;
pub mod namespaces;
mod observe;
pub mod plan;
pub mod published_numbers;
pub mod report;
pub mod secret;
pub mod secret_index;
pub mod spec;
pub mod trimmed_metadata;
pub mod view;

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::runtime::reflector::Store;
use serde_json::Value;

use self::namespaces::Namespaces;
pub(crate) use self::observe::available_numbers::holder;
use self::plan::is_recreated;
use self::plan::steps::{Read, Serving, Step};
use self::report::Applied;
use self::secret_index::SecretIndex;
use self::spec::{Names, Spec};
use self::view::{Facts, Memory};
use crate::crd::condition;
use crate::crd::{DailyRoom, DailyRoomSpec, DailyRoomStatus};
use crate::daily::account::listings::ExpectedRoom;
use crate::k8s::MetadataOf;
use crate::keys::For;
use crate::metrics::Controller;
use crate::naming;
use crate::number::Number;
use crate::reconcile::meta::{Identity, Meta};
use crate::reconcile::object::Object;
use crate::reconcile::{InvalidSpec, Kind};

/// Whether a DailyRoom that has not ended publishes a number in the domain with this id. One that is being
/// deleted does until its finalizer goes: its room may wait for people, and callers still join it.
pub fn publishes(room: &Object<Room>, number: &str, domain: &str) -> bool {
    let status = &room.status;
    let account = status.account.as_ref();
    let mut numbers = status.phone_numbers.iter();
    let may_have_room = room.metadata.deletion_timestamp.is_none() || !room.finalizers().is_empty();
    may_have_room
        && account.is_some_and(|it| it.domain_id == domain)
        && !condition::is_true(&status.conditions, condition::kind::EXPIRED)
        && numbers.any(|it| it.phone_number == number)
}

/// The room that a listing of the domain with this id must contain, as the object has recorded it.
pub fn expected(room: &Object<Room>, domain: &str, now: i64) -> Option<ExpectedRoom> {
    let record = room.recorded.record()?;
    let made = record.made.as_ref();
    let made = made.filter(|_| record.domain_id == domain)?;
    let spec = room.spec.as_ref().ok().and_then(|it| Room::parse(it).ok());
    let is_own = room.metadata.uid.as_ref() == Some(&record.uid);
    let is_kept = is_own && room.metadata.deletion_timestamp.is_none();
    Some(ExpectedRoom {
        name: record.name.clone(),
        end: made.end.as_ref()?.at,
        recreated: is_kept && spec.is_some_and(|it| is_recreated(&it, record, now)),
    })
}

/// The name of the room that an object has unless its spec chooses one.
pub fn derived_name(own: &Identity, meta: &Meta) -> String {
    naming::derived_room_name(&own.cluster_id, &meta.namespace, &meta.name)
}

/// The names that it would have by earlier ids of the cluster.
fn previous_names(own: &Identity, meta: &Meta) -> impl Iterator<Item = String> {
    let ids = own.previous_cluster_ids.iter();
    ids.map(|id| naming::derived_room_name(id, &meta.namespace, &meta.name))
}

/// The kind DailyRoom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room;

/// The caches of DailyRooms, one for each watch.
pub type Rooms = Vec<Store<Object<Room>>>;

/// The caches of PinDialinNumbers, one for each watch.
pub type Numbers = Vec<Store<Object<Number>>>;

/// The caches that reconciles of DailyRooms share.
pub struct Shared {
    pub(crate) numbers: Numbers,
    pub(crate) namespaces: Namespaces,
    pub(crate) secrets: Vec<Store<MetadataOf<Secret>>>,
    pub(crate) secret_index: SecretIndex,
}

impl Kind for Room {
    type Resource = DailyRoom;
    type RawSpec = DailyRoomSpec;
    type Spec = Spec;
    type Names = Names;
    type Status = DailyRoomStatus;
    type Facts = Facts;
    type Memory = Memory;
    type Read = Read;
    type Step = Step;
    type Applied = Applied;
    type Serving = Serving;
    type Shared = Shared;

    const CONTROLLER: Controller = Controller::Room;
    const KEY_FOR: For = For::Rooms;
    const NAME: &'static str = "DailyRoom";
    const THING: &'static str = "room";
    const THING_NAMED: &'static str = "room";
    const UNTIL: &'static str = " until its end";
    const ACTIONS: (&'static str, &'static str) = ("CreateRoom", "UpdateRoom");
    const LOGS_NAME: bool = true;
    const FOLLOWS_LISTINGS: bool = true;

    fn parse(spec: &DailyRoomSpec) -> Result<Spec, InvalidSpec> {
        Spec::parse(spec)
    }
    fn names(object: &str, spec: &Value) -> Names {
        Names::read(object, spec)
    }
    fn own_names(own: &Identity, meta: &Meta, names: &Names) -> Vec<String> {
        match &names.chosen {
            Some(chosen) => vec![chosen.clone()],
            None => [derived_name(own, meta)]
                .into_iter()
                .chain(previous_names(own, meta))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crd::FINALIZER;

    #[test]
    fn a_room_shows_a_mass_loss_if_the_operator_would_recreate_it() {
        let expected = |change: fn(&mut Value, &mut Value)| {
            let mut record = json!({
                "uid": "uid-1", "clusterId": "c", "domainId": "d1", "domainName": "team", "name": "board",
                "installationId": "i", "made": {"id": "room-1", "end": {"at": 5000, "of": "ttl=3600"}},
            });
            let mut room = json!({
                "apiVersion": "daily-operator.io/v1alpha1", "kind": "DailyRoom",
                "metadata": {"name": "standup", "uid": "uid-1"}, "spec": {"ttl": "1h"},
            });
            change(&mut room, &mut record);
            room["status"]["record"] = record.to_string().into();
            let room: Object<Room> = serde_json::from_value(room).unwrap();
            super::expected(&room, "d1", 100_000).map(|it| (it.end, it.recreated))
        };
        assert_eq!(expected(|_, _| ()), Some((5000, true)));
        assert_eq!(expected(|_, it| it["domainId"] = "d2".into()), None);
        let is_not_recreated: [fn(&mut Value, &mut Value); 5] = [
            |it, _| it["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into(),
            |it, _| it["spec"]["missingRoomPolicy"] = "Report".into(),
            |it, _| it["spec"] = json!({"ttl": true}),
            |_, it| it["recreated"] = json!([99_000, 99_001, 99_002]),
            |_, it| it["uid"] = "of-a-backup".into(),
        ];
        for change in is_not_recreated {
            assert_eq!(expected(change), Some((5000, false)));
        }
    }

    #[test]
    fn a_room_publishes_a_number_while_it_lives() {
        let room = |change: &dyn Fn(&mut Value)| {
            let mut room = json!({
                "apiVersion": "daily-operator.io/v1alpha1", "kind": "DailyRoom",
                "metadata": {"name": "standup"}, "spec": {"ttl": "1h"},
                "status": {
                    "account": {"domainId": "d1", "domainName": "team"},
                    "phoneNumbers": [{"phoneNumber": "+12025550123", "source": "RoomNumber"}],
                },
            });
            change(&mut room);
            let room: Object<Room> = serde_json::from_value(room).unwrap();
            publishes(&room, "+12025550123", "d1")
        };
        assert!(room(&|_| ()));
        assert!(!room(
            &|it| it["status"]["account"]["domainId"] = "d2".into()
        ));
        assert!(!room(&|it| it["status"]["phoneNumbers"] = json!([])));
        let deleting = |it: &mut Value, finalizer: &str| {
            it["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
            it["metadata"]["finalizers"] = json!([finalizer]);
        };
        assert!(room(&|it| deleting(it, FINALIZER)));
        assert!(!room(&|it| deleting(it, "example.com/of-another")));
        assert!(!room(&|it| {
            it["status"]["conditions"] = json!([{"type": "Expired", "status": "True",
                "reason": "Expired", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
        }));
    }
}
