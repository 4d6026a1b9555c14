//! The spec of a DailyRoom, validated once. No I/O.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::crd::{
    AdoptionPolicy, DailyRoomSpec, MeetingToken, MissingRoomPolicy, NumberRef, NumberSource,
    Privacy, PublishedNumber, RoomNumber, SecretSpec, TokenRole, grammar, time,
};
use crate::naming;
use crate::reconcile::InvalidSpec;
use crate::reconcile::record::{End, Record};
use crate::room::secret::SecretKind;

pub use crate::crd::time::FARTHEST_END;

/// Who may join a room if the spec does not say it.
pub const PUBLIC: &str = "public";
const PRIVATE: &str = "private";

#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    pub chosen_name: Option<String>,
    pub end: EndSpec,
    /// Before when nobody can join, in unix seconds.
    pub not_before: Option<i64>,
    /// `None` is Daily's default.
    pub max_participants: Option<i64>,
    /// How many seconds before its end the room is renewed. Only with a `ttl`.
    pub renewal: Option<i64>,
    /// How many seconds after the end of its room the object is deleted.
    pub ttl_after_expired: Option<i64>,
    /// `roomProperties`: other properties, under Daily's names.
    pub properties: Map<String, Value>,
    /// The countries whose global numbers are published if no other number is.
    pub countries: Vec<String>,
    /// `public` or `private`, if the spec sets it.
    pub privacy: Option<&'static str>,
    /// Whether participants are removed at the end, if the spec sets it.
    pub eject: Option<bool>,
    /// The name under which callers appear in the room, if the spec sets it.
    pub display_name: Option<String>,
    /// Whether callers wait for the meeting to start, if the spec sets it.
    pub wait_for_meeting_start: Option<bool>,
    pub numbers: Vec<NumberSpec>,
    /// What to do if the room vanishes.
    pub missing: MissingRoomPolicy,
    /// The Secret with the PIN.
    pub secret: SecretSpec,
    pub adoption: AdoptionPolicy,
    pub tokens: Vec<TokenSpec>,
}

/// A meeting token in the spec of a DailyRoom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenSpec {
    /// Its key in the Secret.
    pub key: String,
    pub is_owner: bool,
    pub user_name: Option<String>,
    pub eject: bool,
    /// In seconds. `None` until the room ends.
    pub ttl: Option<i64>,
}

/// When a room has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndSpec {
    /// Seconds after the creation of the object, or after `notBeforeTime` if that is later.
    Ttl(i64),
    /// Unix seconds.
    At(i64),
}

impl EndSpec {
    /// The field of the spec, as [`End::of`] has it.
    pub fn of(self) -> String {
        match self {
            Self::Ttl(seconds) => format!("ttl={seconds}"),
            Self::At(at) => format!("expirationTime={at}"),
        }
    }
}

/// A number in the spec of a DailyRoom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NumberSpec {
    Literal(String),
    /// A PinDialinNumber.
    Reference(NumberRef),
}

/// What counts of a spec even if the rest of it is invalid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names {
    /// Whether the status may not have the PIN.
    pub omits_code: bool,
    /// The name of the room, if the spec chooses one.
    pub chosen: Option<String>,
    pub secret: String,
    /// The Secret with the meeting tokens, if the spec has any.
    pub token_secret: Option<String>,
}

impl Names {
    /// The name of a Secret that the spec asks for.
    pub fn of(&self, kind: SecretKind) -> Option<&str> {
        match kind {
            SecretKind::Dialin => Some(&self.secret),
            SecretKind::Tokens => self.token_secret.as_deref(),
        }
    }

    /// Reads the names from the spec of an object, even if the rest of the spec is invalid.
    pub fn read(object: &str, spec: &Value) -> Self {
        let text = |pointer| {
            let text = spec.pointer(pointer).and_then(Value::as_str);
            text.map(str::to_owned)
        };
        Self {
            omits_code: text("/dialin/codeInStatus").as_deref() == Some("Omit"),
            chosen: text("/roomName"),
            secret: text("/secret/name").unwrap_or_else(|| naming::default_secret_name(object)),
            token_secret: spec.get("meetingTokens").map(|_| {
                let chosen = text("/meetingTokens/secretName");
                chosen.unwrap_or_else(|| naming::default_token_secret_name(object))
            }),
        }
    }
}

impl Spec {
    /// Validates a spec again: objects can be older than the rules of the CRD.
    pub fn parse(spec: &DailyRoomSpec) -> Result<Self, InvalidSpec> {
        check_names(spec)?;
        let end = end(spec)?;
        let renewal = renewal(spec, end)?;
        let dialin = spec.dialin.clone().unwrap_or_default();
        dialin.check_global_numbers()?;
        let privacy = |it| match it {
            Privacy::Public => PUBLIC,
            Privacy::Private => PRIVATE,
        };
        Ok(Self {
            chosen_name: spec.room_name.clone(),
            not_before: not_before(spec, end)?,
            max_participants: spec.max_participants()?,
            properties: properties(spec)?,
            countries: dialin.global_numbers,
            end,
            renewal,
            ttl_after_expired: {
                let text = spec.ttl_after_expired.as_deref();
                text.map(|it| time::TTL_AFTER_EXPIRED.seconds(it))
                    .transpose()?
            },
            privacy: spec.privacy.map(privacy),
            eject: spec.eject_at_room_expiry,
            display_name: dialin.display_name,
            wait_for_meeting_start: dialin.wait_for_meeting_start,
            numbers: dialin
                .room_numbers
                .iter()
                .map(number)
                .collect::<Result<_, _>>()?,
            missing: spec.missing_room_policy,
            secret: spec.secret.clone().unwrap_or_default(),
            adoption: spec.adoption_policy,
            tokens: tokens(spec)?,
        })
    }

    /// The end of an object that was created at this time, in unix seconds. A `notBeforeTime` that does not
    /// move the end is no reason for it, so that an edit of it leaves an end alone that was moved at Daily.
    pub fn end_of(&self, created: i64) -> End {
        let of = self.end.of();
        match (self.end, self.not_before.filter(|start| *start > created)) {
            (EndSpec::Ttl(seconds), Some(start)) => End {
                not_before: Some(start),
                ..End::new(start.saturating_add(seconds), of)
            },
            (EndSpec::Ttl(seconds), None) => End::new(created.saturating_add(seconds), of),
            (EndSpec::At(at), _) => End::new(at, of),
        }
    }

    /// This end of a room of an object that was created at this time. If the room is renewed, the `ttl`
    /// counts from before the end.
    pub fn end_at(&self, at: i64, created: i64) -> End {
        let by_spec = self.end_of(created);
        let is_renewed = self.renewal.is_some() && at != by_spec.at;
        End {
            at,
            counts_from: self
                .ttl()
                .filter(|_| is_renewed)
                .map(|ttl| at.saturating_sub(ttl)),
            ..by_spec
        }
    }

    /// The end of a room that is created now. A room that is renewed exists whenever its object does.
    pub fn end_of_new(&self, created: i64, now: i64) -> End {
        let end = self.end_of(created);
        match self.ttl() {
            Some(ttl) if self.renewal.is_some() && end.at <= now => {
                self.end_at(now.saturating_add(ttl), created)
            }
            _ => end,
        }
    }

    /// The end after an edit of the spec, for a room with this end. A shorter `ttl` ends no room that is
    /// renewed: its end is the first one ahead that a renewal would lead to.
    pub fn end_after_edit(&self, before: &End, created: i64, now: i64) -> End {
        let by_spec = self.end_of(created);
        let Some(ttl) = self.ttl() else {
            return by_spec;
        };
        let renewed = before.counts_from.map(|from| from.saturating_add(ttl));
        let mut at = renewed.map_or(by_spec.at, |at| at.max(by_spec.at));
        if self.renewal.is_some() && at <= now {
            let missed = now.saturating_sub(at) / ttl.max(1);
            at = at.saturating_add(missed.saturating_add(1).saturating_mul(ttl));
        }
        End {
            counts_from: (at != by_spec.at).then(|| at.saturating_sub(ttl)),
            ..self.end_at(at, created)
        }
    }

    fn ttl(&self) -> Option<i64> {
        match self.end {
            EndSpec::Ttl(ttl) => Some(ttl),
            EndSpec::At(_) => None,
        }
    }

    /// When a room with this end is renewed.
    pub fn renewal_of(&self, end: i64) -> Option<i64> {
        Some(end.saturating_sub(self.renewal?))
    }

    /// When a room with this end has to be reconciled next: for its renewal, or at the end.
    pub fn next_time(&self, end: i64, now: i64) -> i64 {
        let renewal = self.renewal_of(end).filter(|at| *at > now);
        renewal.unwrap_or(end)
    }

    /// The end after the renewal of a room with this end: later by the `ttl`, but never further ahead than
    /// Daily accepts when the renewal becomes due. The clock does not matter.
    pub fn renewed(&self, before: &End) -> Option<End> {
        let (ttl, renewal) = (self.ttl()?, self.renewal?);
        let by = ttl.min(FARTHEST_END.saturating_sub(renewal));
        let at = before.at.saturating_add(by);
        Some(End {
            at,
            counts_from: Some(at.saturating_sub(ttl)),
            ..before.clone()
        })
    }

    /// The property `nbf` at this time. One in the past keeps nobody out, and Daily may reject it (F-ROOM-50).
    pub fn nbf(&self, now: i64) -> Option<i64> {
        self.not_before.filter(|start| *start > now)
    }

    /// Whether participants are removed at the end, by the spec or by default: the end that applies to a
    /// participant is that of the moment at which they joined, so a renewed room removes nobody.
    pub fn ejects(&self) -> bool {
        self.eject.unwrap_or(self.renewal.is_none())
    }

    /// Who may join a room that was created: one that replaces an adopted room is no more open than that was.
    pub fn privacy_of_created(&self, owned: &Record) -> &'static str {
        let default = match owned.private {
            Some(true) => PRIVATE,
            Some(false) | None => PUBLIC,
        };
        self.privacy.unwrap_or(default)
    }

    /// The property `dialin` (F-PIN-1) with these numbers.
    pub fn dialin(&self, numbers: &[String]) -> Map<String, Value> {
        let defaults = [
            ("display_name".to_owned(), json!("Phone Caller")),
            ("wait_for_meeting_start".to_owned(), json!(true)),
        ];
        self.dialin_over(Map::from_iter(defaults), numbers)
    }

    /// The `dialin` of an adopted room with what the spec sets, and these numbers if it names any.
    pub fn dialin_over(
        &self,
        mut dialin: Map<String, Value>,
        numbers: &[String],
    ) -> Map<String, Value> {
        if let Some(name) = &self.display_name {
            dialin.insert("display_name".into(), json!(name));
        }
        if let Some(waits) = self.wait_for_meeting_start {
            dialin.insert("wait_for_meeting_start".into(), json!(waits));
        }
        if self.numbers.is_empty() {
            return dialin;
        }
        let numbers: Vec<Value> = numbers.iter().map(|n| json!({"phone_number": n})).collect();
        dialin.remove("room_numbers");
        if !numbers.is_empty() {
            dialin.insert("room_numbers".into(), Value::from(numbers));
        }
        dialin
    }
}

fn end(spec: &DailyRoomSpec) -> Result<EndSpec, InvalidSpec> {
    match (&spec.ttl, &spec.expiration_time) {
        (Some(ttl), None) => Ok(EndSpec::Ttl(time::TTL.seconds(ttl)?)),
        (None, Some(at)) => Ok(EndSpec::At(time::expiration_time(at)?)),
        _ => Err(InvalidSpec(
            "set exactly one of ttl (for example 8h) and expirationTime (for example 2026-12-01T18:00:00Z)"
                .to_owned(),
        )),
    }
}

fn not_before(spec: &DailyRoomSpec, end: EndSpec) -> Result<Option<i64>, InvalidSpec> {
    let start = spec.not_before_time.as_deref();
    let start = start.map(time::not_before_time).transpose()?;
    match (start, end) {
        (Some(start), EndSpec::At(end)) if start >= end => {
            Err(InvalidSpec(time::NOT_BEFORE_THE_END.to_owned()))
        }
        _ => Ok(start),
    }
}

fn renewal(spec: &DailyRoomSpec, end: EndSpec) -> Result<Option<i64>, InvalidSpec> {
    match (&spec.renewal, end) {
        (None, _) => Ok(None),
        (Some(renewal), EndSpec::Ttl(ttl)) => Ok(Some(time::renewal_before(&renewal.before, ttl)?)),
        (Some(_), EndSpec::At(_)) => Err(InvalidSpec(time::RENEWAL_NEEDS_TTL.to_owned())),
    }
}

fn properties(spec: &DailyRoomSpec) -> Result<Map<String, Value>, InvalidSpec> {
    let properties = spec.room_properties.as_ref();
    let checked = properties.map(|it| it.check().map_err(InvalidSpec));
    Ok(checked.transpose()?.unwrap_or_default())
}

/// The names become part of URLs and of requests to the API server.
fn check_names(spec: &DailyRoomSpec) -> Result<(), InvalidSpec> {
    if let Some(name) = &spec.room_name {
        grammar::ROOM_NAME.check(name)?;
        if naming::looks_derived(name) {
            return Err(InvalidSpec(grammar::LOOKS_DERIVED.to_owned()));
        }
    } else if spec.adoption_policy == AdoptionPolicy::AdoptOrCreate {
        return Err(InvalidSpec(grammar::ADOPTS_A_CHOSEN_NAME.to_owned()));
    }
    if let Some(key) = &spec.api_key_secret_ref {
        key.check()?;
    }
    if let Some(drain) = &spec.max_drain {
        time::MAX_DRAIN.seconds(drain)?;
    }
    if let Some(secret) = &spec.secret {
        secret.check()?;
    }
    Ok(())
}

fn tokens(spec: &DailyRoomSpec) -> Result<Vec<TokenSpec>, InvalidSpec> {
    let Some(meeting_tokens) = &spec.meeting_tokens else {
        return Ok(Vec::new());
    };
    meeting_tokens.check()?;
    let token = |token: &MeetingToken| {
        let ttl = token.ttl.as_deref();
        Ok(TokenSpec {
            key: token.key.clone(),
            is_owner: token.role == TokenRole::Owner,
            user_name: token.user_name.clone(),
            eject: token.eject_at_token_expiry,
            ttl: ttl.map(|it| time::TOKEN_TTL.seconds(it)).transpose()?,
        })
    };
    meeting_tokens.tokens.iter().map(token).collect()
}

fn number(number: &RoomNumber) -> Result<NumberSpec, InvalidSpec> {
    match (&number.phone_number, &number.number_ref) {
        (Some(literal), None) => {
            let literal = grammar::PHONE_NUMBER.check(literal)?;
            Ok(NumberSpec::Literal(literal.to_owned()))
        }
        (None, Some(reference)) => {
            grammar::NUMBER_REF_NAME.check(&reference.name)?;
            if let Some(namespace) = &reference.namespace {
                grammar::NUMBER_REF_NAMESPACE.check(namespace)?;
            }
            Ok(NumberSpec::Reference(reference.clone()))
        }
        _ => Err(InvalidSpec(
            "set exactly one of phoneNumber and numberRef in each of dialin.roomNumbers".to_owned(),
        )),
    }
}

/// The numbers of the account, in E.164. Every room answers on the global numbers, and whether Daily accepts
/// them in `dialin` is unknown (F-PIN-16).
pub fn own_numbers(numbers: &[PublishedNumber]) -> Vec<String> {
    let own = numbers
        .iter()
        .filter(|it| it.source != NumberSource::Global);
    own.map(|it| it.phone_number.clone()).collect()
}

/// The fingerprint of a `dialin`, by which a later reconcile knows that it was sent.
pub fn fingerprint(dialin: &Map<String, Value>) -> String {
    naming::fingerprint(&json!(dialin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone;

    fn spec(json: Value) -> DailyRoomSpec {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn ends_are_read_as_they_are_written() {
        for (written, seconds) in [
            ("10s", 10),
            ("8h", 28_800),
            ("1h30m", 5400),
            ("8736h", 31_449_600),
        ] {
            let spec = Spec::parse(&spec(json!({"ttl": written}))).unwrap();
            assert_eq!(spec.end, EndSpec::Ttl(seconds), "{written}");
            assert_eq!(spec.end_of(100).at, 100 + seconds);
        }
        // A ttl counts from notBeforeTime, unless the object is younger.
        let later = json!({"ttl": "8h", "notBeforeTime": "2026-12-01T08:00:00Z"});
        let later = Spec::parse(&spec(later)).unwrap();
        let (start, seconds) = (1_796_112_000, 28_800);
        assert_eq!(later.end_of(100).at, start + seconds);
        assert_eq!(
            later.end_of(100).of,
            "ttl=28800",
            "as earlier versions have it"
        );
        assert_eq!(later.end_of(100).not_before, Some(start));
        assert!(!later.end_of(100).is_of_the_same_spec(&later.end_of(start)));
        for created in [start, start + 1] {
            let end = later.end_of(created);
            assert_eq!((end.at, end.of.as_str()), (created + seconds, "ttl=28800"));
        }
        assert_eq!(
            (later.nbf(start - 1), later.nbf(start)),
            (Some(start), None)
        );
        let time = json!({"expirationTime": "2026-12-01T18:00:00+01:00"});
        let spec = Spec::parse(&spec(time)).unwrap();
        assert_eq!(spec.end, EndSpec::At(1_796_144_400));
    }

    #[test]
    fn global_numbers_are_published_and_not_sent() {
        let named = |names: &[&str]| {
            let numbers: Vec<Value> = names.iter().map(|n| json!({"phoneNumber": n})).collect();
            let spec = spec(json!({"ttl": "8h", "dialin": {"roomNumbers": numbers}}));
            let published = names.iter().map(|number| PublishedNumber {
                phone_number: (*number).to_owned(),
                source: match phone::is_global(number) {
                    true => NumberSource::Global,
                    false => NumberSource::RoomNumber,
                },
                country: None,
            });
            let own = own_numbers(&published.collect::<Vec<_>>());
            let sent = Spec::parse(&spec).unwrap().dialin(&own);
            sent.get("room_numbers").cloned()
        };
        let (own, global) = ("+12025550123", "+442080501289");
        let sent = json!([{"phone_number": own}]);
        assert_eq!(named(&[own]), Some(sent.clone()));
        assert_eq!(named(&[global, own]), Some(sent));
        assert_eq!(named(&[global]), None);
        assert_eq!(named(&[]), None);
    }

    #[test]
    fn an_invalid_spec_is_an_error() {
        for unfit in [
            json!({}),
            json!({"ttl": "8h", "expirationTime": "2026-12-01T18:00:00Z"}),
            json!({"ttl": "9s"}),
            json!({"ttl": "3 weeks"}),
            json!({"ttl": "8h", "notBeforeTime": "tomorrow"}),
            json!({"expirationTime": "2026-12-01T18:00:00Z", "notBeforeTime": "2026-12-01T19:00:00+01:00"}),
            json!({"ttl": "8h", "maxParticipants": 0}),
            json!({"ttl": "8h", "maxParticipants": 100_001}),
            json!({"ttl": "8h", "dialin": {"globalNumbers": []}}),
            json!({"ttl": "8h", "dialin": {"globalNumbers": ["us"]}}),
            json!({"ttl": "8h", "dialin": {"globalNumbers": ["US", "US"]}}),
            json!({"ttl": "8h", "roomProperties": {"exp": 1}}),
            json!({"ttl": "8h", "roomProperties": {"Enable-Chat": true}}),
            json!({"ttl": "8h", "roomProperties": {"dialin_code": "12345678901"}}),
            json!({"expirationTime": "tomorrow"}),
            json!({"ttl": "8h", "dialin": {"roomNumbers": [{}]}}),
            json!({"ttl": "8h", "dialin": {"roomNumbers": [{"phoneNumber": "911"}]}}),
            json!({"ttl": "8h", "dialin": {"roomNumbers": [{"numberRef": {"name": ".."}}]}}),
            json!({"ttl": "8h", "dialin": {"roomNumbers": [{"numberRef": {"name": "a", "namespace": ""}}]}}),
            json!({"ttl": "8h", "roomName": "../domain"}),
            json!({"ttl": "8h", "roomName": naming::derived_room_name("c", "team", "standup")}),
            json!({"ttl": "8h", "apiKeySecretRef": {"name": "?limit=50"}}),
            json!({"ttl": "8h", "apiKeySecretRef": {"name": "daily", "key": ".."}}),
            json!({"ttl": "8h", "secret": {"name": "?limit=50"}}),
            json!({"ttl": "8h", "secret": {"labels": {"a b": "x"}}}),
            json!({"ttl": "8h", "secret": {"labels": {"a": "x y"}}}),
            json!({"ttl": "8h", "secret": {"labels": {"daily-operator.io/dailyroom": "x"}}}),
            json!({"ttl": "8h", "secret": {"labels": {"app.kubernetes.io/part-of": "x"}}}),
            json!({"ttl": "8h", "secret": {"annotations": {"x.daily-operator.io/a": "x"}}}),
            json!({"ttl": "8h", "secret": {"aliases": [{"key": "uri", "from": "uri"}]}}),
            json!({"ttl": "8h", "secret": {"aliases": [{"key": "..", "from": "uri"}]}}),
            json!({"ttl": "8h", "secret": {"aliases": [{"key": "a", "from": "uri"}, {"key": "a", "from": "type"}]}}),
        ] {
            assert!(Spec::parse(&spec(unfit.clone())).is_err(), "{unfit}");
        }
    }

    #[test]
    fn a_stored_object_gets_the_sentence_of_the_api_server() {
        let sentence = |json: Value| Spec::parse(&spec(json)).unwrap_err().0;
        let ttl = sentence(json!({"ttl": "30m1h"}));
        assert!(ttl.starts_with("ttl must be a duration from 10s"), "{ttl}");
        let end = sentence(json!({"expirationTime": "2026-11-31T10:00:00Z"}));
        assert!(
            end.starts_with("expirationTime must be a time in RFC 3339"),
            "{end}"
        );
    }

    #[test]
    fn names_are_read_from_an_invalid_spec() {
        let dialin = json!({"codeInStatus": "Omit"});
        let broken = json!({"ttl": 5, "roomName": "board", "dialin": dialin});
        let names = Names::read("standup", &broken);
        assert!(names.omits_code);
        assert_eq!(names.chosen.as_deref(), Some("board"));
        assert_eq!(names.secret, "standup-dialin");
    }
}
