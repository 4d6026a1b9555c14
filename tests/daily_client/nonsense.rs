//! Servers whose answers are not Daily's.

use std::io;
use std::time::Duration;

use daily_operator::daily::client::{Client, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::stage::{PIN, WRITES_WITH_ANSWER, key, reads, told, unavailable, unknown, writes};

/// A server that gives every call the same answer and then closes, or keeps the connection open.
async fn nonsense(answer: Vec<u8>, closes: bool) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream, answer.clone(), closes));
        }
    });
    let mut settings = Settings::new(&format!("http://{address}/v1"));
    if !closes {
        settings.deadline = Duration::from_millis(150);
    }
    Client::with(settings).expect("builds")
}

async fn talk(mut stream: TcpStream, answer: Vec<u8>, closes: bool) -> io::Result<()> {
    let mut request = Vec::new();
    while !is_whole(&request) {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    stream.write_all(&answer).await?;
    if !closes {
        // Ends when the client goes.
        stream.read_buf(&mut request).await?;
    }
    stream.shutdown().await
}

/// Whether a request has arrived with its body.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().expect("is a number"))
}

fn ok(length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn answers_that_do_not_parse() {
    let html = b"<html><body>Please sign in to the network</body></html>";
    let large = vec![b' '; 10 << 20];
    let pin = format!(r#"{{"id": {PIN}, "domain_id": {PIN}, "total_count": "{PIN}"}}"#);
    for (name, bytes) in [
        ("HTML", ok(html.len(), html)),
        ("empty", ok(0, b"")),
        ("not the shape", ok(pin.len(), pin.as_bytes())),
        ("truncated", ok(1_000, b"{\"id\": \"a")),
        (
            "truncated in a chunk",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"id".to_vec(),
        ),
        ("10 MiB", ok(large.len(), &large)),
        ("10 MiB, they say", ok(10 << 20, b"{")),
    ] {
        let client = nonsense(bytes, true).await;
        let outcomes = reads(&client).await;
        for (call, outcome) in &outcomes {
            let error = outcome.as_ref().expect_err("is not understood");
            assert!(
                !told(error).contains(PIN),
                "{name}, {call}: {}",
                told(error)
            );
        }
        unavailable(outcomes, Some(200));
        let mut outcomes = writes(&client).await;
        // HTML comes from another server, also as the answer to a DELETE.
        let all = outcomes.len();
        let understood = if name == "HTML" {
            all
        } else {
            WRITES_WITH_ANSWER
        };
        for (call, outcome) in outcomes.split_off(understood) {
            // The status shows that it is deleted.
            outcome.unwrap_or_else(|error| panic!("{name}, {call}: {error:?}"));
        }
        unknown(outcomes, Some(200));
    }
}

#[tokio::test]
async fn answers_that_are_no_http() {
    for bytes in [&b""[..], b"hello\r\n\r\n", b"HTTP/1.1 200"] {
        let client = nonsense(bytes.to_vec(), true).await;
        unavailable(reads(&client).await, None);
        unknown(writes(&client).await, None);
    }
}

#[tokio::test]
async fn a_body_that_never_ends_within_the_deadline() {
    let client = nonsense(ok(1_000, b"{\"id\": \"a"), false).await;
    unavailable(reads(&client).await, Some(200));
    let mut outcomes = writes(&client).await;
    for (_, outcome) in outcomes.split_off(WRITES_WITH_ANSWER) {
        outcome.expect("is deleted");
    }
    unknown(outcomes, Some(200));
}

#[tokio::test]
async fn a_page_of_two_mebibytes_is_read() {
    let filling = " ".repeat(2 << 20);
    let body = format!(r#"{{"total_count": 0, "data": []{filling}}}"#);
    let client = nonsense(ok(body.len(), body.as_bytes()), true).await;
    let page = client.rooms_page(&key(), None).await;
    assert_eq!(page.expect("is read").value.total_count, 0);
}
