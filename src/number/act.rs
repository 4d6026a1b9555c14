//! Doing what the plan says. It chooses nothing: it sends, and puts what was answered into the
//! view.

use std::collections::BTreeMap;

use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::{Client, Resource};
use serde_json::json;

use super::observe::Pass;
use super::plan::{Change, Release, Step, Update, Verdict};
use super::report::{self, Deed};
use crate::binding::Binding;
use crate::crd::{BINDING_ANNOTATION, PinDialinNumber};
use crate::daily::account::ConfigWrite;
use crate::daily::error::CallError;
use crate::daily::types::{DialinConfig, DialinConfigRequest};
use crate::effect::{Barred, Check, Effect, EffectError};
use crate::failure::Failure;
use crate::kube::{KubeError, Note, apply_status, get_object, merge_metadata};
use crate::naming;
use crate::room::view::Refusal;
use crate::standing::Trouble;
use crate::subject::Subject;

impl Pass {
    /// Does one step.
    pub(super) async fn act(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::Bind(binding) => self.bind(binding).await,
            Step::Record(binding, change) => self.record(binding, change).await,
            Step::Show(verdict) => self.show(&verdict).await,
            Step::CreateConfig(request) => self.create_config(request).await,
            Step::UpdateConfig(update) => self.update_config(update).await,
            Step::DeleteConfig { id } => self.delete_config(id).await,
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
            self.claimed(&binding);
        }
        Ok(())
    }

    async fn record(&mut self, binding: Binding, change: Change) -> Result<(), Failure> {
        self.write_record(Effect::Record, &binding, None).await?;
        self.claimed(&binding);
        self.deeds.push(Deed::Recorded(change));
        Ok(())
    }

    /// Creates before this record have nothing to do with what comes after it.
    fn claimed(&mut self, binding: &Binding) {
        let memory = &mut self.view.memory;
        memory.posted = None;
        memory.created = None;
        memory.first_absent = None;
        if binding.claim.is_some() {
            memory.claimed_here = true;
            if let Some(session) = &self.session {
                let uid = &self.view.subject.uid;
                session.account.claimed(&binding.name, uid);
            }
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
        let patch = merge_metadata::<DeserializeGuard<PinDialinNumber>>(
            &self.ctx.client,
            &guard,
            finalizers,
            &annotations,
        );
        let gate = &self.ctx.gate;
        let written = gate.pass(effect, &self.by_version(), patch).await;
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
            let client = &self.ctx.client;
            let write = apply_status::<DeserializeGuard<PinDialinNumber>>(client, &guard, &status);
            let gate = &self.ctx.gate;
            let written = gate.pass(Effect::Status, &self.by_version(), write).await;
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

    async fn tell(&self, notes: &[Note]) {
        let subject = &self.view.subject;
        let mut object =
            ObjectRef::<PinDialinNumber>::new(&subject.name).within(&subject.namespace);
        object.extra.uid = Some(subject.uid.clone());
        object.extra.resource_version = Some(subject.resource_version.clone());
        for note in notes {
            self.ctx.events.publish(note, &object.clone().into()).await;
        }
    }

    async fn create_config(&mut self, request: DialinConfigRequest) -> Result<(), Failure> {
        let what = naming::fingerprint(&json!(request));
        // The call outlives a pass that is cut off, and so does what is remembered of it.
        self.view.memory.posted = self.view.desired.clone().ok();
        self.keep_memory();
        let made = self.write(ConfigWrite::Create(request), false).await;
        let unsure = matches!(&made, Err(EffectError::Failed(_, why)) if why.may_have_been_done());
        if let Ok(Some(config)) = &made {
            self.view.memory.created = Some(config.id.clone());
            self.made(config.clone());
        } else if !unsure {
            self.view.memory.posted = None;
        }
        self.sent(made.map(drop), &what).await
    }

    /// What was made says what was sent: Daily is not asked for it again in this pass.
    fn made(&mut self, config: DialinConfig) {
        let (Some(line), Ok(desired)) = (&mut self.view.line, &self.view.desired) else {
            return;
        };
        line.at = self.view.began;
        line.configs = vec![DialinConfig {
            config: desired.body(),
            ..config
        }];
    }

    async fn update_config(&mut self, update: Update) -> Result<(), Failure> {
        let what = naming::fingerprint(&json!(update.request));
        let (id, request) = (update.id.clone(), update.request.clone());
        let done = self.write(ConfigWrite::Update { id, request }, false).await;
        self.view.line = None;
        if done.is_ok() {
            self.view.updated = true;
            self.deeds.push(Deed::Updated(update));
        }
        match done {
            // It is gone, which the next look shows.
            Err(EffectError::Failed(_, CallError::NotFound)) => Ok(()),
            done => self.sent(done.map(drop), &what).await,
        }
    }

    async fn delete_config(&mut self, id: String) -> Result<(), Failure> {
        let deleted = self.write(ConfigWrite::Delete { id }, true).await;
        self.view.line = None;
        self.after_effect(deleted.map(drop)).await?;
        self.view.deleted = true;
        Ok(())
    }

    async fn write(
        &mut self,
        write: ConfigWrite,
        deleting: bool,
    ) -> Result<Option<DialinConfig>, EffectError<CallError>> {
        let (Some(session), Some(number)) = (self.session.clone(), self.view.number()) else {
            let nothing = Barred::Changed("there is nothing to write it with");
            return Err(EffectError::Barred(Effect::ConfigUpdate, nothing));
        };
        let number = number.to_owned();
        let owner = self.view.subject.uid.clone();
        let check = self.live(deleting);
        let account = &session.account;
        let done = account
            .write_config(session.key.clone(), number, owner, write, check)
            .await;
        self.refresh();
        // What was read before is older than what was written.
        self.view.began = self.view.now.moment;
        done
    }

    /// Takes in how a write went; a refusal is remembered and decided on.
    async fn sent(
        &mut self,
        sent: Result<(), EffectError<CallError>>,
        what: &str,
    ) -> Result<(), Failure> {
        let info = match sent {
            Ok(()) => {
                self.view.memory.refusal = None;
                return Ok(());
            }
            Err(EffectError::Failed(_, CallError::Refused { info, .. })) => info,
            Err(error) => return self.after_effect(Err(error)).await,
        };
        let before = self.view.memory.refusal.as_ref();
        let refusal = Refusal::after(before, what, info, self.view.now.moment);
        self.view.memory.refusal = Some(refusal);
        // What was asked for by a person was tried.
        self.view.tried = true;
        Ok(())
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
    fn live(&self, deleting: bool) -> Check {
        let client = self.ctx.client.clone();
        let subject = self.view.subject.clone();
        Check::live(move || live(client.clone(), subject.clone(), deleting)).on(self.on())
    }

    async fn release(&mut self, how: Release) -> Result<(), Failure> {
        let guard = self.view.subject.guard();
        let finalizers = self.view.subject.finalizers_without_ours();
        let no_annotations = BTreeMap::new();
        let patch = merge_metadata::<DeserializeGuard<PinDialinNumber>>(
            &self.ctx.client,
            &guard,
            Some(&finalizers),
            &no_annotations,
        );
        let gate = &self.ctx.gate;
        let removed = gate
            .pass(Effect::FinalizerRemove, &self.by_version(), patch)
            .await;
        match removed {
            Ok(_) | Err(EffectError::Failed(_, KubeError::NotFound)) => {}
            Err(error) => return Err(Failure::of_kube("the finalizer", error)),
        }
        self.view.subject.finalizers = finalizers;
        if let (Release::Deleted, Some(session), Some(number)) =
            (&how, &self.session, self.view.number())
        {
            session.account.forget(number);
        }
        let deed = match how {
            Release::Clean => None,
            Release::Deleted => Some(Deed::Deleted),
            Release::Retained => Some(Deed::Orphaned {
                why: "the dial-in config stays at Daily, as the deletionPolicy says".to_owned(),
                asked: true,
            }),
            Release::Orphaned(why) => Some(Deed::Orphaned { why, asked: false }),
        };
        self.deeds.extend(deed);
        Ok(())
    }

    /// The trouble that a failed pass reports.
    pub(super) fn troubled(&self, trouble: Trouble) -> Verdict {
        match self.view.subject.deleting {
            Some(_) => Verdict::Deleting(trouble),
            None => Verdict::Failing(trouble),
        }
    }
}

async fn live(client: Client, subject: Subject, deleting: bool) -> Result<(), Barred> {
    let (namespace, name) = (&subject.namespace, &subject.name);
    let read = get_object::<DeserializeGuard<PinDialinNumber>>(&client, namespace, name).await;
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
    if now.recorded != subject.recorded {
        return changed("another record stands on it");
    }
    match (now.deleting.is_some(), deleting) {
        (true, false) => changed("its deletion was asked for"),
        (false, true) => changed("its deletion was not asked for"),
        _ => Ok(()),
    }
}
