//! What the loop hears, and what it tells the machine and the observers.

use std::borrow::Borrow;

use redial::{Action, DialId, Endpoint, Event, Failure, Policy, Reconnector, Status, Timestamp};

use crate::classify::Classify;
use crate::engine::{Engine, Record};
use crate::error::{Last, LinkError};
use crate::hub::{News, Wanted, Wishes};
use crate::runtime::Runtime;
use crate::saved::Saved;
use crate::session::Line;
use crate::sharing::Sharing;
use crate::transition::{Observe, Transition, cut_off, differ};
use crate::world::World;

impl<R, P, S, O, H, E> Engine<R, P, S, O, H, E>
where
    R: Runtime,
    P: Borrow<Policy>,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
    O: Observe<E>,
    E: Classify,
{
    /// The application is done, unless it has asked for a new start meanwhile.
    pub(crate) fn finish(&mut self, now: Timestamp) {
        let orders = self.orders;
        self.view.hub.tell(|commands| {
            if commands.wanted == Wanted::Up && commands.orders == orders {
                commands.wanted = Wanted::Down;
            }
        });
        self.stop(now);
    }

    pub(crate) fn stop(&mut self, now: Timestamp) {
        self.stopped = true;
        self.handle(now, Event::Stop);
    }

    /// Somebody spoke: connections and dials first, then those who report errors, then commands.
    pub(crate) fn listen<K, C, D, V>(
        &mut self,
        now: Timestamp,
        world: &mut World<K, C, D, V>,
    ) -> Result<(), LinkError<E>>
    where
        K: Sharing<C, Shared = H>,
    {
        if let Some(id) = world.take_progress() {
            self.handle(now, Event::Progress(id));
        }
        for link in world.links() {
            self.hear(now, &link.line);
        }
        for (id, error) in self.view.take_reports().into_iter().flatten() {
            if world.close(id) {
                // A panic has no error.
                let failure = error.as_ref().map_or(Failure::Unreachable, Classify::classify);
                let event = self.closed(id, failure);
                self.lost(now, event, failure, error.map(Last::Shared));
                // Its id is gone from the view already, where nothing else may change.
                self.view.hub.announce();
            }
        }
        self.obey(now)
    }

    /// What a connection has said.
    pub(crate) fn hear(&mut self, now: Timestamp, line: &Line) {
        for event in line.heard(now) {
            self.handle(now, event);
        }
    }

    /// What is wanted now, against what was.
    fn obey(&mut self, now: Timestamp) -> Result<(), LinkError<E>> {
        let (asked, wishes) = self.view.hub.take_commands();
        let orders = std::mem::replace(&mut self.orders, asked.orders);
        let News { stop, redial, online, offline, health } = asked.news;
        let Wishes { endpoints, circuits, defer, snapshot } =
            wishes.map(|wishes| *wishes).unwrap_or_default();
        if asked.aborted {
            return Err(LinkError::Aborted);
        }
        if let Some(wait) = defer {
            let until = if wait.is_zero() { Timestamp::ORIGIN } else { now.saturating_add(wait) };
            self.handle(now, Event::Defer(until));
        }
        if offline {
            self.handle(now, Event::Offline);
        }
        if online && !asked.offline {
            self.handle(now, Event::Online);
        }
        if let (Some(endpoints), Some(store)) = (endpoints, self.store) {
            let endpoints = store(endpoints);
            self.change(now, |reconnector| drop(reconnector.set_endpoints(now, endpoints)));
        }
        for (key, tripped) in circuits {
            self.change(now, |reconnector| {
                let _known =
                    if tripped { reconnector.trip(now, key) } else { reconnector.reset(now, key) };
            });
        }
        match asked.wanted {
            Wanted::Up if asked.orders != orders => {
                if self.stopped || matches!(self.reconnector.action(), Action::GiveUp(_)) {
                    self.last = None;
                }
                self.stopped = false;
                self.handle(now, Event::Start);
            }
            Wanted::Down if stop && !self.stopped => self.stop(now),
            Wanted::ShutDown(within) if self.shutdown.is_none() => {
                self.shutdown = Some(now.saturating_add(within));
                if self.reconnector.action().held().is_none() {
                    self.stop(now);
                } else {
                    self.handle(now, Event::Offline);
                    if let Some(dial) = self.reconnector.action().dial() {
                        self.handle(now, Event::DialAborted(dial.id));
                    }
                }
            }
            Wanted::Nothing | Wanted::Up | Wanted::Down | Wanted::ShutDown(_) => {}
        }
        if health {
            self.view.hub.answer(now, &self.reconnector.status());
            self.view.hub.announce();
        }
        if redial {
            self.handle(now, Event::Redial);
        }
        if let Some(reply) = snapshot {
            // What is saved is as of the last event.
            self.handle(now, Event::Tick);
            reply.set(Saved::from(&self.reconnector));
            self.view.hub.announce();
        }
        Ok(())
    }

    /// What the end of a connection is to the machine. The last one of a link that is shut down ends the
    /// link, which has no more to dial.
    pub(crate) fn closed(&mut self, id: DialId, failure: Failure) -> Event {
        let is_last = |action: Action| action.held() == Some(id) && action.draining().is_none();
        if self.shutdown.is_some() && is_last(self.reconnector.action()) {
            self.stopped = true;
            return Event::Stop;
        }
        Event::Closed(id, failure)
    }

    /// Tells the machine that a dial failed or a connection was lost.
    pub(crate) fn lost(
        &mut self,
        now: Timestamp,
        event: Event,
        failure: Failure,
        error: Option<Last<E>>,
    ) {
        let before = self.before();
        self.reconnector.handle(now, event);
        self.tell(now, before, Some(failure), error.as_ref().map(Last::get));
        if error.is_some() {
            self.last = error;
        }
    }

    /// Tells the machine what happened, where nobody says why.
    pub(crate) fn handle(&mut self, now: Timestamp, event: Event) -> Action {
        let before = self.before();
        let action = self.reconnector.handle(now, event);
        let failure = before.and_then(|(_, before)| self.cut_off(event, &before));
        self.tell(now, before, failure, None);
        action
    }

    /// Changes the machine by hand.
    fn change(&mut self, now: Timestamp, change: impl FnOnce(&mut Reconnector<P, S>)) {
        let before = self.before();
        change(&mut self.reconnector);
        self.tell(now, before, None, None);
    }

    /// Before something happens: the health sees what is, unless it has, and so does whoever observes.
    fn before(&mut self) -> Option<(Status, Action)> {
        match self.record {
            Record::None => {}
            Record::Current => self.record = Record::Behind,
            Record::Behind => self.view.hub.observe(self.now, &self.reconnector.status()),
        }
        (O::OBSERVES || cfg!(feature = "tracing") || cfg!(feature = "metrics")).then(|| self.look())
    }

    fn look(&self) -> (Status, Action) {
        (self.reconnector.status(), self.reconnector.action())
    }

    /// Tells whoever observes, if anything has changed.
    fn tell(
        &mut self,
        now: Timestamp,
        before: Option<(Status, Action)>,
        failure: Option<Failure>,
        error: Option<&E>,
    ) {
        let Some((from, before)) = before else { return };
        let (to, action) = self.look();
        if !differ((&from, &before), (&to, &action)) {
            return;
        }
        let endpoints = self.reconnector.endpoints();
        let source = &self.reconnector;
        let transition =
            Transition { at: now, from, before, to, action, failure, error, endpoints, source };
        self.telemetry.record(&transition);
        self.observer.observe(&transition);
    }

    /// Whether a deadline, and nothing that was reported, has ended the dial or the connection.
    fn cut_off(&self, event: Event, before: &Action) -> Option<Failure> {
        let reported = matches!(
            event,
            Event::Connected(_)
                | Event::DialFailed(..)
                | Event::DialAborted(_)
                | Event::Closed(..)
                | Event::Offline
                | Event::Redial
                | Event::Stop
        );
        let link = &self.reconnector;
        if reported { None } else { cut_off(link.policy(), before, &link.action()) }
    }
}
