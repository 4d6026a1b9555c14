//! What the operator did to Kubernetes, as the API server's audit log tells it.

use std::fmt::{Display, Formatter};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

/// A request that ended.
#[derive(Clone, Debug)]
pub struct Request {
    pub verb: String,
    pub resource: String,
    pub subresource: String,
    name: String,
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

/// The DailyRooms of a namespace whose deletion was asked for, and when; `since` is in bytes.
pub fn condemned(log: &Path, namespace: &str, since: u64) -> Vec<(String, Timestamp)> {
    let mut file = std::fs::File::open(log).expect("the audit log can be read");
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(since)).expect("it only grows");
    file.read_to_end(&mut bytes).expect("it can be read");
    let text = String::from_utf8_lossy(&bytes);
    let lines = text
        .lines()
        .filter(|line| line.contains(r#""verb":"delete""#));
    lines
        .filter_map(|line| {
            let event: Value = serde_json::from_str(line).ok()?;
            let object = &event["objectRef"];
            let granted = event["responseStatus"]["code"].as_u64()? < 300;
            let ours = object["resource"] == "dailyrooms" && object["namespace"] == namespace;
            let at = event["requestReceivedTimestamp"].as_str()?.parse().ok()?;
            (granted && ours).then_some((object["name"].as_str()?.to_owned(), at))
        })
        .collect()
}
