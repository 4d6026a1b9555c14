//! An HTTP server that slow clients cannot exhaust. Everyone who reaches the port may send requests.
//!
//! axum's own server has no limits. Here a connection carries one request, ends after a few seconds, and
//! the number of connections is bounded. Probes and Prometheus need no more.

use std::collections::VecDeque;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// The longest life of a connection. Responses take milliseconds, and Prometheus times out after 10 s by
/// default.
const CONNECTION_DEADLINE: Duration = Duration::from_secs(10);
/// The longest time that a client may take to send the head of its request.
const HEAD_DEADLINE: Duration = Duration::from_secs(2);
/// The bytes that hyper buffers of a request, and of a response, before it sends. hyper's default is
/// 408 kB; with it, clients could fill the memory of the pod.
const BUFFER_SIZE: usize = 8 * 1024;
/// How many connections are open at a time. A new one closes the oldest. If it had to wait instead, a
/// client that holds all connections open could make a probe fail.
const MAX_CONNECTIONS: usize = 32;
/// The pause after a failed accept, for example because too many files are open.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Serves as long as it is polled.
pub(super) async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                open.push_back(connections.spawn(connection(stream, router.clone())));
            }
            Err(_) => tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await,
        }
        while connections.try_join_next().is_some() {}
        open.retain(|it| !it.is_finished());
        if open.len() > MAX_CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
    }
}

/// Answers one request. A client that is too slow gets no response.
async fn connection(stream: TcpStream, router: Router) {
    let served = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_buf_size(BUFFER_SIZE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let _ = tokio::time::timeout(CONNECTION_DEADLINE, served).await;
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn answer(mut stream: TcpStream, request: &str) -> String {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_client_that_is_slow_loses_its_connection_and_disturbs_nobody() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "hello" }));
        tokio::spawn(serve(listener, router));

        let begins = ["", "GET / HTTP/1.1\r\nhost: x\r\nx: "];
        let mut slow = Vec::new();
        for begin in begins.into_iter().cycle().take(MAX_CONNECTIONS + 1) {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begin.as_bytes()).await.unwrap();
            slow.push(stream);
        }
        let stream = TcpStream::connect(address).await.unwrap();
        let said = answer(stream, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(
            said.starts_with("HTTP/1.1 200") && said.ends_with("hello"),
            "{said}"
        );
        assert!(
            said.contains("connection: close"),
            "one request each: {said}"
        );
        for mut stream in slow {
            let mut rest = Vec::new();
            // An end or a reset: either way the connection is over.
            let over = tokio::time::timeout(HEAD_DEADLINE * 2, stream.read_to_end(&mut rest)).await;
            assert!(over.is_ok(), "the connection is closed");
        }
        let stream = TcpStream::connect(address).await.unwrap();
        let endless = format!("GET / HTTP/1.1\r\nx: {}", "a".repeat(BUFFER_SIZE * 2));
        let said = answer(stream, &endless).await;
        assert!(
            said.starts_with("HTTP/1.1 431"),
            "nothing more is kept: {said}"
        );
    }
}
