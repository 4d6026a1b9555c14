//! What `kubectl apply` refuses, each with a sentence that says what to write.

use std::sync::Arc;

use daily_operator::crd::grammar::{self, Grammar};
use daily_operator::crd::{InvalidField, time};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NUMBER, Setup};
use crate::objects::Kind::{self, Number, Room};
use crate::stage::Stage;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let plain = || Setup::new().without_operator();
    vec![
        stage.trial("schema::end", plain(), end),
        stage.trial("schema::renewal", plain(), renewal),
        stage.trial("schema::ttl_after_expired", plain(), ttl_after_expired),
        stage.trial("schema::durations", plain(), durations),
        stage.trial("schema::drain", plain(), drain),
        stage.trial("schema::times", plain(), times),
        stage.trial("schema::not_before_time", plain(), not_before_time),
        stage.trial("schema::max_participants", plain(), max_participants),
        stage.trial("schema::room_properties", plain(), room_properties),
        stage.trial("schema::names", plain(), names),
        stage.trial("schema::room_name", plain(), room_name),
        stage.trial(
            "schema::room_name_is_immutable",
            plain(),
            room_name_is_immutable,
        ),
        stage.trial("schema::numbers", plain(), numbers),
        stage.trial("schema::allowed_rooms", plain(), allowed_rooms),
        stage.trial("schema::secret_name", plain(), secret_name),
        stage.trial("schema::secret_additions", plain(), secret_additions),
        stage.trial("schema::max_drain", plain(), max_drain),
        stage.trial("schema::meeting_tokens", plain(), meeting_tokens),
        stage.trial("schema::number_is_immutable", plain(), number_is_immutable),
        stage.trial("schema::defaults", plain(), defaults),
        stage.trial("schema::adoption", plain(), adoption),
    ]
}

async fn refused(fx: &Fixture, kind: Kind, name: &str, spec: Value, sentence: &str) {
    let refusal = fx.try_apply(kind, name, &spec).await.err();
    let refusal = refusal.unwrap_or_else(|| panic!("{spec} is accepted"));
    assert!(refusal.contains(sentence), "{spec}: {refusal}");
}

async fn end(fx: &mut Fixture) {
    let one = "set exactly one of ttl (for example 8h) and expirationTime";
    refused(fx, Room, "a", json!({}), one).await;
    let time = "2026-12-01T18:00:00Z";
    refused(
        fx,
        Room,
        "a",
        json!({"ttl": "8h", "expirationTime": time}),
        one,
    )
    .await;
    let bounds = "ttl must be a duration from 10s to 8736h (364 days), written with h, m and s";
    for ttl in ["9s", "8737h", "3 weeks", "1d", "", "-8h", "8"] {
        refused(fx, Room, "a", json!({"ttl": ttl}), bounds).await;
    }
    for ttl in ["10s", "8736h", "1h30m"] {
        fx.room("a", json!({"ttl": ttl})).await;
    }
    let written = "expirationTime must be a time in RFC 3339 form";
    refused(
        fx,
        Room,
        "b",
        json!({"expirationTime": "tomorrow"}),
        written,
    )
    .await;
}

async fn renewal(fx: &mut Fixture) {
    let renewed = |ttl: &str, before: &str| json!({"ttl": ttl, "renewal": {"before": before}});
    let bounds =
        "renewal.before must be a duration from 10m to half of ttl, written with h, m and s";
    for (ttl, before) in [
        ("8h", "9m59s"),
        ("8h", "4h1s"),
        ("15m", "10m"),
        ("8h", "1d"),
        ("8h", ""),
    ] {
        refused(fx, Room, "a", renewed(ttl, before), bounds).await;
    }
    for (ttl, before) in [
        ("8h", "10m"),
        ("8h", "4h"),
        ("20m", "10m"),
        ("8736h", "4368h"),
    ] {
        fx.room("a", renewed(ttl, before)).await;
    }
    let fixed = json!({"expirationTime": "2026-12-01T18:00:00Z", "renewal": {"before": "10m"}});
    refused(fx, Room, "b", fixed, "renewal needs ttl").await;
    // The sentence about the ttl is the only one.
    let refusal = fx.try_apply(Room, "b", &renewed("soon", "10m")).await;
    let refusal = refusal.expect_err("is refused");
    assert!(!refusal.contains("renewal"), "{refusal}");
}

async fn ttl_after_expired(fx: &mut Fixture) {
    let spec = |after: &str| json!({"ttl": "8h", "ttlAfterExpired": after});
    let bounds = "ttlAfterExpired must be a duration from 1m to 8736h (364 days)";
    for after in ["59s", "8737h", "1d", "", "0s"] {
        refused(fx, Room, "a", spec(after), bounds).await;
    }
    for after in ["1m", "60s", "8736h"] {
        fx.room("a", spec(after)).await;
    }
}

/// Durations on both sides of every border of the grammar.
const DURATIONS: [&str; 42] = [
    "10s",
    "8h",
    "1h30m",
    "90m",
    "1h0m1s",
    "0h1m",
    "604800s",
    "08h",
    "00008h",
    "8736h",
    "524160m",
    "31449600s",
    "8735h59m60s",
    "8h30s",
    "0m10s",
    "",
    "8",
    "h",
    "9s",
    "0h",
    "0s",
    "8737h",
    "8736h1s",
    "524161m",
    "31449601s",
    "99999h",
    "99999999h",
    "99999999s",
    "9999999m",
    "30m1h",
    "1s1m",
    "1h1h",
    "60m60m",
    "1d",
    "-8h",
    "+8h",
    " 8h",
    "8H",
    "1.5h",
    "10s500ms",
    "PT8H",
    "８h",
];

/// Times on both sides of every border of the grammar.
const TIMES: [&str; 47] = [
    "2026-12-01T18:00:00Z",
    "2026-12-01T18:00:00+01:00",
    "2026-12-01T18:00:00-23:59",
    "2026-12-01T18:00:00+00:00",
    "2026-12-01T18:00:00-00:00",
    "2026-12-01T18:00:00.5Z",
    "2026-12-01T18:00:00.123456789Z",
    "2026-12-31T23:59:59Z",
    "2026-04-30T00:00:00Z",
    "2026-02-28T00:00:00Z",
    "2028-02-29T00:00:00Z",
    "2000-02-29T00:00:00Z",
    "2400-02-29T00:00:00Z",
    "2000-01-01T00:00:00+23:59",
    "2999-12-31T23:59:59-23:59",
    "",
    "tomorrow",
    "2026-12-01",
    "2026-12-01T18:00Z",
    "2026-12-01T18:00:00",
    "2026-12-01 18:00:00Z",
    "2026-12-01t18:00:00z",
    "2026-12-01T18:00:00+0100",
    "2026-12-01T18:00:00+01",
    "2026-12-01T18:00:00+99:99",
    "2026-12-01T18:00:00+24:00",
    "2026-12-01T18:00:00+01:60",
    "2026-12-01T18:00:00.Z",
    "2026-12-01T18:00:00,5Z",
    "2026-12-01T18:00:00.1234567890Z",
    "2026-12-01T24:00:00Z",
    "2026-12-01T18:60:00Z",
    "2026-12-01T23:59:60Z",
    "2026-11-31T10:00:00Z",
    "2026-02-29T10:00:00Z",
    "2100-02-29T10:00:00Z",
    "2026-04-31T10:00:00Z",
    "2026-13-01T10:00:00Z",
    "2026-00-10T10:00:00Z",
    "2026-12-00T10:00:00Z",
    "2026-12-32T10:00:00Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "1999-12-31T23:59:59Z",
    "3000-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "+002026-12-01T18:00:00Z",
];

/// The API server takes a spec if the operator's code reads it, and says the code's sentence if not.
async fn as_the_code_has_it(fx: &Fixture, kind: Kind, spec: Value, read: Result<(), InvalidField>) {
    match read {
        Ok(()) => drop(fx.apply(kind, "same", &spec).await),
        Err(invalid) => refused(fx, kind, "same", spec, &invalid.to_string()).await,
    }
}

async fn durations(fx: &mut Fixture) {
    for text in DURATIONS {
        let read = time::TTL.seconds(text).map(drop);
        as_the_code_has_it(fx, Room, json!({"ttl": text}), read).await;
    }
}

async fn drain(fx: &mut Fixture) {
    for text in DURATIONS.into_iter().chain(["168h", "168h1s", "604801s"]) {
        let read = time::MAX_DRAIN.seconds(text).map(drop);
        let spec = json!({"ttl": "8h", "maxDrain": text});
        as_the_code_has_it(fx, Room, spec, read).await;
    }
    let policies = "supported values: \"DeleteWhenEmpty\", \"Delete\", \"Retain\"";
    for policy in ["", "delete", "WhenEmpty"] {
        let spec = json!({"ttl": "8h", "deletionPolicy": policy});
        refused(fx, Room, "a", spec, policies).await;
    }
}

async fn times(fx: &mut Fixture) {
    for text in TIMES {
        let read = time::expiration_time(text).map(drop);
        as_the_code_has_it(fx, Room, json!({"expirationTime": text}), read).await;
    }
}

async fn not_before_time(fx: &mut Fixture) {
    let end = "2026-12-01T18:00:00Z";
    let form = "notBeforeTime must be a time in RFC 3339 form";
    let order =
        "notBeforeTime must be before expirationTime; choose an earlier notBeforeTime or a later";
    for (start, sentence) in [
        ("tomorrow", form),
        (end, order),
        ("2026-12-01T20:00:00+01:00", order),
    ] {
        let spec = json!({"expirationTime": end, "notBeforeTime": start});
        refused(fx, Room, "a", spec, sentence).await;
    }
    // Each sentence stands alone: no error of CEL is beside it.
    let spec = json!({"expirationTime": "then", "notBeforeTime": "now"});
    let refusal = fx.try_apply(Room, "a", &spec).await;
    let refusal = refusal.expect_err("is refused");
    assert!(!refusal.contains("type conversion"), "{refusal}");
    for start in ["2026-12-01T17:59:59Z", "2026-12-01T19:00:00+02:00"] {
        fx.room("a", json!({"expirationTime": end, "notBeforeTime": start}))
            .await;
    }
    fx.room("b", json!({"ttl": "8h", "notBeforeTime": end}))
        .await;
}

async fn max_participants(fx: &mut Fixture) {
    let bounds =
        "maxParticipants must be a whole number from 1 to 100000; leave it out for Daily's default";
    for most in [0, -1, 100_001] {
        refused(
            fx,
            Room,
            "a",
            json!({"ttl": "8h", "maxParticipants": most}),
            bounds,
        )
        .await;
    }
    for most in [1, 200, 100_000] {
        fx.room("a", json!({"ttl": "8h", "maxParticipants": most}))
            .await;
    }
}

/// A property with a field of its own is refused, whatever its value is, and what Daily alone sets.
async fn room_properties(fx: &mut Fixture) {
    for (property, value, field) in [
        ("exp", json!(1_800_000_000), "ttl or expirationTime"),
        ("exp", json!("soon"), "ttl or expirationTime"),
        ("nbf", json!(1_800_000_000), "notBeforeTime"),
        ("dialin", json!({"display_name": "x"}), "dialin"),
        ("eject_at_room_exp", json!(true), "ejectAtRoomExpiry"),
        ("max_participants", json!(5), "maxParticipants"),
        ("privacy", json!("private"), "privacy"),
        ("name", json!("standup"), "roomName"),
    ] {
        let sentence =
            format!("roomProperties must not have {property}; use {field} of the spec instead");
        let spec = json!({"ttl": "8h", "roomProperties": {property: value, "lang": "de"}});
        refused(fx, Room, "a", spec, &sentence).await;
    }
    let pin = json!({"ttl": "8h", "roomProperties": {"dialin_code": "01234567890"}});
    refused(fx, Room, "a", pin, "dialin_code; Daily sets it itself").await;
    let many: serde_json::Map<_, _> = (0..65).map(|n| (format!("a{n}"), json!(n))).collect();
    refused(
        fx,
        Room,
        "a",
        json!({"ttl": "8h", "roomProperties": many}),
        "must have at most 64",
    )
    .await;
    let nested =
        json!({"enable_recording": ["cloud"], "permissions": {"canReceive": {"base": false}}});
    let room = fx
        .room("a", json!({"ttl": "8h", "roomProperties": nested}))
        .await;
    assert_eq!(*room.at("/spec/roomProperties"), nested);
}

/// Where a name that becomes part of a URL stands in a spec, and its grammar.
type Named = (Kind, &'static Grammar, fn(&str) -> Value);

/// A name is admitted if it can be one: nothing else becomes part of a URL.
async fn names(fx: &mut Fixture) {
    let fields: [Named; 6] = [
        (
            Room,
            &grammar::SECRET_NAME,
            |name| json!({"ttl": "8h", "secret": {"name": name}}),
        ),
        (
            Room,
            &grammar::NUMBER_REF_NAME,
            |name| json!({"ttl": "8h", "dialin": {"roomNumbers": [{"numberRef": {"name": name}}]}}),
        ),
        (Room, &grammar::NUMBER_REF_NAMESPACE, |name| {
            let reference = json!({"name": "main-line", "namespace": name});
            json!({"ttl": "8h", "dialin": {"roomNumbers": [{"numberRef": reference}]}})
        }),
        (
            Room,
            &grammar::API_KEY_SECRET_NAME,
            |name| json!({"ttl": "8h", "apiKeySecretRef": {"name": name}}),
        ),
        (
            Room,
            &grammar::API_KEY_SECRET_KEY,
            |key| json!({"ttl": "8h", "apiKeySecretRef": {"name": "daily", "key": key}}),
        ),
        (
            Number,
            &grammar::API_KEY_SECRET_NAME,
            |name| json!({"phoneNumber": NUMBER, "apiKeySecretRef": {"name": name}}),
        ),
    ];
    let long = "a".repeat(253);
    let texts = [
        "a",
        "a-b",
        "a.b",
        "0",
        &long,
        "",
        "?limit=50",
        "x?watch=true",
        "#",
        "x#",
        "..",
        ".",
        "../../secrets",
        "a/b",
        "%2e%2e",
        "a%2Fb",
        "a..b",
        "a.-b",
        "a-",
        "-a",
        ".a",
        "a.",
        "..a",
        "A",
        "a_b",
        "ä",
        "a b",
        "a\n",
        "a;b",
        "a&b",
    ];
    for (kind, grammar, spec) in fields {
        for text in texts {
            let read = grammar.check(text).map(drop);
            as_the_code_has_it(fx, kind, spec(text), read).await;
        }
    }
    let api_key = "0123456789abcdef".repeat(4);
    for (field, reference) in [
        ("name", json!({"name": api_key})),
        ("key", json!({"name": "daily", "key": api_key})),
    ] {
        for (kind, mut spec) in [
            (Room, json!({"ttl": "8h"})),
            (Number, json!({"phoneNumber": NUMBER})),
        ] {
            spec["apiKeySecretRef"] = reference.clone();
            let sentence = format!("apiKeySecretRef.{field} must be");
            refused(fx, kind, "a", spec, &sentence).await;
        }
    }
}

async fn room_name(fx: &mut Fixture) {
    let letters = "roomName must be 1 to 128 characters, only letters, digits, '-' and '_'";
    for name in ["", "a b", "a.b", "ä", &"a".repeat(129)] {
        refused(
            fx,
            Room,
            "a",
            json!({"ttl": "8h", "roomName": name}),
            letters,
        )
        .await;
    }
    let derived = format!("a_{}_{}", "b".repeat(26), "c".repeat(13));
    let own = "roomName must not look like a name that the operator derives";
    refused(
        fx,
        Room,
        "a",
        json!({"ttl": "8h", "roomName": derived}),
        own,
    )
    .await;
    fx.room("a", json!({"ttl": "8h", "roomName": "a".repeat(128)}))
        .await;
}

async fn room_name_is_immutable(fx: &mut Fixture) {
    fx.room("named", json!({"ttl": "8h", "roomName": "one"}))
        .await;
    let changed = "roomName is immutable; create another DailyRoom for another name";
    refused(
        fx,
        Room,
        "named",
        json!({"ttl": "8h", "roomName": "two"}),
        changed,
    )
    .await;
    let toggled = "roomName cannot be added or removed after creation; create another DailyRoom";
    refused(fx, Room, "named", json!({"ttl": "8h"}), toggled).await;
    fx.room("derived", json!({"ttl": "8h"})).await;
    refused(
        fx,
        Room,
        "derived",
        json!({"ttl": "8h", "roomName": "one"}),
        toggled,
    )
    .await;
}

async fn numbers(fx: &mut Fixture) {
    let form = "phoneNumber must be in E.164 form";
    let room = |number: Value| json!({"ttl": "8h", "dialin": {"roomNumbers": [number]}});
    for number in ["12025550123", "+1 202 555 0123", "+0202555", "+123456", ""] {
        refused(fx, Room, "a", room(json!({"phoneNumber": number})), form).await;
        refused(fx, Number, "a", json!({"phoneNumber": number}), form).await;
    }
    let one = "set exactly one of phoneNumber (for example +12025550123) and numberRef";
    refused(fx, Room, "a", room(json!({})), one).await;
    let both = json!({"phoneNumber": NUMBER, "numberRef": {"name": "main-line"}});
    refused(fx, Room, "a", room(both), one).await;
    let empty = "ivrGreeting.message must not be empty; set the text that callers hear";
    for message in ["", "  "] {
        let spec = json!({"phoneNumber": NUMBER, "ivrGreeting": {"message": message}});
        refused(fx, Number, "a", spec, empty).await;
    }
}

async fn allowed_rooms(fx: &mut Fixture) {
    let number = |namespaces: Value| json!({"phoneNumber": NUMBER, "allowedRooms": {"namespaces": namespaces}});
    let by = |selector: Value| number(json!({"from": "Selector", "selector": selector}));
    let requires = |requirement: Value| by(json!({"matchExpressions": [requirement]}));
    let with_from = "set selector together with from: Selector";
    refused(
        fx,
        Number,
        "a",
        number(json!({"from": "Selector"})),
        with_from,
    )
    .await;
    let all = json!({"from": "All", "selector": {"matchLabels": {"a": "b"}}});
    refused(fx, Number, "a", number(all), with_from).await;
    let empty = "selector must have matchLabels or matchExpressions";
    for selector in [
        json!({}),
        json!({"matchLabels": {}, "matchExpressions": []}),
    ] {
        refused(fx, Number, "a", by(selector), empty).await;
    }
    let long = json!({"matchLabels": {"a".repeat(318): "b"}});
    refused(
        fx,
        Number,
        "a",
        by(long),
        "a key in matchLabels must have at most 317 characters",
    )
    .await;
    let values = "set values together with the operators In and NotIn";
    for requirement in [
        json!({"key": "a", "operator": "In"}),
        json!({"key": "a", "operator": "NotIn", "values": []}),
        json!({"key": "a", "operator": "Exists", "values": ["b"]}),
    ] {
        refused(fx, Number, "a", requires(requirement), values).await;
    }
    let number = json!({"key": "a", "operator": "NotIn", "values": ["b"]});
    fx.apply(Number, "a", &requires(number)).await;
}

async fn secret_name(fx: &mut Fixture) {
    let long = "a".repeat(247);
    let sentence = "set spec.secret.name, or use a name of at most 246 characters";
    refused(fx, Room, &long, json!({"ttl": "8h"}), sentence).await;
    fx.room(&long, json!({"ttl": "8h", "secret": {"name": "short"}}))
        .await;
    fx.room(&"a".repeat(246), json!({"ttl": "8h"})).await;
    let letters = "secret.name must be a valid name of a Secret";
    refused(
        fx,
        Room,
        "b",
        json!({"ttl": "8h", "secret": {"name": "A_b"}}),
        letters,
    )
    .await;
}

async fn secret_additions(fx: &mut Fixture) {
    let long = "a".repeat(64);
    let label = |key: &str, value: &str| json!({"labels": {key: value}});
    let annotation = |key: &str| json!({"annotations": {key: "any value: ä"}});
    let alias = |key: &str| json!({"aliases": [{"key": key, "from": "uri"}]});
    let label_key = "each key of secret.labels must be 1 to 63 letters";
    let own_label = "secret.labels must not contain keys of daily-operator.io";
    let own_annotation = "secret.annotations must not contain keys of daily-operator.io";
    let rows = [
        (label("a b", "x"), label_key),
        (label(&long, "x"), label_key),
        (label("Example.com/team", "x"), label_key),
        (
            label("team", "x y"),
            "each value of secret.labels must be at most 63",
        ),
        (
            label("team", &long),
            "each value of secret.labels must be at most 63",
        ),
        (label("daily-operator.io/dailyroom", "x"), own_label),
        (label("a.daily-operator.io/b", "x"), own_label),
        (label("app.kubernetes.io/managed-by", "x"), own_label),
        (
            annotation("a b"),
            "each key of secret.annotations must be 1 to 63 letters",
        ),
        (annotation("daily-operator.io/managed-keys"), own_annotation),
        (alias(".."), "the key of an alias must be a key of a Secret"),
        (
            alias("A B"),
            "the key of an alias must be a key of a Secret",
        ),
        (
            alias("dialin-code"),
            "the key of an alias must not be a key that the operator writes",
        ),
        (
            json!({"aliases": [{"key": "A", "from": "uri"}, {"key": "A", "from": "type"}]}),
            "secret.aliases must not contain a key twice",
        ),
        (
            json!({"aliases": [{"key": "A", "from": "B"}]}),
            "Unsupported value: \"B\"",
        ),
    ];
    for (secret, sentence) in rows {
        refused(
            fx,
            Room,
            "a",
            json!({"ttl": "8h", "secret": secret}),
            sentence,
        )
        .await;
    }
    let many = |n: usize| -> Value { (0..n).map(|n| (format!("k{n}"), json!("x"))).collect() };
    let secret = json!({
        "labels": many(16), "annotations": many(16),
        "aliases": [{"key": "DIALIN_CODE", "from": "dialin-code"}, {"key": "expiration-time", "from": "expiration-time"}],
    });
    fx.room("a", json!({"ttl": "8h", "secret": secret})).await;
    let too_many = json!({"ttl": "8h", "secret": {"labels": many(17)}});
    refused(fx, Room, "a", too_many, "must have at most 16 items").await;
}

async fn max_drain(fx: &mut Fixture) {
    let sentence = "maxDrain must be a duration from 10s to 168h (7 days)";
    for drain in ["9s", "169h", "0s", "1d", ""] {
        let spec = json!({"phoneNumber": NUMBER, "maxDrain": drain});
        refused(fx, Number, "a", spec, sentence).await;
    }
    for drain in ["10s", "168h"] {
        let spec = json!({"phoneNumber": NUMBER, "maxDrain": drain});
        fx.apply(Number, "a", &spec).await;
    }
}

async fn meeting_tokens(fx: &mut Fixture) {
    let host = |more: Value| {
        let mut token = json!({"key": "host", "role": "Owner"});
        let more = more.as_object().expect("is a map").clone();
        token.as_object_mut().expect("is a map").extend(more);
        token
    };
    let with = |tokens: Value| json!({"tokens": tokens});
    let good = with(json!([host(json!({}))]));
    let named = |name: &str| json!({"secretName": name, "tokens": good["tokens"]});
    let key = "the key of a meeting token must be a key of a Secret";
    let same = "meetingTokens.secretName must not be the name of the Secret with the PIN";
    let ttl = "the ttl of a meeting token must be a duration from 5m to 8736h";
    let rows = [
        (
            with(json!([])),
            "meetingTokens.tokens must have at least one token",
        ),
        (
            with(json!([host(json!({})), host(json!({}))])),
            "must not contain a key twice",
        ),
        (with(json!([host(json!({"key": "a b"}))])), key),
        (with(json!([host(json!({"key": ".."}))])), key),
        (
            with(json!([host(json!({"role": "Host"}))])),
            "supported values: \"Owner\", \"Participant\"",
        ),
        (with(json!([{"key": "host"}])), "role: Required value"),
        (
            with(json!([host(json!({"userName": ""}))])),
            "userName must not be empty",
        ),
        (with(json!([host(json!({"ttl": "4m59s"}))])), ttl),
        (with(json!([host(json!({"ttl": "8737h"}))])), ttl),
        (with(json!([host(json!({"ttl": "a day"}))])), ttl),
        (
            named("A_b"),
            "meetingTokens.secretName must be a valid name of a Secret",
        ),
        (named("a-dialin"), same),
    ];
    for (tokens, sentence) in rows {
        refused(
            fx,
            Room,
            "a",
            json!({"ttl": "8h", "meetingTokens": tokens}),
            sentence,
        )
        .await;
    }
    let taken = json!({"ttl": "8h", "secret": {"name": "a-tokens"}, "meetingTokens": good});
    refused(fx, Room, "a", taken, same).await;
    let swapped =
        json!({"ttl": "8h", "secret": {"name": "a-tokens"}, "meetingTokens": named("a-dialin")});
    fx.room("a", swapped).await;
    let many: Value = (0..10)
        .map(|n| json!({"key": format!("k{n}"), "role": "Participant", "ttl": "5m"}))
        .collect();
    fx.room("b", json!({"ttl": "8h", "meetingTokens": with(many)}))
        .await;
    let long = "a".repeat(247);
    let spec = json!({"ttl": "8h", "secret": {"name": "short"}, "meetingTokens": good});
    refused(fx, Room, &long, spec, "set spec.meetingTokens.secretName").await;
}

async fn number_is_immutable(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    let sentence = "phoneNumber is immutable; create another PinDialinNumber for another number";
    refused(
        fx,
        Number,
        "main-line",
        json!({"phoneNumber": "+14155550100"}),
        sentence,
    )
    .await;
}

async fn adoption(fx: &mut Fixture) {
    let sentence = "adoptionPolicy AdoptOrCreate needs roomName; set roomName to the name of the room to adopt";
    let adopts = json!({"ttl": "8h", "adoptionPolicy": "AdoptOrCreate"});
    refused(fx, Room, "a", adopts, sentence).await;
    fx.room("a", json!({"ttl": "8h", "adoptionPolicy": "Never"}))
        .await;
    let named = json!({"ttl": "8h", "adoptionPolicy": "AdoptOrCreate", "roomName": "board"});
    fx.room("b", named).await;
}

async fn defaults(fx: &mut Fixture) {
    let room = fx.room("a", json!({"ttl": "8h"})).await;
    assert_eq!(room.text("/spec/missingRoomPolicy"), "Recreate");
    assert_eq!(room.text("/spec/adoptionPolicy"), "Never");
    // An adopted room keeps what the spec does not set, so nothing is set that the user did not write.
    assert!(room.at("/spec/privacy").is_null() && room.at("/spec/dialin").is_null());
    let room = fx.room("a", json!({"ttl": "8h", "dialin": {}})).await;
    let dialin = json!({"codeInStatus": "Include", "globalNumbers": ["US"]});
    assert_eq!(*room.at("/spec/dialin"), dialin);
    assert_eq!(room.finalizers(), 0, "nobody serves it here");
}
