//! The keys with which reconciles use an account. No I/O.

use std::time::Duration;

use secrecy::ExposeSecret;

use crate::clock::Moment;
use crate::daily::types::ApiKey;

/// A key is forgotten when no reconcile has used it for this long; an account ends then. Far longer
/// than the drift interval, at which each object is reconciled.
pub(super) const UNUSED: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(super) struct Users {
    /// The keys in use that Daily has not refused, and when each was used. The last used one is last.
    keys: Vec<(ApiKey, Moment)>,
    last: Moment,
    ended: bool,
}

impl Users {
    pub(super) fn new(key: ApiKey, now: Moment) -> Self {
        Self {
            keys: vec![(key, now)],
            last: now,
            ended: false,
        }
    }

    /// A reconcile uses this key. `false` if the account has ended.
    pub(super) fn used(&mut self, key: &ApiKey, now: Moment) -> bool {
        if !self.ended {
            self.refused(key);
            self.keys.push((key.clone(), now));
            self.last = now;
        }
        !self.ended
    }

    pub(super) fn refused(&mut self, key: &ApiKey) {
        let is = |it: &ApiKey| it.expose_secret() == key.expose_secret();
        self.keys.retain(|(it, _)| !is(it));
    }

    pub(super) fn good_key(&self) -> Option<ApiKey> {
        self.keys.last().map(|(key, _)| key.clone())
    }

    /// Forgets the keys that were not used for `unused`, and ends if that is true of all. Returns
    /// whether it has ended.
    pub(super) fn end_if_unused(&mut self, unused: Duration, now: Moment) -> bool {
        self.keys.retain(|(_, used)| used.until(now) < unused);
        self.ended |= self.last.until(now) >= unused;
        self.ended
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    fn good(users: &Users) -> Option<String> {
        users.good_key().map(|it| it.expose_secret().to_owned())
    }

    #[test]
    fn the_good_key_is_the_last_used_one_that_is_not_refused() {
        let mut users = Users::new("a".into(), at(0));
        assert!(users.used(&"b".into(), at(1)) && users.used(&"a".into(), at(2)));
        assert_eq!(good(&users).as_deref(), Some("a"));
        users.refused(&"a".into());
        assert_eq!(good(&users).as_deref(), Some("b"));
        users.refused(&"b".into());
        assert_eq!(good(&users), None);
        assert!(users.used(&"b".into(), at(3)), "it was proven again");
        assert_eq!(good(&users).as_deref(), Some("b"));
    }

    #[test]
    fn an_unused_key_is_forgotten_and_an_unused_account_ends() {
        let mut users = Users::new("a".into(), at(0));
        let hour = UNUSED.as_secs();
        assert!(users.used(&"b".into(), at(100)));
        assert!(!users.end_if_unused(UNUSED, at(hour)));
        assert_eq!(users.keys.len(), 1, "a is forgotten");
        assert!(!users.end_if_unused(UNUSED, at(hour + 99)));
        assert!(users.end_if_unused(UNUSED, at(hour + 100)));
        assert!(good(&users).is_none() && users.has_ended());
        assert!(
            !users.used(&"b".into(), at(hour + 101)),
            "another one begins"
        );
        assert_eq!(good(&users), None);
    }
}
