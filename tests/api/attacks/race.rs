//! Two objects want the same at the same time: one of them gets it and keeps it, the other one gets
//! nothing, and its deletion takes nothing away.

use futures::future::join_all;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::Value;

use super::cells::{NUMBERS, PAIRS, Pair, TARGETS, Target};
use crate::fixture::Fixture;
use crate::objects::{Kind, Object};
use crate::stake::Stake;
use crate::wait::{LATER, until};

/// Two objects with the same spec, each with its place.
struct Contest {
    target: Target,
    spec: Value,
    contestants: [(Pair, String); 2],
}

/// The contests of a pair. For a derived name there is none, since the names differ: both objects
/// get a room, and the deletion of one leaves the other.
fn contests(nth: usize, pair: Pair) -> impl Iterator<Item = Contest> {
    TARGETS.into_iter().map(move |target| {
        let name = format!("{target:?}-{pair:?}").to_lowercase();
        let other = match pair {
            Pair::Objects => format!("{name}-other"),
            _ => name.clone(),
        };
        Contest {
            target,
            spec: target.spec(&name, NUMBERS[nth]),
            contestants: [(Pair::Objects, name), (pair, other)],
        }
    })
}

pub(super) async fn run(fx: &mut Fixture) {
    for (nth, pair) in PAIRS.into_iter().enumerate() {
        // The installations share the limits of the account and do not know of each other.
        fx.daily_takes_calls().await;
        let contests: Vec<Contest> = contests(nth, pair).collect();
        start(fx, &contests).await;
        let mut results = Vec::new();
        for contest in &contests {
            results.push(Result::of(fx, contest).await);
        }
        for Result { kind, loser, .. } in &results {
            let (pair, name) = loser;
            pair.enter(fx).delete(*kind, name).await;
        }
        for result in &results {
            let (pair, name) = result.loser;
            pair.enter(fx).gone(result.kind, name).await;
            let winner = result.winner.enter(fx);
            result.stake.is_as_it_was(winner).await;
        }
    }
}

/// Creates all of them at the same time.
async fn start(fx: &mut Fixture, contests: &[Contest]) {
    let mut applied = Vec::new();
    for contest in contests {
        let kind = contest.target.kind();
        for (pair, name) in &contest.contestants {
            let fx = pair.enter(fx);
            fx.note(name, &contest.spec);
            let api: Api<DynamicObject> = fx.objects(kind);
            let manifest = kind.manifest(name, &contest.spec);
            applied.push(async move {
                let params = PatchParams::apply("kubectl");
                let applied = api.patch(name, &params, &Patch::Apply(manifest)).await;
                applied.expect("it is admitted");
            });
        }
    }
    join_all(applied).await;
}

/// A contest that is decided.
struct Result<'a> {
    kind: Kind,
    winner: Pair,
    /// What the winner has.
    stake: Stake,
    loser: &'a (Pair, String),
}

impl<'a> Result<'a> {
    async fn of(fx: &mut Fixture, contest: &'a Contest) -> Self {
        let kind = contest.target.kind();
        let [one, other] = &contest.contestants;
        let refusal = contest.target.refusal();
        let loses = |object: &Object| match refusal {
            Some(refusal) => object.has("Stalled", "True", refusal),
            None => object.is_ready(),
        };
        let what = format!("one of two gets {}", one.1);
        let (winner, loser) = until(&what, LATER, async || {
            let first = one.0.enter(fx).get(kind, &one.1).await;
            let second = other.0.enter(fx).get(kind, &other.1).await;
            match (first.is_ready(), second.is_ready()) {
                (true, _) if loses(&second) => Ok((one, other)),
                (_, true) if loses(&first) => Ok((other, one)),
                _ => Err(format!(
                    "{:#}\n{:#}",
                    first.at("/status"),
                    second.at("/status")
                )),
            }
        })
        .await;
        let stake = Stake::of(winner.0.enter(fx), kind, &winner.1).await;
        let lost = loser.0.enter(fx).get(kind, &loser.1).await;
        let status = lost.at("/status").to_string();
        assert!(
            !status.contains(stake.id()),
            "{what}, and so does the other one"
        );
        Self {
            kind,
            winner: winner.0,
            stake,
            loser,
        }
    }
}
