//! Meeting tokens: who may join which room, and as what. No I/O.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::types::whole_seconds;

/// A meeting token, a JWT. `Debug` does not show it.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct MeetingToken(String);

/// The answer of `POST /meeting-tokens` (F-TOKEN-1).
#[derive(Clone, Debug, Deserialize)]
pub struct Issued {
    /// The token.
    pub token: MeetingToken,
}

/// What a meeting token grants: the properties of the request for it (F-TOKEN-2).
#[skip_serializing_none]
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Grant {
    /// The room. Without one the token would be valid for all rooms (F-TOKEN-5).
    pub room_name: String,
    /// When the token expires, in unix seconds.
    pub exp: i64,
    /// Whether the holder is a host.
    #[serde(skip_serializing_if = "is_false")]
    pub is_owner: bool,
    /// The holder's name in the meeting.
    pub user_name: Option<String>,
    /// Whether the holder is removed when the token expires. Left out if false, because whoever sets it
    /// overrides the room's own setting (F-TOKEN-10).
    #[serde(skip_serializing_if = "is_false")]
    pub eject_at_token_exp: bool,
}

/// The claims of a token under their short names (F-TOKEN-3).
#[derive(Deserialize)]
struct Claims {
    r: String,
    d: String,
    #[serde(default, deserialize_with = "whole_seconds")]
    exp: Option<i64>,
    o: Option<bool>,
    u: Option<String>,
    ejt: Option<bool>,
}

impl MeetingToken {
    /// The token with this text, which need not be one.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What the token grants in the domain with this id; `None` for any other text. Daily checks the
    /// signature.
    pub fn grant(&self, domain_id: &str) -> Option<Grant> {
        let claims = self.0.split('.').nth(1)?;
        let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        Some(Grant {
            room_name: claims.r,
            exp: claims.exp?,
            is_owner: claims.o.unwrap_or(false),
            user_name: claims.u,
            eject_at_token_exp: claims.ejt.unwrap_or(false),
        })
        .filter(|_| claims.d == domain_id)
    }
}

impl fmt::Debug for MeetingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeetingToken(***)")
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(claims: &serde_json::Value) -> MeetingToken {
        let claims = BASE64URL_NOPAD.encode(claims.to_string().as_bytes());
        MeetingToken::new(format!("e30.{claims}.signature"))
    }

    #[test]
    fn a_token_says_what_it_grants() {
        let full = json!({"r": "board", "d": "d1", "exp": 5000.0, "o": true, "u": "bot", "ejt": true, "iat": 1});
        let grant = token(&full).grant("d1").unwrap();
        let sent = json!({"room_name": "board", "exp": 5000, "is_owner": true, "user_name": "bot",
            "eject_at_token_exp": true});
        assert_eq!(json!(grant), sent);
        let least = json!({"r": "board", "d": "d1", "exp": 5000});
        let grant = token(&least).grant("d1").unwrap();
        assert_eq!(json!(grant), json!({"room_name": "board", "exp": 5000}));
    }

    #[test]
    fn what_is_no_token_of_the_domain_grants_nothing() {
        let good = json!({"r": "board", "d": "d1", "exp": 5000});
        assert_eq!(token(&good).grant("d2"), None);
        for bad in [
            json!({"d": "d1", "exp": 5000}),
            json!({"r": "board", "d": "d1"}),
            json!({"r": 5, "d": "d1", "exp": 5000}),
            json!(5),
        ] {
            assert_eq!(token(&bad).grant("d1"), None, "{bad}");
        }
        for text in ["", ".", "a.b.c", "e30.e30", "ä.ä.ä"] {
            assert_eq!(
                MeetingToken::new(text.to_owned()).grant("d1"),
                None,
                "{text}"
            );
        }
    }

    #[test]
    fn debug_does_not_show_a_token() {
        let token = token(&json!({}));
        assert!(!format!("{token:?}").contains(token.text()));
    }
}
