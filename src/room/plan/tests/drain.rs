//! A deletion that waits for participants.

use super::delete::{delete_step, leaving, releases, waits_for};
use super::*;
use crate::reconcile::memory::Namespace;
use crate::reconcile::record::Drain;

const HOUR: i64 = 3600;
/// Daily ends the room a minute after the operator.
const MINUTE: i64 = 60;

/// One whose deletion was requested now, and whose room Daily shows by name with somebody in it.
fn occupied() -> View {
    let view = serving().sees(Source::Get, |_| {}).read_by_name();
    leaving(view).inside(2).stays()
}

/// The same, once its end is moved.
fn draining() -> View {
    let end = NOW + HOUR + MINUTE;
    let view = occupied().made(|it| it.drain = Some(drain(NOW + HOUR, end)));
    view.made(|it| it.end = Some(by_ttl(end))).ends(end)
}

fn drain(until: i64, end: i64) -> Drain {
    Drain {
        until,
        end,
        earlier_ends: Vec::new(),
        end_before: END,
        ejects_before: true,
    }
}

/// One whose `maxDrain` was edited since it sent these ends.
fn after_ends(earlier: &[i64], drain: Drain) -> Drain {
    let earlier_ends = earlier.to_vec();
    Drain {
        earlier_ends,
        ..drain
    }
}

impl View {
    /// The namespace is not being deleted.
    fn stays(self) -> Self {
        self.namespace(None)
    }

    fn namespace(self, deleted: Option<i64>) -> Self {
        let at = self.now.moment;
        self.with(|it| it.memory.namespace = Some(Namespace { at, deleted }))
    }

    /// Daily shows this end. Participants are removed at the one that the room had first.
    fn ends(self, at: i64) -> Self {
        self.evidence(|it| {
            let config = &mut it.observed.as_mut().unwrap().room.config;
            config.exp = Some(at);
            config.eject_at_room_exp = Some(at == END);
        })
    }

    /// This much later by all clocks, with what was known about the room before.
    fn later(self, seconds: i64) -> Self {
        let seconds_passed = Duration::from_secs(seconds.unsigned_abs());
        self.with(|it| {
            it.now.wall += seconds;
            it.now.moment = it.now.moment.after(seconds_passed);
            if let Some(namespace) = &mut it.memory.namespace {
                namespace.at = it.now.moment;
            }
        })
    }

    fn policy(self, spec: Value) -> Self {
        self.with(|it| it.deletion = DeletionSpec::read(&spec))
    }
}

/// It waits for these participants, until then.
#[track_caller]
fn defers(view: &View, says: &str, until: &str) {
    let (reason, by) = (Reason::DeletionDeferred, ResolvedBy::Waiting);
    waits_for(view, reason, by, RECHECK, says);
    waits_for(
        view,
        reason,
        by,
        RECHECK,
        &format!("at {until} with everyone in it"),
    );
}

/// It moves the end of the room. Daily removes participants only at the end that the room had first: those
/// who join meanwhile would be removed at the nearer one even if it moves back.
#[track_caller]
fn moves_end(view: &View, end: i64) {
    match plan(view) {
        Plan::Act(AnyStep::Of(Step::UpdateRoom(update))) => {
            let properties = json!({"exp": end, "eject_at_room_exp": end == END});
            assert_eq!(json!(update.change), json!({"properties": properties}));
            assert_eq!((update.id.as_str(), update.drift), (ID, false));
        }
        other => panic!("moves no end: {other:?}"),
    }
}

#[track_caller]
fn records(view: &View, drain: &Drain) {
    let expected = view.clone().made(|it| it.drain = Some(drain.clone()));
    acts(view, write(expected.owned(), Change::Sent));
}

#[test]
fn an_occupied_room_gets_a_nearer_end_and_stays() {
    let view = occupied();
    let drain = drain(NOW + HOUR, NOW + HOUR + MINUTE);
    records(&view, &drain);
    let recorded = view.made(|it| it.drain = Some(drain.clone()));
    moves_end(&recorded, drain.end);
    // Its end is recorded when Daily shows it, and then it waits.
    let moved = recorded.ends(drain.end);
    let expected = moved.clone().made(|it| it.end = Some(by_ttl(drain.end)));
    acts(&moved, with_status(expected.owned(), Change::Sent));
    assert_eq!(expected, draining());
    let says = "Participants are in the room.";
    defers(&expected, says, "2027-01-15T09:10:00Z");
    // Each other message would be a write of the status, while people come and go.
    assert_eq!(plan(&draining().inside(1)), plan(&expected));
}

#[test]
fn nothing_is_moved_on_the_word_of_a_listing() {
    let listed = occupied().sees(Source::List, |_| {});
    reads(&listed.with(|it| it.facts.read_by_name = false), Read::Room);
    // Nor before the room was seen at all.
    let unseen = occupied().evidence(|it| it.observed = None);
    reads(
        &unseen.clone().with(|it| it.facts.read_by_name = false),
        Read::Room,
    );
    defers(
        &unseen,
        "Participants are in the room.",
        "2027-01-15T09:10:00Z",
    );
}

#[test]
fn an_end_never_moves_away() {
    let sooner = NOW + 600;
    let view = occupied().ends(sooner);
    let kept = Drain {
        end: sooner,
        end_before: sooner,
        ejects_before: false,
        ..drain(NOW + HOUR, 0)
    };
    records(&view, &kept);
    let endless = occupied().evidence(|it| it.observed.as_mut().unwrap().room.config.exp = None);
    records(&endless, &drain(NOW + HOUR, NOW + HOUR + MINUTE));
    let moved = draining().ends(sooner);
    defers(
        &moved,
        "Participants are in the room.",
        "2027-01-15T09:10:00Z",
    );
    let later = draining().ends(END);
    moves_end(&later, NOW + HOUR + MINUTE);
}

/// Daily ends the room by its own clock.
#[test]
fn the_end_is_one_of_dailys_clock() {
    let ahead = occupied().date(NOW + 500);
    records(&ahead, &drain(NOW + HOUR, NOW + HOUR + MINUTE + 500));
    let behind = occupied().date(NOW - 500);
    records(&behind, &drain(NOW + HOUR, NOW + HOUR + MINUTE));
}

#[test]
fn a_rejected_end_does_not_end_the_wait() {
    let view = occupied().made(|it| it.drain = Some(drain(NOW + HOUR, NOW + HOUR + MINUTE)));
    let Plan::Act(AnyStep::Of(Step::UpdateRoom(update))) = plan(&view) else {
        panic!("moves no end");
    };
    let rejected = view.with(|it| {
        let what = &update.fingerprint;
        it.memory.rejection = Some(Rejection::after(None, what, "no".into(), moment()));
    });
    defers(
        &rejected,
        "Participants are in the room.",
        "2027-01-15T09:10:00Z",
    );
}

#[test]
fn a_room_without_a_recorded_id_is_recorded_first() {
    let view = claimed().sees(Source::Get, |_| {}).read_by_name();
    let view = leaving(view).inside(2).stays();
    let Plan::Act(AnyStep::Record(record, Change::Sent, Written::Now)) = plan(&view) else {
        panic!("records nothing: {:?}", plan(&view));
    };
    let made = record.made.unwrap();
    assert_eq!((made.id.as_str(), record.claim), (ID, None));
    assert_eq!(made.drain, Some(drain(NOW + HOUR, NOW + HOUR + MINUTE)));
    // What cannot be read is not replaced.
    let unreadable = view.with(|it| it.recorded = Recorded::Unreadable);
    defers(
        &unreadable,
        "Participants are in the room.",
        "2027-01-15T09:10:00Z",
    );
}

#[test]
fn what_daily_does_not_show_may_be_occupied() {
    let unknown = draining().with(|it| it.facts.presence = Some(Err("no answer".into())));
    let says = "Daily does not show whether somebody is in the room: no answer.";
    defers(&unknown, says, "2027-01-15T09:10:00Z");
    let meeting = draining().with(|it| {
        let mut here = it.facts.presence.clone().unwrap().unwrap();
        (here.participants, here.meeting) = (0, true);
        it.facts.presence = Some(Ok(here));
    });
    defers(
        &meeting,
        "Participants are in the room.",
        "2027-01-15T09:10:00Z",
    );
}

#[test]
fn a_room_that_had_participants_must_stay_empty() {
    let empty = |seconds| {
        let view = draining().inside(0);
        view.with(|it| it.memory.kind.empty_since = Some(ago(seconds)))
    };
    let margin = Duration::from_millis(50);
    unchanged(&empty(19), Duration::from_secs(1) + margin);
    let gone = empty(20);
    acts(&gone, delete_step(&gone, ID, true));
    // Another process has seen them.
    let restarted = draining().inside(0);
    unchanged(&restarted, Duration::from_secs(20) + margin);
}

#[test]
fn the_deadline_passes_by_both_clocks() {
    let in_an_hour = |change: fn(&mut View)| draining().later(HOUR).inside(2).with(change);
    let over = in_an_hour(|_| ());
    acts(&over, delete_step(&over, ID, false));
    // Nobody need be asked who is inside.
    let unasked = in_an_hour(|it| it.facts.presence = None);
    acts(&unasked, delete_step(&unasked, ID, false));
    let early = [
        draining().later(HOUR - 1).inside(2),
        // Our clock has jumped, and Daily's has not.
        draining().with(|it| it.now.wall += HOUR),
        draining()
            .later(120)
            .inside(2)
            .with(|it| it.now.wall += HOUR),
        // It stands still.
        in_an_hour(|it| it.now.wall -= HOUR),
        // Daily's clock is not known.
        in_an_hour(|it| it.evidence.observed.as_mut().unwrap().date = None),
        // The operator has just started.
        in_an_hour(|it| it.memory.deleting_since = Some(it.now.moment)),
    ];
    for view in early {
        defers(
            &view,
            "Participants are in the room.",
            "2027-01-15T09:10:00Z",
        );
    }
    // Without the room Daily's clock is not known.
    let unseen = in_an_hour(|it| it.evidence.observed = None);
    reads(
        &unseen.clone().with(|it| it.facts.read_by_name = false),
        Read::Room,
    );
    unchanged(&unseen, RECHECK);
}

#[test]
fn an_edit_of_the_policy_takes_effect_at_once() {
    let deleted = draining().policy(json!({"deletionPolicy": "Delete"}));
    acts(&deleted, delete_step(&deleted, ID, false));
    let end = |minutes: i64| NOW + (minutes + 1) * 60;
    let until = |minutes: i64| drain(NOW + minutes * 60, end(minutes));
    for minutes in [10, 120] {
        let edited = draining().policy(json!({"maxDrain": format!("{minutes}m")}));
        records(&edited, &after_ends(&[end(60)], until(minutes)));
        let recorded = edited.made(|it| it.drain = Some(until(minutes)));
        moves_end(&recorded, end(minutes));
    }
    let short = draining()
        .policy(json!({"maxDrain": "10s"}))
        .later(10)
        .inside(2);
    acts(&short, delete_step(&short, ID, false));
}

/// The answer to an update was lost, `maxDrain` was edited, and then the update took effect: that end is not
/// somebody else's.
#[test]
fn an_end_that_was_sent_before_an_edit_is_ours() {
    let (first, second) = (NOW + 660, NOW + HOUR + MINUTE);
    let edited = draining().made(|it| {
        it.drain = Some(after_ends(&[first], drain(NOW + HOUR, second)));
        it.end = Some(by_ttl(END));
    });
    moves_end(&edited.clone().ends(first), second);
    let retained = json!({"deletionPolicy": "Retain"});
    moves_end(&edited.clone().ends(first).policy(retained), END);
    defers(
        &edited.ends(first + 1),
        "Participants",
        "2027-01-15T09:10:00Z",
    );
}

#[test]
fn many_edits_do_not_fill_the_record() {
    let sent: Vec<i64> = (0..8).collect();
    let end = NOW + HOUR + MINUTE;
    let view = draining().made(|it| it.drain = Some(after_ends(&sent, drain(NOW + HOUR, end))));
    let kept = after_ends(&[&sent[1..], &[end]].concat(), drain(NOW + 600, NOW + 660));
    records(&view.policy(json!({"maxDrain": "10m"})), &kept);
}

#[test]
fn a_room_that_is_retained_after_all_gets_its_end_back() {
    let retained = draining().policy(json!({"deletionPolicy": "Retain"}));
    moves_end(&retained, END);
    let without_key = retained.clone().with(|it| it.access = None);
    reads_access(&without_key);
    let moved_since = retained.clone().ends(NOW + 600);
    releases(&moved_since, Release::Retained);
    let back = retained
        .clone()
        .ends(END)
        .made(|it| it.end = Some(by_ttl(END)));
    releases(&back, Release::Retained);
    // A key may come back, as for a room that is to be deleted.
    let keyless = |waited: i64| {
        let view = retained.clone().later(waited).with(|it| {
            it.memory.keyless_since = Some(moment());
            it.access = Some(Err(KeyProblem {
                reason: Reason::ApiKeyNotFound,
                message: "no key".into(),
            }));
        });
        view.policy(json!({"deletionPolicy": "Retain"}))
    };
    let (reason, by) = (Reason::ApiKeyNotFound, ResolvedBy::User);
    let says = "The DailyRoom cannot be deleted yet: no key";
    waits_for(&keyless(599), reason, by, RECHECK, says);
    releases(&keyless(600), Release::Retained);
    // Without the room, or after its own end, there is nothing to restore.
    releases(&retained.clone().free(), Release::Retained);
    releases(&retained.wall(END), Release::Retained);
}

#[test]
fn in_a_namespace_that_is_deleted_it_waits_ten_minutes() {
    let unknown = draining().with(|it| it.memory.namespace = None);
    check(&unknown, Plan::Read(generic::Read::Namespace));
    let old = draining().with(|it| it.now.moment = it.now.moment.after(Duration::from_secs(30)));
    check(&old, Plan::Read(generic::Read::Namespace));
    let brief = unknown.policy(json!({"maxDrain": "10m"}));
    let nearer = drain(NOW + 600, NOW + 660);
    records(&brief, &after_ends(&[NOW + HOUR + MINUTE], nearer));
    // Counted from the deletion of the namespace, or of the object if that is later.
    for (deleted, wait) in [
        (NOW - 50, 600),
        (NOW, 600),
        (NOW + 30, 630),
        (NOW + 3500, HOUR),
    ] {
        let view = draining().namespace(Some(deleted));
        match wait {
            HOUR => defers(
                &view,
                "Participants are in the room.",
                "2027-01-15T09:10:00Z",
            ),
            wait => {
                let nearer = drain(NOW + wait, NOW + wait + MINUTE);
                records(&view, &after_ends(&[NOW + HOUR + MINUTE], nearer));
            }
        }
        let over = view.later(wait).inside(2);
        acts(&over, delete_step(&over, ID, false));
    }
}
