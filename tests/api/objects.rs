//! The objects of the API as scenarios write and read them: JSON in, JSON out.

use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Map, Value, json};

pub const GROUP: &str = "daily-operator.io";
pub const VERSION: &str = "v1alpha1";

/// The kinds that the operator serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Room,
    Number,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Room => "DailyRoom",
            Self::Number => "PinDialinNumber",
        }
    }

    pub fn plural(self) -> &'static str {
        match self {
            Self::Room => "dailyrooms",
            Self::Number => "pindialinnumbers",
        }
    }

    pub fn resource(self) -> ApiResource {
        let kind = GroupVersionKind::gvk(GROUP, VERSION, self.name());
        ApiResource::from_gvk_with_plural(&kind, self.plural())
    }

    /// A manifest of this kind.
    pub fn manifest(self, name: &str, spec: &Value) -> Value {
        json!({
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": self.name(),
            "metadata": {"name": name},
            "spec": spec,
        })
    }
}

/// A condition of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub status: String,
    pub reason: String,
    pub message: String,
    pub observed_generation: Option<i64>,
}

/// An object as the API server shows it.
#[derive(Clone, Debug)]
pub struct Object(pub Value);

impl Object {
    /// What stands at a JSON pointer, or null.
    pub fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// The string at a JSON pointer; empty when there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_default()
    }

    pub fn uid(&self) -> &str {
        self.text("/metadata/uid")
    }

    pub fn generation(&self) -> Option<i64> {
        self.at("/metadata/generation").as_i64()
    }

    /// The PIN in status.
    pub fn pin(&self) -> Option<&str> {
        self.at("/status/dialinCode").as_str()
    }

    pub fn dial_string(&self) -> &str {
        self.text("/status/dialString")
    }

    /// The name of the room at Daily.
    pub fn room_name(&self) -> &str {
        self.text("/status/room/name")
    }

    pub fn annotations(&self) -> Map<String, Value> {
        let annotations = self.at("/metadata/annotations").as_object();
        annotations.cloned().unwrap_or_default()
    }

    pub fn finalizers(&self) -> usize {
        self.at("/metadata/finalizers")
            .as_array()
            .map_or(0, Vec::len)
    }

    pub fn condition(&self, type_: &str) -> Option<Condition> {
        let conditions = self.at("/status/conditions").as_array()?;
        let found = conditions
            .iter()
            .find(|condition| condition["type"] == type_)?;
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        Some(Condition {
            status: text("status"),
            reason: text("reason"),
            message: text("message"),
            observed_generation: found["observedGeneration"].as_i64(),
        })
    }

    /// Whether the condition has this status and reason.
    pub fn has(&self, type_: &str, status: &str, reason: &str) -> bool {
        let found = self.condition(type_);
        found.is_some_and(|found| found.status == status && found.reason == reason)
    }

    /// Ready, for the generation that the object has now.
    pub fn is_ready(&self) -> bool {
        let generation = self.generation();
        self.has("Ready", "True", "Available")
            && self.at("/status/observedGeneration").as_i64() == generation
            && self
                .condition("Ready")
                .and_then(|ready| ready.observed_generation)
                == generation
    }
}
