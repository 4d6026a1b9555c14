//! Dial strings: what somebody types into a telephone to get to a room.

use crate::Quirks;
use crate::numbers::is_e164;
use crate::quirks::PinHash;

/// A dial string: a number, and a PIN after two commas or more. // F-PIN-20
///
/// More PINs may follow in the same way, for a caller who has more than one try. // F-CALL-5
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DialString {
    pub(super) number: String,
    /// None when only the number is dialled.
    pub(super) pins: Vec<String>,
}

impl DialString {
    pub fn parse(text: &str, quirks: &Quirks) -> Result<Self, String> {
        let dialled = text.strip_prefix("tel:").unwrap_or(text);
        let (number, pins) = match dialled.split_once(",,") {
            Some((number, pins)) => (number, Some(pins)),
            None => (dialled, None),
        };
        // F-PIN-21; in a link a `#` is written as `%23`.
        let digits = |pin: &'_ str| {
            let pin = pin.trim_start_matches(',').to_owned();
            let ended = pin.strip_suffix('#').or_else(|| pin.strip_suffix("%23"));
            match (quirks.pin_hash, ended) {
                (PinHash::EndsPin, Some(ended)) => ended.to_owned(),
                _ => pin,
            }
        };
        let pins = pins
            .into_iter()
            .flat_map(|pins| pins.trim_start_matches(',').split(",,"));
        let pins: Vec<String> = pins.map(digits).collect();
        let fits = |pin: &String| !pin.is_empty() && pin.bytes().all(|b| b.is_ascii_digit());
        if !is_e164(number) || !pins.iter().all(fits) {
            return Err(format!(
                "{text:?} is not a dial string: write a number in E.164, two commas and the digits \
                 of the PIN, like +12025550123,,12345678987"
            ));
        }
        Ok(Self {
            number: number.to_owned(),
            pins,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-PIN-20, F-PIN-21, F-CALL-5.
    #[test]
    fn dial_strings_are_read() {
        let strict = Quirks::default();
        let mut lenient = strict;
        lenient.pin_hash = PinHash::EndsPin;
        let number = "+12025550123".to_owned();
        let parse = |text, quirks| {
            DialString::parse(text, quirks).map(|dialled| (dialled.number, dialled.pins))
        };
        let read = |pins: &[&str]| {
            let pins: Vec<String> = pins.iter().map(|&pin| pin.to_owned()).collect();
            Ok((number.clone(), pins))
        };
        for (text, pins) in [
            ("+12025550123,,01234567890", &["01234567890"][..]),
            ("tel:+12025550123,,,01234567890", &["01234567890"]),
            ("+12025550123,,1,,2,,,3", &["1", "2", "3"]),
            ("+12025550123", &[]),
        ] {
            assert_eq!(parse(text, &strict), read(pins), "{text}");
        }
        for bad in ["", "12025550123,,1", "+12025550123,1", "+12025550123,,"] {
            assert!(parse(bad, &lenient).is_err(), "{bad}");
        }
        for ended in ["+12025550123,,1#", "tel:+12025550123,,1%23"] {
            assert!(parse(ended, &strict).is_err(), "{ended}");
            assert_eq!(parse(ended, &lenient), read(&["1"]));
        }
    }
}
