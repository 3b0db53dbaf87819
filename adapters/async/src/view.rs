//! What callers see of a link: its connection, how it ended, and the errors they report.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, PoisonError};

use redial::DialId;

use crate::error::LinkError;
use crate::sync::{Mutex, MutexGuard};

/// A connection as callers get it. Dereferences to what is shared of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Connection<H> {
    /// The connection, by its dial: errors are reported against this.
    pub id: DialId,
    /// The key of the endpoint it is connected to.
    pub endpoint: u32,
    /// What is shared of it.
    pub shared: H,
}

impl<H> Connection<H> {
    pub(crate) fn new(id: DialId, endpoint: u32, shared: H) -> Self {
        Self { id, endpoint, shared }
    }
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

#[derive(Debug)]
pub(crate) struct View<H, E> {
    state: Mutex<State<H, E>>,
}

#[derive(Debug)]
struct State<H, E> {
    held: Option<Connection<H>>,
    /// The connections that exist, which callers may still be using.
    named: [Option<DialId>; 2],
    ended: Option<Box<End<E>>>,
    /// The loop will not come back.
    gone: bool,
    /// Starts that the loop has seen.
    starts: u64,
    /// At most one for each connection, so at most two.
    reports: Vec<Report<E>>,
    panicked: Option<Arc<str>>,
}

/// What a caller says about a connection.
#[derive(Debug)]
pub(crate) struct Report<E> {
    pub(crate) id: DialId,
    pub(crate) error: Arc<E>,
}

impl<H, E> View<H, E> {
    pub(crate) fn new() -> Self {
        let state = State {
            held: None,
            named: [None; 2],
            ended: None,
            gone: false,
            starts: 0,
            reports: Vec::new(),
            panicked: None,
        };
        Self { state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State<H, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what is; true if that differs from before in anything but how the link ended. A connection
    /// that was reported broken is not handed out again, even before the loop has heard.
    pub(crate) fn publish(
        &self,
        held: Option<Connection<H>>,
        named: [Option<DialId>; 2],
        ended: Option<End<E>>,
        starts: u64,
    ) -> bool {
        let mut state = self.lock();
        let reported = |id| state.reports.iter().any(|report: &Report<E>| report.id == id);
        let held = held.filter(|connection| !reported(connection.id));
        let id = |held: &Option<Connection<H>>| held.as_ref().map(|connection| connection.id);
        let named = named.map(|id| id.filter(|id| !reported(*id)));
        let differs = id(&held) != id(&state.held)
            || named != state.named
            || ended.is_some() != state.ended.is_some()
            || starts != state.starts;
        if !differs && ended.is_none() {
            return false;
        }
        let replaced = std::mem::replace(&mut state.held, held);
        state.named = named;
        state.ended = ended.map(Box::new);
        state.starts = starts;
        drop(state);
        // What is shared may do anything when it is dropped.
        drop(replaced);
        differs
    }

    pub(crate) fn set_gone(&self, end: End<E>) {
        let mut state = self.lock();
        let held = state.held.take();
        state.named = [None; 2];
        state.ended = Some(Box::new(end));
        state.gone = true;
        drop(state);
        drop(held);
    }

    /// How the link has ended, if that was after the loop had seen start number `ticket`, or it will not
    /// see another.
    pub(crate) fn ended_since(&self, ticket: u64) -> Option<End<E>> {
        let state = self.lock();
        (state.gone || state.starts >= ticket).then(|| state.ended.as_deref().cloned()).flatten()
    }

    /// Keeps the error for the loop; false if one was reported for this connection already, or it is no
    /// longer one.
    pub(crate) fn report(&self, id: DialId, error: Arc<E>) -> bool {
        let mut state = self.lock();
        let Some(named) = state.named.iter_mut().find(|named| **named == Some(id)) else {
            return false;
        };
        *named = None;
        let broken = state.held.take_if(|connection| connection.id == id);
        state.reports.push(Report { id, error });
        drop(state);
        drop(broken);
        true
    }

    /// The connection that callers get.
    pub(crate) fn held_id(&self) -> Option<DialId> {
        self.lock().held.as_ref().map(|connection| connection.id)
    }

    /// Whether this connection should exist.
    pub(crate) fn names(&self, id: DialId) -> bool {
        self.lock().named.contains(&Some(id))
    }

    pub(crate) fn set_panicked(&self, message: Arc<str>) {
        self.lock().panicked.get_or_insert(message);
    }

    pub(crate) fn take_panicked(&self) -> Option<Arc<str>> {
        self.lock().panicked.take()
    }

    pub(crate) fn take_reports(&self) -> Vec<Report<E>> {
        std::mem::take(&mut self.lock().reports)
    }
}

impl<H: Clone, E> View<H, E> {
    /// The connection that is the link now.
    pub(crate) fn held(&self) -> Option<Connection<H>> {
        self.lock().held.clone()
    }
}
