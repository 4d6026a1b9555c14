//! What is watched, and which DailyRooms a change wakes.

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::api::PartialObjectMeta;
use kube::core::NamespaceResourceScope;
use kube::runtime::controller::{self, Controller};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::watching::watching;
use crate::crd::FromNamespaces;
use crate::crd::condition::{self, kind};
use crate::health::Watches;
use crate::number::Number;
use crate::reconcile::Kind;
use crate::reconcile::object::Object;
use crate::room::Room;
use crate::room::secret::{OWNER_ANNOTATION, OWNER_LABEL};
use crate::room::secret_index::SecretIndex;
use crate::run::Context;

/// How many objects of a kind are worked on at a time, in each namespace that is watched by itself.
/// Passes wait for slots and answers of their accounts, and must not keep other accounts waiting.
const AT_A_TIME: u16 = 512;
/// A watch that says nothing for so long, and a little more, is opened anew.
const WATCH: u32 = 45;
/// How many objects a page of a list has. A page is in memory as text, and a tenant's object can be
/// as large as etcd takes, 1.5 MiB: with kube's 500 a thousand objects with 250 KiB of annotations
/// took 405 MB.
const PAGE: u32 = 20;

pub(super) type Rooms = Vec<Store<Object<Room>>>;
/// A controller with the namespace that it watches.
pub(super) type Scoped<K> = (Controller<Object<K>>, Option<String>);

/// The metadata of Secrets, as a store and as a stream of changes.
pub(super) type WatchedSecrets = (
    Store<PartialObjectMeta<Secret>>,
    BoxStream<'static, watcher::Result<PartialObjectMeta<Secret>>>,
);

/// The namespaces that are watched, each by itself, or all at once.
pub(super) struct Scopes {
    client: kube::Client,
    namespaces: Vec<Option<String>>,
    watches: Watches,
}

impl Scopes {
    pub(super) fn new(context: &Context) -> Self {
        let named = &context.config.watch_namespaces;
        Self {
            client: context.client.clone(),
            watches: context.metrics.health().watches.clone(),
            namespaces: if named.is_empty() {
                vec![None]
            } else {
                named.iter().cloned().map(Some).collect()
            },
        }
    }

    pub(super) fn controllers<K: Kind>(&self) -> Vec<Scoped<K>> {
        let config = controller::Config::default().concurrency(AT_A_TIME);
        let namespaces = self.namespaces.iter();
        namespaces
            .map(|namespace| {
                let (store, writer) = reflector::store();
                let events = self.watching(namespace.as_deref(), watch());
                let events = events.reflect(writer).applied_objects();
                let controller = Controller::for_stream(events, store);
                (controller.with_config(config.clone()), namespace.clone())
            })
            .collect()
    }

    /// The changes of a kind in a scope.
    pub(super) fn changes<K: Kind>(
        &self,
        namespace: Option<&str>,
    ) -> BoxStream<'static, watcher::Result<Object<K>>> {
        self.watching(namespace, watch()).touched_objects().boxed()
    }

    /// The metadata of the Secrets of ours in each scope.
    pub(super) fn secrets(&self, index: &SecretIndex) -> Vec<WatchedSecrets> {
        let ours = watch().labels(OWNER_LABEL);
        let namespaces = self.namespaces.iter();
        namespaces
            .map(|namespace| {
                let (store, writer) = reflector::store();
                let events = self.watching(namespace.as_deref(), ours.clone());
                let events = events.modify(trim);
                let index = index.clone();
                let events = events.reflect(writer).inspect_ok(move |event| match event {
                    Event::Apply(secret) | Event::InitApply(secret) => index.applied(secret),
                    Event::Delete(secret) => index.deleted(secret),
                    Event::Init | Event::InitDone => {}
                });
                (store, events.touched_objects().boxed())
            })
            .collect()
    }

    fn watching<K>(
        &self,
        namespace: Option<&str>,
        config: watcher::Config,
    ) -> BoxStream<'static, watcher::Result<Event<K>>>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + std::fmt::Debug
            + Send
            + 'static,
    {
        watching(&self.client, namespace, config, &self.watches).boxed()
    }
}

pub(super) fn watch() -> watcher::Config {
    watcher::Config::default().timeout(WATCH).page_size(PAGE)
}

/// No object has a longer name.
const LONGEST_NAME: usize = 253;

/// Keeps of a Secret's metadata what is used here: a tenant decides how much there is.
fn trim(secret: &mut PartialObjectMeta<Secret>) {
    let metadata = &mut secret.metadata;
    metadata.managed_fields = None;
    metadata.finalizers = None;
    if let Some(owners) = &mut metadata.owner_references {
        owners.retain(|it| it.controller == Some(true));
    }
    for (map, kept) in [
        (&mut metadata.annotations, OWNER_ANNOTATION),
        (&mut metadata.labels, OWNER_LABEL),
    ] {
        if let Some(map) = map {
            map.retain(|key, value| key == kept && value.len() <= LONGEST_NAME);
        }
    }
}

/// The DailyRoom that a Secret of ours belongs to.
pub(super) fn owner(secret: PartialObjectMeta<Secret>) -> Option<ObjectRef<Object<Room>>> {
    let name = secret.annotations().get(OWNER_ANNOTATION).cloned();
    let named_by_owner = || {
        let owners = secret.metadata.owner_references.iter().flatten();
        owners
            .filter(|it| it.kind == "DailyRoom")
            .map(|it| it.name.clone())
            .next()
    };
    let name = name.or_else(named_by_owner)?;
    Some(ObjectRef::new(&name).within(secret.metadata.namespace.as_deref()?))
}

/// The DailyRooms that a change of a PinDialinNumber concerns.
pub(super) fn waiting_for(rooms: Rooms) -> impl Fn(Object<Number>) -> Vec<ObjectRef<Object<Room>>> {
    move |number| {
        let stores = rooms.iter().flat_map(|store| store.state());
        stores
            .filter(|room| concerns(&number, room))
            .map(|room| ObjectRef::from_obj(&*room))
            .collect()
    }
}

/// Whether a room may go on, or publishes something else, when the number changes: it publishes the
/// number; or it is not ready and waits for a number, names this one, or names none and has not
/// published any yet.
fn concerns(number: &Object<Number>, room: &Object<Room>) -> bool {
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
    let beside = room.metadata.namespace == number.metadata.namespace;
    let allowed = beside || number_spec.allowed_from() == FromNamespaces::All;
    let wanted = &room_spec.dialin.room_numbers;
    let chooses = allowed && wanted.is_empty() && status.phone_numbers.is_empty();
    let waits = conditions.iter().any(|it| {
        it.status == "True" && it.type_ != kind::READY && it.reason.starts_with("Number")
    });
    let names = wanted.iter().any(|it| {
        let by_name = it.number_ref.as_ref().map(|it| &it.name);
        it.phone_number.as_ref() == Some(phone_number)
            || (beside && by_name == number.metadata.name.as_ref())
    });
    chooses || waits || (names && !condition::is_true(conditions, kind::READY))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NUMBER: &str = "+12025550123";

    fn number(from: &str) -> Object<Number> {
        let spec = json!({"phoneNumber": NUMBER, "allowedRooms": {"namespaces": {"from": from}}});
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
        concerns(&number(from), &serde_json::from_value(room).unwrap())
    }

    #[test]
    fn of_a_secret_only_what_is_used_is_kept() {
        let secret = json!({"metadata": {
            "name": "standup-dialin", "namespace": "team",
            "annotations": {OWNER_ANNOTATION: "standup", "other": "x"},
            "labels": {OWNER_LABEL: "l", "other": "x"},
            "managedFields": [{"manager": "x"}],
        }});
        let mut secret: PartialObjectMeta<Secret> = serde_json::from_value(secret).unwrap();
        trim(&mut secret);
        let kept = json!(secret.metadata);
        assert!(!kept.to_string().contains('x'), "{kept}");
        let owner = owner(secret).unwrap();
        assert_eq!(owner.name, "standup");
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
        assert!(
            concerned("All", "there", none, Value::Null),
            "allowed there"
        );
    }
}
