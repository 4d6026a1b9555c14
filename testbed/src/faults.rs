//! A proxy that injects faults between clients and the API server.
//!
//! It terminates TLS on both sides, so it sees each request. A [`Fault`] hits only the requests that match
//! its [`Requests`]; the proxy forwards all others. [`FaultProxy::cut`] and [`FaultProxy::mend`] begin and
//! end an outage.
//!
//! ```no_run
//! # async fn example(api_server: std::net::SocketAddr, ca: &str)
//! #     -> Result<(), testbed::faults::FaultError> {
//! use testbed::faults::{Fault, FaultProxy, Requests};
//!
//! let proxy = FaultProxy::start(api_server, ca).await?;
//! // The second and third list of DailyRooms stop halfway; the connection stays open.
//! let stopped = proxy.inject(Requests::list("dailyrooms").after(1).at_most(2), Fault::StopHalfWay);
//! // A client trusts `proxy.ca()` and connects to `proxy.url()`.
//! assert_eq!(stopped.hits(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! The proxy supports HTTP/1.1 only.

mod forward;
mod requests;
mod tls;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

pub use self::requests::Requests;
use self::tls::{Identity, Upstream};

/// How many connections may wait for `accept`.
const BACKLOG: u32 = 64;

/// Why the proxy failed.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// No port is free.
    #[error("the fault proxy has no port")]
    Port(#[from] std::io::Error),
    /// No certificate could be generated.
    #[error("the fault proxy has no certificate")]
    Certificate(#[from] rcgen::Error),
    /// A certificate could not be parsed.
    #[error("a certificate cannot be read")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// A certificate or key is not usable for TLS.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// What the proxy does to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Forwards half of the response body, then nothing more. The connection stays open.
    StopHalfWay,
    /// Forwards the response headers, but no byte of the body: a silent watch.
    Silence,
    /// Answers with this status code. The API server does not see the request.
    Status(u16),
    /// Forwards the request to the API server after this delay.
    Delay(Duration),
}

/// An injected fault. It stays active when this handle is dropped.
#[derive(Clone, Debug)]
pub struct Injected(Arc<Rule>);

impl Injected {
    /// How many requests the fault has hit.
    pub fn hits(&self) -> usize {
        self.0.hits.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
struct Rule {
    requests: Requests,
    fault: Fault,
    /// Matching requests, with or without a hit.
    seen: AtomicUsize,
    hits: AtomicUsize,
}

/// The active faults, and the load.
#[derive(Clone, Debug, Default)]
struct Faults {
    rules: Arc<Mutex<Vec<Arc<Rule>>>>,
    load: Arc<Load>,
}

/// The number of concurrent requests, now and at most. Watches never end, so they do not count.
#[derive(Debug, Default)]
struct Load {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Faults {
    /// The first fault that hits this request.
    fn hit(&self, method: &str, uri: &http::Uri) -> Option<Fault> {
        let rules = self.rules();
        let hit = rules.iter().find(|rule| {
            rule.requests.matches(method, uri)
                && rule
                    .requests
                    .hits_nth(rule.seen.fetch_add(1, Ordering::SeqCst))
        })?;
        hit.hits.fetch_add(1, Ordering::SeqCst);
        Some(hit.fault)
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Arc<Rule>>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running proxy. It stops on drop.
#[derive(Debug)]
#[must_use = "the proxy ends when it is dropped"]
pub struct FaultProxy {
    address: SocketAddr,
    ca: String,
    tls: Tls,
    faults: Faults,
    state: State,
}

#[derive(Clone)]
struct Tls {
    acceptor: TlsAcceptor,
    upstream: Upstream,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

#[derive(Debug)]
enum State {
    /// The proxy holds the port and refuses connections.
    Cut(TcpSocket),
    Open(JoinHandle<()>),
    Changing,
}

impl FaultProxy {
    /// Starts a proxy for the API server at this address. `ca` is the PEM of the CA that signed its
    /// certificate.
    ///
    /// # Errors
    /// If no port is free, or the CA cannot be used.
    pub async fn start(api_server: SocketAddr, ca: &str) -> Result<Self, FaultError> {
        let identity = Identity::new()?;
        let socket = bound(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let mut proxy = Self {
            address: socket.local_addr()?,
            ca: identity.certificate.clone(),
            tls: Tls {
                acceptor: identity.acceptor()?,
                upstream: Upstream::new(api_server, ca)?,
            },
            faults: Faults::default(),
            state: State::Cut(socket),
        };
        proxy.mend()?;
        Ok(proxy)
    }

    /// The URL at which the proxy listens.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate that clients must trust, in PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// Injects a fault into these requests. If several faults match a request, the first one that applies
    /// hits it, and the later ones do not count the request.
    pub fn inject(&self, requests: Requests, fault: Fault) -> Injected {
        let rule = Arc::new(Rule {
            requests,
            fault,
            seen: AtomicUsize::new(0),
            hits: AtomicUsize::new(0),
        });
        self.faults.rules().push(Arc::clone(&rule));
        Injected(rule)
    }

    /// Removes all faults. Responses that stopped do not resume.
    pub fn clear(&self) {
        self.faults.rules().clear();
    }

    /// The highest number of concurrent requests so far, without watches.
    pub fn most_at_a_time(&self) -> usize {
        self.faults.load.most.load(Ordering::SeqCst)
    }

    /// Begins an outage: ends all connections and refuses new ones. Has no effect during an outage.
    ///
    /// # Errors
    /// If another process takes the port between close and bind.
    pub async fn cut(&mut self) -> Result<(), FaultError> {
        match std::mem::replace(&mut self.state, State::Changing) {
            State::Open(task) => {
                task.abort();
                // The task ends with an abort.
                let _ = task.await;
                self.state = State::Cut(bound(self.address)?);
            }
            other => self.state = other,
        }
        Ok(())
    }

    /// Ends an outage. Has no effect without one.
    ///
    /// # Errors
    /// If the proxy cannot listen on the port.
    pub fn mend(&mut self) -> Result<(), FaultError> {
        match std::mem::replace(&mut self.state, State::Changing) {
            State::Cut(socket) => {
                let listener = socket.listen(BACKLOG)?;
                let accepting = accept(listener, self.tls.clone(), self.faults.clone());
                self.state = State::Open(tokio::spawn(accepting));
            }
            other => self.state = other,
        }
        Ok(())
    }

    /// Ends all connections, then serves a certificate from a new CA.
    ///
    /// # Errors
    /// As [`FaultProxy::start`] and [`FaultProxy::cut`].
    pub async fn rotate_ca(&mut self) -> Result<(), FaultError> {
        self.cut().await?;
        let identity = Identity::new()?;
        self.tls.acceptor = identity.acceptor()?;
        self.ca = identity.certificate;
        self.mend()
    }

    /// Begins an outage and ends it after this time.
    ///
    /// # Errors
    /// As [`FaultProxy::cut`] and [`FaultProxy::mend`].
    pub async fn outage(&mut self, length: Duration) -> Result<(), FaultError> {
        self.cut().await?;
        tokio::time::sleep(length).await;
        self.mend()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let State::Open(task) = &self.state {
            task.abort();
        }
    }
}

/// A socket that holds the port but does not listen, so connections are refused.
fn bound(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Serves each connection in a task. The tasks end when this future is dropped.
async fn accept(listener: TcpListener, tls: Tls, faults: Faults) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        connections.spawn(serve(stream, tls.clone(), faults.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Ignores errors of a connection, because the client sees them.
async fn serve(stream: TcpStream, tls: Tls, faults: Faults) {
    let _ = stream.set_nodelay(true);
    if let Ok(stream) = tls.acceptor.accept(stream).await {
        forward::serve(stream, tls.upstream, faults).await;
    }
}
