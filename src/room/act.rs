//! Doing what the plan for a DailyRoom says. It chooses nothing: it sends, and puts what was
//! answered into the view.

use serde_json::json;

use super::Room;
use super::plan::{Step, Update};
use super::report::Applied;
use super::secret::{self, Found, SecretContent};
use crate::daily::error::CallError;
use crate::daily::types::CreateRoom;
use crate::effect::{Blocked, Effect, EffectError};
use crate::k8s::{Guard, KubeError, create_secret, delete_secret, get_secret, update_secret};
use crate::naming;
use crate::reconcile::plan::Change;
use crate::reconcile::record::Record;
use crate::reconcile::report::Applied as AnyApplied;
use crate::reconcile::{Failure, Live, Pass};

impl Pass<Room> {
    pub(super) async fn apply(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::CreateRoom(request) => self.create_room(request).await,
            Step::UpdateRoom(update) => self.update_room(update).await,
            Step::DeleteRoom { name, id } => self.delete_room(name, id).await,
            Step::CreateSecret(content) => self.create_secret(&content).await,
            Step::UpdateSecret(content, guard) => self.update_secret(&content, &guard).await,
            Step::DeleteSecret(guard) => self.delete_secret(&guard).await,
            Step::NoteMerge => {
                self.view.memory.kind.merges = true;
                self.view.memory.rejection = None;
                self.view.facts.updated = None;
                Ok(())
            }
            Step::NoteUnapplied { mark } => {
                let info = "Daily accepted the change without applying it";
                self.rejected(&mark, info.to_owned());
                self.view.facts.updated = None;
                Ok(())
            }
        }
    }

    pub(super) fn claimed_room(&mut self, record: &Record, change: Change) {
        if let Some(session) = &self.session
            && change.claims()
        {
            session.account.claimed(&record.name, &self.view.meta.uid);
        }
        if change == Change::Created && self.view.names_no_number() {
            // Creating the room took its time, and a PinDialinNumber may have come meanwhile.
            self.view.facts.numbers = None;
        }
    }

    async fn create_room(&mut self, request: CreateRoom) -> Result<(), Failure> {
        let session = self.session()?;
        let check = self.live(Live::Kept);
        let owner = self.view.meta.uid.clone();
        let what = naming::fingerprint(&json!(request));
        self.view.facts.looked = false;
        let key = session.key.clone();
        let created = session.account.create_room(key, request, owner, check);
        let created = created.await;
        self.sent(created, &what)
    }

    async fn update_room(&mut self, update: Update) -> Result<(), Failure> {
        let session = self.session()?;
        let (demand, only_id) = match update.nearer {
            true => (Live::KeptAsRead, Some(update.id.clone())),
            false => (Live::Kept, None),
        };
        let check = self.live(demand);
        let (key, name, change) = (
            session.key.clone(),
            update.name.clone(),
            update.change.clone(),
        );
        let updating = session
            .account
            .update_room(key, name, change, only_id, check);
        let updated = updating.await;
        self.refresh();
        match updated {
            Err(EffectError::Failed(_, CallError::NotFound)) => Ok(()),
            // What was read before the update is in the view now, and is decided on.
            Err(EffectError::Blocked(_, Blocked::Unproven(_))) => {
                self.view.facts.looked = true;
                Ok(())
            }
            Ok(()) => {
                self.view.memory.rejection = None;
                self.note_dialin(&update);
                self.view.facts.updated = Some(update.clone());
                self.applied.push(AnyApplied::Of(Applied::Updated(update)));
                Ok(())
            }
            failed => {
                self.view.facts.looked = false;
                self.sent(failed, &update.mark)
            }
        }
    }

    /// Remembers the `dialin` that was sent. What is compared with it is without the empty list that
    /// takes numbers away.
    fn note_dialin(&mut self, update: &Update) {
        let Some(dialin) = update.change.properties.get("dialin") else {
            return;
        };
        let mut dialin = dialin.clone();
        if dialin.get("room_numbers") == Some(&json!([]))
            && let Some(dialin) = dialin.as_object_mut()
        {
            dialin.remove("room_numbers");
        }
        self.view.memory.kind.dialin_sent = Some(naming::fingerprint(&dialin));
    }

    async fn delete_room(&mut self, name: String, id: String) -> Result<(), Failure> {
        let session = self.session()?;
        let check = self.live(Live::Deleting);
        let deleted = session
            .account
            .delete_room(session.key.clone(), name, id, check)
            .await;
        // The GET before it was a look.
        self.view.facts.looked = true;
        self.refresh();
        match deleted {
            // What the GET showed is in the view now, and is decided on.
            Err(EffectError::Blocked(_, Blocked::Unproven(_))) => Ok(()),
            other => other.map_err(Failure::of_daily),
        }
    }

    async fn create_secret(&mut self, content: &SecretContent) -> Result<(), Failure> {
        let wanted = secret::wanted(&self.view.meta, content);
        let create = create_secret(&self.context.client, &wanted);
        let gate = &self.context.gate;
        let created = gate
            .pass(Effect::SecretCreate, &self.by_version(), create)
            .await;
        self.secret_written(created, content)
    }

    async fn update_secret(
        &mut self,
        content: &SecretContent,
        guard: &Guard,
    ) -> Result<(), Failure> {
        let client = &self.context.client;
        let read = get_secret(client, &guard.namespace, &guard.name).await;
        let read = read.map_err(|error| Failure::secret_unread(&guard.name, &error))?;
        let Some(read) = read.filter(|it| Guard::of(it).as_ref() == Some(guard)) else {
            self.view.facts.secret = None;
            return Ok(());
        };
        let wanted = secret::wanted(&self.view.meta, content);
        let update = update_secret(client, &read, &wanted);
        let gate = &self.context.gate;
        let updated = gate
            .pass(Effect::SecretUpdate, &self.by_version(), update)
            .await;
        self.secret_written(updated, content)
    }

    fn secret_written(
        &mut self,
        written: Result<k8s_openapi::api::core::v1::Secret, EffectError<KubeError>>,
        content: &SecretContent,
    ) -> Result<(), Failure> {
        match written {
            Ok(secret) => {
                let found = secret::found(&self.view.meta, Some(&secret));
                self.view.memory.kind.secret = Some(found.clone());
                let before = self.view.facts.secret.replace(found.clone());
                let said = before.as_ref().and_then(Found::says);
                self.applied.push(AnyApplied::Of(Applied::SecretWritten {
                    name: content.secret_name.clone(),
                    was_reported: content.is_reported(&self.view.status),
                    says_anew: said != found.says(),
                }));
                Ok(())
            }
            // Another Secret is there now, or another version: the plan looks again.
            Err(EffectError::Failed(
                _,
                KubeError::AlreadyExists | KubeError::Conflict | KubeError::NotFound,
            )) => {
                self.view.facts.secret = None;
                Ok(())
            }
            Err(EffectError::Failed(_, error)) if error.refuses_the_object() => {
                self.view.memory.kind.secret = None;
                self.view.facts.secret_refused = Some(crate::cause::chain(&error));
                Ok(())
            }
            Err(error) => Err(Failure::of_kube("the Secret", error)),
        }
    }

    async fn delete_secret(&mut self, guard: &Guard) -> Result<(), Failure> {
        let delete = delete_secret(&self.context.client, guard);
        let gate = &self.context.gate;
        let deleted = gate
            .pass(Effect::SecretDelete, &self.by_version(), delete)
            .await;
        let is_former = guard.name != self.view.names.secret;
        let is_deleting = self.view.meta.deleting.is_some();
        let facts = &mut self.view.facts;
        if let Some(former) = &mut facts.former_secrets {
            former.retain(|it| it.name != guard.name);
        }
        let found = match deleted {
            Ok(()) => Some(Found::Absent),
            Err(EffectError::Failed(_, KubeError::Conflict)) => None,
            // As when it is read: it is deleted with its namespace, or with its owner.
            Err(EffectError::Failed(_, KubeError::Forbidden { .. })) if is_deleting => {
                Some(Found::Absent)
            }
            Err(error) => return Err(Failure::of_kube("the Secret", error)),
        };
        if !is_former {
            facts.secret = found;
            self.view.memory.kind.secret = None;
        }
        Ok(())
    }
}
