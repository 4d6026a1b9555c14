//! Runs scenarios: each gets its fixture, and a failure is told with the tails of log and journal.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use libtest_mimic::{Failed, Trial};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use crate::always;
use crate::fixture::{Fixture, Setup};
use crate::plane::Plane;

/// What all scenarios share.
pub struct Stage {
    runtime: Handle,
    /// Started by the first scenario, so that listing tests starts nothing. A plane that did not
    /// start is not tried again.
    plane: OnceCell<Result<Arc<Plane>, String>>,
}

impl Stage {
    pub fn new(runtime: Handle) -> Self {
        Self {
            runtime,
            plane: OnceCell::new(),
        }
    }

    /// A scenario as a test. Its name is `theme::what_is_shown`.
    pub fn trial<F>(self: &Arc<Self>, name: &str, setup: Setup, scenario: F) -> Trial
    where
        F: AsyncFn(&mut Fixture) + Send + 'static,
    {
        let stage = Arc::clone(self);
        let namespace = namespace(name);
        Trial::test(name, move || {
            let run = stage.play(&namespace, setup, scenario);
            stage.runtime.block_on(run).map_err(Failed::from)
        })
    }

    async fn play<F>(&self, namespace: &str, setup: Setup, scenario: F) -> Result<(), String>
    where
        F: AsyncFn(&mut Fixture),
    {
        let plane = self.plane.get_or_init(async || Plane::start().await);
        let plane = Arc::clone(plane.await.as_ref()?);
        let mut fixture = Fixture::start(plane, namespace, setup).await?;
        let scenes = async {
            scenario(&mut fixture).await;
            always::check(&fixture).await;
        };
        let outcome = AssertUnwindSafe(scenes).catch_unwind().await;
        let report = match &outcome {
            Ok(()) => Ok(()),
            Err(panic) => Err(format!(
                "{}\n{}",
                words(panic.as_ref()),
                fixture.tails().await
            )),
        };
        fixture.stop().await;
        report
    }

    /// Stops the control plane, if one was started.
    pub async fn stop(&self) {
        if let Some(Ok(plane)) = self.plane.get() {
            plane.stop().await;
        }
    }
}

/// A namespace for the scenario: its name in the letters that a namespace has.
fn namespace(name: &str) -> String {
    let letters = name.replace("::", "-").replace([':', '_'], "-");
    letters
        .chars()
        .take(63)
        .collect::<String>()
        .trim_end_matches('-')
        .to_owned()
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    let text = panic.downcast_ref::<String>().map(String::as_str);
    literal.or(text).unwrap_or("the scenario panicked")
}
