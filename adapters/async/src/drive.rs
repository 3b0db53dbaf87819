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
use crate::world::caught;

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
    /// Gives back what is told: the end, or that what was shown of the link has panicked as it was dropped.
    fn tell(&mut self, end: End<E>) -> End<E> {
        self.told = true;
        let cleared = caught(|| self.view.clear());
        let end = end.and_then(|()| cleared.map_err(LinkError::Panicked));
        self.view.set_ended(end.clone(), u64::MAX);
        self.view.hub.set_gone();
        self.view.hub.announce();
        end
    }
}

impl<H, E> Drop for Farewell<H, E> {
    fn drop(&mut self) {
        if !self.told {
            let _aborted = self.tell(Err(LinkError::Aborted));
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
        this.engine.poll(cx).map(|end| this.farewell.tell(end))
    }
}

impl<F, H, E> fmt::Debug for Drive<F, H, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drive")
            .field("status", &self.farewell.view.hub.status())
            .finish_non_exhaustive()
    }
}
