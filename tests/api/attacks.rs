//! Nothing that a tenant may write gives a right over what another object has at Daily.
//!
//! One object is Ready. Two attackers, one in its namespace and one in another that uses the same
//! account, write everything that a tenant may write: spec and metadata, in every way that kubectl,
//! GitOps and backup tools have. A status they cannot write: the API server drops it.

use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::always::no_pin_is_shared;
use crate::fixture::{DOMAIN, Fixture, NUMBER, SECOND_NUMBER, Setup};
use crate::objects::Kind::{Number, Room};
use crate::objects::{Kind, Object};
use crate::stage::Stage;
use crate::stake::Stake;
use crate::wait::LATER;

/// What the object has that is attacked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// A room of a chosen name.
    Chosen,
    /// A room of a derived name.
    Derived,
    /// The dial-in config of a number.
    Config,
}

/// What the attackers do.
#[derive(Clone, Copy)]
enum Attack {
    /// They write into their metadata whatever could pass for a record of what is not theirs.
    Forge,
    /// They apply a copy of the whole object.
    Copy,
    /// They replace their own object with metadata of the other one.
    Replace,
    /// They come while the object has lost its metadata.
    Strip,
    /// They restore a backup of the object under their own name, before its owner restores it.
    Restore,
    /// They come while the object's room or config is being made.
    Race,
}

const TARGETS: [(Target, &str); 3] = [
    (Target::Chosen, "chosen_name"),
    (Target::Derived, "derived_name"),
    (Target::Config, "number"),
];

const ATTACKS: [(Attack, &str); 6] = [
    (Attack::Forge, "forged_records"),
    (Attack::Copy, "copies"),
    (Attack::Replace, "replaced_metadata"),
    (Attack::Strip, "stripped_metadata"),
    (Attack::Restore, "restored_backups"),
    (Attack::Race, "races"),
];

/// The one that is attacked, also the attackers' name elsewhere, and theirs in its namespace.
const VICTIM: &str = "standup";
const ATTACKER: &str = "attacker";
/// Stands in a record for the uid of the object that it is written on.
const OWN_UID: &str = "00000000-0000-4000-8000-000000000000";

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (attack, how) in ATTACKS {
        for (target, what) in TARGETS {
            let setup = match attack {
                Attack::Race => Setup::new().hold_at(target.made_at()),
                _ => Setup::new(),
            };
            let name = format!("attacks::{how}_give_no_right_over_a_{what}");
            let scenario = async move |fx: &mut Fixture| attacked(fx, attack, target).await;
            trials.push(stage.trial(&name, setup.neighbour(), scenario));
        }
    }
    trials
}

impl Target {
    fn kind(self) -> Kind {
        match self {
            Self::Chosen | Self::Derived => Room,
            Self::Config => Number,
        }
    }

    fn spec(self) -> Value {
        match self {
            Self::Chosen => json!({"ttl": "2h", "roomName": "board"}),
            Self::Derived => json!({"ttl": "2h"}),
            Self::Config => greeting(NUMBER, "Hello."),
        }
    }

    /// The point at which it is made and Daily's reply has not come.
    fn made_at(self) -> &'static str {
        match self {
            Self::Chosen | Self::Derived => "room-create:between",
            Self::Config => "config-create:between",
        }
    }
}

fn greeting(number: &str, message: &str) -> Value {
    json!({"phoneNumber": number, "ivrGreeting": {"message": message}})
}

/// The namespaces and names of the attackers.
fn attackers(fx: &Fixture) -> [(String, &'static str); 2] {
    [(fx.home.clone(), ATTACKER), (fx.neighbour(), VICTIM)]
}

async fn attacked(fx: &mut Fixture, attack: Attack, target: Target) {
    let kind = target.kind();
    fx.apply(kind, VICTIM, &target.spec()).await;
    if let Attack::Race = attack {
        race(fx, target).await;
    }
    let stake = Stake::of(fx, kind, VICTIM).await;
    match attack {
        Attack::Forge => forge(fx, target, &stake).await,
        Attack::Copy => copy(fx, target, &stake).await,
        Attack::Replace => replace(fx, target, &stake).await,
        Attack::Strip => strip(fx, target, &stake).await,
        Attack::Restore => restore(fx, target, &stake).await,
        Attack::Race => {}
    }
    let lost = matches!(
        (attack, target),
        (Attack::Restore, Target::Chosen | Target::Config)
    );
    for edit in [None, Some(edit(kind))] {
        for (namespace, name) in attackers(fx) {
            fx.go_to(namespace);
            if let Some(edit) = &edit {
                fx.merge(kind, name, json!({"spec": edit})).await;
            }
            gets_nothing(fx, target, name, &stake).await;
        }
        holds(fx, &stake, lost).await;
    }
    for (namespace, name) in attackers(fx) {
        fx.go_to(namespace);
        fx.delete(kind, name).await;
        fx.gone(kind, name).await;
    }
    holds(fx, &stake, lost).await;
}

/// An edit that would do harm if it reached what is not the attacker's.
fn edit(kind: Kind) -> Value {
    match kind {
        Room => json!({"ttl": "10m", "privacy": "Private", "dialin": {"displayName": "Attacker"}}),
        Number => json!({"ivrGreeting": {"message": "Attacked."}}),
    }
}

/// The owner has lost nothing. One that has `lost` its status cannot prove a chosen name or a
/// config any more; nobody else gets it either.
async fn holds(fx: &mut Fixture, stake: &Stake, lost: bool) {
    fx.go_to(fx.home.clone());
    if lost {
        stake.is_untouched_at_daily(fx).await;
        no_pin_is_shared(fx).await;
    } else {
        stake.is_untouched(fx).await;
    }
}

/// The attacker has a room or config of its own, or nothing, and its status says why.
async fn gets_nothing(fx: &Fixture, target: Target, name: &str, stake: &Stake) {
    let attacker = fx.get(target.kind(), name).await;
    let own_number = attacker.text("/spec/phoneNumber") == SECOND_NUMBER;
    let own = target == Target::Derived || own_number;
    let refused = match target.kind() {
        Room => "NameTaken",
        Number => "NumberInUse",
    };
    let generation = attacker.generation();
    let judged = |object: &Object| {
        let seen = object.at("/status/observedGeneration").as_i64() >= generation;
        seen && match own {
            true => object.is_ready(),
            false => object.has("Stalled", "True", refused),
        }
    };
    let what = "gets nothing of others";
    let now = fx.until(target.kind(), name, what, LATER, judged).await;
    let (pin, theirs) = (now.pin(), stake.object.pin());
    assert!(
        pin.is_none() || pin != theirs,
        "it shows the PIN of another"
    );
    let status = now.at("/status").to_string();
    assert!(!status.contains(stake.id()), "it holds what is another's");
}

/// What a tenant may write of the metadata, as if what is another's were recorded as its own.
fn forged_metadata(fx: &Fixture, name: &str, spec: &Value, stake: &Stake) -> Value {
    let object = &stake.object;
    let thing = match spec["phoneNumber"].as_str() {
        Some(number) => number,
        None => object.room_name(),
    };
    let domain = object.text("/status/account/domainId");
    let mut metadata = forged_record(fx, domain, thing, stake.id());
    metadata["name"] = json!(name);
    metadata["ownerReferences"] = json!([{
        "apiVersion": object.text("/apiVersion"), "kind": object.text("/kind"),
        "name": object.text("/metadata/name"), "uid": object.uid(), "controller": true,
    }]);
    metadata
}

/// The record of an object whose uid is not known yet.
fn forged_record(fx: &Fixture, domain: &str, thing: &str, id: &str) -> Value {
    let record = json!({
        "uid": OWN_UID, "clusterId": "", "domainId": domain, "domainName": DOMAIN, "name": thing,
        "claim": {"at": 0}, "installationId": format!("{}/daily-operator", fx.home),
        "made": {"id": id, "end": {"at": i64::MAX, "of": "ttl=600"}},
    });
    let record = record.to_string();
    json!({
        "finalizers": ["daily-operator.io/finalizer"],
        "labels": {"app.kubernetes.io/managed-by": "daily-operator"},
        "annotations": {
            "daily-operator.io/binding": record, "daily-operator.io/record": record,
        },
    })
}

/// Creates an object, and then writes the uid that it has got into its annotations.
async fn create_forged(fx: &Fixture, kind: Kind, manifest: &Value) {
    let name = manifest["metadata"]["name"].as_str().expect("it has one");
    let uid = fx.create(kind, manifest).await.uid().to_owned();
    let annotations = manifest["metadata"]["annotations"].to_string();
    let annotations = annotations.replace(OWN_UID, &uid);
    let annotations: Value = serde_json::from_str(&annotations).expect("is JSON");
    let patch = json!({"metadata": {"annotations": annotations}});
    fx.merge(kind, name, patch).await;
}

/// One attacker wants the number itself, the other one has a number of its own.
fn spec_of(target: Target, namespace: &str, stake: &Stake) -> Value {
    match target {
        Target::Config if namespace == stake.namespace() => greeting(SECOND_NUMBER, "Hello."),
        _ => target.spec(),
    }
}

async fn forge(fx: &mut Fixture, target: Target, stake: &Stake) {
    for (namespace, name) in attackers(fx) {
        let spec = spec_of(target, &namespace, stake);
        let mut manifest = target.kind().manifest(name, &spec);
        manifest["metadata"] = forged_metadata(fx, name, &spec, stake);
        if namespace != stake.namespace() {
            // An owner in another namespace does not exist: the object would be collected.
            manifest["metadata"]["ownerReferences"] = Value::Null;
        }
        fx.go_to(namespace);
        create_forged(fx, target.kind(), &manifest).await;
    }
}

/// An object as `kubectl get -o yaml` and backup tools have it, under a name of one's own.
fn copied(stake: &Stake, name: &str) -> Value {
    let mut copy = stake.object.0.clone();
    let own = [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
        "managedFields",
    ];
    let metadata = copy["metadata"].as_object_mut().expect("it has metadata");
    metadata.retain(|key, _| key != "namespace" && !own.contains(&key.as_str()));
    copy["metadata"]["name"] = json!(name);
    copy
}

async fn copy(fx: &mut Fixture, target: Target, stake: &Stake) {
    for (namespace, name) in attackers(fx) {
        fx.go_to(namespace);
        fx.create(target.kind(), &copied(stake, name)).await;
    }
}

/// The owner replaces its own object too, with the manifest that it was made of.
async fn replace(fx: &mut Fixture, target: Target, stake: &Stake) {
    for (namespace, name) in attackers(fx) {
        let spec = spec_of(target, &namespace, stake);
        fx.go_to(namespace);
        let made = fx.apply(target.kind(), name, &spec).await;
        gets_nothing(fx, target, name, stake).await;
        let mut manifest = made.0.clone();
        let metadata = forged_metadata(fx, name, &spec, stake).to_string();
        let metadata = metadata.replace(OWN_UID, made.uid());
        manifest["metadata"] = serde_json::from_str(&metadata).expect("is JSON");
        manifest["metadata"]["ownerReferences"] = Value::Null;
        manifest["status"] = stake.object.at("/status").clone();
        fx.replace(target.kind(), &manifest).await;
    }
    fx.go_to(fx.home.clone());
    let manifest = target.kind().manifest(VICTIM, &target.spec());
    fx.replace(target.kind(), &manifest).await;
}

/// The operator stands still meanwhile, so that it sees the loss and the attackers at once.
async fn strip(fx: &mut Fixture, target: Target, stake: &Stake) {
    fx.operator().pause();
    let bare = json!({"metadata": {"finalizers": null, "annotations": null, "labels": null}});
    fx.merge(target.kind(), VICTIM, bare).await;
    forge(fx, target, stake).await;
    fx.operator().resume();
}

/// The object was deleted and its finalizer stripped while no operator ran.
async fn restore(fx: &mut Fixture, target: Target, stake: &Stake) {
    assert!(fx.operator().terminate().await.success());
    let kind = target.kind();
    fx.delete(kind, VICTIM).await;
    fx.merge(kind, VICTIM, json!({"metadata": {"finalizers": null}}))
        .await;
    fx.gone(kind, VICTIM).await;
    copy(fx, target, stake).await;
    fx.go_to(fx.home.clone());
    fx.create(kind, &copied(stake, VICTIM)).await;
    fx.start_operator(&[]).await;
}

/// What is made at Daily while the attackers come is the object's for which it was made.
async fn race(fx: &mut Fixture, target: Target) {
    let made = match target.kind() {
        Room => ("POST", "/rooms"),
        Number => ("POST", "/domain-dialin-config"),
    };
    let path = format!("{} {}", made.0, made.1);
    crate::wait::until(&path, LATER, async || {
        match fx.journal().await.done(made.0, made.1) {
            0 => Err("it is not made"),
            _ => Ok(()),
        }
    })
    .await;
    let domain = fx.by_hand.get("/").await.expect("Daily answers").body;
    let domain = domain["domain_id"].as_str().expect("it has an id");
    let made = match target.kind() {
        Room => fx.rooms_at_daily().await.remove(0),
        Number => fx.configs_at_daily().await.remove(0),
    };
    let id = made["id"].as_str().expect("it has an id");
    let thing = made["name"].as_str().unwrap_or(NUMBER);
    for (namespace, name) in attackers(fx) {
        fx.go_to(namespace);
        let mut manifest = target.kind().manifest(name, &target.spec());
        manifest["metadata"] = forged_record(fx, domain, thing, id);
        manifest["metadata"]["name"] = json!(name);
        create_forged(fx, target.kind(), &manifest).await;
    }
    fx.go_to(fx.home.clone());
    fx.let_go();
}
