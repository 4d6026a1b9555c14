//! Tests the page of daily-sim in a real browser.
//!
//! `stage` is the simulator and `chromium` is the browser. `tab` acts like a user of the page, and `watch`
//! records what the page logs and requests. The checks are in `phone` (the purpose of the page), `trust`
//! (what the page must never do) and `shape` (window sizes and accessibility).

mod chromium;
mod error;
mod phone;
mod report;
mod shape;
mod stage;
mod tab;
mod trust;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use self::chromium::{Chromium, WINDOW};
use self::error::BrowserError;
use self::report::Report;
use self::stage::Stage;
use self::tab::Tab;
use self::watch::Watch;
use crate::with_causes;

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write a picture of the page, as PNG.
    #[arg(long, value_name = "FILE")]
    screenshot: Option<PathBuf>,
}

/// Runs all checks.
pub async fn run(args: &Args) -> ExitCode {
    let mut report = Report::default();
    if let Err(error) = play(args, &mut report).await {
        eprintln!("{}", with_causes(&error));
        return ExitCode::FAILURE;
    }
    match report.close() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

async fn play(args: &Args, report: &mut Report) -> Result<(), BrowserError> {
    let chromium = Chromium::start().await?;
    let stage = Stage::set().await?;
    let page = chromium.browser.new_page("about:blank").await?;
    let watch = Watch::over(&page).await?;
    let tab = Tab::new(page, stage.sim.origin());
    tab.resize(WINDOW.0, WINDOW.1).await?;
    if let Some(path) = &args.screenshot {
        picture(&tab, &stage, path).await?;
    }
    phone::checks(&tab, &stage, report).await;
    shape::checks(&tab, &stage, report).await;
    trust::checks(&tab, stage, &watch, report).await;
    chromium.stop().await;
    Ok(())
}

/// Takes a screenshot of the page with a room and a call.
async fn picture(tab: &Tab, stage: &Stage, path: &PathBuf) -> Result<(), BrowserError> {
    let pin = stage.room("weekly", "Maria").await?;
    stage.phone.join("weekly", "Ada").await?;
    tab.scheme("light").await?;
    tab.open().await?;
    tab.dial(&stage.dial_string(&pin)).await?;
    tab.until_seen("#calls", "In the room").await?;
    let picture = tab.picture().await?;
    std::fs::write(path, picture).map_err(|source| BrowserError::Io {
        what: "cannot write the picture",
        source,
    })?;
    stage.api.delete("/rooms/weekly").await?;
    Ok(())
}
