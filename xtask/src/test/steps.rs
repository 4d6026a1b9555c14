//! The steps and their order. Steps that fail fast run first.

/// A group of cargo commands.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The name in the summary.
    pub name: &'static str,
    /// The arguments of each command.
    pub commands: &'static [&'static [&'static str]],
    /// What decides whether the step passes.
    pub kind: Kind,
}

/// What decides whether a step passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The exit codes of its commands.
    Check,
    /// The exit codes, and at least one test must have run.
    Tests,
    /// The exit codes. The step is skipped if this subcommand of cargo is not installed.
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

/// The test of the installation runs first, because it is quick.
const API_SERVER: &[&[&str]] = &[
    &["test", "--package", "daily-operator", "--test", "install"],
    &["test", "--package", "daily-operator", "--test", "api"],
];

/// Without pipecat's client and the planted misbehaviours, which run separately.
const CONTRACT: &[&[&str]] = &[&[
    "run",
    "--package",
    "xtask",
    "--",
    "contract",
    "--no-pipecat",
]];

/// `--all-targets` omits the test targets that plain `cargo test` omits, so the second command names them.
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

/// One test at a time: each starts a control plane, and the demo has deadlines.
const DEMO: &[&[&str]] = &[&[
    "test",
    "--package",
    "xtask",
    "--test",
    "demo",
    "--",
    "--test-threads=1",
]];
