//! What exists of a link: at most one dial and two connections, made what the action says and polled in
//! the order that matters.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use redial::{Action, Dial, DialId};

use crate::classify::Ended;
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
    pub(crate) id: DialId,
    pub(crate) endpoint: u32,
    pub(crate) slot: sync::Arc<Slot>,
    pub(crate) shared: H,
    pub(crate) future: Pin<Box<V>>,
}

/// Tells those that the connection is gone who still have a session of it.
fn gone(slot: &sync::Arc<Slot>) {
    // What nobody else has, nobody else can wait for.
    if sync::Arc::strong_count(slot) > 1 {
        slot.drain();
    }
}

/// What ended the wait.
pub(crate) enum Happened<D, C, E> {
    Dialed(Dialing<D>, Result<C, E>),
    /// A connection, which is still among the links and is not to be polled again.
    Ended(DialId, Ended<E>),
    Panicked(Panic),
    /// Somebody spoke.
    Spoken,
}

/// What exists. Whatever leaves it is closed, also when all of it is dropped.
pub(crate) struct World<K: Sharing<C>, C, D, V> {
    pub(crate) dial: Option<Dialing<D>>,
    pub(crate) links: Vec<Serving<V, K::Shared>>,
    pub(crate) sharing: K,
}

impl<K: Sharing<C>, C, D, V> World<K, C, D, V> {
    pub(crate) fn new(sharing: K) -> Self {
        Self { dial: None, links: Vec::new(), sharing }
    }

    /// Drops what `action` does not name, and starts the dial that it does. A link that is `ending` dials
    /// no more, and drains.
    pub(crate) fn reconcile(
        &mut self,
        action: &Action,
        ending: bool,
        start: impl FnOnce(Dial, sync::Arc<Slot>) -> D,
    ) -> Result<(), Panic> {
        let (held, draining) = (action.held(), action.draining().map(|old| old.id));
        let named = |id: DialId| held == Some(id) || draining == Some(id);
        while let Some(link) = self.links.iter().find(|link| !named(link.id)) {
            self.close(link.id);
        }
        for link in &self.links {
            if draining == Some(link.id) || ending {
                link.slot.drain();
            }
        }
        let dial = action.dial().filter(|_| !ending);
        let running = self.dial.as_ref().map(|dialing| dialing.dial.id);
        if running == dial.map(|dial| dial.id) {
            return Ok(());
        }
        self.dial = None;
        if let Some(dial) = dial {
            let slot = sync::Arc::new(Slot::default());
            let future = caught(|| start(dial, slot.clone()))?;
            self.dial = Some(Dialing { dial, slot, future: Box::pin(future) });
        }
        Ok(())
    }

    /// A connection that came of a dial and is the link.
    pub(crate) fn hold(
        &mut self,
        dial: Dial,
        slot: sync::Arc<Slot>,
        connection: C,
        serve: impl FnOnce(C) -> V,
    ) -> Result<(), Panic> {
        let shared = caught(|| self.sharing.share(&connection))?;
        let future = caught(|| serve(connection)).inspect_err(|_| slot.drain())?;
        self.links.reserve_exact(1);
        let Dial { id, endpoint, .. } = dial;
        self.links.push(Serving { id, endpoint, slot, shared, future: Box::pin(future) });
        Ok(())
    }

    /// Drops the connection `id`, and closes it; false if there is none.
    pub(crate) fn close(&mut self, id: DialId) -> bool {
        let Some(index) = self.links.iter().position(|link| link.id == id) else {
            return false;
        };
        let Serving { slot, shared, future, .. } = self.links.swap_remove(index);
        drop(future);
        gone(&slot);
        self.sharing.close(shared);
        true
    }

    /// Ready when a dial or a connection has ended.
    pub(crate) fn poll<E>(&mut self, cx: &mut Context<'_>) -> Poll<Happened<D, C, E>>
    where
        D: Future<Output = Result<C, E>>,
        V: Future<Output = Ended<E>>,
    {
        let dialed = match &mut self.dial {
            Some(dialing) => caught(|| dialing.future.as_mut().poll(cx)),
            None => Ok(Poll::Pending),
        };
        match dialed {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(result)) => {
                if let Some(dialing) = self.dial.take() {
                    return Poll::Ready(Happened::Dialed(dialing, result));
                }
            }
            Err(panic) => return Poll::Ready(Happened::Panicked(panic)),
        }
        for link in &mut self.links {
            match caught(|| link.future.as_mut().poll(cx)) {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(ended)) => {
                    return Poll::Ready(Happened::Ended(link.id, ended));
                }
                Err(panic) => return Poll::Ready(Happened::Panicked(panic)),
            }
        }
        Poll::Pending
    }
}

impl<K: Sharing<C>, C, D, V> Drop for World<K, C, D, V> {
    fn drop(&mut self) {
        for Serving { slot, shared, future, .. } in self.links.drain(..) {
            drop(future);
            gone(&slot);
            self.sharing.close(shared);
        }
    }
}
