//! What callers see of a link: its connection, how it ended, and the errors they report.

use std::mem::replace;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::task::{Context, Poll};

use event_listener::EventListener;
use redial::DialId;

use crate::error::LinkError;
use crate::hub::{Hub, poll_until};
use crate::session::Line;
use crate::sync::{Arc, Mutex, MutexGuard};

/// A connection as callers get it. Dereferences to what is shared of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Connection<H> {
    /// The connection, by its dial: what a caller [reports](crate::LinkHandle::report) or
    /// [says](crate::LinkHandle::activity) of it is said of this.
    pub id: DialId,
    /// The key of the endpoint it is connected to.
    pub endpoint: u32,
    /// What is shared of it.
    pub shared: H,
}

impl<H> Deref for Connection<H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.shared
    }
}

impl<H> DerefMut for Connection<H> {
    fn deref_mut(&mut self) -> &mut H {
        &mut self.shared
    }
}

/// How a link ended, seen from outside.
pub(crate) type End<E> = Result<(), LinkError<E>>;

/// What callers see of a link, and the hub through which they speak to it.
#[derive(Debug)]
pub(crate) struct View<H, E> {
    pub(crate) hub: Arc<Hub>,
    /// Whether anyone asks for activity.
    pub(crate) idles: bool,
    state: Mutex<State<H, E>>,
}

#[derive(Debug)]
struct State<H, E> {
    held: Option<Connection<H>>,
    /// The connections that exist, which callers may still be using.
    lines: [Option<Arc<Line>>; 2],
    /// With what error callers have found each broken, if there was one, until the loop hears it.
    reports: [Option<std::sync::Arc<E>>; 2],
    ended: Option<Box<End<E>>>,
    /// Those that the loop has seen; `MAX` once it will not come back.
    orders: u64,
}

impl<H, E> State<H, E> {
    fn new() -> Self {
        Self { held: None, lines: [None, None], reports: [None, None], ended: None, orders: 0 }
    }

    /// The connection and its place, if it exists and nobody has found it broken.
    fn line(&self, id: DialId) -> Option<(usize, &Line)> {
        let lines = self.lines.iter().enumerate();
        let mut lines = lines.filter_map(|(place, line)| Some((place, &**line.as_ref()?)));
        lines.find(|(_, line)| line.id == id && !line.is_broken())
    }

    fn held_id(&self) -> Option<DialId> {
        self.held.as_ref().map(|connection| connection.id)
    }

    /// Whether it is this that is there.
    fn has(&self, place: usize, line: Option<&Arc<Line>>) -> bool {
        self.lines[place].as_ref().map(|line| line.id) == line.map(|line| line.id)
    }
}

impl<H, E> View<H, E> {
    pub(crate) fn new(hub: Hub, idles: bool) -> Self {
        Self { hub: Arc::new(hub), idles, state: Mutex::new(State::new()) }
    }

    fn lock(&self) -> MutexGuard<'_, State<H, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows that the link is down, and how it has ended, after so many orders; true if that is news.
    pub(crate) fn set_ended(&self, end: End<E>, orders: u64) -> bool {
        let down = State { ended: Some(Box::new(end)), orders, ..State::new() };
        // As in `publish`: what was there may do anything when it is dropped.
        let before = replace(&mut *self.lock(), down);
        before.ended.is_none() || orders != before.orders
    }

    /// Shows nothing any more, and drops what was shown and reported.
    pub(crate) fn clear(&self) {
        let before = replace(&mut *self.lock(), State::new());
        drop(before);
    }

    /// How the link has ended, if that was after the loop had seen order number `ticket`, or it will not
    /// see another.
    pub(crate) fn ended_since(&self, ticket: u64) -> Option<End<E>> {
        let state = self.lock();
        (state.orders >= ticket).then(|| state.ended.as_deref().cloned()).flatten()
    }

    /// Waits until the link is down, whatever it was told until now.
    pub(crate) fn poll_ended(
        &self,
        listener: &mut Option<EventListener>,
        cx: &mut Context<'_>,
    ) -> Poll<End<E>> {
        let ended = || self.ended_since(self.hub.commands().orders);
        poll_until(&self.hub.changed, listener, cx, ended)
    }

    /// A connection was found broken, with an error or by a panic: tells the loop. False if that was known,
    /// or it is no longer a connection.
    pub(crate) fn report(&self, id: DialId, error: Option<std::sync::Arc<E>>) -> bool {
        let mut state = self.lock();
        let Some((place, line)) = state.line(id) else { return false };
        line.set_broken();
        state.reports[place] = error;
        let broken = state.held.take_if(|connection| connection.id == id);
        drop(state);
        self.hub.speak();
        // It may do anything when it is dropped, and panic too.
        drop(broken);
        true
    }

    /// Something is said of a connection, if it is there; true if the loop is to be woken for that.
    pub(crate) fn say(&self, id: DialId, what: u8) -> bool {
        self.lock().line(id).is_some_and(|(_, line)| line.say(what))
    }

    /// What was reported of connections since the loop last listened. Those it will close.
    pub(crate) fn take_reports(&self) -> [Option<(DialId, Option<std::sync::Arc<E>>)>; 2] {
        let mut state = self.lock();
        [0, 1].map(|place| {
            let line = state.lines[place].take_if(|line| line.is_broken())?;
            Some((line.id, state.reports[place].take()))
        })
    }

    /// The connection that callers get.
    pub(crate) fn held_id(&self) -> Option<DialId> {
        self.lock().held_id()
    }

    /// Whether this connection should exist.
    pub(crate) fn names(&self, id: DialId) -> bool {
        self.lock().line(id).is_some()
    }
}

impl<H: Clone, E> View<H, E> {
    /// Shows what is, of a link that has not ended; true if that differs from before. A connection that was
    /// reported broken is not handed out again, even before the loop has heard.
    pub(crate) fn publish(
        &self,
        held: Option<(&Arc<Line>, &H)>,
        lines: [Option<&Arc<Line>>; 2],
        orders: u64,
    ) -> bool {
        // What is not shown outlives the lock: it may do anything when it is dropped.
        let mut fresh = None;
        let mut state = self.lock();
        if let Some((line, shared)) = held.filter(|(line, _)| state.held_id() != Some(line.id)) {
            // What is shared may do anything when it is cloned, and so not under the lock. Nobody but the
            // loop makes a connection the one that is held.
            drop(state);
            let (id, endpoint) = (line.id, line.endpoint);
            fresh = Some(Connection { id, endpoint, shared: shared.clone() });
            state = self.lock();
        }
        let held = held.filter(|(line, _)| !line.is_broken());
        let moved = held.map(|(line, _)| line.id) != state.held_id();
        let differs = moved
            || (0..2).any(|place| !state.has(place, lines[place]))
            || state.ended.is_some()
            || orders != state.orders;
        if !differs {
            return false;
        }
        let mut before = None;
        if moved {
            let shown = held.and_then(|_| fresh.take());
            before = replace(&mut state.held, shown);
        }
        let stale = [0, 1].map(|place| {
            if state.has(place, lines[place]) {
                return None;
            }
            state.lines[place] = lines[place].cloned();
            state.reports[place].take()
        });
        let ended = state.ended.take();
        state.orders = orders;
        drop(state);
        // So may these.
        drop((before, stale, ended));
        true
    }

    /// The connection that is the link now.
    pub(crate) fn held(&self) -> Option<Connection<H>> {
        self.lock().held.clone()
    }
}
