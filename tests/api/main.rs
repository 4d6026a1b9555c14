//! The operator on a real API server, seen from outside.
//!
//! Manifests go in; status, Secrets, events, the simulator's journal and the API server's audit log
//! come out. Each scenario has a namespace, a simulated Daily and an operator process of its own,
//! which runs with exactly the arguments and the rights that the chart renders. One control plane
//! serves them all; it is started by the first scenario and stopped at the end, also after failures.
//!
//! Nothing here sleeps to let something happen: [`wait::until`] polls with a deadline. The one
//! fixed wait is the idle time in [`idle`], in which nothing may happen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a scenario fails by panicking"
)]

mod accounts;
mod adopt;
mod always;
mod answers;
mod api_server;
mod attached;
mod attacks;
mod audit;
mod by_hand;
mod chart;
mod check;
mod choice;
mod clusters;
mod columns;
mod conform;
mod contention;
mod create;
mod deletion;
mod domain;
mod drain;
mod edit;
mod ends;
mod events;
mod expiry;
mod fixture;
mod forged;
mod hostile;
mod idle;
mod installations;
mod journal;
mod kstatus;
mod kubectl;
mod leadership;
mod least;
mod leftovers;
mod life;
mod link;
mod load;
mod logs;
mod missing;
mod namespaces;
mod network;
mod numbers;
mod objects;
mod omit;
mod operator;
mod orphans;
mod other_versions;
mod ownership;
mod permission;
mod plane;
mod preflight;
mod probes;
mod properties;
mod rebuilt;
mod refusals;
mod renewal;
mod restart;
mod rights;
mod roles;
mod rules;
mod safety;
mod scale;
mod schema;
mod secrets;
mod served;
mod setup;
mod sharing;
mod stage;
mod stake;
mod stored;
mod suspend;
mod tokens;
mod truth;
mod wait;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::Arguments;

use crate::stage::Stage;

/// How many scenarios run at a time: each has an operator, and all share one API server. Most of
/// them wait most of the time.
const AT_A_TIME: u32 = 12;

fn main() -> ExitCode {
    // Both HTTP clients need a process-wide provider; whoever comes second finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut arguments = Arguments::from_args();
    let wanted = arguments.test_threads.unwrap_or(AT_A_TIME as usize);
    arguments.test_threads = Some(wanted.min(AT_A_TIME as usize));

    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let stage = Arc::new(Stage::new(runtime.handle().clone(), AT_A_TIME as usize));
    let themes = [
        accounts::scenarios,
        adopt::scenarios,
        always::scenarios,
        answers::scenarios,
        attached::scenarios,
        attacks::scenarios,
        api_server::scenarios,
        chart::scenarios,
        check::scenarios,
        choice::scenarios,
        clusters::scenarios,
        columns::scenarios,
        conform::scenarios,
        contention::scenarios,
        create::scenarios,
        deletion::scenarios,
        domain::scenarios,
        drain::scenarios,
        edit::scenarios,
        ends::scenarios,
        events::scenarios,
        expiry::scenarios,
        forged::scenarios,
        hostile::scenarios,
        idle::scenarios,
        installations::scenarios,
        kstatus::scenarios,
        leadership::scenarios,
        least::scenarios,
        leftovers::scenarios,
        life::scenarios,
        load::scenarios,
        logs::scenarios,
        missing::scenarios,
        namespaces::scenarios,
        network::scenarios,
        numbers::scenarios,
        omit::scenarios,
        orphans::scenarios,
        other_versions::scenarios,
        ownership::scenarios,
        permission::scenarios,
        preflight::scenarios,
        probes::scenarios,
        properties::scenarios,
        rebuilt::scenarios,
        refusals::scenarios,
        renewal::scenarios,
        restart::scenarios,
        roles::scenarios,
        rules::scenarios,
        safety::scenarios,
        scale::scenarios,
        schema::scenarios,
        secrets::scenarios,
        sharing::scenarios,
        served::scenarios,
        stored::scenarios,
        suspend::scenarios,
        tokens::scenarios,
        truth::scenarios,
    ];
    let trials = themes.iter().flat_map(|theme| theme(&stage)).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    runtime.block_on(stage.stop());
    conclusion.exit_code()
}
