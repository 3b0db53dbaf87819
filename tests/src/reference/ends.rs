//! How dials and connections end, and what each end costs.

use redial::{Backoff, Failure, FirstRetry, GiveUpReason, Overload, WaitReason};

use super::arith::{NEVER, doubled, later, nanos, stretched, up_to};
use super::shape::{Class, dial_timeout, earned, handshake_timeout, initial};
use super::{Conn, Proof, Reference, Wanted};

/// What ended.
#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    /// A dial of the outage, or a connection that proved nothing.
    Attempt,
    /// A connection that was confirmed, but not stable.
    Confirmed,
    /// A stable connection; a handover had been told to wait until then.
    Stable { wait: u64 },
    /// A try to replace a connection that works, at fault or not.
    Handover { at_fault: bool },
}

impl Reference {
    pub(super) fn connected(&mut self) {
        let Some(dial) = self.dial.take() else { return };
        let replaced = self.link;
        self.link = Some(Conn {
            id: dial.id,
            key: Some(dial.key),
            since: self.now,
            spent: 0,
            active: self.now,
            by: NEVER,
            proof: Proof::Nothing,
            wanted: Wanted::No,
            fresh: replaced.is_none(),
            paced_by_better: replaced.is_some_and(|replaced| replaced.paced_by_better),
        });
        self.old = replaced;
        self.pace = 0;
        self.cursor = self.list.iter().position(|key| *key == dial.key).unwrap_or(0);
    }

    pub(super) fn confirmed(&mut self) {
        let Some(link) = self.link else { return };
        if link.proof == Proof::Nothing {
            if let Some(link) = &mut self.link {
                link.proof = Proof::Confirmed;
            }
            self.proven(link.key);
        }
    }

    /// Attempts, outage and breaker are settled.
    pub(super) fn proven(&mut self, key: Option<u32>) {
        self.attempts.clear();
        self.counted_rounds = 0;
        let has_breaker = self.policy.breaker().is_some();
        if let Some(place) = self.place(key) {
            place.failures = 0;
            place.parks = 0;
            place.parked = 0;
            if has_breaker {
                place.breaker.success();
            }
        }
    }

    pub(super) fn release(&mut self, key: Option<u32>) {
        if let Some(place) = self.place(key) {
            place.breaker.release();
        }
    }

    pub(super) fn dial_failed(&mut self, failure: Failure) {
        // Our own network is gone: silence says nothing about the server.
        if self.offline && (failure == Failure::Unreachable || failure == Failure::TimedOut) {
            return self.drop_dial();
        }
        let Some(dial) = self.dial.take() else { return };
        if dial.progressed && failure == Failure::TimedOut {
            self.stalls += 1;
        }
        let end = match self.link {
            Some(_) => End::Handover { at_fault: true },
            None => End::Attempt,
        };
        self.ended(Some(dial.key), failure, end);
    }

    /// Nobody's fault: the attempt is given back, the current interval waited.
    pub(super) fn drop_dial(&mut self) {
        let Some(dial) = self.dial.take() else { return };
        if self.link.is_none() {
            self.attempts.pop();
        }
        self.forget_past_hints();
        self.pace = self.wait();
        self.release(Some(dial.key));
    }

    pub(super) fn link_lost(&mut self, failure: Failure) {
        let Some(link) = self.link else { return };
        if self.old.is_some() {
            self.give_old_back();
            let end = End::Handover { at_fault: link.proof == Proof::Nothing };
            let silent = link.proof == Proof::Stable && failure == Failure::TimedOut;
            let failure = if silent { Failure::Unreachable } else { failure };
            return self.ended(link.key, failure, end);
        }
        self.link = None;
        if let Some(mut dial) = self.dial {
            // The dial that was to replace it is the first attempt of an outage.
            self.outage_begins();
            self.charge_better(Some(link), 0);
            self.attempts.push(dial.id);
            if let Some(place) = self.place(link.key) {
                place.visited = true;
            }
            match self.heard(link.key, failure, End::Stable { wait: 0 }) {
                Ok(class) => {
                    // Having been overloaded says something for the next interval.
                    if class == Class::Overloaded {
                        self.round.push(class);
                    }
                    // No longer than a dial of this outage would have.
                    let base = earned(&self.policy, &self.rounds).base;
                    let mut time = dial_timeout(&self.policy, base);
                    if dial.progressed {
                        time = time.max(handshake_timeout(&self.policy, self.stalls, 0));
                    }
                    let most = later(dial.started, time).min(self.limit());
                    dial.deadline = dial.deadline.min(most);
                    self.dial = Some(dial);
                    self.last = Some(failure);
                }
                Err(reason) => {
                    self.release(Some(dial.key));
                    self.give_up(reason, Some(failure));
                }
            }
            return;
        }
        match link.proof {
            Proof::Nothing => self.ended(link.key, failure, End::Attempt),
            Proof::Confirmed => {
                self.outage = self.now;
                self.ended(link.key, failure, End::Confirmed);
            }
            Proof::Stable => {
                self.outage_begins();
                self.charge_better(Some(link), self.pace);
                self.ended(link.key, failure, End::Stable { wait: self.pace });
            }
        }
    }

    /// The replaced connection has finished; whatever the new one does, it is on its own.
    pub(super) fn drained(&mut self) {
        self.old = None;
        self.outage = self.now;
        self.pace = 0;
        if self.link.is_some_and(|link| link.paced_by_better) {
            self.forget_run();
        }
        if let Some(link) = &mut self.link {
            link.paced_by_better = false;
        }
        self.turn_away();
    }

    /// The new connection did not last: the old one is the link again.
    pub(super) fn give_old_back(&mut self) {
        let (Some(failed), Some(mut old)) = (self.link, self.old.take()) else { return };
        if let Some(max_age) = self.policy.max_age() {
            let part = (nanos(max_age) >> 16).max(1);
            old.spent = (old.spent + (failed.since - old.since) / part).min(65_535);
        }
        old.since = failed.since;
        old.active = self.now;
        old.paced_by_better = failed.paced_by_better;
        if old.wanted == Wanted::Better && failed.proof == Proof::Stable {
            // It was had, and is to be waited for again.
            old.wanted = Wanted::No;
        }
        self.link = Some(old);
        self.pace = 0;
        if old.wanted > Wanted::Better {
            self.charge_better(Some(old), 0);
        }
    }

    /// What failed failbacks have earned delays those that failed, each by itself, and nothing else.
    /// `wait` is what the next would have been told.
    fn charge_better(&mut self, link: Option<Conn>, wait: u64) {
        if !link.is_some_and(|link| link.paced_by_better)
            || *self.policy.backoff() == Backoff::Never
        {
            return;
        }
        for place in &mut self.places {
            if place.tried && wait > self.now && wait != NEVER {
                place.charge(wait);
            }
            place.tried = false;
        }
        self.forget_run();
        self.pace = self.now;
        if let Some(link) = &mut self.link {
            link.paced_by_better = false;
        }
    }

    /// A charge is a backoff, for whoever knows better.
    pub(super) fn discharge(&mut self) {
        for place in self.places.iter_mut().filter(|place| place.charged) {
            place.hint = None;
            place.charged = false;
        }
    }

    pub(super) fn want(&mut self, wanted: Wanted) {
        if wanted > Wanted::Better && self.old.is_none() {
            let wait = if self.dial.is_some() { 0 } else { self.pace };
            self.charge_better(self.link, wait);
        }
        if let Some(link) = self.link.as_mut().filter(|link| link.wanted < wanted) {
            link.wanted = wanted;
            self.turn_away();
        }
    }

    /// A stable link that is to go away has had its turn in this round, unless it is the only one.
    pub(super) fn turn_away(&mut self) {
        let Some(link) = self.link else { return };
        if self.old.is_some() || link.wanted != Wanted::Other || link.proof != Proof::Stable {
            return;
        }
        if let Some(place) = self.place(link.key) {
            place.visited = true;
        }
        if !self.more(Wanted::Other, None) {
            if let Some(place) = self.place(link.key) {
                place.visited = false;
            }
        }
    }

    /// What one failure means: for its endpoint, for the limits, and for the next dial.
    fn ended(&mut self, key: Option<u32>, failure: Failure, end: End) {
        self.forget_past_hints();
        let mut class = match self.heard(key, failure, end) {
            Ok(class) => class,
            Err(reason) => {
                self.release(key);
                return self.give_up(reason, Some(failure));
            }
        };
        match end {
            End::Attempt | End::Handover { at_fault: true } => self.book(key),
            End::Confirmed | End::Stable { .. } | End::Handover { at_fault: false } => {
                self.release(key);
            }
        }
        if let Some(place) = self.place(key) {
            place.visited = true;
        }
        let at = key.and_then(|key| self.list.iter().position(|other| *other == key));
        self.cursor = at.map_or(0, |at| at + 1);

        let backoff_first = self.policy.first_retry() == FirstRetry::Backoff;
        let stable = matches!(end, End::Stable { .. });
        // A stable connection that is lost says nothing against the server, unless it is overloaded.
        let grows = !stable || backoff_first || class == Class::Overloaded;
        let (wanted, at) = match (end, self.link) {
            (End::Handover { .. }, Some(link)) => (link.wanted, link.key),
            _ => (Wanted::Any, None),
        };
        let more = self.more(wanted, at);
        let waits = grows && (!more || (stable && backoff_first));
        if waits && more {
            class = class.max(Class::Unreachable);
        }
        if grows {
            self.round.push(class);
        }
        let imposed = self.pace_reason;
        let mut pace = if *self.policy.backoff() == Backoff::Never {
            None
        } else if waits {
            let elapsed = if end == End::Attempt { self.elapsed() } else { 0 };
            self.end_round(elapsed, !more, end == End::Attempt)
        } else {
            if !more {
                self.next_round();
            }
            let stands_for = if stable { WaitReason::FirstRetry } else { WaitReason::NextEndpoint };
            Some(self.within_window(stands_for))
        };
        if let End::Stable { wait } = end {
            // A failed handover's wait is not undercut, if it ends.
            let wait = if wait == NEVER { 0 } else { wait };
            if pace.is_some_and(|pace| pace < wait) {
                self.pace_reason = imposed;
            }
            pace = pace.map(|pace| pace.max(wait));
        }

        if matches!(end, End::Handover { .. }) {
            self.pace = pace.unwrap_or_else(|| self.once_more());
            let by_better = self.link.is_some_and(|link| link.wanted <= Wanted::Better);
            if let Some(link) = &mut self.link {
                link.paced_by_better = by_better;
            }
            if let Some(place) = self.place(key) {
                place.tried = by_better;
            }
            return;
        }
        self.last = Some(failure);
        match pace {
            _ if self.is_exhausted() && end == End::Attempt => {
                self.give_up(GiveUpReason::MaxAttempts, self.last);
            }
            None => self.give_up(GiveUpReason::PolicyNever, self.last),
            Some(pace) => {
                self.link = None;
                self.pace = pace;
            }
        }
    }

    /// A handover that the policy does not try again is tried anew after a cap, but under `Never`.
    pub(super) fn once_more(&mut self) -> u64 {
        if *self.policy.backoff() == Backoff::Never {
            return NEVER;
        }
        if let Some(round) = self.rounds.last_mut() {
            round.last = true;
        }
        self.pace_reason = WaitReason::Backoff;
        let base = earned(&self.policy, &self.rounds).base;
        later(self.now, nanos(self.policy.cap()).max(base))
    }

    /// As many dials, or rounds, as the policy has.
    pub(super) fn is_exhausted(&self) -> bool {
        let dials = u32::try_from(self.attempts.len()).unwrap_or(u32::MAX);
        let limits =
            [(self.policy.max_attempts(), dials), (self.policy.max_rounds(), self.counted_rounds)];
        limits.iter().any(|(limit, count)| limit.is_some_and(|limit| *count >= limit.get()))
    }

    /// What the failure says; one draw for a hint that is followed, one for a parking.
    fn heard(
        &mut self,
        key: Option<u32>,
        failure: Failure,
        end: End,
    ) -> Result<Class, GiveUpReason> {
        let class = self.said_by(key, failure, end)?;
        let ignored = self.policy.overload() == Overload::Ignore;
        Ok(if ignored { class.min(Class::Unreachable) } else { class })
    }

    fn said_by(
        &mut self,
        key: Option<u32>,
        failure: Failure,
        end: End,
    ) -> Result<Class, GiveUpReason> {
        let held = matches!(end, End::Handover { .. });
        match failure {
            Failure::TimedOut if matches!(end, End::Stable { .. }) => Ok(Class::Unreachable),
            Failure::TimedOut => Ok(Class::TimedOut),
            Failure::Overloaded => Ok(Class::Overloaded),
            Failure::RetryAfter { delay, spread } => {
                let (delay, max) = (nanos(delay), nanos(self.policy.max_hint()));
                if delay > max && self.policy.give_up_on_long_hint() && !held {
                    return Err(GiveUpReason::HintTooLong);
                }
                let delay = delay.min(max);
                if delay < initial(&self.policy) || delay == 0 {
                    return Ok(Class::Overloaded);
                }
                let spread = nanos(spread).min(max - delay).max(delay / 10);
                let until = later(later(self.now, delay), up_to(spread, self.draw()));
                if let Some(place) = self.place(key) {
                    place.hint = Some(until.max(1));
                    place.charged = false;
                }
                Ok(Class::Clear)
            }
            Failure::Fatal if !held => Err(GiveUpReason::Fatal),
            Failure::Fatal | Failure::Unsuitable => {
                self.park(key);
                Ok(Class::Unreachable)
            }
            _ => Ok(Class::Unreachable),
        }
    }

    fn park(&mut self, key: Option<u32>) {
        let Some(parks) = self.place(key).map(|place| place.parks) else { return };
        let first = nanos(self.policy.park_for());
        let hour = 3_600_000_000_000;
        let time = doubled(first, parks).min(first.max(hour));
        let time = if self.without_jitter() { time } else { stretched(time, self.draw()) };
        let until = later(self.now, time);
        if let Some(place) = self.place(key) {
            place.parks += 1;
            place.parked = until;
        }
    }

    /// The breaker hears of a failed attempt. One draw if it opens.
    fn book(&mut self, key: Option<u32>) {
        let now = self.now;
        let another = |place: &super::Place| Some(place.key) != key && place.breaker.ready() <= now;
        let may_open = self.places.iter().any(another)
            || self.policy.allow_all_open()
            || self.places.len() < 2;
        let Some(place) = self.place(key) else { return };
        place.failures = place.failures.saturating_add(1);
        let Some(breaker) = self.policy.breaker() else { return self.release(key) };
        let Some(mut state) = self.place(key).map(|place| place.breaker.clone()) else { return };
        let exact = self.without_jitter();
        state.failure(&breaker, now, may_open, |open| {
            if exact { open } else { stretched(open, self.draw()) }
        });
        if let Some(place) = self.place(key) {
            place.breaker = state;
        }
    }
}
