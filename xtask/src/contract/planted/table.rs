//! The misbehaviours.

/// A misbehaviour: a small change of the simulator's sources.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    /// What goes wrong.
    pub name: &'static str,
    /// What it is about.
    pub area: &'static str,
    /// The file, below the root of the workspace.
    pub file: &'static str,
    /// The text that is replaced; it occurs once.
    pub find: &'static str,
    /// What stands there instead.
    pub replace: &'static str,
    /// The check that must go red.
    pub check: &'static str,
}

/// All of them.
pub const PLANTED: &[Planted] = &[];
