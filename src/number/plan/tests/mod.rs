//! Tables over views: each rule with a case that only it decides. Here are the views that they begin
//! with.

mod adopt;
mod create;
mod delete;
mod domain;
mod guards;
mod keep;
mod rivals;

use std::time::Duration;

use serde_json::{Value, json};

use super::steps::Step;
use crate::clock::Moment;
use crate::crd::condition::Reason;
use crate::crd::{Account, AdoptionPolicy, PinDialinNumberStatus};
use crate::daily::evidence::{CreateAttempts, RoomEvidence};
use crate::daily::number_api::NumberApi;
use crate::daily::types::{DialinConfig, Domain};
use crate::keys::KeyProblem;
use crate::naming;
use crate::number::Number as Kind;
use crate::number::spec::Spec;
use crate::number::view::{Facts, NumberEvidence, View};
use crate::reconcile::backoff::Rejection;
use crate::reconcile::conditions::{Health, conditions};
use crate::reconcile::deletion_spec::{DeletionSpec, InvalidSpec};
use crate::reconcile::memory::Memory;
use crate::reconcile::meta::Identity;
use crate::reconcile::meta::Meta;
use crate::reconcile::plan;
use crate::reconcile::problem::{Problem, Requeue, ResolvedBy};
use crate::reconcile::record::{Claim, Made, Record, Recorded};
use crate::reconcile::report::status;
use crate::reconcile::steps::{self as generic, MARGIN, Release, Written};
use crate::reconcile::view::Now;
use crate::reconcile::view::Rival;

type Plan = generic::Plan<Kind>;
type Outcome = generic::Outcome<Kind>;
type AnyStep = generic::Step<Kind>;

const NUMBER: &str = "+12025550123";
const QUIET: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Moment {
    Moment(Duration::from_secs(seconds))
}

fn domain() -> Domain {
    Domain {
        name: "team".into(),
        id: "d1".into(),
    }
}

fn spec() -> Spec {
    Spec {
        phone_number: NUMBER.into(),
        name_prefix: Some("front".into()),
        greeting: None,
        adoption: AdoptionPolicy::Never,
    }
}

/// What a create asks for, as it is noted in a claim.
fn sent(prefix: &str) -> Value {
    let spec = Spec {
        name_prefix: Some(prefix.into()),
        ..spec()
    };
    json!(spec.create(NumberApi::DialinConfigs))
}

fn config(id: &str, prefix: &str) -> DialinConfig {
    let body = json!({"phone_number": NUMBER, "name_prefix": prefix});
    let config = json!({"id": id, "type": "pin_dialin", "config": body});
    serde_json::from_value(config).unwrap()
}

fn of_another_number(mut config: DialinConfig) -> DialinConfig {
    config.config.phone_number = Some("+1".into());
    config
}

fn seen(configs: Vec<DialinConfig>) -> Option<NumberEvidence> {
    Some(NumberEvidence {
        at: at(1000),
        date: Some(7),
        purchased: true,
        configs,
        other_id: None,
    })
}

fn claim() -> Claim {
    Claim {
        sent: vec![sent("front")],
        ..Claim::at(7)
    }
}

fn record(claim: Option<Claim>, made: Option<&str>) -> Record {
    Record {
        claim,
        made: made.map(Made::of),
        ..view().new_record(NUMBER, &domain())
    }
}

/// A new object of which all is known but what Daily and other objects say.
pub(crate) fn view() -> View {
    View {
        meta: Meta {
            namespace: "team".into(),
            name: "main-line".into(),
            uid: "u1".into(),
            resource_version: "1".into(),
            generation: 1,
            created: 100,
            deleting: None,
            has_finalizer: false,
            requested: None,
        },
        deletion: DeletionSpec::default(),
        suspended: false,
        names: Some(NUMBER.into()),
        spec: Ok(spec()),
        status: PinDialinNumberStatus::default(),
        recorded: Recorded::Nothing,
        own: Identity {
            cluster_id: "cluster".into(),
            previous_cluster_ids: Vec::new(),
            installation_id: "i1".into(),
            takes_over: Vec::new(),
        },
        now: Now {
            moment: at(1000),
            wall: 5000,
        },
        quiet_period: QUIET,
        drift_interval: Duration::from_secs(300),
        trusted_from: at(0),
        access: Some(Ok(domain())),
        uses_default_key: false,
        key_may_adopt: true,
        evidence: RoomEvidence::default(),
        rival: None,
        forced: false,
        retried: Vec::new(),
        facts: Facts {
            fresh_since: at(1000),
            ..Facts::default()
        },
        memory: Memory::default(),
    }
}

/// An object that is to claim its number, and nothing is in its way.
fn free() -> View {
    with(view(), |it| {
        it.facts.number = seen(Vec::new());
        it.rival = Some(None);
    })
}

/// The same, with our finalizer.
fn finalized(mut view: View) -> View {
    view.meta.has_finalizer = true;
    view
}

fn bound(record: Record) -> View {
    with(finalized(free()), |it| {
        it.recorded = record.into();
        it.status.record = it.record_text();
        it.status.observed_generation = Some(1);
        it.status.conditions = conditions(&[], 1, 5, Health::Progressing);
    })
}

fn claimed() -> View {
    with(bound(record(Some(claim()), None)), |it| {
        it.memory.began_here = true;
        it.evidence.create_attempts = CreateAttempts::None;
    })
}

/// One whose claim was withdrawn.
fn withdrawn() -> View {
    bound(record(None, None))
}

fn kept() -> View {
    with(bound(record(None, Some("c1"))), |it| {
        it.facts.number = seen(vec![config("c1", "front")]);
        it.memory.began_here = true;
        it.status.conditions = conditions(&[], 1, 5, Health::Serving("served", None));
    })
}

/// The record of an earlier object of the name, after a restore that carries status.
fn restored(change: impl FnOnce(&mut Record)) -> View {
    let mut former = Record {
        uid: "u0".into(),
        ..record(None, Some("c1"))
    };
    change(&mut former);
    with(finalized(free()), |it| {
        it.recorded = former.into();
        it.facts.number = seen(vec![config("c1", "front")]);
    })
}

fn with(mut view: View, change: impl FnOnce(&mut View)) -> View {
    change(&mut view);
    view
}

/// It is being deleted with this policy, and no room publishes it.
fn unused(view: View, retain: Option<bool>) -> View {
    with(view, |it| {
        it.meta.deleting = Some(5000);
        it.deletion.retain = retain;
        it.facts.publishers = Some(0);
    })
}

fn with_record(view: View, change: impl FnOnce(&mut Record)) -> View {
    with(view, |it| {
        if let Recorded::Record(record) = &mut it.recorded {
            change(record);
        }
        it.status.record = it.record_text();
    })
}

/// The record that is written next.
fn written(view: &View) -> Record {
    match plan(view) {
        Plan::Act(AnyStep::Record(record, _, Written::Now)) => *record,
        other => panic!("{other:?}"),
    }
}

/// The view after the record that is written next.
fn after_record(view: View) -> View {
    let written = written(&view);
    with_record(view, |it| *it = written)
}

/// A plan in a few words.
fn said(view: &View) -> String {
    match plan(view) {
        Plan::Read(generic::Read::Access) => "read Access".into(),
        Plan::Read(generic::Read::Rival) => "read Rival".into(),
        Plan::Read(generic::Read::Namespace) => "read Namespace".into(),
        Plan::Read(generic::Read::Of(read)) => format!("read {read:?}"),
        Plan::Act(AnyStep::AddFinalizer) => "add finalizer".into(),
        Plan::Act(AnyStep::Record(record, change, written)) => {
            let when = match written {
                Written::Now => "",
                Written::WithStatus => "with status ",
            };
            format!("record {when}{change:?} {}", record_said(&record))
        }
        Plan::Act(AnyStep::Report(outcome)) => format!("report {outcome:?}"),
        Plan::Act(AnyStep::Release(Release::Orphaned(_))) => "release Orphaned".into(),
        Plan::Act(AnyStep::Release(how)) => format!("release {how:?}"),
        Plan::Act(AnyStep::Of(Step::CreateConfig(_))) => "create".into(),
        Plan::Act(AnyStep::Of(Step::UpdateConfig(update))) => {
            format!("update {} drift={}", update.id, update.drift)
        }
        Plan::Act(AnyStep::Of(Step::DeleteConfig { id })) => format!("delete {id}"),
        Plan::Act(AnyStep::Of(Step::RememberUnapplied { .. })) => "remember unapplied".into(),
        Plan::Act(AnyStep::Of(Step::MoveConfig(from, _))) => format!("move {from}"),
        Plan::Rest(outcome, _) => outcome_said(&outcome),
    }
}

fn outcome_said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Serving(_, None) => "serving".into(),
        Outcome::Serving(_, Some(problem)) => format!("serving but {:?}", problem.reason),
        Outcome::Failing(problem) => format!("failing {:?}", problem.reason),
        Outcome::Deleting(problem) => format!("deleting {:?}", problem.reason),
        Outcome::OwnedElsewhere(problem) => format!("owned elsewhere {:?}", problem.reason),
        outcome => format!("{outcome:?}"),
    }
}

fn record_said(record: &Record) -> String {
    let mut said = match (&record.claim, &record.made) {
        (Some(claim), None) => format!("claim at {}", claim.at),
        (None, Some(made)) => made.id.clone(),
        (None, None) => "nothing".into(),
        (Some(_), Some(_)) => "both".into(),
    };
    for sent in record.claim.iter().flat_map(|it| &it.sent) {
        let prefix = sent["name_prefix"].as_str().unwrap_or("no prefix");
        said += &format!(", sent {prefix}");
    }
    if let Some(id) = &record.former_id {
        said += &format!(", formerly {id}");
    }
    if let Some(id) = &record.adopted_id {
        said += &format!(", adopted {id}");
    }
    said
}

#[track_caller]
fn check(table: Vec<(&str, View, &str)>) {
    for (what, view, expected) in table {
        assert_eq!(said(&view), expected, "{what}");
    }
}

fn rested(view: &View) -> (Outcome, Requeue) {
    match plan(view) {
        Plan::Rest(outcome, requeue) => (outcome, requeue),
        other => panic!("{other:?}"),
    }
}

fn problem(view: &View) -> Problem {
    rested(view).0.problem().cloned().unwrap()
}

fn message(view: &View) -> String {
    problem(view).message
}

fn rejection(request: &impl serde::Serialize, until: u64) -> Option<Rejection> {
    Some(Rejection {
        what: naming::fingerprint(&json!(request)),
        info: "no such prefix".into(),
        until: at(until),
        times: 1,
    })
}

fn key_problem(reason: Reason) -> Option<Result<Domain, KeyProblem>> {
    Some(Err(KeyProblem {
        reason,
        message: "no key".into(),
    }))
}

fn no_key() -> Option<Result<Domain, KeyProblem>> {
    key_problem(Reason::ApiKeyNotFound)
}

fn other_domain() -> Option<Result<Domain, KeyProblem>> {
    Some(Ok(Domain {
        name: "others".into(),
        id: "d2".into(),
    }))
}

fn rival(made: Option<&str>) -> Option<Option<Rival>> {
    Some(Some(Rival {
        is_first: true,
        namespace: "team".into(),
        name: "a-first".into(),
        made: made.map(str::to_owned),
    }))
}
