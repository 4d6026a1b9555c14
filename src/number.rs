//! PinDialinNumbers: what differs from other kinds.

mod act;
pub mod allowed_rooms;
pub mod attached_rooms;
mod observe;
pub mod plan;
pub mod report;
pub mod spec;
pub mod view;

use std::convert::Infallible;
use std::sync::Arc;

use serde_json::Value;

use self::attached_rooms::AttachedRooms;
use self::plan::steps::{Read, Serving, Step};
use self::spec::Spec;
use self::view::{Facts, Memory};
use crate::crd::{PinDialinNumber, PinDialinNumberSpec, PinDialinNumberStatus};
use crate::keys::For;
use crate::metrics::Controller;
use crate::reconcile::meta::{Identity, Meta};
use crate::reconcile::{InvalidSpec, Kind};

/// The kind PinDialinNumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number;

/// How many DailyRooms publish a number in the domain with this id.
pub type Publishers = Arc<dyn Fn(&str, &str) -> usize + Send + Sync>;

/// What reconciles of PinDialinNumbers share.
pub struct Shared {
    pub(crate) publishers: Publishers,
    pub(crate) attached: AttachedRooms,
}

impl Kind for Number {
    type Resource = PinDialinNumber;
    type RawSpec = PinDialinNumberSpec;
    type Spec = Spec;
    /// The phone number.
    type Names = Option<String>;
    type Status = PinDialinNumberStatus;
    type Facts = Facts;
    type Memory = Memory;
    type Read = Read;
    type Step = Step;
    type Applied = Infallible;
    type Serving = Serving;
    type Shared = Shared;

    const CONTROLLER: Controller = Controller::Number;
    const KEY_FOR: For = For::Numbers;
    const NAME: &'static str = "PinDialinNumber";
    const THING: &'static str = "dial-in config";
    const THING_NAMED: &'static str = "dial-in config of";
    const UNTIL: &'static str = "";
    const ACTIONS: (&'static str, &'static str) = ("CreateConfig", "UpdateConfig");
    const LOGS_NAME: bool = false;
    const FOLLOWS_LISTINGS: bool = false;

    fn parse(spec: &PinDialinNumberSpec) -> Result<Spec, InvalidSpec> {
        Spec::parse(spec)
    }
    fn names(_: &str, spec: &Value) -> Option<String> {
        let number = spec.get("phoneNumber").and_then(Value::as_str);
        number.map(str::to_owned)
    }
    fn own_names(_: &Identity, _: &Meta, names: &Option<String>) -> Vec<String> {
        names.iter().cloned().collect()
    }
}
