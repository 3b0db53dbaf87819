//! One link of a fleet, and what follows its actions: counts and timers.

use core::borrow::Borrow;
use core::hint::black_box;

use redial::{Action, Endpoint, Phase, Policy, Reconnector, Timestamp};

use crate::census::{Kind, Tally};
use crate::order::Entry;
use crate::wheel::{NEVER, Timers, Wheel};

#[derive(Clone, Debug)]
pub(crate) struct Slot<P, S> {
    pub(crate) reconnector: Option<Reconnector<P, S>>,
    /// When to look at it; what the wheel has filed for other times is stale.
    pub(crate) at: u64,
    pub(crate) generation: u32,
    pub(crate) kind: Kind,
    /// The wheel was told of the time, and has not filed it.
    pub(crate) fresh: bool,
    /// Is to be reported by `poll`.
    pub(crate) news: bool,
}

impl<P, S> Timers for [Slot<P, S>] {
    #[inline]
    fn at(&self, index: u32) -> u64 {
        self.get(index as usize).map_or(NEVER, |slot| slot.at)
    }

    #[inline]
    fn take_fresh(&mut self, index: u32) -> Option<u64> {
        let slot = self.get_mut(index as usize).filter(|slot| slot.fresh)?;
        slot.fresh = false;
        Some(slot.at)
    }
}

impl<P, S> Slot<P, S> {
    pub(crate) const fn new(generation: u32) -> Self {
        Self {
            reconnector: None,
            at: NEVER,
            generation,
            kind: Kind::Idle,
            fresh: false,
            news: false,
        }
    }

    /// It is of this kind from now on.
    #[inline]
    pub(crate) fn pass(&mut self, kind: Kind, tally: &mut Tally) {
        tally.leave(self.kind);
        tally.enter(kind);
        self.kind = kind;
    }

    /// It is to be looked at then, and it does not dial.
    #[expect(clippy::inline_always, reason = "half of what it takes would be the call")]
    #[inline(always)]
    pub(crate) fn set(&mut self, wake: Timestamp, wheel: &mut Wheel, index: u32) {
        let at = wake.as_nanos();
        if core::mem::replace(&mut self.at, at) != at {
            wheel.unguard(&mut self.fresh);
            wheel.file(at, index);
        }
    }
}

impl<P: Borrow<Policy>, S: AsRef<[Endpoint]> + AsMut<[Endpoint]>> Slot<P, S> {
    /// Counts and timers follow the action of a link. Most often it waits.
    #[expect(clippy::inline_always, reason = "half of what it takes would be the call")]
    #[inline(always)]
    pub(crate) fn follow(
        &mut self,
        action: &Action,
        tally: &mut Tally,
        wheel: &mut Wheel,
        index: u32,
    ) {
        if let Action::SleepUntil(wait) = action {
            self.pass(Kind::Reconnecting, tally);
            self.set(wait.until, wheel, index);
        } else {
            self.record(action, tally, wheel, index);
        }
    }

    /// As [`follow`](Self::follow), for any action.
    #[inline(never)]
    pub(crate) fn record(
        &mut self,
        action: &Action,
        tally: &mut Tally,
        wheel: &mut Wheel,
        index: u32,
    ) {
        let (kind, wake) = match action {
            Action::Dial(dial) => {
                self.pass(Kind::dialing(dial), tally);
                let at = dial.wake.as_nanos();
                if core::mem::replace(&mut self.at, at) != at {
                    // Few dials end by their deadline.
                    self.fresh = true;
                    wheel.guard(at, index);
                }
                return;
            }
            Action::SleepUntil(wait) => (Kind::Reconnecting, wait.until),
            Action::Hold(hold) => (Kind::Connected, hold.wake.unwrap_or(Timestamp::MAX)),
            Action::Idle => (self.idle(), Timestamp::MAX),
            Action::GiveUp(_) => (Kind::GaveUp, Timestamp::MAX),
        };
        self.pass(kind, tally);
        if self.fresh {
            // What follows a dial may have the same wake, and may last longer.
            self.at = NEVER;
        }
        self.set(wake, wheel, index);
    }

    #[cold]
    fn idle(&self) -> Kind {
        match self.reconnector.as_ref().map(|link| link.status().phase) {
            Some(Phase::Offline) => Kind::Offline,
            _ => Kind::Idle,
        }
    }
}

/// Reads both ends of each. A million links are in no cache, and what is asked for together comes together.
#[inline]
pub(crate) fn touch<P: Borrow<Policy>, S: AsRef<[Endpoint]> + AsMut<[Endpoint]>>(
    slots: &[Slot<P, S>],
    entries: &[Entry],
) {
    let key = |entry: &Entry| {
        let link = slots.get(entry.index() as usize)?.reconnector.as_ref()?;
        link.endpoints().first().map(Endpoint::key)
    };
    black_box(entries.iter().fold(0, |read, entry| read ^ key(entry).unwrap_or(0)));
}
