//! The installation: the commands of the README, the private CA of `docs/install.md`, and `helm test`.

use std::time::{Duration, Instant};

use testbed::progress::human;

use super::error::{StoryError, seen};
use super::look;
use super::report::{Failed, Report, say};
use super::sim::FIRST_KEY;
use super::stage::{OPERATOR, Stage, TEAM};

/// How long `helm install --wait` may take.
const INSTALLED_WITHIN: Duration = Duration::from_secs(30);
/// How long a condition may take.
const SOON: Duration = Duration::from_secs(60);
/// Points the operator at the simulated Daily. Users of Daily itself omit it.
pub const SETTINGS: &str = "--set daily.baseUrl=https://daily-sim.daily-sim.svc.cluster.local/v1";
/// Makes a namespace reject pods that violate the strictest Pod Security Standard.
const RESTRICTED: &str = "pod-security.kubernetes.io/enforce=restricted";

/// Runs the checks of this chapter.
///
/// # Errors
/// The check that failed.
pub async fn run(stage: &mut Stage, report: &mut Report) -> Result<(), Failed> {
    let name = "the README's commands install the operator in a restricted namespace, within 30 s";
    report.check(name, install(stage)).await?;
    let name = "without the CA, a room names the cause";
    report.check(name, cause(stage)).await?;
    let name = "with the CA as docs/install.md says, the room becomes Ready";
    report.check(name, trust(stage)).await?;
    let name = "helm test passes";
    report.check(name, test(stage)).await
}

async fn install(stage: &mut Stage) -> Result<(), StoryError> {
    let key = stage.write("key", FIRST_KEY)?;
    stage.console.set("REGISTRY", "localhost");
    stage.console.set("FILE", key.display().to_string());
    stage
        .console
        .add_to_helm(format!("{SETTINGS} --timeout=60s"));
    for command in readme(stage, |it| !it.starts_with("helm test"))? {
        let start = Instant::now();
        stage.console.run(std::slice::from_ref(&command)).await?;
        if command.starts_with("kubectl create namespace") {
            let label = format!("kubectl label namespace {OPERATOR} {RESTRICTED}");
            say(stage.console.shell(&label).await?);
        }
        let took = start.elapsed();
        if command.starts_with("helm install") && took > INSTALLED_WITHIN {
            return seen(format!("`helm install --wait` took {}", human(took)));
        }
    }
    Ok(())
}

/// The commands in the README's section on installation that match `wanted`.
pub fn readme(stage: &Stage, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, StoryError> {
    let commands = stage.console.commands("README.md", "Install")?;
    Ok(commands.into_iter().filter(|it| wanted(it)).collect())
}

async fn cause(stage: &mut Stage) -> Result<(), StoryError> {
    let cluster = stage.cluster();
    let namespace = format!("kubectl create namespace {TEAM}");
    say(stage.console.shell(&namespace).await?);
    let label = format!("kubectl label namespace {TEAM} {RESTRICTED}");
    say(stage.console.shell(&label).await?);
    let room = "apiVersion: daily-operator.io/v1alpha1\nkind: DailyRoom\n\
                metadata: {name: first}\nspec: {ttl: 8h}\n";
    say(cluster.apply_in(TEAM, room).await?);
    let what = "names UnknownIssuer";
    let is_so = |room: &serde_json::Value| look::describe(room).contains("UnknownIssuer");
    let room = look::until(cluster, (TEAM, "dailyroom/first"), what, SOON, is_so).await?;
    say(look::describe(&room));
    Ok(())
}

async fn trust(stage: &mut Stage) -> Result<(), StoryError> {
    let ca = stage.write("ca.crt", &stage.tls.ca)?;
    stage.console.set("CA_FILE", ca.display().to_string());
    let page = "docs/install.md";
    let commands = stage.console.commands(page, "Private CA and proxy")?;
    stage.console.run(&commands).await?;
    let room = (TEAM, "dailyroom/first");
    look::condition(stage.cluster(), room, "Ready", SOON).await?;
    Ok(())
}

async fn test(stage: &mut Stage) -> Result<(), StoryError> {
    let commands = readme(stage, |it| it.starts_with("helm test"))?;
    stage.console.run(&commands).await
}
