//! The fleet: many links, one clock, one wake.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::borrow::Borrow;

use redial::{Action, Dial, DialId, Endpoint, Event, Policy, Reconnector, Timestamp};

use crate::census::{Counts, Key, Kind, Tally};
use crate::limits::Limits;
use crate::slot::{Slot, touch};
use crate::wheel::{NEVER, Wheel};

/// The last instant that comes; after it is only never.
const LAST: Timestamp = Timestamp::from_nanos(u64::MAX - 1);

/// Many [`Reconnector`]s that share one clock, one wake and two limits.
///
/// Sans-IO like the reconnectors: it has no clock, starts no dial and spawns nothing.
/// [`handle`](Self::handle) moves one link, [`poll`](Self::poll) names the links that time or the limits
/// have moved, [`wake`](Self::wake) says when to poll again. After any call, poll until it says `None`.
///
/// ```
/// use core::num::NonZeroU32;
/// use redial::{Action, Event, Failure, Policy, Reconnector, Timestamp};
/// use redial_fleet::Fleet;
///
/// let mut fleet = Fleet::new().max_dials_per_second(NonZeroU32::new(100).unwrap());
/// let mut now = Timestamp::ORIGIN;
/// for seed in 0..1000 {
///     let key = fleet.insert(now, Reconnector::new(&Policy::DEFAULT, seed));
///     fleet.handle(now, key, Event::Start);
/// }
/// let mut dials = 0;
/// while now < Timestamp::from_nanos(1_000_000_000) {
///     while let Some((key, action)) = fleet.poll(now) {
///         if let Action::Dial(dial) = action {
///             dials += 1;
///             fleet.handle(now, key, Event::DialFailed(dial.id, Failure::Unreachable));
///         }
///     }
///     now = fleet.wake();
/// }
/// // And five at once, of which `handle` told.
/// assert_eq!(dials, 95);
/// ```
#[derive(Clone, Debug)]
pub struct Fleet<P = Policy, S = [Endpoint; 1]> {
    pub(crate) slots: Vec<Slot<P, S>>,
    pub(crate) free: Vec<u32>,
    pub(crate) wheel: Wheel,
    pub(crate) limits: Limits,
    pub(crate) tally: Tally,
    /// Links to be reported, whose actions a call for the whole fleet has changed.
    pub(crate) news: VecDeque<u32>,
    /// There is more to `poll` than the wheel: news, or limits.
    pub(crate) busy: bool,
    pub(crate) now: Timestamp,
    pub(crate) offline: bool,
}

impl<P, S> Default for Fleet<P, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P, S> Fleet<P, S> {
    /// A fleet without links and without limits.
    pub fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            wheel: Wheel::new(),
            limits: Limits::default(),
            tally: Tally::default(),
            news: VecDeque::new(),
            busy: false,
            now: Timestamp::ORIGIN,
            offline: false,
        }
    }

    /// Makes room for `additional` more links, so that inserting them moves none. Their timers and queues
    /// still take memory as they come.
    pub fn reserve(&mut self, additional: usize) {
        self.slots.reserve_exact(additional);
    }

    /// How many links there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many links do what. Kept up to date, so asking costs nothing.
    pub fn counts(&self) -> Counts {
        Counts { queued: self.limits.queued(), ..self.tally.counts() }
    }

    /// When to [`poll`](Self::poll) if nothing else happens: at or before the first moment at which any
    /// link or limit asks for it. [`Timestamp::MAX`] is never.
    pub fn wake(&self) -> Timestamp {
        if self.news.is_empty() {
            self.wheel.next().min(self.limits.wake(self.tally.dialing()))
        } else {
            self.now
        }
    }

    /// Bytes on the heap, for what the fleet itself keeps.
    pub fn heap_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot<P, S>>()
            + (self.free.capacity() + self.news.capacity()) * size_of::<u32>()
            + self.wheel.bytes()
            + self.limits.bytes()
    }

    /// The link `key`, to be read.
    pub fn get(&self, key: Key) -> Option<&Reconnector<P, S>> {
        let slot = self.slots.get(key.index as usize)?;
        slot.reconnector.as_ref().filter(|_| slot.generation == key.generation)
    }

    /// Every link, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &Reconnector<P, S>)> {
        (0..).zip(&self.slots).filter_map(|(index, slot)| {
            let key = Key { index, generation: slot.generation };
            Some((key, slot.reconnector.as_ref()?))
        })
    }
}

impl<P: Borrow<Policy>, S: AsRef<[Endpoint]> + AsMut<[Endpoint]>> Fleet<P, S> {
    /// Takes over a link in whatever state it is. It does nothing until it is told to
    /// [`Start`](Event::Start), unless it was running: then `poll` names it. Under limits, a
    /// [`Defer`](Event::Defer) that it was told before is to be told again through the fleet, which
    /// otherwise lifts it with its own.
    pub fn insert(&mut self, now: Timestamp, reconnector: Reconnector<P, S>) -> Key {
        advance(&mut self.now, now);
        self.wheel.begin(self.now);
        let index = self.free.pop().unwrap_or_else(|| {
            let index = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
            self.slots.push(Slot::new(0));
            self.wheel.grow(self.slots.len());
            index
        });
        let Some(taken) = self.slots.get_mut(index as usize) else {
            unreachable!("the memory for 2³² links does not exist")
        };
        *taken = Slot::new(taken.generation);
        taken.reconnector = Some(reconnector);
        let key = Key { index, generation: taken.generation };
        self.tally.enter(Kind::Idle);
        let event = if self.offline { Event::Offline } else { Event::Tick };
        let action = self.step(index, |link, now| link.handle(now, event));
        if let (Some(slot), true) = (self.slots.get_mut(index as usize), action != Action::Idle) {
            slot.news = true;
            self.news.push_back(index);
            self.busy = true;
        }
        key
    }

    /// Takes a link out, as it is; `None` if there is no such link. A dial or connection that its action
    /// names still exists, and is the caller's to keep or to drop. If the link was in the queue of the limits,
    /// it is still deferred: [`Event::Defer(Timestamp::ORIGIN)`](Event::Defer) lifts that.
    pub fn remove(&mut self, key: Key) -> Option<Reconnector<P, S>> {
        self.get(key)?;
        let slot = self.slots.get_mut(key.index as usize)?;
        slot.generation = slot.generation.wrapping_add(1);
        slot.news = false;
        slot.at = NEVER;
        self.wheel.unguard(&mut slot.fresh);
        let reconnector = slot.reconnector.take();
        self.limits.drop_ticket(key.index);
        self.tally.leave(slot.kind);
        self.limits.forget(key.index);
        self.free.push(key.index);
        reconnector
    }

    /// Something happened to the link `key`. Returns what should exist for it from now on; `None` if
    /// there is no such link.
    #[expect(clippy::inline_always, reason = "called, an event takes a tenth more")]
    #[inline(always)]
    pub fn handle(&mut self, now: Timestamp, key: Key, event: Event) -> Option<Action> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        let link = slot.reconnector.as_mut()?;
        advance(&mut self.now, now);
        if self.limits.any() {
            return Some(self.deliver(key.index, event));
        }
        let action = link.handle(self.now, event);
        slot.follow(&action, &mut self.tally, &mut self.wheel, key.index);
        Some(action)
    }

    /// Replaces the endpoints of a link; see [`Reconnector::set_endpoints`]. Returns the old storage, and what
    /// should exist for the link from now on.
    ///
    /// # Errors
    /// `endpoints`, if there is no such link.
    pub fn set_endpoints(
        &mut self,
        now: Timestamp,
        key: Key,
        endpoints: S,
    ) -> Result<(S, Action), S> {
        if self.get(key).is_none() {
            return Err(endpoints);
        }
        advance(&mut self.now, now);
        let mut old = None;
        let action = self.step(key.index, |link, now| {
            old = Some(link.set_endpoints(now, endpoints));
            link.action()
        });
        match old {
            Some(old) => Ok((old, action)),
            None => unreachable!("the step runs once"),
        }
    }

    /// Opens the circuit of an endpoint by hand; see [`Reconnector::trip`]. Returns what should exist for the
    /// link from now on; `None` if there is no such link. An unknown endpoint changes nothing.
    pub fn trip(&mut self, now: Timestamp, key: Key, endpoint: u32) -> Option<Action> {
        self.get(key)?;
        advance(&mut self.now, now);
        Some(self.step(key.index, |link, now| {
            link.trip(now, endpoint);
            link.action()
        }))
    }

    /// Closes the circuit of an endpoint; see [`Reconnector::reset`]. Returns what [`trip`](Self::trip) does.
    pub fn reset(&mut self, now: Timestamp, key: Key, endpoint: u32) -> Option<Action> {
        self.get(key)?;
        advance(&mut self.now, now);
        Some(self.step(key.index, |link, now| {
            link.reset(now, endpoint);
            link.action()
        }))
    }

    /// The network of all is gone: [`Event::Offline`] for every link, and for those that are inserted
    /// until it is back. `poll` names those whose action changed.
    pub fn offline(&mut self, now: Timestamp) {
        self.offline = true;
        self.all(now, Event::Offline);
    }

    /// The network of all is back: [`Event::Online`] for every link. `poll` names those whose action
    /// changed.
    pub fn online(&mut self, now: Timestamp) {
        self.offline = false;
        self.all(now, Event::Online);
    }

    fn all(&mut self, now: Timestamp, event: Event) {
        advance(&mut self.now, now);
        for index in (0..).take(self.slots.len()) {
            let Some(before) = self.action(index) else { continue };
            let action = self.deliver(index, event);
            let Some(slot) = self.slots.get_mut(index as usize) else { continue };
            if !slot.news && named(&before) != named(&action) {
                slot.news = true;
                self.news.push_back(index);
                self.busy = true;
            }
        }
    }

    fn action(&self, index: u32) -> Option<Action> {
        Some(self.slots.get(index as usize)?.reconnector.as_ref()?.action())
    }

    /// A link whose action may have changed since it was last told, and that action; `None` if there is
    /// none left at `now`. A link may be named although nothing new is asked of it.
    #[expect(clippy::inline_always, reason = "called, an event takes a tenth more")]
    #[inline(always)]
    pub fn poll(&mut self, now: Timestamp) -> Option<(Key, Action)> {
        advance(&mut self.now, now);
        if self.busy {
            // Taken apart here, so that no action below is kept in memory for this one's sake.
            let (key, action) = self.poll_queues()?;
            return Some((key, action));
        }
        loop {
            let index = self.pop()?;
            let Some(slot) = self.slots.get_mut(index as usize) else { continue };
            let Some(link) = slot.reconnector.as_mut().filter(|_| slot.at <= self.now.as_nanos())
            else {
                continue;
            };
            let action = link.handle(self.now, Event::Tick);
            let key = Key { index, generation: slot.generation };
            if let Action::Dial(dial @ Dial { serving: None, .. }) = &action {
                (slot.at, slot.fresh) = (dial.wake.as_nanos(), true);
                self.wheel.keep(slot.at);
                slot.pass(Kind::Connecting, &mut self.tally);
                return Some((key, action));
            }
            if self.due(index, &action) {
                return Some((key, action));
            }
        }
    }

    /// The next link that the wheel names.
    #[inline]
    fn pop(&mut self) -> Option<u32> {
        let index = match self.wheel.pop() {
            None => self.wheel.pop_next(self.now.as_nanos(), self.slots.as_mut_slice())?,
            Some(index) => index,
        };
        if let Some(next) = self.wheel.ahead() {
            touch(&self.slots, next);
        }
        Some(index)
    }

    /// As [`poll`](Self::poll), where not only timers count.
    #[inline(never)]
    fn poll_queues(&mut self) -> Option<(Key, Action)> {
        while let Some(index) = self.news.pop_front() {
            let Some(slot) = self.slots.get_mut(index as usize) else { continue };
            if let (true, Some(link)) = (slot.news, &slot.reconnector) {
                slot.news = false;
                return Some((Key { index, generation: slot.generation }, link.action()));
            }
        }
        self.busy = self.limits.any();
        if !self.busy {
            return self.poll(self.now);
        }
        while let Some(index) = self.next_in_queue() {
            if let Some(told) = self.admit(index) {
                return Some(told);
            }
        }
        loop {
            let index = self.pop()?;
            if let Some(told) = self.due_in_turn(index) {
                return Some(told);
            }
        }
    }
}

/// Moves the fleet's clock to `now`: it never runs backward, and never reaches the end of time.
#[inline]
fn advance(clock: &mut Timestamp, now: Timestamp) {
    if now > *clock {
        *clock = now.min(LAST);
    }
}

/// What the world should hold: the dial, the link and what drains.
fn named(action: &Action) -> (Option<DialId>, Option<DialId>, Option<DialId>, bool) {
    let gave_up = matches!(action, Action::GiveUp(_));
    (action.dial().map(|dial| dial.id), action.held(), action.draining().map(|old| old.id), gave_up)
}
