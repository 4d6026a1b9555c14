//! What to do next for a DailyRoom. No I/O: pure and total.

mod absent;
mod adopt;
mod claim;
mod confirm_answer;
mod create;
mod delete;
mod delete_secrets;
mod differ;
mod drain;
mod expire;
mod keep;
mod problems;
mod properties;
mod publish_secret;
mod publish_tokens;
mod renew;
pub mod steps;
#[cfg(test)]
pub(super) mod tests;
mod write_secret;

pub(super) use self::absent::is_recreated;
use super::Room;
use crate::reconcile::steps as generic;

type Plan = generic::Plan<Room>;
type Planned = generic::Planned<Room>;
