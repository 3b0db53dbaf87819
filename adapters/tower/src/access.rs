//! The way to a connection that is ready, for the service and for a request that is sent again.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use redial::DialId;
use redial_async::{Link, LinkError, LinkHandle};
use tower_service::Service;

use crate::error::Cause;

/// Polls its own clone of the connection's service, which it has from then until it is called: one that is
/// not in use keeps no connection alive.
pub(crate) struct Access<S, M> {
    /// Owned by all clones of a service together.
    pub(crate) link: Arc<Link<S, Cause<M>>>,
    handle: LinkHandle<S, Cause<M>>,
    current: Option<(DialId, S)>,
    /// The newest connection that has answered; 0 for none.
    answered: Arc<AtomicU64>,
}

impl<S: Clone, M> Access<S, M> {
    pub(crate) fn new(link: Link<S, Cause<M>>) -> Self {
        Self {
            handle: link.handle(),
            link: Arc::new(link),
            current: None,
            answered: Arc::default(),
        }
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
        self.handle.activity(id);
        // To say it of every answer would wake the loop as often.
        let known = self.answered.load(Ordering::Relaxed) >= id.get();
        if !known && self.answered.fetch_max(id.get(), Ordering::Relaxed) < id.get() {
            self.handle.confirmed(id);
        }
    }

    /// This connection is broken.
    pub(crate) fn report(&mut self, id: DialId, error: &impl fmt::Display) {
        self.current = None;
        self.handle.report(id, Cause::Request(error.to_string()));
    }
}

impl<S: Clone, M> Clone for Access<S, M> {
    fn clone(&self) -> Self {
        let (link, answered) = (self.link.clone(), self.answered.clone());
        Self { handle: link.handle(), link, current: None, answered }
    }
}
