//! Runs scenarios: each gets its fixture, and a failure is told with the tails of log and journal.

use std::any::Any;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::iter;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use daily_sim::{Quirks, SWITCHES, Switch};
use futures::FutureExt;
use libtest_mimic::{Failed, Trial};
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, Semaphore};

use crate::always;
use crate::fixture::{Fixture, Setup};
use crate::plane::Plane;

/// So many combinations of answers are drawn, unless the environment says otherwise.
const COMBINATIONS: u64 = 24;
/// The longest name of a namespace is 63 characters; one beside it may have the same name with more
/// to it.
const LONGEST: usize = 63 - "-neighbour".len();

/// Which switches may affect a scenario.
pub enum Affected<'a> {
    /// All of them.
    ByAll,
    /// These.
    By(&'a [&'a str]),
}

impl<'a> Affected<'a> {
    fn switches(&self) -> impl Iterator<Item = &'static Switch> + use<'a> {
        let names = match self {
            Self::ByAll => None,
            Self::By(names) => Some(*names),
        };
        let known = |name: &&str| SWITCHES.iter().any(|switch| switch.name == *name);
        let unknown = names.into_iter().flatten().find(|name| !known(name));
        assert_eq!(unknown, None, "there is no such switch");
        SWITCHES
            .iter()
            .filter(move |switch| names.is_none_or(|names| names.contains(&switch.name)))
    }
}

/// What all scenarios share.
pub struct Stage {
    runtime: Handle,
    /// Started by the first scenario, so that listing tests starts nothing. A plane that did not
    /// start is not tried again.
    plane: OnceCell<Result<Arc<Plane>, String>>,
    /// A scenario that keeps the machine busy leaves few of them to others.
    turns: Semaphore,
}

impl Stage {
    pub fn new(runtime: Handle, at_a_time: usize) -> Self {
        Self {
            turns: Semaphore::new(at_a_time),
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

    /// A scenario as a test, and once more for each answer beside the likelier one of the switches
    /// that may affect it: `theme::what_is_shown:switch=answer`.
    pub fn under_each_answer<F>(
        self: &Arc<Self>,
        name: &str,
        setup: Setup,
        affected: Affected<'_>,
        scenario: F,
    ) -> Vec<Trial>
    where
        F: AsyncFn(&mut Fixture) + Copy + Send + 'static,
    {
        let under = |(switch, answer): (&Switch, &str)| {
            let mut answers = Quirks::default();
            let set = answers.set(switch.name, answer);
            set.expect("a switch has its answers");
            let name = format!("{name}:{}={answer}", switch.name);
            self.trial(&name, setup.clone().answers(answers), scenario)
        };
        let plain = self.trial(name, setup.clone(), scenario);
        let unlikely = affected
            .switches()
            .flat_map(|switch| switch.other_values().iter().map(move |it| (switch, *it)));
        iter::once(plain).chain(unlikely.map(under)).collect()
    }

    /// A scenario under combinations of answers of all switches, each drawn from a seed.
    pub fn under_combinations<F>(
        self: &Arc<Self>,
        name: &str,
        setup: Setup,
        scenario: F,
    ) -> Vec<Trial>
    where
        F: AsyncFn(&mut Fixture) + Copy + Send + 'static,
    {
        let seed = from_env("DAILY_OPERATOR_ANSWERS_SEED", 1);
        let count = from_env("DAILY_OPERATOR_ANSWERS_COUNT", COMBINATIONS);
        let under = |nth| {
            let setup = setup.clone().answers(combination(seed, nth));
            self.trial(&format!("{name}:combination-{seed}-{nth}"), setup, scenario)
        };
        (0..count).map(under).collect()
    }

    async fn play<F>(&self, namespace: &str, setup: Setup, scenario: F) -> Result<(), String>
    where
        F: AsyncFn(&mut Fixture),
    {
        let turns = self.turns.acquire_many(setup.turns).await;
        let _turns = turns.map_err(|e| e.to_string())?;
        let plane = match setup.own_plane {
            true => Plane::without_crds().await?,
            false => self.shared_plane().await?,
        };
        let own = setup.own_plane.then(|| Arc::clone(&plane));
        let report = Self::play_on(plane, namespace, setup, scenario).await;
        if let Some(own) = own {
            own.stop().await;
        }
        report
    }

    async fn shared_plane(&self) -> Result<Arc<Plane>, String> {
        let plane = self.plane.get_or_init(async || Plane::start().await);
        Ok(Arc::clone(plane.await.as_ref()?))
    }

    async fn play_on<F>(
        plane: Arc<Plane>,
        namespace: &str,
        setup: Setup,
        scenario: F,
    ) -> Result<(), String>
    where
        F: AsyncFn(&mut Fixture),
    {
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

/// A number that the environment may set.
pub fn from_env(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(value) => value.parse().expect("the variable is a number"),
        Err(_) => default,
    }
}

/// Each switch is at its likelier answer half of the time. A card is always there: without one
/// nothing else would be seen.
fn combination(seed: u64, nth: u64) -> Quirks {
    let mut rng = fastrand::Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(nth));
    let mut answers = Quirks::default();
    for switch in SWITCHES.iter().filter(|switch| switch.name != "card") {
        let others = switch.other_values();
        let drawn = rng.usize(..others.len() * 2);
        if let Some(answer) = others.get(drawn) {
            let set = answers.set(switch.name, answer);
            set.expect("a switch has its answers");
        }
    }
    answers
}

/// A namespace for the scenario: its name in the letters that a namespace has. Where it is cut, its
/// hash keeps it apart from others that begin alike.
fn namespace(name: &str) -> String {
    let letters = name.replace("::", "-").replace([':', '_', '='], "-");
    if letters.len() <= LONGEST {
        return letters;
    }
    let mut hash = DefaultHasher::new();
    name.hash(&mut hash);
    let hash = format!("{:016x}", hash.finish());
    let kept = LONGEST - hash.len() - 1;
    let kept = letters.get(..kept).expect("names of scenarios are ASCII");
    format!("{kept}-{hash}")
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    let text = panic.downcast_ref::<String>().map(String::as_str);
    literal.or(text).unwrap_or("the scenario panicked")
}
