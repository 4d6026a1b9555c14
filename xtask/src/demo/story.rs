//! The steps of a user: a number, a room, its Secret, a call, a repair, the end of a room, a renewal, and a
//! deletion that waits.

use std::collections::BTreeMap;
use std::time::Duration;

use daily_sim::{DialAnswer, Outcome};
use testbed::{Look, eventually};

use super::error::{DemoError, io};
use super::look::{self, text};
use super::report::{Failed, Report, say, typed};
use super::stage::{KEY, NAMESPACE, NUMBER, Stage};
use crate::cargo::root;

/// The examples, in the order in which the demo applies them.
const NUMBER_EXAMPLE: &str = "examples/01-pindialinnumber.yaml";
const ROOM_EXAMPLE: &str = "examples/02-dailyroom.yaml";
pub const SHORT_EXAMPLE: &str = "examples/03-dailyroom-short.yaml";
/// The objects in the examples.
const THE_NUMBER: &str = "pindialinnumber/main-line";
const THE_ROOM: &str = "dailyroom/standup";
const THE_SECRET: &str = "standup-dialin";
const SHORT_ROOM: &str = "dailyroom/quick-call";
const SHORT_SECRET: &str = "quick-call-dialin";
/// A room with the shortest times that a renewal may have. With those of `examples/06-dailyroom-renewed.yaml`
/// the other rooms of the demo would end first.
const STANDING_MANIFEST: &str = "\
apiVersion: daily-operator.io/v1alpha1
kind: DailyRoom
metadata:
  name: on-call
spec:
  ttl: 20m
  renewal:
    before: 10m
";
const STANDING_ROOM: &str = "dailyroom/on-call";
const STANDING_SECRET: &str = "on-call-dialin";
/// More than the time from the creation of the standing room to its renewal, and from there to its first end.
const HALF_ITS_TTL: Duration = Duration::from_secs(601);
/// How long the operator may take to learn Daily's time from a listing, and to renew the room.
const RENEWED_WITHIN: Duration = Duration::from_secs(60);
/// How long the operator may take to write a deleted Secret again.
const REPAIRED_WITHIN: Duration = Duration::from_secs(30);
/// How long the operator may take to delete the Secret and the room of an expired DailyRoom.
const GONE_WITHIN: Duration = Duration::from_secs(30);

/// How long presence may lag behind who is in a room. The demo moves Daily's clock on instead of waiting.
const PRESENCE_LAG: Duration = Duration::from_secs(30);
/// How long the operator may take to delete a room that everybody has left: for 20 seconds it waits for people
/// who reconnect.
const DELETED_WITHIN: Duration = Duration::from_secs(60);

/// The decoded data of a Secret.
type Data = BTreeMap<String, String>;

/// Performs the steps.
///
/// # Errors
/// The step that failed.
pub async fn tell(stage: &mut Stage, number: &str, report: &mut Report) -> Result<(), Failed> {
    let name = "enable PIN dial-in on the purchased number";
    report.step(name, make_number(stage, number)).await?;
    report.step("create a room", make_room(stage)).await?;
    report.step("list both with kubectl", see(stage)).await?;
    let name = "read the Secret as an app does";
    let secret = report.step(name, read_secret(stage, THE_SECRET)).await?;
    report.step("dial in", dial_in(stage, &secret)).await?;
    let name = "delete the Secret by mistake and get the same PIN back";
    report.step(name, repair_secret(stage, &secret)).await?;
    let name = "create a room that ends within seconds";
    let short = report.step(name, make_short_room(stage)).await?;
    let name = "see it end: Secret, room and PIN are gone";
    report.step(name, see_it_end(stage, &short)).await?;
    let name = "keep a room beyond its end: the operator renews it, and the PIN stays";
    report.step(name, see_it_renewed(stage)).await?;
    let name = "delete a room while people are in it: it stays until they have left";
    report.step(name, delete_when_empty(stage, &secret)).await
}

/// Applies an example with this phone number.
async fn apply(stage: &Stage, example: &str, number: &str) -> Result<(), DemoError> {
    typed(format_args!("kubectl apply -f {example}"));
    let yaml = std::fs::read_to_string(root().join(example));
    let yaml = yaml.map_err(io(format!("{example} could not be read")))?;
    let yaml = yaml.replace(NUMBER, number);
    say(stage.cluster.apply_in(NAMESPACE, &yaml).await?);
    Ok(())
}

async fn make_number(stage: &mut Stage, number: &str) -> Result<(), DemoError> {
    apply(stage, NUMBER_EXAMPLE, number).await?;
    look::wait_for(stage, THE_NUMBER, "Ready").await.map(drop)
}

async fn make_room(stage: &mut Stage) -> Result<(), DemoError> {
    apply(stage, ROOM_EXAMPLE, NUMBER).await?;
    look::wait_for(stage, THE_ROOM, "Ready").await.map(drop)
}

async fn see(stage: &mut Stage) -> Result<(), DemoError> {
    let args = [
        "get",
        "dailyrooms,pindialinnumbers",
        "--namespace",
        NAMESPACE,
    ];
    typed(format_args!("kubectl {}", args.join(" ")));
    say(stage.cluster.run(&args).await?);
    Ok(())
}

async fn read_secret(stage: &mut Stage, name: &str) -> Result<Data, DemoError> {
    let found = look::secret(stage, name).await?;
    let data = found.ok_or_else(|| DemoError::Seen(format!("there is no Secret {name}")))?;
    for (key, value) in &data {
        say(format_args!("{key}: {value}"));
    }
    Ok(data)
}

fn of<'a>(data: &'a Data, key: &str) -> Result<&'a str, DemoError> {
    let missing = || DemoError::Seen(format!("the Secret has no key {key}"));
    data.get(key).map(String::as_str).ok_or_else(missing)
}

/// Dials, and prints what the caller hears.
async fn dial(stage: &Stage, dial_string: &str) -> Result<DialAnswer, DemoError> {
    say(format_args!("a telephone dials {dial_string}"));
    let answer = stage.daily.phone.dial(dial_string).await?;
    for heard in &answer.heard {
        say(format_args!("the caller hears: {heard}"));
    }
    Ok(answer)
}

/// The caller must hear the number's greeting and join the room under the room's display name.
async fn dial_in(stage: &mut Stage, secret: &Data) -> Result<(), DemoError> {
    let number = look::object(stage, THE_NUMBER).await?;
    let room = look::object(stage, THE_ROOM).await?;
    let greeting = text(&number, "/spec/ivrGreeting/message");
    let shown_as = text(&room, "/spec/dialin/displayName");
    let room = of(secret, "room-name")?;

    say(format_args!("a host joins the room {room} over the web"));
    stage.daily.phone.join(room, "Host").await?;
    let answer = dial(stage, of(secret, "dial-string")?).await?;
    let heard_it = answer.heard.iter().any(|heard| heard == greeting);
    let is_in = answer.outcome == Outcome::InRoom
        && answer.room.as_deref() == Some(room)
        && answer.display_name.as_deref() == Some(shown_as);
    if !heard_it || !is_in {
        return Err(DemoError::Seen(format!(
            "the caller must hear {greeting:?} and be in the room {room} as {shown_as:?}, \
             and this happened: {answer:?}"
        )));
    }
    say(format_args!(
        "the caller is in the room with the host, as {shown_as:?}"
    ));
    Ok(())
}

/// The Secret must come back as it was.
async fn repair_secret(stage: &mut Stage, before: &Data) -> Result<(), DemoError> {
    let args = ["delete", "secret", THE_SECRET, "--namespace", NAMESPACE];
    typed(format_args!("kubectl {}", args.join(" ")));
    say(stage.cluster.run(&args).await?);
    let what = "the Secret is there again";
    let after = eventually(what, REPAIRED_WITHIN, async || {
        stage.operator.running()?;
        Ok::<_, DemoError>(match look::secret(stage, THE_SECRET).await? {
            Some(data) => Look::Done(data),
            None => Look::NotYet("there is no Secret".to_owned()),
        })
    })
    .await?;
    if after != *before {
        return Err(DemoError::Seen(
            "the Secret came back with other content".to_owned(),
        ));
    }
    let pin = of(&after, "dialin-code")?;
    say(format_args!("the Secret is back, with the PIN {pin}"));
    Ok(())
}

async fn make_short_room(stage: &mut Stage) -> Result<Data, DemoError> {
    apply(stage, SHORT_EXAMPLE, NUMBER).await?;
    look::wait_for(stage, SHORT_ROOM, "Ready").await?;
    let secret = read_secret(stage, SHORT_SECRET).await?;
    let room = of(&secret, "room-name")?;
    match room_status(stage, room).await? {
        200 => Ok(secret),
        status => Err(DemoError::Seen(format!(
            "Daily answers {status} for the room {room}, which is Ready"
        ))),
    }
}

/// The status of Daily's answer for a room.
async fn room_status(stage: &Stage, room: &str) -> Result<u16, DemoError> {
    let daily = stage.daily.phone.api(KEY);
    Ok(daily.get(&format!("/rooms/{room}")).await?.status)
}

async fn see_it_end(stage: &mut Stage, secret: &Data) -> Result<(), DemoError> {
    look::wait_for(stage, SHORT_ROOM, "Expired").await?;
    let room = of(secret, "room-name")?;
    eventually("Secret and room are gone", GONE_WITHIN, async || {
        stage.operator.running()?;
        let is_there = look::secret(stage, SHORT_SECRET).await?.is_some();
        let status = room_status(stage, room).await?;
        Ok::<_, DemoError>(match (is_there, status) {
            (false, 404) => Look::Done(()),
            _ => Look::NotYet(format!(
                "the Secret is there: {is_there}; Daily answers {status} for the room {room}"
            )),
        })
    })
    .await?;
    say(format_args!(
        "the Secret is gone, and Daily answers 404 for the room {room}"
    ));
    let answer = dial(stage, of(secret, "dial-string")?).await?;
    match answer.outcome {
        Outcome::Expired | Outcome::WrongPin => Ok(()),
        _ => Err(DemoError::Seen(format!(
            "the PIN of a room that has ended must be refused, and this happened: {answer:?}"
        ))),
    }
}

/// A caller must get in by the same PIN after the first end of the room.
async fn see_it_renewed(stage: &mut Stage) -> Result<(), DemoError> {
    typed("kubectl apply -f -");
    say(STANDING_MANIFEST);
    say(stage.cluster.apply_in(NAMESPACE, STANDING_MANIFEST).await?);
    let room = look::wait_for(stage, STANDING_ROOM, "Ready").await?;
    let secret = look::secret(stage, STANDING_SECRET).await?;
    let first_end = text(&room, "/status/expirationTime");
    say(format_args!(
        "the PIN is {}; the room ends at {first_end}, and the operator renews it at {}",
        text(&room, "/status/dialinCode"),
        text(&room, "/status/renewalTime")
    ));
    say("the demo moves the clock of the simulated Daily to that time");
    stage.daily.phone.advance(HALF_ITS_TTL).await?;
    let next_end = renewed(stage, first_end).await?;
    let after = look::secret(stage, STANDING_SECRET).await?;
    let (Some(after), true) = (&after, after == secret) else {
        return Err(DemoError::Seen("the renewal changed the Secret".to_owned()));
    };
    say(format_args!(
        "the room ends at {next_end} now, and the PIN is still {}",
        of(after, "dialin-code")?
    ));
    say("the demo moves that clock past the first end");
    stage.daily.phone.advance(HALF_ITS_TTL).await?;
    let answer = dial(stage, of(after, "dial-string")?).await?;
    match answer.outcome {
        Outcome::OnHold => {
            say("the caller waits until somebody joins the room");
            Ok(())
        }
        _ => Err(DemoError::Seen(format!(
            "the caller must wait for the host, and this happened: {answer:?}"
        ))),
    }
}

/// Waits until the room has another end than this one, prints its events, and returns the end.
async fn renewed(stage: &mut Stage, end: &str) -> Result<String, DemoError> {
    let args = ["events", "--for", STANDING_ROOM, "--namespace", NAMESPACE];
    let what = "the room is renewed";
    let (next_end, events) = eventually(what, RENEWED_WITHIN, async || {
        stage.operator.running()?;
        let room = look::object(stage, STANDING_ROOM).await?;
        let next_end = text(&room, "/status/expirationTime");
        let events = stage.cluster.run(&args).await?;
        Ok::<_, DemoError>(match next_end != end && events.contains("Renewed") {
            true => Look::Done((next_end.to_owned(), events)),
            false => Look::NotYet(format!("it ends at {next_end}\n{events}")),
        })
    })
    .await?;
    typed(format_args!("kubectl {}", args.join(" ")));
    say(events);
    Ok(next_end)
}

/// The host and the caller are still in the room.
async fn delete_when_empty(stage: &mut Stage, secret: &Data) -> Result<(), DemoError> {
    let room = of(secret, "room-name")?;
    stage.daily.phone.advance(PRESENCE_LAG).await?;
    let args = ["delete", THE_ROOM, "--wait=false", "--namespace", NAMESPACE];
    typed(format_args!("kubectl {}", args.join(" ")));
    say(stage.cluster.run(&args).await?);
    let object = look::wait_for(stage, THE_ROOM, "Reconciling").await?;
    let status = room_status(stage, room).await?;
    if text(&object, "/status/reason") != "DeletionDeferred" || status != 200 {
        return Err(DemoError::Seen(format!(
            "the room must stay while people are in it, and Daily answers {status} for it:\n{}",
            look::describe(&object)
        )));
    }
    say("the host leaves, and the caller hangs up");
    stage.daily.phone.leave(room, "Host").await?;
    for call in stage.daily.phone.calls().await? {
        stage.daily.phone.hang_up(&call.call_id).await?;
    }
    stage.daily.phone.advance(PRESENCE_LAG).await?;
    eventually("the room is deleted", DELETED_WITHIN, async || {
        stage.operator.running()?;
        let status = room_status(stage, room).await?;
        let args = [
            "get",
            THE_ROOM,
            "--ignore-not-found",
            "--namespace",
            NAMESPACE,
        ];
        let left = stage.cluster.run(&args).await?;
        Ok::<_, DemoError>(match (status, left.trim().is_empty()) {
            (404, true) => Look::Done(()),
            _ => Look::NotYet(format!("Daily answers {status} for the room; {left}")),
        })
    })
    .await?;
    say("the DailyRoom is gone, and so is its room");
    Ok(())
}
