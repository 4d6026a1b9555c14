//! Logging to standard output.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::cli::LogFormat;

const VARIABLES: [&str; 2] = ["DAILY_OPERATOR_LOG", "RUST_LOG"];
/// kube logs each failed call and watch; the operator logs them with more context.
const LIBRARIES: &str = "kube=warn,kube_client::client::builder=off,kube_runtime::watcher=error";
/// Libraries that see headers or bodies, and with them API keys and PINs. They log at most warnings.
const SEES_SECRETS: [&str; 7] = ["h2", "hyper", "reqwest", "rustls", "tokio", "tower", "axum"];
/// Logs warnings with the body of a response that it cannot parse, Secrets included. It logs only errors.
const QUOTES_BODIES: &str = "kube_client::client";

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is invalid.
    #[error("{variable} is not a log filter; use for example info, or debug,kube=warn")]
    Filter {
        /// The environment variable with the filter.
        variable: &'static str,
        /// The parser's error.
        source: tracing_subscriber::filter::ParseError,
    },
    /// A part of the filter is neither a level nor `TARGET=LEVEL`.
    #[error(
        "{variable} contains {word:?}, which is not a level; use error, warn, info, debug or trace, or \
         TARGET=LEVEL"
    )]
    NoLevel {
        /// The environment variable with the filter.
        variable: &'static str,
        /// The part.
        word: String,
    },
    /// Logging was set up before.
    #[error("logging is set up already")]
    Init(#[from] TryInitError),
}

/// Sets up logging, also of panics.
///
/// # Errors
/// When the filter in the environment is invalid, or logging was set up before.
pub fn init(format: LogFormat) -> Result<(), TelemetryError> {
    let given = VARIABLES.into_iter().find_map(|variable| {
        let text = std::env::var(variable).ok()?;
        Some((variable, text)).filter(|(_, text)| !text.trim().is_empty())
    });
    let filter = filter(given)?.and(filter_fn(is_harmless));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stdout);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .try_init()?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn filter(given: Option<(&'static str, String)>) -> Result<EnvFilter, TelemetryError> {
    let (variable, text) = given.unwrap_or(("", "info".to_owned()));
    let text = match text.trim() {
        // A bare level is meant for the operator, not for its libraries.
        level if is_level(level) => format!("{level},{LIBRARIES}"),
        filter => filter.to_owned(),
    };
    // To tracing a misspelt level is a target, and nothing else would be logged.
    let words = text.split(',').map(str::trim);
    let mut misspelt = words.filter(|it| !it.contains('=') && !is_level(it));
    if let Some(word) = misspelt.next() {
        return Err(TelemetryError::NoLevel {
            variable,
            word: word.to_owned(),
        });
    }
    EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(text)
        .map_err(|source| TelemetryError::Filter { variable, source })
}

fn is_level(word: &str) -> bool {
    word.parse::<LevelFilter>().is_ok()
}

fn is_harmless(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let origin = target.split("::").next().unwrap_or_default();
    let sees_secrets = SEES_SECRETS.iter().any(|name| origin.starts_with(name));
    let most = match target.starts_with(QUOTES_BODIES) {
        true => Level::ERROR,
        false if sees_secrets => Level::WARN,
        false => Level::TRACE,
    };
    *metadata.level() <= most
}

/// By default a panic goes to standard error, and not as JSON.
fn log_panic(info: &PanicHookInfo<'_>) {
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let why = info.payload_as_str().unwrap_or_default();
    let backtrace = Backtrace::capture();
    let captured = backtrace.status() == BacktraceStatus::Captured;
    let backtrace = captured.then(|| backtrace.to_string());
    tracing::error!(backtrace, "The operator panicked at {location}: {why}");
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;
        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// What is logged with this filter, as JSON lines.
    pub(crate) fn logged(given: Option<&str>, say: impl FnOnce()) -> String {
        let given = given.map(|text| ("RUST_LOG", text.to_owned()));
        let filter = filter(given).unwrap().and(filter_fn(is_harmless));
        let lines = Lines::default();
        let layer = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(lines.clone());
        let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
        tracing::subscriber::with_default(subscriber, say);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn usually_it_says_what_it_does_and_what_others_warn_of() {
        let log = logged(None, || {
            tracing::info!("ours");
            tracing::debug!("ours in detail");
            tracing::info!(target: "kube_client::client", "theirs");
            tracing::warn!(target: "kube_runtime::controller", "their warning");
            tracing::warn!(target: "kube_runtime::watcher", "what we say ourselves");
            tracing::error!(target: "kube_client::client::builder", "what we say ourselves");
        });
        let said = |text: &str| log.contains(&format!("\"message\":\"{text}\""));
        assert!(said("ours") && said("their warning"), "{log}");
        assert!(!said("ours in detail") && !said("theirs"), "{log}");
        assert!(!said("what we say ourselves"), "{log}");
    }

    #[test]
    fn what_sees_headers_is_quiet_whatever_is_asked_for() {
        let log = logged(Some("trace,hyper_util::client=trace"), || {
            tracing::trace!("ours");
            tracing::trace!(target: "h2::codec", "a frame");
            tracing::debug!(target: "hyper_util::client", "a header");
            tracing::info!(target: "reqwest::connect", "a connection");
            tracing::warn!(target: "hyper::proto", "a warning");
        });
        assert!(log.contains("ours") && log.contains("a warning"), "{log}");
        assert_eq!(log.lines().count(), 2, "{log}");
    }

    #[test]
    fn what_quotes_bodies_is_quiet_whatever_is_asked_for() {
        let filters = [
            "trace",
            "kube_client=trace",
            "info,kube_client::client=warn",
        ];
        for filter in [None].into_iter().chain(filters.map(Some)) {
            let log = logged(filter, || {
                tracing::warn!(target: "kube_client::client", "a body");
                tracing::debug!(target: "kube_client::client::auth", "a body");
                tracing::error!(target: "kube_client::client", "an error");
            });
            assert!(!log.contains("a body"), "{filter:?}: {log}");
            assert!(log.contains("an error"), "{filter:?}: {log}");
        }
    }

    #[test]
    fn a_level_is_the_operators_and_a_misspelt_one_is_refused() {
        let log = logged(Some("debug"), || {
            tracing::debug!("ours in detail");
            tracing::debug!(target: "kube_client::client", "theirs");
        });
        assert!(
            log.contains("ours in detail") && !log.contains("theirs"),
            "{log}"
        );
        for text in ["debgu", "info,debgu", "debgu,kube=warn"] {
            let refused = filter(Some(("RUST_LOG", text.to_owned())));
            let told = refused.unwrap_err().to_string();
            assert!(told.contains("\"debgu\", which is not a level"), "{told}");
        }
        assert!(
            filter(Some((
                "RUST_LOG",
                "info,daily_operator::room=debug".to_owned()
            )))
            .is_ok()
        );
    }

    #[test]
    fn a_filter_that_is_none_is_refused() {
        let refused = filter(Some(("RUST_LOG", "info,=,".to_owned())));
        let told = refused.unwrap_err().to_string();
        assert!(told.starts_with("RUST_LOG is not a log filter"), "{told}");
    }
}
