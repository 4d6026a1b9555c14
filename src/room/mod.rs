//! DailyRooms.

pub mod desired;
pub mod plan;
pub mod secret;
pub mod view;
