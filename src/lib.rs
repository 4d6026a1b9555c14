//! daily-operator: phone dial-in with a PIN for Daily.co rooms, as Kubernetes resources.
//!
//! Only items that the binary and the tests use are public, so that the compiler finds dead code.

pub mod cause;
pub mod check;
pub mod cli;
pub mod clock;
mod concurrency;
pub mod config;
mod controllers;
pub mod crd;
pub mod daily;
mod effect;
mod health;
mod k8s;
mod keys;
mod leader;
mod log;
mod metrics;
mod name_locks;
mod naming;
mod number;
mod ops;
mod phone;
mod reconcile;
mod room;
mod run;
pub mod telemetry;

pub use run::{RunError, run};
