//! Two clusters that use one account at Daily, with releases of the same name in namespaces of the
//! same name, as GitOps makes them.

use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{Fixture, Setup, stop_at};
use crate::objects::Kind::Room;
use crate::stage::Stage;
use crate::stake::Stake;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    vec![stage.trial(
        "clusters::a_claim_that_sent_nothing_gets_nothing",
        Setup::new(),
        a_claim_that_sent_nothing_gets_nothing,
    )]
}

/// In the other cluster the operator ends between its claim and its create; meanwhile the same manifest
/// makes the room here.
async fn a_claim_that_sent_nothing_gets_nothing(fx: &mut Fixture) {
    let end = k8s_openapi::jiff::Timestamp::now() + Duration::from_secs(7200);
    let end = format!("{end:.0}");
    let spec = || json!({"expirationTime": end, "roomName": "claimed"});
    fx.start_cluster_beside(Setup::new()).await;
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
