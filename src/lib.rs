//! daily-operator: Daily.co phone dial-in with a PIN, as Kubernetes resources.
//!
//! Public is what the binary and the tests use. The rest is the crate's own, so that the compiler
//! sees what nobody uses.

pub mod cause;
pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
mod controllers;
pub mod crd;
pub mod daily;
pub mod effect;
pub mod health;
mod k8s;
mod keys;
mod leader;
mod log;
pub mod metrics;
mod naming;
mod number;
mod ops;
mod phone;
mod reconcile;
mod room;
mod run;
pub mod telemetry;

pub use run::{RunError, run};
