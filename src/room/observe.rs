//! Reading what a DailyRoom needs to know.

pub(super) mod available_numbers;

use std::collections::BTreeMap;
use std::time::Duration;

use kube::runtime::reflector::ObjectRef;
use tokio::time::timeout;

use super::Room;
use super::plan::steps::{Read, Step};
use super::secret::{self, Found, SecretKind, WrittenPin};
use super::view::{Policy, View};
use crate::cause::chain;
use crate::crd::condition::Reason;
use crate::daily::account::Account;
use crate::daily::evidence::RoomEvidence;
use crate::k8s::{Guard, KubeError, get_secret};
use crate::reconcile::lifecycle::Drive;
use crate::reconcile::meta::Meta;
use crate::reconcile::steps::Outcome;
use crate::reconcile::{Context, Failure, Kind, Pass};

/// How long the first listing of an account is waited for.
const LISTING_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a requested listing is waited for. After that, Daily is asked for the room by name.
const NEXT_LISTING_TIMEOUT: Duration = Duration::from_secs(15);

impl Drive for Room {
    fn begin(context: &Context<Self>, view: &mut View) {
        view.forget_former();
        view.facts.secrets = remembered_secrets(context, view);
        view.facts.policy = Policy {
            allowed_properties: context.config.allow_room_properties.clone(),
            omits_codes: context.config.omits_codes,
        };
        view.remember_shown_pin();
        let index = &context.shared.secret_index;
        let filled = context.metrics.health().watches.show(&view.meta.namespace);
        let wanted: Vec<&str> = SecretKind::ALL
            .into_iter()
            .filter_map(|it| view.names.of(it))
            .collect();
        view.facts.other_secrets = filled.then(|| index.others(&view.meta, &wanted));
    }

    fn evidence(account: &Account, name: &str, owner: &str) -> RoomEvidence {
        account.evidence().room(name, owner)
    }

    /// A sent `dialin` need not be remembered once Daily shows it and the record has it.
    fn on_evidence(view: &mut View) {
        let observed = view.evidence.observed.as_ref();
        let shown = observed.is_some_and(|it| it.room.config.dialin.is_some());
        let made = view.record().and_then(|it| it.made.as_ref());
        let recorded = made.is_some_and(|it| it.sent == view.memory.kind.dialin_sent);
        if shown && recorded {
            view.memory.kind.dialin_sent = None;
        }
    }

    fn on_reported(view: &mut View, outcome: &Outcome<Self>) {
        let memory = &mut view.memory.kind;
        match outcome {
            Outcome::Serving(serving, _) => {
                memory.pin = Some(WrittenPin::of(&serving.content));
                memory.recreation_suspended = None;
            }
            Outcome::Failing(it) if it.reason == Reason::RecreationSuspended => {
                memory.recreation_suspended = Some(it.message.clone());
            }
            _ => {}
        }
    }

    async fn read(pass: &mut Pass<Self>, read: Read) -> Result<(), Failure> {
        match read {
            Read::Room => pass.read_room().await,
            Read::PreviousNames => pass.read_previous_names().await,
            Read::Listing => pass.await_listing().await,
            Read::NextListing => pass.await_next_listing().await,
            Read::Numbers => pass.choose_numbers().await,
            Read::Secret(kind) => pass.read_secret(kind).await,
            Read::FormerSecrets => pass.read_former_secrets().await,
            Read::Presence => pass.read_presence().await,
        }
    }

    async fn act(pass: &mut Pass<Self>, step: Step) -> Result<(), Failure> {
        pass.apply(step).await
    }
}

/// The Secrets as they were last read, if the watch shows the same version.
fn remembered_secrets(context: &Context<Room>, view: &View) -> BTreeMap<SecretKind, Found> {
    let mut remembered = view.memory.kind.secrets.clone();
    remembered.retain(|kind, found| {
        let name = view.names.of(*kind).unwrap_or_default();
        let key = ObjectRef::new(name).within(&view.meta.namespace);
        let mut stores = context.shared.secrets.iter();
        let watched = stores.find_map(|store| store.get(&key));
        let guard = found.guard(&view.meta, name);
        guard.is_some() && guard == watched.and_then(|it| Guard::of(&*it))
    });
    remembered
}

impl Pass<Room> {
    async fn read_room(&mut self) -> Result<(), Failure> {
        let session = self.session()?;
        let name = self.view.room_name();
        let read = session.account.look(&session.key, &name).await;
        read.map_err(|error| Failure::daily(&error))?;
        self.view.facts.read_by_name = true;
        self.refresh();
        Ok(())
    }

    /// The name that the present id gives comes first: callers may have the PIN of its room. A room that a listing shows
    /// counts, too: a wrong 404 would cost its callers their PIN.
    async fn read_previous_names(&mut self) -> Result<(), Failure> {
        let session = self.session()?;
        let (account, view) = (&session.account, &self.view);
        let evidence = |name: &str| account.evidence().room(name, &view.meta.uid);
        let mut found = None;
        for name in Room::own_names(&view.own, &view.meta, &view.names) {
            if evidence(&name).observed.is_none() {
                let read = account.look(&session.key, &name).await;
                read.map_err(|error| Failure::daily(&error))?;
            }
            if evidence(&name).observed.is_some() {
                found = Some(name);
                break;
            }
        }
        self.view.memory.previous_name = Some(found);
        self.refresh();
        Ok(())
    }

    async fn await_listing(&mut self) -> Result<(), Failure> {
        let session = self.session()?;
        let mut listings = session.account.listings();
        let failed = listings.borrow().failed;
        let read = listings.wait_for(|it| it.read > 0 || it.failed > failed);
        // If there is no listing in time, the plan asks for the room by name.
        let _ = timeout(LISTING_TIMEOUT, read).await;
        self.view.facts.awaited_listing = true;
        self.refresh();
        Ok(())
    }

    /// One listing for all rooms that end now, instead of a GET for each.
    async fn await_next_listing(&mut self) -> Result<(), Failure> {
        let session = self.session()?;
        let now = self.view.now.moment;
        session.account.list_soon(now);
        let mut listings = session.account.listings();
        let failed = listings.borrow().failed;
        let read =
            listings.wait_for(|it| it.begun.is_some_and(|at| at >= now) || it.failed > failed);
        let _ = timeout(NEXT_LISTING_TIMEOUT, read).await;
        self.view.facts.awaited_next_listing = true;
        self.refresh();
        Ok(())
    }

    async fn read_secret(&mut self, kind: SecretKind) -> Result<(), Failure> {
        let name = self.view.names.of(kind).unwrap_or_default();
        let found = self.find_secret(name).await?;
        self.view.remember_secret(kind, found);
        Ok(())
    }

    async fn read_former_secrets(&mut self) -> Result<(), Failure> {
        let mut former = Vec::new();
        for name in self.view.facts.other_secrets.iter().flatten() {
            let found = self.find_secret(name).await?;
            former.extend(found.kind().zip(found.guard(&self.view.meta, name)));
        }
        self.view.facts.former_secrets = Some(former);
        Ok(())
    }

    /// An answer counts if Daily was asked after this process first saw the deletion. Nobody joins a room that
    /// has ended.
    async fn read_presence(&mut self) -> Result<(), Failure> {
        let session = self.session()?;
        let (name, view) = (self.view.room_name(), &mut self.view);
        let since = view.memory.deleting_since.unwrap_or_default();
        let here = session.account.occupancy(&session.key, &name, since).await;
        view.is_there(here.map_err(|error| chain(&error)));
        self.refresh();
        Ok(())
    }

    async fn find_secret(&self, name: &str) -> Result<Found, Failure> {
        let meta = &self.view.meta;
        match get_secret(&self.context.client, &meta.namespace, name).await {
            Ok(secret) => Ok(secret::found(meta, secret.as_ref())),
            Err(error) if counts_as_absent(meta, &error) => Ok(Found::Absent),
            Err(error) => Err(Failure::secret_unread(name, &error)),
        }
    }
}

/// While a namespace is being deleted, the rights in it may be gone before the objects. Then the Secret is
/// deleted as well, and elsewhere the garbage collector deletes it with its owner.
pub(super) fn counts_as_absent(meta: &Meta, error: &KubeError) -> bool {
    meta.deleting.is_some() && matches!(error, KubeError::Forbidden { .. })
}
