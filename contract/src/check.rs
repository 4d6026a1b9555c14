//! What a check is, and all of them.

use std::pin::Pin;

use crate::case::{Case, Checked};
use crate::checks;

/// A check of the suite.
pub struct Check {
    /// `area::what_holds`.
    pub name: &'static str,
    /// The facts that it holds Daily to.
    pub facts: &'static [&'static str],
    /// Where it can be run.
    pub needs: Needs,
    /// The check itself.
    pub(crate) run: Run,
}

pub(crate) type Run = for<'a> fn(&'a Case) -> Pin<Box<dyn Future<Output = Checked> + Send + 'a>>;

/// Where a check can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// On any account.
    Anywhere,
    /// On an account that can have PIN dial-in, which takes a credit card.
    Card,
    /// On an account with a purchased number.
    Number,
    /// Where a dial-in config may be made: a purchased number without one, and a flag.
    Config,
    /// In a simulator, because of this.
    Simulator(&'static str),
    /// In a simulator, because its clock is moved.
    Clock,
    /// In a simulator, because somebody calls or joins.
    Telephone,
}

impl Needs {
    /// Why it is never run on a live account, if it is not.
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

/// The checks of an area, from functions of the same names.
macro_rules! area {
    ($area:ident; $($needs:expr => $name:ident [$($fact:literal),+ $(,)?];)+) => {
        /// The checks of this area.
        pub const ALL: &[crate::check::Check] = &[$(crate::check::Check {
            name: concat!(stringify!($area), "::", stringify!($name)),
            facts: &[$($fact),+],
            needs: $needs,
            run: |case| Box::pin($name(case)),
        }),+];
    };
}
pub(crate) use area;

/// All checks, area by area.
pub fn all_checks() -> Vec<&'static Check> {
    checks::AREAS.iter().copied().flatten().collect()
}
