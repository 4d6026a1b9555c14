//! The chart as Helm renders it, or refuses to. No cluster.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod both;
mod effects;
mod notes;
mod refusals;
mod render;
mod together;
