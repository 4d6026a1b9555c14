//! Two clusters that use one account at Daily, with releases of the same name in namespaces of the
//! same name, as GitOps makes them.

use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NUMBER, Setup, stop_at};
use crate::objects::Kind::{Number, Room};
use crate::objects::{Kind, Object};
use crate::stage::Stage;
use crate::stake::Stake;
use crate::wait::{LATER, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    vec![stage.trial(
        "clusters::a_copy_in_another_one_gets_nothing",
        Setup::new().busy(),
        a_copy_gets_nothing,
    )]
}

/// The object as it is exported from one cluster and applied to another one.
fn exported(stake: &Stake) -> Value {
    let mut copy = stake.object.0.clone();
    let metadata = copy["metadata"].as_object_mut().expect("it has metadata");
    for own in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
        "managedFields",
    ] {
        metadata.remove(own);
    }
    copy
}

async fn a_copy_gets_nothing(fx: &mut Fixture) {
    fx.number("main-line", NUMBER).await;
    fx.room("derived", json!({"ttl": "2h"})).await;
    fx.room("chosen", json!({"ttl": "2h", "roomName": "board"}))
        .await;
    let mut stakes = Vec::new();
    let named: [(Kind, &str); 3] = [(Number, "main-line"), (Room, "derived"), (Room, "chosen")];
    for (kind, name) in named {
        stakes.push(Stake::of(fx, kind, name).await);
    }
    let started = fx.start_cluster_beside(Setup::new()).await;
    started.expect("a second cluster starts");
    for ((kind, _), stake) in named.iter().zip(&stakes) {
        fx.beside[0].create(*kind, &exported(stake)).await;
    }
    for edited in [false, true] {
        if edited {
            edit(&fx.beside[0]).await;
        }
        judged(&fx.beside[0], &stakes).await;
        for stake in &stakes {
            stake.is_untouched(fx).await;
        }
    }
    one_of_both_clusters_gets_a_name(fx).await;
    a_claim_that_sent_nothing_gets_nothing(fx).await;
    for (kind, name) in named {
        fx.beside[0].delete(kind, name).await;
        fx.beside[0].gone(kind, name).await;
    }
    for stake in &stakes {
        stake.is_untouched(fx).await;
    }
}

async fn edit(copies: &Fixture) {
    let nearer = json!({"spec": {"ttl": "10m", "privacy": "Private"}});
    copies.merge(Room, "derived", nearer.clone()).await;
    copies.merge(Room, "chosen", nearer).await;
    let greeting = json!({"spec": {"ivrGreeting": {"message": "Copied."}}});
    copies.merge(Number, "main-line", greeting).await;
}

/// A derived name is another one in another cluster; the others are taken.
async fn judged(copies: &Fixture, stakes: &[Stake]) {
    let derived = copies.ready(Room, "derived").await;
    assert_ne!(derived.room_name(), stakes[1].object.room_name());
    assert_ne!(derived.pin(), stakes[1].object.pin());
    for (kind, name, reason) in [
        (Room, "chosen", "NameTaken"),
        (Number, "main-line", "NumberInUse"),
    ] {
        let refused = |object: &Object| {
            let seen = object.at("/status/observedGeneration").as_i64() >= object.generation();
            seen && object.has("Stalled", "True", reason)
        };
        let object = copies.until(kind, name, reason, LATER, refused).await;
        assert_eq!((object.pin(), object.text("/status/configId")), (None, ""));
    }
}

async fn one_of_both_clusters_gets_a_name(fx: &Fixture) {
    let other = &fx.beside[0];
    let spec = || json!({"ttl": "2h", "roomName": "wanted"});
    futures::join!(fx.room("wanted", spec()), other.room("wanted", spec()));
    let taken = |room: &Object| room.has("Stalled", "True", "NameTaken");
    let one = async || {
        let (here, there) = (
            fx.get(Room, "wanted").await,
            other.get(Room, "wanted").await,
        );
        match (here.is_ready(), there.is_ready()) {
            (true, false) if taken(&there) => Ok((fx, other)),
            (false, true) if taken(&here) => Ok((other, fx)),
            _ => Err("not yet one Ready and the other NameTaken"),
        }
    };
    let (winner, loser) = until("one of them gets the name", LATER, one).await;
    let pin = winner.ready(Room, "wanted").await.pin().map(str::to_owned);
    loser.delete(Room, "wanted").await;
    loser.gone(Room, "wanted").await;
    let room = fx.room_at_daily("wanted").await;
    assert_eq!(room["config"]["dialin_code"].as_str(), pin.as_deref());
}

/// In the other cluster the operator ends between its claim and its create; meanwhile the same manifest
/// makes the room here.
async fn a_claim_that_sent_nothing_gets_nothing(fx: &mut Fixture) {
    let end = k8s_openapi::jiff::Timestamp::now() + Duration::from_secs(7200);
    let end = format!("{end:.0}");
    let spec = || json!({"expirationTime": end, "roomName": "claimed"});
    let other = &mut fx.beside[0];
    assert!(other.operator().terminate().await.success());
    other.start_operator(&[stop_at("record:after")]).await;
    other.room("claimed", spec()).await;
    other.operator().crashed().await;
    fx.room("claimed", spec()).await;
    let stake = Stake::of(fx, Room, "claimed").await;
    let other = &mut fx.beside[0];
    other.age_lease().await;
    other.start_operator(&[]).await;
    other
        .condition(Room, "claimed", ("Stalled", "True", "NameTaken"))
        .await;
    other.delete(Room, "claimed").await;
    other.gone(Room, "claimed").await;
    stake.is_untouched(fx).await;
}
