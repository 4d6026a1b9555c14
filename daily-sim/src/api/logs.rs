//! `/logs/api`.

use serde_json::Value;

use super::{Answer, Scene};
use crate::state::{Refusal, page};

/// Entries on a page by default. // F-LOG-1
const ENTRIES_A_PAGE: i64 = 20;
/// As many as are kept; no source names a maximum.
const MOST_A_PAGE: usize = 1000;

/// `GET /logs/api`. // F-LOG-1
pub(super) fn list(scene: &Scene<'_>) -> Result<Answer, Refusal> {
    let mut request = scene.query.page(&["source", "url"])?;
    request.limit.get_or_insert(ENTRIES_A_PAGE);
    let mut entries = match scene.query.get("source").unwrap_or("api") {
        "api" => scene.world.logged(scene.account),
        // There are no webhooks.
        "webhook" => Vec::new(),
        // F-LOG-3
        other => {
            return Err(Refusal::invalid_quoted(format!(
                "\"source\" must be one of [webhook, api] [Received source=\"{other}\"]\n"
            )));
        }
    };
    if let Some(url) = scene.query.get("url") {
        entries.retain(|entry| entry.url == url);
    }
    let shown = page(&entries, &request, MOST_A_PAGE, |entry| entry.id.clone())?;
    Ok(Answer::ok(Value::Array(
        (shown.iter())
            .map(|entry| scene.world.show_log_entry(scene.account, entry))
            .collect(),
    )))
}
