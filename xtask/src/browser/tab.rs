//! A browser tab: acts like a user, and reads what a user sees.

use std::time::Duration;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::accessibility::{AxNode, GetFullAxTreeParams};
use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams,
};
use chromiumoxide::cdp::browser_protocol::page::CaptureScreenshotFormat;
use chromiumoxide::page::ScreenshotParams;
use serde::de::DeserializeOwned;
use testbed::{Look, eventually};

use super::error::BrowserError;

/// How long the page may take to show a change: many times its refresh interval.
const SOON: Duration = Duration::from_secs(15);
/// How many characters of the page an error quotes.
const LONGEST_QUOTE: usize = 400;

#[derive(Debug)]
pub struct Tab {
    pub page: Page,
    /// The origin of the simulator.
    origin: String,
}

impl Tab {
    /// A tab for the simulator at this origin.
    pub fn new(page: Page, origin: String) -> Self {
        Self { page, origin }
    }

    /// Loads the page, and waits until it shows the current state.
    pub async fn open(&self) -> Result<(), BrowserError> {
        self.page.goto(format!("{}/", self.origin)).await?;
        let shown = "document.querySelector('main')?.ariaBusy === 'false'";
        self.until("the page shows what is there", shown).await
    }

    /// The value of a JavaScript expression.
    pub async fn eval<T: DeserializeOwned>(&self, expression: &str) -> Result<T, BrowserError> {
        // The parentheses make the library treat any text as an expression.
        let answer = self.page.evaluate_expression(format!("({expression})"));
        Ok(answer.await?.into_value()?)
    }

    /// Waits until a JavaScript condition holds.
    pub async fn until(&self, what: &str, condition: &str) -> Result<(), BrowserError> {
        self.until_in("body", what, condition).await
    }

    /// Waits until the element of the selector shows this text.
    pub async fn until_seen(&self, selector: &str, text: &str) -> Result<(), BrowserError> {
        let what = format!("{text:?} is seen in {selector}");
        self.until_in(selector, &what, &shows(selector, text)?)
            .await
    }

    /// Waits until the element of the selector no longer shows this text.
    pub async fn until_gone(&self, selector: &str, text: &str) -> Result<(), BrowserError> {
        let what = format!("{text:?} is gone from {selector}");
        let condition = format!("!{}", shows(selector, text)?);
        self.until_in(selector, &what, &condition).await
    }

    /// Waits, and quotes the element of the selector if the condition does not hold in time.
    async fn until_in(
        &self,
        selector: &str,
        what: &str,
        condition: &str,
    ) -> Result<(), BrowserError> {
        let look = async || match self.eval::<bool>(&format!("!!({condition})")).await? {
            true => Ok(Look::Done(())),
            false => {
                let seen = self.text(selector).await?;
                let words: Vec<&str> = seen.split_whitespace().collect();
                Ok(Look::NotYet(
                    words.join(" ").chars().take(LONGEST_QUOTE).collect(),
                ))
            }
        };
        Ok(eventually(what, SOON, look).await?)
    }

    /// The visible text of the element of the selector.
    pub async fn text(&self, selector: &str) -> Result<String, BrowserError> {
        let selector = quoted(selector)?;
        self.eval(&format!(
            "document.querySelector({selector})?.innerText ?? ''"
        ))
        .await
    }

    /// Clicks the element of the selector.
    pub async fn click(&self, selector: &str) -> Result<(), BrowserError> {
        self.page.find_element(selector).await?.click().await?;
        Ok(())
    }

    /// Clicks the button with this accessible name.
    pub async fn press(&self, name: &str) -> Result<(), BrowserError> {
        self.click(&format!("button[aria-label={}]", quoted(name)?))
            .await
    }

    /// Clicks the keys of a dial string, then the call button.
    pub async fn dial(&self, dial_string: &str) -> Result<(), BrowserError> {
        for key in dial_string.chars() {
            match key {
                '+' => self.press("plus").await?,
                ',' => self.press("comma, a pause").await?,
                '#' => self.press("hash").await?,
                digit => self.press(&digit.to_string()).await?,
            }
        }
        self.click("#call").await
    }

    /// Presses a key in the focused element.
    pub async fn key(&self, key: &str) -> Result<(), BrowserError> {
        self.page.find_element("body").await?.press_key(key).await?;
        Ok(())
    }

    /// Lays out the page for a window of this size in pixels.
    pub async fn resize(&self, width: u32, height: u32) -> Result<(), BrowserError> {
        let size = SetDeviceMetricsOverrideParams::new(width, height, 1.0, false);
        self.page.execute(size).await?;
        Ok(())
    }

    /// Emulates a preference for the color scheme `light` or `dark`.
    pub async fn scheme(&self, scheme: &str) -> Result<(), BrowserError> {
        let feature = MediaFeature::new("prefers-color-scheme", scheme);
        self.page.emulate_media_features(vec![feature]).await?;
        Ok(())
    }

    /// The nodes that a screen reader presents.
    pub async fn heard(&self) -> Result<Vec<Heard>, BrowserError> {
        let tree = self.page.execute(GetFullAxTreeParams::default()).await?;
        let nodes = tree.result.nodes.into_iter();
        Ok(nodes
            .filter(|node| !node.ignored)
            .map(Heard::from)
            .collect())
    }

    /// A screenshot of the window, as PNG.
    pub async fn picture(&self) -> Result<Vec<u8>, BrowserError> {
        let params = ScreenshotParams::builder().format(CaptureScreenshotFormat::Png);
        Ok(self.page.screenshot(params.build()).await?)
    }
}

/// A node of the accessibility tree.
#[derive(Debug)]
pub struct Heard {
    /// For example `button`.
    pub role: String,
    /// The accessible name.
    pub name: String,
}

impl From<AxNode> for Heard {
    fn from(node: AxNode) -> Self {
        let text = |value: Option<chromiumoxide::cdp::browser_protocol::accessibility::AxValue>| {
            let value = value.and_then(|value| value.value);
            value.and_then(|value| value.as_str().map(str::to_owned))
        };
        Self {
            role: text(node.role).unwrap_or_default(),
            name: text(node.name).unwrap_or_default(),
        }
    }
}

/// The JavaScript condition that the element of the selector shows this text.
fn shows(selector: &str, text: &str) -> Result<String, BrowserError> {
    let (selector, text) = (quoted(selector)?, quoted(text)?);
    Ok(format!(
        "document.querySelector({selector})?.innerText.includes({text})"
    ))
}

/// A JSON string, which both JavaScript and CSS accept.
fn quoted(text: &str) -> Result<String, BrowserError> {
    Ok(serde_json::to_string(text)?)
}
