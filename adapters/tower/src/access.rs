//! The way to a connection that is ready, for the service and for a request that is sent again.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use redial::DialId;
use redial_async::{Link, LinkError, LinkHandle, Watch};
use tower_service::Service;

use crate::error::Cause;

/// What all clones of a service share.
pub(crate) struct Shared<S, M, E> {
    pub(crate) link: Link<S, Cause<M>>,
    /// Whether an error shows that the connection is broken.
    pub(crate) breaks: Arc<dyn Fn(&E) -> bool + Send + Sync>,
}

/// Polls its own clone of the connection's service.
pub(crate) struct Access<S, M, E> {
    pub(crate) shared: Arc<Shared<S, M, E>>,
    handle: LinkHandle<S, Cause<M>>,
    watch: Watch,
    current: Option<(DialId, S)>,
}

impl<S: Clone, M, E: fmt::Display> Access<S, M, E> {
    pub(crate) fn new(shared: Arc<Shared<S, M, E>>) -> Self {
        let (handle, watch) = (shared.link.handle(), shared.link.watch());
        Self { shared, handle, watch, current: None }
    }

    /// Ready when the connection's service is. One that fails here is dead, and the next is waited for.
    pub(crate) fn poll_ready<Request>(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), LinkError<Cause<M>>>>
    where
        S: Service<Request, Error = E>,
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
                Poll::Pending => {
                    if self.watch.poll_changed(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    /// The connection, once it is ready.
    pub(crate) fn current(&mut self) -> Option<(DialId, &mut S)> {
        self.current.as_mut().map(|(id, service)| (*id, service))
    }

    /// This connection is broken.
    pub(crate) fn report(&mut self, id: DialId, error: &E) {
        self.current = None;
        self.handle.report(id, Cause::Request(error.to_string()));
    }
}

impl<S: Clone, M, E: fmt::Display> Clone for Access<S, M, E> {
    fn clone(&self) -> Self {
        Self::new(self.shared.clone())
    }
}
