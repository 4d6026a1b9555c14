//! Daily's API: the only code that calls Daily.

pub(crate) mod account;
pub(crate) mod account_registry;
pub mod client;
pub mod error;
pub(crate) mod evidence;
pub mod listing;
pub(crate) mod mask;
pub mod meeting_token;
pub mod number_api;
pub mod other_properties;
pub mod page;
pub mod pin_dialin;
pub mod rate_limit;
pub mod types;
