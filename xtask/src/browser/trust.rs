//! What the page must never do: execute data, send requests to another origin, or hide that it lost the
//! simulator.

use super::error::{BrowserError, must};
use super::report::Report;
use super::stage::Stage;
use super::tab::Tab;
use super::watch::Watch;

/// Texts with markup that the page must show as text, one for each place that accepts free text.
const GREETING: &str = "Hello <img src=x onerror=\"window.ran=1\"><script>window.ran=1</script>";
const CALLER: &str = "Caller <script>window.ran=1</script>";
const PERSON: &str = "Ada <img src=x onerror=\"window.ran=1\">";
const PREFIX: &str = "<b>prefix</b>";

/// Runs the checks. The last one stops the simulator.
pub async fn checks(tab: &Tab, stage: Stage, watch: &Watch, report: &mut Report) {
    report
        .check(
            "markup in names, greetings and paths is shown as text",
            markup(tab, &stage),
        )
        .await;
    report
        .check(
            "no request is sent while the page is hidden",
            hidden(tab, &stage, watch),
        )
        .await;
    report
        .check(
            "no key is shown, and the API is not called",
            keys(tab, &stage, watch),
        )
        .await;
    let origin = stage.sim.origin();
    report
        .check("no request goes to another origin", async {
            asked(watch, &origin)
        })
        .await;
    report
        .check("no error is logged", async { logged(watch) })
        .await;
    report
        .check("an unreachable simulator is reported", gone(tab, stage))
        .await;
}

async fn markup(tab: &Tab, stage: &Stage) -> Result<(), BrowserError> {
    tab.open().await?;
    // A room name cannot contain markup, so put it into the path of a call.
    stage
        .api
        .get("/rooms/<script>window.ran=1</script>")
        .await?;
    let pin = stage.room("markup", CALLER).await?;
    stage.phone.join("markup", PERSON).await?;
    stage.rename(GREETING, PREFIX).await?;
    tab.dial(&stage.dial_string(&pin)).await?;
    tab.until_seen("#lines", GREETING).await?;
    tab.until_seen("#where", CALLER).await?;
    tab.until_seen("#calls", CALLER).await?;
    tab.until_seen("#rooms", PERSON).await?;
    tab.until_seen("#numbers", PREFIX).await?;
    tab.until_seen("#journal", "script").await?;
    let made: u32 = tab
        .eval("document.querySelectorAll('main img, main script, main b').length")
        .await?;
    must(made == 0, || format!("{made} elements were made of markup"))?;
    let ran: bool = tab.eval("window.ran !== undefined").await?;
    stage.api.delete("/rooms/markup").await?;
    must(!ran, || "a script in the data was run".to_owned())
}

async fn hidden(tab: &Tab, stage: &Stage, watch: &Watch) -> Result<(), BrowserError> {
    tab.open().await?;
    let hide = |hidden: bool| {
        format!(
            "Object.defineProperty(document, 'hidden', {{value: {hidden}, configurable: true}}) \
             && document.dispatchEvent(new Event('visibilitychange'))"
        )
    };
    tab.eval::<bool>(&hide(true)).await?;
    // Start counting after 500 ms, because earlier requests may still be in flight.
    let pause = |ms: u32| format!("new Promise((done) => setTimeout(done, {ms}, true))");
    tab.eval::<bool>(&pause(500)).await?;
    let before = watch.seen().requests.len();
    tab.eval::<bool>(&pause(2500)).await?;
    let after = watch.seen().requests.len();
    must(before == after, || {
        format!("{} requests while hidden", after - before)
    })?;
    stage.room("unhidden", "Caller").await?;
    tab.eval::<bool>(&hide(false)).await?;
    tab.until_seen("#rooms", "unhidden").await
}

async fn keys(tab: &Tab, stage: &Stage, watch: &Watch) -> Result<(), BrowserError> {
    tab.open().await?;
    let html: String = tab.eval("document.documentElement.outerHTML").await?;
    must(!html.contains("-key-0123456789"), || {
        "a key is shown".to_owned()
    })?;
    let api = stage.sim.base_url();
    let seen = watch.seen();
    let called = seen.requests.iter().any(|url| url.starts_with(&api));
    must(!called, || "the page called the API".to_owned())
}

fn asked(watch: &Watch, origin: &str) -> Result<(), BrowserError> {
    let seen = watch.seen();
    let home = format!("{origin}/");
    let others: Vec<&String> = (seen.requests.iter())
        .filter(|url| !url.starts_with(&home))
        .collect();
    must(seen.requests.len() > 50, || {
        "the requests were not seen".to_owned()
    })?;
    must(others.is_empty(), || format!("asked for {others:?}"))
}

/// The browser logs the one 400 that an earlier check provoked. This proves that the watch sees errors.
fn logged(watch: &Watch) -> Result<(), BrowserError> {
    let seen = watch.seen();
    let is_refusal =
        |error: &&String| error.contains("status of 400") && error.contains("/sim/dial)");
    let (refusals, others): (Vec<&String>, Vec<&String>) = seen.errors.iter().partition(is_refusal);
    must(others.is_empty(), || format!("logged: {others:?}"))?;
    must(refusals.len() == 1, || {
        format!("refusals logged: {refusals:?}")
    })
}

async fn gone(tab: &Tab, stage: Stage) -> Result<(), BrowserError> {
    tab.open().await?;
    let shown: bool = tab
        .eval("!document.getElementById('trouble').hidden")
        .await?;
    must(!shown, || "trouble is told where there is none".to_owned())?;
    stage.sim.stop().await;
    tab.until_seen("#trouble", "The simulator cannot be reached")
        .await
}
