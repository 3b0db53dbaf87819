//! A byte stream that outlives its connections.

use std::borrow::Borrow;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use redial_async::redial::{DialId, Endpoint, Policy, Reconnector};
use redial_async::{Attempt, Half, Link, StreamCore, StreamIo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::spawn::{driver, spawn_drive};

/// Reads and writes whatever connection there is, and waits for the next when it ends. For protocols that
/// can resume in the middle: log shippers, line feeds, serial lines over TCP.
///
/// **Bytes in flight.** What a write has accepted is sent at most once. If its connection ends before a
/// flush has succeeded, the next flush fails once with `ConnectionReset`, and what was written since the
/// last flush that succeeded may be lost. Reads go on with the new connection's bytes, from one read to
/// the next: [`connection`](Self::connection) tells which one it was. Whatever a new connection needs
/// first (a login, a position to resume from) belongs in `connect`.
///
/// A flush goes as far as the connection's own. What TCP has taken it may still lose, and nobody is told: only
/// an answer of the other side proves more. What is received keeps the policy's `idle_timeout` away.
///
/// The end of a connection, clean or not, is never an error or an end of file here; only the end of the
/// link is. Dropping the stream aborts the link; shutting it down stops it.
///
/// ```no_run
/// use redial_tokio::redial::{Policy, Reconnector};
/// use redial_tokio::{ReconnectingStream, connect, random_seed};
/// use tokio::io::AsyncWriteExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let reconnector = Reconnector::new(Policy::DEFAULT, random_seed());
/// let mut log = ReconnectingStream::new(reconnector, |_| connect("log.example.com:514"));
/// log.write_all(b"<14>started\n").await?;
/// if let Err(error) = log.flush().await {
///     println!("a line may be lost: {error}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ReconnectingStream<T> {
    core: StreamCore<T>,
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> ReconnectingStream<T> {
    /// A stream over a link that is spawned here: `connect` is called for each dial.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new<P, S, Connect, Dialing>(reconnector: Reconnector<P, S>, mut connect: Connect) -> Self
    where
        P: Borrow<Policy> + Send + 'static,
        S: AsRef<[Endpoint]> + AsMut<[Endpoint]> + Send + 'static,
        Connect: FnMut(Attempt) -> Dialing + Send + 'static,
        Dialing: Future<Output = io::Result<T>> + Send + 'static,
    {
        let connect = move |attempt| {
            let dialing = connect(attempt);
            async move { io::Result::Ok(StreamIo::new(dialing.await?)) }
        };
        let driver = driver(reconnector);
        let driver = driver.share_closing(StreamIo::<T>::clone, |io: StreamIo<T>| io.close());
        Self { core: StreamCore::new(spawn_drive(driver.drive(connect, StreamIo::serve))) }
    }

    /// The connection that was read from or written to last.
    pub fn connection(&self) -> Option<DialId> {
        self.core.connection()
    }

    /// The link under the stream: its status, commands, and end.
    pub fn link(&self) -> &Link<StreamIo<T>> {
        self.core.link()
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for ReconnectingStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.core.poll_io(Half::Read, cx, |io, cx| {
            let before = buf.filled().len();
            ready!(io.poll_read(cx, buf))?;
            let ended = buf.filled().len() == before && buf.remaining() > 0;
            Poll::Ready(if ended { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) })
        })
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for ReconnectingStream<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.core.poll_io(Half::Write, cx, |io, cx| io.poll_write(cx, buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.core.poll_flush(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.core.poll_shutdown(cx, AsyncWrite::poll_shutdown)
    }
}
