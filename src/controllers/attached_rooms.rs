//! Counts the rooms that publish each number, and has the PinDialinNumbers reconciled whose count has changed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use kube::runtime::reflector::Store;
use kube::runtime::watcher;

use super::Context;
use crate::crd::NumberSource;
use crate::health::Watches;
use crate::number::Number;
use crate::number::attached_rooms::{AttachedRooms, Counts};
use crate::reconcile::meta::Identity;
use crate::reconcile::object::Object;
use crate::room::{self, Rooms};

/// How often rooms are counted, which is how often a count can lead to a write. A short drift interval, which
/// only a simulated Daily allows, shortens it.
const INTERVAL: Duration = Duration::from_secs(10);

/// A PinDialinNumber whose count has changed.
type Recount = watcher::Result<Object<Number>>;
/// What a controller of PinDialinNumbers has to reconcile.
pub(super) type Recounted = UnboundedReceiver<Recount>;

pub(super) struct Counter {
    rooms: Rooms,
    /// The PinDialinNumbers of each controller.
    numbers: Vec<(Store<Object<Number>>, UnboundedSender<Recount>)>,
    attached: AttachedRooms,
    own: Identity,
    watches: Watches,
    interval: Duration,
}

impl Counter {
    /// Also returns what each controller of PinDialinNumbers has to reconcile.
    pub(super) fn new(
        context: &Context,
        rooms: Rooms,
        numbers: &[Store<Object<Number>>],
        attached: AttachedRooms,
    ) -> (Self, Vec<Recounted>) {
        let channels = numbers.iter().map(|store| {
            let (sender, recounted) = unbounded();
            ((store.clone(), sender), recounted)
        });
        let (numbers, recounted) = channels.unzip();
        let counter = Self {
            rooms,
            numbers,
            attached,
            own: context.own.clone(),
            watches: context.metrics.health().watches.clone(),
            interval: INTERVAL.min(context.config.drift_interval),
        };
        (counter, recounted)
    }

    /// Counts again and again, also after a panic.
    pub(super) async fn run(self) {
        loop {
            tokio::time::sleep(self.interval).await;
            if catch_unwind(AssertUnwindSafe(|| self.count())).is_err() {
                tracing::error!("Counting the rooms of numbers panicked; the operator retries it");
            }
        }
    }

    fn count(&self) {
        // Without all rooms, a count would be too low.
        if !self.watches.are_filled() {
            return;
        }
        self.attached.replace(counts(&self.rooms));
        for (store, sender) in &self.numbers {
            for number in store.state() {
                if self.attached.differ(&number, &self.own) {
                    // It fails only after the controller has ended.
                    let _ = sender.unbounded_send(Ok((*number).clone()));
                }
            }
        }
    }
}

fn counts(rooms: &Rooms) -> Counts {
    let mut counts = Counts::new();
    for room in rooms.iter().flat_map(|store| store.state()) {
        let Some(account) = &room.status.account else {
            continue;
        };
        let domain = &account.domain_id;
        for published in &room.status.phone_numbers {
            let number = &published.phone_number;
            let is_held = published.source != NumberSource::Global;
            if is_held && room::publishes(&room, number, domain) {
                *counts.entry((domain.clone(), number.clone())).or_default() += 1;
            }
        }
    }
    counts
}
