//! The text of an error and its causes, the same each time for the same fault. No I/O.
//!
//! It goes into conditions and events. If it changed from retry to retry, each retry would write the
//! status and publish an event.

use std::error::Error as StdError;
use std::io;

use rustls::{CertificateError, Error as TlsError};

/// In bytes. The API server accepts messages of 32 KiB; nobody reads that much.
const LONGEST: usize = 2048;

/// An error and its causes, separated by colons. A cause that the text contains already is left out:
/// some libraries repeat it in their own messages.
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    chain_without(error, |_| false)
}

/// The same without the errors that add nothing.
pub(crate) fn chain_without(
    error: &(dyn StdError + 'static),
    adds_nothing: impl Fn(&(dyn StdError + 'static)) -> bool,
) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(link) = next {
        let message = match adds_nothing(link) {
            true => String::new(),
            false => message(link),
        };
        if !text.contains(&message) {
            let colon = if text.is_empty() { "" } else { ": " };
            text.push_str(colon);
            text.push_str(&message);
        }
        next = link.source();
    }
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}

/// The TLS error that an error is or wraps. This unwraps an [`io::Error`], because its `source()` skips
/// the wrapped error.
pub(crate) fn tls<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a TlsError> {
    if let Some(tls) = error.downcast_ref::<TlsError>() {
        return Some(tls);
    }
    let wrapped: &(dyn StdError + 'static) = error.downcast_ref::<io::Error>()?.get_ref()?;
    tls(wrapped)
}

/// The message of one error. rustls adds the current time to the error for an expired certificate, so
/// the variant without the time is used.
fn message(error: &(dyn StdError + 'static)) -> String {
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

/// The cause for which a repeated call fails, so that the log reports each cause once.
#[derive(Debug, Default)]
pub(crate) struct Recurring(Option<String>);

impl Recurring {
    /// The call failed. Returns whether the cause is new.
    pub(crate) fn failed(&mut self, cause: &str) -> bool {
        let is_new = self.0.as_deref() != Some(cause);
        self.0 = Some(cause.to_owned());
        is_new
    }

    /// The call succeeded. Returns whether it failed before.
    pub(crate) fn succeeded(&mut self) -> bool {
        self.0.take().is_some()
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
