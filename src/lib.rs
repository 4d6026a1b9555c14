//! daily-operator: Daily.co phone dial-in with a PIN, as Kubernetes resources.

pub mod binding;
pub mod cause;
pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
pub mod controllers;
pub mod crd;
pub mod daily;
pub mod effect;
mod failure;
pub mod keys;
pub mod kube;
pub mod leader;
pub mod log;
pub mod memories;
pub mod metrics;
pub mod naming;
pub mod number;
pub mod ops;
pub mod phone;
pub mod room;
mod run;
pub mod standing;
pub mod subject;
pub mod telemetry;

pub use run::{Context, RunError, run};
