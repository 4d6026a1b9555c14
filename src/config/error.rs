//! What is wrong with a flag, and what to write.

/// What is wrong with a flag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value that cannot be used.
    #[error("--{flag} is {value:?}; it must be {wanted}")]
    Value {
        /// The flag, without its dashes.
        flag: &'static str,
        /// What was given.
        value: String,
        /// What to write.
        wanted: &'static str,
    },
    /// A selector that selects nothing sensible.
    #[error(
        "--{flag} is no label selector: {problem}; write it as JSON, for example {{}} for all \
         namespaces or {{\"matchLabels\":{{\"team\":\"voice\"}}}}"
    )]
    Selector {
        /// The flag, without its dashes.
        flag: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A URL with a user or password in it, which is not repeated here.
    #[error(
        "--daily-base-url must not hold a user or password; API keys belong into a Secret, named \
         with --default-api-key-secret"
    )]
    UserInUrl,
    /// A proxy that cannot be used. Its URL can hold a password, and is not repeated here.
    #[error(
        "{origin} is not the URL of an HTTP proxy; write http://HOST:PORT or https://HOST:PORT, \
         with a user as in http://USER:PASSWORD@HOST:PORT, special characters percent-encoded"
    )]
    Proxy {
        /// The flag or the variable.
        origin: &'static str,
    },
    /// A proxy elsewhere for a Daily on this machine.
    #[error(
        "--daily-proxy cannot be used with a --daily-base-url that begins with http://, since the \
         proxy would see the API key; use an https:// base URL, or a proxy on loopback"
    )]
    ProxyForHttp,
    /// Selectors for a default key that there is not.
    #[error(
        "--default-api-key-namespaces and --default-api-key-number-namespaces say who may use the \
         default key, but there is none; name its Secret with --default-api-key-secret, or leave \
         them out"
    )]
    NoDefaultKey,
}

impl ConfigError {
    pub(super) fn value(flag: &'static str, value: &str, wanted: &'static str) -> Self {
        Self::Value {
            flag,
            value: value.to_owned(),
            wanted,
        }
    }
}
