//! Faults that can be injected into the next calls, and which call each of them hits.
//!
//! This is pure bookkeeping; `server::pipeline` applies the faults.

mod kind;
mod spec;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

pub use self::kind::FaultKind;
pub(crate) use self::kind::duration;
pub use self::spec::{Chance, FaultMatch, FaultSpec};

/// A fault that is installed, with its counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultView {
    /// Counts from 1 since the start.
    pub id: u64,
    /// As it was installed.
    pub fault: FaultSpec,
    /// How many matching calls have passed because of `skip`.
    pub skipped: u32,
    /// How many calls it has hit.
    pub applied: u32,
    /// How many replies it holds at this moment.
    pub held: usize,
}

/// The faults that are installed, and the replies that they hold.
#[derive(Debug, Default)]
pub(crate) struct FaultBook {
    installed: Vec<Installed>,
    held: Vec<Held>,
    last_id: u64,
}

#[derive(Debug)]
struct Installed {
    view: FaultView,
    /// Decides by the chance of the fault; none when it hits always.
    dice: Option<(fastrand::Rng, f64)>,
}

#[derive(Debug)]
struct Held {
    fault: u64,
    name: String,
    /// Dropping it sends the reply as well.
    release: oneshot::Sender<()>,
}

/// A fault that hits a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hit {
    pub fault: u64,
    pub kind: FaultKind,
}

impl FaultBook {
    pub fn install(&mut self, fault: FaultSpec) -> FaultView {
        self.last_id += 1;
        let dice = |chance: Chance| (fastrand::Rng::with_seed(chance.seed), chance.probability);
        let dice = fault.matches.chance.map(dice);
        let view = FaultView {
            id: self.last_id,
            fault,
            skipped: 0,
            applied: 0,
            held: 0,
        };
        self.installed.push(Installed {
            view: view.clone(),
            dice,
        });
        view
    }

    /// The fault that hits this call, if any. The first that was installed wins; a call that passes
    /// it because of `skip` or of its chance is offered to the next.
    pub fn strike(&mut self, method: &str, path: &str) -> Option<Hit> {
        let matching = |one: &&mut Installed| one.view.fault.matches.fits(method, path);
        for Installed { view, dice } in self.installed.iter_mut().filter(matching) {
            let spent = view.fault.times != 0 && view.applied >= view.fault.times;
            if spent {
                continue;
            }
            if view.skipped < view.fault.skip {
                view.skipped += 1;
                continue;
            }
            if let Some((rng, probability)) = dice
                && rng.f64() >= *probability
            {
                continue;
            }
            view.applied += 1;
            return Some(Hit {
                fault: view.id,
                kind: view.fault.kind.clone(),
            });
        }
        None
    }

    pub fn views(&self) -> Vec<FaultView> {
        let held_by = |id| self.held.iter().filter(|held| held.fault == id).count();
        let now = |one: &Installed| FaultView {
            held: held_by(one.view.id),
            ..one.view.clone()
        };
        self.installed.iter().map(now).collect()
    }

    /// Removes all faults and sends the replies that they hold.
    pub fn clear(&mut self) {
        self.installed.clear();
        self.held.clear();
    }

    /// Holds a reply until the receiver resolves, either way.
    pub fn hold(&mut self, fault: u64, name: &str) -> oneshot::Receiver<()> {
        let (release, released) = oneshot::channel();
        self.held.push(Held {
            fault,
            name: name.to_owned(),
            release,
        });
        released
    }

    /// Sends the replies that are held under this name, and returns their number.
    pub fn release(&mut self, name: &str) -> usize {
        let (freed, held): (Vec<_>, Vec<_>) =
            self.held.drain(..).partition(|held| held.name == name);
        self.held = held;
        let count = freed.len();
        for held in freed {
            // A receiver that is gone means that the server is stopping.
            let _ = held.release.send(());
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn fault(json: Value) -> FaultSpec {
        serde_json::from_value(json).expect("is a fault")
    }

    #[test]
    fn a_fault_skips_then_hits_then_is_spent() {
        let mut book = FaultBook::default();
        book.install(fault(json!({
            "match": {"method": "POST", "path": "/rooms"}, "times": 2, "skip": 1,
            "kind": {"replyLost": true}
        })));
        assert_eq!(book.strike("GET", "/rooms"), None);
        assert_eq!(book.strike("POST", "/rooms/a"), None);
        let hits: Vec<bool> = (0..4)
            .map(|_| book.strike("POST", "/rooms").is_some())
            .collect();
        assert_eq!(hits, [false, true, true, false]);
    }

    #[test]
    fn a_star_matches_a_prefix_and_zero_times_means_always() {
        let mut book = FaultBook::default();
        book.install(fault(
            json!({"match": {"path": "/rooms/*"}, "times": 0, "kind": {"latency": "2s"}}),
        ));
        assert!((0..9).all(|_| book.strike("DELETE", "/rooms/a").is_some()));
        assert_eq!(book.strike("DELETE", "/rooms"), None);
        book.clear();
        assert_eq!(book.strike("DELETE", "/rooms/a"), None);
    }

    fn hits(json: Value) -> Vec<bool> {
        let mut book = FaultBook::default();
        book.install(fault(json));
        (0..1000)
            .map(|_| book.strike("GET", "/").is_some())
            .collect()
    }

    #[test]
    fn a_chance_hits_the_same_calls_for_the_same_seed() {
        let with = |seed: u64| json!({"times": 0, "chance": 0.1, "seed": seed, "kind": {"replyLost": true}});
        let first = hits(with(7));
        assert_eq!(first, hits(with(7)));
        assert_ne!(first, hits(with(8)));
        let count = first.iter().filter(|hit| **hit).count();
        assert!((60..140).contains(&count), "{count}");
        // Without a seed it is 0, and a chance of 1 hits always.
        assert_eq!(
            hits(json!({"times": 0, "chance": 0.1, "kind": {"replyLost": true}})),
            hits(with(0))
        );
        let sure = json!({"times": 0, "chance": 1, "kind": {"replyLost": true}});
        assert!(hits(sure).into_iter().all(|hit| hit));
    }

    #[test]
    fn a_call_that_a_chance_passes_is_offered_to_the_next_fault() {
        let mut book = FaultBook::default();
        book.install(fault(
            json!({"times": 2, "chance": 0.5, "kind": {"replyLost": true}}),
        ));
        book.install(fault(json!({"times": 0, "kind": {"drop": "a"}})));
        let kinds: Vec<_> = (0..64)
            .filter_map(|_| Some(book.strike("GET", "/")?.kind.name()))
            .collect();
        let lost = kinds.iter().filter(|kind| **kind == "replyLost").count();
        assert_eq!((kinds.len(), lost), (64, 2));
    }

    #[test]
    fn only_the_named_replies_are_released() {
        let mut book = FaultBook::default();
        let id = book.install(fault(json!({"kind": {"hold": "a"}}))).id;
        let (mut first, mut other) = (book.hold(id, "a"), book.hold(id, "b"));
        assert_eq!(book.views()[0].held, 2);
        assert_eq!(book.release("a"), 1);
        assert!(first.try_recv().is_ok() && other.try_recv().is_err());
    }
}
