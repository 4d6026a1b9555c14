//! Doing what the plan for a PinDialinNumber says. It chooses nothing: it sends, and puts what was
//! answered into the view.

use serde_json::json;

use super::Number;
use super::plan::{Step, Update};
use super::report::Applied;
use crate::daily::account::numbers::ConfigWrite;
use crate::daily::error::CallError;
use crate::daily::types::{DialinConfig, DialinConfigRequest};
use crate::effect::{Blocked, Effect, EffectError};
use crate::naming;
use crate::reconcile::plan::Change;
use crate::reconcile::record::Record;
use crate::reconcile::report::Applied as AnyApplied;
use crate::reconcile::{Failure, Live, Pass};

impl Pass<Number> {
    pub(super) async fn apply(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::CreateConfig(request) => self.create_config(request).await,
            Step::UpdateConfig(update) => self.update_config(update).await,
            Step::DeleteConfig { id } => self.delete_config(id).await,
        }
    }

    pub(super) fn claimed_number(&mut self, record: &Record, change: Change) {
        if change == Change::Sent {
            return;
        }
        self.view.memory.kind.first_absent = None;
        if let Some(session) = &self.session
            && change.claims()
        {
            session.account.claimed(&record.name, &self.view.meta.uid);
        }
    }

    async fn create_config(&mut self, request: DialinConfigRequest) -> Result<(), Failure> {
        let what = naming::fingerprint(&json!(request));
        let created = self.write(ConfigWrite::Create(request), Live::Kept).await;
        if let Ok(Some(config)) = &created {
            self.created(config.clone());
        }
        self.sent(created.map(drop), &what)
    }

    /// What was created says what was sent: Daily is not asked for it again in this pass.
    fn created(&mut self, config: DialinConfig) {
        let (Some(state), Ok(spec)) = (&mut self.view.facts.number, &self.view.spec) else {
            return;
        };
        state.at = self.view.facts.began;
        state.configs = vec![DialinConfig {
            config: spec.body(),
            ..config
        }];
    }

    async fn update_config(&mut self, update: Update) -> Result<(), Failure> {
        let what = naming::fingerprint(&json!(update.request));
        let (id, request) = (update.id.clone(), update.request.clone());
        let done = self
            .write(ConfigWrite::Update { id, request }, Live::KeptAsRead)
            .await;
        self.view.facts.number = None;
        if done.is_ok() {
            self.view.facts.updated = true;
            self.applied.push(AnyApplied::Of(Applied::Updated(update)));
        }
        match done {
            // It is gone, which the next look shows.
            Err(EffectError::Failed(_, CallError::NotFound)) => Ok(()),
            done => self.sent(done.map(drop), &what),
        }
    }

    async fn delete_config(&mut self, id: String) -> Result<(), Failure> {
        let deleted = self.write(ConfigWrite::Delete { id }, Live::Deleting).await;
        self.view.facts.number = None;
        deleted.map_err(Failure::of_daily)?;
        self.view.facts.deleted = true;
        Ok(())
    }

    async fn write(
        &mut self,
        write: ConfigWrite,
        demand: Live,
    ) -> Result<Option<DialinConfig>, EffectError<CallError>> {
        let (Some(session), Some(number)) = (self.session.clone(), self.view.name_at_daily())
        else {
            let nothing = Blocked::Changed("there is nothing to write it with");
            return Err(EffectError::Blocked(Effect::ConfigUpdate, nothing));
        };
        let owner = self.view.meta.uid.clone();
        let check = self.live(demand);
        let account = &session.account;
        let done = account
            .write_config(session.key.clone(), number, owner, write, check)
            .await;
        self.refresh();
        // What was read before is older than what was written.
        self.view.facts.began = self.view.now.moment;
        done
    }
}
