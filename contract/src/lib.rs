//! Contract tests for Daily's API: one suite of checks for the simulator and for a live account.
//!
//! The checks follow `docs/daily-api-facts.md` and Daily's guides. They use HTTP only and share no code with
//! the operator or the simulator.
//!
//! | module | purpose |
//! | --- | --- |
//! | `target` | the accounts under test |
//! | `wire` | sends one HTTP call; in live mode enforces the rules |
//! | `rules`, `made` | the rules of live mode, and the objects that a live run must delete: pure |
//! | `schemas`, `requests` | validate every answer and every request against the JSON Schemas in `schemas/` |
//! | `case`, `answers` | the context of a check: calls, names, times, control endpoints, expectations |
//! | `check`, `checks` | the checks, one file for each area |
//! | `probes` | find out how a live account answers if nobody knows Daily's answer |
//! | `run`, `live` | run the checks against a simulator, or checks and probes against a live account |

// The code indexes JSON values by key only.
#![expect(
    clippy::indexing_slicing,
    reason = "a key that a JSON value does not have reads as null"
)]

mod answers;
mod case;
pub mod check;
mod checks;
pub mod live;
mod made;
pub mod probes;
pub mod requests;
mod rules;
pub mod run;
mod schemas;
pub mod target;
mod wire;

pub use check::{Check, Needs, all_checks};
pub use wire::Trouble;
