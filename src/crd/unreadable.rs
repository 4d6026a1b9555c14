//! Why an object does not parse, without repeating its values. No I/O.

/// The text of a serde error without the quoted value, which may be a PIN or API key in the wrong
/// field. Expected types and the names of fields come from the schema and are kept.
pub fn without_value(error: &str) -> String {
    let said = |start: &str| error.starts_with(start);
    if said("missing field `") || said("duplicate field `") {
        return error.to_owned();
    }
    // Split at the last occurrence: the value may contain these words, the expectation does not.
    let expected = error.rsplit_once(", expected ").map(|(_, it)| it);
    let what = if said("invalid type") {
        "a field has a wrong type"
    } else if said("unknown variant") {
        "a field has a value that this version does not know"
    } else {
        "a field has an invalid value"
    };
    match expected {
        Some(expected) => format!("{what}, expected {expected}"),
        None => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crd::{DailyRoomSpec, DailyRoomStatus};

    #[test]
    fn no_value_is_repeated() {
        let of_status = |json| serde_json::from_value::<DailyRoomStatus>(json).unwrap_err();
        let of_spec = |json| serde_json::from_value::<DailyRoomSpec>(json).unwrap_err();
        let table = [
            (
                of_status(json!({"dialinCodeRevision": "12345678901"})),
                "a field has a wrong type, expected i64",
            ),
            (
                of_spec(json!({"ttl": 5})),
                "a field has a wrong type, expected a string",
            ),
            (
                of_spec(json!({"privacy": "12345678901, expected nothing"})),
                "a field has a value that this version does not know, expected `Public` or `Private`",
            ),
            (
                of_spec(json!({"secret": "12345678901"})),
                "a field has a wrong type, expected struct SecretSpec",
            ),
            (
                of_spec(json!({"dialin": {"roomNumbers": [{"numberRef": {}}]}})),
                "missing field `name`",
            ),
            (
                of_status(json!({"expirationTime": "12345678901"})),
                "a field has an invalid value",
            ),
        ];
        for (error, expected) in table {
            let told = without_value(&error.to_string());
            assert!(!told.contains("12345"), "{error}");
            assert_eq!(told, expected, "{error}");
        }
    }
}
