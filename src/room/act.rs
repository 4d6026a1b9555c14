//! Doing what the plan says. It chooses nothing: it sends, and puts what was answered into the
//! view.

mod update;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::core::DeserializeGuard;
use kube::{Client, Resource};
use serde_json::json;

use super::observe::Pass;
use super::plan::{Change, Release, Step, Verdict};
use super::report::{self, Deed};
use super::secret::{self, Card, Found};
use super::view::Refusal;
use crate::binding::Binding;
use crate::crd::condition::Reason;
use crate::crd::{BINDING_ANNOTATION, DailyRoom};
use crate::daily::account::Proof;
use crate::daily::error::CallError;
use crate::daily::types::CreateRoom;
use crate::effect::{Barred, Check, Effect, EffectError};
use crate::failure::Failure;
use crate::kube::{
    Guard, KubeError, apply_secret, apply_status, create_secret, delete_secret, get_object,
    get_secret, merge_metadata, needs_owning, own_secret,
};
use crate::naming;
use crate::subject::Subject;

impl Pass {
    /// Does one step.
    pub(super) async fn act(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::Bind(binding) => self.bind(binding).await,
            Step::Record(binding, change) => self.record(binding, change).await,
            Step::Show(verdict) => self.show(&verdict).await,
            Step::CreateRoom(request) => self.create_room(request).await,
            Step::UpdateRoom(update) => self.update_room(update).await,
            Step::DeleteRoom { name, id } => self.delete_room(name, Proof::Id(id)).await,
            Step::Collect { name } => {
                self.delete_room(name, Proof::Ended).await?;
                self.view.memory.collected = true;
                self.view.memory.refusal = None;
                Ok(())
            }
            Step::CreateSecret(card) => self.create_secret(&card).await,
            Step::UpdateSecret(card, guard) => self.update_secret(&card, &guard).await,
            Step::DeleteSecret(guard) => self.delete_secret(&guard).await,
            Step::Release(how) => self.release(how).await,
        }
    }

    async fn bind(&mut self, binding: Binding) -> Result<(), Failure> {
        let fresh = self.view.subject.binding().is_none();
        let finalizers = self.view.subject.finalizers_with_ours();
        self.write_record(Effect::Bind, &binding, Some(&finalizers))
            .await?;
        if fresh {
            self.view.memory.bound_here = true;
            self.view.memory.claimed_here = true;
            self.claimed(&binding);
        }
        Ok(())
    }

    async fn record(&mut self, binding: Binding, change: Change) -> Result<(), Failure> {
        self.write_record(Effect::Record, &binding, None).await?;
        if binding.claim.is_some() {
            self.view.memory.claimed_here = true;
            self.claimed(&binding);
        }
        if matches!(change, Change::Made | Change::After) {
            self.view.memory.collected = false;
        }
        if change == Change::Made && self.view.names_no_number() {
            // Making the room took its time, and a PinDialinNumber may have come meanwhile.
            self.view.numbers = None;
        }
        self.deeds.push(Deed::Recorded(change));
        Ok(())
    }

    /// Earlier creates of the name have nothing to do with this claim.
    fn claimed(&mut self, binding: &Binding) {
        if let Some(session) = &self.session {
            let uid = &self.view.subject.uid;
            session.account.claimed(&binding.name, uid);
        }
        self.refresh();
    }

    async fn write_record(
        &mut self,
        effect: Effect,
        binding: &Binding,
        finalizers: Option<&[String]>,
    ) -> Result<(), Failure> {
        let annotation = (BINDING_ANNOTATION.to_owned(), Some(binding.to_annotation()));
        let annotations = BTreeMap::from([annotation]);
        let guard = self.view.subject.guard();
        let patch = merge_metadata::<DeserializeGuard<DailyRoom>>(
            &self.ctx.client,
            &guard,
            finalizers,
            &annotations,
        );
        let written = self.ctx.gate.pass(effect, &self.by_version(), patch).await;
        let written =
            written.map_err(|error| Failure::of_kube("the record of the object", error))?;
        self.take(&written)
    }

    /// Goes on with the object as the API server has it after a write.
    fn take(&mut self, written: &impl Resource) -> Result<(), Failure> {
        let subject = Subject::of_object(written);
        self.view.subject = subject.ok_or_else(Failure::conflict)?;
        self.refresh();
        Ok(())
    }

    /// Writes the status, if it is another one.
    pub(super) async fn show(&mut self, verdict: &Verdict) -> Result<(), Failure> {
        self.say(verdict);
        let status = report::status(&self.view, verdict);
        let notes = report::notes(&self.view, &status, &self.deeds);
        if status != self.view.status {
            let guard = self.view.subject.guard();
            let write =
                apply_status::<DeserializeGuard<DailyRoom>>(&self.ctx.client, &guard, &status);
            let written = self
                .ctx
                .gate
                .pass(Effect::Status, &self.by_version(), write)
                .await;
            let written = written.map_err(|error| Failure::of_kube("the status", error))?;
            self.take(&written)?;
            self.view.status = status;
        }
        self.deeds.clear();
        self.tell(&notes).await;
        Ok(())
    }

    /// Tells what was done to an object that has no status to write any more.
    pub(super) async fn tell_deeds(&mut self) {
        let notes = report::notes(&self.view, &self.view.status, &self.deeds);
        self.deeds.clear();
        self.tell(&notes).await;
    }

    async fn tell(&self, notes: &[crate::kube::Note]) {
        let subject = &self.view.subject;
        let mut object = kube::runtime::reflector::ObjectRef::<DailyRoom>::new(&subject.name)
            .within(&subject.namespace);
        object.extra.uid = Some(subject.uid.clone());
        object.extra.resource_version = Some(subject.resource_version.clone());
        for note in notes {
            self.ctx.events.publish(note, &object.clone().into()).await;
        }
    }

    async fn create_room(&mut self, request: CreateRoom) -> Result<(), Failure> {
        let session = self.session()?;
        let check = self.live(false, None);
        let owner = self.view.subject.uid.clone();
        let what = naming::fingerprint(&json!(request));
        self.view.looked = false;
        let made = session
            .account
            .create_room(session.key.clone(), request, owner, check)
            .await;
        self.sent(made, &what).await
    }

    async fn delete_room(&mut self, name: String, proof: Proof) -> Result<(), Failure> {
        let session = self.session()?;
        let deleting = matches!(proof, Proof::Id(_));
        let check = self.live(deleting, None);
        let deleted = session
            .account
            .delete_room(session.key.clone(), name, proof, check)
            .await;
        // The GET before it was a look.
        self.view.looked = true;
        self.refresh();
        match deleted {
            // What the GET showed is in the view now, and is decided on.
            Err(EffectError::Barred(_, Barred::Unproven(_))) => Ok(()),
            other => self.after_effect(other).await,
        }
    }

    /// Takes in how a write to the room went; a refusal is remembered and decided on.
    async fn sent(
        &mut self,
        sent: Result<(), EffectError<CallError>>,
        what: &str,
    ) -> Result<(), Failure> {
        self.refresh();
        let info = match sent {
            Ok(()) => {
                self.view.memory.refusal = None;
                return Ok(());
            }
            Err(EffectError::Failed(_, CallError::Refused { info, .. })) => info,
            Err(error) => return self.after_effect(Err(error)).await,
        };
        self.refused(what, info);
        Ok(())
    }

    /// Remembers what Daily does not do, and for how long it is not sent again.
    fn refused(&mut self, what: &str, info: String) {
        // What was asked for by a person was tried.
        self.view.tried = true;
        let before = self.view.memory.refusal.as_ref();
        let refusal = Refusal::after(before, what, info, self.view.now.moment);
        self.view.memory.refusal = Some(refusal);
    }

    async fn after_effect(
        &mut self,
        done: Result<(), EffectError<CallError>>,
    ) -> Result<(), Failure> {
        match done {
            Ok(()) => Ok(()),
            Err(EffectError::Failed(_, error)) => self.after_call(Err(error)).await,
            Err(EffectError::Barred(effect, why)) => Err(Failure::barred(effect, why)),
        }
    }

    /// What a failed call of Daily's means for the pass; a refused key is proven again.
    pub(super) async fn after_call<T>(&self, answer: Result<T, CallError>) -> Result<T, Failure> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => {
                if let (CallError::Unauthorized, Some(session)) = (&error, &self.session) {
                    self.ctx.keys.refused(&session.key).await;
                }
                Err(Failure::daily(&error))
            }
        }
    }

    /// The check of effects whose guard the API server checks itself.
    fn by_version(&self) -> Check {
        Check::by_version().on(self.on())
    }

    /// Reads the object right before an effect on Daily: it must be the one that was decided on.
    fn live(&self, deleting: bool, generation: Option<i64>) -> Check {
        let client = self.ctx.client.clone();
        let subject = self.view.subject.clone();
        Check::live(move || live(client.clone(), subject.clone(), deleting, generation))
            .on(self.on())
    }

    async fn create_secret(&mut self, card: &Card) -> Result<(), Failure> {
        let wanted = secret::wanted(&self.view.subject, card);
        let create = create_secret(&self.ctx.client, &wanted);
        let made = self
            .ctx
            .gate
            .pass(Effect::SecretCreate, &self.by_version(), create)
            .await;
        self.secret_written(made, card)
    }

    async fn update_secret(&mut self, card: &Card, guard: &Guard) -> Result<(), Failure> {
        let client = &self.ctx.client;
        let read = get_secret(client, &guard.namespace, &guard.name).await;
        let read = read.map_err(|error| Failure::secret_unread(&guard.name, &error))?;
        let Some(mut standing) = read.filter(|it| Guard::of(it).as_ref() == Some(guard)) else {
            self.view.secret = None;
            return Ok(());
        };
        if needs_owning(&standing) {
            let own = own_secret(client, &standing);
            let owned = self
                .ctx
                .gate
                .pass(Effect::SecretOwn, &self.by_version(), own)
                .await;
            match owned {
                Ok(owned) => standing = owned,
                Err(error) => return self.secret_written(Err(error), card),
            }
        }
        let Some(guard) = Guard::of(&standing) else {
            return Err(Failure::conflict());
        };
        let wanted = secret::wanted(&self.view.subject, card);
        let apply = apply_secret(client, &guard, &wanted);
        let applied = self
            .ctx
            .gate
            .pass(Effect::SecretUpdate, &self.by_version(), apply)
            .await;
        self.secret_written(applied, card)
    }

    fn secret_written(
        &mut self,
        written: Result<Secret, EffectError<KubeError>>,
        card: &Card,
    ) -> Result<(), Failure> {
        match written {
            Ok(secret) => {
                let found = secret::found(&self.view.subject, Some(&secret));
                self.view.memory.secret = Some(found.clone());
                let before = self.view.secret.replace(found.clone());
                // One that was written before, and says nothing else now, was lost or edited. One of
                // an earlier version of the operator may only miss a label.
                let said = before.as_ref().and_then(Found::says) == found.says();
                if card.is_reported(&self.view.status) && !said {
                    self.deeds
                        .push(Deed::SecretRepaired(card.secret_name.clone()));
                }
                Ok(())
            }
            // Another Secret stands there now, or another version: look again, once.
            Err(EffectError::Failed(
                _,
                KubeError::AlreadyExists | KubeError::Conflict | KubeError::NotFound,
            )) => {
                self.view.secret = None;
                Ok(())
            }
            Err(EffectError::Failed(_, error))
                if error.reason_for_secret() == Reason::SecretRefused =>
            {
                self.view.secret = None;
                self.view.memory.secret = None;
                if std::mem::replace(&mut self.view.secret_refused, true) {
                    return Err(Failure::secret_refused(&card.secret_name, &error));
                }
                Ok(())
            }
            Err(error) => Err(Failure::of_kube("the Secret", error)),
        }
    }

    async fn delete_secret(&mut self, guard: &Guard) -> Result<(), Failure> {
        let delete = delete_secret(&self.ctx.client, guard);
        let deleted = self
            .ctx
            .gate
            .pass(Effect::SecretDelete, &self.by_version(), delete)
            .await;
        self.view.memory.secret = None;
        match deleted {
            Ok(()) => self.view.secret = Some(Found::Absent),
            Err(EffectError::Failed(_, KubeError::Conflict)) => self.view.secret = None,
            Err(error) => return Err(Failure::of_kube("the Secret", error)),
        }
        Ok(())
    }

    async fn release(&mut self, how: Release) -> Result<(), Failure> {
        let name = self.view.room_name();
        self.deeds.extend(match how {
            Release::Clean => None,
            Release::Deleted => Some(Deed::Deleted(name.clone())),
            Release::Retained(name) => Some(Deed::Orphaned {
                why: format!(
                    "the room {name} stays at Daily until its end, as the deletionPolicy says"
                ),
                asked: true,
            }),
            Release::Orphaned(why) => Some(Deed::Orphaned { why, asked: false }),
        });
        // Told while there is an object to tell it of.
        self.tell_deeds().await;
        let guard = self.view.subject.guard();
        let finalizers = self.view.subject.finalizers_without_ours();
        let no_annotations = BTreeMap::new();
        let patch = merge_metadata::<DeserializeGuard<DailyRoom>>(
            &self.ctx.client,
            &guard,
            Some(&finalizers),
            &no_annotations,
        );
        let removed = self
            .ctx
            .gate
            .pass(Effect::FinalizerRemove, &self.by_version(), patch)
            .await;
        match removed {
            Ok(_) | Err(EffectError::Failed(_, KubeError::NotFound)) => {}
            Err(error) => return Err(Failure::of_kube("the finalizer", error)),
        }
        self.view.subject.finalizers = finalizers;
        if let Some(session) = &self.session {
            session.account.forget(&name);
        }
        Ok(())
    }
}

async fn live(
    client: Client,
    subject: Subject,
    deleting: bool,
    generation: Option<i64>,
) -> Result<(), Barred> {
    let read =
        get_object::<DeserializeGuard<DailyRoom>>(&client, &subject.namespace, &subject.name).await;
    let object = read.map_err(|error| Barred::Unchecked(Box::new(error)))?;
    let now = object.as_ref().and_then(Subject::of_object);
    let now = now.ok_or(Barred::Changed("it is gone"))?;
    let changed = |why| Err(Barred::Changed(why));
    if now.uid != subject.uid {
        return changed("it was made again");
    }
    if !now.is_held() {
        return changed("its finalizer is gone");
    }
    if now.deleting.is_some() != deleting {
        return changed("its deletion was asked for");
    }
    if generation.is_some_and(|generation| generation != now.generation) {
        return changed("its spec was edited");
    }
    Ok(())
}
