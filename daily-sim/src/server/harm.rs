//! What a fault does with the call that it hits.

use std::time::Duration;

use serde_json::Value;

use super::pipeline::Case;
use super::reply::{Reply, respond};
use super::shared::Inner;
use crate::api::Answer;
use crate::faults::{FaultKind, Hit};
use crate::types::Headers;

/// Applies the fault to the call.
pub(super) async fn suffer(case: Case, hit: Hit) -> Reply {
    match hit.kind {
        FaultKind::Latency(by) => {
            tokio::time::sleep(by).await;
            case.execute().into()
        }
        FaultKind::Status {
            status,
            body,
            headers,
        } => {
            case.refuse_with(status);
            Reply::Made(respond(status, &headers, body.as_ref()))
        }
        FaultKind::ReplyLost => {
            case.execute();
            Reply::Lost
        }
        FaultKind::ExecuteAfter(by) => {
            tokio::spawn(execute_later(case, by));
            Reply::Lost
        }
        FaultKind::Hold(name) => {
            // The hold is registered before anybody can see the effect and release it.
            let hold = |inner: &mut Inner| inner.faults.hold(hit.fault, &name);
            let (answer, released) = case.execute_and(hold);
            // An error means that the faults were cleared, which releases as well.
            let _ = released.await;
            answer.into()
        }
        FaultKind::Drop(key) => {
            let mut answer = case.execute();
            drop_from_configs(&mut answer.body, &key);
            answer.into()
        }
        FaultKind::ResetMidBody => {
            let answer = case.execute();
            Reply::Halved(answer.status, answer.body)
        }
        FaultKind::SlowBody(over) => {
            let answer = case.execute();
            Reply::Trickled(answer.status, answer.body, over)
        }
        FaultKind::WrongContentType(kind) => {
            let answer = case.execute();
            let headers = Headers::from([("content-type".to_owned(), kind)]);
            Reply::Made(respond(answer.status, &headers, Some(&answer.body)))
        }
        FaultKind::TruncatedListing(items) => {
            let mut answer = case.execute();
            if let Some(data) = answer.body.get_mut("data").and_then(Value::as_array_mut) {
                data.truncate(items);
            }
            answer.into()
        }
        // Not executing the call would make this a refusal that looks like a success; there is a
        // status fault for that.
        FaultKind::EmptyOk => match case.execute() {
            Answer { status: 200, .. } => Reply::Made(respond(200, &Headers::new(), None)),
            refusal => refusal.into(),
        },
    }
}

async fn execute_later(case: Case, by: Duration) {
    tokio::time::sleep(by).await;
    case.execute();
}

/// Takes a key out of the `config` of an answer, or of each item of a list.
fn drop_from_configs(body: &mut Value, key: &str) {
    if let Some(config) = body.get_mut("config").and_then(Value::as_object_mut) {
        config.remove(key);
    }
    if let Some(items) = body.get_mut("data").and_then(Value::as_array_mut) {
        items
            .iter_mut()
            .for_each(|item| drop_from_configs(item, key));
    }
}
