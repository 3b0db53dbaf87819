//! The future that drives a link.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::error::LinkError;
use crate::handle::LinkHandle;
use crate::hub::Hub;
use crate::link::Link;
use crate::view::View;

pin_project! {
    /// Drives a link until it is stopped or gives up. Does nothing until polled; dropping it drops the
    /// dial, connections and timer that there are.
    #[must_use = "futures do nothing unless awaited or spawned"]
    pub struct Drive<F, H, E> {
        #[pin]
        engine: F,
        hub: Arc<Hub>,
        view: Arc<View<H, E>>,
    }
}

impl<F: Future<Output = Result<(), LinkError<E>>>, H, E> Drive<F, H, E> {
    pub(crate) fn new(engine: F, hub: Arc<Hub>, view: Arc<View<H, E>>) -> Self {
        Self { engine, hub, view }
    }

    /// Speaks to this link.
    pub fn handle(&self) -> LinkHandle<H, E> {
        LinkHandle::new(self.hub.clone(), self.view.clone())
    }

    /// Owns this link, which from now on outlives a stop and a give-up for as long as someone has a handle
    /// to start it again. For runtimes' `spawn`: the future is to be spawned next.
    pub fn link(&self) -> Link<H, E> {
        self.hub.tell(|commands| commands.restartable = true);
        Link::new(self.handle())
    }
}

impl<F: Future<Output = Result<(), LinkError<E>>>, H, E> Future for Drive<F, H, E> {
    type Output = Result<(), LinkError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().engine.poll(cx)
    }
}

impl<F, H, E> fmt::Debug for Drive<F, H, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drive").field("status", &self.hub.status().0).finish_non_exhaustive()
    }
}
