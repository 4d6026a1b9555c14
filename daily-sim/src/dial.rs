//! `daily-sim dial`: a telephone in a shell or a pod, at a simulator that runs elsewhere.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use daily_sim::{Outcome, SimClient};
use tokio::signal::unix::{SignalKind, signal};

/// What is dialled, and where.
#[derive(Debug, Args)]
pub struct Dial {
    /// For example +12025550123,,12345678987.
    #[arg(env = "DIAL_STRING", required_unless_present = "file")]
    dial_string: Option<String>,
    /// A file that holds the dial string.
    #[arg(long, value_name = "FILE", conflicts_with = "dial_string")]
    file: Option<PathBuf>,
    /// Where the simulator is, for example http://127.0.0.1:8790.
    #[arg(long, value_name = "URL", env = "DAILY_SIM_URL")]
    at: String,
    /// The CA certificates to trust for it, in PEM, in place of those of the machine.
    #[arg(long, value_name = "FILE", env = "DAILY_SIM_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// Stay on the line until the program is ended.
    #[arg(long)]
    stay: bool,
}

/// Dials.
///
/// # Errors
/// When the call is not answered, or leads into no room.
pub async fn run(dial: &Dial) -> Result<(), Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let phone = phone(dial)?;
    let dial_string = match (&dial.dial_string, &dial.file) {
        (Some(dial_string), _) => dial_string.clone(),
        (None, Some(file)) => std::fs::read_to_string(file)
            .map_err(|error| format!("{} cannot be read: {error}", file.display()))?,
        (None, None) => return Err("write a dial string, or --file FILE".into()),
    };
    let answer = phone.dial(dial_string.trim()).await?;
    for heard in &answer.heard {
        println!("heard: {heard}");
    }
    let room = answer.room.as_deref().unwrap_or("none");
    println!("outcome: {:?}, room: {room}", answer.outcome);
    if !matches!(answer.outcome, Outcome::InRoom | Outcome::OnHold) {
        return Err(format!("the call ended with {:?}", answer.outcome).into());
    }
    if dial.stay {
        tokio::select! {
            _ = terminate.recv() => {}
            interrupt = tokio::signal::ctrl_c() => interrupt?,
        }
        phone.hang_up(&answer.call_id).await?;
        println!("hung up");
    }
    Ok(())
}

fn phone(dial: &Dial) -> Result<SimClient, Box<dyn Error>> {
    let Some(path) = &dial.ca_file else {
        return Ok(SimClient::new(&dial.at)?);
    };
    let pem = std::fs::read(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let trusted = reqwest::Certificate::from_pem_bundle(&pem)?;
    let http = reqwest::Client::builder().tls_certs_only(trusted).build()?;
    Ok(SimClient::with_http(&dial.at, http))
}
