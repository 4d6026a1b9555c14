//! Daily's API: the only code that speaks HTTP to Daily.

pub mod error;
pub mod types;
