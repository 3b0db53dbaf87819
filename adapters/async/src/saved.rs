//! What a link is saved as, whenever a caller asks for it.

use std::borrow::Borrow;
use std::fmt;
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll};

use event_listener::EventListener;
use redial::{Endpoint, EndpointSnapshot, Policy, Reconnector, Snapshot};

use crate::handle::LinkHandle;
use crate::hub::{Hub, poll_until};
use crate::sync::{Arc, Mutex, MutexGuard};

/// What must outlive the process, of a link and of all its endpoints; see [`LinkHandle::snapshot`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Saved {
    /// The link itself; with its first endpoint, so that a link with one needs nothing else.
    pub link: Snapshot,
    /// What is known of each endpoint, by its key.
    pub endpoints: Vec<EndpointSnapshot>,
}

impl<P, S> From<&Reconnector<P, S>> for Saved
where
    P: Borrow<Policy>,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
{
    fn from(link: &Reconnector<P, S>) -> Self {
        Self { link: link.snapshot(), endpoints: link.endpoint_snapshots().collect() }
    }
}

/// Where the loop puts it, for all who have asked since it last listened.
#[derive(Debug, Default)]
pub(crate) struct Reply(Mutex<Option<Saved>>);

impl Reply {
    fn lock(&self) -> MutexGuard<'_, Option<Saved>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, saved: Saved) {
        *self.lock() = Some(saved);
    }
}

impl<H, E> LinkHandle<H, E> {
    /// What must outlive the process, as of now: a wait that has become shorter, an outage that has become
    /// older. For who saves every minute, say, what [`Transition::snapshot`](crate::Transition::snapshot)
    /// gave at the last change, or saves when the process is told to end.
    ///
    /// Whatever was said to the link before is done first. `None` once its future is gone: a link that is
    /// over is not to be restored, and one that was dropped is as its observer has seen it last.
    ///
    /// ```
    /// use std::time::Duration;
    /// use redial_async::redial::{Endpoint, Policy, Reconnector, Timestamp};
    /// use redial_async::{LinkHandle, Saved};
    ///
    /// async fn save(link: &LinkHandle) -> Option<Saved> {
    ///     link.snapshot().await
    /// }
    ///
    /// /// In the next process, so much later.
    /// fn restore(saved: &Saved, seed: u64, away: Duration) -> Reconnector<Policy, Vec<Endpoint>> {
    ///     let endpoints = vec![Endpoint::new(0), Endpoint::new(1)];
    ///     let Saved { link, endpoints: health, .. } = saved;
    ///     let (policy, now) = (Policy::DEFAULT, Timestamp::ORIGIN);
    ///     Reconnector::restore_with_endpoints(policy, seed, endpoints, link, health, away, now)
    /// }
    /// # let _ = (save, restore);
    /// ```
    pub fn snapshot(&self) -> Saving {
        let hub = self.view.hub.clone();
        let reply = hub.wish(|wishes| wishes.snapshot.get_or_insert_default().clone());
        Saving { hub, reply, listener: None }
    }
}

/// Waits for what a link is to be saved as; made by [`LinkHandle::snapshot`].
#[must_use = "futures do nothing unless awaited"]
pub struct Saving {
    hub: Arc<Hub>,
    reply: Arc<Reply>,
    listener: Option<EventListener>,
}

impl Future for Saving {
    type Output = Option<Saved>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Saved>> {
        let Self { hub, reply, listener } = &mut *self;
        poll_until(&hub.changed, listener, cx, || {
            // Asked first: it may have answered just before.
            let gone = hub.is_gone();
            let saved = reply.lock().clone();
            (saved.is_some() || gone).then_some(saved)
        })
    }
}

impl fmt::Debug for Saving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saving").finish_non_exhaustive()
    }
}
