//! What a person does with kubectl, as methods of [`Fixture`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Error};
use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::objects::{Kind, Object};
use crate::wait::{LATER, SOON, until};

/// The name of the operator's Lease.
const LEASE: &str = "daily-operator";

impl Fixture {
    /// Objects of a kind in the namespace.
    pub fn objects(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &kind.resource())
    }

    /// Secrets of the namespace.
    pub fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Applies an object; the refusal is the sentence of the API server.
    pub async fn try_apply(&self, kind: Kind, name: &str, spec: &Value) -> Result<Object, String> {
        let params = PatchParams::apply("kubectl");
        let manifest = kind.manifest(name, spec);
        self.note(name, spec);
        let objects = self.objects(kind);
        admitted(objects.patch(name, &params, &Patch::Apply(manifest)).await)
    }

    /// Keeps which room and which number an object is for.
    pub fn note(&self, name: &str, spec: &Value) {
        let object = |thing: &str| (thing.to_owned(), self.namespace.clone(), name.to_owned());
        let keep = |all: &Mutex<BTreeSet<_>>, thing: &Value| {
            let mut all = all.lock().expect("nobody else has it");
            all.extend(thing.as_str().map(object));
        };
        keep(&self.chosen, &spec["roomName"]);
        keep(&self.numbers, &spec["phoneNumber"]);
        self.note_drain(name, spec);
    }

    /// Keeps how the deletion of the object may treat participants.
    fn note_drain(&self, name: &str, spec: &Value) {
        let mut drains = self.drains.lock().expect("nobody else has it");
        let object = (self.namespace.clone(), name.to_owned());
        drains.entry(object).or_default().note(spec);
    }

    /// Applies an object that is in order.
    pub async fn apply(&self, kind: Kind, name: &str, spec: &Value) -> Object {
        let applied = self.try_apply(kind, name, spec).await;
        applied.unwrap_or_else(|refusal| panic!("{name} is refused: {refusal}"))
    }

    /// Applies a DailyRoom.
    pub async fn room(&self, name: &str, spec: Value) -> Object {
        self.apply(Kind::Room, name, &spec).await
    }

    /// Applies a PinDialinNumber.
    pub async fn number(&self, name: &str, phone_number: &str) -> Object {
        let spec = json!({"phoneNumber": phone_number});
        self.apply(Kind::Number, name, &spec).await
    }

    /// Changes an object by a JSON merge patch.
    pub async fn merge(&self, kind: Kind, name: &str, patch: Value) {
        let merged = self.try_merge(kind, name, patch).await;
        merged.unwrap_or_else(|refusal| panic!("{name} cannot be changed: {refusal}"));
    }

    /// The same; the refusal is the sentence of the API server.
    pub async fn try_merge(&self, kind: Kind, name: &str, patch: Value) -> Result<Object, String> {
        self.note_drain(name, &patch["spec"]);
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        admitted(self.objects(kind).patch(name, &params, &patch).await)
    }

    /// Creates an object as `kubectl create` does; the API server drops its status.
    pub async fn create(&self, kind: Kind, manifest: &Value) -> Object {
        let created = self.try_create(kind, manifest).await;
        created.unwrap_or_else(|refusal| panic!("it is refused: {refusal}"))
    }

    /// The same; the refusal is the sentence of the API server.
    pub async fn try_create(&self, kind: Kind, manifest: &Value) -> Result<Object, String> {
        let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
        self.note(name, &manifest["spec"]);
        let object = serde_json::from_value(manifest.clone()).expect("it is an object");
        let params = PostParams::default();
        admitted(self.objects(kind).create(&params, &object).await)
    }

    /// Replaces an object as `kubectl replace` does: what the manifest does not have is gone.
    pub async fn replace(&self, kind: Kind, manifest: &Value) -> Object {
        let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
        let what = format!("{name} is replaced");
        until(&what, SOON, async || {
            let mut manifest = manifest.clone();
            let now = self.get(kind, name).await;
            manifest["metadata"]["resourceVersion"] = now.at("/metadata/resourceVersion").clone();
            let object = serde_json::from_value(manifest).expect("it is an object");
            let params = PostParams::default();
            // The operator may write in between.
            admitted(self.objects(kind).replace(name, &params, &object).await)
        })
        .await
    }

    /// Takes the whole status away, as a restore does.
    pub async fn lose_status(&self, kind: Kind, name: &str) {
        self.write_status(kind, name, Value::Null).await;
    }

    /// Writes a whole status, as a backup tool does that may.
    pub async fn write_status(&self, kind: Kind, name: &str, status: Value) {
        let patch = Patch::Merge(json!({"status": status}));
        let params = PatchParams::default();
        let written = self.objects(kind).patch_status(name, &params, &patch).await;
        written.expect("the status can be written");
    }

    /// Asks for a pass now.
    pub async fn force_pass(&self, kind: Kind, name: &str, token: &str) {
        let key = "daily-operator.io/reconcile-requested-at";
        let patch = json!({"metadata": {"annotations": {key: token}}});
        self.merge(kind, name, patch).await;
    }

    /// The object, if it is there.
    pub async fn find(&self, kind: Kind, name: &str) -> Option<Object> {
        let found = self.objects(kind).get_opt(name).await;
        found.expect("the API server answers").as_ref().map(shown)
    }

    /// The object, which is there.
    pub async fn get(&self, kind: Kind, name: &str) -> Object {
        let found = self.find(kind, name).await;
        found.unwrap_or_else(|| panic!("{name} is not there"))
    }

    /// All objects of a kind.
    pub async fn list(&self, kind: Kind) -> Vec<Object> {
        self.list_in(kind, &self.namespace).await
    }

    /// All objects of a kind in a namespace.
    pub async fn list_in(&self, kind: Kind, namespace: &str) -> Vec<Object> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), namespace, &kind.resource());
        let found = api.list(&ListParams::default()).await;
        found
            .expect("the API server answers")
            .iter()
            .map(shown)
            .collect()
    }

    /// Asks for an object's deletion, and does not wait for it.
    pub async fn delete(&self, kind: Kind, name: &str) {
        let deleted = self
            .objects(kind)
            .delete(name, &DeleteParams::default())
            .await;
        deleted.expect("the object can be deleted");
    }

    /// Waits until the object is as wanted.
    pub async fn until(
        &self,
        kind: Kind,
        name: &str,
        what: &str,
        within: Duration,
        wanted: impl Fn(&Object) -> bool,
    ) -> Object {
        until(&format!("{name}: {what}"), within, async || {
            match self.find(kind, name).await {
                Some(object) if wanted(&object) => Ok(object),
                Some(object) => Err(format!("{:#}", object.at("/status"))),
                None => Err("it is not there".to_owned()),
            }
        })
        .await
    }

    /// Waits until the object is Ready for its present generation.
    pub async fn ready(&self, kind: Kind, name: &str) -> Object {
        let object = self
            .until(kind, name, "becomes Ready", LATER, Object::is_ready)
            .await;
        let pin = object.pin().map(str::to_owned);
        self.pins
            .lock()
            .expect("no other scenario has it")
            .extend(pin);
        object
    }

    /// Waits until a condition has this status and reason.
    pub async fn condition(
        &self,
        kind: Kind,
        name: &str,
        (type_, status, reason): (&str, &str, &str),
    ) -> Object {
        let what = format!("{type_}={status}/{reason}");
        let wanted = |object: &Object| object.has(type_, status, reason);
        self.until(kind, name, &what, SOON, wanted).await
    }

    /// Waits until the object is gone.
    pub async fn gone(&self, kind: Kind, name: &str) {
        until(&format!("{name} goes"), LATER, async || {
            match self.find(kind, name).await {
                None => Ok(()),
                Some(object) => Err(format!("{:#}", object.0)),
            }
        })
        .await;
    }

    /// A Secret, if it is there.
    pub async fn find_secret(&self, name: &str) -> Option<Secret> {
        let found = self.secrets().get_opt(name).await;
        found.expect("the API server answers")
    }

    /// The data of a Secret as text, which is there.
    pub async fn secret(&self, name: &str) -> BTreeMap<String, String> {
        let found = self.find_secret(name).await;
        texts(&found.unwrap_or_else(|| panic!("Secret {name} is not there")))
    }

    /// Deletes a Secret.
    pub async fn delete_secret(&self, name: &str) {
        let deleted = self.secrets().delete(name, &DeleteParams::default()).await;
        deleted.expect("the Secret can be deleted");
    }

    /// Changes a Secret by a JSON merge patch.
    pub async fn patch_secret(&self, name: &str, patch: &Value) {
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        let patched = self.secrets().patch(name, &params, &patch).await;
        patched.expect("the Secret can be changed");
    }

    /// Waits until a Secret is as wanted; `None` is an absent one.
    pub async fn until_secret(
        &self,
        name: &str,
        what: &str,
        wanted: impl Fn(Option<&Secret>) -> bool,
    ) {
        until(&format!("Secret {name} {what}"), SOON, async || {
            let found = self.find_secret(name).await;
            if wanted(found.as_ref()) {
                return Ok(());
            }
            Err(found.map_or("it is absent".to_owned(), |it| format!("{:?}", it.metadata)))
        })
        .await;
    }

    /// All events of the namespace.
    pub async fn all_events(&self) -> Vec<Event> {
        self.events_in(&self.namespace).await
    }

    /// All events of a namespace.
    pub async fn events_in(&self, namespace: &str) -> Vec<Event> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let all = api.list(&ListParams::default()).await;
        all.expect("events can be listed").items
    }

    /// The events of an object.
    pub async fn events(&self, name: &str) -> Vec<Event> {
        let of = |event: &Event| {
            let regarding = event.regarding.as_ref();
            regarding.and_then(|object| object.name.as_deref()) == Some(name)
        };
        self.all_events().await.into_iter().filter(of).collect()
    }

    /// Waits until an object has an event of this type and reason, and gives it.
    pub async fn event(&self, name: &str, type_: &str, reason: &str) -> Event {
        until(
            &format!("{name}: event {type_}/{reason}"),
            SOON,
            async || {
                let events = self.events(name).await;
                let is = |event: &&Event| {
                    event.type_.as_deref() == Some(type_) && event.reason.as_deref() == Some(reason)
                };
                let reasons: Vec<_> = events.iter().map(|event| event.reason.as_deref()).collect();
                events
                    .iter()
                    .find(is)
                    .cloned()
                    .ok_or_else(|| format!("{reasons:?}"))
            },
        )
        .await
    }

    /// Leases of the namespace.
    pub fn leases(&self) -> Api<Lease> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Who leads, if somebody does.
    pub async fn leader(&self) -> Option<String> {
        let leases = self.leases().list(&ListParams::default()).await;
        let leases = leases.expect("the API server answers").items;
        let holder = leases
            .into_iter()
            .find_map(|lease| lease.spec?.holder_identity);
        holder.filter(|holder| !holder.is_empty())
    }

    /// Deletes the Lease.
    pub async fn delete_lease(&self) {
        let deleted = self.leases().delete(LEASE, &DeleteParams::default()).await;
        deleted.expect("the Lease can be deleted");
    }

    /// Writes another holder into the Lease.
    pub async fn hand_lease_to(&self, holder: &str) {
        let patch = json!({"spec": {"holderIdentity": holder}});
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        let patched = self.leases().patch(LEASE, &params, &patch).await;
        patched.expect("the Lease can be changed");
    }

    /// Frees the Lease of a dead operator, so that the next one need not wait. Nothing says that the
    /// dead one ended in order.
    pub async fn free_lease(&self) {
        let free = json!({"spec": {"holderIdentity": ""}});
        self.patch_leases(&free).await;
    }

    /// Lets the Lease look as if its holder had renewed it an hour ago.
    pub async fn age_lease(&self) {
        let hour = Duration::from_secs(3600);
        let then = k8s_openapi::jiff::Timestamp::now() - hour;
        self.patch_leases(&json!({"spec": {"renewTime": format!("{then:.6}")}}))
            .await;
    }

    /// Lets the Lease last for a day.
    pub async fn prolong_lease(&self) {
        self.patch_leases(&json!({"spec": {"leaseDurationSeconds": 86400}}))
            .await;
    }

    async fn patch_leases(&self, patch: &Value) {
        let leases = self.leases();
        let all = leases.list(&ListParams::default()).await;
        for lease in all.expect("is listed") {
            let name = lease.metadata.name.unwrap_or_default();
            let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
            let patched = leases.patch(&name, &params, &patch).await;
            patched.expect("the Lease can be changed");
        }
    }
}

/// The data of a Secret as text.
pub fn texts(secret: &Secret) -> BTreeMap<String, String> {
    let data = secret.data.clone().unwrap_or_default();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the data is text");
    data.into_iter()
        .map(|(key, value)| (key, text(value.0)))
        .collect()
}

fn admitted(answer: Result<DynamicObject, Error>) -> Result<Object, String> {
    match answer {
        Ok(object) => Ok(shown(&object)),
        Err(Error::Api(refusal)) => Err(refusal.message),
        Err(error) => panic!("the API server cannot be asked: {error}"),
    }
}

fn shown(object: &DynamicObject) -> Object {
    Object(serde_json::to_value(object).expect("an object is JSON"))
}
