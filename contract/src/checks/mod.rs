//! The checks, one file for each area. If nobody knows Daily's answer, the check accepts each possible
//! answer.

mod auth;
mod batch;
mod calls;
mod configs;
mod domain;
mod ends;
mod errors;
mod listing;
mod logs;
mod meetings;
mod names;
mod numbers;
mod pins;
mod presence;
mod rates;
mod rooms;
mod tokens;

use crate::check::Check;

pub const AREAS: &[&[Check]] = &[
    auth::ALL,
    errors::ALL,
    names::ALL,
    rooms::ALL,
    listing::ALL,
    ends::ALL,
    pins::ALL,
    calls::ALL,
    batch::ALL,
    domain::ALL,
    configs::ALL,
    numbers::ALL,
    tokens::ALL,
    presence::ALL,
    meetings::ALL,
    logs::ALL,
    rates::ALL,
];
