//! What is due, what is started, and when to look again.

use redial::{Failure, GiveUpReason, Jitter, Refresh, Selection};

use super::arith::{NEVER, below, later, nanos, splitmix, stretched};
use super::{Conn, Flight, Mode, Proof, Reference, Wanted, shape};

impl Reference {
    /// A connection that has stayed up is stable before anything else is said about it.
    pub(super) fn settle(&mut self) {
        let Some(link) = self.link else { return };
        if link.proof == Proof::Stable || self.now < self.stable_at(&link) {
            return;
        }
        if link.proof == Proof::Nothing {
            self.proven(link.key);
        }
        if let Some(link) = &mut self.link {
            link.proof = Proof::Stable;
        }
        self.forget_run();
        self.begin_anew();
        self.turn_away();
    }

    /// Everything that is due, each once.
    pub(super) fn timers(&mut self) {
        if self.dial.is_some_and(|dial| self.now >= dial.deadline) {
            self.dial_failed(Failure::TimedOut);
        } else if let (Some(link), Some(old)) = (self.link, self.old) {
            if self.now >= self.drained_at(&link, &old) {
                self.drained();
            }
        }
        if self.link.is_some_and(|link| self.now >= self.idle_at(&link)) {
            self.link_lost(Failure::TimedOut);
            // The dial that was to replace it may have less time now.
            if self.dial.is_some_and(|dial| self.now >= dial.deadline) {
                self.dial_failed(Failure::TimedOut);
            }
        }
        let Some(link) = self.link else { return };
        if link.proof == Proof::Stable && self.dial.is_none() && self.old.is_none() {
            if link.wanted < Wanted::Any && self.now >= self.aged_at(&link) {
                self.want(Wanted::Any);
            } else if link.wanted == Wanted::No && self.now >= self.failback_at(&link) {
                self.want(Wanted::Better);
            }
        }
    }

    pub(super) fn plan(&mut self) {
        self.wake = match (self.mode, self.dial, self.link, self.old) {
            (Mode::Stopped | Mode::Over { .. }, ..) => NEVER,
            (_, Some(dial), Some(link), _) => dial.deadline.min(self.idle_at(&link)),
            (_, Some(dial), None, _) => dial.deadline,
            (_, None, Some(link), Some(old)) => {
                let stable = self.stable_at(&link);
                self.drained_at(&link, &old).min(self.idle_at(&link)).min(stable)
            }
            (_, None, Some(link), None) => self.plan_held(&link),
            (_, None, None, _) => self.plan_dial(),
        };
    }

    fn may_not_dial(&self) -> bool {
        self.offline || self.list.is_empty()
    }

    /// The end of the outage.
    pub(super) fn limit(&self) -> u64 {
        match self.policy.max_elapsed() {
            None => NEVER,
            Some(elapsed) => later(self.outage, nanos(elapsed)),
        }
    }

    fn plan_dial(&mut self) -> u64 {
        if self.may_not_dial() {
            self.paused = self.paused.or(Some(self.now));
            return NEVER;
        }
        if let Some(since) = self.paused.take() {
            self.outage = later(self.outage, self.now - since);
        }
        let all_parked = self.places.iter().all(|place| place.parked > self.now);
        if all_parked && self.policy.give_up_when_all_parked() {
            self.give_up(GiveUpReason::AllParked, self.last);
            return NEVER;
        }
        let Some(choice) = self.choose(Wanted::Any, None) else { return NEVER };
        self.hold_back(&choice, false);
        let limit = self.limit();
        if limit != NEVER && choice.wake >= limit {
            self.give_up(GiveUpReason::MaxElapsed, self.last);
            return NEVER;
        }
        if choice.wake > self.now {
            self.reason = choice.reason;
            return choice.wake;
        }
        let dial = self.begin_dial(choice.key, limit);
        self.attempts.push(dial.id);
        dial.deadline
    }

    fn plan_held(&mut self, link: &Conn) -> u64 {
        let idle = self.idle_at(link);
        if link.proof < Proof::Stable {
            return idle.min(self.stable_at(link));
        }
        if link.wanted == Wanted::No {
            return idle.min(self.aged_at(link)).min(self.failback_at(link));
        }
        let wake = if link.wanted == Wanted::Better { idle.min(self.aged_at(link)) } else { idle };
        if self.may_not_dial() || self.pace == NEVER {
            return wake;
        }
        let Some(choice) = self.choose(link.wanted, link.key) else { return wake };
        if choice.wake > self.now {
            return wake.min(choice.wake);
        }
        self.hold_back(&choice, link.paced_by_better);
        if self.policy.refresh() == Refresh::BreakFirst {
            // An outage of our own making, in which whoever goes away has had its turn.
            if link.wanted == Wanted::Other && Some(choice.key) != link.key {
                if let Some(place) = self.place(link.key) {
                    place.visited = true;
                }
            }
            self.link = None;
            self.outage = self.now;
            self.attempts.clear();
            self.counted_rounds = 0;
            self.last = None;
            self.pace = self.now;
            return self.plan_dial();
        }
        let dial = self.begin_dial(choice.key, NEVER);
        dial.deadline.min(idle)
    }

    fn begin_dial(&mut self, key: u32, limit: u64) -> Flight {
        self.starts.push(self.now);
        let base = shape::earned(&self.policy, &self.rounds).base;
        let deadline = later(self.now, shape::dial_timeout(&self.policy, base)).min(limit);
        if let Some(place) = self.place(Some(key)) {
            place.hint = None;
            place.breaker.admit();
        }
        let id = self.starts.len() as u64;
        let flight = Flight { id, key, started: self.now, deadline, progressed: false };
        self.dial = Some(flight);
        flight
    }

    pub(super) fn give_up(&mut self, reason: GiveUpReason, last: Option<Failure>) {
        self.mode = Mode::Over { reason, elapsed: self.elapsed(), last };
        self.dial = None;
        self.link = None;
        self.paused = None;
    }

    fn stable_at(&self, link: &Conn) -> u64 {
        if link.proof == Proof::Stable {
            return NEVER;
        }
        later(link.since, nanos(self.policy.stable_after()))
    }

    fn idle_at(&self, link: &Conn) -> u64 {
        match self.policy.idle_timeout() {
            None => NEVER,
            Some(timeout) => later(link.active, nanos(timeout)),
        }
    }

    pub(super) fn drained_at(&self, link: &Conn, old: &Conn) -> u64 {
        later(link.since, nanos(self.policy.drain_timeout())).min(old.by)
    }

    /// Each connection's own draw, apart from the counted ones, by its id.
    fn own_draw(&self, link: &Conn) -> u64 {
        splitmix(!self.seed, link.id)
    }

    fn aged_at(&self, link: &Conn) -> u64 {
        let Some(max_age) = self.policy.max_age().map(nanos) else { return NEVER };
        let spent = (max_age >> 16) * link.spent;
        if self.policy.jitter() == Jitter::None {
            return later(link.since, max_age - spent);
        }
        let tenth = max_age / 10;
        let youngest = if link.fresh { tenth } else { max_age - tenth };
        let youngest = youngest.max(nanos(self.policy.stable_after()));
        let age = youngest + below(max_age - youngest, self.own_draw(link));
        later(link.since, age.saturating_sub(spent))
    }

    /// Stable, and a better endpoint not open, for so long.
    fn failback_at(&self, link: &Conn) -> u64 {
        let Selection::Priority { failback: Some(after) } = self.policy.selection() else {
            return NEVER;
        };
        let after = match self.policy.jitter() {
            Jitter::None => nanos(after),
            _ => stretched(nanos(after), self.own_draw(link)),
        };
        let stable = later(link.since, nanos(self.policy.stable_after()));
        let mut soonest = NEVER;
        for key in &self.list {
            if Some(*key) == link.key {
                break;
            }
            let place = self.places.iter().find(|place| place.key == *key);
            let closed = place.map_or(NEVER, |place| place.breaker.ready());
            soonest = soonest.min(later(closed.max(stable), after));
        }
        soonest
    }
}
