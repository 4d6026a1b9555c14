//! Phone numbers. No I/O.

/// The ISO 3166 code of a number's country, for example US.
#[must_use]
pub fn country(e164: &str) -> Option<String> {
    let number = phonenumber::parse(None, e164).ok()?;
    number.country().id().map(|id| id.as_ref().to_owned())
}
