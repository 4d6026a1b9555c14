//! `spec.dialin` of a DailyRoom: how callers reach the room.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{InvalidField, grammar};

/// As many as `roomNumbers` may have.
const MOST_GLOBAL_NUMBERS: usize = 10;
const GLOBAL_NUMBERS: &str = "dialin.globalNumbers must have 1 to 10 different countries, each with two capital letters, for \
     example US and GB";

/// Whether the PIN is in the status.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum CodeInStatus {
    /// The status has the PIN.
    #[default]
    Include,
    /// Only the Secret has the PIN.
    Omit,
}

/// Dial-in settings of a room.
#[skip_serializing_none]
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dialin {
    /// Name that participants see for a caller. Absent: Phone Caller; an adopted room that has PIN dial-in keeps its own.
    #[x_kube(validation = Rule::new("size(self) >= 1").message("displayName must not be empty; leave it out for \"Phone Caller\""))]
    #[schemars(length(max = 128))]
    pub display_name: Option<String>,

    /// Whether callers wait for the meeting to start. If true, a caller hears music until someone joins the room. If false, the call ends if the room is empty. Absent: true; an adopted room that has PIN dial-in keeps its own.
    pub wait_for_meeting_start: Option<bool>,

    /// Whether the status has dialinCode and dialString. Whoever may read this object can read its status. With Omit only the Secret has the PIN; the administrator of the operator can require this for all DailyRooms. Default: Include.
    #[serde(default)]
    pub code_in_status: CodeInStatus,

    /// Countries whose global numbers of Daily the room publishes if it names no number and no purchased number serves it: 1 to 10 codes such as US and GB. The first number is in the dial string. By default the operator knows those of AU, BR, CA, CL, CZ, FI, FR, GB, NZ and US; Daily does not say which accounts may use those outside the US and Canada. Default: US.
    #[serde(default = "default_global_numbers")]
    #[x_kube(validation = Rule::new("size(self) >= 1 && self.all(a, a.matches('^[A-Z]{2}$') && self.exists_one(b, a == b))").message(GLOBAL_NUMBERS))]
    #[schemars(length(max = MOST_GLOBAL_NUMBERS), inner(length(max = 32)))]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub global_numbers: Vec<String>,

    /// Phone numbers to publish for this room, at most 10. Absent or empty: the earliest purchased number of the account that has a PIN dial-in config and that this namespace may publish, otherwise Daily's global numbers of globalNumbers. A room keeps the number it has published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub room_numbers: Vec<RoomNumber>,
}

impl Default for Dialin {
    fn default() -> Self {
        Self {
            display_name: None,
            wait_for_meeting_start: None,
            code_in_status: CodeInStatus::Include,
            global_numbers: default_global_numbers(),
            room_numbers: Vec::new(),
        }
    }
}

impl Dialin {
    /// # Errors
    /// What `globalNumbers` must contain.
    pub fn check_global_numbers(&self) -> Result<(), InvalidField> {
        let countries = &self.global_numbers;
        let is_country = |it: &String| it.len() == 2 && it.bytes().all(|b| b.is_ascii_uppercase());
        let is_single = |it: &String| countries.iter().filter(|other| *other == it).count() == 1;
        let are_valid = countries.iter().all(|it| is_country(it) && is_single(it));
        let is_bounded = (1..=MOST_GLOBAL_NUMBERS).contains(&countries.len());
        InvalidField::unless(is_bounded && are_valid, GLOBAL_NUMBERS)
    }
}

fn default_global_numbers() -> Vec<String> {
    vec!["US".to_owned()]
}

/// A phone number to publish: the number itself, or a PinDialinNumber.
#[skip_serializing_none]
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.phoneNumber) != has(self.numberRef)").message("set exactly one of phoneNumber (for example +12025550123) and numberRef (the name of a PinDialinNumber)"))]
#[serde(rename_all = "camelCase")]
pub struct RoomNumber {
    /// Phone number in E.164 form: a number that the account has purchased, or one of Daily's global numbers. Set exactly one of phoneNumber and numberRef.
    #[x_kube(validation = grammar::PHONE_NUMBER.rule())]
    #[schemars(length(max = grammar::PHONE_NUMBER.longest))]
    pub phone_number: Option<String>,
    /// PinDialinNumber whose number to publish. The room waits until it is ready. Set exactly one of phoneNumber and numberRef.
    pub number_ref: Option<NumberRef>,
}

/// A reference to a PinDialinNumber.
#[skip_serializing_none]
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct NumberRef {
    /// Name of the PinDialinNumber.
    #[x_kube(validation = grammar::NUMBER_REF_NAME.rule())]
    #[schemars(length(max = grammar::NUMBER_REF_NAME.longest))]
    pub name: String,
    /// Namespace of the PinDialinNumber, whose allowedRooms must include this namespace. Absent: this namespace.
    #[x_kube(validation = grammar::NUMBER_REF_NAMESPACE.rule())]
    #[schemars(length(max = grammar::NUMBER_REF_NAMESPACE.longest))]
    pub namespace: Option<String>,
}
