//! A byte stream that outlives its connections: the part that is the same on every runtime.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, ready};

use redial::DialId;

use crate::classify::Ended;
use crate::error::LinkError;
use crate::handle::LinkHandle;
use crate::link::Link;
use crate::session::Session;
use crate::sync::{Arc, Mutex, MutexGuard};
use crate::view::Connection;

/// One connection of a stream; empty once it is closed.
#[derive(Debug)]
pub struct StreamIo<T>(Arc<Mutex<Option<T>>>);

impl<T> StreamIo<T> {
    /// A connection that is open.
    pub fn new(io: T) -> Self {
        Self(Arc::new(Mutex::new(Some(io))))
    }

    /// For `serve`. Whoever holds the stream reads and writes; this only waits until the connection is to
    /// [drain](Session::draining).
    pub async fn serve(self, session: Session) -> Ended<io::Error> {
        session.draining().await;
        Ended::Finished
    }

    /// Closes it, whoever else holds it.
    pub fn close(&self) {
        let io = self.lock().take();
        drop(io);
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for StreamIo<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Which half of a stream is polled. Each may be polled by a task of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Half {
    /// The half that reads.
    Read,
    /// The half that writes.
    Write,
}

/// What the runtime crates' `ReconnectingStream` are made of.
pub struct StreamCore<T> {
    link: Link<StreamIo<T>>,
    reader: LinkHandle<StreamIo<T>>,
    writer: LinkHandle<StreamIo<T>>,
    current: Option<Connection<StreamIo<T>>>,
    /// Written to the current connection, and not flushed.
    unflushed: bool,
    /// Bytes were lost in flight, and nobody was told yet.
    lost: bool,
}

impl<T: Unpin> StreamCore<T> {
    /// A stream over a link that shares its connections.
    pub fn new(link: Link<StreamIo<T>>) -> Self {
        let (reader, writer) = (link.handle(), link.handle());
        Self { link, reader, writer, current: None, unflushed: false, lost: false }
    }

    /// The link under the stream.
    pub fn link(&self) -> &Link<StreamIo<T>> {
        &self.link
    }

    /// The connection that was used last.
    pub fn connection(&self) -> Option<DialId> {
        self.current.as_ref().map(|connection| connection.id)
    }

    /// Polls the connection, waiting for one if there is none. An error ends that connection, and is not
    /// the caller's: `op` is called again on the next.
    ///
    /// # Errors
    /// The link's end: `NotConnected` if it was stopped, otherwise with a [`LinkError`] inside.
    pub fn poll_io<R>(
        &mut self,
        half: Half,
        cx: &mut Context<'_>,
        mut op: impl FnMut(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        loop {
            let handle = match half {
                Half::Read => &mut self.reader,
                Half::Write => &mut self.writer,
            };
            let current = match &self.current {
                Some(current) => current,
                None => match handle.poll_connection(cx) {
                    Poll::Ready(Ok(connection)) => self.current.insert(connection),
                    Poll::Ready(Err(LinkError::Stopped)) => {
                        return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                    Poll::Pending => return Poll::Pending,
                },
            };
            let id = current.id;
            let poll = current.shared.lock().as_mut().map(|io| op(Pin::new(io), cx));
            match poll {
                Some(Poll::Ready(Ok(done))) => {
                    match half {
                        Half::Write => self.unflushed = true,
                        Half::Read => handle.activity(id),
                    }
                    return Poll::Ready(Ok(done));
                }
                Some(Poll::Ready(Err(error))) => {
                    handle.report(id, error);
                }
                Some(Poll::Pending) => ready!(handle.poll_replaced(id, cx)),
                None => {}
            }
            self.current = None;
            self.lost |= std::mem::take(&mut self.unflushed);
        }
    }

    /// Flushes with `op`. If a connection has ended with bytes in flight, it fails once.
    ///
    /// # Errors
    /// `ConnectionReset` for bytes that may be lost, and as [`poll_io`](Self::poll_io).
    pub fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        op: impl FnMut(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        if !self.lost && !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        if !self.lost {
            let Poll::Ready(flushed) = self.poll_io(Half::Write, cx, op) else {
                return Poll::Pending;
            };
            flushed?;
            self.unflushed = false;
        }
        Poll::Ready(self.tell_loss())
    }

    /// Fails once if bytes were lost.
    fn tell_loss(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.lost) {
            return Ok(());
        }
        let text = "the connection ended with bytes in flight";
        Err(io::Error::new(io::ErrorKind::ConnectionReset, text))
    }

    /// Shuts the connection down with `op`, if there is one, and stops the link, also if that fails.
    ///
    /// # Errors
    /// That of `op`; `ConnectionReset` for bytes that may be lost.
    pub fn poll_shutdown(
        &mut self,
        cx: &mut Context<'_>,
        op: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        let mut shut = Ok(());
        if let Some(current) = &self.current {
            let poll = current.shared.lock().as_mut().map(|io| op(Pin::new(io), cx));
            match poll {
                Some(Poll::Ready(done)) => {
                    // It was flushed with that.
                    self.unflushed &= done.is_err();
                    shut = done;
                }
                Some(Poll::Pending) => ready!(self.writer.poll_replaced(current.id, cx)),
                None => {}
            }
        }
        self.current = None;
        self.link.stop();
        self.lost |= std::mem::take(&mut self.unflushed);
        let told = self.tell_loss();
        Poll::Ready(shut.and(told))
    }
}

impl<T> fmt::Debug for StreamCore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamCore").field("link", &self.link).finish_non_exhaustive()
    }
}
