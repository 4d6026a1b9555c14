//! Tables over views: each rule with a case that only it decides.

use serde_json::json;

use super::*;
use crate::binding::{Claim, Made};
use crate::crd::{Account, FINALIZER, PinDialinNumberStatus};
use crate::daily::ledger::Posts;
use crate::daily::types::{DialinConfig, Unset};
use crate::keys::KeyProblem;
use crate::naming;
use crate::number::desired::Wishes;
use crate::number::view::{Memory, Rival};
use crate::room::desired::Unfit;
use crate::room::view::{Keyless, Now, Refusal};
use crate::standing::{Standing, conditions};
use crate::subject::Subject;

const NUMBER: &str = "+12025550123";
const Q: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Moment {
    Moment(Duration::from_secs(seconds))
}

fn domain() -> Domain {
    Domain {
        name: "team".into(),
        id: "d1".into(),
    }
}

fn desired() -> Desired {
    Desired {
        phone_number: NUMBER.into(),
        name_prefix: Some("front".into()),
        greeting: None,
    }
}

fn config(id: &str, prefix: &str) -> DialinConfig {
    let body = json!({"phone_number": NUMBER, "name_prefix": prefix});
    let config = json!({"id": id, "type": "pin_dialin", "config": body});
    serde_json::from_value(config).unwrap()
}

fn seen(configs: Vec<DialinConfig>) -> Option<Line> {
    Some(Line {
        at: at(1000),
        date: Some(7),
        purchased: true,
        configs,
    })
}

fn record(claim: bool, made: Option<&str>) -> Recorded {
    Recorded::Binding(Box::new(Binding {
        uid: "u1".into(),
        domain_id: "d1".into(),
        domain_name: "team".into(),
        name: NUMBER.into(),
        installation_id: "i1".into(),
        claim: claim.then_some(Claim {
            at: 7,
            end: None,
            past_end: None,
        }),
        made: made.map(|id| Made {
            id: id.into(),
            sent: None,
            end: None,
        }),
        recreated: Vec::new(),
    }))
}

/// A new object of which all is known but what Daily and other objects say.
pub(crate) fn view() -> View {
    View {
        subject: Subject {
            namespace: "team".into(),
            name: "main-line".into(),
            uid: "u1".into(),
            resource_version: "1".into(),
            generation: 1,
            created: 100,
            deleting: None,
            finalizers: Vec::new(),
            recorded: Recorded::None,
            requested: None,
        },
        wishes: Wishes::default(),
        desired: Ok(desired()),
        status: PinDialinNumberStatus::default(),
        installation_id: "i1".into(),
        now: Now {
            moment: at(1000),
            wall: 5000,
        },
        began: at(1000),
        quiet: Q,
        trusted_from: at(0),
        access: Some(Ok(domain())),
        forced: false,
        line: None,
        unknown_write: None,
        posts: Posts::None,
        rival: None,
        rival_is_live: false,
        users: None,
        tried: false,
        updated: false,
        deleted: false,
        memory: Memory::default(),
    }
}

/// An object that is to be bound, and nothing is in its way.
fn free() -> View {
    View {
        line: seen(Vec::new()),
        rival: Some(None),
        rival_is_live: true,
        ..view()
    }
}

fn bound(claim: bool, made: Option<&str>) -> View {
    let mut view = free();
    view.subject.finalizers = vec![FINALIZER.into()];
    view.subject.recorded = record(claim, made);
    view.status.observed_generation = Some(1);
    view.status.conditions = conditions(&[], 1, 5, Standing::Progressing);
    view
}

fn claimed() -> View {
    let mut view = bound(true, None);
    view.memory.bound_here = true;
    view.memory.claimed_here = true;
    view
}

fn kept() -> View {
    let mut view = bound(false, Some("c1"));
    view.line = seen(vec![config("c1", "front")]);
    view.memory.bound_here = true;
    view.status.conditions = conditions(&[], 1, 5, Standing::Serving(None));
    view
}

fn deleting(mut view: View) -> View {
    view.subject.deleting = Some(4000);
    view.users = Some(0);
    view
}

fn with(mut view: View, change: impl FnOnce(&mut View)) -> View {
    change(&mut view);
    view
}

/// A plan in a few words.
fn said(view: &View) -> String {
    match plan(view) {
        Plan::Look(look) => format!("look {look:?}"),
        Plan::Act(Step::Bind(binding)) => format!("bind {}", record_said(&binding)),
        Plan::Act(Step::Record(binding, change)) => {
            format!("record {change:?} {}", record_said(&binding))
        }
        Plan::Act(Step::Show(verdict)) => format!("show {verdict:?}"),
        Plan::Act(Step::CreateConfig(_)) => "create".into(),
        Plan::Act(Step::UpdateConfig(update)) => {
            format!("update {} drift={}", update.id, update.drift)
        }
        Plan::Act(Step::DeleteConfig { id }) => format!("delete {id}"),
        Plan::Act(Step::Release(Release::Orphaned(_))) => "release Orphaned".into(),
        Plan::Act(Step::Release(how)) => format!("release {how:?}"),
        Plan::Rest(rest) => match rest.verdict {
            Verdict::Serving(_, None) => "serving".into(),
            Verdict::Serving(_, Some(trouble)) => format!("serving but {:?}", trouble.reason),
            Verdict::Failing(trouble) => format!("failing {:?}", trouble.reason),
            Verdict::Deleting(trouble) => format!("deleting {:?}", trouble.reason),
            verdict => format!("{verdict:?}"),
        },
    }
}

fn record_said(binding: &Binding) -> String {
    match (&binding.claim, &binding.made) {
        (Some(claim), None) => format!("claim at {}", claim.at),
        (None, Some(made)) => made.id.clone(),
        (None, None) => "nothing".into(),
        (Some(_), Some(_)) => "both".into(),
    }
}

fn check(table: Vec<(&str, View, &str)>) {
    for (what, view, expected) in table {
        assert_eq!(said(&view), expected, "{what}");
    }
}

fn message(view: &View) -> String {
    match plan(view) {
        Plan::Rest(Rest {
            verdict: Verdict::Failing(trouble) | Verdict::Deleting(trouble),
            ..
        }) => trouble.message,
        other => panic!("{other:?}"),
    }
}

fn refusal(request: &impl serde::Serialize, until: u64) -> Option<Refusal> {
    Some(Refusal {
        what: naming::fingerprint(&json!(request)),
        info: "no such prefix".into(),
        at: at(0),
        until: at(until),
        times: 1,
    })
}

fn key_problem(definite: bool) -> Option<Result<Domain, KeyProblem>> {
    Some(Err(KeyProblem {
        reason: Reason::ApiKeyNotFound,
        message: "no key".into(),
        definite,
    }))
}

fn other_domain() -> Option<Result<Domain, KeyProblem>> {
    Some(Ok(Domain {
        name: "others".into(),
        id: "d2".into(),
    }))
}

fn rival(config: Option<&str>) -> Option<Option<Rival>> {
    Some(Some(Rival {
        name: "team/a-first".into(),
        config: config.map(str::to_owned),
    }))
}

#[test]
fn nothing_is_written_for_what_cannot_be_acted_on() {
    check(vec![
        (
            "no key yet",
            with(view(), |it| it.access = None),
            "look Access",
        ),
        (
            "key missing",
            with(view(), |it| it.access = key_problem(true)),
            "failing ApiKeyNotFound",
        ),
        (
            "spec does not parse",
            with(view(), |it| it.desired = Err(Unfit("no".into()))),
            "failing InvalidSpec",
        ),
        (
            "record cannot be read",
            with(view(), |it| it.subject.recorded = Recorded::Unreadable),
            "failing InvalidSpec",
        ),
        (
            "another domain",
            with(kept(), |it| it.access = other_domain()),
            "failing AccountChanged",
        ),
        (
            "another domain was reported",
            with(free(), |it| {
                it.access = other_domain();
                it.status.account = Some(Account {
                    domain_name: "team".into(),
                    domain_id: "d1".into(),
                });
            }),
            "failing AccountChanged",
        ),
        (
            "another installation",
            with(kept(), |it| it.installation_id = "i2".into()),
            "failing OtherInstallation",
        ),
        (
            "another number is recorded",
            with(kept(), |it| {
                it.desired.as_mut().unwrap().phone_number = "+1".into()
            }),
            "failing InvalidSpec",
        ),
    ]);
    let changed = message(&with(kept(), |it| it.access = other_domain()));
    assert!(
        changed.contains("team") && changed.contains("others"),
        "{changed}"
    );
}

#[test]
fn a_number_is_bound_when_it_is_purchased_free_and_nobody_comes_first() {
    let unpurchased = |it: &mut View| it.line.as_mut().unwrap().purchased = false;
    check(vec![
        ("not asked yet", view(), "look Line(Lately)"),
        (
            "forced",
            with(view(), |it| it.forced = true),
            "look Line(Fresh)",
        ),
        (
            "asked long ago",
            with(free(), |it| it.line.as_mut().unwrap().at = at(995)),
            "look Line(Lately)",
        ),
        (
            "not purchased",
            with(free(), unpurchased),
            "failing NumberNotPurchased",
        ),
        (
            "others not looked at",
            with(free(), |it| it.rival = None),
            "look Rivals",
        ),
        (
            "held",
            with(free(), |it| it.rival = rival(None)),
            "failing NumberInUse",
        ),
        (
            "somebody else's config",
            with(free(), |it| it.line = seen(vec![config("x", "front")])),
            "failing NumberInUse",
        ),
        (
            "asked before this pass",
            with(free(), |it| it.line.as_mut().unwrap().at = at(999)),
            "look Line(Fresh)",
        ),
        (
            "others not looked at for sure",
            with(free(), |it| it.rival_is_live = false),
            "look RivalsLive",
        ),
        ("free", free(), "bind claim at 7"),
        (
            "withdrawn, and free again",
            bound(false, None),
            "record Claimed claim at 7",
        ),
        (
            "withdrawn, and still taken",
            with(bound(false, None), |it| {
                it.line = seen(vec![config("x", "front")])
            }),
            "failing NumberInUse",
        ),
    ]);
    let held = message(&with(free(), |it| it.rival = rival(None)));
    assert!(held.contains("team/a-first"), "{held}");
}

#[test]
fn a_pinless_config_takes_a_number_too() {
    let pinless = DialinConfig {
        kind: "pinless_dialin".into(),
        ..config("x", "front")
    };
    let view = with(free(), |it| it.line = seen(vec![pinless]));
    assert_eq!(said(&view), "failing NumberInUse");
}

#[test]
fn a_restored_object_finds_its_config_by_the_record_of_the_one_before() {
    let restored = |id: &str, change: fn(&mut Binding)| {
        with(free(), |it| {
            it.subject.recorded = record(false, Some("c1"));
            if let Recorded::Binding(binding) = &mut it.subject.recorded {
                binding.uid = "u0".into();
                change(binding);
            }
            it.line = seen(vec![config(id, "front")]);
        })
    };
    check(vec![
        ("its config", restored("c1", |_| ()), "bind c1"),
        (
            "another config",
            restored("c2", |_| ()),
            "failing NumberInUse",
        ),
        (
            "other domain",
            restored("c1", |it| it.domain_id = "d2".into()),
            "failing NumberInUse",
        ),
        (
            "held",
            with(restored("c1", |_| ()), |it| it.rival = rival(Some("c1"))),
            "failing NumberInUse",
        ),
    ]);
}

#[test]
fn a_claimed_number_gets_one_config() {
    let found = |prefix: &str| seen(vec![config("c1", prefix)]);
    check(vec![
        (
            "finalizer is gone",
            with(claimed(), |it| it.subject.finalizers.clear()),
            "bind claim at 7",
        ),
        (
            "not reported yet",
            with(claimed(), |it| it.status.conditions.clear()),
            "show Progressing",
        ),
        (
            "not asked in this pass",
            with(claimed(), |it| it.line.as_mut().unwrap().at = at(999)),
            "look Line(Fresh)",
        ),
        ("free", claimed(), "create"),
        (
            "no longer purchased",
            with(claimed(), |it| it.line.as_mut().unwrap().purchased = false),
            "failing NumberNotPurchased",
        ),
        (
            "others not looked at",
            with(claimed(), |it| it.rival_is_live = false),
            "look RivalsLive",
        ),
        (
            "another comes first",
            with(claimed(), |it| it.rival = rival(None)),
            "record Withdrawn nothing",
        ),
        (
            "another comes first, and a create of ours may be done",
            with(claimed(), |it| {
                it.rival = rival(None);
                it.posts = Posts::Unknown;
            }),
            "failing NumberInUse",
        ),
        (
            "made by our create",
            with(claimed(), |it| {
                it.line = found("front");
                it.memory.created = Some("c1".into());
            }),
            "record Made c1",
        ),
        (
            "made by our create, and edited since",
            with(claimed(), |it| {
                it.line = found("other");
                it.memory.created = Some("c1".into());
            }),
            "record Made c1",
        ),
        (
            "no create of ours",
            with(claimed(), |it| it.line = found("front")),
            "record Withdrawn nothing",
        ),
        (
            "refused",
            with(claimed(), |it| {
                it.line = found("front");
                it.posts = Posts::Refused;
            }),
            "record Withdrawn nothing",
        ),
        (
            "a create may have been done",
            with(claimed(), |it| {
                it.line = found("front");
                it.posts = Posts::Unknown;
            }),
            "record Made c1",
        ),
        (
            "and says something else",
            with(claimed(), |it| {
                it.line = found("other");
                it.posts = Posts::Unknown;
            }),
            "failing NumberInUse",
        ),
        (
            "the spec was edited after the create",
            with(claimed(), |it| {
                it.line = found("front");
                it.memory.posted = Some(desired());
                it.desired.as_mut().unwrap().name_prefix = None;
            }),
            "record Made c1",
        ),
        (
            "a process before this one may have made it",
            with(claimed(), |it| {
                it.line = found("front");
                it.memory.claimed_here = false;
            }),
            "record Made c1",
        ),
        (
            "it is recorded for another object",
            with(claimed(), |it| {
                it.line = found("front");
                it.posts = Posts::Unknown;
                it.rival = rival(Some("c1"));
            }),
            "failing NumberInUse",
        ),
    ]);
}

#[test]
fn a_refused_create_is_sent_again_rarely() {
    let refused = with(claimed(), |it| {
        it.memory.refusal = refusal(&desired().create(), 1005)
    });
    check(vec![
        ("just refused", refused.clone(), "failing RejectedByDaily"),
        (
            "later",
            with(refused.clone(), |it| it.now.moment = at(1005)),
            "create",
        ),
        (
            "forced",
            with(refused.clone(), |it| it.forced = true),
            "create",
        ),
        (
            "forced and tried",
            with(refused.clone(), |it| {
                it.forced = true;
                it.tried = true;
            }),
            "failing RejectedByDaily",
        ),
        (
            "edited",
            with(refused.clone(), |it| {
                it.desired.as_mut().unwrap().name_prefix = None
            }),
            "create",
        ),
    ]);
    assert!(message(&refused).contains("no such prefix"));
}

#[test]
fn a_recorded_config_is_kept_as_it_should_be() {
    let differs = || with(kept(), |it| it.line = seen(vec![config("c1", "other")]));
    let request = desired().update(&config("c1", "other").config);
    let refused = with(differs(), |it| it.memory.refusal = refusal(&request, 1005));
    let other_number = |mut shown: DialinConfig| {
        shown.config.phone_number = Some("+1".into());
        shown
    };
    check(vec![
        ("as it should be", kept(), "serving"),
        (
            "not asked yet",
            with(kept(), |it| it.line = None),
            "look Line(Drift)",
        ),
        (
            "asked a while ago",
            with(kept(), |it| it.line.as_mut().unwrap().at = at(800)),
            "serving",
        ),
        (
            "forced",
            with(kept(), |it| {
                it.line.as_mut().unwrap().at = at(999);
                it.forced = true;
            }),
            "look Line(Fresh)",
        ),
        (
            "not ready yet",
            with(kept(), |it| {
                it.line.as_mut().unwrap().at = at(995);
                it.status.conditions = conditions(&[], 1, 5, Standing::Progressing);
            }),
            "look Line(Lately)",
        ),
        ("changed by hand", differs(), "update c1 drift=true"),
        (
            "edited",
            with(differs(), |it| it.subject.generation = 2),
            "update c1 drift=false",
        ),
        (
            "moved to another number by hand",
            with(kept(), |it| {
                it.line = seen(vec![other_number(config("c1", "front"))])
            }),
            "update c1 drift=true",
        ),
        (
            "the change does not show",
            with(differs(), |it| it.updated = true),
            "serving but RejectedByDaily",
        ),
        ("refused", refused.clone(), "serving but RejectedByDaily"),
        (
            "later",
            with(refused.clone(), |it| it.now.moment = at(1005)),
            "update c1 drift=true",
        ),
        (
            "forced again",
            with(refused, |it| it.forced = true),
            "update c1 drift=true",
        ),
        (
            "number sold",
            with(kept(), |it| it.line.as_mut().unwrap().purchased = false),
            "failing NumberNotPurchased",
        ),
        (
            "another config in its place",
            with(kept(), |it| it.line = seen(vec![config("c2", "front")])),
            "failing NumberInUse",
        ),
    ]);
}

#[test]
fn what_is_taken_away_is_sent_as_null() {
    let view = with(kept(), |it| it.desired.as_mut().unwrap().name_prefix = None);
    let Plan::Act(Step::UpdateConfig(update)) = plan(&view) else {
        panic!("{:?}", plan(&view));
    };
    assert_eq!(update.request.name_prefix, Unset::Null);
    assert_eq!(update.request.ivr_greeting, Unset::Absent);
}

#[test]
fn a_config_is_missing_after_two_looks_and_when_nothing_may_still_be_done() {
    let absent = |first: Option<u64>, change: fn(&mut View)| {
        with(kept(), |it| {
            it.line = seen(Vec::new());
            it.memory.first_absent = first.map(at);
            change(it);
        })
    };
    let anew = "record Anew claim at 7";
    check(vec![
        ("first look", absent(Some(1000), |_| ()), "Unchanged"),
        (
            "half of the quiet period later",
            absent(Some(970), |_| ()),
            anew,
        ),
        ("too soon", absent(Some(971), |_| ()), "Unchanged"),
        (
            "the second look is old",
            absent(Some(960), |it| {
                it.line.as_mut().unwrap().at = at(989);
                it.began = at(1000);
            }),
            "look Line(Lately)",
        ),
        (
            "it is not that old, and too old",
            absent(Some(969), |it| it.line.as_mut().unwrap().at = at(998)),
            "look Line(Fresh)",
        ),
        (
            "a write of ours may still be done",
            absent(Some(900), |it| it.unknown_write = Some(at(941))),
            "Unchanged",
        ),
        (
            "it was done or never will be",
            absent(Some(900), |it| it.unknown_write = Some(at(940))),
            anew,
        ),
        (
            "a write of an earlier leader may still be done",
            absent(Some(900), |it| {
                it.memory.bound_here = false;
                it.trusted_from = at(1001);
            }),
            "Unchanged",
        ),
        (
            "no other leader has known it",
            absent(Some(900), |it| it.trusted_from = at(1001)),
            anew,
        ),
    ]);
    let Plan::Rest(rest) = plan(&absent(Some(1000), |_| ())) else {
        panic!("it waits");
    };
    assert_eq!(rest.again, Again::In(Duration::from_secs(30) + MARGIN));
}

#[test]
fn a_deleted_object_takes_its_config_along() {
    let fresh = || deleting(kept());
    let other_number = |it: &mut View| {
        let mut shown = config("c1", "front");
        shown.config.phone_number = Some("+1".into());
        it.line = seen(vec![shown]);
    };
    check(vec![
        ("never bound", deleting(free()), "Done"),
        (
            "another installation",
            with(fresh(), |it| it.installation_id = "i2".into()),
            "failing OtherInstallation",
        ),
        (
            "claim withdrawn",
            deleting(bound(false, None)),
            "release Clean",
        ),
        (
            "retained",
            with(fresh(), |it| it.wishes.retain = true),
            "release Retained",
        ),
        (
            "retained without a key",
            with(fresh(), |it| {
                it.wishes.retain = true;
                it.access = None;
            }),
            "release Retained",
        ),
        (
            "rooms not counted",
            with(fresh(), |it| it.users = None),
            "look Users",
        ),
        (
            "rooms use it",
            with(fresh(), |it| it.users = Some(2)),
            "deleting DeletionDeferred",
        ),
        (
            "rooms use it, and it has waited",
            with(fresh(), |it| {
                it.users = Some(2);
                it.now.wall = 7600;
            }),
            "delete c1",
        ),
        (
            "not asked in this pass",
            with(fresh(), |it| it.line.as_mut().unwrap().at = at(999)),
            "look Line(Fresh)",
        ),
        ("it is there", fresh(), "delete c1"),
        (
            "the spec does not parse",
            with(fresh(), |it| it.desired = Err(Unfit("no".into()))),
            "delete c1",
        ),
        (
            "deleted and still shown",
            with(fresh(), |it| it.deleted = true),
            "deleting Progressing",
        ),
        (
            "of another number now",
            with(fresh(), other_number),
            "release Orphaned",
        ),
        (
            "another in its place",
            with(fresh(), |it| it.line = seen(vec![config("c2", "front")])),
            "release Deleted",
        ),
        (
            "gone",
            with(fresh(), |it| it.line = seen(Vec::new())),
            "release Deleted",
        ),
        (
            "a write may still be done",
            with(fresh(), |it| {
                it.line = seen(Vec::new());
                it.unknown_write = Some(at(941));
            }),
            "deleting Progressing",
        ),
        (
            "an earlier leader's write may still be done",
            with(fresh(), |it| {
                it.line = seen(Vec::new());
                it.memory.bound_here = false;
                it.trusted_from = at(1001);
            }),
            "deleting Progressing",
        ),
        (
            "the record is gone",
            with(fresh(), |it| {
                it.subject.recorded = Recorded::None;
                it.status.config_id = Some("c1".into());
            }),
            "release Orphaned",
        ),
    ]);
    let deferred = message(&with(fresh(), |it| it.users = Some(2)));
    assert!(deferred.contains("2 DailyRooms"), "{deferred}");
}

#[test]
fn a_config_without_a_recorded_id_is_deleted_when_it_is_proven() {
    let found = |prefix: &str| seen(vec![config("c1", prefix)]);
    let claim = |prefix: &str, change: fn(&mut View)| {
        with(deleting(claimed()), |it| {
            it.line = found(prefix);
            change(it);
        })
    };
    check(vec![
        ("none was made", deleting(claimed()), "release Clean"),
        (
            "one may still be made",
            with(deleting(claimed()), |it| it.unknown_write = Some(at(941))),
            "deleting Progressing",
        ),
        (
            "answered",
            claim("other", |it| it.memory.created = Some("c1".into())),
            "delete c1",
        ),
        (
            "may be ours",
            claim("front", |it| it.posts = Posts::Unknown),
            "delete c1",
        ),
        (
            "of the process before",
            claim("front", |it| it.memory.claimed_here = false),
            "delete c1",
        ),
        ("not ours", claim("front", |_| ()), "release Clean"),
        (
            "says something else",
            claim("other", |it| it.posts = Posts::Unknown),
            "release Orphaned",
        ),
        (
            "says something else, and a create of ours may still be done",
            claim("other", |it| {
                it.posts = Posts::Unknown;
                it.unknown_write = Some(at(999));
            }),
            "deleting Progressing",
        ),
        (
            "says something else, after the leader before has crashed",
            claim("other", |it| {
                it.memory.claimed_here = false;
                it.memory.bound_here = false;
                it.trusted_from = at(100_000);
            }),
            "deleting Progressing",
        ),
        (
            "recorded for another",
            claim("front", |it| {
                it.posts = Posts::Unknown;
                it.rival = rival(Some("c1"));
            }),
            "release Orphaned",
        ),
        (
            "others not looked at",
            claim("front", |it| {
                it.posts = Posts::Unknown;
                it.rival_is_live = false;
            }),
            "look RivalsLive",
        ),
    ]);
}

#[test]
fn a_config_is_given_up_when_there_is_no_key_for_long() {
    let keyless = |answers, since, definite: bool| {
        with(deleting(kept()), |it| {
            it.access = key_problem(definite);
            it.memory.keyless = Some(Keyless {
                since: at(since),
                answers,
            });
        })
    };
    check(vec![
        ("once", keyless(1, 0, true), "deleting ApiKeyNotFound"),
        (
            "often and quickly",
            keyless(5, 401, true),
            "deleting ApiKeyNotFound",
        ),
        ("often and long", keyless(5, 400, true), "release Orphaned"),
        (
            "no definite answer",
            keyless(5, 400, false),
            "deleting ApiKeyNotFound",
        ),
        (
            "a key of another domain",
            with(keyless(1, 0, true), |it| it.access = other_domain()),
            "deleting AccountChanged",
        ),
    ]);
}

#[test]
fn troubles_say_who_has_to_act_and_whether_the_number_answers() {
    let trouble = |view: &View| match plan(view) {
        Plan::Rest(Rest {
            verdict: Verdict::Failing(trouble),
            ..
        }) => (trouble.needs, trouble.served),
        other => panic!("{other:?}"),
    };
    let unauthorized = with(view(), |it| {
        it.access = key_problem(true);
        if let Some(Err(problem)) = &mut it.access {
            problem.reason = Reason::Unauthorized;
        }
    });
    let unavailable = with(view(), |it| {
        it.access = key_problem(false);
        if let Some(Err(problem)) = &mut it.access {
            problem.reason = Reason::DailyUnavailable;
        }
    });
    let missing = with(view(), |it| it.access = key_problem(true));
    let held = with(free(), |it| it.rival = rival(None));
    assert_eq!(trouble(&unauthorized), (Needs::Person, true));
    assert_eq!(trouble(&unavailable), (Needs::Retry, true));
    assert_eq!(trouble(&missing), (Needs::Time, true));
    assert_eq!(trouble(&held), (Needs::Person, false));
}
