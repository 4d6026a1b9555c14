//! DailyRooms: what differs from other kinds.

mod act;
mod observe;
pub mod plan;
pub mod published_numbers;
pub mod report;
pub mod secret;
pub mod secret_index;
pub mod spec;
pub mod view;

use k8s_openapi::api::core::v1::Secret;
use kube::api::PartialObjectMeta;
use kube::runtime::reflector::Store;
use serde_json::Value;

pub(crate) use self::observe::available_numbers::holder;
use self::plan::steps::{Read, Serving, Step};
use self::report::Applied;
use self::secret_index::SecretIndex;
use self::spec::{Names, Spec};
use self::view::{Facts, Memory};
use crate::crd::condition;
use crate::crd::{DailyRoom, DailyRoomSpec, DailyRoomStatus};
use crate::keys::For;
use crate::metrics::Controller;
use crate::naming;
use crate::number::Number;
use crate::reconcile::meta::{Identity, Meta};
use crate::reconcile::object::Object;
use crate::reconcile::{InvalidSpec, Kind};

/// Whether a DailyRoom that has not ended publishes a number in the domain with this id.
pub fn publishes(room: &Object<Room>, number: &str, domain: &str) -> bool {
    let status = &room.status;
    let account = status.account.as_ref();
    let mut numbers = status.phone_numbers.iter();
    room.metadata.deletion_timestamp.is_none()
        && account.is_some_and(|it| it.domain_id == domain)
        && !condition::is_true(&status.conditions, condition::kind::EXPIRED)
        && numbers.any(|it| it.phone_number == number)
}

/// The kind DailyRoom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room;

/// The caches that reconciles of DailyRooms share.
pub struct Shared {
    pub(crate) numbers: Vec<Store<Object<Number>>>,
    pub(crate) secrets: Vec<Store<PartialObjectMeta<Secret>>>,
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
    fn own_name(own: &Identity, meta: &Meta, names: &Names) -> Option<String> {
        let derived = || naming::derived_room_name(&own.cluster_id, &meta.namespace, &meta.name);
        Some(names.chosen.clone().unwrap_or_else(derived))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_room_publishes_a_number_while_it_lives() {
        let room = |change: fn(&mut Value)| {
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
        assert!(room(|_| ()));
        assert!(!room(|it| it["status"]["account"]["domainId"] = "d2".into()));
        assert!(!room(|it| it["status"]["phoneNumbers"] = json!([])));
        assert!(!room(
            |it| it["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into()
        ));
        assert!(!room(|it| {
            it["status"]["conditions"] = json!([{"type": "Expired", "status": "True",
                "reason": "Expired", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
        }));
    }
}
