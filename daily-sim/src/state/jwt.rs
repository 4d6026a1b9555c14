//! JSON web tokens, signed with the API keys of an account. // F-TOKEN-3, F-TOKEN-4

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use ring::hmac;
use serde_json::{Map, Value, json};

/// The API keys of an account, for signing and for masking.
#[derive(Clone)]
pub(super) struct Keys {
    keys: Vec<String>,
    /// What must not be told: the keys, and how they look inside of a JSON string.
    secrets: Vec<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.keys.len())
    }
}

impl Keys {
    pub fn new(keys: &[String]) -> Self {
        let in_json = |key: &String| json!(key).to_string().trim_matches('"').to_owned();
        let mut secrets: Vec<String> = keys.iter().map(in_json).collect();
        secrets.extend_from_slice(keys);
        Self {
            keys: keys.to_vec(),
            secrets,
        }
    }

    /// The texts to mask.
    pub fn secrets(&self) -> impl Iterator<Item = &String> {
        self.secrets.iter()
    }

    /// Signs claims with the key at this place.
    pub fn sign(&self, place: usize, claims: &Map<String, Value>) -> Option<String> {
        let header = json!({"alg": "HS256", "typ": "JWT"}).to_string();
        let claims = serde_json::to_vec(claims).ok()?;
        let head = BASE64URL_NOPAD.encode(header.as_bytes());
        let signed = format!("{head}.{}", BASE64URL_NOPAD.encode(&claims));
        let tag = hmac::sign(&hmac_key(self.keys.get(place)?), signed.as_bytes());
        let signature = BASE64URL_NOPAD.encode(tag.as_ref());
        Some(format!("{signed}.{signature}"))
    }

    /// The claims of a token that one of the keys has signed.
    pub fn claims(&self, token: &str) -> Option<Map<String, Value>> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header = BASE64URL_NOPAD.decode(header.as_bytes()).ok()?;
        let header: Map<String, Value> = serde_json::from_slice(&header).ok()?;
        if header.get("alg") != Some(&json!("HS256")) {
            return None;
        }
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
        let fits =
            |key: &String| hmac::verify(&hmac_key(key), signed.as_bytes(), &signature).is_ok();
        if !self.keys.iter().any(fits) {
            return None;
        }
        let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?;
        serde_json::from_slice(&claims).ok()
    }
}

fn hmac_key(key: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of jwt.io, so that ours and those of others are the same thing.
    #[test]
    fn a_token_of_somebody_else_is_read() {
        let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
                     eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.\
                     SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
        let keys = Keys::new(&["another".to_owned(), "your-256-bit-secret".to_owned()]);
        let claims = keys.claims(token).expect("is signed with the second key");
        assert_eq!(
            Value::Object(claims.clone()),
            json!({"sub": "1234567890", "name": "John Doe", "iat": 1_516_239_022})
        );
        let other = Keys::new(&["another".to_owned()]);
        assert_eq!(other.claims(token), None);
        let ours = keys.sign(0, &claims).expect("there is such a key");
        assert_eq!(other.claims(&ours), Some(claims));
    }

    #[test]
    fn what_is_no_signed_token_is_not_read() {
        let keys = Keys::new(&["k".to_owned()]);
        let token = keys.sign(0, &Map::new()).expect("there is such a key");
        let (signed, signature) = token.rsplit_once('.').expect("has parts");
        let unsigned = BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#);
        for bad in [
            String::new(),
            "a.b.c".to_owned(),
            signed.to_owned(),
            format!("{signed}."),
            format!("{signed}x.{signature}"),
            format!("{unsigned}.e30."),
        ] {
            assert_eq!(keys.claims(&bad), None, "{bad}");
        }
        assert_eq!(keys.sign(1, &Map::new()), None);
        assert_eq!(format!("{keys:?}"), "Keys(1)");
    }
}
