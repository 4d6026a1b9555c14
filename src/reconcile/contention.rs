//! Whether another writer undoes what the operator puts back at Daily, again and again. No I/O.
//!
//! Two writers that undo each other's change would go on for ever, and each change may cost callers
//! their PIN. So the operator stops first.

use std::time::Duration;

use super::kind::Kind;
use super::problem::Problem;
use super::view::View;
use crate::clock::Moment;
use crate::crd::condition::Reason;

/// How often one property is put back within [`WINDOW`]. Whoever changes it a fourth time will do it
/// again; three allow for honest mistakes.
const MAX_CORRECTIONS: usize = 3;
/// After this time the operator tries again by itself: the other writer may be gone.
const WINDOW: Duration = Duration::from_secs(3600);

/// Which properties were put back lately. A restart forgets it, which costs three more writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corrections(Vec<(String, Moment)>);

impl Corrections {
    /// These properties were put back.
    pub fn add(&mut self, properties: &[String], now: Moment) {
        self.0.retain(|(_, at)| at.until(now) < WINDOW);
        self.0.extend(properties.iter().map(|it| (it.clone(), now)));
    }

    /// Daily did not apply the last correction, so nobody has undone it.
    pub fn forget_last(&mut self) {
        let last = self.0.last().map(|(_, at)| *at);
        self.0.retain(|(_, at)| Some(*at) != last);
    }

    /// Whether the property was put back too often.
    pub fn is_contended(&self, property: &str, now: Moment) -> bool {
        let of_it = |(name, at): &&(String, Moment)| name == property && at.until(now) < WINDOW;
        self.0.iter().filter(of_it).count() >= MAX_CORRECTIONS
    }
}

impl<K: Kind> View<K> {
    /// Whether this property stays as another writer set it.
    pub fn is_contended(&self, property: &str) -> bool {
        let corrections = &self.memory.corrections;
        corrections.is_contended(property, self.now.moment)
    }

    /// Another writer keeps changing these properties.
    pub fn contended(&self, properties: &[String]) -> Problem {
        let message = format!(
            "Another writer keeps changing the {} at Daily: {}. The operator put this back three times within an hour \
             and now leaves it. Find out what else writes to the Daily account. To make the operator try again, edit \
             the spec or set the annotation daily-operator.io/reconcile-requested-at.",
            self.named_thing(),
            properties.join(", "),
        );
        Problem::for_user(Reason::Contended, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: u64) -> Moment {
        Moment(Duration::from_secs(minutes * 60))
    }

    #[test]
    fn a_property_is_contended_after_three_corrections_within_an_hour() {
        let mut corrections = Corrections::default();
        for minutes in [0, 10, 20] {
            assert!(!corrections.is_contended("privacy", at(minutes)));
            corrections.add(&["privacy".into()], at(minutes));
        }
        assert!(corrections.is_contended("privacy", at(59)));
        assert!(!corrections.is_contended("exp", at(59)), "another property");
        assert!(
            !corrections.is_contended("privacy", at(60)),
            "an hour later"
        );
        corrections.forget_last();
        assert!(!corrections.is_contended("privacy", at(20)), "not applied");
    }
}
