//! Probes and metrics over HTTP.
//!
//! `/healthz` reports whether this process makes progress. It does not depend on the API server or on
//! Daily, because a restart of the process would repair neither. `/readyz` reports whether this process
//! is the leader or could take over, and otherwise what it waits for.

mod http;
mod readiness;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::leader::Leadership;
use crate::metrics::Metrics;

pub use readiness::{Readiness, Wait};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the endpoints report.
#[derive(Clone)]
pub struct Shown {
    /// The unmet preconditions of readiness.
    pub readiness: Readiness,
    /// Whether this process is the leader, or could be.
    pub leadership: Leadership,
    /// The metrics, and the health of watches and reconciles.
    pub metrics: Metrics,
    /// Cancelled when the process shuts down.
    pub stop: CancellationToken,
}

impl Shown {
    /// Why this process is not ready; empty if it is ready.
    fn unready(&self) -> Vec<String> {
        if self.stop.is_cancelled() {
            return vec!["shutting down".to_owned()];
        }
        let mut pending: Vec<String> = self.readiness.pending();
        pending.extend(self.metrics.health().watches.pending());
        if !self.leadership.is_up_to_date() {
            pending.push("the Lease".to_owned());
        }
        pending
            .into_iter()
            .map(|what| format!("waiting for {what}"))
            .collect()
    }

    /// What makes no progress, so that only a restart of this process helps.
    fn unhealthy(&self) -> Vec<String> {
        let mut stuck = self.metrics.health().stuck();
        if let Some(idle) = self.leadership.stuck_for() {
            let idle = idle.as_secs();
            stuck.push(format!("no request about the Lease was sent for {idle}s"));
        }
        stuck
    }
}

/// Listens on the address. `[::]` means IPv4 and IPv6; on a node without IPv6, IPv4 alone.
///
/// # Errors
/// When the address is in use, or does not belong to this node.
pub async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(_) if address.ip() == Ipv6Addr::UNSPECIFIED => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    }
}

/// Serves as long as it is polled.
pub async fn serve(listener: TcpListener, shown: Shown) {
    let router = Router::new()
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(shown);
    http::serve(listener, router).await;
}

async fn healthy(State(shown): State<Shown>) -> (StatusCode, String) {
    ok_unless(shown.unhealthy())
}

async fn ready(State(shown): State<Shown>) -> (StatusCode, String) {
    ok_unless(shown.unready())
}

fn ok_unless(problems: Vec<String>) -> (StatusCode, String) {
    if problems.is_empty() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let lines = problems.into_iter().map(|line| line + "\n").collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines)
}

async fn metrics(State(shown): State<Shown>) -> Response {
    match shown.metrics.text(shown.leadership.may_send()) {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Controller;

    async fn fetch(address: SocketAddr, path: &str) -> (u16, String, String) {
        let answer = reqwest::get(format!("http://{address}{path}"))
            .await
            .unwrap();
        let content_type = answer.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.map(|value| value.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        (
            status,
            content_type.unwrap_or_default(),
            answer.text().await.unwrap(),
        )
    }

    fn shown(leadership: Leadership) -> Shown {
        Shown {
            readiness: Readiness::default(),
            leadership,
            metrics: Metrics::default(),
            stop: CancellationToken::new(),
        }
    }

    #[test]
    fn a_process_is_ready_when_it_waits_for_nothing_sees_the_lease_and_is_not_shutting_down() {
        let leader = shown(Leadership::for_tests());
        assert_eq!(leader.unready(), Vec::<String>::new());
        leader.readiness.wait_for(Wait::ClusterId);
        leader.readiness.wait_for(Wait::Kinds);
        assert_eq!(
            leader.unready(),
            [
                "waiting for the CustomResourceDefinitions",
                "waiting for the ID of the cluster"
            ]
        );
        let blind = shown(Leadership::blind_for_tests());
        assert_eq!(blind.unready(), ["waiting for the Lease"]);
        let watch = blind.metrics.health().watches.begin("dailyrooms", None);
        let waiting = [
            "waiting for the cache of dailyrooms",
            "waiting for the Lease",
        ];
        assert_eq!(blind.unready(), waiting);
        drop(watch);
        for stopped in [leader, blind] {
            stopped.stop.cancel();
            assert_eq!(stopped.unready(), ["shutting down"]);
        }
    }

    #[tokio::test]
    async fn health_readiness_and_metrics_are_served() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let shown = shown(Leadership::for_tests());
        let readiness = shown.readiness.clone();
        readiness.wait_for(Wait::Kinds);
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, shown));

        assert_eq!(fetch(address, "/healthz").await.0, 200);
        let (status, _, body) = fetch(address, "/readyz").await;
        let waiting = "waiting for the CustomResourceDefinitions\n";
        assert_eq!((status, body.as_str()), (503, waiting));
        readiness.done(&Wait::Kinds);
        let (status, _, body) = fetch(address, "/readyz").await;
        assert_eq!((status, body.as_str()), (200, "ok\n"));
        let (status, content_type, body) = fetch(address, "/metrics").await;
        assert_eq!((status, content_type.as_str()), (200, OPEN_METRICS));
        assert!(body.contains("leader_election_master_status"), "{body}");
        assert_eq!(fetch(address, "/rooms").await.0, 404);
    }

    /// Then the kubelet restarts the container.
    #[tokio::test]
    async fn what_is_stuck_makes_the_process_unhealthy() {
        let shown = shown(Leadership::stuck_for_tests());
        let watch = shown.metrics.health().watches.begin("dailyrooms", None);
        watch.stop_for_tests();
        let working = shown.metrics.working(Controller::Room);
        shown.metrics.health().reconciles.stop_for_tests();
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, shown));
        let (status, _, body) = fetch(address, "/healthz").await;
        let lines: Vec<_> = body.lines().collect();
        assert_eq!((status, lines.len()), (503, 3), "{body}");
        assert!(lines[0].starts_with("the watch of dailyrooms has sent no request"));
        assert!(lines[1].starts_with("reconciles are in progress, and none has ended for"));
        assert!(lines[2].starts_with("no request about the Lease was sent for"));
        drop(working);
        let (_, _, body) = fetch(address, "/healthz").await;
        assert_eq!(body.lines().count(), 2, "{body}");
    }
}
