//! Rotates the API key while the operator runs.

use std::time::Duration;

use super::error::StoryError;
use super::report::{Failed, Report, say};
use super::rooms;
use super::sim::{self, FIRST_KEY, SECOND_KEY};
use super::stage::Stage;

/// How long a new room may take to become Ready after the rotation.
const WITHIN: Duration = Duration::from_secs(10);

/// Runs the checks of this chapter.
///
/// # Errors
/// The check that failed.
pub async fn run(stage: &mut Stage, report: &mut Report) -> Result<(), Failed> {
    let name = "the key is revoked at Daily and replaced in its Secret: a new room within 10 s";
    report.check(name, rotate(stage)).await
}

async fn rotate(stage: &mut Stage) -> Result<(), StoryError> {
    sim::revoke(stage.cluster(), FIRST_KEY).await?;
    say("Daily no longer accepts the first key");
    let key = stage.write("key", SECOND_KEY)?;
    stage.console.set("FILE", key.display().to_string());
    let commands = stage.console.commands("docs/install.md", "API keys")?;
    let rotation = |it: &String| it.contains("--dry-run=client");
    let commands: Vec<_> = commands.into_iter().filter(rotation).collect();
    stage.console.run(&commands).await?;
    rooms::room_within(stage.cluster(), "after-rotation", WITHIN).await
}
