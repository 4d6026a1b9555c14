//! Phone numbers. No I/O.

use std::collections::BTreeMap;

use phonenumber::metadata::DATABASE;

/// Global numbers of Daily, by the ISO 3166 codes of their countries.
pub type GlobalNumbers = BTreeMap<String, String>;

/// Daily's known global numbers (F-GLOB-2). All accounts share them without purchase or config, and every
/// PIN works on them (F-GLOB-4).
const GLOBAL_NUMBERS: [&str; 10] = [
    "+12095038039",
    "+12268078039",
    "+442080501289",
    "+6444881835",
    "+61280171387",
    "+551142101885",
    "+56229381244",
    "+420210023035",
    "+358942454591",
    "+33172001712",
];

/// Whether a number in E.164 form is one of Daily's global numbers.
pub fn is_global(e164: &str) -> bool {
    GLOBAL_NUMBERS.contains(&e164)
}

/// Daily's known global numbers.
pub fn known_global_numbers() -> GlobalNumbers {
    let numbers = GLOBAL_NUMBERS.iter();
    let by_country = numbers.filter_map(|it| Some((country(it)?, (*it).to_owned())));
    by_country.collect()
}

/// The ISO 3166 code of the country of a number in E.164 form, for example US.
///
/// Countries share calling codes. A number that is assigned to none of them, such as a number reserved for
/// fiction, counts as a number of the main country of its calling code.
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

    #[test]
    fn global_numbers_are_those_of_the_facts_in_their_countries() {
        let countries = ["US", "CA", "GB", "NZ", "AU", "BR", "CL", "CZ", "FI", "FR"];
        let found = GLOBAL_NUMBERS.map(country);
        assert_eq!(found, countries.map(|it| Some(it.to_owned())));
        assert!(GLOBAL_NUMBERS.iter().all(|number| is_global(number)));
        assert_eq!(known_global_numbers().len(), GLOBAL_NUMBERS.len());
        assert!(!is_global("+12025550123"));
    }
}
