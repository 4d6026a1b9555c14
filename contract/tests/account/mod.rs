//! A simulator that acts as a live account, and checks of what live mode did to it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper of tests"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use contract::live::{Live, Pace, Report, run};
use contract::target::Key;
use daily_sim::{ApiClient, Config, FaultSpec, JournalEntry, Limits, Quirks, Sim, SimClient};
use serde_json::{Value, json};

const KEY: &str = "somebodys-own-key-0123456789abcdef";
const NUMBERS: [&str; 3] = ["+12025550101", "+12025550102", "+12025550103"];

/// An account with a room and three purchased numbers, one of which has a dial-in config.
pub struct Account {
    sim: Sim,
    client: SimClient,
    api: ApiClient,
}

impl Account {
    /// Starts the simulator with these switches.
    pub async fn start(switches: &[(&str, &str)], limits: Limits) -> Self {
        let mut quirks = Quirks::default();
        for (name, value) in switches {
            quirks.set(name, value).expect("is a switch");
        }
        let config = Config::single("demo", KEY, &NUMBERS)
            .limits(limits)
            .quirks(quirks);
        let sim = Sim::start(config).await.expect("starts");
        let client = sim.client().expect("a client");
        let api = client.api(KEY);
        // Ignore the status: an account without a card cannot have a config.
        let body = json!({"type": "pin_dialin", "phone_number": NUMBERS[0], "name_prefix": "own"});
        api.post("/domain-dialin-config", &body)
            .await
            .expect("an answer");
        // Let live mode see the config even if reads lag.
        let lag = Duration::from_secs(3);
        client.advance(lag).await.expect("a clock");
        let own = api
            .post("/rooms", &json!({"name": "standup"}))
            .await
            .expect("an answer");
        assert_eq!(own.status, 200);
        Self { sim, client, api }
    }

    fn mode(&self, pace: Pace, only: Option<&str>) -> Live {
        Live {
            base_url: self.sim.base_url().to_owned(),
            key: Key::new(KEY),
            with_numbers: true,
            pace,
            only: only.map(str::to_owned),
        }
    }

    /// Runs live mode to its end.
    pub async fn live(&self, pace: Pace, only: Option<&str>) -> Report {
        let mode = self.mode(pace, only);
        run(&mode, std::future::pending(), &|_| {})
            .await
            .expect("it starts")
    }

    /// Stops a live run as soon as it has created a room.
    pub async fn stopped_when_a_room_is_there(&self) -> Report {
        let mode = self.mode(Pace::QUICK, Some("rooms::"));
        let stop = async {
            while self.rooms().await < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        run(&mode, stop, &|_| {}).await.expect("it starts")
    }

    async fn rooms(&self) -> usize {
        let listed = self.api.get("/rooms").await.expect("an answer").body;
        listed["data"].as_array().map_or(0, Vec::len)
    }

    /// The objects that the run left in the account, if there are any.
    pub async fn left(&self) -> Option<String> {
        // Longer than any delay of an answer, a create or a read in these tests.
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let rooms = self.api.get("/rooms").await.expect("an answer").body;
        let configs = self
            .api
            .get("/domain-dialin-config")
            .await
            .expect("an answer")
            .body;
        let count = |listed: &Value| listed["data"].as_array().map_or(0, Vec::len);
        let own_room = rooms["data"][0]["name"] == "standup";
        let fine = count(&rooms) == 1 && own_room && count(&configs) <= 1;
        (!fine).then(|| format!("{rooms} {configs}"))
    }

    /// Injects a fault into the simulator.
    pub async fn fault(&self, method: &str, path: &str, skip: u32, times: u32, kind: &str) {
        let kind: Value = serde_json::from_str(kind).expect("is JSON");
        let fault = json!({
            "match": {"method": method, "path": path}, "skip": skip, "times": times, "kind": kind
        });
        let fault: FaultSpec = serde_json::from_value(fault).expect("is a fault");
        self.client.fault(&fault).await.expect("is understood");
    }

    /// The number of calls in the simulator's journal.
    pub async fn journal_length(&self) -> u64 {
        self.client.journal(0).await.expect("a journal").len() as u64
    }

    /// The rules of live mode that the calls after this journal entry broke.
    pub async fn broken_rules(&self, after: u64) -> Vec<String> {
        let journal = self.client.journal(after).await.expect("a journal");
        let mut broken = too_fast(&journal, 4, |_| true);
        broken.extend(too_fast(&journal, 1, |entry| entry.method == "DELETE"));
        let prefixes: BTreeSet<String> = journal.iter().flat_map(rooms_of).map(prefix).collect();
        if prefixes.len() != 1
            || !prefixes
                .iter()
                .all(|prefix| prefix.starts_with("contract-"))
        {
            broken.push(format!("rooms begin with {prefixes:?}"));
        }
        for (nth, entry) in journal.iter().enumerate() {
            let writes = entry.method != "GET";
            let never = ["/", "/buy-phone-number"].contains(&entry.path.as_str())
                || entry.path.starts_with("/release-phone-number");
            if writes && never {
                broken.push(format!("it sent {} {}", entry.method, entry.path));
            }
            broken.extend(outlives(entry, &journal[nth + 1..]));
        }
        broken.extend(too_many(&journal));
        broken
    }
}

/// Each second in which more than `most` of these calls arrived.
fn too_fast(
    journal: &[JournalEntry],
    most: usize,
    counts: impl Fn(&JournalEntry) -> bool,
) -> Vec<String> {
    let times: Vec<u64> = journal
        .iter()
        .filter(|entry| counts(entry))
        .map(|entry| entry.elapsed_ms)
        .collect();
    let crowded = |window: &&[u64]| window[most] - window[0] < 999;
    let told = |window: &[u64]| format!("more than {most} calls in a second at {} ms", window[0]);
    times.windows(most + 1).filter(crowded).map(told).collect()
}

/// The names of the rooms that a call writes.
fn rooms_of(entry: &JournalEntry) -> Vec<String> {
    if entry.method == "GET" {
        return Vec::new();
    }
    let body = entry.body.clone().unwrap_or_default();
    let names = |list: &Value| -> Vec<String> {
        let name = |item: &Value| {
            item["name"]
                .as_str()
                .or(item.as_str())
                .unwrap_or("")
                .to_owned()
        };
        list.as_array().into_iter().flatten().map(name).collect()
    };
    match entry.path.strip_prefix("/rooms/") {
        Some(rest) => vec![rest.split('/').next().unwrap_or(rest).to_owned()],
        None if entry.path == "/rooms" => body["name"]
            .as_str()
            .map(str::to_owned)
            .into_iter()
            .collect(),
        None if entry.path == "/batch/rooms" => {
            [names(&body["rooms"]), names(&body["room_names"])].concat()
        }
        None => Vec::new(),
    }
}

/// For example `contract-abcdef` from `contract-abcdef-12-1-made`.
fn prefix(name: String) -> String {
    name.splitn(3, '-').take(2).collect::<Vec<_>>().join("-")
}

/// Reports a room that expires more than 15 minutes ahead, unless the next call is a DELETE.
fn outlives(entry: &JournalEntry, later: &[JournalEntry]) -> Option<String> {
    let writes_room = entry.method == "POST" && entry.path.starts_with("/rooms");
    let body = entry.body.clone().unwrap_or_default();
    let exp = &body["properties"]["exp"];
    let now = entry.time.as_second();
    let near = exp.as_f64().is_some_and(|exp| exp <= (now + 901) as f64);
    let unchanged = entry.path != "/rooms"
        && !body["properties"]
            .as_object()
            .is_some_and(|map| map.contains_key("exp"));
    if !writes_room || entry.status != 200 || near || unchanged {
        return None;
    }
    let gone = later.first().is_some_and(|next| next.method == "DELETE");
    (!gone).then(|| format!("a room ends at {exp} and was kept"))
}

/// Reports each time at which the run had more than five rooms.
fn too_many(journal: &[JournalEntry]) -> Vec<String> {
    let mut rooms = BTreeSet::new();
    let mut broken = Vec::new();
    for entry in journal {
        let names = rooms_of(entry);
        match (entry.method.as_str(), entry.path.as_str()) {
            ("POST", "/rooms" | "/batch/rooms") if entry.status == 200 => rooms.extend(names),
            // Daily answers 404 for an expired room, but deletes it.
            ("DELETE", path) if entry.status == 200 || path.starts_with("/rooms/") => {
                names.iter().for_each(|name| {
                    rooms.remove(name);
                })
            }
            _ => {}
        }
        if rooms.len() > 5 {
            broken.push(format!("there are {} rooms: {rooms:?}", rooms.len()));
        }
    }
    broken
}
