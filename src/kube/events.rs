//! Events: what `kubectl describe` tells. They are told as well as can be, and stop nothing.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use super::error::call;
use crate::cause::chain;

const CONTROLLER: &str = "daily-operator.io/operator";
/// The API server takes 1024.
const LONGEST_NOTE: usize = 1000;
const LONGEST_INSTANCE: usize = 128;

/// Something to be told about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whether somebody should look.
    pub type_: EventType,
    /// What happened, in one word; repeats of it within minutes are counted on the first note.
    pub reason: &'static str,
    /// What was done, in one word.
    pub action: &'static str,
    /// A sentence, without PIN or key.
    pub note: String,
}

/// Where events are told.
#[derive(Clone)]
pub struct Events {
    recorder: Option<Recorder>,
}

impl Events {
    /// Tells events in the name of this instance; without `writes` it tells none.
    #[must_use]
    pub fn new(client: Client, instance: &str, writes: bool) -> Self {
        let reporter = Reporter {
            controller: CONTROLLER.to_owned(),
            instance: Some(cut(instance, LONGEST_INSTANCE).to_owned()),
        };
        Self {
            recorder: writes.then(|| Recorder::new(client, reporter)),
        }
    }

    /// Tells it; an event that cannot be told is logged.
    pub async fn publish(&self, note: &Note, object: &ObjectReference) {
        let Some(recorder) = &self.recorder else {
            return;
        };
        let event = event(note);
        if let Err(error) = call(recorder.publish(&event, object)).await {
            tracing::warn!(
                error = chain(&error),
                reason = note.reason,
                namespace = object.namespace,
                name = object.name,
                "An event could not be told"
            );
        }
    }
}

fn event(note: &Note) -> Event {
    Event {
        type_: note.type_,
        reason: note.reason.to_owned(),
        note: Some(cut(&note.note, LONGEST_NOTE).to_owned()),
        action: note.action.to_owned(),
        secondary: None,
    }
}

/// The beginning of a text, at most so many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let note = Note {
                type_: EventType::Warning,
                reason: "Missing",
                action: "Observe",
                note: text.clone(),
            };
            let told = event(&note).note.unwrap();
            assert_eq!(told.len(), expected);
            assert!(text.starts_with(&told));
        }
    }
}
