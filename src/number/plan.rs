//! What to do next for a PinDialinNumber. No I/O: pure and total.

mod create;
mod delete;
mod keep;
mod problems;
pub mod steps;
#[cfg(test)]
pub(super) mod tests;
mod write;

pub(super) use self::problems::RECENT;
use super::Number;
use crate::reconcile::steps as generic;

type Plan = generic::Plan<Number>;
type Planned = generic::Planned<Number>;
