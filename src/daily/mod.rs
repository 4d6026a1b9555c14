//! Daily's API: the only code that speaks HTTP to Daily.

pub mod account;
pub mod client;
pub mod error;
pub mod evidence;
pub mod limiter;
pub mod listing;
pub mod mask;
pub mod page;
pub mod places;
pub mod registry;
pub mod types;
