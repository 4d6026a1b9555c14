//! Publishes events, which `kubectl describe` shows. A failure is logged and stops nothing.
//!
//! This does not use kube's `Recorder`: it builds names that are too long for objects with names of 237
//! characters or more, and it takes an event for a new one whenever the resourceVersion of the object has
//! changed, so that repeats pile up instead of being counted.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::events::EventType;
use kube::{Api, Client};
use parking_lot::Mutex;
use serde_json::json;

use super::KubeError;
use super::calls::call;
use crate::cause::chain;
use crate::clock::{self, Moment};
use crate::crd::grammar::LONGEST_OBJECT_NAME;

const CONTROLLER: &str = "daily-operator.io/operator";
/// In bytes. The API server accepts 1024.
const LONGEST_NOTE: usize = 1000;
/// In bytes, as the API server limits `reportingInstance`.
const LONGEST_INSTANCE: usize = 128;
/// A repeat within this time increments the count of the first Event, as in client-go.
const SERIES_LIMIT: Duration = Duration::from_secs(6 * 60);
/// Of how many different notes with one reason an object has an Event each within that time, as in client-go. More
/// increment the count of the last one.
const MOST_NOTES: usize = 10;

/// An event to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Warning if a user should look at the object.
    pub type_: EventType,
    /// What happened, in UpperCamelCase, for example `RoomCreated`.
    pub reason: &'static str,
    /// What the operator did, in UpperCamelCase.
    pub action: &'static str,
    /// A sentence for users. It never contains a PIN or API key.
    pub note: String,
}

#[derive(Clone)]
pub struct Events(Option<Arc<Publisher>>);

struct Publisher {
    client: Client,
    instance: String,
    published: Mutex<HashMap<Key, Vec<Published>>>,
}

/// Events with the same key and the same note are a series, whatever the resourceVersion of the object is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    uid: String,
    kind: String,
    warning: bool,
    reason: &'static str,
    action: &'static str,
}

#[derive(Clone, Debug)]
struct Published {
    name: String,
    note: String,
    count: i32,
    last: Moment,
}

impl Events {
    /// A publisher for this pod. Without `writes` it publishes nothing.
    pub fn new(client: Client, instance: &str, writes: bool) -> Self {
        Self(writes.then(|| {
            Arc::new(Publisher {
                client,
                instance: cut(instance, LONGEST_INSTANCE).to_owned(),
                published: Mutex::default(),
            })
        }))
    }

    /// Publishes an event. If that fails, the log gets the note: while a namespace is being deleted, it is
    /// the only place that reports what stays at Daily.
    pub async fn publish(&self, note: &Note, object: &ObjectReference) {
        let Some(publisher) = &self.0 else {
            return;
        };
        if let Err(error) = publisher.publish(note, object).await {
            tracing::warn!(
                error = chain(&error),
                reason = note.reason,
                note = note.note,
                kind = object.kind,
                namespace = object.namespace,
                name = object.name,
                "The event could not be published"
            );
        }
    }
}

impl Publisher {
    async fn publish(&self, note: &Note, object: &ObjectReference) -> Result<(), KubeError> {
        let namespace = object.namespace.as_deref().unwrap_or("default");
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let key = Key::of(note, object);
        if let Some(repeat) = self.repeat(&key, &note.note) {
            match call(namespace, count(&api, &repeat)).await {
                // The Event was deleted or has expired.
                Err(KubeError::NotFound) => {}
                counted => {
                    counted?;
                    self.remember(key, repeat);
                    return Ok(());
                }
            }
        }
        let event = self.event(note, object);
        let name = event.metadata.name.clone().unwrap_or_default();
        call(namespace, api.create(&PostParams::default(), &event)).await?;
        let first = Published {
            name,
            note: note.note.clone(),
            count: 1,
            last: clock::now(),
        };
        self.remember(key, first);
        Ok(())
    }

    /// The Event that this one repeats, with the incremented count.
    fn repeat(&self, key: &Key, note: &str) -> Option<Published> {
        let now = clock::now();
        let mut published = self.published.lock();
        published.retain(|_, notes| {
            notes.retain(|it| it.last.until(now) < SERIES_LIMIT);
            !notes.is_empty()
        });
        let notes = published.get(key)?;
        let same = notes.iter().find(|it| it.note == note);
        let last = notes.last().filter(|_| notes.len() >= MOST_NOTES);
        let before = same.or(last)?;
        Some(Published {
            count: before.count.saturating_add(1),
            last: now,
            ..before.clone()
        })
    }

    fn remember(&self, key: Key, published: Published) {
        let mut all = self.published.lock();
        let notes = all.entry(key).or_default();
        notes.retain(|it| it.note != published.note);
        notes.push(published);
    }

    fn event(&self, note: &Note, object: &ObjectReference) -> Event {
        let text = |text: &str| Some(text.to_owned());
        Event {
            metadata: ObjectMeta {
                namespace: object.namespace.clone(),
                name: Some(name(object.name.as_deref().unwrap_or_default())),
                ..ObjectMeta::default()
            },
            type_: text(match note.type_ {
                EventType::Normal => "Normal",
                EventType::Warning => "Warning",
            }),
            reason: text(note.reason),
            action: text(note.action),
            note: text(cut(&note.note, LONGEST_NOTE)),
            event_time: Some(MicroTime(clock::wall())),
            regarding: Some(object.clone()),
            reporting_controller: text(CONTROLLER),
            reporting_instance: text(&self.instance),
            ..Event::default()
        }
    }
}

impl Key {
    fn of(note: &Note, object: &ObjectReference) -> Self {
        Self {
            uid: object.uid.clone().unwrap_or_default(),
            kind: object.kind.clone().unwrap_or_default(),
            warning: note.type_ == EventType::Warning,
            reason: note.reason,
            action: note.action,
        }
    }
}

async fn count(api: &Api<Event>, repeat: &Published) -> kube::Result<()> {
    let series = json!({"series": {
        "count": repeat.count,
        "lastObservedTime": MicroTime(clock::wall()),
    }});
    let patch = Patch::Merge(series);
    let params = PatchParams::default();
    api.patch(&repeat.name, &params, &patch).await.map(drop)
}

/// The name of an Event: the name of its object, truncated if necessary, and 64 random bits.
fn name(object: &str) -> String {
    let unique = format!(".{:016x}", fastrand::u64(..));
    let length = LONGEST_OBJECT_NAME.saturating_sub(unique.len());
    // A label of a DNS name must not end with a dash or a dot.
    let object = cut(object, length).trim_end_matches(['-', '.']);
    format!("{object}{unique}")
}

/// The beginning of a text, at most this many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use http::{Method, Request, Response, StatusCode};
    use kube::client::Body;
    use serde_json::Value;

    use super::*;

    /// What was asked of the API server: method, path and body.
    type Asked = Arc<Mutex<Vec<(Method, String, Value)>>>;

    /// Events that are published to an API server which answers a PATCH with this status code.
    fn events(patched: StatusCode) -> (Events, Asked) {
        let asked = Asked::default();
        let log = Arc::clone(&asked);
        let service = tower::service_fn(move |request: Request<Body>| {
            let log = Arc::clone(&log);
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect_bytes().await?;
                let body: Value = serde_json::from_slice(&body).unwrap();
                let code = match head.method {
                    Method::PATCH => patched,
                    _ => StatusCode::CREATED,
                };
                let answer = match code.is_success() {
                    true => json!({"metadata": {"name": "x"}, "eventTime": null}),
                    false => json!({"kind": "Status", "code": code.as_u16()}),
                };
                let path = head.uri.path().to_owned();
                log.lock().push((head.method, path, body));
                let mut answer = Response::new(Body::from(answer.to_string().into_bytes()));
                *answer.status_mut() = code;
                Ok::<_, kube::Error>(answer)
            }
        });
        let events = Events::new(Client::new(service, "default"), "pod-1", true);
        (events, asked)
    }

    fn note(reason: &'static str, note: &str) -> Note {
        Note {
            type_: EventType::Warning,
            reason,
            action: "Observe",
            note: note.to_owned(),
        }
    }

    fn object(name: &str, version: &str) -> ObjectReference {
        ObjectReference {
            kind: Some("DailyRoom".into()),
            namespace: Some("team".into()),
            name: Some(name.into()),
            uid: Some("u1".into()),
            resource_version: Some(version.into()),
            ..ObjectReference::default()
        }
    }

    #[tokio::test]
    async fn a_repeat_is_counted_on_the_first_event_whatever_has_become_of_the_object() {
        let (events, asked) = events(StatusCode::OK);
        for version in ["1", "2", "3"] {
            events
                .publish(&note("Missing", "x"), &object("standup", version))
                .await;
        }
        events
            .publish(&note("Orphaned", "x"), &object("standup", "3"))
            .await;
        let asked = asked.lock().clone();
        let methods: Vec<_> = asked.iter().map(|it| it.0.as_str()).collect();
        assert_eq!(methods, ["POST", "PATCH", "PATCH", "POST"]);
        let name = asked[0].2["metadata"]["name"].as_str().unwrap();
        let path = "/apis/events.k8s.io/v1/namespaces/team/events";
        assert_eq!(asked[1].1, format!("{path}/{name}"));
        assert_eq!(asked[2].2["series"]["count"], 3);
        assert_eq!(asked[0].2["reportingController"], CONTROLLER);
        assert_eq!(asked[0].2["reportingInstance"], "pod-1");
        assert_eq!(asked[0].2["type"], "Warning");
        assert_ne!(asked[3].2["metadata"]["name"], name);
    }

    /// A series shows its first note for ever: another one would be read with an outdated cause.
    #[tokio::test]
    async fn another_note_is_another_event_up_to_a_bound() {
        let (events, asked) = events(StatusCode::OK);
        let publish = async |text: &str| {
            let (note, object) = (note("Updated", text), object("standup", "1"));
            events.publish(&note, &object).await;
        };
        let texts: Vec<String> = (0..MOST_NOTES).map(|it| it.to_string()).collect();
        for text in &texts {
            publish(text).await;
        }
        let named = |at: usize| asked.lock()[at].2["metadata"]["name"].clone();
        assert_eq!(asked.lock().len(), MOST_NOTES);
        assert!(asked.lock().iter().all(|it| it.0 == Method::POST));
        // A repeat of one of them, and one more.
        publish("3").await;
        publish("another").await;
        publish("yet another").await;
        let counted: Vec<_> = asked.lock().split_off(MOST_NOTES);
        let of = |(method, path, body): &(Method, String, Value)| {
            let name = path.rsplit('/').next().unwrap_or_default().to_owned();
            (method.clone(), json!(name), body["series"]["count"].clone())
        };
        let counted: Vec<_> = counted.iter().map(of).collect();
        let repeats = [2, 3, 4].map(|count| (Method::PATCH, named(3), json!(count)));
        assert_eq!(counted, repeats);
    }

    #[tokio::test]
    async fn an_event_that_is_gone_is_published_again() {
        let (events, asked) = events(StatusCode::NOT_FOUND);
        for _ in 0..2 {
            events
                .publish(&note("Missing", "x"), &object("standup", "1"))
                .await;
        }
        let methods: Vec<_> = asked.lock().iter().map(|it| it.0.clone()).collect();
        assert_eq!(methods, [Method::POST, Method::PATCH, Method::POST]);
    }

    #[test]
    fn every_object_has_a_name_for_its_events() {
        let long = "a".repeat(253);
        let dotted = format!("{}-.b{}", "a".repeat(234), "c".repeat(10));
        for object in ["standup", long.as_str(), dotted.as_str()] {
            let name = name(object);
            assert!(name.len() <= LONGEST_OBJECT_NAME, "{name}");
            let is_end = |c: char| c.is_ascii_alphanumeric();
            let is_part = |part: &str| part.starts_with(is_end) && part.ends_with(is_end);
            assert!(name.split('.').all(is_part), "{name}");
            let (kept, unique) = name.rsplit_once('.').unwrap();
            assert!(object.starts_with(kept) && unique.len() == 16, "{name}");
        }
        assert!(name("standup").starts_with("standup."));
        assert_ne!(name("standup"), name("standup"));
    }

    #[test]
    fn a_note_is_cut_between_characters() {
        let table = [
            ("short".to_owned(), 5),
            ("x".repeat(2000), 1000),
            ("é".repeat(1000), 1000),
            (format!("x{}", "é".repeat(1000)), 999),
            ("€".repeat(1000), 999),
        ];
        for (text, expected) in table {
            let note = cut(&text, LONGEST_NOTE);
            assert_eq!(note.len(), expected);
            assert!(text.starts_with(note));
        }
    }
}
