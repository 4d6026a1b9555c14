//! The requests that the API server answered, from its audit log.

use serde_json::Value;

/// A request that the API server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// The user, for example `system:serviceaccount:NAMESPACE:NAME`.
    pub user: String,
    /// The plural name of the resource; empty for paths such as `/readyz`.
    pub resource: String,
    /// The subresource, for example `status`; or empty.
    pub subresource: String,
    /// Empty for cluster-scoped resources.
    pub namespace: String,
    /// Empty for lists, and for creates in which the API server chose the name.
    pub name: String,
    /// The status code of the answer.
    pub code: u64,
    /// When the request arrived, in RFC 3339.
    pub time: String,
}

/// The answered requests in a log, in the order of their answers.
///
/// Skips lines that are not JSON, because the API server is still writing them.
pub fn parse(log: &str) -> Vec<AuditEvent> {
    log.lines().filter_map(event).collect()
}

fn event(line: &str) -> Option<AuditEvent> {
    let event: Value = serde_json::from_str(line).ok()?;
    let text = |pointer| {
        let found = event.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let answered = text("/stage") == "ResponseComplete";
    answered.then(|| AuditEvent {
        verb: text("/verb"),
        user: text("/user/username"),
        resource: text("/objectRef/resource"),
        subresource: text("/objectRef/subresource"),
        namespace: text("/objectRef/namespace"),
        name: text("/objectRef/name"),
        code: event
            .pointer("/responseStatus/code")
            .and_then(Value::as_u64)
            .unwrap_or_default(),
        time: text("/requestReceivedTimestamp"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answered_requests_count() {
        let log = concat!(
            r#"{"stage":"ResponseStarted","verb":"watch"}"#,
            "\n",
            r#"{"stage":"ResponseComplete","verb":"patch","user":{"username":"admin"},"#,
            r#""objectRef":{"resource":"pods","subresource":"status","namespace":"a","name":"b"},"#,
            r#""responseStatus":{"code":409},"requestReceivedTimestamp":"2026-01-01T00:00:00Z"}"#,
            "\n",
            r#"{"stage":"Respo"#,
        );
        let expected = AuditEvent {
            verb: "patch".into(),
            user: "admin".into(),
            resource: "pods".into(),
            subresource: "status".into(),
            namespace: "a".into(),
            name: "b".into(),
            code: 409,
            time: "2026-01-01T00:00:00Z".into(),
        };
        assert_eq!(parse(log), [expected]);
    }
}
