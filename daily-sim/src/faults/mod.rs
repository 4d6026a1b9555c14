//! Faults: what can be made to go wrong with the next calls, and the book that says which call it hits.
//!
//! This is pure bookkeeping. Doing the harm is the business of `server::pipeline`.

mod kind;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

pub use self::kind::FaultKind;
pub(crate) use self::kind::duration;

/// A fault to install.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// Which calls it hits.
    #[serde(rename = "match", default)]
    pub matches: FaultMatch,
    /// How many of them; 0 means all until the faults are cleared.
    #[serde(default = "once")]
    pub times: u32,
    /// How many matching calls pass before the first is hit.
    #[serde(default)]
    pub skip: u32,
    /// What happens to them.
    pub kind: FaultKind,
}

impl FaultSpec {
    /// A fault that hits the next call of this method and path; `/rooms/*` is a prefix.
    pub fn next(method: &str, path: &str, kind: FaultKind) -> Self {
        Self {
            matches: FaultMatch {
                method: Some(method.to_owned()),
                path: Some(path.to_owned()),
            },
            times: once(),
            skip: 0,
            kind,
        }
    }

    /// Hits this many calls; 0 means all until the faults are cleared.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Lets this many matching calls pass first.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }
}

fn once() -> u32 {
    1
}

/// Which calls a fault hits. What is left out matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultMatch {
    /// The method, for instance `POST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path below the base path, for instance `/rooms`; `/rooms/*` is a prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// A fault that is installed, and how far it has come.
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
    installed: Vec<FaultView>,
    held: Vec<Held>,
    last_id: u64,
}

#[derive(Debug)]
struct Held {
    fault: u64,
    name: String,
    /// Dropping it lets the reply go as well.
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
        let view = FaultView {
            id: self.last_id,
            fault,
            skipped: 0,
            applied: 0,
            held: 0,
        };
        self.installed.push(view.clone());
        view
    }

    /// The fault that hits this call, if any. The first that was installed wins; a call that passes
    /// it because of `skip` is offered to the next.
    pub fn strike(&mut self, method: &str, path: &str) -> Option<Hit> {
        let matching = |view: &&mut FaultView| view.fault.matches.matches(method, path);
        for view in self.installed.iter_mut().filter(matching) {
            let spent = view.fault.times != 0 && view.applied >= view.fault.times;
            if spent {
                continue;
            }
            if view.skipped < view.fault.skip {
                view.skipped += 1;
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
        let mut views = self.installed.clone();
        for view in &mut views {
            view.held = self
                .held
                .iter()
                .filter(|held| held.fault == view.id)
                .count();
        }
        views
    }

    /// Takes all faults away and lets the replies go that they hold.
    pub fn clear(&mut self) {
        self.installed.clear();
        self.held.clear();
    }

    /// Holds a reply: it may go when the receiver resolves, either way.
    pub fn hold(&mut self, fault: u64, name: &str) -> oneshot::Receiver<()> {
        let (release, released) = oneshot::channel();
        self.held.push(Held {
            fault,
            name: name.to_owned(),
            release,
        });
        released
    }

    /// Lets the replies go that are held under this name, and says how many there were.
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

impl FaultMatch {
    fn matches(&self, method: &str, path: &str) -> bool {
        let method_fits = self
            .method
            .as_ref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
        let path_fits = self
            .path
            .as_deref()
            .is_none_or(|wanted| match wanted.strip_suffix('*') {
                Some(prefix) => path.starts_with(prefix),
                None => path == wanted,
            });
        method_fits && path_fits
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
