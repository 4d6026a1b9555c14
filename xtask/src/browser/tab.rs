//! One tab: what a person does in it, and what is seen in it.

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

/// Within this time something that must be seen is seen: many times the page's own pace.
const SOON: Duration = Duration::from_secs(15);
/// Of what is seen instead, this many characters are quoted.
const LONGEST_QUOTE: usize = 400;

/// One tab.
#[derive(Debug)]
pub struct Tab {
    /// The tab as the library has it.
    pub page: Page,
    /// Where the simulator is.
    origin: String,
}

impl Tab {
    /// A tab for this simulator.
    pub fn new(page: Page, origin: String) -> Self {
        Self { page, origin }
    }

    /// Reloads the page, and waits until it shows the current state.
    pub async fn open(&self) -> Result<(), BrowserError> {
        self.page.goto(format!("{}/", self.origin)).await?;
        let shown = "document.querySelector('main')?.ariaBusy === 'false'";
        self.until("the page shows what is there", shown).await
    }

    /// The value of a JavaScript expression.
    pub async fn eval<T: DeserializeOwned>(&self, expression: &str) -> Result<T, BrowserError> {
        // In parentheses it is an expression to the library as well, whatever it begins with.
        let answer = self.page.evaluate_expression(format!("({expression})"));
        Ok(answer.await?.into_value()?)
    }

    /// Waits until a JavaScript condition holds.
    pub async fn until(&self, what: &str, condition: &str) -> Result<(), BrowserError> {
        self.until_in("body", what, condition).await
    }

    /// Waits until this text is seen in what the selector names.
    pub async fn until_seen(&self, selector: &str, text: &str) -> Result<(), BrowserError> {
        let what = format!("{text:?} is seen in {selector}");
        self.until_in(selector, &what, &shows(selector, text)?)
            .await
    }

    /// Waits until this text is not seen any more in what the selector names.
    pub async fn until_gone(&self, selector: &str, text: &str) -> Result<(), BrowserError> {
        let what = format!("{text:?} is gone from {selector}");
        let condition = format!("!{}", shows(selector, text)?);
        self.until_in(selector, &what, &condition).await
    }

    /// Waits, and quotes this part of the page when it was in vain.
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

    /// The text that is seen in what the selector names.
    pub async fn text(&self, selector: &str) -> Result<String, BrowserError> {
        let selector = quoted(selector)?;
        self.eval(&format!(
            "document.querySelector({selector})?.innerText ?? ''"
        ))
        .await
    }

    /// Presses the mouse on what the selector names.
    pub async fn click(&self, selector: &str) -> Result<(), BrowserError> {
        self.page.find_element(selector).await?.click().await?;
        Ok(())
    }

    /// Presses a button of this accessible name.
    pub async fn press(&self, name: &str) -> Result<(), BrowserError> {
        self.click(&format!("button[aria-label={}]", quoted(name)?))
            .await
    }

    /// Dials by pressing the keys, and calls.
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

    /// Types into what has the focus now.
    pub async fn key(&self, key: &str) -> Result<(), BrowserError> {
        self.page.find_element("body").await?.press_key(key).await?;
        Ok(())
    }

    /// Lays the page out as in a window of this size.
    pub async fn resize(&self, width: u32, height: u32) -> Result<(), BrowserError> {
        let size = SetDeviceMetricsOverrideParams::new(width, height, 1.0, false);
        self.page.execute(size).await?;
        Ok(())
    }

    /// Asks for `light` or `dark`.
    pub async fn scheme(&self, scheme: &str) -> Result<(), BrowserError> {
        let feature = MediaFeature::new("prefers-color-scheme", scheme);
        self.page.emulate_media_features(vec![feature]).await?;
        Ok(())
    }

    /// What those hear who do not see the page: each node with its role.
    pub async fn heard(&self) -> Result<Vec<Heard>, BrowserError> {
        let tree = self.page.execute(GetFullAxTreeParams::default()).await?;
        let nodes = tree.result.nodes.into_iter();
        Ok(nodes
            .filter(|node| !node.ignored)
            .map(Heard::from)
            .collect())
    }

    /// A picture of the window, as PNG.
    pub async fn picture(&self) -> Result<Vec<u8>, BrowserError> {
        let params = ScreenshotParams::builder().format(CaptureScreenshotFormat::Png);
        Ok(self.page.screenshot(params.build()).await?)
    }
}

/// A node of the accessibility tree.
#[derive(Debug)]
pub struct Heard {
    /// For instance `button`.
    pub role: String,
    /// Its accessible name.
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

/// The condition that this text is seen in what the selector names.
fn shows(selector: &str, text: &str) -> Result<String, BrowserError> {
    let (selector, text) = (quoted(selector)?, quoted(text)?);
    Ok(format!(
        "document.querySelector({selector})?.innerText.includes({text})"
    ))
}

/// A text as JavaScript and CSS both read it.
fn quoted(text: &str) -> Result<String, BrowserError> {
    Ok(serde_json::to_string(text)?)
}
