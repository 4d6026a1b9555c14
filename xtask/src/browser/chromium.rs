//! Finds a Chromium, and runs it without a window.

use std::path::PathBuf;
use std::time::Duration;

use chromiumoxide::browser::{Browser, BrowserConfig};
use futures::StreamExt;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::error::BrowserError;

/// Under these names it is on the path.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// How large its window is.
pub const WINDOW: (u32, u32) = (1280, 900);
/// How long it may take to start, and to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running Chromium with a profile of its own.
#[derive(Debug)]
pub struct Chromium {
    /// The browser.
    pub browser: Browser,
    /// Brings its messages.
    messages: JoinHandle<()>,
    _profile: TempDir,
}

impl Chromium {
    /// Starts it.
    ///
    /// # Errors
    /// When there is none, or it does not start.
    pub async fn start() -> Result<Self, BrowserError> {
        let program = find().ok_or(BrowserError::NoChromium)?;
        println!("browser: {}", program.display());
        let profile = tempfile::tempdir().map_err(|source| BrowserError::Io {
            what: "cannot make a folder for the profile",
            source,
        })?;
        let config = BrowserConfig::builder()
            .chrome_executable(program)
            .user_data_dir(profile.path())
            .new_headless_mode()
            // Its sandbox refuses to run as root, and needs more rights than many containers have.
            // It is sent to pages of this process only.
            .no_sandbox()
            .launch_timeout(PATIENCE)
            .request_timeout(PATIENCE)
            .window_size(WINDOW.0, WINDOW.1)
            .viewport(None)
            // Shared memory is small in containers.
            .arg("disable-dev-shm-usage")
            .arg("hide-scrollbars")
            .build()
            .map_err(BrowserError::Settings)?;
        let (browser, mut handler) = Browser::launch(config).await?;
        // A message that the library does not know is none that is waited for.
        let messages = tokio::spawn(async move { while handler.next().await.is_some() {} });
        Ok(Self {
            browser,
            messages,
            _profile: profile,
        })
    }

    /// Ends it; what goes wrong then changes no result.
    pub async fn stop(mut self) {
        if self.browser.close().await.is_err() {
            let _ = self.browser.kill().await;
        }
        let _ = self.browser.wait().await;
        self.messages.abort();
    }
}

fn find() -> Option<PathBuf> {
    if let Some(program) = std::env::var_os("CHROMIUM").filter(|it| !it.is_empty()) {
        return Some(PathBuf::from(program)).filter(|program| program.is_file());
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    (NAMES.iter())
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|program| program.is_file())
}
