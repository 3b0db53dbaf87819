//! The service that callers use.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use redial::{Phase, Status, Timestamp};
use redial_async::{Link, LinkHandle};
use tower_service::Service;

use crate::access::Access;
use crate::breaks::{BreaksConnection, EveryError};
use crate::error::{Cause, ReconnectError};
use crate::future::ResponseFuture;
use crate::resend::{Resend, ResendRequest};
use crate::state::ConnectionState;

/// A service over a connection that is made anew when it breaks; made by
/// [`ReconnectLayer`](crate::ReconnectLayer).
///
/// Clones share the connection. After it has given up, the next `poll_ready` begins a new outage; the rate
/// limit, breaker and server's hints hold over it.
pub struct Reconnect<S, M, A = Resend, B = EveryError> {
    access: Access<S, M>,
    resend: A,
    breaks: B,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl<S: Clone, M, A, B> Reconnect<S, M, A, B> {
    pub(crate) fn new(
        link: Link<S, Cause<M>>,
        resend: A,
        breaks: B,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Self {
        Self { access: Access::new(link), resend, breaks, clock }
    }

    /// What the link is doing.
    pub fn state(&self) -> ConnectionState {
        ConnectionState::from(&self.status())
    }

    /// What the link is doing, in full.
    pub fn status(&self) -> Status {
        self.access.link.status()
    }

    /// Dials of this outage so far; 0 while connected.
    pub fn attempts(&self) -> u32 {
        match self.status().phase {
            Phase::Connecting { attempt } | Phase::Reconnecting { attempt, .. } => attempt,
            Phase::GaveUp { attempts, .. } => attempts,
            _ => 0,
        }
    }

    /// Time since the connection was made, if there is one.
    pub fn connected_for(&self) -> Option<Duration> {
        match self.status().phase {
            Phase::Connected { since, .. } => Some((self.clock)().saturating_since(since)),
            _ => None,
        }
    }

    /// The link itself: to watch, stop, redial or go offline.
    pub fn link(&self) -> LinkHandle<S, Cause<M>> {
        self.access.link.handle()
    }
}

impl<S, M, A, B, Request> Service<Request> for Reconnect<S, M, A, B>
where
    S: Service<Request> + Clone,
    S::Error: fmt::Display,
    A: ResendRequest<Request>,
    B: BreaksConnection<S::Error> + Clone,
{
    type Response = S::Response;
    type Error = ReconnectError<M, S::Error>;
    type Future = ResponseFuture<S, M, Request, B>;

    /// Ready when there is a connection and its service is ready. Dials if nobody has yet.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.access.poll_ready(cx).map_err(ReconnectError::link)
    }

    /// # Panics
    /// Without a `poll_ready` that said ready, as tower asks.
    fn call(&mut self, request: Request) -> Self::Future {
        let again = self.access.clone();
        let Some(connection) = self.access.take() else {
            panic!("called before poll_ready was ready")
        };
        let copy = self.resend.copy(&request);
        ResponseFuture::new(connection, request, copy, again, self.breaks.clone())
    }
}

impl<S: Clone, M, A: Clone, B: Clone> Clone for Reconnect<S, M, A, B> {
    fn clone(&self) -> Self {
        Self {
            access: self.access.clone(),
            resend: self.resend.clone(),
            breaks: self.breaks.clone(),
            clock: self.clock.clone(),
        }
    }
}

impl<S: Clone, M, A, B> fmt::Debug for Reconnect<S, M, A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnect").field("status", &self.status()).finish_non_exhaustive()
    }
}
