//! Records what the page logs and requests during the checks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chromiumoxide::Page;
use chromiumoxide::cdp::IntoEventKind;
use chromiumoxide::cdp::browser_protocol::log::{EventEntryAdded, LogEntryLevel};
use chromiumoxide::cdp::browser_protocol::network::EventRequestWillBeSent;
use chromiumoxide::cdp::js_protocol::runtime::{
    ConsoleApiCalledType, EventConsoleApiCalled, EventExceptionThrown,
};
use futures::StreamExt;

use super::error::BrowserError;

/// Records errors and requests of a tab.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Mutex<Seen>>);

/// The recorded errors and requests.
#[derive(Debug, Default)]
pub struct Seen {
    /// Each logged error, with its URL.
    pub errors: Vec<String>,
    /// The URL of each request.
    pub requests: Vec<String>,
}

impl Watch {
    /// Starts to watch a tab.
    pub async fn over(page: &Page) -> Result<Self, BrowserError> {
        let watch = Self::default();
        page.enable_log().await?;
        page.enable_runtime().await?;
        watch
            .note(page, |seen, event: &EventEntryAdded| {
                if event.entry.level == LogEntryLevel::Error {
                    let url = event.entry.url.as_deref().unwrap_or_default();
                    seen.errors.push(format!("{} ({url})", event.entry.text));
                }
            })
            .await?;
        watch
            .note(page, |seen, event: &EventConsoleApiCalled| {
                if event.r#type == ConsoleApiCalledType::Error {
                    seen.errors.push(format!("console.error: {:?}", event.args));
                }
            })
            .await?;
        watch
            .note(page, |seen, event: &EventExceptionThrown| {
                seen.errors.push(format!("{:?}", event.exception_details));
            })
            .await?;
        watch
            .note(page, |seen, event: &EventRequestWillBeSent| {
                seen.requests.push(event.request.url.clone());
            })
            .await?;
        Ok(watch)
    }

    async fn note<E: IntoEventKind + Unpin + Send + Sync>(
        &self,
        page: &Page,
        note: impl Fn(&mut Seen, &E) + Send + 'static,
    ) -> Result<(), BrowserError> {
        let mut events = page.event_listener::<E>().await?;
        let watch = self.clone();
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                note(&mut watch.seen(), &event);
            }
        });
        Ok(())
    }

    /// The errors and requests so far.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
