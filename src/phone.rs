//! Phone numbers. No I/O.

use phonenumber::metadata::DATABASE;

/// The ISO 3166 code of a number's country, for example US.
///
/// Countries share calling codes. A number that none of them has in use, such as one of those kept
/// free for films and examples, belongs to the main country of its code.
#[must_use]
pub fn country(e164: &str) -> Option<String> {
    let number = phonenumber::parse(None, e164).ok()?;
    if let Some(id) = number.country().id() {
        return Some(id.as_ref().to_owned());
    }
    let regions = DATABASE.region(&number.country().code())?;
    let main = regions.first()?;
    let is_country = main.len() == 2 && main.bytes().all(|b| b.is_ascii_uppercase());
    is_country.then(|| (*main).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_countries() {
        for (number, expected) in [
            ("+12025550123", Some("US")),
            ("+12092034567", Some("US")),
            ("+16042345678", Some("CA")),
            ("+442079460123", Some("GB")),
            ("+4930123456", Some("DE")),
            ("+80012345678", None),
            ("+99912345678", None),
            ("12", None),
            ("", None),
        ] {
            assert_eq!(country(number).as_deref(), expected, "{number}");
        }
    }
}
