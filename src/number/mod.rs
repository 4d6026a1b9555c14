//! PinDialinNumbers: what is true of a number and of no other kind.

mod act;
mod look;
pub mod plan;
pub mod report;
pub mod spec;
pub mod view;

use std::sync::Arc;

use serde_json::Value;

use self::plan::{Look, Plan, Serving, Step, create, delete, keep};
use self::report::Applied;
use self::spec::Spec;
use self::view::{Facts, Memory, View};
use crate::crd::{PinDialinNumber, PinDialinNumberSpec, PinDialinNumberStatus};
use crate::daily::types::Domain;
use crate::k8s::Note;
use crate::keys::For;
use crate::metrics::Controller;
use crate::reconcile::plan::{Change, Release};
use crate::reconcile::record::{Claim, Made, Record, Recorded};
use crate::reconcile::{Context, Failure, InvalidSpec, Kind, Pass};

/// The kind PinDialinNumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number;

/// How many DailyRooms publish a number in the domain of this id.
pub type Publishers = Arc<dyn Fn(&str, &str) -> usize + Send + Sync>;

/// What passes over PinDialinNumbers look into.
pub struct Shared {
    pub(crate) publishers: Publishers,
}

impl Kind for Number {
    type Resource = PinDialinNumber;
    type RawSpec = PinDialinNumberSpec;
    type Spec = Spec;
    type Names = Option<String>;
    type Status = PinDialinNumberStatus;
    type Facts = Facts;
    type Memory = Memory;
    type Look = Look;
    type Step = Step;
    type Applied = Applied;
    type Serving = Serving;
    type Shared = Shared;

    const CONTROLLER: Controller = Controller::Number;
    const KEY_FOR: For = For::Numbers;
    const NAME: &'static str = "PinDialinNumber";
    const THING: &'static str = "dial-in config";
    const UNTIL: &'static str = "";
    const FOLLOWS_LISTINGS: bool = false;

    fn parse(spec: &PinDialinNumberSpec) -> Result<Spec, InvalidSpec> {
        Ok(Spec::of(spec))
    }
    fn names(_: &str, spec: &Value) -> Option<String> {
        let number = spec.get("phoneNumber").and_then(Value::as_str);
        number.map(str::to_owned)
    }
    fn owned(view: &View) -> String {
        let number = view.name_at_daily().unwrap_or_default();
        format!("{} of {number}", Self::THING)
    }
    fn own_name(view: &View) -> Option<String> {
        view.names.clone()
    }

    fn claim(view: &View, spec: &Spec, domain: &Domain) -> Plan {
        create::claim(view, spec, domain)
    }
    fn claim_again(view: &View, spec: &Spec, record: &Record) -> Plan {
        create::claim_again(view, spec, record)
    }
    fn create(view: &View, spec: &Spec, record: &Record, claim: &Claim) -> Plan {
        create::create(view, spec, record, claim)
    }
    fn keep(view: &View, spec: &Spec, domain: &Domain, record: &Record, made: &Made) -> Plan {
        keep::plan(view, spec, domain, record, made)
    }
    fn may_own_unrecorded(view: &View) -> bool {
        view.status.config_id.is_some() || view.recorded == Recorded::Unreadable
    }
    fn before_delete(view: &View) -> Option<Plan> {
        delete::before(view)
    }
    fn delete(view: &View) -> Plan {
        delete::delete(view)
    }
    fn release(_: &View, how: Release) -> Plan {
        delete::release(how)
    }

    fn served_message(_: &View, _: &Serving) -> String {
        "The number answers and takes PINs.".to_owned()
    }
    fn report_serving(status: &mut PinDialinNumberStatus, view: &View, serving: &Serving) {
        report::serving(status, view, serving);
    }
    fn recorded_event(view: &View, change: Change) -> Option<Note> {
        report::recorded_event(view, change)
    }
    fn applied_event(view: &View, applied: &Applied) -> Option<Note> {
        Some(report::applied_event(view, applied))
    }

    fn room_in_log(_: &View) -> Option<String> {
        None
    }
    fn begin(_: &Context<Self>, view: &mut View) {
        view.facts.began = view.now.moment;
    }
    fn refresh(pass: &mut Pass<Self>) {
        pass.refresh_number();
    }
    fn claimed(pass: &mut Pass<Self>, record: &Record, change: Change) {
        pass.claimed_number(record, change);
    }
    async fn look(pass: &mut Pass<Self>, look: Look) -> Result<(), Failure> {
        pass.look_at(look).await
    }
    async fn act(pass: &mut Pass<Self>, step: Step) -> Result<(), Failure> {
        pass.apply(step).await
    }
}
