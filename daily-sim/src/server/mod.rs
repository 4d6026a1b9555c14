//! The HTTP layer: listens, routes and stops. Other modules decide the answers: `api` for
//! Daily's calls and `control` for the simulator's own. `page` is for people, and `overview` gives
//! it the current state.

mod control;
mod harm;
mod overview;
mod page;
mod pipeline;
mod replay;
mod reply;
mod shared;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::any;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use tokio::task::JoinHandle;

use self::shared::Shared;
use self::wire::CuttingAcceptor;
use crate::clock::http_date;
use crate::{ClientError, Config, Error, SimClient};

/// The base path of the API. // F-AUTH-1
const BASE_PATH: &str = "/v1";

/// A running simulator. It stops when it is dropped.
#[derive(Debug)]
pub struct Sim {
    addr: SocketAddr,
    scheme: &'static str,
    handle: Handle<SocketAddr>,
    task: Option<JoinHandle<std::io::Result<()>>>,
}

impl Sim {
    /// Starts a simulator; when this returns, it listens.
    ///
    /// # Errors
    /// When the configuration breaks a rule, or the address, the certificate or the state file cannot
    /// be used.
    pub async fn start(config: Config) -> Result<Self, Error> {
        config.check()?;
        let shared = Arc::new(Shared::new(&config)?);
        let listen_error = |source| Error::Listen {
            addr: config.listen,
            source,
        };
        let listener = std::net::TcpListener::bind(config.listen).map_err(listen_error)?;
        listener.set_nonblocking(true).map_err(listen_error)?;
        let addr = listener.local_addr().map_err(listen_error)?;
        let server = axum_server::from_tcp(listener).map_err(listen_error)?;

        let handle = Handle::new();
        let server = server.handle(handle.clone()).http1_only();
        let service = router(shared).into_make_service();
        let (scheme, task) = match tls_acceptor(&config).await? {
            Some(tls) => ("https", tokio::spawn(server.acceptor(tls).serve(service))),
            None => ("http", tokio::spawn(plain(server).serve(service))),
        };
        Ok(Self {
            addr,
            scheme,
            handle,
            task: Some(task),
        })
    }

    /// The address that it listens on, with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL of the API, for instance `http://127.0.0.1:8790/v1`.
    pub fn base_url(&self) -> String {
        format!("{}{BASE_PATH}", self.origin())
    }

    /// The URL without a path, below which the control endpoints are.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.addr)
    }

    /// A client of this simulator. One that serves TLS needs [`SimClient::with_http`] instead.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn client(&self) -> Result<SimClient, ClientError> {
        SimClient::new(&self.origin())
    }

    /// Stops, and returns when the address is free again.
    pub async fn stop(mut self) {
        self.handle.shutdown();
        if let Some(task) = self.task.take() {
            // It was asked to stop; how it stopped does not matter.
            let _ = task.await;
        }
    }

    /// Returns when the server has ended by itself, which it does only on an error.
    pub async fn ended(&mut self) {
        if let Some(task) = &mut self.task {
            let _ = task.await;
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

async fn tls_acceptor(config: &Config) -> Result<Option<RustlsAcceptor<CuttingAcceptor>>, Error> {
    let Some(files) = &config.tls else {
        return Ok(None);
    };
    let tls = RustlsConfig::from_pem_file(&files.cert, &files.key)
        .await
        .map_err(|source| Error::Tls {
            cert: files.cert.clone(),
            key: files.key.clone(),
            source,
        })?;
    Ok(Some(RustlsAcceptor::new(tls).acceptor(CuttingAcceptor)))
}

fn plain(server: Server<SocketAddr>) -> Server<SocketAddr, CuttingAcceptor> {
    server.acceptor(CuttingAcceptor)
}

fn router(shared: Arc<Shared>) -> Router {
    let api = any(pipeline::call);
    Router::new()
        .route(BASE_PATH, api.clone())
        .route("/v1/", api.clone())
        .route("/v1/{*path}", api)
        .nest("/sim", control::router())
        .merge(page::router())
        .fallback(control::no_such_path)
        .layer(axum::middleware::map_response_with_state(
            Arc::clone(&shared),
            dated,
        ))
        .with_state(shared)
}

/// Each answer carries the simulator's time: clients measure clock skew with it.
async fn dated(State(shared): State<Arc<Shared>>, mut response: Response) -> Response {
    let date = http_date(shared.now()).and_then(|date| HeaderValue::try_from(date).ok());
    if let Some(date) = date {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}
