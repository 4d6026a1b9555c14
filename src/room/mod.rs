//! DailyRooms: what is true of a room and of no other kind.

mod act;
mod look;
pub mod numbers;
pub mod plan;
pub mod report;
pub mod secret;
pub mod secret_index;
pub mod spec;
pub mod view;

use k8s_openapi::api::core::v1::Secret;
use kube::api::PartialObjectMeta;
use kube::runtime::reflector::Store;
use serde_json::Value;

use self::plan::{Look, Plan, Serving, Step, create, delete, keep};
use self::report::Applied;
use self::secret_index::SecretIndex;
use self::spec::{Names, Spec};
use self::view::{Facts, Memory, View};
use crate::crd::condition;
use crate::crd::{DailyRoom, DailyRoomSpec, DailyRoomStatus};
use crate::daily::types::Domain;
use crate::k8s::Note;
use crate::keys::For;
use crate::metrics::Controller;
use crate::number::Number;
use crate::reconcile::object::Object;
use crate::reconcile::plan::{Change, Release};
use crate::reconcile::record::{Claim, Made, Record};
use crate::reconcile::{Context, Failure, InvalidSpec, Kind, Pass};

/// Whether a DailyRoom that lives publishes a number in the domain of this id.
#[must_use]
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

/// The stores that passes over DailyRooms look into.
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
    type Look = Look;
    type Step = Step;
    type Applied = Applied;
    type Serving = Serving;
    type Shared = Shared;

    const CONTROLLER: Controller = Controller::Room;
    const KEY_FOR: For = For::Rooms;
    const NAME: &'static str = "DailyRoom";
    const THING: &'static str = "room";
    const UNTIL: &'static str = " until its end";
    const FOLLOWS_LISTINGS: bool = true;

    fn parse(spec: &DailyRoomSpec) -> Result<Spec, InvalidSpec> {
        Spec::parse(spec)
    }
    fn names(object: &str, spec: &Value) -> Names {
        Names::read(object, spec)
    }
    fn owned(view: &View) -> String {
        format!("{} {}", Self::THING, view.room_name())
    }
    fn own_name(view: &View) -> Option<String> {
        Some(view.own_room_name())
    }

    fn before_access(view: &View, spec: &Spec) -> Option<Plan> {
        plan::before_access(view, spec)
    }
    fn claim(view: &View, spec: &Spec, domain: &Domain) -> Plan {
        create::claim(view, spec, domain)
    }
    fn claim_again(view: &View, spec: &Spec, record: &Record) -> Plan {
        create::claim_again(view, spec, record)
    }
    fn create(view: &View, spec: &Spec, record: &Record, claim: &Claim) -> Plan {
        create::create(view, spec, record, claim)
    }
    fn keep(view: &View, spec: &Spec, domain: &Domain, record: &Record, made: &Made) -> Plan {
        keep::plan(view, spec, domain, record, made)
    }
    fn may_own_unrecorded(view: &View) -> bool {
        delete::may_own_unrecorded(view)
    }
    fn delete(view: &View) -> Plan {
        delete::delete(view)
    }
    fn release(view: &View, how: Release) -> Plan {
        delete::release(view, how)
    }

    fn served_message(view: &View, serving: &Serving) -> String {
        report::served_message(view, serving)
    }
    fn expired_message(view: &View) -> &'static str {
        report::expired_message(view)
    }
    fn report_serving(status: &mut DailyRoomStatus, _: &View, serving: &Serving) {
        report::serving(status, serving);
    }
    fn report_expired(status: &mut DailyRoomStatus, view: &View) {
        report::expired(status, view);
    }
    fn report_unserved(status: &mut DailyRoomStatus, view: &View) {
        report::unserved(status, view);
    }
    fn recorded_event(view: &View, change: Change) -> Option<Note> {
        report::recorded_event(view, change)
    }
    fn applied_event(view: &View, applied: &Applied) -> Option<Note> {
        report::applied_event(view, applied)
    }
    fn status_events(view: &View, new: &DailyRoomStatus) -> Vec<Note> {
        report::status_events(view, new)
    }

    fn room_in_log(view: &View) -> Option<String> {
        Some(view.room_name())
    }
    fn begin(context: &Context<Self>, view: &mut View) {
        look::begin(context, view);
    }
    fn refresh(pass: &mut Pass<Self>) {
        pass.refresh_room();
    }
    fn claimed(pass: &mut Pass<Self>, record: &Record, change: Change) {
        pass.claimed_room(record, change);
    }
    async fn look(pass: &mut Pass<Self>, look: Look) -> Result<(), Failure> {
        pass.look_at(look).await
    }
    async fn act(pass: &mut Pass<Self>, step: Step) -> Result<(), Failure> {
        pass.apply(step).await
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
