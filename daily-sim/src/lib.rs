//! A simulated Daily.co REST API for PIN dial-in.
//!
//! The simulator answers the calls that a PIN dial-in product makes as `docs/daily-api-facts.md`
//! says, and each behaviour names the fact that it follows. Beside the API it has a telephone, a
//! clock, a journal and faults, under `/sim`.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use daily_sim::{Config, Outcome, Sim};
//!
//! let sim = Sim::start(Config::single("demo", "test-key", &["+12025550123"])).await?;
//! // Point the client under test at `sim.base_url()`, then be its caller:
//! let answer = sim.client()?.dial("+12025550123,,12345678987").await?;
//! assert_eq!(answer.outcome, Outcome::NotAnswered);
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//!
//! - [`Config`] and [`Error`]: what a simulator is started with, and why it refuses.
//! - `state`: the accounts with their rooms, numbers and callers. Pure: time and randomness come in
//!   as arguments, and nothing in it knows HTTP.
//! - [`SWITCHES`] and [`Quirks`]: where nobody knows Daily's answer, and how this simulator answers.
//! - `api`: one file for each family of Daily's calls; turns a call into an answer. Pure as well.
//! - `limits`, `faults`, `journal`, `clock`: the layers around a call, each pure bookkeeping.
//! - `state_file`: the log of inputs that brings the state back after a restart.
//! - `server`: the thin HTTP layer that puts them together. [`Sim`] is its handle.
//!   It also serves the page for people: plain files beside it, which read and write by `/sim` only.
//! - [`types`] and [`SimClient`]: the control endpoints as data and as a client.

mod api;
mod client;
mod clock;
mod config;
mod error;
mod faults;
mod journal;
mod limits;
mod numbers;
mod quirks;
mod server;
mod state;
mod state_file;
pub mod types;

pub use client::{ApiAnswer, ApiClient, ClientError, SimClient};
pub use config::{AccountConfig, Config, Limits, TlsFiles};
pub use error::Error;
pub use numbers::{GLOBAL_NUMBERS, is_e164, is_global};
pub use quirks::{Quirks, SWITCHES, Switch};
pub use server::Sim;
pub use state_file::StateFileError;
pub use types::{
    Chance, DialAnswer, FaultKind, FaultMatch, FaultSpec, JournalEntry, LiveCall, Outcome,
    Presence, QuirkView,
};
