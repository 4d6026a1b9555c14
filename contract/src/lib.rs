//! Contract tests for Daily's API: one suite of checks for the simulator and for a live account.
//!
//! The checks are written from `docs/daily-api-facts.md` and Daily's guides. They know Daily by HTTP
//! alone and share no code with the operator or the simulator.
//!
//! | module | what it is for |
//! | --- | --- |
//! | `target` | the accounts that are tested, and the controls of a simulator |
//! | `wire` | one HTTP call; in live mode also the rules that it must keep |
//! | `rules`, `made` | the rules of live mode, and what was made and has to be deleted: pure |
//! | `schemas`, `requests` | every answer and every request against the JSON Schemas in `schemas/` |
//! | `case`, `answers` | what a check works with: calls, names, times, the controls; what it expects |
//! | `check`, `checks` | the checks, one file for each area |
//! | `probes` | how a live account answers where nobody knows Daily's answer |
//! | `run`, `live` | runs the checks against a simulator, or checks and probes against an account |

// What is indexed here are JSON values by the names of their keys.
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
