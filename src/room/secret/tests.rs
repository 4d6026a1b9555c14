//! What the Secret says, and whose it is.

use serde_json::{Value, json};

use super::*;
use crate::crd::NumberSource;

fn object() -> Meta {
    Meta {
        namespace: "team".into(),
        name: "standup".into(),
        uid: "uid-1".into(),
        resource_version: "1".into(),
        generation: 1,
        created: 0,
        deleting: None,
        has_finalizer: false,
        requested: None,
    }
}

fn content() -> SecretContent {
    let number = |number: &str, source, country: Option<&str>| PublishedNumber {
        phone_number: number.into(),
        source,
        country: country.map(str::to_owned),
    };
    SecretContent {
        secret_name: "standup-dialin".into(),
        room_name: "standup-room".into(),
        url: "https://demo.daily.co/standup-room".into(),
        pin: Pin::new("00123456789").unwrap(),
        revision: 1,
        numbers: vec![
            number("+12025550123", NumberSource::RoomNumber, Some("US")),
            number("+442071838750", NumberSource::Purchased, None),
        ],
        end: 1_800_000_000,
        added: SecretSpec::default(),
    }
}

/// The content with labels, annotations and aliases of the spec.
fn added() -> SecretContent {
    let added = json!({
        "labels": {"team": "x"}, "annotations": {"example.com/note": "y"},
        "aliases": [{"key": "DIALIN_CODE", "from": "dialin-code"}, {"key": "END", "from": "expiration-time"}],
    });
    SecretContent {
        added: serde_json::from_value(added).unwrap(),
        ..content()
    }
}

/// The Secret as the API server has it.
fn stored() -> Secret {
    let mut secret = wanted(&object(), &content());
    secret.metadata.uid = Some("secret-uid".into());
    secret.metadata.resource_version = Some("9".into());
    secret
}

fn whose(change: impl FnOnce(&mut Secret)) -> Found {
    let mut secret = stored();
    change(&mut secret);
    found(&object(), Some(&secret))
}

fn says(found: &Found) -> &str {
    match found {
        Found::Ours { fingerprint, .. } => fingerprint,
        other => panic!("not ours: {other:?}"),
    }
}

#[test]
fn an_app_finds_what_it_needs_under_these_keys() {
    let data = wanted(&object(), &content()).data.unwrap();
    let text: BTreeMap<String, String> = data
        .into_iter()
        .map(|(key, value)| (key, String::from_utf8(value.0).unwrap()))
        .collect();
    let numbers: Value = serde_json::from_str(&text["phone-numbers"]).unwrap();
    assert_eq!(
        numbers,
        json!([
            {"phoneNumber": "+12025550123", "source": "RoomNumber", "country": "US",
             "dialString": "+12025550123,,00123456789"},
            {"phoneNumber": "+442071838750", "source": "Purchased",
             "dialString": "+442071838750,,00123456789"},
        ])
    );
    let rest: Vec<(&str, &str)> = text
        .iter()
        .filter(|(key, _)| *key != "phone-numbers")
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let expected = [
        ("dial-string", "+12025550123,,00123456789"),
        ("dialin-code", "00123456789"),
        ("phone-number", "+12025550123"),
        ("provider", "daily"),
        ("room-name", "standup-room"),
        ("tel-uri", "tel:+12025550123,,00123456789"),
        ("type", "daily-dialin"),
        ("uri", "https://demo.daily.co/standup-room"),
    ];
    assert_eq!(rest, expected);
}

#[test]
fn it_carries_type_label_end_and_owner() {
    let secret = wanted(&object(), &content());
    assert_eq!(
        secret.type_.as_deref(),
        Some("servicebinding.io/daily-dialin")
    );
    let meta = secret.metadata;
    let label = naming::owner_label("team", "standup");
    assert_eq!(
        meta.labels.unwrap(),
        BTreeMap::from([
            (OWNER_LABEL.to_owned(), label),
            (
                "app.kubernetes.io/managed-by".into(),
                "daily-operator".into()
            ),
            ("app.kubernetes.io/part-of".into(), "daily-operator".into()),
        ])
    );
    let annotations = meta.annotations.unwrap();
    assert_eq!(annotations[OWNER_ANNOTATION], "standup");
    assert_eq!(annotations[END_ANNOTATION], "2027-01-15T08:00:00Z");
    let owner = &meta.owner_references.unwrap()[0];
    assert_eq!(
        (owner.uid.as_str(), owner.controller),
        ("uid-1", Some(true))
    );
    assert_eq!(owner.block_owner_deletion, None);
}

#[test]
fn what_we_wrote_is_ours_and_its_numbers_are_read_back() {
    let expected = Found::Ours {
        kind: SecretKind::Dialin,
        uid: "secret-uid".into(),
        resource_version: "9".into(),
        fingerprint: fingerprint(&wanted(&object(), &content())),
        has_common_labels: true,
        numbers: content().numbers,
        tokens: BTreeMap::new(),
        pin: Some(WrittenPin {
            pin: content().pin,
            revision: Some(1),
        }),
    };
    assert_eq!(whose(|_| {}), expected);
    assert_eq!(found(&object(), None), Found::Absent);
}

#[test]
fn what_is_not_surely_ours_is_foreign() {
    let owner = |change: fn(&mut OwnerReference)| {
        move |it: &mut Secret| change(&mut it.metadata.owner_references.as_mut().unwrap()[0])
    };
    assert_eq!(whose(|it| it.type_ = Some("Opaque".into())), Found::Foreign);
    assert_eq!(whose(|it| it.type_ = None), Found::Foreign);
    let of_another = |change: fn(&mut OwnerReference)| {
        whose(|it| {
            let owner = &mut it.metadata.owner_references.as_mut().unwrap()[0];
            owner.uid = "uid-2".into();
            change(owner);
        })
    };
    assert_eq!(
        of_another(|it| it.kind = "Deployment".into()),
        Found::Foreign
    );
    assert_eq!(of_another(|it| it.name = "other".into()), Found::Foreign);
    // Without the label, only the controller proves anything.
    for owners in [None, Some("uid-0")] {
        let unlabelled = whose(|it| {
            it.metadata.labels = None;
            let owner = it.metadata.owner_references.take().unwrap().remove(0);
            it.metadata.owner_references = owners.map(|uid| {
                let uid = uid.to_owned();
                vec![OwnerReference { uid, ..owner }]
            });
        });
        assert_eq!(unlabelled, Found::Foreign);
    }
    // An owner that controls nothing, or the object of before, changes nothing of that.
    let idle = whose(owner(|it| {
        it.kind = "Deployment".into();
        it.controller = None;
    }));
    assert_ne!(idle, Found::Foreign);
    assert_ne!(whose(owner(|it| it.uid = "uid-0".into())), Found::Foreign);
}

#[test]
fn a_restored_secret_is_ours_and_is_put_right() {
    let restored = whose(|it| it.metadata.owner_references = None);
    assert_ne!(says(&restored), says(&whose(|_| {})));
    let of_before = whose(|it| {
        it.metadata.owner_references.as_mut().unwrap()[0].uid = "uid-0".into();
    });
    assert_ne!(says(&of_before), says(&whose(|_| {})));
}

#[test]
fn a_secret_whose_label_was_taken_away_is_put_right() {
    let edits: [fn(&mut BTreeMap<String, String>); 2] = [
        |labels| drop(labels.remove(OWNER_LABEL)),
        |labels| drop(labels.insert(OWNER_LABEL.into(), "other".into())),
    ];
    for edit in edits {
        let edited = whose(|it| edit(it.metadata.labels.as_mut().unwrap()));
        assert_ne!(says(&edited), says(&whose(|_| {})));
    }
}

#[test]
fn only_what_is_ours_is_compared() {
    let labelled = whose(|it| {
        let meta = &mut it.metadata;
        let labels = meta.labels.as_mut().unwrap();
        labels.insert("theirs".into(), "yes".into());
        let annotations = meta.annotations.as_mut().unwrap();
        annotations.insert("theirs".into(), "yes".into());
    });
    assert_eq!(says(&labelled), says(&whose(|_| {})));
    // An update keeps the keys that somebody else has added, so they are nothing to put right.
    let more = whose(|it| {
        let data = it.data.as_mut().unwrap();
        data.insert("more".into(), ByteString::default());
    });
    assert_eq!(says(&more), says(&whose(|_| {})));
    let edits: [fn(&mut Secret); 4] = [
        |it| {
            let data = it.data.as_mut().unwrap();
            data.insert("dialin-code".into(), ByteString(b"1".to_vec()));
        },
        |it| {
            it.data.as_mut().unwrap().remove("uri");
        },
        |it| {
            it.metadata
                .annotations
                .as_mut()
                .unwrap()
                .remove(END_ANNOTATION);
        },
        |it| {
            let annotations = it.metadata.annotations.as_mut().unwrap();
            annotations.remove(MANAGED_ANNOTATION);
        },
    ];
    for edit in edits {
        assert_ne!(says(&whose(edit)), says(&whose(|_| {})));
    }
}

#[test]
fn labels_of_all_secrets_are_put_right_and_say_nothing() {
    let labelled = |found: Found| match found {
        Found::Ours {
            has_common_labels, ..
        } => has_common_labels,
        other => panic!("not ours: {other:?}"),
    };
    for (key, _) in COMMON_LABELS {
        for edit in [None, Some("Helm".to_owned())] {
            let found = whose(|it| {
                let labels = it.metadata.labels.as_mut().unwrap();
                labels.remove(key);
                labels.extend(edit.map(|edit| (key.to_owned(), edit)));
            });
            assert_eq!(says(&found), says(&whose(|_| {})));
            assert!(!labelled(found), "{key}");
        }
    }
}

#[test]
fn it_says_which_keys_the_operator_set() {
    let secret = wanted(&object(), &content());
    let annotations = secret.metadata.annotations.unwrap();
    let managed: Value = serde_json::from_str(&annotations[MANAGED_ANNOTATION]).unwrap();
    let data: Vec<&String> = secret.data.as_ref().unwrap().keys().collect();
    let labels: Vec<String> = secret.metadata.labels.unwrap().into_keys().collect();
    let expected = json!({
        "data": data, "labels": labels, "annotations": [OWNER_ANNOTATION, REVISION_ANNOTATION, END_ANNOTATION]});
    assert_eq!(managed, expected);
}

#[test]
fn what_the_spec_adds_is_written_and_compared() {
    let secret = wanted(&object(), &added());
    let data = secret.data.as_ref().unwrap();
    assert_eq!(data["DIALIN_CODE"], data["dialin-code"]);
    assert_eq!(data["END"].0, b"2027-01-15T08:00:00Z");
    assert_eq!(data.len(), 11);
    let edits: [fn(&mut Secret); 4] = [
        |it| drop(it.data.as_mut().unwrap().remove("END")),
        |it| drop(it.metadata.labels.as_mut().unwrap().remove("team")),
        |it| {
            let annotations = it.metadata.annotations.as_mut().unwrap();
            annotations.insert("example.com/note".into(), "z".into());
        },
        |it| it.data = wanted(&object(), &content()).data,
    ];
    for edit in edits {
        let mut edited = secret.clone();
        edit(&mut edited);
        assert_ne!(fingerprint(&edited), fingerprint(&secret));
    }
    assert_ne!(
        fingerprint(&wanted(&object(), &content())),
        fingerprint(&secret)
    );
}

#[test]
fn numbers_that_cannot_be_read_are_none() {
    let broken = whose(|it| {
        let data = it.data.as_mut().unwrap();
        data.insert("phone-numbers".into(), ByteString(b"{".to_vec()));
    });
    let Found::Ours { numbers, .. } = broken else {
        panic!("not ours: {broken:?}");
    };
    assert_eq!(numbers, Vec::new());
}

#[test]
fn a_card_does_not_show_its_pin() {
    assert!(!format!("{:?}", content()).contains("00123456789"));
}

/// If the status may not have the PIN, the Secret shows which one was published, unless somebody edited it.
#[test]
fn a_pin_is_read_back_if_the_operator_wrote_it() {
    let content = SecretContent {
        revision: 2,
        ..content()
    };
    let read = |change: fn(&mut Secret)| {
        let mut secret = wanted(&object(), &content);
        secret.metadata.uid = Some("secret-uid".into());
        secret.metadata.resource_version = Some("9".into());
        change(&mut secret);
        match found(&object(), Some(&secret)) {
            Found::Ours { pin, .. } => pin,
            other => panic!("{other:?}"),
        }
    };
    let written = |revision| {
        let pin = content.pin.clone();
        Some(WrittenPin { pin, revision })
    };
    assert_eq!(read(|_| {}), written(Some(2)));
    fn annotations(secret: &mut Secret) -> &mut BTreeMap<String, String> {
        secret.metadata.annotations.as_mut().unwrap()
    }
    let before = read(|it| drop(annotations(it).remove(REVISION_ANNOTATION)));
    assert_eq!(before, written(None), "by an earlier version");
    let edits: [fn(&mut Secret); 4] = [
        |it| {
            annotations(it).insert(REVISION_ANNOTATION.into(), "two".into());
        },
        |it| {
            let data = it.data.as_mut().unwrap();
            data.insert("dialin-code".into(), ByteString(b"00123456780".to_vec()));
        },
        |it| {
            let long = "1".repeat(LONGEST_PIN + 1).into_bytes();
            let data = it.data.as_mut().unwrap();
            data.insert(
                "dial-string".into(),
                ByteString([b",,".to_vec(), long.clone()].concat()),
            );
            data.insert("dialin-code".into(), ByteString(long));
        },
        |it| drop(it.data.as_mut().unwrap().remove("dialin-code")),
    ];
    for edit in edits {
        assert_eq!(read(edit), None);
    }
    let shown = serde_json::json!(wanted(&object(), &content).metadata).to_string();
    assert!(
        !shown.contains(content.pin.digits()),
        "no annotation has the PIN"
    );
}
