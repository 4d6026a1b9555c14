//! Finds Chromium and runs it headless.

use std::path::PathBuf;
use std::time::Duration;

use chromiumoxide::browser::{Browser, BrowserConfig};
use futures::StreamExt;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::error::BrowserError;

/// The names of the program on the path.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// The width and height of the window in pixels.
pub const WINDOW: (u32, u32) = (1280, 900);
/// How long Chromium may take to start, and to answer a request.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running Chromium with a temporary profile.
#[derive(Debug)]
pub struct Chromium {
    pub browser: Browser,
    /// Drives the connection to the browser.
    messages: JoinHandle<()>,
    _profile: TempDir,
}

impl Chromium {
    /// Starts Chromium.
    ///
    /// # Errors
    /// If Chromium is missing or does not start.
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
            // The sandbox refuses to run as root, and needs more permissions than many containers have. This
            // browser loads pages of this process only.
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
        // Ignore messages that the library cannot parse, because no caller waits for them.
        let messages = tokio::spawn(async move { while handler.next().await.is_some() {} });
        Ok(Self {
            browser,
            messages,
            _profile: profile,
        })
    }

    /// Stops Chromium. Errors do not change the result of the checks.
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
