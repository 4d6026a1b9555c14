//! What is sent after a call: an answer, or what a fault makes of it.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use futures::stream;
use serde_json::Value;

use super::wire::Scissors;
use crate::types::Headers;

/// A slow body is sent in at most this many pieces.
const MOST_PIECES: usize = 20;

/// What happens on the wire after a call.
#[derive(Debug)]
pub(super) enum Reply {
    /// The ordinary case.
    Json(u16, Value),
    /// Anything that [`respond`] can make.
    Made(Response),
    /// The body takes this long.
    Trickled(u16, Value, Duration),
    /// The connection is reset after half of the body.
    Halved(u16, Value),
    /// Nothing is sent.
    Lost,
}

impl Reply {
    /// The response, which may bring scissors for the connection that it goes out on.
    pub fn into_response(self, scissors: Scissors) -> Response {
        match self {
            Self::Json(status, body) => respond(status, &Headers::new(), Some(&body)),
            Self::Made(response) => response,
            Self::Trickled(status, body, over) => {
                in_pieces(status, &body, |bytes| trickle(bytes, over))
            }
            Self::Halved(status, body) => in_pieces(status, &body, |bytes| halve(bytes, scissors)),
            Self::Lost => {
                scissors.cut();
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// Makes a response. A body is sent as JSON, but a string as it is when the headers say that it is
/// something else.
pub(super) fn respond(status: u16, headers: &Headers, body: Option<&Value>) -> Response {
    let other_type = headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("content-type") && !value.to_ascii_lowercase().contains("json")
    });
    let mut response = match body {
        Some(Value::String(text)) if other_type => text.clone().into_response(),
        Some(body) => axum::Json(body).into_response(),
        None => ().into_response(),
    };
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    for (name, value) in headers {
        // `POST /sim/faults` refuses what is not a header.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// A JSON response of the full length, whose body is made by `streamed`.
fn in_pieces(status: u16, body: &Value, streamed: impl FnOnce(Bytes) -> Body) -> Response {
    let bytes = Bytes::from(body.to_string());
    let length = HeaderValue::from(bytes.len());
    let mut response = streamed(bytes).into_response();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length);
    response
}

/// The head goes out at once, the last byte when `over` has passed.
fn trickle(bytes: Bytes, over: Duration) -> Body {
    let piece = bytes.len().div_ceil(MOST_PIECES).max(1);
    let pieces = u32::try_from(bytes.len().div_ceil(piece)).unwrap_or(1);
    let pause = over / pieces.max(1);
    Body::from_stream(stream::unfold(bytes, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let next = rest.split_to(piece.min(rest.len()));
        Some((Ok::<_, Infallible>(next), rest))
    }))
}

/// The first half, and then the end of the connection once that is on the wire.
fn halve(mut bytes: Bytes, scissors: Scissors) -> Body {
    let half = bytes.split_to(bytes.len() / 2);
    let reset = async move { Err(scissors.reset_after_flush().await) };
    Body::from_stream(stream::iter([Ok(half)]).chain(stream::once(reset)))
}
