//! Phone numbers: their format, and Daily's global numbers.

/// Daily's global numbers, as far as they are known. // F-GLOB-2
pub const GLOBAL_NUMBERS: [&str; 10] = [
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

/// Whether the text is a number in E.164: a plus sign and 8 to 15 digits, the first of them not 0.
pub fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (8..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0')
    })
}

/// Whether the number is one that Daily shares among all its customers.
pub fn is_global(number: &str) -> bool {
    GLOBAL_NUMBERS.contains(&number)
}

/// Whether it is one of the global numbers of the free tier, those of the US and Canada. // F-GLOB-1
pub(crate) fn is_free(number: &str) -> bool {
    is_global(number) && number.starts_with("+1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e164_is_recognised() {
        assert!(is_e164("+12025550123") && is_e164("+6444881835"));
        for bad in [
            "",
            "+",
            "12025550123",
            "+0202555012",
            "+1202555012a",
            "+1234567",
            "+1234567890123456",
        ] {
            assert!(!is_e164(bad), "{bad}");
        }
    }

    #[test]
    fn every_global_number_is_a_number() {
        assert!(GLOBAL_NUMBERS.iter().all(|number| is_e164(number)));
    }
}
