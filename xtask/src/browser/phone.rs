//! The purpose of the page: see the rooms, dial, listen, hang up.

use super::error::{BrowserError, must};
use super::report::Report;
use super::stage::{GREETING, NUMBER, PREFIX, Stage};
use super::tab::Tab;

pub async fn checks(tab: &Tab, stage: &Stage, report: &mut Report) {
    report
        .check("a room and its PIN are shown", room(tab, stage))
        .await;
    report
        .check("numbers are shown with their configs", numbers(tab))
        .await;
    let name = "a caller who dials with the keys waits, and is let in by a join, without a reload";
    report.check(name, caller(tab, stage)).await;
    report
        .check("a click on a dial string fills it in", filled(tab, stage))
        .await;
    report
        .check("a wrong PIN is reported, also in words", wrong_pin(tab))
        .await;
    report
        .check(
            "an invalid dial string is refused with a sentence",
            refused(tab),
        )
        .await;
    report
        .check(
            "callers can be hung up from both places",
            hang_up(tab, stage),
        )
        .await;
    report
        .check("somebody joins and leaves from the page", visit(tab, stage))
        .await;
    report
        .check("API calls appear, with their faults", journal(tab, stage))
        .await;
}

async fn room(tab: &Tab, stage: &Stage) -> Result<(), BrowserError> {
    tab.open().await?;
    let pin = stage.room("shown", "Caller").await?;
    let dial_string = stage.dial_string(&pin);
    for text in [
        "shown",
        "https://demo.daily.co/shown",
        &dial_string,
        "in 2 h",
    ] {
        tab.until_seen("#rooms", text).await?;
    }
    stage.api.delete("/rooms/shown").await?;
    tab.until_gone("#rooms", "shown").await
}

async fn numbers(tab: &Tab) -> Result<(), BrowserError> {
    tab.open().await?;
    for text in [
        NUMBER,
        "PIN dial-in",
        PREFIX,
        "+12025550199",
        "nobody answers",
    ] {
        tab.until_seen("#numbers", text).await?;
    }
    tab.until_seen("#global", "+12095038039").await
}

async fn caller(tab: &Tab, stage: &Stage) -> Result<(), BrowserError> {
    tab.open().await?;
    tab.eval::<bool>("window.notReloaded = true").await?;
    let pin = stage.room("wait", "Waiting caller").await?;
    let dial_string = stage.dial_string(&pin);
    tab.dial(&dial_string).await?;
    let typed: String = tab
        .eval("document.getElementById('dial-string').value")
        .await?;
    must(typed == dial_string, || format!("the keys gave {typed:?}"))?;
    for text in [
        "On hold",
        GREETING,
        "(hold music)",
        "wait",
        "Waiting caller",
    ] {
        tab.until_seen("#heard", text).await?;
    }
    tab.until_seen("#calls", "On hold").await?;
    tab.until_seen("#rooms", "1 caller").await?;
    stage.phone.join("wait", "Ada").await?;
    tab.until_seen("#heard", "In the room").await?;
    tab.until_seen("#heard", "(the voices in the room)").await?;
    tab.until_seen("#calls", "In the room").await?;
    tab.until_seen("#rooms", "Ada").await?;
    stage.api.delete("/rooms/wait").await?;
    tab.until_seen("#heard", "Call ended").await?;
    let same = tab.eval("window.notReloaded === true").await?;
    must(same, || "the page was loaded anew".to_owned())
}

async fn filled(tab: &Tab, stage: &Stage) -> Result<(), BrowserError> {
    tab.open().await?;
    let pin = stage.room("filled", "Caller").await?;
    let dial_string = stage.dial_string(&pin);
    tab.until_seen("#rooms", &dial_string).await?;
    tab.press(&format!("Fill in {dial_string}")).await?;
    let typed: String = tab
        .eval("document.getElementById('dial-string').value")
        .await?;
    must(typed == dial_string, || format!("the field has {typed:?}"))?;
    // The call button has the focus.
    tab.key("Enter").await?;
    tab.until_seen("#heard", "On hold").await?;
    stage.api.delete("/rooms/filled").await?;
    Ok(())
}

async fn wrong_pin(tab: &Tab) -> Result<(), BrowserError> {
    tab.open().await?;
    tab.dial(&format!("{NUMBER},,1")).await?;
    tab.until_seen("#heard", "Wrong PIN").await?;
    tab.until_seen("#heard", "That PIN is not valid").await?;
    let offered: bool = tab.eval("!document.getElementById('end').hidden").await?;
    must(!offered, || "a call that is over can be hung up".to_owned())
}

async fn refused(tab: &Tab) -> Result<(), BrowserError> {
    tab.open().await?;
    tab.dial("12#").await?;
    tab.until_seen("#heard", "\"12#\" is not a dial string")
        .await
}

async fn hang_up(tab: &Tab, stage: &Stage) -> Result<(), BrowserError> {
    tab.open().await?;
    let pin = stage.room("ends", "Caller").await?;
    tab.dial(&stage.dial_string(&pin)).await?;
    tab.until_seen("#heard", "On hold").await?;
    tab.click("#end").await?;
    tab.until_seen("#heard", "Call ended").await?;
    let other = stage.phone.dial(&stage.dial_string(&pin)).await?;
    tab.until_seen("#calls", &other.call_id).await?;
    tab.press(&format!("Hang up {}", other.call_id)).await?;
    tab.until_gone("#calls", &other.call_id).await?;
    let calls = stage.phone.calls().await?;
    stage.api.delete("/rooms/ends").await?;
    must(calls.is_empty(), || format!("still there: {calls:?}"))
}

async fn visit(tab: &Tab, stage: &Stage) -> Result<(), BrowserError> {
    tab.open().await?;
    stage.room("visited", "Caller").await?;
    tab.until_seen("#rooms", "visited").await?;
    tab.press("Join visited").await?;
    tab.until_seen("#rooms", "Visitor").await?;
    tab.press("Leave visited").await?;
    tab.until_gone("#rooms", "Visitor").await?;
    stage.api.delete("/rooms/visited").await?;
    Ok(())
}

async fn journal(tab: &Tab, stage: &Stage) -> Result<(), BrowserError> {
    tab.open().await?;
    let busy = daily_sim::FaultKind::Status {
        status: 503,
        body: None,
        headers: Default::default(),
    };
    let fault = daily_sim::FaultSpec::next("GET", "/rooms", busy);
    stage.phone.fault(&fault).await?;
    stage.api.get("/rooms?limit=7").await?;
    for text in ["demo", "GET", "/rooms?limit=7", "503", "status"] {
        tab.until_seen("#journal tbody tr", text).await?;
    }
    Ok(())
}
