//! PINs: made once, unique over all accounts, never used again.

use std::collections::HashMap;

use super::AccountId;
use crate::quirks::PinZero;

/// 11 digits give this many PINs. // F-PIN-4
const PIN_COUNT: u64 = 100_000_000_000;
/// This many of them begin with 0. // F-PIN-6
const BEGIN_WITH_0: u64 = 10_000_000_000;

/// Whom a PIN leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PinFate {
    /// A room that was there when last looked at; it may have expired since.
    Room { account: AccountId, name: String },
    /// A room that had expired when it was deleted or collected.
    Expired { account: AccountId, name: String },
    /// Nobody: the room was deleted, or its dial-in switched off.
    Dead,
}

/// All PINs that were ever made, over all accounts. // F-PIN-7
#[derive(Clone, Debug, Default)]
pub(crate) struct PinBook(HashMap<String, PinFate>);

impl PinBook {
    /// Makes the PIN of a room. // F-PIN-5
    pub fn make(
        &mut self,
        account: AccountId,
        name: &str,
        zero: PinZero,
        rng: &mut fastrand::Rng,
    ) -> String {
        let first = match zero {
            PinZero::Possible => 0,
            PinZero::Never => BEGIN_WITH_0,
        };
        loop {
            let pin = format!("{:011}", rng.u64(first..PIN_COUNT));
            if !self.0.contains_key(&pin) {
                self.revive(&pin, account, name);
                return pin;
            }
        }
    }

    /// Lets a PIN lead to a room, as it did before. // F-PIN-12
    pub fn revive(&mut self, pin: &str, account: AccountId, name: &str) {
        let name = name.to_owned();
        let fate = PinFate::Room { account, name };
        self.0.insert(pin.to_owned(), fate);
    }

    /// Ends a PIN. // F-PIN-13
    pub fn retire(&mut self, pin: &str, fate: PinFate) {
        self.0.insert(pin.to_owned(), fate);
    }

    pub fn fate(&self, pin: &str) -> Option<&PinFate> {
        self.0.get(pin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-PIN-4, F-PIN-6: 11 digits, also where the first is 0. Under `"pin-zero", "never"` it is not.
    #[test]
    fn a_pin_has_11_digits_and_may_begin_with_0() {
        let (mut book, mut rng) = (PinBook::default(), fastrand::Rng::with_seed(1));
        for (zero, expected) in [(PinZero::Possible, true), (PinZero::Never, false)] {
            let pins: Vec<String> = (0..500)
                .map(|_| book.make(AccountId(0), "a", zero, &mut rng))
                .collect();
            assert!(
                pins.iter()
                    .all(|pin| pin.len() == 11 && pin.bytes().all(|b| b.is_ascii_digit()))
            );
            assert_eq!(pins.iter().any(|pin| pin.starts_with('0')), expected);
        }
    }

    #[test]
    fn a_seed_gives_the_same_pins_and_another_gives_others() {
        let make = |seed| {
            let mut rng = fastrand::Rng::with_seed(seed);
            PinBook::default().make(AccountId(0), "a", PinZero::Possible, &mut rng)
        };
        assert_eq!(make(7), make(7));
        assert_ne!(make(7), make(8));
    }

    /// F-PIN-7: one that was drawn before is drawn again until it is a new one.
    #[test]
    fn no_pin_is_made_twice() {
        let (mut book, rng) = (PinBook::default(), fastrand::Rng::with_seed(1));
        let first = book.make(AccountId(0), "a", PinZero::Possible, &mut rng.clone());
        book.retire(&first, PinFate::Dead);
        assert_ne!(
            book.make(AccountId(1), "b", PinZero::Possible, &mut rng.clone()),
            first
        );
    }
}
