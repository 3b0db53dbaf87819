//! The one loop: make the world what the action says, wait until something happens, say so.

use std::borrow::Borrow;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use redial::{Action, DialId, Endpoint, Event, Failure, Phase, Policy, Reconnector, Timestamp};

use crate::classify::{Classify, Ended};
use crate::error::{Last, LinkError};
use crate::runtime::Runtime;
use crate::session::{Attempt, Ear, Session};
use crate::sharing::Sharing;
use crate::sync;
use crate::telemetry::Telemetry;
use crate::transition::Observe;
use crate::view::{End, View};
use crate::wait::Wait;
use crate::world::{Boxed, Happened, World, caught};

/// What a driver chooses that needs no type of its own.
#[derive(Clone, Debug)]
pub(crate) struct Choices<S> {
    pub(crate) lazy: bool,
    pub(crate) name: Arc<str>,
    pub(crate) store: Option<fn(Vec<Endpoint>) -> S>,
    /// The window of recent reliability, if health is kept.
    pub(crate) health: Option<Duration>,
}

/// The health.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Record {
    /// Not kept.
    None,
    /// Has seen the status.
    Current,
    /// Has not seen it since something happened last.
    Behind,
}

pub(crate) struct Engine<R, P, S, O, H, E>
where
    R: Runtime,
    P: Borrow<Policy>,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
    O: Observe<E>,
    E: Classify,
{
    pub(crate) reconnector: Reconnector<P, S>,
    /// Makes storage for new endpoints, if they may change.
    pub(crate) store: Option<fn(Vec<Endpoint>) -> S>,
    runtime: R,
    pub(crate) observer: O,
    pub(crate) telemetry: Telemetry,
    pub(crate) view: sync::Arc<View<H, E>>,
    /// Those that have been obeyed.
    pub(crate) orders: u64,
    /// Asked to be down, and is.
    pub(crate) stopped: bool,
    /// Draining before it stops for good, until then.
    pub(crate) shutdown: Option<Timestamp>,
    /// The next deadline of an operation.
    deadline: Timestamp,
    /// What exists is what should, and that has been published.
    settled: bool,
    /// When to look again.
    wake: Timestamp,
    /// When the clock was looked at last: when something happened last.
    pub(crate) now: Timestamp,
    pub(crate) record: Record,
    /// The last error of this outage.
    pub(crate) last: Option<Last<E>>,
}

impl<R, P, S, O, H, E> Engine<R, P, S, O, H, E>
where
    R: Runtime,
    P: Borrow<Policy>,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
    O: Observe<E>,
    E: Classify,
{
    pub(crate) fn new(
        reconnector: Reconnector<P, S>,
        runtime: R,
        observer: O,
        Choices { lazy, name, store, health }: Choices<S>,
        view: sync::Arc<View<H, E>>,
    ) -> Self {
        if !lazy {
            view.hub.start();
        }
        Self {
            reconnector,
            store,
            runtime,
            observer,
            telemetry: Telemetry::new(name),
            record: if health.is_some() { Record::Current } else { Record::None },
            view,
            orders: 0,
            stopped: false,
            shutdown: None,
            deadline: Timestamp::MAX,
            settled: false,
            wake: Timestamp::MAX,
            now: Timestamp::ORIGIN,
            last: None,
        }
    }

    /// Until the link is over, by a panic of whatever it calls or drops too. Everything is dropped before
    /// that is told.
    pub(crate) fn run<K, C, Connect, D, Serve, V>(
        self,
        sharing: K,
        connect: Connect,
        serve: Serve,
    ) -> impl Future<Output = End<E>>
    where
        K: Sharing<C, Shared = H>,
        H: Clone,
        Connect: FnMut(Attempt) -> D,
        D: Future<Output = Result<C, E>>,
        Serve: FnMut(C, Session) -> V,
        V: Future<Output = Ended<E>>,
    {
        // An `async` block would keep what it captures and what it makes of it side by side.
        let mut running = Some((World::new(sharing), Wait::new(), self, connect, serve));
        poll_fn(move |cx| {
            let Some((world, wait, engine, connect, serve)) = &mut running else {
                panic!("polled after it had ended");
            };
            let end = match caught(|| engine.turn(cx, world, wait, connect, serve)) {
                Ok(turn) => ready!(turn),
                Err(message) => Err(LinkError::Panicked(message)),
            };
            let dropped = caught(|| running = None);
            Poll::Ready(end.and_then(|()| dropped.map_err(LinkError::Panicked)))
        })
    }

    /// Ready when the link is over.
    fn turn<K, C, D, V>(
        &mut self,
        cx: &mut Context<'_>,
        world: &mut World<K, C, D, V>,
        wait: &mut Wait<R::Sleep>,
        connect: &mut impl FnMut(Attempt) -> D,
        serve: &mut impl FnMut(C, Session) -> V,
    ) -> Poll<End<E>>
    where
        K: Sharing<C, Shared = H>,
        H: Clone,
        D: Future<Output = Result<C, E>>,
        V: Future<Output = Ended<E>>,
    {
        loop {
            if !self.settled {
                let action = self.reconnector.action();
                self.reconcile(&action, world, connect);
                if let Some(end) = self.publish(&action, world) {
                    return Poll::Ready(end);
                }
                self.wake = self.next(&action);
                self.settled = true;
            }
            let Self { runtime, view, now, wake, .. } = &*self;
            let happened = wait.poll(cx, runtime, *now, *wake, |cx| match world.poll(cx) {
                Poll::Pending => view.hub.poll_spoken(cx).map(|()| Happened::Spoken),
                Poll::Ready(happened) => Poll::Ready(happened),
            });
            let happened = ready!(happened);
            self.settled = false;
            let now = self.runtime.now();
            self.now = now;
            match happened {
                Some(Happened::Dialed(room, Ok(connection))) => {
                    self.connected(now, world, room, connection, serve);
                }
                Some(Happened::Dialed(room, Err(error))) => {
                    let failure = error.classify();
                    let event = Event::DialFailed(room.line.id, failure);
                    self.lost(now, event, failure, Some(Last::Own(error)));
                }
                Some(Happened::Ended(id, ended)) => self.ended(now, world, id, ended),
                Some(Happened::Spoken) => {
                    self.tend_deadlines(now);
                    self.listen(now, world)?;
                    if now >= self.reconnector.action().wake() {
                        self.handle(now, Event::Tick);
                    }
                }
                None => {
                    if now >= self.deadline {
                        self.tend_deadlines(now);
                    }
                    self.handle(now, Event::Tick);
                }
            }
            if wait.is_tired() {
                // Dials that end at once would keep the connections and whoever speaks waiting for ever.
                // They have a turn before the next dial begins.
                self.settled = true;
                self.wake = Timestamp::ORIGIN;
            }
            let drained = |by| world.is_down() || now >= by;
            if self.shutdown.is_some_and(drained) && !self.stopped {
                self.stop(now);
            }
        }
    }

    /// Arms new deadlines of operations and ends those that have passed.
    fn tend_deadlines(&mut self, now: Timestamp) {
        let (expired, next) = self.view.hub.tend_deadlines(now);
        self.deadline = next;
        if expired {
            self.view.hub.announce();
        }
    }

    /// When to look again: the machine's wake, the end of a shutdown, or an operation's deadline.
    fn next(&self, action: &Action) -> Timestamp {
        let wake = action.wake().min(self.deadline);
        self.shutdown.map_or(wake, |by| by.min(wake))
    }

    /// Drops what the action does not name, and starts the dial that it does.
    fn reconcile<K, C, D, V>(
        &mut self,
        action: &Action,
        world: &mut World<K, C, D, V>,
        connect: &mut impl FnMut(Attempt) -> D,
    ) where
        K: Sharing<C, Shared = H>,
    {
        let hub = &self.view.hub;
        let start = |dial, line| connect(Attempt::new(dial, line, Ear::Link(hub.clone())));
        world.reconcile(action, self.shutdown.is_some(), start);
    }

    /// Tells everyone what is; returns the end, if there is nothing more to come.
    fn publish<K, C, D, V>(&mut self, action: &Action, world: &World<K, C, D, V>) -> Option<End<E>>
    where
        K: Sharing<C, Shared = H>,
        H: Clone,
    {
        let status = self.reconnector.status();
        let since = (self.record == Record::Behind).then_some(self.now);
        if since.is_some() {
            self.record = Record::Current;
        }
        if matches!(status.phase, Phase::Connected { stable: true, .. }) {
            self.last = None;
        }
        let ended = match action {
            Action::GiveUp(end) => {
                let last = self.last.take().map(Last::share);
                self.last = last.clone().map(Last::Shared);
                Some(Err(LinkError::GaveUp { end: *end, last }))
            }
            _ if self.stopped => Some(Ok(())),
            _ => None,
        };
        let changed = if let Some(end) = ended {
            if !self.view.hub.may_restart() {
                self.view.hub.set_status(since, status);
                return Some(end);
            }
            self.view.set_ended(end, self.orders)
        } else {
            let id = action.held().filter(|_| self.shutdown.is_none());
            let link = id.and_then(|id| world.link(id));
            let held = link.and_then(|link| Some((&link.line, link.shared.as_ref()?)));
            self.view.publish(held, world.lines(), self.orders)
        };
        if self.view.hub.set_status(since, status) || changed {
            self.view.hub.announce();
        }
        None
    }

    fn connected<K, C, D, V>(
        &mut self,
        now: Timestamp,
        world: &mut World<K, C, D, V>,
        room: Boxed<D, V, H>,
        connection: C,
        serve: &mut impl FnMut(C, Session) -> V,
    ) where
        K: Sharing<C, Shared = H>,
    {
        let id = room.line.id;
        let action = self.handle(now, Event::Connected(id));
        if action.held() == Some(id) {
            let ear = Ear::Link(self.view.hub.clone());
            let session = Session::new(room.line.clone(), self.view.idles, ear);
            world.hold(room, connection, |connection| serve(connection, session));
        }
    }

    fn ended<K, C, D, V>(
        &mut self,
        now: Timestamp,
        world: &mut World<K, C, D, V>,
        id: DialId,
        ended: Ended<E>,
    ) where
        K: Sharing<C, Shared = H>,
    {
        let Some(link) = world.link(id) else { return };
        self.hear(now, &link.line);
        match ended {
            Ended::Finished if link.line.ends_link(&self.reconnector.action()) => self.finish(now),
            Ended::Finished => {
                let event = self.closed(id, Failure::Unreachable);
                self.handle(now, event);
            }
            Ended::Lost(error) => {
                let failure = error.classify();
                let event = self.closed(id, failure);
                self.lost(now, event, failure, Some(Last::Own(error)));
            }
        }
        world.close(id);
    }
}

/// However the loop ends, the link is down then, and its status says so. An observer is not told: what it
/// saved last, of a dial in flight for example, is what the next process is to go on from.
impl<R, P, S, O, H, E> Drop for Engine<R, P, S, O, H, E>
where
    R: Runtime,
    P: Borrow<Policy>,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
    O: Observe<E>,
    E: Classify,
{
    fn drop(&mut self) {
        let hub = &self.view.hub;
        let before = self.reconnector.status();
        if self.record == Record::Behind {
            hub.observe(self.now, &before);
        }
        // Where it is dropped there may be no clock.
        let now = caught(|| self.runtime.now()).unwrap_or(self.now);
        if !matches!(before.phase, Phase::GaveUp { .. }) {
            self.reconnector.handle(now, Event::Stop);
        }
        hub.set_status(Some(now), self.reconnector.status());
        if matches!(before.phase, Phase::Connected { .. }) {
            self.telemetry.down();
        }
    }
}
