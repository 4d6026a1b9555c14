//! What is run, in which order: what fails fastest comes first.

/// A step: cargo commands that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// In the summary.
    pub name: &'static str,
    /// The arguments of each command.
    pub commands: &'static [&'static [&'static str]],
    /// What of its success counts.
    pub kind: Kind,
}

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its exit codes count.
    Check,
    /// It runs tests; one that runs none has failed.
    Tests,
    /// As a check, and skipped where this subcommand of cargo is not installed.
    Optional(&'static str),
}

/// All steps. Together they run every test of the workspace once.
pub fn all() -> [Step; 11] {
    let step = |name, commands, kind| Step {
        name,
        commands,
        kind,
    };
    [
        step("formatting", &[&["fmt", "--all", "--check"]], Kind::Check),
        step(
            "dependencies",
            &[&["deny", "check", "bans", "licenses", "sources"]],
            Kind::Optional("deny"),
        ),
        step("clippy", CLIPPY, Kind::Check),
        step(
            "simulator",
            &[&["test", "--package", "daily-sim", "--no-fail-fast"]],
            Kind::Tests,
        ),
        step(
            "contract suite itself",
            &[&["test", "--package", "contract", "--no-fail-fast"]],
            Kind::Tests,
        ),
        step("contract with Daily's API", CONTRACT, Kind::Tests),
        step(
            "operator and repository",
            &[&["test", "--package", "daily-operator", "--no-fail-fast"]],
            Kind::Tests,
        ),
        step(
            "developer commands",
            &[&["test", "--package", "xtask", "--no-fail-fast"]],
            Kind::Tests,
        ),
        step(
            "test control plane",
            &[&["test", "--package", "testbed", "--no-fail-fast"]],
            Kind::Tests,
        ),
        step("operator on a real API server", API_SERVER, Kind::Tests),
        step("demo, also where it must fail", DEMO, Kind::Tests),
    ]
}

/// What is installed comes first: it is quick.
const API_SERVER: &[&[&str]] = &[
    &["test", "--package", "daily-operator", "--test", "install"],
    &["test", "--package", "daily-operator", "--test", "api"],
];

/// pipecat's client and the planted misbehaviours are run by themselves.
const CONTRACT: &[&[&str]] = &[&[
    "run",
    "--package",
    "xtask",
    "--",
    "contract",
    "--no-pipecat",
]];

/// `--all-targets` leaves out the tests that plain `cargo test` leaves out.
const CLIPPY: &[&[&str]] = &[
    &[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ],
    &[
        "clippy",
        "--workspace",
        "--test",
        "api",
        "--test",
        "demo",
        "--test",
        "install",
        "--",
        "--deny",
        "warnings",
    ],
];

/// One at a time: each has a control plane, and the demo has to be quick.
const DEMO: &[&[&str]] = &[&[
    "test",
    "--package",
    "xtask",
    "--test",
    "demo",
    "--",
    "--test-threads=1",
]];
