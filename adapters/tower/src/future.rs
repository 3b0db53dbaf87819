//! A request on its way, over one connection or two.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use redial::DialId;
use tower_service::Service;

use crate::access::Access;
use crate::breaks::{BreaksConnection, EveryError};
use crate::error::ReconnectError;

pin_project! {
    /// The answer to a request; made by [`Reconnect`](crate::Reconnect). Dropping it never touches the link.
    #[must_use = "futures do nothing unless awaited"]
    pub struct ResponseFuture<S, M, Request, B = EveryError>
    where
        S: Service<Request>,
    {
        #[pin]
        state: State<S, S::Future>,
        copy: Option<Request>,
        access: Access<S, M>,
        breaks: B,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F> {
        // The connection's service lives for as long as the request does.
        Calling { id: DialId, #[pin] future: F, service: S },
        // For the next connection.
        Waiting,
    }
}

impl<S: Service<Request>, M, Request, B> ResponseFuture<S, M, Request, B> {
    pub(crate) fn new(
        (id, mut service): (DialId, S),
        request: Request,
        copy: Option<Request>,
        access: Access<S, M>,
        breaks: B,
    ) -> Self {
        let state = State::Calling { id, future: service.call(request), service };
        Self { state, copy, access, breaks }
    }
}

impl<S, M, Request, B> Future for ResponseFuture<S, M, Request, B>
where
    S: Service<Request> + Clone,
    S::Error: fmt::Display,
    B: BreaksConnection<S::Error>,
{
    type Output = Result<S::Response, ReconnectError<M, S::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Calling { id, future, .. } => {
                    let id = *id;
                    let error = match ready!(future.poll(cx)) {
                        Err(error) if this.breaks.breaks(&error) => error,
                        answer => {
                            this.access.answered(id);
                            return Poll::Ready(answer.map_err(ReconnectError::Service));
                        }
                    };
                    // The reconnect happens whether or not the request is sent again.
                    this.access.report(id, &error);
                    if this.copy.is_none() {
                        return Poll::Ready(Err(ReconnectError::Service(error)));
                    }
                    this.state.set(State::Waiting);
                }
                StateProjection::Waiting => {
                    if let Err(error) = ready!(this.access.poll_ready(cx)) {
                        return Poll::Ready(Err(ReconnectError::link(error)));
                    }
                    let (Some((id, mut service)), Some(request)) =
                        (this.access.take(), this.copy.take())
                    else {
                        unreachable!("it was ready, and the request was kept for this")
                    };
                    let future = service.call(request);
                    this.state.set(State::Calling { id, future, service });
                }
            }
        }
    }
}

impl<S: Service<Request>, M, Request, B> fmt::Debug for ResponseFuture<S, M, Request, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("will_resend", &self.copy.is_some())
            .finish_non_exhaustive()
    }
}
