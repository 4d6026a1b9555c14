//! Connections that can be cut: a fault may take a call and never answer it.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Extension;
use axum::middleware::AddExtension;
use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tower_layer::Layer;

/// Cuts the connection on which a call came. Handlers get it as an extension of the request.
#[derive(Clone, Debug, Default)]
pub(super) struct Scissors(Arc<Blades>);

#[derive(Debug, Default)]
struct Blades {
    cut: AtomicBool,
    /// Set when the connection is to be reset as soon as all that was written is out.
    reset: AtomicBool,
    done: Notify,
}

impl Scissors {
    /// From now on nothing is written any more: the client sees the connection end without a reply.
    pub fn cut(&self) {
        self.0.cut.store(true, Ordering::Release);
    }

    /// Resets the connection once all that was written so far is on its way, and then returns the
    /// error that ends the reply.
    pub async fn reset_after_flush(&self) -> io::Error {
        self.0.reset.store(true, Ordering::Release);
        self.0.done.notified().await;
        io::ErrorKind::ConnectionReset.into()
    }

    fn check(&self) -> io::Result<()> {
        match self.0.cut.load(Ordering::Acquire) {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(()),
        }
    }

    fn resets(&self) -> bool {
        self.0.reset.load(Ordering::Acquire)
    }
}

/// Wraps each connection and gives its requests the [`Scissors`]. It sits below TLS, so that not
/// even a closing message of TLS gets out.
#[derive(Clone, Copy, Debug)]
pub(super) struct CuttingAcceptor;

impl<S> Accept<TcpStream, S> for CuttingAcceptor {
    type Stream = Wire;
    type Service = AddExtension<S, Scissors>;
    type Future = Ready<io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let scissors = Scissors::default();
        let service = Extension(scissors.clone()).layer(service);
        // Replies are small and written at once; waiting for more to send only adds latency.
        let wire = stream.set_nodelay(true).map(|()| Wire { stream, scissors });
        ready(wire.map(|wire| (wire, service)))
    }
}

/// A connection that can be cut.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    scissors: Scissors,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.scissors.check()?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.scissors.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.scissors.check()?;
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(flushed, Poll::Ready(Ok(()))) && self.scissors.resets() {
            // Closing the connection now sends a reset instead of an ordinary end.
            self.stream.set_zero_linger()?;
            self.scissors.cut();
            self.scissors.0.done.notify_one();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.scissors.resets() {
            true => Poll::Ready(Ok(())),
            false => Pin::new(&mut self.stream).poll_shutdown(cx),
        }
    }
}
