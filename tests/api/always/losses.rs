//! Nothing at Daily was lost that nobody asked to lose.
//!
//! A loss is a room that is deleted, an end that moves nearer, and a dial-in config that is deleted
//! or moved to another number. Each was sent by a person, or for the one object in whose status the
//! operator has recorded the id of what was lost. And nobody whom presence showed was put out of a room
//! that was deleted, unless the object says so or its deletion has waited for them.

pub mod tests;

use std::collections::{BTreeMap, BTreeSet};

use daily_operator::crd::time;
use daily_operator::daily::number_api::NumberApi;
use daily_sim::JournalEntry;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::Api;
use kube::api::ListParams;
use serde_json::Value;

use crate::audit::{Named, Story};
use crate::fixture::Fixture;
use crate::journal::Journal;
use crate::kubectl::texts;
use crate::objects::Kind;
use crate::wait::{SOON, until};

/// Somebody whom presence shows for longer than these seconds is seen before the DELETE is sent.
const SEEN: i64 = 10;

/// How the deletion of rooms may treat participants, by the namespace and name of their objects.
pub type Drains = BTreeMap<(String, String), Drain>;

/// How the deletion of a room may treat participants.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// Whether it may put them out at once.
    at_once: bool,
    /// For how many seconds it waits for them at least.
    least: i64,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            at_once: false,
            least: 3600,
        }
    }
}

impl Drain {
    /// The object had this spec, or a part of it, at some time.
    pub fn note(&mut self, spec: &Value) {
        self.at_once |= spec["deletionPolicy"] == "Delete";
        let drain = spec["maxDrain"].as_str();
        let drain = drain.and_then(|it| time::MAX_DRAIN.seconds(it).ok());
        self.least = drain.unwrap_or(self.least).min(self.least);
    }
}

/// So much of namespace and name is readable in a derived name.
const READABLE: usize = 87;

/// Panics when there is a loss that nobody asked for.
pub async fn each_is_accounted_for(fx: &Fixture, journal: &Journal) {
    // The API server writes a line of its log after it has answered.
    until("every loss at Daily was asked for", SOON, async || {
        known(fx).check(journal.all())
    })
    .await;
    let by_hand = fx.by_hand.writes();
    for cluster in fx.clusters() {
        for namespace in &cluster.served {
            for object in cluster.list_in(Kind::Room, namespace).await {
                let condemned = !object.at("/metadata/deletionTimestamp").is_null();
                let status = object.at("/status").to_string();
                let lost = deleted(journal.all(), &by_hand)
                    .find(|(_, id)| !condemned && status.contains(id));
                assert!(lost.is_none(), "its room was deleted: {:#}", object.0);
            }
        }
    }
}

/// Panics when the Secrets of two DailyRooms have one PIN.
pub async fn no_pin_is_shared(fx: &Fixture) {
    let mut owners = BTreeMap::<String, BTreeSet<(String, String)>>::new();
    for cluster in fx.clusters() {
        for namespace in &cluster.served {
            let api: Api<Secret> = Api::namespaced(cluster.client.clone(), namespace);
            let secrets = api.list(&ListParams::default()).await;
            for secret in secrets.expect("Secrets can be listed") {
                let Some(pin) = texts(&secret).remove("dialin-code") else {
                    continue;
                };
                let owner = secret.metadata.owner_references.unwrap_or_default();
                let owner = owner.first().map(|it| it.uid.clone());
                let owner = (namespace.clone(), owner.unwrap_or_default());
                owners.entry(pin).or_default().insert(owner);
            }
        }
    }
    let shared = owners.values().find(|owners| owners.len() > 1);
    assert_eq!(shared, None, "two DailyRooms have the same PIN");
}

/// The rooms that were deleted by the operator, by the call and the id.
fn deleted<'a>(
    calls: &'a [JournalEntry],
    by_hand: &'a BTreeSet<u64>,
) -> impl Iterator<Item = (&'a JournalEntry, &'a str)> {
    calls
        .iter()
        .filter(|call| call.method == "DELETE" && call.path.starts_with("/rooms/"))
        // What is left of a room that has ended is no room (F-ROOM-26): that DELETE answers 404.
        .filter(|call| call.status == 200 && !by_hand.contains(&call.seq))
        .filter_map(|call| Some((call, call.room_id.as_deref()?)))
}

/// What is known of the objects that could have lost something.
#[derive(Default)]
pub struct Known {
    /// When the journal began.
    began: Timestamp,
    by_hand: BTreeSet<u64>,
    /// What happened in each cluster.
    stories: Vec<Story>,
    /// The names that a room of an object may have when its id was never recorded.
    chosen: BTreeSet<(String, String, String)>,
    numbers: BTreeSet<(String, String, String)>,
    /// For each cluster.
    drains: Vec<Drains>,
}

fn known(fx: &Fixture) -> Known {
    let mut known = Known {
        began: fx.since.at,
        by_hand: fx.by_hand.writes(),
        ..Known::default()
    };
    for cluster in fx.clusters() {
        let story = cluster.plane.story(&cluster.home, cluster.since.audit);
        known.stories.push(story);
        let lock = "nobody else has it";
        known
            .chosen
            .extend(cluster.chosen.lock().expect(lock).clone());
        known
            .numbers
            .extend(cluster.numbers.lock().expect(lock).clone());
        known
            .drains
            .push(cluster.drains.lock().expect(lock).clone());
    }
    known
}

impl Known {
    /// Says which loss nobody asked for.
    fn check(&self, calls: &[JournalEntry]) -> Result<(), String> {
        for (call, id) in deleted(calls, &self.by_hand) {
            self.deletion_of_a_room(call, id)?;
            self.nobody_is_put_out(call, id)?;
        }
        self.nearer_ends(calls)?;
        for call in calls {
            let config = call.path.strip_prefix("/domain-dialin-config/");
            let sent = call.status == 200 && !self.by_hand.contains(&call.seq);
            match config.filter(|_| sent) {
                Some(id) if call.method == "DELETE" && self.moves(calls, call, id) => {}
                Some(id) if call.method == "DELETE" => self.holders_are_condemned(call, id)?,
                Some(id) if call.method == "PUT" => self.number_is_the_holders(call, id)?,
                _ => {}
            }
        }
        self.entries_stay(calls)
    }

    /// Whether what a config had is put to the other place afterwards, for each of its holders.
    fn moves(&self, calls: &[JournalEntry], call: &JournalEntry, id: &str) -> bool {
        let elsewhere = |number: &str| match NumberApi::of(id) {
            NumberApi::DialinConfigs => entry_id(number),
            NumberApi::DomainProperties => number.to_owned(),
        };
        let later = calls.iter().filter(|it| it.seq > call.seq);
        let put: BTreeSet<String> = later.flat_map(put_there).collect();
        let holders = self.holders(id);
        let is_put = |(_, object): &(usize, &Named)| {
            let mut numbers = self.numbers.iter();
            numbers.any(|(number, namespace, name)| {
                (namespace, name) == (&object.namespace, &object.name)
                    && put.contains(&elsewhere(number))
            })
        };
        !holders.is_empty() && holders.iter().all(is_put)
    }

    /// A write of the domain's list takes an entry out only for its holders, whose deletion was asked for or
    /// who have moved it, and changes only one that has a holder. What somebody wrote by hand since the list
    /// was read may be lost: Daily checks no precondition.
    fn entries_stay(&self, calls: &[JournalEntry]) -> Result<(), String> {
        let (mut list, mut unread) = (Vec::new(), false);
        for call in calls.iter().filter(|it| it.path == "/" && it.status == 200) {
            let Some(after) = list_sent(call) else {
                unread &= call.method != "GET";
                continue;
            };
            let by_hand = self.by_hand.contains(&call.seq);
            for entry in list
                .iter()
                .filter(|it| !unread && !by_hand && !after.contains(it))
            {
                let number = entry["phone_number"].as_str().unwrap_or_default();
                let id = entry_id(number);
                let is_changed = after.iter().any(|it| it["phone_number"] == number);
                match is_changed {
                    true if self.holders(&id).is_empty() => {
                        return Err(format!("{} changes the entry of {number}", shown(call)));
                    }
                    // It has no id of its own: another object may hold the next entry of the number.
                    false if !self.moves(calls, call, &id) => {
                        let mut holders = self.holders(&id).into_iter();
                        if !holders.any(|it| self.condemned(it, call)) {
                            self.holders_are_condemned(call, &id)?;
                        }
                    }
                    _ => {}
                }
            }
            unread |= by_hand;
            list = after;
        }
        Ok(())
    }

    /// The objects, each with its cluster, in whose status the operator has written an id.
    fn holders(&self, id: &str) -> BTreeSet<(usize, &Named)> {
        let stories = self.stories.iter().enumerate();
        stories
            .flat_map(|(cluster, story)| {
                let of = story.reported.iter().filter(|(_, body)| body.contains(id));
                of.map(move |(object, _)| (cluster, object))
            })
            .collect()
    }

    /// Whether the deletion of the object was asked for before.
    fn condemned(&self, object: (usize, &Named), call: &JournalEntry) -> bool {
        self.waited(object, call).is_some()
    }

    /// For how many seconds the deletion of the object had been asked for.
    fn waited(&self, (cluster, object): (usize, &Named), call: &JournalEntry) -> Option<i64> {
        let elapsed = i64::try_from(call.elapsed_ms).expect("is not so long");
        let at = self.began + SignedDuration::from_millis(elapsed);
        let all = Named {
            name: String::new(),
            ..object.clone()
        };
        let condemned = self.stories.get(cluster)?.condemned.iter();
        let asked = condemned.filter(|(it, asked)| (it == object || *it == all) && *asked <= at);
        let first = asked.map(|(_, asked)| *asked).min()?;
        Some(at.duration_since(first).as_secs())
    }

    /// Whoever presence showed was put out only if the object says so, or if the deletion had waited.
    fn nobody_is_put_out(&self, call: &JournalEntry, id: &str) -> Result<(), String> {
        if call.put_out.iter().all(|shown| *shown < SEEN) {
            return Ok(());
        }
        let may = |(cluster, object): (usize, &Named)| {
            let name = (object.namespace.clone(), object.name.clone());
            let drain = self.drains.get(cluster).and_then(|it| it.get(&name));
            let drain = drain.copied().unwrap_or_default();
            let waited = self.waited((cluster, object), call);
            // The API server's times of deletion have no fractions.
            drain.at_once || waited.is_some_and(|waited| waited + 1 >= drain.least)
        };
        let holders = self.holders(id);
        (!holders.is_empty() && holders.into_iter().all(may))
            .then_some(())
            .ok_or_else(|| format!("{} puts out {:?}", shown(call), call.put_out))
    }

    fn holders_are_condemned(&self, call: &JournalEntry, id: &str) -> Result<(), String> {
        let holders = self.holders(id);
        let lives = holders.iter().find(|it| !self.condemned(**it, call));
        match (holders.is_empty(), lives) {
            (false, None) => Ok(()),
            (true, _) => Err(format!("{} of what no object holds", shown(call))),
            (_, Some(lives)) => Err(format!("{} of what {lives:?} holds", shown(call))),
        }
    }

    fn deletion_of_a_room(&self, call: &JournalEntry, id: &str) -> Result<(), String> {
        if !self.holders(id).is_empty() {
            return self.holders_are_condemned(call, id);
        }
        // A process that ended before it recorded the id: the next one knows the room by its name.
        let room = call.path.trim_start_matches("/rooms/");
        let condemned = (self.stories.iter().enumerate()).flat_map(|(cluster, story)| {
            let objects = story.condemned.iter().map(|(object, _)| object);
            objects.map(move |object| (cluster, object))
        });
        let mut of_the_room = condemned.filter(|(_, object)| self.is_room_of(room, object));
        let asked_for = of_the_room.any(|object| self.condemned(object, call));
        asked_for
            .then_some(())
            .ok_or_else(|| format!("{} without the deletion of its object", shown(call)))
    }

    /// Whether an object of this name has a room of that name.
    fn is_room_of(&self, room: &str, object: &Named) -> bool {
        let Named {
            plural,
            namespace,
            name,
        } = object;
        let chosen = (room.to_owned(), namespace.clone(), name.clone());
        let readable = format!("{namespace}-{name}");
        let readable = readable
            .chars()
            .map(|it| if it.is_ascii_alphanumeric() { it } else { '-' });
        let derived: String = readable.take(READABLE).chain(['_']).collect();
        plural == Kind::Room.plural()
            && (room.starts_with(&derived) || self.chosen.contains(&chosen))
    }

    /// An end moves nearer only on a room that exactly one object holds.
    fn nearer_ends(&self, calls: &[JournalEntry]) -> Result<(), String> {
        let mut ends = BTreeMap::<&str, f64>::new();
        for call in calls.iter().filter(|it| is_room_write(it)) {
            let (Some(id), Some(end)) = (call.room_id.as_deref(), end_sent(call)) else {
                continue;
            };
            let made = call.path == "/rooms";
            let before = ends.insert(id, end).unwrap_or(f64::INFINITY);
            if made || end >= before || self.by_hand.contains(&call.seq) {
                continue;
            }
            let holders = self.holders(id);
            if holders.len() != 1 {
                return Err(format!("{} moves an end of {holders:?}", shown(call)));
            }
        }
        Ok(())
    }

    /// A config stays with the number of the object that holds it.
    fn number_is_the_holders(&self, call: &JournalEntry, id: &str) -> Result<(), String> {
        let body = call.body.as_ref();
        let Some(number) = body.and_then(|it| it["phone_number"].as_str()) else {
            return Ok(());
        };
        let is_for = |object: &Named| {
            let (namespace, name) = (object.namespace.clone(), object.name.clone());
            let wanted = (number.to_owned(), namespace, name);
            self.numbers.contains(&wanted)
        };
        let holders = self.holders(id);
        let theirs = holders.iter().all(|(_, object)| is_for(object));
        (theirs && !holders.is_empty())
            .then_some(())
            .ok_or_else(|| format!("{} moves a config of {holders:?}", shown(call)))
    }
}

/// The entries of the domain's list that a call has sent.
fn list_sent(call: &JournalEntry) -> Option<Vec<Value>> {
    let body = call.body.as_ref().filter(|_| call.method == "POST")?;
    body.pointer("/properties/pin_dialin")?.as_array().cloned()
}

/// The numbers of the configs that a call puts to either place, as [`Known::moves`] names them.
fn put_there(call: &JournalEntry) -> Vec<String> {
    let number = |it: &Value| it["phone_number"].as_str().map(str::to_owned);
    let is_create = call.method == "POST" && call.path == "/domain-dialin-config";
    let created = call.body.as_ref().filter(|_| is_create).and_then(number);
    let listed = list_sent(call).unwrap_or_default();
    let listed = listed.iter().filter_map(number).map(|it| entry_id(&it));
    listed.chain(created).collect()
}

/// The id by which the operator records an entry of the domain's list.
fn entry_id(number: &str) -> String {
    format!("pin_dialin:{number}")
}

fn is_room_write(call: &JournalEntry) -> bool {
    let rooms = call.path == "/rooms" || call.path.starts_with("/rooms/");
    call.method == "POST" && call.status == 200 && rooms
}

fn end_sent(call: &JournalEntry) -> Option<f64> {
    let body = call.body.as_ref()?;
    body.pointer("/properties/exp").and_then(Value::as_f64)
}

fn shown(call: &JournalEntry) -> String {
    format!("{} {} {}", call.seq, call.method, call.path)
}
