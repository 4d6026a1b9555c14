//! Which DailyRooms a change of a Secret, a PinDialinNumber or a namespace concerns. No I/O.

use std::collections::HashMap;
use std::mem;

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::Event;

use crate::crd::condition::{self, kind};
use crate::k8s::MetadataOf;
use crate::number::Number;
use crate::number::allowed_rooms::{allows, needs_labels};
use crate::reconcile::object::Object;
use crate::room::namespaces::{NamespaceMeta, Namespaces};
use crate::room::secret::OWNER_ANNOTATION;
use crate::room::{Numbers, Room, Rooms, holder};

/// The DailyRoom that owns a Secret.
pub(super) fn owner(secret: MetadataOf<Secret>) -> Option<ObjectRef<Object<Room>>> {
    let name = secret.annotations().get(OWNER_ANNOTATION).cloned();
    let named_by_owner = || {
        let mut owners = secret.metadata.owner_references.iter().flatten();
        let owner = owners.find(|it| it.kind == "DailyRoom");
        owner.map(|it| it.name.clone())
    };
    let name = name.or_else(named_by_owner)?;
    Some(ObjectRef::new(&name).within(secret.metadata.namespace.as_deref()?))
}

/// The PinDialinNumbers that a watch has shown. Whoever edits what no room uses must not have the rooms of
/// the whole account reconciled.
#[derive(Default)]
pub(super) struct Known {
    shown: ByName,
    /// The list that is being read.
    listed: ByName,
}

type ByName = HashMap<ObjectRef<Object<Number>>, Object<Number>>;

impl Known {
    /// The PinDialinNumbers of which the event changes what rooms use. A list changes nothing before it
    /// is complete.
    pub(super) fn changed(&mut self, event: &Event<Object<Number>>) -> Vec<Object<Number>> {
        match event {
            Event::Apply(number) => {
                let before = self
                    .shown
                    .insert(ObjectRef::from_obj(number), number.clone());
                let differs = differs(before.as_ref(), number);
                differs.then(|| number.clone()).into_iter().collect()
            }
            Event::Delete(number) => {
                self.shown.remove(&ObjectRef::from_obj(number));
                vec![number.clone()]
            }
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(number) => {
                let key = ObjectRef::from_obj(number);
                self.listed.insert(key, number.clone());
                Vec::new()
            }
            Event::InitDone => {
                let before = mem::replace(&mut self.shown, mem::take(&mut self.listed));
                let shown = self.shown.iter();
                let changed = shown.filter(|(key, number)| differs(before.get(key), number));
                let vanished = before
                    .iter()
                    .filter(|(key, _)| !self.shown.contains_key(key));
                let numbers = changed.chain(vanished).map(|(_, number)| number.clone());
                numbers.collect()
            }
        }
    }
}

fn differs(before: Option<&Object<Number>>, now: &Object<Number>) -> bool {
    let used = |number: &Object<Number>| {
        let spec = number.spec.as_ref().ok();
        let allowed = spec.and_then(|it| it.allowed_rooms.clone());
        (holder(number, "", None), allowed)
    };
    before.is_none_or(|before| used(before) != used(now))
}

/// The DailyRooms to reconcile when a PinDialinNumber changes.
pub(super) fn rooms_to_reconcile(
    rooms: Rooms,
    namespaces: Namespaces,
) -> impl Fn(Object<Number>) -> Vec<ObjectRef<Object<Room>>> {
    move |number| {
        let stores = rooms.iter().flat_map(|store| store.state());
        stores
            .filter(|room| concerns(&number, room, &namespaces))
            .map(|room| ObjectRef::from_obj(&*room))
            .collect()
    }
}

/// The DailyRooms to reconcile when the labels of their namespace change.
pub(super) fn rooms_of_namespace(
    rooms: Rooms,
    numbers: Numbers,
    namespaces: Namespaces,
) -> impl Fn(NamespaceMeta) -> Vec<ObjectRef<Object<Room>>> {
    move |namespace| {
        let numbers = numbers.iter().flat_map(|store| store.state());
        let by_labels: Vec<_> = numbers
            .filter(|it| it.spec.as_ref().is_ok_and(needs_labels))
            .collect();
        if by_labels.is_empty() {
            return Vec::new();
        }
        let in_it = |room: &Object<Room>| room.metadata.namespace == namespace.metadata.name;
        let rooms = rooms.iter().flat_map(|store| store.state_filter(in_it));
        rooms
            .filter(|room| by_labels.iter().any(|it| concerns(it, room, &namespaces)))
            .map(|room| ObjectRef::from_obj(&*room))
            .collect()
    }
}

/// Whether a change of the number can change what the room publishes: the room publishes the number; or
/// it waits for a number, names this one without being Ready, or names none and has published none.
fn concerns(number: &Object<Number>, room: &Object<Room>, namespaces: &Namespaces) -> bool {
    let (Ok(number_spec), Ok(room_spec)) = (&number.spec, &room.spec) else {
        return false;
    };
    let status = &room.status;
    let conditions = &status.conditions;
    if condition::is_true(conditions, kind::EXPIRED) {
        return false;
    }
    let phone_number = &number_spec.phone_number;
    let mut published = status.phone_numbers.iter();
    if published.any(|it| it.phone_number == *phone_number) {
        return true;
    }
    let here = room.metadata.namespace.as_deref().unwrap_or_default();
    let there = number.metadata.namespace.as_deref().unwrap_or_default();
    let namespace = needs_labels(number_spec).then(|| namespaces.get(here));
    let namespace = namespace.flatten();
    let labels = namespace
        .as_ref()
        .and_then(|it| it.metadata.labels.as_ref());
    let allowed = allows(number_spec, there, here, labels);
    let dialin = room_spec.dialin.as_ref();
    let wanted = dialin.map_or(&[][..], |it| &it.room_numbers);
    let chooses = allowed && wanted.is_empty() && status.phone_numbers.is_empty();
    let waits = conditions.iter().any(|it| {
        it.status == "True" && it.type_ != kind::READY && it.reason.starts_with("Number")
    });
    let names = wanted.iter().any(|it| {
        let by_name = it.number_ref.as_ref().is_some_and(|it| {
            let namespace = it.namespace.as_deref().unwrap_or(here);
            namespace == there && number.metadata.name.as_ref() == Some(&it.name)
        });
        it.phone_number.as_ref() == Some(phone_number) || by_name
    });
    chooses || waits || (names && !condition::is_true(conditions, kind::READY))
}

#[cfg(test)]
mod tests {
    use std::iter;

    use kube::runtime::reflector;
    use serde_json::{Value, json};

    use super::*;

    const NUMBER: &str = "+12025550123";

    fn number(namespaces: Value) -> Object<Number> {
        let spec = json!({"phoneNumber": NUMBER, "allowedRooms": {"namespaces": namespaces}});
        let number = json!({
            "apiVersion": "daily-operator.io/v1alpha1", "kind": "PinDialinNumber",
            "metadata": {"namespace": "team", "name": "main"}, "spec": spec,
        });
        serde_json::from_value(number).unwrap()
    }

    fn concerned(from: &str, namespace: &str, numbers: Value, status: Value) -> bool {
        let room = json!({
            "apiVersion": "daily-operator.io/v1alpha1", "kind": "DailyRoom",
            "metadata": {"namespace": namespace, "name": "standup"},
            "spec": {"ttl": "1h", "dialin": {"roomNumbers": numbers}}, "status": status,
        });
        let room = serde_json::from_value(room).unwrap();
        let number = match from {
            "Selector" => {
                number(json!({"from": from, "selector": {"matchLabels": {"voice": "yes"}}}))
            }
            from => number(json!({"from": from})),
        };
        concerns(&number, &room, &namespaces())
    }

    /// A watch has shown one namespace with the label.
    fn namespaces() -> Namespaces {
        let (store, mut writer) = reflector::store();
        let labelled = json!({"metadata": {"name": "labelled", "labels": {"voice": "yes"}}});
        let labelled: NamespaceMeta = serde_json::from_value(labelled).unwrap();
        writer.apply_watcher_event(&Event::Apply(labelled));
        Namespaces(vec![store])
    }

    fn condition(type_: &str, status: &str, reason: &str) -> Value {
        json!({"type": type_, "status": status, "reason": reason, "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z"})
    }

    fn conditions(all: &[(&str, &str, &str)]) -> Value {
        let all: Vec<_> = all.iter().map(|it| condition(it.0, it.1, it.2)).collect();
        json!({"conditions": all})
    }

    #[test]
    fn a_change_of_a_number_wakes_the_rooms_that_it_concerns() {
        let publishes = |number: &str| {
            json!({"phoneNumbers": [
            {"phoneNumber": number, "source": "Purchased"}]})
        };
        let waits = || conditions(&[("Reconciling", "True", "NumberNotReady")]);
        let ready = || conditions(&[("Ready", "True", "Available")]);
        let failing = || conditions(&[("Ready", "False", "NumberNotFound")]);
        let (none, by_name) = (json!([]), json!([{"numberRef": {"name": "main"}}]));
        let by_number = json!([{"phoneNumber": NUMBER}]);
        let from_there = json!([{"numberRef": {"name": "main", "namespace": "team"}}]);
        let other = json!([{"numberRef": {"name": "other"}}]);
        let table = [
            ("new, names none", "team", &none, Value::Null, true),
            ("new, elsewhere", "there", &none, Value::Null, false),
            ("waits, names none", "team", &none, waits(), true),
            ("publishes it", "there", &none, publishes(NUMBER), true),
            (
                "publishes another",
                "team",
                &none,
                publishes("+14155550100"),
                false,
            ),
            ("names it, new", "team", &by_name, Value::Null, true),
            ("names it, fails", "team", &by_name, failing(), true),
            ("names it, ready", "team", &by_name, ready(), false),
            ("the name elsewhere", "there", &by_name, failing(), false),
            (
                "the name from elsewhere",
                "there",
                &from_there,
                failing(),
                true,
            ),
            ("the number elsewhere", "there", &by_number, failing(), true),
            ("names another", "team", &other, failing(), false),
            ("waits for another", "team", &other, waits(), true),
            (
                "has ended",
                "team",
                &none,
                conditions(&[("Expired", "True", "Expired")]),
                false,
            ),
        ];
        for (what, namespace, numbers, status, expected) in table {
            let is = concerned("Same", namespace, numbers.clone(), status);
            assert_eq!(is, expected, "{what}");
        }
        let is_allowed = |from, namespace| concerned(from, namespace, none.clone(), Value::Null);
        assert!(is_allowed("All", "there"));
        assert!(is_allowed("Selector", "labelled"));
        assert!(!is_allowed("Selector", "there") && !is_allowed("Selector", "team"));
    }

    #[test]
    fn only_what_rooms_use_of_a_number_wakes_them() {
        let with = |change: &dyn Fn(&mut Value)| {
            let mut number = json!({
                "apiVersion": "daily-operator.io/v1alpha1", "kind": "PinDialinNumber",
                "metadata": {"namespace": "team", "name": "main", "uid": "u", "resourceVersion": "1",
                    "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"},
                "spec": {"phoneNumber": NUMBER},
            });
            change(&mut number);
            serde_json::from_value::<Object<Number>>(number).unwrap()
        };
        let mut known = Known::default();
        let mut wakes = |event| known.changed(&event).len();
        let list = |wakes: &mut dyn FnMut(Event<_>) -> usize, numbers: Vec<_>| {
            let events = numbers.into_iter().map(Event::InitApply);
            let all = iter::once(Event::Init).chain(events);
            assert_eq!(
                all.map(&mut *wakes).sum::<usize>(),
                0,
                "the list is not complete"
            );
            wakes(Event::InitDone)
        };
        assert_eq!(list(&mut wakes, vec![with(&|_| ())]), 1);
        let annotated =
            || with(&|it: &mut Value| it["metadata"]["annotations"] = json!({"x": "1"}));
        assert_eq!(wakes(Event::Apply(annotated())), 0);
        let greeting =
            with(&|it: &mut Value| it["spec"]["ivrGreeting"] = json!({"message": "Hello."}));
        assert_eq!(wakes(Event::Apply(greeting)), 0);
        let all_may = |it: &mut Value| {
            it["spec"]["allowedRooms"] = json!({"namespaces": {"from": "All"}});
        };
        let all = || with(&all_may);
        assert_eq!(wakes(Event::Apply(all())), 1);
        assert_eq!(wakes(Event::Apply(all())), 0);
        let selected = |label: &str| {
            let labels = json!({"matchLabels": {label: "yes"}});
            let of = json!({"namespaces": {"from": "Selector", "selector": labels}});
            with(&|it: &mut Value| it["spec"]["allowedRooms"] = of.clone())
        };
        assert_eq!(wakes(Event::Apply(selected("a"))), 1);
        assert_eq!(wakes(Event::Apply(selected("b"))), 1);
        assert_eq!(wakes(Event::Apply(all())), 1);
        let ready = |it: &mut Value| {
            all_may(it);
            it["status"] = conditions(&[("Ready", "True", "Available")]);
        };
        assert_eq!(wakes(Event::Apply(with(&ready))), 1, "it is ready now");
        assert_eq!(wakes(Event::Apply(with(&ready))), 0);
        let deleted = |it: &mut Value| {
            ready(it);
            it["metadata"]["deletionTimestamp"] = json!("2026-01-02T00:00:00Z");
        };
        assert_eq!(wakes(Event::Apply(with(&deleted))), 1, "it is deleted");
        assert_eq!(wakes(Event::Apply(all())), 1);
        assert_eq!(list(&mut wakes, vec![all()]), 0, "nothing has changed");
        assert_eq!(list(&mut wakes, vec![with(&|_| ())]), 1);
        assert_eq!(wakes(Event::Delete(with(&|_| ()))), 1);
        assert_eq!(wakes(Event::Apply(with(&|_| ()))), 1);
        assert_eq!(list(&mut wakes, Vec::new()), 1, "it was deleted meanwhile");
    }
}
