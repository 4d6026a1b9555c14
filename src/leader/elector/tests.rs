//! One process and an API server that has a Lease only.

use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;
use crate::clock::Moment;

/// A write of the Lease, as it arrives.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    at: Moment,
    may_send: bool,
}

#[derive(Clone, Default)]
struct ApiServer(Arc<Mutex<Stored>>);

#[derive(Default)]
struct Stored {
    lease: Option<Value>,
    writes: Vec<Arrival>,
    leadership: Option<Leadership>,
}

impl ApiServer {
    /// An elector that has acquired the Lease.
    async fn leader(&self) -> (Elector, Leadership) {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let (status, answer) = api.answer(&parts.method, &body);
                let mut answer = Response::new(axum::body::Body::from(answer.to_string()));
                *answer.status_mut() = status;
                Ok::<_, kube::Error>(answer)
            }
        });
        let client = Client::new(service, "ops");
        let (mut elector, leadership) = Elector::new(client, "ops", "me".to_owned());
        self.0.lock().leadership = Some(leadership.clone());
        let acquired = elector.acquire(&CancellationToken::new()).await;
        assert!(acquired.is_some() && leadership.may_send());
        (elector, leadership)
    }

    fn answer(&self, method: &Method, body: &[u8]) -> (StatusCode, Value) {
        let mut stored = self.0.lock();
        let replaces_none = *method == Method::PUT && stored.lease.is_none();
        if *method != Method::GET && !replaces_none {
            let may_send = stored.leadership.as_ref().is_some_and(Leadership::may_send);
            let at = clock::now();
            stored.writes.push(Arrival { at, may_send });
            let mut lease: Value = serde_json::from_slice(body).unwrap();
            lease["metadata"]["resourceVersion"] = json!(stored.writes.len().to_string());
            stored.lease = Some(lease);
        }
        let gone = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
            "reason": "NotFound", "code": 404});
        match &stored.lease {
            Some(lease) => (StatusCode::OK, lease.clone()),
            None => (StatusCode::NOT_FOUND, gone),
        }
    }

    fn hand_to(&self, holder: &str) {
        let lease = &mut self.0.lock().lease;
        let lease = lease.as_mut().unwrap();
        lease["spec"]["holderIdentity"] = json!(holder);
        lease["metadata"]["resourceVersion"] = json!("99");
    }

    fn writes(&self) -> Vec<Arrival> {
        self.0.lock().writes.clone()
    }
}

/// However late the answer comes: a slow renewal must not prolong the leadership.
#[tokio::test]
async fn the_leadership_counts_from_before_the_write_arrives() {
    let api = ApiServer::default();
    let (mut elector, _) = api.leader().await;
    for nth in 0..2 {
        let renewed = elector.state.borrow().renewed.unwrap();
        assert!(renewed.boot <= api.writes()[nth].at, "{nth}");
        elector.renew().await.unwrap();
    }
}

#[tokio::test]
async fn a_leader_that_has_lost_the_lease_may_not_send() {
    let api = ApiServer::default();
    let (mut elector, leadership) = api.leader().await;
    api.hand_to("another");
    elector.read().await.unwrap();
    assert!(matches!(elector.lost(), LeaderError::Lost(holder) if holder == "another"));
    assert!(!leadership.may_send());
}

/// Another process may have led meanwhile.
#[tokio::test]
async fn a_deleted_lease_is_recreated_only_while_its_leader_may_send() {
    for (is_recent, recreated) in [(true, true), (false, false)] {
        let api = ApiServer::default();
        let (mut elector, _) = api.leader().await;
        api.0.lock().lease = None;
        if !is_recent {
            elector.state.send_modify(|state| {
                let renewed = state.renewed.as_mut().unwrap();
                renewed.boot = Moment::default();
            });
        }
        let renewed = elector.renew_or_read().await.unwrap();
        assert_eq!(renewed, recreated);
    }
}

/// The next process may lead as soon as the API server has the write.
#[tokio::test]
async fn the_leadership_ends_before_the_lease_is_released() {
    let api = ApiServer::default();
    let (elector, leadership) = api.leader().await;
    let released = elector.release(true).await;
    assert!(matches!(released, Ok(Released::Free)));
    assert!(!api.writes()[1].may_send && !leadership.may_send());
}
