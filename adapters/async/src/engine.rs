//! The one loop: make the world what the action says, wait until something happens, say so.

use std::borrow::Borrow;
use std::future::poll_fn;
use std::sync::Arc;

use redial::{Action, DialId, Endpoint, Event, Failure, Phase, Policy, Reconnector, Timestamp};

use crate::classify::{Classify, Ended};
use crate::error::LinkError;
use crate::hub::{Commands, Hub};
use crate::runtime::Runtime;
use crate::session::{Attempt, Session, Slot};
use crate::sharing::Sharing;
use crate::telemetry::Telemetry;
use crate::transition::Observe;
use crate::view::{Connection, End, View};
use crate::world::{Dialing, Happened, Serving, World, caught};

/// What a driver chooses that needs no type of its own.
#[derive(Clone, Debug)]
pub(crate) struct Choices<S> {
    pub(crate) lazy: bool,
    pub(crate) name: Arc<str>,
    pub(crate) store: Option<fn(Vec<Endpoint>) -> S>,
}

pub(crate) struct Engine<R, P, S, K, O, H, E> {
    pub(crate) reconnector: Reconnector<P, S>,
    /// Makes storage for new endpoints, if they may change.
    pub(crate) store: Option<fn(Vec<Endpoint>) -> S>,
    runtime: R,
    pub(crate) sharing: K,
    pub(crate) observer: O,
    pub(crate) telemetry: Telemetry,
    pub(crate) hub: Arc<Hub>,
    pub(crate) view: Arc<View<H, E>>,
    /// The commands that have been obeyed.
    pub(crate) seen: Commands,
    /// Asked to be down, and is.
    pub(crate) stopped: bool,
    /// Draining before it stops for good, until then.
    pub(crate) shutdown: Option<Timestamp>,
    /// The last error of this outage.
    pub(crate) last: Option<Arc<E>>,
}

impl<R, P, S, K, O, H, E> Engine<R, P, S, K, O, H, E>
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
        sharing: K,
        observer: O,
        Choices { lazy, name, store }: Choices<S>,
        (hub, view): (Arc<Hub>, Arc<View<H, E>>),
    ) -> Self {
        let seen = hub.commands();
        if !lazy {
            hub.start();
        }
        Self {
            reconnector,
            store,
            runtime,
            sharing,
            observer,
            telemetry: Telemetry::new(name),
            hub,
            view,
            seen,
            stopped: false,
            shutdown: None,
            last: None,
        }
    }

    /// Until the link is over.
    pub(crate) async fn run<C, Connect, D, Serve, V>(
        mut self,
        mut connect: Connect,
        mut serve: Serve,
    ) -> End<E>
    where
        K: Sharing<C, Shared = H>,
        H: Clone,
        Connect: FnMut(Attempt) -> D,
        D: Future<Output = Result<C, E>>,
        Serve: FnMut(C, Session) -> V,
        V: Future<Output = Ended<E>>,
    {
        self.turn(&mut connect, &mut serve).await
    }

    async fn turn<C, D, V>(
        &mut self,
        connect: &mut impl FnMut(Attempt) -> D,
        serve: &mut impl FnMut(C, Session) -> V,
    ) -> End<E>
    where
        K: Sharing<C, Shared = H>,
        H: Clone,
        D: Future<Output = Result<C, E>>,
        V: Future<Output = Ended<E>>,
    {
        let mut world = World::new();
        loop {
            self.reconcile(&mut world, connect)?;
            if let Some(end) = self.publish(&world) {
                return end;
            }
            let happened = poll_fn(|cx| {
                let engine = &mut *self;
                let wake = engine.wake();
                world.poll(cx, &engine.hub, &engine.runtime, wake)
            })
            .await;
            let now = self.runtime.now();
            if self.hub.tend_deadlines(now) {
                self.hub.changed.notify(usize::MAX);
            }
            match happened {
                Happened::Dialed(dialing, Ok(connection)) => {
                    self.connected(now, &mut world, dialing, connection, serve)?;
                }
                Happened::Dialed(Dialing { dial, .. }, Err(error)) => {
                    let failure = error.classify();
                    let event = Event::DialFailed(dial.id, failure);
                    self.lost(now, event, failure, error.into());
                }
                Happened::Ended(link, ended) => self.ended(now, link, ended),
                Happened::Panicked(message) => return Err(LinkError::Panicked(message)),
                Happened::Spoken => self.listen(now, &mut world)?,
                Happened::Time => self.handle(now, Event::Tick, None, None),
            }
            let drained = |by| world.links.is_empty() || now >= by;
            if self.shutdown.is_some_and(drained) && !self.stopped {
                self.stop(now);
            }
        }
    }

    /// When to look again: the machine's wake, the end of a shutdown, or an operation's deadline.
    fn wake(&self) -> Timestamp {
        let wake = self.reconnector.action().wake().min(self.hub.next_deadline());
        self.shutdown.map_or(wake, |by| by.min(wake))
    }

    /// Drops what the action does not name, and starts the dial that it does.
    fn reconcile<C, D, V, T>(
        &mut self,
        world: &mut World<D, V, H, T>,
        connect: &mut impl FnMut(Attempt) -> D,
    ) -> Result<(), LinkError<E>>
    where
        K: Sharing<C, Shared = H>,
    {
        let action = self.reconnector.action();
        let (held, draining) = (action.held(), action.draining().map(|old| old.id));
        let named = |id: DialId| held == Some(id) || draining == Some(id);
        while let Some(index) = world.links.iter().position(|link| !named(link.dial.id)) {
            let Serving { shared, future, .. } = world.links.swap_remove(index);
            drop(future);
            self.sharing.close(shared);
        }
        for link in &world.links {
            if draining == Some(link.dial.id) || self.shutdown.is_some() {
                link.slot.drain();
            }
        }
        let dial = action.dial().filter(|_| self.shutdown.is_none());
        let running = world.dial.as_ref().map(|dialing| dialing.dial.id);
        if running == dial.map(|dial| dial.id) {
            return Ok(());
        }
        world.dial = None;
        if let Some(dial) = dial {
            let slot = Arc::new(Slot::default());
            let attempt = Attempt::new(dial, slot.clone(), self.hub.clone());
            let future = caught(|| connect(attempt)).map_err(LinkError::Panicked)?;
            world.dial = Some(Dialing { dial, slot, future: Box::pin(future) });
        }
        Ok(())
    }

    /// Tells everyone what is; returns the end, if there is nothing more to come.
    fn publish<D, V, T>(&mut self, world: &World<D, V, H, T>) -> Option<End<E>>
    where
        H: Clone,
    {
        let action = self.reconnector.action();
        let status = self.reconnector.status();
        if matches!(status.phase, Phase::Connected { stable: true, .. }) {
            self.last = None;
        }
        let ended = match action {
            Action::GiveUp(end) => Some(Err(LinkError::GaveUp { end, last: self.last.clone() })),
            _ if self.stopped => Some(Ok(())),
            _ => None,
        };
        if ended.is_some() && !self.hub.may_restart() {
            self.hub.set_status(status);
            return ended;
        }
        let id = action.held().filter(|_| self.shutdown.is_none());
        let link = world.links.iter().find(|link| Some(link.dial.id) == id);
        let held = link.map(|Serving { dial, shared, .. }| {
            Connection::new(dial.id, dial.endpoint, shared.clone())
        });
        let mut links = world.links.iter().map(|link| link.dial.id);
        let named = [links.next(), links.next()];
        let changed = self.view.publish(held, named, ended, self.seen.starts);
        if self.hub.set_status(status) || changed {
            self.hub.changed.notify(usize::MAX);
        }
        None
    }

    fn connected<C, D, V, T>(
        &mut self,
        now: Timestamp,
        world: &mut World<D, V, H, T>,
        Dialing { dial, slot, future }: Dialing<D>,
        connection: C,
        serve: &mut impl FnMut(C, Session) -> V,
    ) -> Result<(), LinkError<E>>
    where
        K: Sharing<C, Shared = H>,
    {
        drop(future);
        self.handle(now, Event::Connected(dial.id), None, None);
        if self.reconnector.action().held() != Some(dial.id) {
            return Ok(());
        }
        let idles = self.reconnector.policy().idle_timeout().is_some();
        let session = Session::new(dial, idles, slot.clone(), self.hub.clone());
        let shared = caught(|| self.sharing.share(&connection)).map_err(LinkError::Panicked)?;
        let future = caught(|| serve(connection, session)).map_err(LinkError::Panicked)?;
        world.links.push(Serving { dial, slot, shared, future: Box::pin(future) });
        Ok(())
    }

    fn ended<C, V>(&mut self, now: Timestamp, link: Serving<V, H>, ended: Ended<E>)
    where
        K: Sharing<C, Shared = H>,
    {
        let Serving { dial, slot, shared, future } = link;
        drop(future);
        self.hear(now, dial.id, &slot);
        let held = self.reconnector.action().held() == Some(dial.id);
        match ended {
            Ended::Finished if held && !slot.is_draining() => self.finish(now),
            // Told to finish, it has: that is no reason to stop the link.
            Ended::Finished => {
                self.handle(now, Event::Closed(dial.id, Failure::Unreachable), None, None);
            }
            Ended::Lost(error) => {
                let failure = error.classify();
                self.lost(now, Event::Closed(dial.id, failure), failure, error.into());
            }
        }
        self.sharing.close(shared);
    }
}
