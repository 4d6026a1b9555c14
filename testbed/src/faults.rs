//! A proxy in front of the API server that makes it fail.
//!
//! It ends TLS on both sides, so it sees each request. A [`Fault`] hits the requests that a
//! [`Requests`] names, and nothing else: all other requests of a client reach the real API
//! server. [`FaultProxy::cut`] and [`FaultProxy::mend`] are an outage.
//!
//! ```no_run
//! # async fn example(api_server: std::net::SocketAddr, ca: &str)
//! #     -> Result<(), testbed::faults::FaultError> {
//! use testbed::faults::{Fault, FaultProxy, Requests};
//!
//! let proxy = FaultProxy::start(api_server, ca).await?;
//! // The second and third list of DailyRooms stop half-way, with the connection open.
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

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 64;

/// Why there is no proxy.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// No port is free.
    #[error("the fault proxy has no port")]
    Port(#[from] std::io::Error),
    /// No certificate could be generated.
    #[error("the fault proxy has no certificate")]
    Certificate(#[from] rcgen::Error),
    /// A certificate cannot be read.
    #[error("a certificate cannot be read")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// A certificate or key cannot be used.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Half of the answer's body arrives, then nothing more. The connection stays open.
    StopHalfWay,
    /// The answer's head arrives, but never a byte of its body: a silent watch.
    Silence,
    /// The proxy answers with this status code, and the API server does not see the request.
    Status(u16),
    /// The request reaches the API server this much later.
    Delay(Duration),
}

/// A fault that was injected. It stays in force when this is dropped.
#[derive(Clone, Debug)]
pub struct Injected(Arc<Rule>);

impl Injected {
    /// How many requests it has hit.
    pub fn hits(&self) -> usize {
        self.0.hits.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
struct Rule {
    requests: Requests,
    fault: Fault,
    /// Requests that match, hit or not.
    seen: AtomicUsize,
    hits: AtomicUsize,
}

/// The faults that are in force, and how many requests are under way.
#[derive(Clone, Debug, Default)]
struct Faults {
    rules: Arc<Mutex<Vec<Arc<Rule>>>>,
    load: Arc<Load>,
}

/// How many requests are under way at a time. Watches, which never end, do not count.
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

/// A running proxy. It ends when it is dropped.
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
    /// Starts one in front of this API server, whose certificates this CA (in PEM) has signed.
    ///
    /// # Errors
    /// When there is no port, or the CA cannot be used.
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

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate that its clients have to trust, in PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// From now on these requests fail in this way. Of several faults for a request the earliest hits
    /// it, and the others do not count it.
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

    /// From now on every request is forwarded. Stopped answers stay stopped.
    pub fn clear(&self) {
        self.faults.rules().clear();
    }

    /// The most requests that were under way at a time so far; watches do not count.
    pub fn most_at_a_time(&self) -> usize {
        self.faults.load.most.load(Ordering::SeqCst)
    }

    /// Begins an outage: all connections end, and new ones are refused. Without effect in an outage.
    ///
    /// # Errors
    /// When another process takes the port while nobody holds it.
    pub async fn cut(&mut self) -> Result<(), FaultError> {
        match std::mem::replace(&mut self.state, State::Changing) {
            State::Open(task) => {
                task.abort();
                // It ends because it was aborted.
                let _ = task.await;
                self.state = State::Cut(bound(self.address)?);
            }
            other => self.state = other,
        }
        Ok(())
    }

    /// Ends an outage. Without effect if there is none.
    ///
    /// # Errors
    /// When the port cannot be listened on.
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

    /// Ends all connections, and has a certificate that another CA has signed from now on.
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

    /// An outage of this length.
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

/// A socket that has the port, and does not listen: connections are refused.
fn bound(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Serves each connection in a task of its own. All of them end when this one is dropped.
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

/// A connection that fails ends; its client sees that itself.
async fn serve(stream: TcpStream, tls: Tls, faults: Faults) {
    let _ = stream.set_nodelay(true);
    if let Ok(stream) = tls.acceptor.accept(stream).await {
        forward::serve(stream, tls.upstream, faults).await;
    }
}
