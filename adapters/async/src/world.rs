//! What exists: at most one dial, two connections and one timer, polled in the order that matters.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use redial::{Dial, DialId, Timestamp};

use crate::classify::Ended;
use crate::hub::Hub;
use crate::runtime::Runtime;
use crate::session::Slot;
use crate::sharing::Sharing;
use crate::sync;

/// The message of a panic.
pub(crate) type Panic = Arc<str>;

/// Calls foreign code; a panic becomes its message.
pub(crate) fn caught<T>(call: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| message(payload.as_ref()))
}

pub(crate) fn message(payload: &(dyn Any + Send)) -> Panic {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("(no message)").into()
}

/// A dial in flight.
pub(crate) struct Dialing<D> {
    pub(crate) dial: Dial,
    pub(crate) slot: sync::Arc<Slot>,
    pub(crate) future: Pin<Box<D>>,
}

/// A connection.
pub(crate) struct Serving<V, H> {
    pub(crate) dial: Dial,
    pub(crate) slot: sync::Arc<Slot>,
    pub(crate) shared: H,
    pub(crate) future: Pin<Box<V>>,
}

/// What ended the wait.
pub(crate) enum Happened<D, C, E> {
    Dialed(Dialing<D>, Result<C, E>),
    /// A connection, which is still among the links and is not to be polled again.
    Ended(DialId, Ended<E>),
    Panicked(Panic),
    /// Somebody spoke.
    Spoken,
    Time,
}

/// What exists. Whatever leaves it is closed, also when all of it is dropped.
pub(crate) struct World<K: Sharing<C>, C, D, V, T> {
    pub(crate) dial: Option<Dialing<D>>,
    pub(crate) links: Vec<Serving<V, K::Shared>>,
    pub(crate) sharing: K,
    timer: Option<(Timestamp, Pin<Box<T>>)>,
    /// Things that happened without a pause.
    busy: u32,
}

impl<K: Sharing<C>, C, D, V, T> World<K, C, D, V, T> {
    pub(crate) fn new(sharing: K) -> Self {
        Self { dial: None, links: Vec::with_capacity(2), sharing, timer: None, busy: 0 }
    }

    /// Drops the connection `id`, and closes it; false if there is none.
    pub(crate) fn close(&mut self, id: DialId) -> bool {
        let Some(index) = self.links.iter().position(|link| link.dial.id == id) else {
            return false;
        };
        let Serving { slot, shared, future, .. } = self.links.swap_remove(index);
        drop(future);
        slot.drain();
        self.sharing.close(shared);
        true
    }
}

impl<K: Sharing<C>, C, D, V, T> Drop for World<K, C, D, V, T> {
    fn drop(&mut self) {
        for Serving { slot, shared, future, .. } in self.links.drain(..) {
            drop(future);
            slot.drain();
            self.sharing.close(shared);
        }
    }
}

impl<K, C, D, V, T, E> World<K, C, D, V, T>
where
    K: Sharing<C>,
    D: Future<Output = Result<C, E>>,
    V: Future<Output = Ended<E>>,
    T: Future<Output = ()>,
{
    /// Ready when something has happened: results of I/O first, then what was said, then the time. A
    /// success that is there when the deadline comes counts.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        hub: &Hub,
        runtime: &impl Runtime<Sleep = T>,
        wake: Timestamp,
    ) -> Poll<Happened<D, C, E>> {
        // Callers on other threads may speak without end; the executor has other tasks.
        if self.busy >= 64 {
            self.busy = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let poll = self.poll_each(cx, hub, runtime, wake);
        self.busy = if poll.is_ready() { self.busy + 1 } else { 0 };
        poll
    }

    fn poll_each(
        &mut self,
        cx: &mut Context<'_>,
        hub: &Hub,
        runtime: &impl Runtime<Sleep = T>,
        wake: Timestamp,
    ) -> Poll<Happened<D, C, E>> {
        if let Some(mut dialing) = self.dial.take() {
            match caught(|| dialing.future.as_mut().poll(cx)) {
                Ok(Poll::Pending) => self.dial = Some(dialing),
                Ok(Poll::Ready(result)) => return Poll::Ready(Happened::Dialed(dialing, result)),
                Err(panic) => return Poll::Ready(Happened::Panicked(panic)),
            }
        }
        for index in 0..self.links.len() {
            match caught(|| self.links[index].future.as_mut().poll(cx)) {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(ended)) => {
                    return Poll::Ready(Happened::Ended(self.links[index].dial.id, ended));
                }
                Err(panic) => return Poll::Ready(Happened::Panicked(panic)),
            }
        }
        if hub.poll_spoken(cx).is_ready() {
            return Poll::Ready(Happened::Spoken);
        }
        self.poll_timer(cx, runtime, wake).map(|()| Happened::Time)
    }

    /// No timer for a wake that has come, and none for one that never will.
    fn poll_timer(
        &mut self,
        cx: &mut Context<'_>,
        runtime: &impl Runtime<Sleep = T>,
        wake: Timestamp,
    ) -> Poll<()> {
        if wake == Timestamp::MAX {
            self.timer = None;
            return Poll::Pending;
        }
        if runtime.now() >= wake {
            self.timer = None;
            return Poll::Ready(());
        }
        let (_, sleep) = match self.timer.take() {
            Some(timer) if timer.0 == wake => self.timer.insert(timer),
            _ => self.timer.insert((wake, Box::pin(runtime.sleep_until(wake)))),
        };
        let poll = sleep.as_mut().poll(cx);
        if poll.is_ready() {
            self.timer = None;
        }
        poll
    }
}
