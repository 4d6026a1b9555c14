//! Configs in the domain's list, whose entries have no id of their own, and moves between the two places.

use super::*;

const ENTRY: &str = "pin_dialin:+12025550123";

fn configured(view: View) -> View {
    with(view, |it| it.facts.api = NumberApi::DomainProperties)
}

/// Since the claim a create for the list was sent, whose outcome may be unknown.
fn claimed_entry(attempts: CreateAttempts) -> View {
    let sent = json!(spec().create(NumberApi::DomainProperties));
    let claim = Claim {
        sent: vec![sent],
        ..Claim::at(7)
    };
    let view = with_record(configured(claimed()), |it| it.claim = Some(claim));
    with(view, |it| it.evidence.create_attempts = attempts)
}

fn showing(view: View, configs: Vec<DialinConfig>) -> View {
    with(view, |it| it.facts.number = seen(configs))
}

fn kept_entry() -> View {
    let view = with_record(configured(kept()), |it| it.made = Some(Made::of(ENTRY)));
    showing(view, vec![config(ENTRY, "front")])
}

/// The config of the other place was recorded, and is to be moved.
fn moving(from: &str, api: NumberApi) -> View {
    let view = bound(Record {
        former_id: Some(from.into()),
        ..record(Some(Claim::at(7)), None)
    });
    let view = with(view, |it| it.facts.api = api);
    showing(view, vec![config(from, "front")])
}

#[test]
fn an_entry_is_ours_only_if_a_create_for_the_list_asked_for_it() {
    let unknown = || claimed_entry(CreateAttempts::Unknown);
    let created = || claimed_entry(CreateAttempts::Created(ENTRY.into()));
    let front = || vec![config(ENTRY, "front")];
    check(vec![
        (
            "free, and it was sent",
            claimed_entry(CreateAttempts::None),
            "create",
        ),
        (
            "as sent",
            showing(unknown(), front()),
            &format!("record with status Created {ENTRY}"),
        ),
        (
            "as created",
            showing(created(), front()),
            &format!("record with status Created {ENTRY}"),
        ),
        (
            "not as sent",
            showing(unknown(), vec![config(ENTRY, "theirs")]),
            "failing NumberInUse",
        ),
        (
            "replaced since it was created",
            showing(created(), vec![config(ENTRY, "theirs")]),
            "failing NumberInUse",
        ),
        (
            "as sent to the other place",
            showing(
                with(configured(claimed()), |it| {
                    it.evidence.create_attempts = CreateAttempts::Unknown;
                }),
                front(),
            ),
            "failing NumberInUse",
        ),
        (
            "a config as sent to the list",
            showing(unknown(), vec![config("c1", "front")]),
            "failing NumberInUse",
        ),
        (
            "not claimed yet",
            showing(configured(free()), front()),
            "failing NumberInUse",
        ),
    ]);
}

/// Its id says nothing about who made it once the record was replaced or restored.
#[test]
fn an_entry_that_a_former_record_names_is_ours_only_as_the_spec_asks() {
    let view = |prefix| {
        let view = with_record(configured(withdrawn()), |it| {
            it.former_id = Some(ENTRY.into());
        });
        showing(view, vec![config(ENTRY, prefix)])
    };
    let restored = |prefix| {
        let view = restored(|it| it.made = Some(Made::of(ENTRY)));
        showing(configured(view), vec![config(ENTRY, prefix)])
    };
    check(vec![
        ("ours", view("front"), &format!("record Found {ENTRY}")),
        ("theirs", view("theirs"), "failing NumberInUse"),
        (
            "ours, restored",
            restored("front"),
            &format!("record Found {ENTRY}"),
        ),
        (
            "theirs, restored",
            restored("theirs"),
            "failing NumberInUse",
        ),
    ]);
}

#[test]
fn a_recorded_entry_is_kept_and_read_back_after_a_write() {
    let at_moment = |from| {
        with(kept_entry(), |it| {
            it.memory.kind.read_back_from = Some(from)
        })
    };
    check(vec![
        ("as the spec asks", kept_entry(), "serving"),
        (
            "changed",
            showing(kept_entry(), vec![config(ENTRY, "other")]),
            &format!("update {ENTRY} drift=true"),
        ),
        ("written just now", at_moment(at(1005)), "serving"),
        (
            "reads do not lag any more",
            with(at_moment(at(1000)), |it| it.facts.number = None),
            "read Number(Fresh)",
        ),
    ]);
    let (_, requeue) = rested(&at_moment(at(1005)));
    let wait = Duration::from_secs(5) + MARGIN;
    assert_eq!(requeue, Requeue::After(wait));
    assert_eq!(rested(&kept_entry()).1, Requeue::AtDrift(None));
}

/// A list that was sent for another number may be applied late, without the entry.
#[test]
fn an_entry_is_created_once_no_other_write_to_the_list_may_take_effect() {
    let late = |attempts, unknown| {
        with(claimed_entry(attempts), |it| {
            it.evidence.unknown_write = Some(at(unknown));
        })
    };
    check(vec![
        (
            "another's",
            late(CreateAttempts::None, 990),
            "failing Progressing",
        ),
        ("long ago", late(CreateAttempts::None, 939), "create"),
        ("its own", late(CreateAttempts::Unknown, 990), "create"),
    ]);
}

/// The same of a list that an earlier leader sent. A number whose config a move has just deleted does not wait.
#[test]
fn an_entry_is_created_once_no_write_of_an_earlier_leader_may_take_effect() {
    let after_a_crash = |view| with(view, |it: &mut View| it.trusted_from = at(1001));
    let claimed_before = || claimed_entry(CreateAttempts::EarlierProcess);
    let move_from = |id, api| after_record(moving(id, api));
    let to_the_list = || move_from("c1", NumberApi::DomainProperties);
    check(vec![
        (
            "new",
            after_a_crash(claimed_before()),
            "failing Progressing",
        ),
        (
            "new, and long ago",
            with(claimed_before(), |it| it.trusted_from = at(1000)),
            "create",
        ),
        (
            "created before",
            showing(
                after_a_crash(claimed_before()),
                vec![config(ENTRY, "front")],
            ),
            &format!("record with status Created {ENTRY}"),
        ),
        (
            "to be moved",
            after_a_crash(to_the_list()),
            "failing Progressing",
        ),
        (
            "to be moved, and nothing else was sent",
            with(after_a_crash(to_the_list()), |it| it.trusted_from = at(0)),
            "move c1",
        ),
        (
            "in the middle of a move",
            showing(after_a_crash(to_the_list()), Vec::new()),
            "create",
        ),
        (
            "to be moved from the list",
            after_a_crash(move_from(ENTRY, NumberApi::DialinConfigs)),
            "failing Progressing",
        ),
        ("in the other place", after_a_crash(claimed()), "create"),
    ]);
}

/// A late list would undo the change, or bring the entry back.
#[test]
fn an_entry_is_changed_and_deleted_once_no_other_write_to_the_list_may_take_effect() {
    let changed = |from, unknown: Option<u64>| {
        with(showing(kept_entry(), vec![config(ENTRY, "other")]), |it| {
            it.trusted_from = at(from);
            it.evidence.unknown_write = unknown.map(at);
            it.evidence.create_attempts = CreateAttempts::Unknown;
        })
    };
    let deleted = |from, unknown| unused(changed(from, unknown), None);
    let update = &format!("update {ENTRY} drift=true");
    let delete = &format!("delete {ENTRY}");
    let moving = |unknown| {
        let view = after_record(moving(ENTRY, NumberApi::DialinConfigs));
        with(view, |it| it.evidence.unknown_write = Some(at(unknown)))
    };
    let elsewhere = with(kept(), |it| {
        it.facts.number = seen(vec![config("c1", "other")]);
        it.trusted_from = at(1001);
    });
    check(vec![
        ("changed", changed(1001, None), "failing Progressing"),
        (
            "of this leader",
            changed(0, Some(990)),
            "failing Progressing",
        ),
        ("long ago", changed(1000, Some(939)), update),
        ("deleted", deleted(1001, None), "deleting Progressing"),
        (
            "deleted, of this leader",
            deleted(0, Some(990)),
            "deleting Progressing",
        ),
        ("deleted, long ago", deleted(1000, Some(939)), delete),
        ("moved, of this leader", moving(990), "failing Progressing"),
        ("moved, long ago", moving(939), &format!("move {ENTRY}")),
        ("in the other place", elsewhere, "update c1 drift=true"),
    ]);
}

/// The id of an entry names its number alone: the entry that was adopted had it too.
#[test]
fn an_entry_that_replaces_an_adopted_one_is_not_adopted() {
    let vanished = || {
        with_record(claimed_entry(CreateAttempts::None), |it| {
            it.claim = Some(Claim::at(7));
            it.former_id = Some(ENTRY.into());
            it.adopted_id = Some(ENTRY.into());
        })
    };
    let created = || {
        let view = with(after_record(vanished()), |it| {
            it.evidence.create_attempts = CreateAttempts::Created(ENTRY.into());
        });
        showing(view, vec![config(ENTRY, "front")])
    };
    let deleting = |view| {
        with(view, |it: &mut View| {
            it.meta.deleting = Some(5000);
            it.facts.publishers = Some(0);
        })
    };
    check(vec![
        (
            "to be created",
            vanished(),
            &format!("record Sent claim at 7, sent front, formerly {ENTRY}"),
        ),
        (
            "created",
            created(),
            &format!("record with status Created {ENTRY}"),
        ),
        (
            "created, and deleted at once",
            deleting(created()),
            &format!("delete {ENTRY}"),
        ),
        (
            "shown again before that",
            showing(vanished(), vec![config(ENTRY, "front")]),
            &format!("record with status Created {ENTRY}, adopted {ENTRY}"),
        ),
    ]);
}

#[test]
fn a_config_is_moved_to_the_place_that_is_configured() {
    let shown_in_both = |view| {
        with(view, |it: &mut View| {
            let known = it.facts.number.as_mut().unwrap();
            known.other_id = Some(ENTRY.into());
        })
    };
    let back = || with(kept_entry(), |it| it.facts.api = NumberApi::DialinConfigs);
    check(vec![
        (
            "to the list",
            configured(kept()),
            "record Replaced claim at 7, formerly c1",
        ),
        (
            "to the list, which shows it already",
            shown_in_both(configured(kept())),
            &format!("record Replaced {ENTRY}"),
        ),
        (
            "claimed",
            moving("c1", NumberApi::DomainProperties),
            "record Sent claim at 7, sent front, formerly c1",
        ),
        (
            "sent",
            after_record(moving("c1", NumberApi::DomainProperties)),
            "move c1",
        ),
        (
            "deleted, and then the process ended",
            showing(
                after_record(moving("c1", NumberApi::DomainProperties)),
                Vec::new(),
            ),
            "create",
        ),
        (
            "from the list",
            back(),
            &format!("record Replaced claim at 7, formerly {ENTRY}"),
        ),
        (
            "from the list, sent",
            after_record(moving(ENTRY, NumberApi::DialinConfigs)),
            &format!("move {ENTRY}"),
        ),
        (
            "from the list, and not as the spec asks",
            showing(back(), vec![config(ENTRY, "other")]),
            &format!("update {ENTRY} drift=true"),
        ),
        (
            "from the list, where somebody put another entry",
            showing(
                with(
                    after_record(moving(ENTRY, NumberApi::DialinConfigs)),
                    |it| it.evidence.create_attempts = CreateAttempts::None,
                ),
                vec![config(ENTRY, "theirs")],
            ),
            "record Withdrawn nothing, formerly pin_dialin:+12025550123",
        ),
        (
            "adopted in the other place, where it stays",
            with_record(configured(kept()), |it| {
                it.adopted_id = Some("c1".into());
            }),
            "serving",
        ),
        (
            "by its deletion",
            with(configured(kept()), |it| {
                it.meta.deleting = Some(1);
                it.facts.publishers = Some(0);
            }),
            "delete c1",
        ),
    ]);
}

/// The delete of a move may fail for as long as Daily fails, and the spec may be edited meanwhile.
#[test]
fn an_entry_that_is_to_be_moved_stays_ours_after_an_edit() {
    let edited = |view| {
        with(view, |it: &mut View| {
            it.spec.as_mut().unwrap().name_prefix = Some("edited".into());
            it.evidence.create_attempts = CreateAttempts::None;
        })
    };
    let claimed = || {
        after_record(with(kept_entry(), |it| {
            it.facts.api = NumberApi::DialinConfigs
        }))
    };
    let sent = || edited(after_record(claimed()));
    check(vec![
        (
            "claimed",
            edited(claimed()),
            &format!("record Sent claim at 7, sent edited, formerly {ENTRY}"),
        ),
        (
            "sent",
            sent(),
            &format!("record Sent claim at 7, sent front, sent edited, formerly {ENTRY}"),
        ),
        ("sent again", after_record(sent()), &format!("move {ENTRY}")),
        (
            "deleted",
            with(sent(), |it| {
                it.meta.deleting = Some(1);
                it.facts.publishers = Some(0);
            }),
            &format!("delete {ENTRY}"),
        ),
        (
            "replaced by somebody",
            showing(edited(claimed()), vec![config(ENTRY, "theirs")]),
            &format!("record Withdrawn nothing, formerly {ENTRY}"),
        ),
    ]);
}

#[test]
fn an_entry_is_adopted_as_it_is_and_outlives_its_object() {
    let adopting = |configs| {
        let view = with(configured(finalized(free())), |it| {
            it.spec.as_mut().unwrap().adoption = AdoptionPolicy::AdoptOrCreate;
        });
        showing(view, configs)
    };
    let theirs = || vec![config(ENTRY, "theirs")];
    let adopted = || {
        let record = Record {
            adopted_id: Some(ENTRY.into()),
            ..record(None, Some(ENTRY))
        };
        showing(configured(bound(record)), theirs())
    };
    let unset = |it: &mut View| it.spec.as_mut().unwrap().name_prefix = None;
    let deleting = |retain| unused(adopted(), retain);
    check(vec![
        (
            "allowed",
            adopting(theirs()),
            &format!("record Adopted {ENTRY}, adopted {ENTRY}"),
        ),
        (
            "a config in the other place",
            adopting(vec![config("x", "theirs")]),
            "failing NumberInUse",
        ),
        (
            "the spec sets another prefix",
            adopted(),
            &format!("update {ENTRY} drift=false"),
        ),
        ("the spec sets none", with(adopted(), unset), "serving"),
        ("deleted", deleting(None), "release Retained"),
        (
            "deleted with Delete",
            deleting(Some(false)),
            &format!("delete {ENTRY}"),
        ),
    ]);
}
