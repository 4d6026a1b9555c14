//! Window sizes and accessibility: a narrow window, the dark scheme, the keyboard, a screen reader.

use super::chromium::WINDOW;
use super::error::{BrowserError, must};
use super::report::Report;
use super::stage::{LONGEST, Stage};
use super::tab::Tab;

/// The window of a phone.
const NARROW: (u32, u32) = (375, 812);
/// The visible controls of the page.
const CONTROLS: &str =
    "[...document.querySelectorAll('button, input, a[href]')].filter((it) => it.checkVisibility())";
/// Roles that need an accessible name.
const NAMED: [&str; 5] = ["button", "textbox", "link", "table", "group"];

pub async fn checks(tab: &Tab, stage: &Stage, report: &mut Report) {
    if let Err(error) = crowd(tab, stage).await {
        report
            .check("the page can be filled", async { Err(error) })
            .await;
        return;
    }
    for width in [NARROW.0, 700, 1100] {
        let name = format!("a window of {width} pixels has no horizontal scroll");
        report.check(&name, narrow(tab, width)).await;
    }
    report
        .check(
            "every control is reached with Tab, and its focus is seen",
            by_keyboard(tab),
        )
        .await;
    for (window, words) in [(WINDOW, "wide"), (NARROW, "narrow")] {
        let name =
            format!("controls, tables and the call have names and roles in a {words} window");
        report.check(&name, by_ear(tab, window)).await;
    }
    for scheme in ["light", "dark"] {
        let name = format!("every text has enough contrast in the {scheme} scheme");
        report.check(&name, contrast(tab, scheme)).await;
    }
}

/// Fills the page with everything that takes space: long names, a caller, what the caller hears.
async fn crowd(tab: &Tab, stage: &Stage) -> Result<(), BrowserError> {
    let pin = stage.room(LONGEST, LONGEST).await?;
    stage.phone.join(LONGEST, LONGEST).await?;
    stage
        .api
        .get(&format!("/rooms/{LONGEST}?{LONGEST}"))
        .await?;
    tab.open().await?;
    tab.dial(&stage.dial_string(&pin)).await?;
    tab.until_seen("#calls", "In the room").await
}

async fn narrow(tab: &Tab, width: u32) -> Result<(), BrowserError> {
    tab.resize(width, NARROW.1).await?;
    let laid_out = format!("innerWidth === {width}");
    let seen = match tab.until("the window is narrow", &laid_out).await {
        Ok(()) => overflow(tab).await,
        Err(error) => Err(error),
    };
    tab.resize(WINDOW.0, WINDOW.1).await?;
    let (needed, outside) = seen?;
    must(needed <= width && outside.is_empty(), || {
        format!("the page needs {needed} pixels; beyond the edge: {outside:?}")
    })
}

/// The width that the page needs, and the elements beyond the right edge. The browser clips them, so they do
/// not make the page wider.
async fn overflow(tab: &Tab) -> Result<(u32, Vec<String>), BrowserError> {
    let needed = tab.eval("document.documentElement.scrollWidth").await?;
    let outside = tab
        .eval(
            "[...document.querySelectorAll('main *, header *')] \
             .filter((it) => it.checkVisibility() && !it.closest('thead') \
               && it.getBoundingClientRect().right > innerWidth + 1) \
             .map((it) => it.outerHTML.slice(0, 80))",
        )
        .await?;
    Ok((needed, outside))
}

async fn by_keyboard(tab: &Tab) -> Result<(), BrowserError> {
    let count: usize = tab.eval(&format!("{CONTROLS}.length")).await?;
    must(count > 20, || format!("only {count} controls are there"))?;
    tab.eval::<bool>("document.activeElement.blur() ?? true")
        .await?;
    tab.eval::<bool>("!!(window.reached = new Map())").await?;
    // Press Tab twice as often as there are controls, because the page may change meanwhile.
    for _ in 0..2 * count {
        tab.key("Tab").await?;
        let outline = "getComputedStyle(document.activeElement).outlineStyle";
        tab.eval::<bool>(&format!(
            "!!window.reached.set(document.activeElement, {outline})"
        ))
        .await?;
    }
    let names = "map((it) => it.getAttribute('aria-label') ?? it.id)";
    let missed = format!("{CONTROLS}.filter((it) => !window.reached.has(it)).{names}");
    let missed: Vec<String> = tab.eval(&missed).await?;
    must(missed.is_empty(), || format!("not reached: {missed:?}"))?;
    let unseen = format!("{CONTROLS}.filter((it) => window.reached.get(it) === 'none').{names}");
    let unseen: Vec<String> = tab.eval(&unseen).await?;
    must(unseen.is_empty(), || {
        format!("no focus is seen on {unseen:?}")
    })
}

async fn by_ear(tab: &Tab, window: (u32, u32)) -> Result<(), BrowserError> {
    tab.resize(window.0, window.1).await?;
    let heard = tab.heard().await;
    let count: usize = tab.eval(&format!("{CONTROLS}.length")).await?;
    tab.resize(WINDOW.0, WINDOW.1).await?;
    let heard = heard?;
    let nameless: Vec<&str> = heard
        .iter()
        .filter(|it| NAMED.contains(&it.role.as_str()) && it.name.trim().is_empty())
        .map(|it| it.role.as_str())
        .collect();
    must(nameless.is_empty(), || {
        format!("without a name: {nameless:?}")
    })?;
    // Without a label the browser may derive a name from something else.
    let labelled = (heard.iter()).any(|it| it.role == "textbox" && it.name == "Dial string");
    must(labelled, || "the field has no label".to_owned())?;
    let of = |role: &str| heard.iter().filter(|it| it.role == role).count();
    let controls = of("button") + of("textbox") + of("link");
    must(controls == count, || {
        format!("{controls} of {count} controls are heard")
    })?;
    let tables: Vec<&str> = (heard.iter())
        .filter(|it| it.role == "table")
        .map(|it| it.name.as_str())
        .collect();
    must(tables.len() == 4, || format!("the tables are {tables:?}"))?;
    for (role, least) in [
        ("row", 10),
        ("columnheader", 21),
        ("rowheader", 6),
        ("cell", 20),
    ] {
        must(of(role) >= least, || {
            format!("{} nodes are a {role}", of(role))
        })?;
    }
    must(of("status") == 1, || {
        "what the caller hears is not announced".to_owned()
    })
}

async fn contrast(tab: &Tab, scheme: &str) -> Result<(), BrowserError> {
    tab.scheme(scheme).await?;
    let faint: Result<Vec<String>, BrowserError> = tab.eval(include_str!("contrast.js")).await;
    tab.scheme("light").await?;
    let faint = faint?;
    must(faint.is_empty(), || format!("too faint: {faint:?}"))
}
