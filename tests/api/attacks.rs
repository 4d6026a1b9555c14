//! The table of attacks: nothing that a tenant may write, and no copy in another installation or
//! cluster, gives a right over what another object has at Daily.
//!
//! A cell of the table is a [`Pair`] of objects, an [`Attack`] and a [`Target`]; each combination is
//! one. An attack is one scenario, whose cells share the operators: one serves the victims and the
//! attackers in two namespaces, one is another installation in the same cluster, and one is in
//! another cluster with a release of the same name in a namespace of the same name, as GitOps makes
//! them. All use one account. After each step the harm is checked at Daily.

mod cells;
mod race;
mod ways;

use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use self::cells::{Attack, Cell, NUMBERS, Pair, Round, Victim};
use crate::always::no_pin_is_shared;
use crate::fixture::{Fixture, Setup};
use crate::objects::Kind::{Number, Room};
use crate::objects::Object;
use crate::stage::Stage;
use crate::stake::Stake;
use crate::wait::{LATER, until};

const ATTACKS: [(Attack, &str); 8] = [
    (Attack::Forge, "attacks::forged_metadata_gives_no_right"),
    (Attack::Copy, "attacks::copy_gives_no_right"),
    (Attack::Replace, "attacks::replaced_metadata_gives_no_right"),
    (Attack::Strip, "attacks::stripped_object_gives_no_right"),
    (Attack::Restore, "attacks::restored_backup_gives_no_right"),
    (Attack::Adopt, "attacks::adoption_gives_no_right"),
    (
        Attack::AdoptWithOwnKey,
        "attacks::adoption_with_own_key_gives_no_right",
    ),
    (Attack::Race, "attacks::race_has_one_winner"),
];
pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let scenario = |(attack, name): (Attack, &str)| {
        let setup = match attack {
            Attack::Forge => Setup::new().hold_at("room-create:between,config-create:between"),
            _ => Setup::new(),
        };
        let setup = setup.neighbour().numbers(&NUMBERS).turns(2);
        stage.trial(name, setup, async move |fx: &mut Fixture| {
            fx.start_installation_beside(Setup::new()).await;
            fx.start_cluster_beside(Setup::new()).await;
            match attack {
                Attack::Race => race::run(fx).await,
                _ => attacked(fx, attack).await,
            }
        })
    };
    ATTACKS.into_iter().map(scenario).collect()
}

async fn attacked(fx: &mut Fixture, attack: Attack) {
    let victims = Victim::of(attack);
    let cells = Cell::all(attack, &victims);
    for victim in &victims {
        fx.apply(victim.kind(), victim.name, &victim.spec()).await;
    }
    if attack == Attack::Forge {
        ways::forge_while_created(fx, &cells).await;
    }
    let mut stakes = Vec::new();
    for victim in &victims {
        stakes.push(Stake::of(fx, victim.kind(), victim.name).await);
    }
    ways::attack(fx, attack, &cells, &victims, &stakes).await;
    for round in [
        Round::Attacked,
        Round::WithoutStatus,
        Round::Edited,
        Round::Deleted,
    ] {
        match round {
            Round::Attacked => {}
            Round::WithoutStatus if attack == Attack::Strip => {
                ways::strip_status(fx, &cells, &victims, &stakes).await;
            }
            Round::WithoutStatus => continue,
            Round::Edited => edit(fx, &cells).await,
            Round::Deleted => delete(fx, &cells).await,
        }
        for cell in cells.iter().filter(|_| round != Round::Deleted) {
            gets_nothing(fx, cell, &stakes[cell.stake]).await;
        }
        hold(fx, attack, round, &victims, &stakes).await;
    }
    are_deleted_by_their_owners(fx, attack, &victims, &stakes).await;
}

async fn edit(fx: &mut Fixture, cells: &[Cell]) {
    for cell in cells {
        let edit = match cell.victim.kind() {
            Room => {
                json!({"ttl": "10m", "privacy": "Private", "dialin": {"displayName": "Attacker"}})
            }
            Number => json!({"ivrGreeting": {"message": "Attacked."}}),
        };
        let edit = json!({"spec": edit});
        let fx = cell.pair.enter(fx);
        fx.merge(cell.victim.kind(), &cell.name(), edit).await;
    }
}

async fn delete(fx: &mut Fixture, cells: &[Cell]) {
    for cell in cells {
        let (kind, name) = (cell.victim.kind(), cell.name());
        let fx = cell.pair.enter(fx);
        fx.delete(kind, &name).await;
        if cell.is_owned_elsewhere() {
            // The installation that it names does not serve this namespace.
            let stripped = json!({"metadata": {"finalizers": null}});
            fx.merge(kind, &name, stripped).await;
        }
    }
    for cell in cells {
        let fx = cell.pair.enter(fx);
        fx.gone(cell.victim.kind(), &cell.name()).await;
    }
}

/// The owners have lost nothing.
async fn hold(
    fx: &mut Fixture,
    attack: Attack,
    round: Round,
    victims: &[Victim],
    stakes: &[Stake],
) {
    fx.daily_takes_calls().await;
    let lost = |victim: &Victim| victim.has_lost_its_proof(attack, round);
    let kept: Vec<&Stake> = (victims.iter().zip(stakes))
        .filter_map(|(victim, stake)| (!lost(victim)).then_some(stake))
        .collect();
    match round {
        Round::Deleted => Stake::are_untouched(&kept, fx).await,
        _ => {
            for stake in kept {
                stake.is_as_it_was(fx).await;
            }
        }
    }
    for (victim, stake) in victims.iter().zip(stakes) {
        if lost(victim) {
            let refusal = victim.target.refusal().expect("it is not derived");
            Pair::Objects.enter(fx);
            let refused = ("Stalled", "True", refusal);
            fx.condition(victim.kind(), victim.name, refused).await;
            stake.is_untouched_at_daily(fx).await;
        }
    }
    no_pin_is_shared(fx).await;
}

/// The attacker has a room or config of its own, or nothing, and says why.
async fn gets_nothing(fx: &mut Fixture, cell: &Cell, stake: &Stake) {
    let owner = stake.object.text("/metadata/namespace").to_owned();
    let Cell { pair, attack, .. } = cell;
    let what = format!("{attack:?}, {pair:?}, {:?}", cell.victim.target);
    let name = cell.name();
    let fx = cell.pair.enter(fx);
    if cell.is_owned_elsewhere() {
        let says = |line: &Value| {
            let text = line.to_string();
            line["name"] == name && text.contains(&format!("{owner}/daily-operator"))
        };
        return until(&what, LATER, async || {
            let lines = fx.operator().lines();
            lines.iter().any(says).then_some(()).ok_or("says nothing")
        })
        .await;
    }
    let refusal = cell.refusal();
    let generation = fx.get(cell.victim.kind(), &name).await.generation();
    let judged = |object: &Object| {
        let seen = object.at("/status/observedGeneration").as_i64() >= generation;
        seen && match refusal {
            // A copied status says that it is Ready, too.
            None => object.is_ready() && !object.at("/status").to_string().contains(stake.id()),
            Some(refusal) => object.has("Stalled", "True", refusal),
        }
    };
    let kind = cell.victim.kind();
    let now = fx.until(kind, &name, &what, LATER, judged).await;
    let (pin, theirs) = (now.pin(), stake.object.pin());
    assert!(
        pin.is_none() || pin != theirs,
        "{what}: it shows the PIN of another"
    );
    // What else a copied status says stays until the object serves callers.
    let status = now.at("/status").to_string();
    assert!(
        cell.has_copied_status() || !status.contains(stake.id()),
        "{what}: it holds what is another's"
    );
}

/// Whoever can still prove it deletes what is its own, and nothing else.
async fn are_deleted_by_their_owners(
    fx: &mut Fixture,
    attack: Attack,
    victims: &[Victim],
    stakes: &[Stake],
) {
    Pair::Objects.enter(fx);
    fx.daily_takes_calls().await;
    // A number waits for the rooms that publish it.
    for kind in [Room, Number] {
        let of_kind = |victim: &&Victim| victim.kind() == kind;
        for victim in victims.iter().filter(of_kind) {
            fx.delete(kind, victim.name).await;
        }
        for victim in victims.iter().filter(of_kind) {
            fx.gone(kind, victim.name).await;
        }
    }
    let mut left = fx.rooms_at_daily().await;
    left.extend(fx.configs_at_daily().await);
    let mut left: Vec<String> = left.iter().map(|it| it["id"].to_string()).collect();
    let lost = victims.iter().zip(stakes);
    let lost = lost.filter(|(victim, _)| victim.has_lost_its_proof(attack, Round::Deleted));
    let mut lost: Vec<String> = lost.map(|(_, it)| json!(it.id()).to_string()).collect();
    left.sort();
    lost.sort();
    assert_eq!(left, lost, "what is at Daily in the end");
}
