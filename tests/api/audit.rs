//! What the operator did to Kubernetes, as the API server's audit log tells it.

use std::fmt::{Display, Formatter};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::objects::GROUP;

/// A request that ended.
#[derive(Clone, Debug)]
pub struct Request {
    pub verb: String,
    pub resource: String,
    pub subresource: String,
    pub name: String,
    status: u64,
}

impl Display for Request {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self {
            verb,
            resource,
            subresource,
            name,
            status,
        } = self;
        write!(f, "{verb} {resource}/{name} {subresource} -> {status}")
    }
}

const WRITES: [&str; 6] = [
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "apply",
];

impl Request {
    fn parse(line: &str, user: &str) -> Option<Self> {
        let event: Value = serde_json::from_str(line).ok()?;
        let ended = event["stage"] == "ResponseComplete" && event["user"]["username"] == user;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        ended.then(|| Self {
            verb: text(&event["verb"]),
            resource: text(&event["objectRef"]["resource"]),
            subresource: text(&event["objectRef"]["subresource"]),
            name: text(&event["objectRef"]["name"]),
            status: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
        })
    }

    /// Whether it may change something, the Lease aside.
    pub fn is_write(&self) -> bool {
        WRITES.contains(&self.verb.as_str()) && self.resource != "leases"
    }

    /// The kind of request, without the object's name.
    pub fn kind(&self) -> String {
        let Self {
            verb,
            resource,
            subresource,
            status,
            ..
        } = self;
        format!("{verb} {resource} {subresource} -> {status}")
    }

    pub fn is_event(&self) -> bool {
        self.resource == "events"
    }

    /// Whether the API server refused it because there were too many.
    pub fn is_too_many(&self) -> bool {
        self.status == 429
    }

    /// Whether it tells users something: a status or an event.
    pub fn is_report(&self) -> bool {
        self.is_write() && (self.is_event() || self.subresource == "status")
    }
}

/// The writes among them as lines, the Lease aside.
pub fn writes(requests: &[Request]) -> Vec<String> {
    requests
        .iter()
        .filter(|request| request.is_write())
        .map(ToString::to_string)
        .collect()
}

/// The requests of a ServiceAccount in the log, the oldest first.
///
/// The API server writes a line after it has answered, so the last answers may be missing.
pub fn requests(log: &Path, namespace: &str, account: &str) -> Vec<Request> {
    let user = format!("system:serviceaccount:{namespace}:{account}");
    let text = std::fs::read_to_string(log).expect("the audit log can be read");
    text.lines()
        .filter_map(|line| Request::parse(line, &user))
        .collect()
}

/// An object by the plural of its kind, its namespace and its name; without a name all that were in
/// the namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    pub plural: String,
    pub namespace: String,
    pub name: String,
}

/// What happened to objects of our kinds.
#[derive(Debug, Default)]
pub struct Story {
    /// Whose deletion was asked for, and when.
    pub condemned: Vec<(Named, Timestamp)>,
    /// What the operator wrote into which status.
    pub reported: Vec<(Named, String)>,
}

impl Story {
    fn add(&mut self, event: &Value, operator: &str) -> Option<()> {
        let object = &event["objectRef"];
        let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
        let granted = event["responseStatus"]["code"].as_u64()? < 300;
        if !granted || object["apiGroup"] != GROUP {
            return None;
        }
        let named = Named {
            plural: text("resource"),
            namespace: text("namespace"),
            name: text("name"),
        };
        let verb = event["verb"].as_str().unwrap_or_default();
        if verb.starts_with("delete") {
            let at = event["requestReceivedTimestamp"].as_str()?.parse().ok()?;
            self.condemned.push((named, at));
        } else if object["subresource"] == "status" && event["user"]["username"] == operator {
            let body = event["requestObject"].to_string();
            self.reported.push((named, body));
        }
        Some(())
    }
}

/// What happened since then to objects of our kinds; `since` is in bytes of the log.
pub fn story(log: &Path, since: u64, namespace: &str, account: &str) -> Story {
    let operator = format!("system:serviceaccount:{namespace}:{account}");
    let mut story = Story::default();
    let text = Tail::from(log, since).read();
    for line in text.lines().filter(|line| line.contains(GROUP)) {
        if let Ok(event) = serde_json::from_str(line) {
            story.add(&event, &operator);
        }
    }
    story
}

/// Reads what is added to a log.
pub struct Tail {
    file: File,
    /// The beginning of a line that is being written.
    unfinished: Vec<u8>,
}

impl Tail {
    /// What comes after so many bytes.
    pub fn from(log: &Path, bytes: u64) -> Self {
        let mut file = File::open(log).expect("the audit log can be read");
        file.seek(SeekFrom::Start(bytes)).expect("it only grows");
        Self {
            file,
            unfinished: Vec::new(),
        }
    }

    /// The lines that have come since the last time.
    pub fn read(&mut self) -> String {
        let mut bytes = std::mem::take(&mut self.unfinished);
        self.file.read_to_end(&mut bytes).expect("it can be read");
        let end = bytes.iter().rposition(|byte| *byte == b'\n');
        self.unfinished = bytes.split_off(end.map_or(0, |at| at + 1));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The requests of a ServiceAccount that have come since the last time.
    pub fn requests(&mut self, namespace: &str, account: &str) -> Vec<Request> {
        let user = format!("system:serviceaccount:{namespace}:{account}");
        let text = self.read();
        let lines = text.lines().filter(|line| line.contains(&user));
        lines
            .filter_map(|line| Request::parse(line, &user))
            .collect()
    }
}
