//! What exists of a link: at most one dial and two connections, made what the action says and polled in
//! the order that matters.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use redial::{Action, Dial, DialId};

use crate::classify::Ended;
use crate::session::Line;
use crate::sharing::Sharing;
use crate::sync;

/// Calls foreign code; a panic becomes its message.
pub(crate) fn caught<T>(call: impl FnOnce() -> T) -> Result<T, Arc<str>> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        text.unwrap_or("(no message)").into()
    })
}

pin_project! {
    /// A dial in flight.
    pub(crate) struct Dialing<D> {
        pub(crate) line: sync::Arc<Line>,
        #[pin]
        future: D,
    }
}

pin_project! {
    /// A connection.
    pub(crate) struct Serving<V, H> {
        pub(crate) line: sync::Arc<Line>,
        // Until it is closed.
        pub(crate) shared: Option<H>,
        #[pin]
        future: V,
    }
}

/// What ended the wait.
pub(crate) enum Happened<C, E> {
    /// A dial, which is gone.
    Dialed(sync::Arc<Line>, Result<C, E>),
    /// A connection, which is still among the links and is not to be polled again.
    Ended(DialId, Ended<E>),
    /// Somebody spoke.
    Spoken,
}

/// On the heap, so that a link that waits holds neither of its futures.
type Place<T> = Option<Pin<Box<T>>>;

/// What exists. Whatever leaves it is closed, also when all of it is dropped.
pub(crate) struct World<K: Sharing<C>, C, D, V> {
    pub(crate) dial: Place<Dialing<D>>,
    links: [Place<Serving<V, K::Shared>>; 2],
    sharing: K,
}

impl<K: Sharing<C>, C, D, V> World<K, C, D, V> {
    pub(crate) fn new(sharing: K) -> Self {
        Self { dial: None, links: [None, None], sharing }
    }

    /// The connections.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Serving<V, K::Shared>> {
        self.links.iter().flatten().map(|link| &**link)
    }

    /// The same, by their places.
    pub(crate) fn lines(&self) -> [Option<&sync::Arc<Line>>; 2] {
        self.links.each_ref().map(|link| link.as_ref().map(|link| &link.line))
    }

    pub(crate) fn link(&self, id: DialId) -> Option<&Serving<V, K::Shared>> {
        self.links().find(|link| link.line.id == id)
    }

    /// Whether there are none.
    pub(crate) fn is_down(&self) -> bool {
        self.links.iter().all(Option::is_none)
    }

    /// The dial that has got on, if it has since it was last asked.
    pub(crate) fn take_progress(&self) -> Option<DialId> {
        let line = &self.dial.as_ref()?.line;
        line.take_progress().then_some(line.id)
    }

    /// Drops what `action` does not name, and starts the dial that it does. A link that is `ending` dials
    /// no more, and drains.
    pub(crate) fn reconcile(
        &mut self,
        action: &Action,
        ending: bool,
        start: impl FnOnce(Dial, sync::Arc<Line>) -> D,
    ) {
        let (held, draining) = (action.held(), action.draining().map(|old| old.id));
        for place in 0..self.links.len() {
            let Some(link) = &self.links[place] else { continue };
            let (is_held, drains) = (held == Some(link.line.id), draining == Some(link.line.id));
            if drains || (is_held && ending) {
                link.line.drain();
            } else if !is_held {
                self.shut(place);
            }
        }
        let dial = action.dial().filter(|_| !ending);
        let running = self.dial.as_ref().map(|dialing| dialing.line.id);
        if running == dial.map(|dial| dial.id) {
            return;
        }
        self.dial = None;
        if let Some(dial) = dial {
            let line = sync::Arc::new(Line::new(dial.id, dial.endpoint));
            self.dial = Some(Box::pin(Dialing { line: line.clone(), future: start(dial, line) }));
        }
    }

    /// A connection that came of a dial and is the link.
    pub(crate) fn hold(
        &mut self,
        line: sync::Arc<Line>,
        connection: C,
        serve: impl FnOnce(C) -> V,
    ) {
        let shared = self.sharing.share(&connection);
        let kept = line.clone();
        let serving = || Box::pin(Serving { line, shared: None, future: serve(connection) });
        let mut serving = match catch_unwind(AssertUnwindSafe(serving)) {
            Ok(serving) => serving,
            Err(payload) => {
                kept.drain();
                // Should that panic too, it is not what to tell.
                let _ = caught(|| self.sharing.close(shared));
                resume_unwind(payload);
            }
        };
        *serving.as_mut().project().shared = Some(shared);
        // There is room: a link with two connections does not dial.
        let place = self.links.iter().position(Option::is_none).unwrap_or(0);
        self.shut(place);
        self.links[place] = Some(serving);
    }

    /// Drops the connection `id`, and closes it; false if there is none.
    pub(crate) fn close(&mut self, id: DialId) -> bool {
        let place = self.lines().iter().position(|line| line.is_some_and(|line| line.id == id));
        place.is_some_and(|place| self.shut(place))
    }

    /// The same, by its place.
    fn shut(&mut self, place: usize) -> bool {
        let Some(mut link) = self.links[place].take() else { return false };
        let line = link.line.clone();
        let shared = link.as_mut().project().shared.take();
        // It is closed also if what it drops panics.
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(link)));
        line.drain();
        if let Some(shared) = shared {
            self.sharing.close(shared);
        }
        if let Err(payload) = dropped {
            resume_unwind(payload);
        }
        true
    }

    /// Ready when a dial or a connection has ended, of two at once the dial.
    pub(crate) fn poll<E>(&mut self, cx: &mut Context<'_>) -> Poll<Happened<C, E>>
    where
        D: Future<Output = Result<C, E>>,
        V: Future<Output = Ended<E>>,
    {
        if let Some(dialing) = &mut self.dial {
            if let Poll::Ready(result) = dialing.as_mut().project().future.poll(cx) {
                let line = dialing.line.clone();
                self.dial = None;
                return Poll::Ready(Happened::Dialed(line, result));
            }
        }
        for link in self.links.iter_mut().flatten() {
            if let Poll::Ready(ended) = link.as_mut().project().future.poll(cx) {
                return Poll::Ready(Happened::Ended(link.line.id, ended));
            }
        }
        Poll::Pending
    }
}

impl<K: Sharing<C>, C, D, V> Drop for World<K, C, D, V> {
    fn drop(&mut self) {
        let first = catch_unwind(AssertUnwindSafe(|| self.shut(0)));
        self.shut(1);
        if let Err(payload) = first {
            resume_unwind(payload);
        }
    }
}
