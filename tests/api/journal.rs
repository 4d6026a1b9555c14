//! What Daily was asked for, as the simulator's journal tells it.

use daily_sim::JournalEntry;

/// Calls in the order in which they took effect.
pub struct Journal(Vec<JournalEntry>);

impl Journal {
    pub fn new(entries: Vec<JournalEntry>) -> Self {
        Self(entries)
    }

    /// All calls.
    pub fn all(&self) -> &[JournalEntry] {
        &self.0
    }

    /// The calls that may change something.
    pub fn writes(&self) -> Vec<&JournalEntry> {
        self.0.iter().filter(|call| call.method != "GET").collect()
    }

    /// The calls of this method and path; a path that ends in `*` is a prefix.
    pub fn calls(&self, method: &str, path: &str) -> Vec<&JournalEntry> {
        let fits = |call: &&JournalEntry| {
            call.method == method
                && match path.strip_suffix('*') {
                    Some(prefix) => call.path.starts_with(prefix),
                    None => call.path == path,
                }
        };
        self.0.iter().filter(fits).collect()
    }

    /// How many of them Daily did.
    pub fn done(&self, method: &str, path: &str) -> usize {
        let calls = self.calls(method, path);
        calls.iter().filter(|call| call.status == 200).count()
    }

    /// Panics with the writes when there is one.
    #[track_caller]
    pub fn expect_no_write(&self, why: &str) {
        let writes = self.writes();
        assert!(writes.is_empty(), "{why}, but:\n{}", show(writes));
    }

    /// The last calls, for a report.
    pub fn tail(&self, count: usize) -> String {
        show(self.0.iter().skip(self.0.len().saturating_sub(count)))
    }
}

/// Calls as lines.
pub fn show<'a>(calls: impl IntoIterator<Item = &'a JournalEntry>) -> String {
    let line = |call: &JournalEntry| {
        let body = call.body.as_ref().map(ToString::to_string);
        format!(
            "{:>4} {} {} {} {}{} -> {} {}\n",
            call.seq,
            call.time,
            call.account.as_deref().unwrap_or("-"),
            call.method,
            call.path,
            call.query
                .as_ref()
                .map(|query| format!("?{query}"))
                .unwrap_or_default(),
            call.status,
            body.unwrap_or_default(),
        )
    };
    calls.into_iter().map(line).collect()
}
