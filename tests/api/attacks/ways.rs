//! How the attackers attack.

use serde_json::{Value, json};

use super::cells::{Attack, Cell, Pair, Target, VICTIMS, Victim};
use crate::adopt::write_own_key;
use crate::fixture::{DOMAIN, Fixture};
use crate::objects::Kind;
use crate::stake::Stake;
use crate::wait::{LATER, until};

/// Stands in a record for the uid of the object that it is written on.
const OWN_UID: &str = "00000000-0000-4000-8000-000000000000";

pub(super) async fn attack(
    fx: &mut Fixture,
    attack: Attack,
    cells: &[Cell],
    victims: &[Victim],
    stakes: &[Stake],
) {
    match attack {
        Attack::Forge => forge_again(fx, cells, stakes).await,
        Attack::Copy => copy(fx, cells, stakes).await,
        Attack::Replace => replace(fx, cells, victims, stakes).await,
        Attack::Strip => strip(fx, cells, victims, stakes).await,
        Attack::Restore => restore(fx, cells, victims, stakes).await,
        Attack::Adopt => forge(fx, cells, stakes).await,
        Attack::AdoptWithOwnKey => {
            for pair in [Pair::Objects, Pair::Namespaces] {
                write_own_key(pair.enter(fx)).await;
            }
            forge(fx, cells, stakes).await;
        }
        Attack::Race => unreachable!("a race has no victim before its end"),
    }
}

/// What the attackers know of what they want.
struct Loot<'a> {
    domain: &'a str,
    /// The name of the room, or the number.
    thing: &'a str,
    id: &'a str,
}

impl<'a> Loot<'a> {
    fn of(cell: &'a Cell, stake: &'a Stake) -> Self {
        Self {
            domain: stake.object.text("/status/account/domainId"),
            thing: match cell.victim.target {
                Target::Config => cell.victim.number,
                Target::ChosenName | Target::DerivedName => stake.object.room_name(),
            },
            id: stake.id(),
        }
    }
}

/// What a tenant may write of the metadata, as if what is another's were recorded as its own. The uid
/// of the object is not known yet.
fn forged_metadata(home: &str, name: &str, loot: &Loot<'_>) -> Value {
    let record = json!({
        "uid": OWN_UID, "clusterId": "", "domainId": loot.domain, "domainName": DOMAIN,
        "name": loot.thing, "claim": {"at": 0}, "installationId": format!("{home}/daily-operator"),
        "made": {"id": loot.id, "end": {"at": i64::MAX, "of": "ttl=600"}},
    });
    let record = record.to_string();
    json!({
        "name": name,
        "finalizers": ["daily-operator.io/finalizer"],
        "labels": {"app.kubernetes.io/managed-by": "daily-operator"},
        "annotations": {
            "daily-operator.io/binding": record, "daily-operator.io/record": record,
        },
    })
}

/// The victim as the owner of the attacker. An owner in another namespace or cluster does not exist:
/// the object would be collected.
fn owned_by(cell: &Cell, stake: &Stake) -> Value {
    let object = &stake.object;
    match cell.pair {
        Pair::Objects => json!([{
            "apiVersion": object.text("/apiVersion"), "kind": object.text("/kind"),
            "name": object.text("/metadata/name"), "uid": object.uid(), "controller": true,
        }]),
        _ => Value::Null,
    }
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

/// The attackers come while the operator waits for the answer to the creates: the ids are at Daily,
/// and in no record.
pub(super) async fn forge_while_created(fx: &mut Fixture, cells: &[Cell]) {
    until("all of it is created", LATER, async || {
        let journal = fx.journal().await;
        let rooms = journal.done("POST", "/rooms");
        let created = rooms + journal.done("POST", "/domain-dialin-config");
        (created == VICTIMS.len()).then_some(()).ok_or(created)
    })
    .await;
    let domain = fx.by_hand.get("/").await.expect("Daily answers").body;
    let (rooms, configs) = (fx.rooms_at_daily().await, fx.configs_at_daily().await);
    for cell in cells {
        let made = rooms.iter().chain(&configs).find(|made| {
            let name = made["name"].as_str().unwrap_or_default();
            match cell.victim.target {
                Target::ChosenName => name == cell.victim.name,
                Target::DerivedName => name.contains(&format!("-{}_", cell.victim.name)),
                Target::Config => made["config"]["phone_number"] == cell.victim.number,
            }
        });
        let made = made.unwrap_or_else(|| panic!("{} is not at Daily", cell.victim.name));
        let loot = Loot {
            domain: domain["domain_id"].as_str().expect("it has an id"),
            thing: made["name"].as_str().unwrap_or(cell.victim.number),
            id: made["id"].as_str().expect("it has an id"),
        };
        let home = fx.home.clone();
        let mut manifest = cell.victim.kind().manifest(&cell.name(), &cell.spec());
        manifest["metadata"] = forged_metadata(&home, &cell.name(), &loot);
        create_forged(cell.pair.enter(fx), cell.victim.kind(), &manifest).await;
    }
    Pair::Objects.enter(fx);
    fx.let_go();
}

/// Now the attackers know what the victims' status says.
async fn forge_again(fx: &mut Fixture, cells: &[Cell], stakes: &[Stake]) {
    for cell in cells {
        let stake = &stakes[cell.stake];
        let (kind, name, home) = (cell.victim.kind(), cell.name(), fx.home.clone());
        let fx = cell.pair.enter(fx);
        let uid = fx.get(kind, &name).await.uid().to_owned();
        let mut metadata = forged_metadata(&home, &name, &Loot::of(cell, stake));
        metadata["ownerReferences"] = owned_by(cell, stake);
        let patch = json!({"metadata": metadata}).to_string();
        let patch = serde_json::from_str(&patch.replace(OWN_UID, &uid)).expect("is JSON");
        fx.merge(kind, &name, patch).await;
    }
}

async fn forge(fx: &mut Fixture, cells: &[Cell], stakes: &[Stake]) {
    for cell in cells {
        let (stake, home) = (&stakes[cell.stake], fx.home.clone());
        let mut manifest = cell.victim.kind().manifest(&cell.name(), &cell.spec());
        manifest["metadata"] = forged_metadata(&home, &cell.name(), &Loot::of(cell, stake));
        manifest["metadata"]["ownerReferences"] = owned_by(cell, stake);
        create_forged(cell.pair.enter(fx), cell.victim.kind(), &manifest).await;
    }
}

/// An object as `kubectl get -o yaml` and backup tools have it, under this name.
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

async fn copy(fx: &mut Fixture, cells: &[Cell], stakes: &[Stake]) {
    for cell in cells {
        let (kind, name) = (cell.victim.kind(), cell.name());
        let copy = copied(&stakes[cell.stake], &name);
        let fx = cell.pair.enter(fx);
        if cell.is_owned_elsewhere() {
            // Its operator is to see it with the status.
            fx.operator().pause();
        }
        fx.create(kind, &copy).await;
        if cell.has_copied_status() {
            fx.write_status(kind, &name, copy["status"].clone()).await;
        }
        if cell.is_owned_elsewhere() {
            fx.operator().resume();
        }
    }
}

/// The owners replace their objects too, with the manifests that they were made of, and with an
/// annotation that once was the record.
async fn replace(fx: &mut Fixture, cells: &[Cell], victims: &[Victim], stakes: &[Stake]) {
    for cell in cells {
        let fx = cell.pair.enter(fx);
        fx.apply(cell.victim.kind(), &cell.name(), &cell.spec())
            .await;
    }
    for cell in cells {
        super::gets_nothing(fx, cell, &stakes[cell.stake]).await;
        let (stake, home) = (&stakes[cell.stake], fx.home.clone());
        let (kind, name) = (cell.victim.kind(), cell.name());
        let fx = cell.pair.enter(fx);
        let mut manifest = fx.get(kind, &name).await.0;
        let metadata = forged_metadata(&home, &name, &Loot::of(cell, stake)).to_string();
        let uid = manifest["metadata"]["uid"].as_str().expect("it has one");
        let metadata = metadata.replace(OWN_UID, uid);
        manifest["metadata"] = serde_json::from_str(&metadata).expect("is JSON");
        manifest["metadata"]["ownerReferences"] = owned_by(cell, stake);
        // The API server drops it.
        manifest["status"] = stake.object.at("/status").clone();
        fx.replace(kind, &manifest).await;
    }
    Pair::Objects.enter(fx);
    for victim in victims {
        let mut manifest = victim.kind().manifest(victim.name, &victim.spec());
        fx.replace(victim.kind(), &manifest).await;
        manifest["metadata"]["annotations"] = json!({"daily-operator.io/binding": "{"});
        fx.replace(victim.kind(), &manifest).await;
    }
}

/// The operator stands still meanwhile, so that it sees the loss and the attackers at once.
async fn strip(fx: &mut Fixture, cells: &[Cell], victims: &[Victim], stakes: &[Stake]) {
    Pair::Objects.enter(fx);
    fx.operator().pause();
    for victim in victims {
        let bare = json!({"metadata": {
            "finalizers": null, "annotations": null, "labels": null, "ownerReferences": null,
        }});
        fx.merge(victim.kind(), victim.name, bare).await;
    }
    forge(fx, cells, stakes).await;
    Pair::Objects.enter(fx);
    fx.operator().resume();
}

/// The same with the status, and the attackers touch their objects again.
pub(super) async fn strip_status(
    fx: &mut Fixture,
    cells: &[Cell],
    victims: &[Victim],
    stakes: &[Stake],
) {
    Pair::Objects.enter(fx);
    fx.operator().pause();
    for victim in victims {
        fx.lose_status(victim.kind(), victim.name).await;
    }
    forge_again(fx, cells, stakes).await;
    Pair::Objects.enter(fx);
    fx.operator().resume();
}

/// The objects were deleted and their finalizers stripped while no operator ran.
async fn restore(fx: &mut Fixture, cells: &[Cell], victims: &[Victim], stakes: &[Stake]) {
    Pair::Objects.enter(fx);
    assert!(fx.operator().terminate().await.success());
    for victim in victims {
        let bare = json!({"metadata": {"finalizers": null}});
        fx.delete(victim.kind(), victim.name).await;
        fx.merge(victim.kind(), victim.name, bare).await;
        fx.gone(victim.kind(), victim.name).await;
    }
    copy(fx, cells, stakes).await;
    Pair::Objects.enter(fx);
    for (victim, stake) in victims.iter().zip(stakes) {
        let backup = copied(stake, victim.name);
        fx.create(victim.kind(), &backup).await;
        if victim.keeps_status {
            let status = backup["status"].clone();
            fx.write_status(victim.kind(), victim.name, status).await;
        }
    }
    fx.start_operator(&[]).await;
}
