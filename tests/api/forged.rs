//! What a tenant writes into its own objects harms nobody: single attacks, each with its own harm.

use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::adopt::taking_over;
use crate::fixture::{DOMAIN, Fixture, NUMBER, Setup};
use crate::objects::Kind::{Number, Room};
use crate::objects::{Kind, Object};
use crate::stage::Stage;
use crate::stake::Stake;
use crate::wait::LATER;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let plain = Setup::new;
    vec![
        stage.trial(
            "forged::absurd_numbers_end_nothing",
            plain(),
            absurd_numbers,
        ),
        stage.trial(
            "forged::claim_takes_no_room_made_by_hand",
            plain(),
            room_made_by_hand,
        ),
        stage.trial(
            "forged::claim_takes_no_config_made_by_hand",
            plain(),
            config_made_by_hand,
        ),
        stage.trial(
            "forged::secret_publishes_no_number",
            plain().neighbour(),
            secret_publishes_no_number,
        ),
        stage.trial(
            "forged::domain_borrows_no_key",
            plain().neighbour(),
            domain_borrows_no_key,
        ),
        stage.trial(
            "forged::records_do_not_stop_recreation",
            plain(),
            recreation_goes_on,
        ),
    ]
}

/// A record for what is not the object's, in every annotation that could ever have been one.
fn records(fx: &Fixture, domain: &str, name: &str, rest: &Value) -> Value {
    let mut record = json!({
        "uid": "", "clusterId": "", "domainId": domain, "domainName": DOMAIN, "name": name,
        "installationId": format!("{}/daily-operator", fx.home),
    });
    let fields = record.as_object_mut().expect("it is an object");
    fields.extend(rest.as_object().cloned().unwrap_or_default());
    let record = record.to_string();
    json!({"daily-operator.io/binding": record, "daily-operator.io/record": record})
}

/// Creates an object with a finalizer and records, which then know its uid.
async fn forge(fx: &Fixture, kind: Kind, name: &str, spec: &Value, annotations: &Value) {
    let mut manifest = kind.manifest(name, spec);
    manifest["metadata"]["finalizers"] = json!(["daily-operator.io/finalizer"]);
    manifest["metadata"]["annotations"] = annotations.clone();
    let uid = fx.create(kind, &manifest).await.uid().to_owned();
    let known = annotations
        .to_string()
        .replace(r#"\"uid\":\"\""#, &format!(r#"\"uid\":\"{uid}\""#));
    let known: Value = serde_json::from_str(&known).expect("is JSON");
    fx.merge(kind, name, json!({"metadata": {"annotations": known}}))
        .await;
}

async fn is_keyless(fx: &Fixture, name: &str) {
    let keyless = |room: &Object| {
        let conditions = room.at("/status/conditions").to_string();
        conditions.contains("ApiKeyNotFound")
    };
    fx.until(Room, name, "says that it has no key", LATER, keyless)
        .await;
}

async fn domain_of(fx: &Fixture) -> String {
    fx.room("bystander", json!({"ttl": "1h"})).await;
    let bystander = fx.ready(Room, "bystander").await;
    bystander.text("/status/account/domainId").to_owned()
}

/// Numbers at the ends of their range stop neither the operator nor the object.
async fn absurd_numbers(fx: &mut Fixture) {
    let domain = domain_of(fx).await;
    let stake = Stake::of(fx, Room, "bystander").await;
    for (nth, number) in [i64::MIN, i64::MAX, 0].into_iter().enumerate() {
        let name = format!("absurd-{nth}");
        let end = json!({"at": number, "of": "ttl=7200"});
        let claim = json!({"claim": {"at": number, "end": end, "pastEnd": number}});
        let made = json!({"made": {"id": "x", "end": end}, "recreated": [number, number]});
        for (what, rest) in [("claim", claim), ("made", made)] {
            let name = format!("{name}-{what}");
            let spec = json!({"ttl": "2h", "roomName": name});
            let annotations = records(fx, &domain, &name, &rest);
            forge(fx, Room, &name, &spec, &annotations).await;
        }
    }
    for nth in 0..3 {
        for what in ["claim", "made"] {
            fx.ready(Room, &format!("absurd-{nth}-{what}")).await;
        }
    }
    fx.operator().is_healthy().await;
    stake.is_untouched(fx).await;
}

/// Somebody is inside, and nobody may take the room over without the administrator's leave.
async fn room_made_by_hand(fx: &mut Fixture) {
    let domain = domain_of(fx).await;
    let exp = k8s_openapi::jiff::Timestamp::now().as_second() + 7200;
    let theirs = json!({"name": "board", "properties": {"exp": exp, "dialin": {
        "display_name": "Phone Caller", "wait_for_meeting_start": true}, "eject_at_room_exp": true}});
    let theirs = fx.by_hand.post("/rooms", &theirs).await;
    let theirs = theirs.expect("Daily answers").body;
    fx.sim.join("board", "somebody").await.expect("joins");
    let before = fx.room_at_daily("board").await;
    let records = [
        json!({"claim": {"at": 0}}),
        json!({"made": {"id": theirs["id"]}}),
    ];
    for (nth, rest) in records.iter().enumerate() {
        let name = format!("attacker-{nth}");
        let spec = json!({"ttl": "30m", "roomName": "board"});
        let annotations = self::records(fx, &domain, "board", rest);
        forge(fx, Room, &name, &spec, &annotations).await;
        fx.condition(Room, &name, ("Stalled", "True", "NameTaken"))
            .await;
        let adopts = json!({"spec": taking_over(spec)});
        fx.merge(Room, &name, adopts).await;
        let stalled = ("Stalled", "True", "AdoptionNotAllowed");
        fx.condition(Room, &name, stalled).await;
        assert!(fx.find_secret(&format!("{name}-dialin")).await.is_none());
        fx.delete(Room, &name).await;
        fx.gone(Room, &name).await;
    }
    assert_eq!(fx.room_at_daily("board").await, before);
}

async fn config_made_by_hand(fx: &mut Fixture) {
    let domain = domain_of(fx).await;
    let theirs = json!({"type": "pin_dialin", "phone_number": NUMBER});
    let theirs = fx.by_hand.post("/domain-dialin-config", &theirs).await;
    let theirs = theirs.expect("Daily answers").body;
    let before = fx.configs_at_daily().await;
    let forgeries = [
        json!({"claim": {"at": 0}}),
        json!({"made": {"id": theirs["id"]}}),
    ];
    for (nth, rest) in forgeries.iter().enumerate() {
        let name = format!("attacker-{nth}");
        let annotations = records(fx, &domain, NUMBER, rest);
        let spec = json!({"phoneNumber": NUMBER});
        forge(fx, Number, &name, &spec, &annotations).await;
        fx.condition(Number, &name, ("Stalled", "True", "NumberInUse"))
            .await;
        let adopts = json!({"spec": taking_over(spec)});
        fx.merge(Number, &name, adopts).await;
        let stalled = ("Stalled", "True", "AdoptionNotAllowed");
        fx.condition(Number, &name, stalled).await;
        fx.delete(Number, &name).await;
        fx.gone(Number, &name).await;
    }
    assert_eq!(fx.configs_at_daily().await, before);
}

/// A Secret that looks as if the operator had written it names a number that the namespace may not have.
async fn secret_publishes_no_number(fx: &mut Fixture) {
    let home = fx.go_to(fx.neighbour());
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    fx.go_to(home);
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let mut forged = fx.find_secret("standup-dialin").await.expect("is there");
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    let numbers = json!([{"phoneNumber": NUMBER, "source": "Purchased"}]).to_string();
    let data = forged.data.as_mut().expect("it has data");
    data.insert("phone-numbers".into(), ByteString(numbers.into_bytes()));
    forged.metadata = ObjectMeta {
        name: forged.metadata.name,
        labels: forged.metadata.labels,
        ..ObjectMeta::default()
    };
    let created = fx.secrets().create(&PostParams::default(), &forged).await;
    created.expect("it can be created");
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    let shown = room.at("/status/phoneNumbers").to_string();
    assert!(!shown.contains(NUMBER), "{shown}");
}

/// An object that names a key that does not exist, in a namespace that never had one in force.
async fn domain_borrows_no_key(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "8h", "roomName": "board"}))
        .await;
    let stake = Stake::of(fx, Room, "standup").await;
    let domain = stake.object.text("/status/account/domainId").to_owned();
    let annotations = records(fx, &domain, "board", &json!({"made": {"id": stake.id()}}));
    let home = fx.go_to(fx.neighbour());
    let spec = json!({"ttl": "30m", "roomName": "board", "apiKeySecretRef": {"name": "none"}});
    forge(fx, Room, "attacker", &spec, &annotations).await;
    is_keyless(fx, "attacker").await;
    let mark = fx.mark().await;
    fx.delete(Room, "attacker").await;
    fx.gone(Room, "attacker").await;
    fx.journal_since(mark)
        .await
        .expect_no_write("it has no key");
    fx.go_to(home);
    stake.is_untouched(fx).await;
}

/// More rooms than may be missing at once are named, and none of them exists.
async fn recreation_goes_on(fx: &mut Fixture) {
    let domain = domain_of(fx).await;
    for nth in 0..7 {
        let name = format!("attacker-{nth}");
        let spec = json!({"ttl": "1h", "roomName": name, "apiKeySecretRef": {"name": "none"}});
        let made = json!({"made": {"id": name, "end": {"at": i64::from(u32::MAX), "of": ""}}});
        let annotations = records(fx, &domain, &name, &made);
        forge(fx, Room, &name, &spec, &annotations).await;
        is_keyless(fx, &name).await;
    }
    let before = fx.ready(Room, "bystander").await;
    let path = format!("/rooms/{}", before.room_name());
    fx.by_hand.delete(&path).await.expect("Daily answers");
    let again = |room: &Object| room.at("/status/dialinCodeRevision") == 2 && room.is_ready();
    fx.until(Room, "bystander", "is recreated", LATER, again)
        .await;
}
