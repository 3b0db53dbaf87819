//! Whose turn it is: no link dials past the fleet's limits, and none loses its place.
//!
//! A link that would dial when it may not is deferred to when it may expect to, so no deadline of a dial
//! runs while it queues. One that would give up for that is deferred only to before which it surely cannot,
//! so its own limits see the truth.

use core::borrow::Borrow;

use redial::{Action, DialId, Endpoint, Event, Phase, Policy, Reconnector, Timestamp};

use crate::census::{Key, Kind, Tally};
use crate::fleet::{Fleet, Slot};
use crate::wheel::{NEVER, Wheel};

impl<P: Borrow<Policy>, S: AsRef<[Endpoint]> + AsMut<[Endpoint]>> Fleet<P, S> {
    /// The first of the queue, if the limits allow a dial.
    pub(crate) fn next_in_queue(&mut self, now: Timestamp) -> Option<u32> {
        while let Some((index, ticket)) = self.limits.first() {
            if self.limits.ticket(index) == ticket {
                return self.limits.permitted(now, self.tally.dialing()).then_some(index);
            }
            self.limits.leave();
        }
        None
    }

    /// The first of the queue may dial.
    pub(crate) fn admit(&mut self, now: Timestamp, index: u32) -> Option<(Key, Action)> {
        let slot = self.slots.get_mut(index as usize)?;
        let (kind, generation) = (slot.kind, slot.generation);
        self.limits.drop_ticket(index);
        self.tally.queued -= 1;
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

    /// The wake of a link has come, and it does not dial.
    #[inline(never)]
    pub(crate) fn due(&mut self, told: Option<(Key, Action)>) -> Option<(Key, Action)> {
        let (key, action) = told.as_ref()?;
        let slot = self.slots.get_mut(key.index as usize)?;
        slot.at = NEVER;
        let before = slot.kind;
        let after = slot.record(action, &mut self.tally, &mut self.wheel, key.index);
        if after.is_news_after(before) { told } else { None }
    }

    /// As [`due`](Self::due), under limits, and nothing has been done about it.
    #[inline(never)]
    pub(crate) fn due_in_turn(&mut self, key: Key) -> Option<(Key, Action)> {
        let index = key.index;
        let slot = self.slots.get_mut(index as usize)?;
        slot.at = NEVER;
        let before = slot.kind;
        let action = if self.limits.ticket(index) != 0 {
            // It took longer than expected, or another of its timers is due.
            self.requeue(self.now, index)
        } else {
            self.step(self.now, index, |link, now| link.handle(now, Event::Tick))
        };
        self.kind(index)?.is_news_after(before).then_some((key, action))
    }

    fn kind(&self, index: u32) -> Option<Kind> {
        self.slots.get(index as usize).map(|slot| slot.kind)
    }

    pub(crate) fn deliver(&mut self, now: Timestamp, index: u32, event: Event) -> Action {
        let now = self.later(now);
        if let (Event::Defer(until), true) = (event, self.limits.any()) {
            self.limits.defer(index, until, now);
            if until <= now && !self.limits.open(now, self.tally.dialing()) {
                return self
                    .step(now, index, |link, now| link.handle(now, Event::Defer(after(now))));
            }
        }
        self.step(now, index, |link, now| link.handle(now, event))
    }

    /// Moves a link so that it does not dial before its turn.
    pub(crate) fn step(
        &mut self,
        now: Timestamp,
        index: u32,
        event: impl FnOnce(&mut Reconnector<P, S>, Timestamp) -> Action,
    ) -> Action {
        let now = self.later(now);
        self.now = now;
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
            return self.requeue(now, index);
        }
        if self.limits.drop_ticket(index) {
            self.tally.queued -= 1;
        }
        self.record(index, &action);
        action
    }

    /// A link that would dial now keeps its place in the queue, or takes the last.
    fn requeue(&mut self, now: Timestamp, index: u32) -> Action {
        let Some(slot) = self.slots.get_mut(index as usize) else { return Action::Idle };
        let Some(link) = slot.reconnector.as_mut() else { return Action::Idle };
        let mut ticket = self.limits.ticket(index);
        if ticket == 0 {
            ticket = self.limits.join(index, now);
            self.tally.queued += 1;
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
            self.tally.queued -= 1;
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

impl<P: Borrow<Policy>, S: AsRef<[Endpoint]> + AsMut<[Endpoint]>> Slot<P, S> {
    /// Counts and timers follow the action of a link.
    #[expect(clippy::inline_always, reason = "half of what it takes would be the call")]
    #[inline(always)]
    pub(crate) fn record(
        &mut self,
        action: &Action,
        tally: &mut Tally,
        wheel: &mut Wheel,
        index: u32,
    ) -> Kind {
        let (kind, wake) = match action {
            Action::SleepUntil(wait) => (Kind::Reconnecting, wait.until),
            Action::Dial(dial) => {
                let kind = Kind::dialing(dial);
                let at = dial.wake.as_nanos();
                if core::mem::replace(&mut self.at, at) != at {
                    // Few dials end by their deadline.
                    self.fresh = true;
                    wheel.guard(at, index);
                }
                tally.pass(self.kind, kind);
                self.kind = kind;
                return kind;
            }
            Action::Hold(hold) => (Kind::Connected, hold.wake.unwrap_or(Timestamp::MAX)),
            Action::Idle => (self.idle(), Timestamp::MAX),
            Action::GiveUp(_) => (Kind::GaveUp, Timestamp::MAX),
        };
        self.follow(kind, wake, tally, wheel, index);
        kind
    }

    /// Counts and timers, when it does not dial.
    #[expect(clippy::inline_always, reason = "half of what it takes would be the call")]
    #[inline(always)]
    pub(crate) fn follow(
        &mut self,
        kind: Kind,
        wake: Timestamp,
        tally: &mut Tally,
        wheel: &mut Wheel,
        index: u32,
    ) {
        let at = wake.as_nanos();
        if core::mem::replace(&mut self.at, at) != at {
            self.fresh = false;
            wheel.file(at, index);
        }
        tally.pass(self.kind, kind);
        self.kind = kind;
    }

    #[cold]
    fn idle(&self) -> Kind {
        match self.reconnector.as_ref().map(|link| link.status().phase) {
            Some(Phase::Offline) => Kind::Offline,
            _ => Kind::Idle,
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
