//! The client of Daily's API against the simulator, and against servers with other answers.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod answers;
mod causes;
mod nonsense;
mod pace;
mod proxy;
mod refusals;
mod silence;
mod stage;
mod tls;
