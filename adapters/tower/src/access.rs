//! The way to a connection that is ready, for the service and for a request that is sent again.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use redial::DialId;
use redial_async::{Link, LinkError, LinkHandle, Session};
use tower_service::Service;

use crate::error::Cause;

/// The session of the newest connection, which is told of its answers.
pub(crate) struct Newest {
    session: Mutex<Option<Session>>,
    /// The last connection whose first answer it was told of; 0 for none.
    confirmed: AtomicU64,
    /// Whether silence ends a connection, and so every answer matters.
    idles: bool,
}

impl Newest {
    pub(crate) fn new(idles: bool) -> Self {
        Self { session: Mutex::default(), confirmed: AtomicU64::new(0), idles }
    }

    pub(crate) fn set(&self, session: Session) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
    }

    /// This connection has answered.
    fn answered(&self, id: DialId) {
        // Most answers: nothing that the link does not know.
        if !self.idles && self.confirmed.load(Ordering::Relaxed) == id.get() {
            return;
        }
        let newest = self.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(session) = newest.filter(|session| session.id() == id) {
            if self.confirmed.swap(id.get(), Ordering::Relaxed) != id.get() {
                session.confirmed();
            }
            session.activity();
        }
    }
}

/// Polls its own clone of the connection's service, which it has from then until it is called: one that is
/// not in use keeps no connection alive.
pub(crate) struct Access<S, M> {
    /// Owned by all clones of a service together.
    pub(crate) link: Arc<Link<S, Cause<M>>>,
    handle: LinkHandle<S, Cause<M>>,
    current: Option<(DialId, S)>,
    newest: Arc<Newest>,
}

impl<S: Clone, M> Access<S, M> {
    pub(crate) fn new(link: Arc<Link<S, Cause<M>>>, newest: Arc<Newest>) -> Self {
        Self { handle: link.handle(), link, current: None, newest }
    }

    /// Ready when the connection's service is. One that fails here is dead, and the next is waited for.
    pub(crate) fn poll_ready<Request>(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), LinkError<Cause<M>>>>
    where
        S: Service<Request>,
        S::Error: fmt::Display,
    {
        loop {
            let connection = ready!(self.handle.poll_connection(cx))?;
            let (id, service) = match &mut self.current {
                Some((id, service)) if *id == connection.id => (*id, service),
                current => {
                    let (id, service) = current.insert((connection.id, connection.shared));
                    (*id, service)
                }
            };
            match service.poll_ready(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => self.report(id, &error),
                // It may be replaced before it is ever ready.
                Poll::Pending => ready!(self.handle.poll_replaced(id, cx)),
            }
        }
    }

    /// The connection, once it is ready; for one call.
    pub(crate) fn take(&mut self) -> Option<(DialId, S)> {
        self.current.take()
    }

    /// This connection has answered.
    pub(crate) fn answered(&self, id: DialId) {
        self.newest.answered(id);
    }

    /// This connection is broken.
    pub(crate) fn report(&mut self, id: DialId, error: &impl fmt::Display) {
        self.current = None;
        self.handle.report(id, Cause::Request(error.to_string()));
    }
}

impl<S: Clone, M> Clone for Access<S, M> {
    fn clone(&self) -> Self {
        Self::new(self.link.clone(), self.newest.clone())
    }
}
