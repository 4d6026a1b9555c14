//! `spec.roomProperties`: what Daily has to be sent of it, and what the record keeps. No I/O.
//!
//! A property that Daily shows as it was sent is compared with the spec. Daily may also show another form
//! of it, or nothing (a default, F-ROOM-2). So the record has what was sent and what Daily showed then:
//! nothing is sent again because of that, and any other value is drift.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::problems::may_set;
use crate::crd::room_properties::RESTRICTED;
use crate::daily::types::{Room, RoomChange};
use crate::naming;
use crate::reconcile::record::Made;
use crate::room::spec::Spec;
use crate::room::view::View;

/// The properties of a spec beside those of the room.
pub(super) struct Properties<'a> {
    pub(super) wanted: Map<String, Value>,
    pub(super) made: &'a Made,
    pub(super) room: &'a Room,
    /// The change that Daily accepted in this reconcile.
    pub(super) sent: Option<&'a RoomChange>,
    /// Whether Daily merges updates of objects.
    pub(super) merges: bool,
}

impl Properties<'_> {
    /// What has to be sent. `null` resets a property that the spec no longer has.
    pub(super) fn change(&self) -> Map<String, Value> {
        let mut change = Map::new();
        for name in self.made.properties.keys().filter(|it| self.is_left(it)) {
            change.insert(name.clone(), Value::Null);
        }
        let mut wanted = self.wanted.iter();
        while let Some((name, value)) = wanted.find(|(name, value)| !self.is_applied(name, value)) {
            // Of an object that Daily merges, keys go with the object alone.
            let is_reset_first = self.merges && has_surplus(self.shown(name).as_ref(), value);
            let sent = if is_reset_first { &Value::Null } else { value };
            change.insert(name.clone(), sent.clone());
        }
        change
    }

    fn shown(&self, name: &str) -> Option<Value> {
        self.room.config.others.get(name)
    }

    fn has_sent(&self, name: &str, value: &Value) -> bool {
        self.sent
            .is_some_and(|it| it.properties.get(name) == Some(value))
    }

    /// Whether a property that the spec no longer has is still set. One that Daily never showed has to be
    /// reset without seeing it.
    fn is_left(&self, name: &str) -> bool {
        let never_shown = || self.made.properties_shown.get(name) == Some(&print(None));
        let is_wanted = self.wanted.contains_key(name);
        let is_set =
            self.shown(name).is_some() || never_shown() && !self.has_sent(name, &Value::Null);
        !is_wanted && is_set
    }

    fn is_applied(&self, name: &str, value: &Value) -> bool {
        let shown = self.shown(name);
        let shown = shown.as_ref();
        if shown == Some(value) {
            return true;
        }
        let (sent_before, shown_before) = (
            self.made.properties.get(name),
            self.made.properties_shown.get(name),
        );
        if sent_before == Some(&print(Some(value))) {
            return shown_before == Some(&print(shown));
        }
        // Daily shows what it showed of the value before: it did not apply the change.
        let is_unmoved = shown.is_some() && shown_before.or(sent_before) == Some(&print(shown));
        let may_be_merged = !self.merges && has_surplus(shown, value);
        self.has_sent(name, value) && !is_unmoved && !may_be_merged
    }
}

/// What was made, with the fingerprints of what was sent and of what Daily shows instead.
pub(super) fn recorded(wanted: &Map<String, Value>, room: &Room, made: Made) -> Made {
    let mut new = Made {
        properties: BTreeMap::new(),
        properties_shown: BTreeMap::new(),
        ..made.clone()
    };
    for (name, value) in wanted {
        let (sent, shown) = (print(Some(value)), room.config.others.get(name));
        let shown = shown.as_ref();
        let shown_before = made.properties_shown.get(name);
        let shown_before = shown_before.filter(|_| made.properties.get(name) == Some(&sent));
        let instead = shown_before
            .cloned()
            .or_else(|| (shown != Some(value)).then(|| print(shown)));
        new.properties_shown
            .extend(instead.map(|it| (name.clone(), it)));
        new.properties.insert(name.clone(), sent);
    }
    new
}

/// A room that an earlier process or an earlier object of its name has created. With the default API key, the
/// restricted properties that it shows count as set, so that they do not outlive their permission. Those of a room that
/// was adopted are its owner's.
pub(super) fn found(view: &View, spec: &Spec, room: &Room, mut made: Made) -> Made {
    let is_wanted = |name: &str| spec.properties.contains_key(name) && may_set(view, name);
    let left = RESTRICTED.iter().filter(|name| !is_wanted(name));
    let left = left.filter_map(|name| Some((name, room.config.others.get(name)?)));
    let is_adopted = view.record().is_some_and(|it| it.has_adopted(&room.id));
    if view.uses_default_key && !is_adopted {
        let left = left.map(|(name, shown)| ((*name).to_owned(), print(Some(&shown))));
        made.properties.extend(left);
    }
    made
}

/// Whether a room kept keys of an object that the change left out: then Daily may merge updates
/// (F-ROOM-22).
pub(super) fn keeps_keys(room: &Room, change: &RoomChange) -> bool {
    let mut sent = change.properties.iter();
    sent.any(|(name, value)| has_surplus(room.config.others.get(name).as_ref(), value))
}

fn has_surplus(shown: Option<&Value>, sent: &Value) -> bool {
    let (Some(Value::Object(shown)), Value::Object(sent)) = (shown, sent) else {
        return false;
    };
    shown.keys().any(|key| !sent.contains_key(key))
}

fn print(value: Option<&Value>) -> String {
    naming::fingerprint(value.unwrap_or(&Value::Null))
}
