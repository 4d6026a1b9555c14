//! The type of a check, and the list of all checks.

use std::pin::Pin;

use crate::case::{Case, Checked};
use crate::checks;

/// A check of the suite, and the facts that it verifies.
pub struct Check {
    /// `area::what_holds`.
    pub name: &'static str,
    /// The facts that the check verifies.
    pub facts: &'static [&'static str],
    /// Where the check can run.
    pub needs: Needs,
    pub(crate) run: Run,
}

pub(crate) type Run = for<'a> fn(&'a Case) -> Pin<Box<dyn Future<Output = Checked> + Send + 'a>>;

/// Where a check can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// On any account.
    Anywhere,
    /// On an account that can have PIN dial-in, which requires a credit card.
    Card,
    /// On an account with a purchased number.
    Number,
    /// On an account with a purchased number that has no dial-in config, if the run has `--with-numbers`.
    Config,
    /// Only in a simulator, for this reason.
    Simulator(&'static str),
    /// Only in a simulator, because the check moves the clock.
    Clock,
    /// Only in a simulator, because a caller dials or a participant joins.
    Telephone,
}

impl Needs {
    /// Why the check never runs on a live account; `None` if it can.
    pub fn never_live(self) -> Option<String> {
        match self {
            Self::Anywhere | Self::Card | Self::Number | Self::Config => None,
            Self::Simulator(why) => Some(format!("not on a live account: {why}")),
            Self::Clock => Some("not on a live account: it moves the clock".into()),
            Self::Telephone => {
                Some("not on a live account: there is nobody to call or join".into())
            }
        }
    }
}

impl Check {
    /// The part of the name before the colons.
    pub fn area(&self) -> &'static str {
        self.name.split("::").next().unwrap_or(self.name)
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Defines the checks of an area. Each check has the name of its function.
macro_rules! area {
    ($area:ident; $($needs:expr => $name:ident [$($fact:literal),+ $(,)?];)+) => {
        pub const ALL: &[crate::check::Check] = &[$(crate::check::Check {
            name: concat!(stringify!($area), "::", stringify!($name)),
            facts: &[$($fact),+],
            needs: $needs,
            run: |case| Box::pin($name(case)),
        }),+];
    };
}
pub(crate) use area;

/// All checks, in the order of their areas.
pub fn all_checks() -> Vec<&'static Check> {
    checks::AREAS.iter().copied().flatten().collect()
}
