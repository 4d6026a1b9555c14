//! Serves one client connection: forwards its requests one after the other, or injects faults.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::client::conn::http1::{self as client, SendRequest};
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::requests::is_watch;
use super::tls::Upstream;
use super::{Fault, Faults, Load};

type Answer = http_body_util::combinators::UnsyncBoxBody<Bytes, hyper::Error>;

/// Serves a connection until it ends.
pub(super) async fn serve<S>(stream: S, upstream: Upstream, faults: Faults)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let way = Arc::new(Way {
        upstream,
        connection: Mutex::default(),
    });
    let answer = service_fn(move |request| {
        let (way, faults) = (Arc::clone(&way), faults.clone());
        async move { Ok::<_, Infallible>(answer(&way, &faults, request).await) }
    });
    // Either side may end a connection at any time.
    let _ = server::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

async fn answer(way: &Way, faults: &Faults, request: Request<Incoming>) -> Response<Answer> {
    let _under_way = (!is_watch(request.uri())).then(|| UnderWay::new(&faults.load));
    let fault = faults.hit(request.method().as_str(), request.uri());
    match fault {
        Some(Fault::Status(code)) => return refusal(code),
        Some(Fault::Delay(length)) => tokio::time::sleep(length).await,
        Some(Fault::StopHalfWay | Fault::Silence) | None => {}
    }
    let Ok(answer) = way.send(request).await else {
        // Answer like a load balancer in front of the API server.
        return refusal(502);
    };
    match fault {
        Some(Fault::StopHalfWay) => stopped(answer, true).await,
        Some(Fault::Silence) => stopped(answer, false).await,
        Some(Fault::Status(_) | Fault::Delay(_)) | None => answer.map(BodyExt::boxed_unsync),
    }
}

/// The headers of a response, then half of its body or nothing. The body never ends.
async fn stopped(answer: Response<Incoming>, half: bool) -> Response<Answer> {
    let (mut head, body) = answer.into_parts();
    head.headers.remove(http::header::CONTENT_LENGTH);
    let first = match half {
        true => body.collect().await.ok().map(|body| {
            let bytes = body.to_bytes();
            bytes.slice(..bytes.len() / 2)
        }),
        false => None,
    };
    Response::from_parts(head, Stopped(first).boxed_unsync())
}

/// A body that yields these bytes, then stalls.
struct Stopped(Option<Bytes>);

impl Body for Stopped {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.0.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Poll::Pending,
        }
    }
}

/// An error response in the format of the API server.
fn refusal(code: u16) -> Response<Answer> {
    let reason = match code {
        410 => "Expired",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        _ => "InternalError",
    };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "made to fail by the fault proxy", "reason": reason, "code": code,
    });
    let body = Full::new(Bytes::from(status.to_string()));
    let body = body.map_err(|never| match never {}).boxed_unsync();
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
    let json = http::HeaderValue::from_static("application/json");
    answer
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    answer
}

/// Forwards the requests of one client connection. It opens a connection to the API server on demand and
/// reuses it.
struct Way {
    upstream: Upstream,
    connection: Mutex<Option<Connection>>,
}

struct Connection {
    sender: SendRequest<Incoming>,
    /// Drives the connection until this struct is dropped.
    _driver: JoinSet<()>,
}

impl Way {
    async fn send(&self, request: Request<Incoming>) -> Result<Response<Incoming>, Broken> {
        let mut kept = self.connection.lock().await;
        let usable = match kept.as_mut() {
            Some(connection) => connection.sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            *kept = Some(self.connect().await?);
        }
        let connection = kept.as_mut().ok_or(Broken)?;
        connection
            .sender
            .send_request(request)
            .await
            .map_err(|_| Broken)
    }

    async fn connect(&self) -> Result<Connection, Broken> {
        let stream = self.upstream.connect().await.map_err(|_| Broken)?;
        let shaken = client::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|_| Broken)?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // The sender returns the error.
            let _ = connection.await;
        });
        Ok(Connection {
            sender,
            _driver: driver,
        })
    }
}

/// The API server did not answer.
struct Broken;

/// Counts a request in the load until it is dropped.
struct UnderWay(Arc<Load>);

impl UnderWay {
    fn new(load: &Arc<Load>) -> Self {
        let now = load.now.fetch_add(1, Ordering::SeqCst) + 1;
        load.most.fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(load))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}
