//! Meeting tokens: who may join what as whom.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::kinds::{ANY, BOOL, JsonKind, NUMBER, OBJECT, TEXT, fits, whole};
use super::properties::exp;
use super::{AccountId, Refusal, World, nested, seconds, values};
use crate::quirks::{NameCase, UnknownProperty};

/// At most this many characters are in a `user_id`. // F-TOKEN-2
const LONGEST_USER_ID: usize = 36;

/// Every property of a token with its claim and its type. // F-TOKEN-2, F-TOKEN-3
///
/// No source gives a claim for the last three; here they keep their names.
const PROPERTIES: &[(&str, &str, JsonKind)] = &[
    ("room_name", "r", TEXT),
    ("exp", "exp", NUMBER),
    ("nbf", "nbf", NUMBER),
    ("is_owner", "o", BOOL),
    ("user_name", "u", TEXT),
    ("user_id", "ud", TEXT),
    ("eject_at_token_exp", "ejt", BOOL),
    ("eject_after_elapsed", "eje", NUMBER),
    ("knocking", "k", BOOL),
    ("enable_screenshare", "ss", BOOL),
    ("start_video_off", "vo", BOOL),
    ("start_audio_off", "ao", BOOL),
    ("enable_recording", "er", ANY),
    ("enable_recording_ui", "erui", BOOL),
    ("start_cloud_recording", "sr", BOOL),
    ("start_cloud_recording_opts", "sro", OBJECT),
    ("auto_start_transcription", "ast", BOOL),
    ("close_tab_on_exit", "ctoe", BOOL),
    ("redirect_on_meeting_exit", "rome", TEXT),
    ("lang", "uil", TEXT),
    ("permissions", "p", OBJECT),
    ("enable_prejoin_ui", "enable_prejoin_ui", BOOL),
    ("enable_live_captions_ui", "enable_live_captions_ui", BOOL),
    ("enable_terse_logging", "enable_terse_logging", BOOL),
];

/// A token that was found good, read.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    claims: Map<String, Value>,
}

impl Token {
    /// The properties under their long names. // F-TOKEN-8
    pub fn properties(&self) -> Map<String, Value> {
        let long = |(name, claim, _): &(&str, &str, JsonKind)| {
            let value = self.claims.get(*claim)?;
            Some(((*name).to_owned(), value.clone()))
        };
        PROPERTIES.iter().filter_map(long).collect()
    }

    /// Whether it is good for this room. One that names none is good for all. // F-TOKEN-5
    pub(super) fn admits_to(&self, room: &str, case: NameCase) -> bool {
        self.text("r").is_none_or(|name| match case {
            NameCase::Distinct => name == room,
            NameCase::Folded => name.eq_ignore_ascii_case(room),
        })
    }

    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    pub(super) fn is_owner(&self) -> bool {
        self.claims.get("o") == Some(&Value::Bool(true))
    }

    /// When its holder is to be ejected, or the room's time if it does not say. // F-TOKEN-10
    pub(super) fn eject_at(&self, now: f64, of_room: Option<f64>) -> Option<f64> {
        let at_exp = self.claims.get("ejt") == Some(&Value::Bool(true));
        let elapsed = self.number("eje");
        if !at_exp && elapsed.is_none() {
            return of_room;
        }
        let exp = self.number("exp").filter(|_| at_exp);
        let times = [exp, elapsed.map(|elapsed| now + elapsed)];
        times.into_iter().flatten().reduce(f64::min)
    }

    fn number(&self, claim: &str) -> Option<f64> {
        self.claims.get(claim).and_then(Value::as_f64)
    }
}

impl World {
    /// Makes a token, signed with the key at this place among the keys of the account.
    pub fn make_token(
        &self,
        id: AccountId,
        key: usize,
        properties: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let mut claims = Map::new();
        for (name, value) in properties {
            let known = PROPERTIES.iter().find(|(known, ..)| known == name);
            let Some((_, claim, kind)) = known else {
                match self.quirks.unknown_property {
                    UnknownProperty::Refused => return Err(Refusal::unknown_property(name)),
                    UnknownProperty::Ignored => continue,
                }
            };
            if value.is_null() {
                continue;
            }
            if name == "exp" {
                let exp = exp(value, &self.quirks, seconds(now))?; // F-TOKEN-7
                claims.insert((*claim).to_owned(), exp);
            } else if fits(name, value, *kind, self.quirks.wrong_type)? {
                values::check(name, value)?;
                let value = match value {
                    Value::Object(sent) => nested::read(name, sent, self.quirks.wrong_type)?.into(),
                    value => whole(value),
                };
                claims.insert((*claim).to_owned(), value);
            }
        }
        let account = self.account(id);
        let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
        if text("r").is_some_and(|room| !account.room_exists(room, &self.quirks, now)) {
            return Err(Refusal::invalid_quoted("room not found")); // F-TOKEN-6
        }
        if text("ud").is_some_and(|id| id.chars().count() > LONGEST_USER_ID) {
            return Err(Refusal::invalid(format!(
                "'user_id' has at most {LONGEST_USER_ID} characters"
            )));
        }
        claims.insert("d".to_owned(), json!(account.domain_id));
        claims.insert("iat".to_owned(), json!(now.as_second()));
        let keys = self.keys.get(id.index());
        let token = keys.and_then(|keys| keys.sign(key, &claims));
        token.ok_or_else(Refusal::unknown_key)
    }

    /// Reads a token and says what is wrong with it: also one that somebody signed with an API key
    /// of the account. // F-TOKEN-4, F-TOKEN-8
    pub fn read_token(
        &self,
        id: AccountId,
        token: &str,
        ignore_nbf: bool,
        now: Timestamp,
    ) -> Result<Token, String> {
        let keys = self.keys.get(id.index());
        let claims = keys.and_then(|keys| keys.claims(token));
        let token = Token {
            claims: claims.ok_or("the token is not signed with a key of the domain")?,
        };
        if token.text("d") != Some(self.account(id).domain_id.as_str()) {
            return Err("the token is not for this domain".to_owned());
        }
        if token.number("iat").is_none() {
            return Err("the token does not say when it was made".to_owned());
        }
        let now = seconds(now);
        if token.number("exp").is_some_and(|exp| exp <= now) {
            return Err("the token has expired".to_owned());
        }
        if !ignore_nbf && token.number("nbf").is_some_and(|nbf| now < nbf) {
            return Err("the token is not valid yet".to_owned());
        }
        Ok(token)
    }
}
