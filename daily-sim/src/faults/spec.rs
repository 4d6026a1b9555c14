//! What a fault is to hit, and how JSON writes it.

use serde::{Deserialize, Serialize};

use super::FaultKind;

/// A fault to install.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawSpec", into = "RawSpec")]
pub struct FaultSpec {
    /// Which calls it hits.
    pub matches: FaultMatch,
    /// How many of them; 0 means all until the faults are cleared.
    pub times: u32,
    /// How many matching calls pass before the first is hit.
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
                chance: None,
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

    /// Hits each matching call with this probability only. The same seed hits the same ones.
    #[must_use]
    pub fn chance(mut self, probability: f64, seed: u64) -> Self {
        self.matches.chance = Some(Chance { probability, seed });
        self
    }
}

fn once() -> u32 {
    1
}

/// Which calls a fault hits. What is left out matches everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultMatch {
    /// The method, for instance `POST`.
    pub method: Option<String>,
    /// The path below the base path, for instance `/rooms`. A `*` stands for one segment, as in
    /// `/rooms/*/presence`, and at the end for any rest, as in `/rooms/*`.
    pub path: Option<String>,
    /// With which probability a matching call is hit; always, when left out.
    pub chance: Option<Chance>,
}

/// A probability, and the seed of the generator that decides by it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chance {
    /// Above 0, and at most 1.
    pub probability: f64,
    /// The same seed and the same calls in the same order give the same hits.
    pub seed: u64,
}

impl FaultMatch {
    /// Whether the fault may hit a call.
    pub(super) fn fits(&self, method: &str, path: &str) -> bool {
        let method_fits =
            (self.method.as_ref()).is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
        method_fits && (self.path.as_deref()).is_none_or(|pattern| path_fits(pattern, path))
    }
}

/// Compares segment by segment. A `*` at the end of the pattern matches the rest of the path.
fn path_fits(pattern: &str, path: &str) -> bool {
    let Some((wanted, other_wanted)) = pattern.split_once('/') else {
        return match pattern.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => path == pattern,
        };
    };
    let Some((given, other_given)) = path.split_once('/') else {
        return false;
    };
    let segment_fits = wanted == given || (wanted == "*" && !given.is_empty());
    segment_fits && path_fits(other_wanted, other_given)
}

/// A fault as JSON has it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSpec {
    #[serde(rename = "match", default)]
    matches: RawMatch,
    #[serde(default = "once")]
    times: u32,
    #[serde(default)]
    skip: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chance: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    kind: FaultKind,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMatch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl TryFrom<RawSpec> for FaultSpec {
    type Error = String;

    fn try_from(raw: RawSpec) -> Result<Self, String> {
        let chance = match (raw.chance, raw.seed) {
            (None, None) => None,
            (None, Some(_)) => {
                return Err("a seed goes with a chance: write \"chance\": 0.1 as well".to_owned());
            }
            (Some(probability), seed) if probability > 0.0 && probability <= 1.0 => Some(Chance {
                probability,
                seed: seed.unwrap_or_default(),
            }),
            (Some(other), _) => {
                return Err(format!(
                    "a chance of {other} is none: write a number above 0 and at most 1, like 0.1"
                ));
            }
        };
        let RawMatch { method, path } = raw.matches;
        if let Some(path) = &path {
            check_path(path)?;
        }
        Ok(Self {
            matches: FaultMatch {
                method,
                path,
                chance,
            },
            times: raw.times,
            skip: raw.skip,
            kind: raw.kind,
        })
    }
}

fn check_path(path: &str) -> Result<(), String> {
    let segments = path.trim_end_matches('*').split('/');
    let whole = |segment: &str| segment == "*" || !segment.contains('*');
    let fits = (path == "*" || path.starts_with('/'))
        && !path.ends_with("**")
        && segments.into_iter().all(whole);
    match fits {
        true => Ok(()),
        false => Err(format!(
            "{path:?} matches no path: write one below /v1 like /rooms, with a * for one segment \
             like /rooms/*/presence, or at the end for any rest like /rooms/*"
        )),
    }
}

impl From<FaultSpec> for RawSpec {
    fn from(spec: FaultSpec) -> Self {
        let FaultMatch {
            method,
            path,
            chance,
        } = spec.matches;
        Self {
            matches: RawMatch { method, path },
            times: spec.times,
            skip: spec.skip,
            chance: chance.map(|chance| chance.probability),
            seed: chance.map(|chance| chance.seed),
            kind: spec.kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_star_is_a_segment_or_the_rest() {
        for (pattern, fitting, other) in [
            ("/rooms", "/rooms", "/rooms/a"),
            ("/rooms/*", "/rooms/a/presence", "/rooms"),
            ("/rooms*", "/rooms", "/room"),
            ("/rooms/*/presence", "/rooms/a/presence", "/rooms/a"),
            (
                "/rooms/*/presence",
                "/rooms/b/presence",
                "/rooms/a/b/presence",
            ),
            ("/rooms/*/presence", "/rooms/b/presence", "/rooms//presence"),
            ("/rooms/*/pre*", "/rooms/a/presence/x", "/rooms/a/eject"),
            ("/*/a", "/rooms/a", "/rooms/b"),
            ("*", "/", ""),
        ] {
            assert!(path_fits(pattern, fitting), "{pattern} {fitting}");
            assert!(
                !path_fits(pattern, other) || pattern == "*",
                "{pattern} {other}"
            );
        }
    }

    #[test]
    fn a_fault_reads_back_as_it_was_written() {
        for json in [
            json!({"match": {}, "times": 1, "skip": 0, "kind": {"replyLost": true}}),
            json!({
                "match": {"method": "GET", "path": "/rooms/*/presence"}, "times": 0, "skip": 3,
                "chance": 0.25, "seed": 7, "kind": {"latency": "2s"}
            }),
        ] {
            let read: FaultSpec = serde_json::from_value(json.clone()).expect("is a fault");
            assert_eq!(serde_json::to_value(&read).expect("serializes"), json);
        }
    }

    #[track_caller]
    fn refused(mut fault: Value, part: &str) {
        fault["kind"] = json!({"replyLost": true});
        let error = serde_json::from_value::<FaultSpec>(fault).expect_err("must be refused");
        assert!(error.to_string().contains(part), "{error}");
    }

    #[test]
    fn a_refusal_says_what_to_write() {
        refused(json!({"seed": 7}), "\"chance\": 0.1");
        refused(json!({"chance": 0}), "like 0.1");
        refused(json!({"chance": 1.5}), "like 0.1");
        refused(json!({"match": {"path": "rooms"}}), "like /rooms");
        refused(json!({"match": {"path": "/ro*ms"}}), "one segment");
        refused(
            json!({"match": {"path": "/rooms/a*/presence"}}),
            "one segment",
        );
        refused(json!({"match": {"path": "/rooms/**"}}), "one segment");
        refused(json!({"match": {"paths": "/rooms"}}), "paths");
    }
}
