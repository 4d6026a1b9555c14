//! What an error and its causes say, in words that are the same each time for the same fault.
//!
//! Conditions and events hold these words. If they changed from try to try, each failed try would
//! write the status and publish an event. No I/O.

use std::error::Error as StdError;
use std::io;

use rustls::{CertificateError, Error as TlsError};

/// A longer chain is cut off: the API server takes 32 KiB of a message, and nobody reads that much.
const LONGEST: usize = 2048;

/// An error and its causes, each once: some errors of others repeat their cause.
#[must_use]
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    chain_without(error, |_| false)
}

/// The same without those that say nothing.
pub(crate) fn chain_without(
    error: &(dyn StdError + 'static),
    says_nothing: impl Fn(&(dyn StdError + 'static)) -> bool,
) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(link) = next {
        let words = match says_nothing(link) {
            true => String::new(),
            false => words(link),
        };
        if !text.contains(&words) {
            let colon = if text.is_empty() { "" } else { ": " };
            text.push_str(colon);
            text.push_str(&words);
        }
        next = link.source();
    }
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}

/// The TLS error that an error is or wraps. The `source()` of an [`io::Error`] skips the error that
/// it wraps, so this looks inside.
pub(crate) fn tls<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a TlsError> {
    if let Some(tls) = error.downcast_ref::<TlsError>() {
        return Some(tls);
    }
    let wrapped: &(dyn StdError + 'static) = error.downcast_ref::<io::Error>()?.get_ref()?;
    tls(wrapped)
}

/// rustls names the current time with a certificate that is not valid at that time.
fn words(error: &(dyn StdError + 'static)) -> String {
    let Some(TlsError::InvalidCertificate(problem)) = tls(error) else {
        return error.to_string();
    };
    match problem {
        CertificateError::ExpiredContext { .. } => {
            TlsError::InvalidCertificate(CertificateError::Expired).to_string()
        }
        CertificateError::NotValidYetContext { .. } => {
            TlsError::InvalidCertificate(CertificateError::NotValidYet).to_string()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::pki_types::UnixTime;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Nested {
        #[error("the outer")]
        Plain(#[source] Box<dyn StdError>),
        #[error("middle: {0}")]
        Repeating(#[source] Box<dyn StdError>),
        #[error("the cause")]
        Cause,
    }

    #[test]
    fn each_cause_is_named_once() {
        let repeating = Nested::Repeating(Box::new(Nested::Cause));
        let error = Nested::Plain(Box::new(repeating));
        assert_eq!(chain(&error), "the outer: middle: the cause");
        let without = chain_without(&error, |it| it.to_string() == "the outer");
        assert_eq!(without, "middle: the cause");
    }

    #[test]
    fn a_long_chain_is_cut_between_characters() {
        let error = io::Error::other(format!("x{}", "é".repeat(LONGEST)));
        assert_eq!(chain(&error).len(), LONGEST - 1);
    }

    #[test]
    fn the_words_about_a_certificate_do_not_change_with_the_time() {
        let time = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let expired = |now| CertificateError::ExpiredContext {
            time: time(now),
            not_after: time(10),
        };
        let early = |now| CertificateError::NotValidYetContext {
            time: time(now),
            not_before: time(99),
        };
        let said = |problem| {
            let tls = TlsError::InvalidCertificate(problem);
            // As the TLS stream and the connector wrap it.
            chain(&io::Error::other(io::Error::other(tls)))
        };
        assert_eq!(said(expired(20)), "invalid peer certificate: Expired");
        assert_eq!(said(expired(21)), said(expired(20)));
        assert_eq!(said(early(20)), "invalid peer certificate: NotValidYet");
        assert_eq!(said(early(21)), said(early(20)));
        assert_eq!(
            said(CertificateError::UnknownIssuer),
            "invalid peer certificate: UnknownIssuer"
        );
    }
}
