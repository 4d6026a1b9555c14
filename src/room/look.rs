//! Reading what a pass over a DailyRoom has to know. Reads only.

mod numbers;

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use tokio::time::timeout;

use super::Room;
use super::plan::Look;
use super::secret::{self, Found};
use super::view::View;
use crate::k8s::{KubeError, get_secret};
use crate::reconcile::object::{Meta, Object};
use crate::reconcile::record::Record;
use crate::reconcile::{Context, Failure, Pass, rivals};

/// How long the first listing of an account is waited for.
const LISTING: Duration = Duration::from_secs(30);

/// How long a listing that was asked for is waited for; then Daily is asked for the name.
const NEXT_LISTING: Duration = Duration::from_secs(15);

/// What the stores of the watches show of the Secrets.
pub(super) fn begin(context: &Context<Room>, view: &mut View) {
    view.facts.secret = remembered_secret(context, view);
    let index = &context.shared.secret_index;
    let filled = context.metrics.health().watches.show(&view.meta.namespace);
    view.facts.other_secrets = filled.then(|| index.others(&view.meta, &view.names.secret));
}

/// The Secret as it was read last, if the watch shows that it is still the same.
fn remembered_secret(context: &Context<Room>, view: &View) -> Option<Found> {
    let Found::Ours {
        uid,
        resource_version,
        ..
    } = view.memory.kind.secret.as_ref()?
    else {
        return None;
    };
    let key = ObjectRef::new(&view.names.secret).within(&view.meta.namespace);
    let mut stores = context.shared.secrets.iter();
    let watched = stores.find_map(|store| store.get(&key))?;
    let same = watched.uid().as_ref() == Some(uid)
        && watched.resource_version().as_ref() == Some(resource_version);
    same.then(|| view.memory.kind.secret.clone()).flatten()
}

impl Pass<Room> {
    pub(super) async fn look_at(&mut self, look: Look) -> Result<(), Failure> {
        match look {
            Look::Room => self.look_room().await,
            Look::Listing => self.look_listing().await,
            Look::NextListing => self.look_next_listing().await,
            Look::Numbers => self.look_numbers().await,
            Look::Secret => self.look_secret().await,
            Look::Rivals => self.look_rivals(),
            Look::FormerSecrets => self.look_former_secrets().await,
        }
    }

    /// What is known of the room by now.
    pub(super) fn refresh_room(&mut self) {
        let (name, uid) = (self.view.room_name(), &self.view.meta.uid);
        let session = self.session.as_ref();
        let evidence = session.map(|it| it.account.room_evidence(&name, uid));
        self.view.facts.evidence = evidence.unwrap_or_default();
        self.forget_what_is_shown();
    }

    /// Once Daily shows a `dialin` and what was sent is recorded, nothing else need be remembered.
    fn forget_what_is_shown(&mut self) {
        let observed = self.view.facts.evidence.observed.as_ref();
        let shown = observed.is_some_and(|it| it.room.config.dialin.is_some());
        let made = self.view.record().and_then(|it| it.made.as_ref());
        let recorded = made.is_some_and(|it| it.sent == self.view.memory.kind.dialin_sent);
        if shown && recorded {
            self.view.memory.kind.dialin_sent = None;
        }
    }

    async fn look_room(&mut self) -> Result<(), Failure> {
        let session = self.session()?;
        let name = self.view.room_name();
        let looked = session.account.look(&session.key, &name).await;
        looked.map_err(|error| Failure::daily(&error))?;
        self.view.facts.looked = true;
        self.refresh();
        Ok(())
    }

    async fn look_listing(&mut self) -> Result<(), Failure> {
        let session = self.session()?;
        let mut listings = session.account.listings();
        let failed = listings.borrow().failed;
        let read = listings.wait_for(|it| it.read > 0 || it.failed > failed);
        // A listing that cannot be had says nothing; Daily is then asked for the name.
        let _ = timeout(LISTING, read).await;
        self.view.facts.listed = true;
        self.refresh();
        Ok(())
    }

    /// Asks for one listing for all rooms that end now, instead of a GET for each.
    async fn look_next_listing(&mut self) -> Result<(), Failure> {
        let session = self.session()?;
        let now = self.view.now.moment;
        session.account.list_soon(now);
        let mut listings = session.account.listings();
        let failed = listings.borrow().failed;
        let read =
            listings.wait_for(|it| it.begun.is_some_and(|at| at >= now) || it.failed > failed);
        let _ = timeout(NEXT_LISTING, read).await;
        self.view.facts.listed_again = true;
        self.refresh();
        Ok(())
    }

    async fn look_secret(&mut self) -> Result<(), Failure> {
        let meta = &self.view.meta;
        let name = &self.view.names.secret;
        let read = get_secret(&self.context.client, &meta.namespace, name).await;
        let read = unless_deleting(meta, read);
        let read = read.map_err(|error| Failure::secret_unread(name, &error))?;
        let found = secret::found(meta, read.as_ref());
        self.view.memory.kind.secret = Some(found.clone());
        self.view.facts.secret = Some(found);
        Ok(())
    }

    async fn look_former_secrets(&mut self) -> Result<(), Failure> {
        let meta = &self.view.meta;
        let mut ours = Vec::new();
        for name in self.view.facts.other_secrets.iter().flatten() {
            let read = get_secret(&self.context.client, &meta.namespace, name).await;
            let read = unless_deleting(meta, read);
            let read = read.map_err(|error| Failure::secret_unread(name, &error))?;
            ours.extend(secret::found(meta, read.as_ref()).guard(meta, name));
        }
        self.view.facts.former_secrets = Some(ours);
        Ok(())
    }

    fn look_rivals(&mut self) -> Result<(), Failure> {
        let own = self.view.own_room_name().to_lowercase();
        let domain = self.session()?.account.domain().id.clone();
        let claims = |_: &Object<Room>, _: &Meta, record: Option<&Record>| {
            // Who has no record in this domain has claimed nothing here. Daily's names differ by
            // more than case (F-ROOM-37).
            record.is_some_and(|it| it.domain_id == domain && it.name.to_lowercase() == own)
        };
        let others = self.other_objects()?;
        let others = others.iter().map(|(it, record)| (&**it, record.clone()));
        self.view.facts.rival = Some(rivals::first(&self.view, others, claims));
        Ok(())
    }
}

/// The Secret of an object that is being deleted, or nothing if it may not be read: the rights in a
/// namespace are deleted with it. The Secret is deleted there as well, and elsewhere the garbage
/// collector deletes it with its owner.
fn unless_deleting(
    meta: &Meta,
    read: Result<Option<Secret>, KubeError>,
) -> Result<Option<Secret>, KubeError> {
    match read {
        Err(KubeError::Forbidden { .. }) if meta.deleting.is_some() => Ok(None),
        read => read,
    }
}
