//! `daily-sim bench`: how many calls a second a simulator answers over HTTP on loopback.
//!
//! Simulator and clients share one process and so the cores of the machine.

mod figures;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use daily_sim::{Config, Limits, Sim};
use futures::future::try_join_all;
use http::Method;
use serde_json::{Value, json};

use self::figures::Figures;

const KEY: &str = "bench-key";
const DAY: i64 = 86_400;

/// The calls of a client, over and over: 40% GET room, 20% listing page, 20% update, 10% create and
/// 10% delete.
const MIX: [Kind; 10] = [
    Kind::Get,
    Kind::List,
    Kind::Create,
    Kind::Get,
    Kind::Update,
    Kind::Get,
    Kind::List,
    Kind::Delete,
    Kind::Update,
    Kind::Get,
];

/// What is measured, and for how long.
#[derive(Debug, Args)]
pub struct Bench {
    /// How many rooms the account has.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    rooms: u32,
    /// How many seconds to measure.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// How many clients call at the same time.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
}

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Get,
    List,
    Update,
    Create,
    Delete,
}

/// What a client needs.
struct Target {
    base_url: String,
    http: reqwest::Client,
    /// The ids of the rooms, by their number.
    ids: Vec<String>,
    /// The end of each room.
    exp: i64,
}

/// Fills an account, measures, and prints a table.
pub async fn run(bench: &Bench) -> Result<(), Box<dyn Error>> {
    let config = Config::single("bench", KEY, &["+12025550123"]).limits(Limits::Off);
    let sim = Sim::start(config).await?;
    let mut target = Target {
        base_url: sim.base_url(),
        http: reqwest::Client::builder().build()?,
        ids: Vec::new(),
        exp: jiff::Timestamp::now().as_second() + DAY,
    };
    let began = Instant::now();
    target.ids = fill(&target, bench).await?;
    println!(
        "filled an account with {} rooms in {:.1} s; {} clients call for {} s",
        bench.rooms,
        began.elapsed().as_secs_f64(),
        bench.clients,
        bench.seconds,
    );
    let (target, length) = (Arc::new(target), Duration::from_secs(bench.seconds.into()));
    let began = Instant::now();
    let clients = (0..bench.clients)
        .map(|number| tokio::spawn(client(Arc::clone(&target), number, began + length)));
    let mut figures = Figures::default();
    for measured in try_join_all(clients).await? {
        figures.add(measured?);
    }
    print!("{}", figures.table(began.elapsed()));
    sim.stop().await;
    Ok(())
}

/// Creates the rooms, as many at a time as there are clients, and answers their ids.
async fn fill(target: &Target, bench: &Bench) -> Result<Vec<String>, String> {
    let share = |client: u32| async move {
        let mut made = Vec::new();
        for number in (client..bench.rooms).step_by(bench.clients as usize) {
            let room = target.create(&room_name(number)).await?;
            let room: Value = serde_json::from_slice(&room).map_err(|error| error.to_string())?;
            let id = room.get("id").and_then(Value::as_str).unwrap_or_default();
            made.push((number, id.to_owned()));
        }
        Ok::<_, String>(made)
    };
    let mut made = try_join_all((0..bench.clients).map(share)).await?.concat();
    made.sort_unstable();
    Ok(made.into_iter().map(|(_, id)| id).collect())
}

fn room_name(number: u32) -> String {
    format!("room-{number}")
}

/// Calls until the time is up.
async fn client(target: Arc<Target>, number: u32, end: Instant) -> Result<Figures, String> {
    let mut rng = fastrand::Rng::with_seed(number.into());
    let mut figures = Figures::default();
    let own_room = format!("own-{number}");
    for kind in MIX.into_iter().cycle() {
        let began = Instant::now();
        if began >= end {
            break;
        }
        target.call(kind, &own_room, &mut rng).await?;
        figures.note(kind, began.elapsed());
    }
    Ok(figures)
}

impl Target {
    /// Makes a call about some room, or about the client's own when it is made or deleted.
    async fn call(
        &self,
        kind: Kind,
        own_room: &str,
        rng: &mut fastrand::Rng,
    ) -> Result<(), String> {
        let number = rng.usize(..self.ids.len());
        let room = format!("/rooms/room-{number}");
        match kind {
            Kind::Get => self.send(Method::GET, &room, None).await,
            Kind::List => {
                let before = self.ids.get(number).map(String::as_str);
                let page = format!("/rooms?starting_after={}", before.unwrap_or_default());
                self.send(Method::GET, &page, None).await
            }
            Kind::Update => {
                let later = self.exp + rng.i64(0..DAY);
                let change = json!({"properties": {"exp": later}});
                self.send(Method::POST, &room, Some(&change)).await
            }
            Kind::Create => self.create(own_room).await,
            Kind::Delete => {
                let room = format!("/rooms/{own_room}");
                self.send(Method::DELETE, &room, None).await
            }
        }
        .map(|_| ())
    }

    async fn create(&self, name: &str) -> Result<Vec<u8>, String> {
        let dialin = json!({"display_name": "Caller", "wait_for_meeting_start": true});
        let room = json!({"name": name, "properties": {"exp": self.exp, "dialin": dialin}});
        self.send(Method::POST, "/rooms", Some(&room)).await
    }

    /// The body of an answer, which has to be a 200.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Vec<u8>, String> {
        let url = format!("{}{path}", self.base_url);
        let mut request = self.http.request(method.clone(), url).bearer_auth(KEY);
        if let Some(body) = body {
            request = request.json(body);
        }
        let failed = |error: reqwest::Error| format!("{method} {path} failed: {error}");
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(failed)?;
        match status.as_u16() {
            200 => Ok(body.into()),
            _ => Err(format!("{method} {path} was answered with {status}")),
        }
    }
}
