//! A cluster that was rebuilt and has a new id: its objects find the rooms that they had.

use super::delete::leaving;
use super::*;

/// The name that the room had by the earlier id of the cluster.
fn before() -> String {
    naming::derived_room_name("before", "team", "standup")
}

fn rebuilt(view: View) -> View {
    view.with(|it| it.own.previous_cluster_ids = vec!["long-before".into(), "before".into()])
}

fn asked(view: View, found: Option<String>) -> View {
    view.with(|it| it.memory.previous_name = Some(found))
}

/// The record of this object, as it was written in a cluster with this id.
fn recorded_in(cluster: &str, uid: &str) -> View {
    let view = recorded().with_record(|it| {
        it.cluster_id = cluster.into();
        it.uid = uid.into();
        it.name = naming::derived_room_name(cluster, "team", "standup");
    });
    rebuilt(view)
}

#[test]
fn daily_is_asked_for_the_earlier_names_before_a_name_is_claimed_or_given_up() {
    for view in [
        unbound(),
        leaving(unbound()).absent(moment(), Some(moment())),
    ] {
        let view = rebuilt(view);
        reads(&view, Read::Listing);
        let listed = view.with(|it| it.facts.awaited_listing = true);
        reads(&listed, Read::PreviousNames);
    }
    let chosen = rebuilt(unbound().chosen());
    assert_eq!(plan(&chosen), plan(&unbound().chosen()));
}

#[test]
fn a_room_that_is_found_keeps_its_name_and_another_one_gets_the_name_of_this_id() {
    let now = unbound().room_name();
    assert_eq!(asked(rebuilt(unbound()), None).room_name(), now);
    assert_eq!(
        asked(rebuilt(unbound()), Some(before())).room_name(),
        before()
    );
    let by_others = naming::derived_room_name("unknown", "team", "standup");
    assert_eq!(asked(rebuilt(unbound()), Some(by_others)).room_name(), now);
}

#[test]
fn a_record_of_an_earlier_id_counts_and_one_of_an_unknown_id_does_not() {
    let kept = recorded_in("before", "uid-1");
    assert_eq!(kept.own_room_name(), before());
    let restored = recorded_in("before", "uid-of-the-backup");
    assert_eq!(restored.room_name(), before());
    assert!(restored.restored_record(&before(), &domain()).is_some());
    let foreign = recorded_in("unknown", "uid-of-the-backup");
    assert_eq!(foreign.room_name(), unbound().room_name());
    assert!(foreign.former_record().is_none());
    fails(
        &recorded_in("unknown", "uid-1"),
        Reason::InvalidSpec,
        ResolvedBy::User,
        Requeue::AtDrift(None),
        "--previous-cluster-ids",
    );
}
