//! Health and metrics over HTTP.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::leader::Leadership;
use crate::metrics::Metrics;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What has still to come before this process serves, or stands by to serve.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeSet<&'static str>>>);

impl Readiness {
    /// From now on it is waited for this.
    pub fn wait_for(&self, what: &'static str) {
        self.lock().insert(what);
    }

    /// It has come.
    pub fn done(&self, what: &'static str) {
        self.lock().remove(what);
    }

    /// What is waited for.
    #[must_use]
    pub fn pending(&self) -> Vec<&'static str> {
        self.lock().iter().copied().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<&'static str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is shown.
#[derive(Clone)]
pub struct Shown {
    /// What is waited for.
    pub readiness: Readiness,
    /// Whether this process leads.
    pub leadership: Leadership,
    /// What is counted.
    pub metrics: Metrics,
}

/// Listens there. Every address means both families, where IPv6 is to be had.
///
/// # Errors
/// When the address is taken or not this machine's.
pub async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(_) if address.ip() == Ipv6Addr::UNSPECIFIED => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    }
}

/// Serves until `shutdown` comes.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    shown: Shown,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(shown);
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown)
        .await
}

async fn ready(State(shown): State<Shown>) -> (StatusCode, String) {
    let pending = shown.readiness.pending();
    if pending.is_empty() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let told = format!("waiting for: {}\n", pending.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, told)
}

async fn metrics(State(shown): State<Shown>) -> Response {
    match shown.metrics.text(shown.leadership.may_send()) {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

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

    #[tokio::test]
    async fn health_readiness_and_metrics_are_served_until_the_end() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let shown = Shown {
            readiness: Readiness::default(),
            leadership: Leadership::for_tests(),
            metrics: Metrics::default(),
        };
        let readiness = shown.readiness.clone();
        readiness.wait_for("the Lease");
        readiness.wait_for("caches");
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let shutdown = async { drop(ended.await) };
        let server = tokio::spawn(serve(listener, shown, shutdown));

        assert_eq!(fetch(address, "/healthz").await.0, 200);
        let (status, _, body) = fetch(address, "/readyz").await;
        assert_eq!(
            (status, body.as_str()),
            (503, "waiting for: caches, the Lease\n")
        );
        readiness.done("caches");
        readiness.done("the Lease");
        assert_eq!(fetch(address, "/readyz").await.0, 200);
        let (status, content_type, body) = fetch(address, "/metrics").await;
        assert_eq!((status, content_type.as_str()), (200, OPEN_METRICS));
        assert!(body.contains("leader_election_master_status"), "{body}");
        assert_eq!(fetch(address, "/rooms").await.0, 404);

        end.send(()).unwrap();
        server.await.unwrap().unwrap();
    }
}
