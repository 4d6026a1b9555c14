//! No key, no PIN and no meeting token leaks, in whatever encoding.

use data_encoding::{BASE64, BASE64URL, Encoding, HEXLOWER, HEXUPPER};

use crate::fixture::{Fixture, KEY, OTHER_KEY, SECOND_KEY, WRONG_KEY};
use crate::objects::Kind;

/// How every meeting token begins: the header of a JWT that Daily signed. Those of the API server are signed
/// in another way.
const TOKEN_HEAD: &str = "eyJhbGciOiJIUzI1NiIs";

/// Keys, PINs and meeting tokens are in no log, metric, event, annotation or condition. A PIN is in the status in
/// its two fields.
pub async fn no_secret_leaks(fx: &Fixture) {
    let mut pins = Vec::new();
    for cluster in fx.clusters() {
        pins.extend(cluster.pins.lock().expect("nobody else has it").clone());
    }
    let constant = [KEY, SECOND_KEY, OTHER_KEY, WRONG_KEY, TOKEN_HEAD].map(str::to_owned);
    let secrets = constant.into_iter().chain(pins);
    let needles: Vec<Needle> = secrets.flat_map(|secret| disguises(&secret)).collect();
    for (place, text) in texts(fx).await {
        if let Some(needle) = needles.iter().find(|it| text.contains(&it.text)) {
            panic!("a key, a PIN or a token is in {place}, {}", needle.disguise);
        }
    }
}

/// Everything that people and machines may read without the right to read Secrets.
async fn texts(fx: &Fixture) -> Vec<(&'static str, String)> {
    let mut texts = vec![("the log", fx.logs())];
    for cluster in fx.clusters() {
        for operator in &cluster.operators {
            texts.extend(operator.metrics().await.map(|it| ("a metric", it)));
        }
        for namespace in &cluster.served {
            let events = cluster.events_in(namespace).await;
            texts.push(("an event", serde_json::json!(events).to_string()));
            for kind in [Kind::Room, Kind::Number] {
                for object in cluster.list_in(kind, namespace).await {
                    texts.push(("metadata", object.at("/metadata").to_string()));
                    texts.push(("a condition", object.at("/status/conditions").to_string()));
                    texts.push(("the record", object.at("/status/record").to_string()));
                }
            }
        }
    }
    texts
}

/// A form of a secret.
struct Needle {
    disguise: &'static str,
    text: String,
}

/// The forms that a secret takes in logs, URLs, JSON and Kubernetes' Secrets.
fn disguises(secret: &str) -> Vec<Needle> {
    let bytes = secret.as_bytes();
    let each = |form: fn(&u8) -> String, between: &str| {
        let forms: Vec<String> = bytes.iter().map(form).collect();
        forms.join(between)
    };
    let json = serde_json::json!(secret).to_string();
    let mut forms = vec![
        ("as it is", secret.to_owned()),
        ("URL-encoded", url_encoded(secret)),
        ("URL-encoded", each(|byte| format!("%{byte:02X}"), "")),
        ("URL-encoded", each(|byte| format!("%{byte:02x}"), "")),
        ("as JSON", json.trim_matches('"').to_owned()),
        ("as JSON", secret.replace('/', "\\/")),
        ("as JSON", each(|byte| format!("\\u{byte:04x}"), "")),
        ("as JSON", each(|byte| format!("\\u{byte:04X}"), "")),
        ("in hexadecimal", HEXLOWER.encode(bytes)),
        ("in hexadecimal", HEXUPPER.encode(bytes)),
        ("as a list of bytes", each(u8::to_string, ", ")),
        ("as a list of bytes", each(u8::to_string, ",")),
    ];
    for before in 0..3 {
        for encoding in [&BASE64, &BASE64URL] {
            forms.push(("in base64", inside_base64(encoding, before, bytes)));
        }
    }
    let needle = |(disguise, text)| Needle { disguise, text };
    forms.into_iter().map(needle).collect()
}

fn url_encoded(secret: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    secret.bytes().map(encode).collect()
}

/// What base64 makes of a secret that so many other bytes precede, whichever they are and whatever
/// follows: without the letters that they have a part in.
fn inside_base64(encoding: &Encoding, before: usize, secret: &[u8]) -> String {
    let mut whole = vec![0; before];
    whole.extend(secret);
    let encoded = encoding.encode(&whole);
    let (begin, end) = ((before * 8).div_ceil(6), whole.len() * 8 / 6);
    encoded.get(begin..end).expect("is ASCII").to_owned()
}

/// Each encoding of a key and of a PIN is seen, also within something longer.
pub fn sees_a_secret_in_disguise() {
    for secret in [KEY, "37244183094", TOKEN_HEAD] {
        let needles = disguises(secret);
        let sees = |text: &str| needles.iter().any(|it| text.contains(&it.text));
        assert!(!sees("nothing of interest 3724418 acme/key"));
        let mut whole = String::new();
        for padding in ["", "a", "ab", "abc", "abcd"] {
            whole.clear();
            whole.push_str(padding);
            whole.push_str(secret);
            whole.push_str(r#"","other":"?>"#);
            for encoding in [&BASE64, &BASE64URL] {
                let text = encoding.encode(whole.as_bytes());
                assert!(sees(&text), "{text}");
            }
            let bytes = format!("{:?}", whole.as_bytes());
            assert!(sees(&bytes), "{bytes}");
            let json = serde_json::json!(whole).to_string();
            assert!(sees(&json) && sees(&serde_json::json!(json).to_string()));
            assert!(sees(&url_encoded(&whole)));
            assert!(sees(&HEXLOWER.encode(whole.as_bytes())));
        }
    }
}
