//! Masks keys and PINs in text from Daily or the API server. No I/O.

use std::borrow::Cow;
use std::sync::LazyLock;

use data_encoding::BASE64;
use regex::Regex;
use secrecy::ExposeSecret;

use super::types::ApiKey;

/// Replaces what is hidden.
const HIDDEN: &str = "***";
/// Six digits or more are hidden. A PIN has 11 (F-PIN-4), and may be split by a text. They may be in groups, as people
/// write numbers (`12 34`, `12-34`) and programs print the bytes of a text: `[49, 50]` and `[49,50]` in Rust and JSON,
/// `[49 50]` and `{0x31, 0x32}` in Go.
static LONG_RUN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\p{N}((, |[ ,x-])?\p{N}){5,}").ok());
/// How deep base64 may be in base64.
const DEPTH: u8 = 1;
/// The most characters of a text: enough for an error, and little in a condition.
const LONGEST: usize = 512;

/// The text as it may be shown: without the key, long runs of digits (also in groups, and as a list of
/// bytes), both also in base64, and invisible characters; at most 512 characters long.
pub fn masked(text: &str, key: &ApiKey) -> String {
    let visible: String = text.chars().filter_map(visible).collect();
    // The key is hidden first, and the text cut last: the other steps could split the key.
    let keyless = match key.expose_secret() {
        "" => visible,
        key => visible.replace(key, HIDDEN),
    };
    let decoded = without_encoded(&keyless, key.expose_secret(), DEPTH);
    without_long_runs(&decoded).chars().take(LONGEST).collect()
}

/// Line ends and tabs become spaces. Invisible characters are dropped: they could split a key, or
/// reverse a log line.
fn visible(c: char) -> Option<char> {
    match c {
        '\n' | '\r' | '\t' => Some(' '),
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => None,
        '\u{2060}'..='\u{206f}' | '\u{feff}' => None,
        c if c.is_control() => None,
        c => Some(c),
    }
}

/// Hides base64 of the key or of a long run of digits, also in base64: Kubernetes shows the data of a Secret so,
/// and a meeting token is base64 with the digits of its end.
fn without_encoded(text: &str, key: &str, depth: u8) -> String {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_base64) {
        let (before, run) = rest.split_at(start);
        let (run, after) = run.split_at(run.find(|c| !is_base64(c)).unwrap_or(run.len()));
        out.push_str(before);
        out.push_str(if encodes_a_secret(run, key, depth) {
            HIDDEN
        } else {
            run
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The encoded text may begin at any of the characters, of which four encode three bytes.
fn encodes_a_secret(run: &str, key: &str, depth: u8) -> bool {
    let standard = run.replace('-', "+").replace('_', "/");
    (0..4).any(|skipped| {
        let tail = standard.as_bytes().get(skipped..).unwrap_or_default();
        let whole = tail.chunks_exact(4).flatten().copied();
        let bytes = BASE64.decode(&whole.collect::<Vec<u8>>());
        let text: String = bytes
            .unwrap_or_default()
            .into_iter()
            .map(char::from)
            .collect();
        let within = depth.checked_sub(1);
        let hides = |depth| without_encoded(&text, key, depth) != text;
        !key.is_empty() && text.contains(key)
            || without_long_runs(&text) != text
            || within.is_some_and(hides)
    })
}

fn without_long_runs(text: &str) -> Cow<'_, str> {
    let runs = LONG_RUN.as_ref();
    runs.map_or(HIDDEN.into(), |it| it.replace_all(text, HIDDEN))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "k3y-of-123456-demo";

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(masked(text, &KEY.into()), expected);
    }

    #[test]
    fn long_runs_of_digits_are_hidden() {
        check("", "");
        check("12345", "12345");
        check("123456", "***");
        check("the PIN 12345678987 is taken", "the PIN *** is taken");
        check("dial +12025550123,,12345678987", "dial +***,,***");
        check("123 456 789 87", "***");
        check("123-456-78987.", "***.");
        check("12 - 34 - 56", "12 - 34 - 56");
        check("room 12 has 34  5678 people", "room 12 has 34  5678 people");
        check("ends 123456 ", "ends *** ");
        check("-12345-", "-12345-");
        check("10, 20, 3", "10, 20, 3");
        check("1,,2,,3,,4,,5,,6", "1,,2,,3,,4,,5,,6");
        check("123\n456", "***");
        check("123\u{200b}456", "***");
        check("١٢٣٤٥٦", "***");
    }

    /// As a webhook may quote the data of a Secret.
    #[test]
    fn a_pin_is_hidden_as_a_list_of_bytes() {
        let bytes = b"01234567890";
        check(&format!("{bytes:?}"), "[***]");
        check(&serde_json::json!(bytes).to_string(), "[***]");
        check("map[dialin-code:[48 49 50 51]]", "map[dialin-code:[***]]");
        check("[]uint8{0x30, 0x31, 0x32}", "[]uint8{***}");
    }

    #[test]
    fn the_key_is_hidden_anywhere() {
        check(&format!("bad key {KEY}!"), "bad key ***!");
        check("bad key k3y-of-\u{7}123456-demo", "bad key ***");
        let far = format!("{}{KEY}", "x".repeat(LONGEST - 3));
        check(&far, &format!("{}***", "x".repeat(LONGEST - 3)));
        assert_eq!(masked("no key", &"".into()), "no key");
    }

    #[test]
    fn base64_of_a_secret_is_hidden_whatever_is_before_it() {
        for secret in ["12345678987", "+12025550123,,12345678987", KEY] {
            for before in ["", "x", "xy", "xyz"] {
                let data = BASE64.encode(format!("{before}{secret}").as_bytes());
                let data = data.trim_end_matches('=');
                check(&format!("data: {data}=, type"), "data: ***=, type");
                check(&format!("data:x{data}"), "data:***");
                let url = data.replace('+', "-").replace('/', "_");
                check(&url, HIDDEN);
            }
        }
        let told = "admission-webhook secrets.example.com denied standup-dialin: quota 12345";
        check(told, told);
    }

    /// A webhook may quote the data of the Secret with meeting tokens.
    #[test]
    fn base64_of_a_meeting_token_is_hidden() {
        let url = data_encoding::BASE64URL_NOPAD;
        let claims = url.encode(br#"{"r":"standup","d":"demo","exp":1800028800,"o":true}"#);
        let token = format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{claims}.c2lnbmF0dXJl");
        let hidden = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.***.c2lnbmF0dXJl";
        check(&token, hidden);
        for before in ["", "x", "xy"] {
            let data = BASE64.encode(format!("{before}{token}").as_bytes());
            check(
                &format!("denied: {data}"),
                &format!("denied: ***{}", &data[data.trim_end_matches('=').len()..]),
            );
        }
    }

    #[test]
    fn invisible_characters_are_removed_and_long_text_is_cut() {
        check("a\u{1b}[31mb\u{202e}c\0", "a[31mbc");
        check("two\r\nlines\tand", "two  lines and");
        check(&"ä".repeat(600), &"ä".repeat(LONGEST));
    }

    proptest! {
        #[test]
        fn no_long_run_is_left(text in "[0-9 \\-a,]{0,80}") {
            let shown = masked(&text, &KEY.into());
            let tight: Vec<char> = shown.chars().collect();
            let mut digits = 0;
            let mut gap = 0;
            for c in tight {
                if c.is_ascii_digit() {
                    digits += 1;
                    gap = 0;
                } else if matches!(c, ' ' | '-') && gap == 0 {
                    gap = 1;
                } else {
                    digits = 0;
                    gap = 0;
                }
                prop_assert!(digits < 6, "{shown}");
            }
        }
    }
}
