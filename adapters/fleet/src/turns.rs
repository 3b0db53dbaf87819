//! Whose turn it is: no link dials past the fleet's limits, and none loses its place.
//!
//! A link that would dial when it may not is deferred to when it may expect to, so no deadline of a dial
//! runs while it queues. One that would give up for that is deferred only to before which it surely cannot,
//! so its own limits see the truth.

use core::borrow::Borrow;

use redial::{Action, DialId, Endpoint, Event, Policy, Reconnector, Timestamp};

use crate::census::{Key, Kind};
use crate::fleet::Fleet;
use crate::wheel::NEVER;

impl<P: Borrow<Policy>, S: AsRef<[Endpoint]> + AsMut<[Endpoint]>> Fleet<P, S> {
    /// The first of the queue, if the limits allow a dial.
    pub(crate) fn next_in_queue(&mut self) -> Option<u32> {
        while let Some((index, ticket)) = self.limits.first() {
            if self.limits.ticket(index) == ticket {
                return self.limits.permitted(self.now, self.tally.dialing()).then_some(index);
            }
            self.limits.leave();
        }
        None
    }

    /// The first of the queue may dial.
    pub(crate) fn admit(&mut self, index: u32) -> Option<(Key, Action)> {
        let now = self.now;
        let slot = self.slots.get_mut(index as usize)?;
        let (kind, generation) = (slot.kind, slot.generation);
        self.limits.drop_ticket(index);
        let link = slot.reconnector.as_mut()?;
        let action = link.handle(now, Event::Defer(Timestamp::ORIGIN));
        let dialed = action.dial().is_some();
        if dialed {
            self.limits.spend(now);
        }
        self.limits.leave();
        self.record(index, &action);
        let told = dialed || self.kind(index) != Some(kind);
        told.then_some((Key { index, generation }, action))
    }

    /// The wake of a link has come, and it does not dial: whether it is to be named.
    #[inline(never)]
    pub(crate) fn due(&mut self, index: u32, action: &Action) -> bool {
        let Some(slot) = self.slots.get_mut(index as usize) else { return false };
        slot.at = NEVER;
        let before = slot.kind;
        slot.record(action, &mut self.tally, &mut self.wheel, index);
        slot.kind.is_news_after(before)
    }

    /// The wheel has come to a link, under limits.
    pub(crate) fn due_in_turn(&mut self, index: u32) -> Option<(Key, Action)> {
        let slot =
            self.slots.get_mut(index as usize).filter(|slot| slot.at <= self.now.as_nanos())?;
        slot.at = NEVER;
        let (before, key) = (slot.kind, Key { index, generation: slot.generation });
        let action = if self.limits.ticket(index) != 0 {
            // It took longer than expected, or another of its timers is due.
            self.requeue(index)
        } else {
            self.step(index, |link, now| link.handle(now, Event::Tick))
        };
        self.kind(index)?.is_news_after(before).then_some((key, action))
    }

    fn kind(&self, index: u32) -> Option<Kind> {
        self.slots.get(index as usize).map(|slot| slot.kind)
    }

    pub(crate) fn deliver(&mut self, index: u32, event: Event) -> Action {
        let runs = self.kind(index).is_some_and(Kind::runs);
        if let (Event::Defer(until), true) = (event, self.limits.any()) {
            self.limits.defer(index, until, self.now);
            if until <= self.now && !self.limits.open(self.now, self.tally.dialing()) {
                return self.step(index, |link, now| link.handle(now, Event::Defer(after(now))));
            }
        }
        self.step(index, |link, now| {
            // To a link that runs it is a tick: not to one that has given up for its turn a moment ago.
            let tick = event == Event::Start && runs;
            link.handle(now, if tick { Event::Tick } else { event })
        })
    }

    /// Moves a link so that it does not dial before its turn.
    pub(crate) fn step(
        &mut self,
        index: u32,
        event: impl FnOnce(&mut Reconnector<P, S>, Timestamp) -> Action,
    ) -> Action {
        let now = self.now;
        let Some(slot) = self.slots.get_mut(index as usize) else { return Action::Idle };
        let Some(link) = slot.reconnector.as_mut() else { return Action::Idle };
        if !self.limits.any() {
            let action = event(link, now);
            self.record(index, &action);
            return action;
        }
        if self.limits.open(now, self.tally.dialing()) {
            let before = link.action().dial();
            let action = event(link, now);
            if begun(before.map(|dial| dial.id), &action) {
                self.limits.spend(now);
            }
            self.record(index, &action);
            return action;
        }
        let holds = !self.limits.deferred(index, now);
        if holds {
            // Before any timer is due, or a dial could end that this very event says has succeeded.
            let due = link.action().wake().as_nanos();
            let early = now.min(Timestamp::from_nanos(due.saturating_sub(1)));
            link.handle(early, Event::Defer(after(now)));
        }
        let action = event(link, now);
        if holds && action.wake() == after(now) && action.dial().is_none() {
            return self.requeue(index);
        }
        self.limits.drop_ticket(index);
        self.record(index, &action);
        action
    }

    /// A link that would dial now keeps its place in the queue, or takes the last.
    fn requeue(&mut self, index: u32) -> Action {
        let now = self.now;
        let Some(slot) = self.slots.get_mut(index as usize) else { return Action::Idle };
        let Some(link) = slot.reconnector.as_mut() else { return Action::Idle };
        let mut ticket = self.limits.ticket(index);
        if ticket == 0 {
            ticket = self.limits.join(index, now);
        }
        // The link knows when it may expect to dial: it shows it, and gives up now if that is too late.
        let expected = match link.policy().max_elapsed() {
            Some(patience) => self.limits.surely(ticket, now, patience),
            None => self.limits.expected(ticket, now),
        };
        let mut action = link.handle(now, Event::Defer(expected));
        let waits = match action {
            Action::SleepUntil(wait) => wait.until <= expected,
            Action::Hold(hold) => hold.wake.is_some_and(|wake| wake <= expected),
            Action::Idle | Action::Dial(_) | Action::GiveUp(_) => false,
        };
        if !waits {
            self.limits.drop_ticket(index);
            action = link.handle(now, Event::Defer(after(now)));
        }
        self.record(index, &action);
        action
    }

    #[inline(never)]
    pub(crate) fn record(&mut self, index: u32, action: &Action) {
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.record(action, &mut self.tally, &mut self.wheel, index);
        }
    }
}

/// Whether `action` names a dial that is not `before`.
fn begun(before: Option<DialId>, action: &Action) -> bool {
    action.dial().is_some_and(|dial| Some(dial.id) != before)
}

/// The instant after `now`.
fn after(now: Timestamp) -> Timestamp {
    Timestamp::from_nanos(now.as_nanos().saturating_add(1))
}
