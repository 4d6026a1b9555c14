//! A real HTTP proxy on loopback: tinyproxy, which Debian packages.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{ProcessError, Supervised};
use crate::wait::{Look, WaitError, eventually};

const PROGRAM: &str = "tinyproxy";
const READY_WITHIN: Duration = Duration::from_secs(20);

/// Why the proxy did not start.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// tinyproxy is not installed.
    #[error("tinyproxy is not installed; install it, on Debian with: apt-get install tinyproxy")]
    Missing,
    /// The configuration could not be written, or no port is free.
    #[error("the proxy could not be prepared")]
    Prepare(#[from] std::io::Error),
    /// The process could not be started.
    #[error("the proxy does not run")]
    Process(#[from] ProcessError),
    /// The proxy did not listen in time.
    #[error("the proxy does not listen")]
    Silent(#[from] WaitError<ProcessError>),
}

/// Which clients the proxy serves.
#[derive(Clone, Copy, Debug)]
pub enum Admits<'a> {
    /// All clients.
    All,
    /// This user with this password. The proxy answers all others with 407.
    User(&'a str, &'a str),
    /// No client. The proxy answers each CONNECT with 403.
    Nobody,
}

/// A running proxy. It stops on drop.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    process: Supervised,
    // Dropped last.
    _folder: TempDir,
}

impl Proxy {
    /// Starts a proxy on a free loopback port.
    ///
    /// # Errors
    /// If tinyproxy is missing or does not listen in time.
    pub async fn start(admits: Admits<'_>) -> Result<Self, ProxyError> {
        if !is_installed() {
            return Err(ProxyError::Missing);
        }
        let folder = tempfile::Builder::new().prefix("proxy-").tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let file = folder.path().join("tinyproxy.conf");
        std::fs::write(&file, configuration(address, admits))?;
        let mut command = Command::new(PROGRAM);
        command.arg("-d").arg("-c").arg(&file);
        let log = folder.path().join("tinyproxy.log");
        let mut process = Supervised::start(PROGRAM, &command, &log)?;
        eventually("a proxy that listens", READY_WITHIN, async || {
            process.running()?;
            Ok(match TcpStream::connect(address) {
                Ok(_) => Look::Done(()),
                Err(error) => Look::NotYet(error.to_string()),
            })
        })
        .await?;
        Ok(Self {
            address,
            process,
            _folder: folder,
        })
    }

    /// The address at which the proxy listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many CONNECT requests for this `HOST:PORT` the proxy received.
    pub fn connects(&self, to: &str) -> usize {
        let log = std::fs::read_to_string(self.process.log()).unwrap_or_default();
        let wanted = format!("CONNECT {to} ");
        log.lines().filter(|line| line.contains(&wanted)).count()
    }
}

fn is_installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(PROGRAM).is_file())
}

fn configuration(address: SocketAddr, admits: Admits<'_>) -> String {
    let rule = match admits {
        Admits::All => String::new(),
        Admits::User(user, password) => format!("BasicAuth {user} {password}\n"),
        // The proxy then allows CONNECT to port 1 only.
        Admits::Nobody => "ConnectPort 1\n".to_owned(),
    };
    format!(
        "Listen {}\nPort {}\nTimeout 600\nMaxClients 100\nLogLevel Connect\n{rule}",
        address.ip(),
        address.port()
    )
}
