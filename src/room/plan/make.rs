//! Binding an object and making its room.

use serde_json::{Map, Value, json};

use super::{Again, Change, LATER, Look, Needs, Passed, Plan, SOON, Step, Verdict};
use super::{e164, expire, failing, passed, rest};
use crate::binding::{Binding, Claim, End, Made};
use crate::crd::condition::Reason;
use crate::daily::ledger::{Posts, Seen, Word, reads_lag};
use crate::daily::types::{CreateRoom, Domain};
use crate::naming;
use crate::room::desired::{Desired, FARTHEST_END, WantedEnd};
use crate::room::view::{Refusal, View};

/// After so many refusals in a row the name itself may be what is refused.
const REFUSED_OFTEN: u32 = 2;

/// An end that lies in the past on an object that nothing is known of: it is over, and Daily need
/// not be asked.
pub(super) fn past_from_the_start(view: &View, desired: &Desired) -> Option<Plan> {
    let WantedEnd::At(at) = desired.end else {
        return None;
    };
    let unknown = view.subject.recorded.binding().is_none() && view.status.room.is_none();
    (unknown && at <= view.now.wall).then(|| expire(view))
}

/// Claims a name and binds the object to it.
pub(super) fn bind(view: &View, desired: &Desired, domain: &Domain) -> Plan {
    let end = desired.end_of(view.subject.created);
    if let Some(plan) = too_far(view, &end) {
        return plan;
    }
    let name = view.own_name();
    let hint = view
        .subject
        .hint()
        .filter(|it| it.domain_id == domain.id && it.name == name);
    let over = end.at <= view.now.wall;
    if (view.is_chosen() || over || hint.is_some()) && !view.looked {
        return Plan::Look(Look::Room);
    }
    let known = view.known();
    let found = known.seen.as_ref().map(|seen| &seen.room);
    if over && found.is_none() {
        return expire(view);
    }
    let binding = |claim, made| Binding {
        uid: view.subject.uid.clone(),
        domain_id: domain.id.clone(),
        domain_name: domain.name.clone(),
        name: name.clone(),
        installation_id: view.own.installation_id.clone(),
        claim,
        made,
        recreated: Vec::new(),
    };
    if view.is_chosen() {
        match &view.rival {
            None => return Plan::Look(Look::Rivals),
            Some(Some(rival)) => return taken_by(&name, rival),
            Some(None) => {}
        }
        match (found, hint.and_then(|it| it.made.as_ref())) {
            (Some(room), Some(made)) if room.id == made.id => {
                return Plan::Act(Step::Bind(binding(None, Some(made.clone()))));
            }
            (Some(_), _) => return taken(view),
            (None, _) => {}
        }
    }
    if let Some(plan) = numbers_missing(view) {
        return plan;
    }
    let claim = Claim {
        at: date(view),
        end: Some(end),
        past_end: None,
    };
    Plan::Act(Step::Bind(binding(Some(claim), None)))
}

/// Daily's clock when it said that the name is free; ours where that does not matter.
pub(super) fn date(view: &View) -> i64 {
    let absence = view.known().absence;
    absence.and_then(|it| it.date).unwrap_or(view.now.wall)
}

fn too_far(view: &View, end: &End) -> Option<Plan> {
    let over = end.at - FARTHEST_END - view.now.wall;
    (over > 0).then(|| {
        failing(
            Reason::InvalidSpec,
            "the end is more than 364 days ahead, and Daily takes no room that ends so late: move \
             it nearer, or wait"
                .to_owned(),
            Needs::Person,
            Again::Drift(Some(view.now.wall + over)),
        )
    })
}

fn taken_by(name: &str, rival: &str) -> Plan {
    let message = format!("the DailyRoom {rival} holds the room name {name}: choose another one");
    failing(Reason::NameTaken, message, Needs::Person, Again::In(LATER))
}

fn taken(view: &View) -> Plan {
    let message = format!(
        "a room named {} exists at Daily and is not this object's: choose another roomName, or \
         delete that room",
        view.room_name()
    );
    failing(Reason::NameTaken, message, Needs::Person, Again::In(LATER))
}

/// What is in the way of a room that is not made yet.
fn numbers_missing(view: &View) -> Option<Plan> {
    match &view.numbers {
        None => Some(Plan::Look(Look::Numbers)),
        Some(Ok(_)) => None,
        Some(Err(problem)) => {
            let needs = if problem.waits {
                Needs::Time
            } else {
                Needs::Person
            };
            let message = problem.message.clone();
            let again = Again::In(problem.again);
            Some(failing(problem.reason, message, needs, again))
        }
    }
}

/// A claim was withdrawn: wait until the name is free.
pub(super) fn claim_again(view: &View, desired: &Desired, binding: &Binding) -> Plan {
    if !view.looked {
        return Plan::Look(Look::Room);
    }
    if view.known().absence.is_none() {
        return taken(view);
    }
    let end = desired.end_of(view.subject.created);
    if end.at <= view.now.wall {
        return expire(view);
    }
    if let Some(plan) = numbers_missing(view) {
        return plan;
    }
    let claim = Claim {
        at: date(view),
        end: Some(end),
        past_end: None,
    };
    let binding = Binding {
        claim: Some(claim),
        ..binding.clone()
    };
    Plan::Act(Step::Record(binding, Change::Claimed))
}

/// Makes the room that is claimed, or finds it made.
pub(super) fn create(view: &View, desired: &Desired, binding: &Binding, claim: &Claim) -> Plan {
    let known = view.known();
    if let Some(seen) = &known.seen {
        return found(view, desired, binding, claim, seen);
    }
    // An answer that was lost, or a create of the process before this one, has to be looked for.
    let after_restart = view.is_chosen() && !view.memory.claimed_here;
    if (known.posts != Posts::None || after_restart) && !view.looked {
        return Plan::Look(Look::Room);
    }
    let end = wanted_end(view, desired, claim);
    if let Some(plan) = too_far(view, &end) {
        return plan;
    }
    if end.at <= view.now.wall {
        if !view.looked {
            return Plan::Look(Look::Room);
        }
        return match passed(view, end.at, known.absence.and_then(|it| it.date)) {
            Passed::Yes => expire(view),
            Passed::No | Passed::Between => rest(Verdict::Unchanged, Again::In(SOON)),
        };
    }
    let numbers = match &view.numbers {
        Some(Ok(numbers)) => e164(numbers),
        _ => return numbers_missing(view).unwrap_or(Plan::Look(Look::Numbers)),
    };
    let request = request(desired, &binding.name, &end, &numbers);
    let same = |it: &&Refusal| it.what == naming::fingerprint(&json!(request));
    match view.memory.refusal.as_ref().filter(same) {
        Some(refusal) if (view.tried || !view.forced) && view.now.moment < refusal.until => {
            refused(view, claim, &binding.name, refusal)
        }
        _ => Plan::Act(Step::CreateRoom(request)),
    }
}

/// The end to make the room with: the claimed one, unless the spec was edited since.
fn wanted_end(view: &View, desired: &Desired, claim: &Claim) -> End {
    let by_spec = desired.end_of(view.subject.created);
    match &claim.end {
        Some(end) if end.of == by_spec.of => end.clone(),
        _ => by_spec,
    }
}

/// A create was refused and the name shows nothing. It may be the request, or a room that has ended
/// and still takes the name (F-ROOM-33): ours is cleared away once it has ended for sure. What is
/// not ours is waited for.
fn refused(view: &View, claim: &Claim, name: &str, refusal: &Refusal) -> Plan {
    let quiet = i64::try_from(view.quiet.as_secs()).unwrap_or(i64::MAX);
    let date = view.known().absence.and_then(|it| it.date);
    let ended = |end: i64| passed(view, end.saturating_add(quiet), date) == Passed::Yes;
    let collect = !view.memory.collected && refusal.times >= REFUSED_OFTEN;
    let may_collect = claim.past_end.is_some_and(ended) && collect;
    // What refused it may be a new room of somebody else's, which no read shows yet (F-ROOM-41).
    let shown_from = refusal.at.after(reads_lag(view.quiet));
    let asked = view.known().absence.and_then(|it| it.by_name);
    if may_collect && asked.is_some_and(|asked| asked >= shown_from) {
        return Plan::Act(Step::Collect {
            name: name.to_owned(),
        });
    }
    let message = format!("Daily refuses the room: {}", refusal.info);
    let until = match may_collect {
        true => refusal.until.min(shown_from),
        false => refusal.until,
    };
    let again = Again::In(view.now.moment.until(until));
    failing(Reason::RejectedByDaily, message, Needs::Person, again)
}

/// A room of the claimed name is there: is it ours?
fn found(view: &View, desired: &Desired, binding: &Binding, claim: &Claim, seen: &Seen) -> Plan {
    let room = &seen.room;
    let made_here = seen.by == Word::Create;
    if seen.by == Word::Listing && !view.looked {
        return Plan::Look(Look::Room);
    }
    if view.is_chosen() && !made_here && view.rival.is_none() {
        return Plan::Look(Look::Rivals);
    }
    let ours = !view.is_chosen()
        || made_here
        || (may_be_ours(view)
            && !matches!(view.rival, Some(Some(_)))
            && room.created_at >= claim.at
            && says_what_we_send(view, desired, seen));
    if !ours && may_be_ours(view) {
        // A create of ours may still be done: the claim stands, so that what it makes is known.
        return taken(view);
    }
    if !ours {
        let withdrawn = Binding {
            claim: None,
            ..binding.clone()
        };
        return Plan::Act(Step::Record(withdrawn, Change::Withdrawn));
    }
    let by_spec = wanted_end(view, desired, claim);
    // A room found again keeps its own end, as if a ttl had given it; a fixed end is put right.
    let at = room.config.exp.unwrap_or(by_spec.at);
    let of = match desired.end {
        WantedEnd::Ttl(_) => by_spec.of,
        WantedEnd::At(_) => WantedEnd::At(at).of(),
    };
    let end = End { at, of };
    let sent = match &view.numbers {
        Some(Ok(numbers)) if made_here => Some(desired.dialin(&e164(numbers))),
        _ => None,
    };
    let recorded = Binding {
        claim: None,
        made: Some(Made {
            id: room.id.clone(),
            sent: sent.map(|sent| naming::fingerprint(&json!(sent))),
            end: Some(end),
        }),
        ..binding.clone()
    };
    let change = if made_here {
        Change::Made
    } else {
        Change::Found
    };
    Plan::Act(Step::Record(recorded, change))
}

/// Whether a create of ours since the claim may have been done although no answer said so. After a
/// restart nobody knows.
pub(super) fn may_be_ours(view: &View) -> bool {
    match view.known().posts {
        Posts::Unknown => true,
        Posts::None | Posts::Refused => !view.memory.claimed_here,
    }
}

/// Whether a room says what our create would have said, as far as Daily shows it.
pub(super) fn says_what_we_send(view: &View, desired: &Desired, seen: &Seen) -> bool {
    let room = &seen.room;
    let numbers = match &view.numbers {
        Some(Ok(numbers)) => e164(numbers),
        _ => Vec::new(),
    };
    let sent = desired.dialin(&numbers);
    let same_dialin = room.config.dialin.as_ref().is_some_and(|shown| {
        let same = |key: &str| shown.get(key).is_none_or(|it| Some(it) == sent.get(key));
        same("display_name") && same("wait_for_meeting_start")
    });
    room.privacy == desired.privacy
        && room.config.eject_at_room_exp.unwrap_or(false) == desired.eject
        && same_dialin
}

/// The request that makes the room.
fn request(desired: &Desired, name: &str, end: &End, numbers: &[String]) -> CreateRoom {
    let mut properties = Map::new();
    properties.insert("exp".into(), json!(end.at));
    properties.insert("eject_at_room_exp".into(), json!(desired.eject));
    properties.insert("dialin".into(), Value::Object(desired.dialin(numbers)));
    CreateRoom {
        name: name.to_owned(),
        privacy: desired.privacy,
        properties,
    }
}
