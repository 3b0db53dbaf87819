//! The future that drives a link.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::error::LinkError;
use crate::handle::LinkHandle;
use crate::link::Link;
use crate::sync::Arc;
use crate::view::{End, View};

pin_project! {
    /// Drives a link until it is stopped or gives up. Does nothing until polled; dropping it drops the
    /// dial, connections and timer that there are.
    #[must_use = "futures do nothing unless awaited or spawned"]
    pub struct Drive<F, H, E> {
        // Dropped before anyone is told.
        #[pin]
        engine: F,
        farewell: Farewell<H, E>,
    }
}

/// Tells everyone when the loop is gone, however it went.
struct Farewell<H, E> {
    view: Arc<View<H, E>>,
    told: bool,
}

impl<H, E> Farewell<H, E> {
    fn tell(&mut self, end: End<E>) {
        self.told = true;
        self.view.set_ended(end, u64::MAX);
        self.view.hub.set_gone();
        self.view.hub.announce();
    }
}

impl<H, E> Drop for Farewell<H, E> {
    fn drop(&mut self) {
        if !self.told {
            self.tell(Err(LinkError::Aborted));
        }
    }
}

impl<F: Future<Output = Result<(), LinkError<E>>>, H, E> Drive<F, H, E> {
    pub(crate) fn new(engine: F, view: Arc<View<H, E>>) -> Self {
        Self { engine, farewell: Farewell { view, told: false } }
    }

    /// Speaks to this link.
    pub fn handle(&self) -> LinkHandle<H, E> {
        LinkHandle::new(self.farewell.view.clone())
    }

    /// Owns this link, which from now on outlives a stop and a give-up for as long as someone has a handle
    /// to start it again. For runtimes' `spawn`: the future is to be spawned next.
    pub fn link(&self) -> Link<H, E> {
        self.farewell.view.hub.tell(|commands| commands.restartable = true);
        Link::new(self.handle())
    }
}

impl<F: Future<Output = Result<(), LinkError<E>>>, H, E> Future for Drive<F, H, E> {
    type Output = Result<(), LinkError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let poll = this.engine.poll(cx);
        if let Poll::Ready(end) = &poll {
            this.farewell.tell(end.clone());
        }
        poll
    }
}

impl<F, H, E> fmt::Debug for Drive<F, H, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drive")
            .field("status", &self.farewell.view.hub.status())
            .finish_non_exhaustive()
    }
}
