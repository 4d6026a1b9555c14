//! Draws hostile objects: everything that a tenant may write, from strings that have broken things
//! elsewhere and from chance.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};

use crate::fixture::{CALLER_ID, FOREIGN_NUMBER, NUMBER, SECOND_NUMBER};
use crate::objects::Kind;

/// An object, and what its tenant does to it.
#[derive(Clone, Debug)]
pub struct Hostile {
    pub kind: Kind,
    pub name: String,
    pub manifest: Value,
    /// JSON merge patches.
    pub patches: Vec<Value>,
    /// Whether it is deleted at once.
    pub deleted: bool,
}

/// So many objects, which the seed decides.
pub fn draw(seed: u64, count: usize) -> Vec<Hostile> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut draw = |nth: usize| {
        let tree = hostile(nth).new_tree(&mut runner);
        tree.expect("the strategy draws").current()
    };
    (0..count).map(&mut draw).collect()
}

fn hostile(nth: usize) -> impl Strategy<Value = Hostile> {
    let kind = prop_oneof![3 => Just(Kind::Room), 1 => Just(Kind::Number)];
    kind.prop_flat_map(move |kind| {
        let patches = vec(patch(kind), 0..4);
        (name(nth), spec(kind), metadata(), patches, any::<bool>()).prop_map(
            move |(name, spec, metadata, patches, deleted)| {
                let mut manifest = kind.manifest(&name, &spec);
                for (key, value) in metadata {
                    manifest["metadata"][key] = value;
                }
                manifest["status"] = json!({"dialinCode": "0", "record": "{\"made\":{}}"});
                Hostile {
                    kind,
                    name,
                    manifest,
                    patches,
                    deleted,
                }
            },
        )
    })
}

/// Names of up to 253 characters, no two alike.
fn name(nth: usize) -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just(format!("h{nth}")),
        1 => "[a-z0-9]{1,20}([-.][a-z0-9]{1,20}){0,3}".prop_map(move |it| format!("h{nth}-{it}")),
        1 => (100..252_usize).prop_map(move |length| {
            let begin = format!("h{nth}-");
            let filler = "x".repeat(length - begin.len());
            begin + &filler
        }),
    ]
}

/// What has broken software elsewhere.
const STRINGS: [&str; 16] = [
    "",
    " ",
    "?limit=50",
    "../../secrets",
    "a/b",
    "%2e%2e%2f",
    "#",
    "\u{0}",
    "line\r\nHost: example.com",
    "\"}],\"x\":[{\"",
    "{{ .Values }}${jndi:ldap://x}",
    "\u{202e}\u{feff}\u{10ffff}",
    "none",
    "daily-api-key",
    "board",
    "main-line",
];

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        4 => select(&STRINGS[..]).prop_map(str::to_owned),
        4 => "[ -~]{1,40}",
        3 => ".{1,40}",
        1 => (200..1200_usize).prop_map(|length| "y".repeat(length)),
    ]
    .boxed()
}

/// One of these, or any string.
fn likely(values: &'static [&'static str]) -> BoxedStrategy<Value> {
    prop_oneof![
        16 => select(values).prop_map(|it| json!(it)),
        1 => text().prop_map(|it| json!(it)),
    ]
    .boxed()
}

/// Any JSON value in the place of another.
fn anything() -> BoxedStrategy<Value> {
    prop_oneof![
        text().prop_map(|it| json!(it)),
        any::<i64>().prop_map(|it| json!(it)),
        any::<f64>().prop_map(|it| json!(it)),
        any::<bool>().prop_map(|it| json!(it)),
        Just(Value::Null),
        Just(json!([])),
        Just(json!({"a": [{"b": {}}]})),
    ]
    .boxed()
}

/// Most objects are admitted only if most of their fields are in order.
fn mostly(value: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop_oneof![60 => value, 1 => anything()].boxed()
}

fn object(fields: Vec<(&'static str, f64, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let field = |(key, chance, value): (&'static str, f64, BoxedStrategy<Value>)| {
        proptest::option::weighted(chance, mostly(value)).prop_map(move |it| (key, it))
    };
    let fields: Vec<_> = fields.into_iter().map(field).collect();
    fields
        .prop_map(|fields| {
            let given = |(key, value): (&str, Option<Value>)| Some((key.to_owned(), value?));
            Value::Object(fields.into_iter().filter_map(given).collect::<Map<_, _>>())
        })
        .boxed()
}

const TTLS: [&str; 8] = [
    "10s",
    "1h",
    "2h",
    "8736h",
    "1h30m",
    "45m",
    "30m1h",
    "99999999h",
];
const ENDS: [&str; 7] = [
    "9999-12-31T23:59:59Z",
    "0000-01-01T00:00:00Z",
    "2020-01-01T00:00:00Z",
    "2026-11-31T10:00:00Z",
    "2030-01-01T00:00:00+99:99",
    "2030-01-01T00:00:00.999999999-23:59",
    "1969-12-31T23:59:59Z",
];

/// `board` is the neighbour's room.
const ROOM_NAMES: [&str; 5] = ["board", "BOARD", "hostile", "hostile-room", "_"];
const NUMBERS: [&str; 5] = [
    NUMBER,
    SECOND_NUMBER,
    CALLER_ID,
    FOREIGN_NUMBER,
    "+999999999999999",
];
const KEY_SECRETS: [&str; 4] = ["none", "daily-api-key", "standup-dialin", "?limit=50"];
const POLICIES: [&str; 2] = ["Delete", "Retain"];
const ROOM_POLICIES: [&str; 3] = ["DeleteWhenEmpty", "Delete", "Retain"];
const ADOPTIONS: [&str; 2] = ["Never", "AdoptOrCreate"];

fn key() -> BoxedStrategy<Value> {
    let fields = vec![
        ("name", 0.97, likely(&KEY_SECRETS)),
        ("key", 0.3, likely(&["api-key", ".", "-"])),
    ];
    object(fields)
}

fn spec(kind: Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Room => room(),
        Kind::Number => number(),
    }
}

fn room() -> BoxedStrategy<Value> {
    let named = object(vec![
        ("phoneNumber", 0.5, likely(&NUMBERS)),
        (
            "numberRef",
            0.5,
            object(vec![
                ("name", 0.97, likely(&["main-line", "h1", ".."])),
                ("namespace", 0.3, likely(&["default", "kube-system"])),
            ]),
        ),
    ]);
    let flag = || any::<bool>().prop_map(|it| json!(it)).boxed();
    let dialin = object(vec![
        ("displayName", 0.5, text().prop_map(|it| json!(it)).boxed()),
        ("waitForMeetingStart", 0.3, flag()),
        ("globalNumbers", 0.2, list(likely(&["US", "GB", "XX"]))),
        ("codeInStatus", 0.3, likely(&["Include", "Omit"])),
        (
            "roomNumbers",
            0.3,
            vec(named, 0..4).prop_map(|it| json!(it)).boxed(),
        ),
    ]);
    let rest = object(vec![
        ("roomName", 0.4, likely(&ROOM_NAMES)),
        ("privacy", 0.3, likely(&["Public", "Private"])),
        ("ejectAtRoomExpiry", 0.3, flag()),
        ("dialin", 0.5, dialin),
        ("secret", 0.3, secret()),
        ("meetingTokens", 0.2, tokens()),
        ("roomProperties", 0.2, properties()),
        (
            "maxParticipants",
            0.1,
            (0..=100_000).prop_map(|it| json!(it)).boxed(),
        ),
        ("notBeforeTime", 0.1, likely(&["2020-01-01T00:00:00Z"])),
        ("suspend", 0.1, flag()),
        ("ttlAfterExpired", 0.1, likely(&["10s", "1h"])),
        ("deletionPolicy", 0.3, likely(&ROOM_POLICIES)),
        ("maxDrain", 0.3, likely(&["10s", "30m", "169h", "1d"])),
        ("adoptionPolicy", 0.3, likely(&ADOPTIONS)),
        ("missingRoomPolicy", 0.3, likely(&["Recreate", "Report"])),
        ("apiKeySecretRef", 0.3, key()),
    ]);
    let end = prop_oneof![
        3 => likely(&TTLS).prop_map(|it| json!({"ttl": it})),
        1 => renewal().prop_map(|it| json!({"ttl": "2h", "renewal": it})),
        1 => likely(&ENDS).prop_map(|it| json!({"expirationTime": it})),
    ];
    (end, rest)
        .prop_map(|(end, rest)| {
            let mut spec = rest;
            if let (Some(all), Some(end)) = (spec.as_object_mut(), end.as_object()) {
                all.extend(end.clone());
            }
            spec
        })
        .boxed()
}

/// Mostly of one item, because many lists may have none twice.
fn list(item: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop_oneof![8 => vec(item.clone(), 1), 1 => vec(item, 0..4)]
        .prop_map(|it| json!(it))
        .boxed()
}

/// The labels or annotations of a Secret or of a selector.
fn labels() -> BoxedStrategy<Value> {
    let keys = prop_oneof![
        20 => select(vec!["team", "example.com/a"]),
        1 => select(vec!["daily-operator.io/dailyroom", ""]),
    ];
    btree_map(keys, likely(&["a", "b"]), 0..3)
        .prop_map(|it| json!(it))
        .boxed()
}

fn secret() -> BoxedStrategy<Value> {
    let from = likely(&["dialin-code", "phone-number", "uri", "type"]);
    let alias = object(vec![
        ("key", 0.97, likely(&["PIN", "a", "uri"])),
        ("from", 0.97, from),
    ]);
    object(vec![
        ("name", 0.5, likely(&["daily-api-key", "shared", "own"])),
        ("labels", 0.3, labels()),
        ("annotations", 0.3, labels()),
        ("aliases", 0.3, list(alias)),
    ])
}

fn renewal() -> BoxedStrategy<Value> {
    object(vec![("before", 0.97, likely(&["10m", "1h"]))])
}

fn tokens() -> BoxedStrategy<Value> {
    let flag = any::<bool>().prop_map(|it| json!(it)).boxed();
    let token = object(vec![
        ("key", 0.97, likely(&["bot", "host"])),
        ("role", 0.5, likely(&["Owner", "Participant"])),
        ("userName", 0.3, likely(&["Bot", "Host \u{202e}"])),
        ("ttl", 0.3, likely(&["10m", "1h"])),
        ("ejectAtTokenExpiry", 0.3, flag),
    ]);
    object(vec![
        (
            "secretName",
            0.3,
            likely(&["daily-api-key", "shared", "own"]),
        ),
        ("tokens", 0.97, list(token)),
    ])
}

/// Names of properties that Daily has, that the spec has elsewhere, and others, with any values.
fn properties() -> BoxedStrategy<Value> {
    let keys = prop_oneof![
        20 => select(vec!["enable_chat", "geo", "sip", "no_such_property", "A"]),
        1 => Just("exp"),
    ];
    btree_map(keys, anything(), 0..3)
        .prop_map(|it| json!(it))
        .boxed()
}

fn allowed_rooms() -> BoxedStrategy<Value> {
    let expression = object(vec![
        (
            "key",
            0.97,
            likely(&["team", "kubernetes.io/metadata.name"]),
        ),
        (
            "operator",
            0.97,
            likely(&["In", "NotIn", "Exists", "DoesNotExist"]),
        ),
        ("values", 0.5, list(likely(&["a", "default"]))),
    ]);
    let selector = object(vec![
        ("matchLabels", 0.5, labels()),
        ("matchExpressions", 0.5, list(expression)),
    ]);
    let namespaces = object(vec![
        ("from", 0.9, likely(&["Same", "All", "Selector"])),
        ("selector", 0.4, selector),
    ]);
    object(vec![("namespaces", 0.9, namespaces)])
}

fn number() -> BoxedStrategy<Value> {
    let greeting = object(vec![(
        "message",
        0.95,
        text().prop_map(|it| json!(it)).boxed(),
    )]);
    object(vec![
        ("phoneNumber", 0.97, likely(&NUMBERS)),
        ("namePrefix", 0.3, text().prop_map(|it| json!(it)).boxed()),
        ("ivrGreeting", 0.4, greeting),
        ("deletionPolicy", 0.3, likely(&POLICIES)),
        ("adoptionPolicy", 0.3, likely(&ADOPTIONS)),
        ("maxDrain", 0.2, likely(&["10s", "30m"])),
        (
            "suspend",
            0.1,
            any::<bool>().prop_map(|it| json!(it)).boxed(),
        ),
        ("allowedRooms", 0.2, allowed_rooms()),
        ("apiKeySecretRef", 0.3, key()),
    ])
}

/// Stand in a record for what the tenant knows once the object is there.
pub const UID: &str = "(uid)";
pub const DOMAIN_ID: &str = "(domain id)";
pub const INSTALLATION_ID: &str = "(installation id)";

/// A string that could pass for a record.
fn record() -> BoxedStrategy<String> {
    let bound = || prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0), any::<i64>()];
    let known = any::<bool>();
    let name = select(vec!["board", "hostile", NUMBER, SECOND_NUMBER]);
    let parts = (known, text(), name, bound(), bound(), 0..3);
    let record = parts.prop_map(|(known, text, name, at, end, stage)| {
        let right = |right: &str| if known { right } else { text.as_str() }.to_owned();
        let end = json!({"at": end, "of": "ttl=3600"});
        let mut record = json!({
            "uid": right(UID), "domainId": right(DOMAIN_ID), "domainName": text, "name": name,
            "installationId": right(INSTALLATION_ID), "recreated": [at, at, at, at],
        });
        if stage != 0 {
            record["claim"] = json!({"at": at, "end": end, "pastEnd": at});
        }
        if stage != 1 {
            record["made"] = json!({"id": text, "end": end});
        }
        record.to_string()
    });
    prop_oneof![6 => record, 1 => text(), 1 => Just("x".repeat(100_000))].boxed()
}

/// The parts of the metadata that a tenant may write.
fn metadata() -> BoxedStrategy<Map<String, Value>> {
    let keys = select(
        &[
            "daily-operator.io/binding",
            "daily-operator.io/record",
            "daily-operator.io/reconcile-requested-at",
            "example.com/filler",
        ][..],
    );
    let annotations = btree_map(keys, record(), 0..4).prop_map(|it| json!(it));
    let finalizers = select(vec![json!([]), json!(["daily-operator.io/finalizer"])]);
    let labels = select(vec![
        json!({}),
        json!({"app.kubernetes.io/managed-by": "daily-operator"}),
        json!({"servicebinding.io/provisioned-service": "true"}),
    ]);
    (annotations, finalizers, labels)
        .prop_map(|(annotations, finalizers, labels)| {
            Map::from_iter([
                ("annotations".to_owned(), annotations),
                ("finalizers".to_owned(), finalizers),
                ("labels".to_owned(), labels),
            ])
        })
        .boxed()
}

/// What the tenant changes afterwards.
fn patch(kind: Kind) -> BoxedStrategy<Value> {
    let stripped = json!({"annotations": null, "finalizers": null, "labels": null});
    prop_oneof![
        3 => spec(kind).prop_map(|spec| json!({"spec": spec})),
        2 => metadata().prop_map(|metadata| json!({"metadata": metadata})),
        1 => Just(json!({"metadata": stripped})),
    ]
    .boxed()
}
