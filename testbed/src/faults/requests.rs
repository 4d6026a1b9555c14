//! Selects the requests that a fault hits.

use http::Uri;

/// Selects requests by method, path, whether they are watches, and position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requests {
    method: String,
    path: String,
    watch: bool,
    skip: usize,
    most: usize,
}

impl Requests {
    /// Requests with this method whose path, without the query, matches the pattern. A `*` matches any text.
    /// Watches never match; see [`Requests::watch`].
    #[must_use]
    pub fn of(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            watch: false,
            skip: 0,
            most: usize::MAX,
        }
    }

    /// Lists of a resource, for example `dailyrooms`, in any namespace.
    #[must_use]
    pub fn list(plural: &str) -> Self {
        Self::of("GET", &format!("*/{plural}"))
    }

    /// Requests that open a watch of a resource, in any namespace.
    #[must_use]
    pub fn watch(plural: &str) -> Self {
        Self {
            watch: true,
            ..Self::list(plural)
        }
    }

    /// Skips the first `count` matching requests.
    #[must_use]
    pub fn after(mut self, count: usize) -> Self {
        self.skip = count;
        self
    }

    /// Only the first `count` of the remaining requests.
    #[must_use]
    pub fn at_most(mut self, count: usize) -> Self {
        self.most = count;
        self
    }

    /// Whether a request matches, regardless of its position.
    pub(super) fn matches(&self, method: &str, uri: &Uri) -> bool {
        self.method == method && self.watch == is_watch(uri) && matches(&self.path, uri.path())
    }

    /// Whether the fault hits the `nth` matching request, from 0.
    pub(super) fn hits_nth(&self, nth: usize) -> bool {
        nth.checked_sub(self.skip).is_some_and(|it| it < self.most)
    }
}

pub(super) fn is_watch(uri: &Uri) -> bool {
    let mut parameters = uri.query().unwrap_or_default().split('&');
    parameters.any(|it| it == "watch=true" || it == "watch=1")
}

/// Whether a text matches a pattern in which `*` matches any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(before) else {
        return false;
    };
    let mut starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    starts.any(|at| text.get(at..).is_some_and(|text| matches(rest, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_paths() {
        let table = [
            ("/api", "/api", true),
            ("/api", "/api/v1", false),
            ("*/dailyrooms", "/apis/x/v1/namespaces/a/dailyrooms", true),
            ("*/dailyrooms", "/apis/x/v1/dailyrooms", true),
            ("*/dailyrooms", "/apis/x/v1/dailyrooms/one", false),
            ("*/secrets/*", "/api/v1/namespaces/a/secrets/key", true),
            ("*/secrets/*", "/api/v1/namespaces/a/secrets", false),
            ("*", "", true),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_watch_is_no_list() {
        let uri = |text: &str| -> Uri { text.parse().unwrap_or_default() };
        let list = uri("/apis/x/v1/dailyrooms?&limit=500");
        let watch = uri("/apis/x/v1/dailyrooms?&watch=true&timeoutSeconds=45");
        let table = [
            (Requests::list("dailyrooms"), true, false),
            (Requests::watch("dailyrooms"), false, true),
            (Requests::list("secrets"), false, false),
            (Requests::of("POST", "*"), false, false),
        ];
        for (requests, lists, watches) in table {
            assert_eq!(requests.matches("GET", &list), lists, "{requests:?}");
            assert_eq!(requests.matches("GET", &watch), watches, "{requests:?}");
        }
    }

    #[test]
    fn the_nth_are_hit() {
        let some = Requests::list("x").after(1).at_most(2);
        let hit: Vec<_> = (0..5).filter(|nth| some.hits_nth(*nth)).collect();
        assert_eq!(hit, [1, 2]);
        assert!(Requests::list("x").hits_nth(100));
    }
}
