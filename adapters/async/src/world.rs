//! What exists of a link: at most one dial and two connections, made what the action says and polled in
//! the order that matters.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

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
    /// A dial in flight, and then the connection that came of it: they share the room, as they would in an
    /// `async` block.
    pub(crate) struct Room<D, V, H> {
        pub(crate) line: sync::Arc<Line>,
        // Of a connection, until it is closed.
        pub(crate) shared: Option<H>,
        #[pin]
        stage: Stage<D, V>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<D, V> {
        Dialing { #[pin] dial: D },
        Serving { #[pin] connection: V },
        Over,
    }
}

impl<D, V, H> Room<D, V, H> {
    fn poll_dial<T>(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T>
    where
        D: Future<Output = T>,
    {
        let mut stage = self.project().stage;
        let StageProjection::Dialing { dial } = stage.as_mut().project() else {
            return Poll::Pending;
        };
        let result = ready!(dial.poll(cx));
        stage.set(Stage::Over);
        Poll::Ready(result)
    }

    fn poll_connection<T>(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T>
    where
        V: Future<Output = T>,
    {
        match self.project().stage.project() {
            StageProjection::Serving { connection } => connection.poll(cx),
            StageProjection::Dialing { .. } | StageProjection::Over => Poll::Pending,
        }
    }
}

/// On the heap, so that a link that waits holds neither of its futures.
pub(crate) type Boxed<D, V, H> = Pin<Box<Room<D, V, H>>>;

/// What ended the wait.
pub(crate) enum Happened<K: Sharing<C>, C, D, V, E> {
    /// A dial, which is gone; its room is left for the connection.
    Dialed(Boxed<D, V, K::Shared>, Result<C, E>),
    /// A connection, which is still among the links and is not to be polled again.
    Ended(DialId, Ended<E>),
    /// Somebody spoke.
    Spoken,
}

/// What exists. Whatever leaves it is closed, also when all of it is dropped.
pub(crate) struct World<K: Sharing<C>, C, D, V> {
    pub(crate) dial: Option<Boxed<D, V, K::Shared>>,
    links: [Option<Boxed<D, V, K::Shared>>; 2],
    sharing: K,
}

impl<K: Sharing<C>, C, D, V> World<K, C, D, V> {
    pub(crate) fn new(sharing: K) -> Self {
        Self { dial: None, links: [None, None], sharing }
    }

    /// The connections.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Room<D, V, K::Shared>> {
        self.links.iter().flatten().map(|link| &**link)
    }

    /// The same, by their places.
    pub(crate) fn lines(&self) -> [Option<&sync::Arc<Line>>; 2] {
        self.links.each_ref().map(|link| link.as_ref().map(|link| &link.line))
    }

    pub(crate) fn link(&self, id: DialId) -> Option<&Room<D, V, K::Shared>> {
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
        let running = self.dial.as_ref().map(|dial| dial.line.id);
        if running == dial.map(|dial| dial.id) {
            return;
        }
        self.dial = None;
        if let Some(dial) = dial {
            let line = sync::Arc::new(Line::new(dial.id, dial.endpoint));
            let stage = Stage::Dialing { dial: start(dial, line.clone()) };
            self.dial = Some(Box::pin(Room { line, shared: None, stage }));
        }
    }

    /// A connection that came of the dial in this room, and is the link.
    pub(crate) fn hold(
        &mut self,
        mut room: Boxed<D, V, K::Shared>,
        connection: C,
        serve: impl FnOnce(C) -> V,
    ) {
        let shared = self.sharing.share(&connection);
        let connection = match catch_unwind(AssertUnwindSafe(|| serve(connection))) {
            Ok(connection) => connection,
            Err(payload) => {
                room.line.drain();
                // Should that panic too, it is not what to tell.
                let _ = caught(|| self.sharing.close(shared));
                resume_unwind(payload);
            }
        };
        let mut held = room.as_mut().project();
        *held.shared = Some(shared);
        held.stage.set(Stage::Serving { connection });
        // There is room: a link with two connections does not dial.
        let place = self.links.iter().position(Option::is_none).unwrap_or(0);
        self.shut(place);
        self.links[place] = Some(room);
    }

    /// Drops the connection `id`, and closes it; false if there is none.
    pub(crate) fn close(&mut self, id: DialId) -> bool {
        let place = self.lines().iter().position(|line| line.is_some_and(|line| line.id == id));
        place.is_some_and(|place| self.shut(place))
    }

    /// The same, by its place.
    fn shut(&mut self, place: usize) -> bool {
        let Some(mut link) = self.links[place].take() else { return false };
        let link = link.as_mut().project();
        let mut stage = link.stage;
        // It is closed also if what it drops panics.
        let dropped = catch_unwind(AssertUnwindSafe(|| stage.set(Stage::Over)));
        link.line.drain();
        if let Some(shared) = link.shared.take() {
            self.sharing.close(shared);
        }
        if let Err(payload) = dropped {
            resume_unwind(payload);
        }
        true
    }

    /// Ready when a dial or a connection has ended, of two at once the dial.
    pub(crate) fn poll<E>(&mut self, cx: &mut Context<'_>) -> Poll<Happened<K, C, D, V, E>>
    where
        D: Future<Output = Result<C, E>>,
        V: Future<Output = Ended<E>>,
    {
        let dialed = self.dial.as_mut().map(|room| room.as_mut().poll_dial(cx));
        if let Some(Poll::Ready(result)) = dialed {
            if let Some(room) = self.dial.take() {
                return Poll::Ready(Happened::Dialed(room, result));
            }
        }
        for link in self.links.iter_mut().flatten() {
            if let Poll::Ready(ended) = link.as_mut().poll_connection(cx) {
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
