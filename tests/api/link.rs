//! A line to the API server that a scenario can cut, freeze and mend.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 64;

/// Forwards connections of one port to the API server. TLS goes through it untouched.
pub struct Link {
    address: SocketAddr,
    target: SocketAddr,
    frozen: CancellationToken,
    state: State,
}

enum State {
    /// The port is ours and refuses connections.
    Cut(TcpSocket),
    Open(JoinHandle<()>),
    /// Between the two.
    Changing,
}

impl Link {
    /// A line that is cut.
    pub async fn to(target: SocketAddr) -> Self {
        let socket = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        Self {
            address: socket.local_addr().expect("it has an address"),
            target,
            frozen: CancellationToken::new(),
            state: State::Cut(socket),
        }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Lets connections through.
    pub fn mend(&mut self) {
        let State::Cut(socket) = std::mem::replace(&mut self.state, State::Changing) else {
            panic!("the line is not cut");
        };
        let listener = socket.listen(BACKLOG).expect("it can listen");
        let frozen = self.frozen.clone();
        self.state = State::Open(tokio::spawn(forward(listener, self.target, frozen)));
    }

    /// Ends all connections and refuses new ones.
    pub async fn cut(&mut self) {
        let State::Open(task) = std::mem::replace(&mut self.state, State::Changing) else {
            panic!("the line is not open");
        };
        task.abort();
        let _ = task.await;
        self.state = State::Cut(bound(self.address));
    }

    /// From now on nothing comes through, and nobody is told.
    pub fn freeze(&self) {
        self.frozen.cancel();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let State::Open(task) = &self.state {
            task.abort();
        }
    }
}

/// A socket that has the port, and does not listen.
fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("there is a socket");
    socket.set_reuseaddr(true).expect("it takes the option");
    socket.bind(address).expect("the port is free");
    socket
}

async fn forward(listener: TcpListener, target: SocketAddr, frozen: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        let (mut client, _) = listener.accept().await.expect("it accepts connections");
        let frozen = frozen.clone();
        connections.spawn(async move {
            let through = async {
                let mut server = TcpStream::connect(target).await?;
                copy_bidirectional(&mut client, &mut server).await
            };
            tokio::select! {
                // Either side may end a connection as it likes.
                _ = through => {}
                () = frozen.cancelled() => std::future::pending().await,
            }
        });
    }
}
