//! What parses is what the expressions match, and means what it says.

use proptest::prelude::*;
use proptest::string::string_regex;

use super::*;

/// Without the anchors, which the generator of strings does not know.
fn inner(pattern: &str) -> &str {
    pattern.trim_start_matches('^').trim_end_matches('$')
}

/// The seconds of a duration, counted by hand.
fn counted(text: &str) -> i64 {
    let mut rest = text;
    let mut seconds = 0;
    while !rest.is_empty() {
        let unit = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
        let number: i64 = rest[..unit].parse().unwrap();
        seconds += number
            * match &rest[unit..=unit] {
                "h" => 3600,
                "m" => 60,
                _ => 1,
            };
        rest = &rest[unit + 1..];
    }
    seconds
}

#[test]
fn durations_are_from_ten_seconds_to_364_days() {
    let good = [
        ("10s", 10),
        ("8h", 28_800),
        ("1h30m", 5400),
        ("90m", 5400),
        ("1h0m1s", 3601),
        ("0h1m", 60),
        ("604800s", 604_800),
        ("08h", 28_800),
        ("8736h", FARTHEST_END),
        ("524160m", FARTHEST_END),
        ("31449600s", FARTHEST_END),
        ("8735h59m60s", FARTHEST_END),
    ];
    for (text, seconds) in good {
        assert_eq!(TTL.seconds(text), Ok(seconds), "{text}");
    }
    let bad = [
        "",
        "8",
        "h",
        "9s",
        "0h",
        "8737h",
        "8736h1s",
        "99999999h",
        "99999h",
        "99999999s",
        "30m1h",
        "1s1m",
        "1h1h",
        "60m60m",
        "1d",
        "1w",
        "1y",
        "-8h",
        "+8h",
        "8h ",
        " 8h",
        "8H",
        "8 h",
        "1h 30m",
        "1.5h",
        "1h30",
        "10s500ms",
        "500ms",
        "1us",
        "1e3s",
        "PT8H",
        "3 weeks",
        "8h\n",
        "８h",
        "100000h",
        "9999999999999999999999999s",
    ];
    for text in bad {
        assert_eq!(
            TTL.seconds(text),
            Err(InvalidField(TTL_SENTENCE)),
            "{text:?}"
        );
    }
}

#[test]
fn times_are_days_that_exist_with_offsets_that_exist() {
    let good = [
        ("2026-12-01T18:00:00Z", 1_796_148_000),
        ("2026-12-01T18:00:00+01:00", 1_796_144_400),
        ("2026-12-01T18:00:00-00:00", 1_796_148_000),
        ("2026-12-01T18:00:00.999999999Z", 1_796_148_000),
        ("2028-02-29T00:00:00Z", 1_835_395_200),
        ("2000-02-29T00:00:00Z", 951_782_400),
        ("2400-02-29T00:00:00Z", 13_574_563_200),
        ("2000-01-01T00:00:00+23:59", 946_598_460),
        ("2999-12-31T23:59:59-23:59", 32_503_766_339),
    ];
    for (text, seconds) in good {
        assert_eq!(expiration_time(text), Ok(seconds), "{text}");
    }
    let bad = [
        "",
        "tomorrow",
        "2026-12-01",
        "2026-12-01T18:00Z",
        "2026-12-01T18:00:00",
        "2026-12-01 18:00:00Z",
        "2026-12-01t18:00:00Z",
        "2026-12-01T18:00:00z",
        "2026-12-01T18:00:00+01",
        "2026-12-01T18:00:00+0100",
        "2026-12-01T18:00:00+99:99",
        "2026-12-01T18:00:00+24:00",
        "2026-12-01T18:00:00+01:60",
        "2026-12-01T18:00:00Z[UTC]",
        "2026-12-01T18:00:00.Z",
        "2026-12-01T18:00:00,5Z",
        "2026-12-01T18:00:00.0000000000Z",
        "2026-12-01T24:00:00Z",
        "2026-12-01T18:60:00Z",
        "2026-12-01T23:59:60Z",
        "2026-11-31T10:00:00Z",
        "2026-02-29T10:00:00Z",
        "2100-02-29T10:00:00Z",
        "2026-13-01T10:00:00Z",
        "2026-00-10T10:00:00Z",
        "2026-12-00T10:00:00Z",
        "2026-12-32T10:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "1999-12-31T23:59:59Z",
        "3000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "+002026-12-01T18:00:00Z",
        "1796148000",
        "2026-12-01T18:00:00Z\n",
    ];
    for text in bad {
        let refused = Err(InvalidField(EXPIRATION_TIME_SENTENCE));
        assert_eq!(expiration_time(text), refused, "{text:?}");
    }
}

/// A day of any month with any number, so that every leap year and every wrong day comes up.
fn days() -> impl Strategy<Value = String> {
    (1990..3010i16, 0..14i8, 0..33i8)
        .prop_map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}T12:00:00Z"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn every_duration_that_matches_parses_to_what_it_says(
        text in string_regex(inner(DURATION)).unwrap()
    ) {
        let seconds = counted(&text);
        let expected = (SHORTEST_TTL..=FARTHEST_END).contains(&seconds).then_some(seconds);
        prop_assert_eq!(TTL.seconds(&text).ok(), expected, "{}", text);
    }

    #[test]
    fn every_time_that_matches_parses(text in string_regex(inner(TIME)).unwrap()) {
        prop_assert!(expiration_time(&text).is_ok(), "{}", text);
    }

    #[test]
    fn just_the_days_of_the_calendar_match(text in days()) {
        let exists = text.parse::<Timestamp>().is_ok() && text.starts_with('2');
        prop_assert_eq!(expiration_time(&text).is_ok(), exists, "{}", text);
    }

    #[test]
    fn no_other_string_parses(text in "[0-9hmsd.+ -]{0,12}") {
        let matches = regex::Regex::new(DURATION).unwrap().is_match(&text);
        prop_assert!(matches || TTL.seconds(&text).is_err(), "{}", text);
    }
}

#[test]
fn a_drain_is_from_ten_seconds_to_a_week() {
    for (text, seconds) in [("10s", 10), ("30m", 1800), ("168h", LONGEST_DRAIN)] {
        assert_eq!(MAX_DRAIN.seconds(text), Ok(seconds), "{text}");
    }
    for text in ["9s", "168h1s", "1w", "", "30m1h"] {
        let sentence = MAX_DRAIN.seconds(text).unwrap_err().to_string();
        assert!(
            sentence.starts_with("maxDrain must be"),
            "{text}: {sentence}"
        );
    }
}
