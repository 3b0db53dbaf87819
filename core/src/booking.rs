//! What an end costs: its endpoint, the limits, and the next dial.

use crate::action::{Action, GiveUpReason, WaitReason};
use crate::backoff::{Backoff, Exponential};
use crate::endpoint::{DUPLICATE, Endpoint, REMOVED, TRIED, VISITED};
use crate::failure::Failure;
use crate::machine::{State, Step, Wanted};
use crate::policy::{FirstRetry, Policy};
use crate::rng::up_to;
use crate::rule::Rule;
use crate::run::{Class, Run};
use crate::time::{NEVER, nanos};

/// What ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// A dial, or a connection that had proved nothing.
    Attempt,
    /// A connection that was confirmed, but not yet stable.
    Confirmed,
    /// A stable connection.
    Stable,
    /// A dial that should have replaced a connection that works, or its connection that had proved
    /// nothing. Nothing gives up.
    Handover,
    /// The same of a connection that was proven: its breaker does not hear of it.
    ProvenHandover,
}

impl End {
    fn of_handover(self) -> bool {
        matches!(self, Self::Handover | Self::ProvenHandover)
    }
}

impl Step<'_> {
    /// A dial, or a connection that had proved nothing, has failed.
    #[inline(never)]
    pub(crate) fn attempt_ended(&mut self, index: u16, outage: u64, failure: &Failure) -> Action {
        let plain = self.plain(index, failure);
        if plain.is_none() {
            return self.attempt_ended_otherwise(index, outage, failure);
        }
        // Said as constants, so that all that is for others falls away.
        let unreachable = Failure::Unreachable;
        let paced = self.end(0, outage, &unreachable, End::Attempt, plain);
        self.down(outage, &unreachable, paced)
    }

    /// And not a plain one.
    #[inline(never)]
    fn attempt_ended_otherwise(&mut self, index: u16, outage: u64, failure: &Failure) -> Action {
        let paced = self.end(index, outage, failure, End::Attempt, None);
        self.down(outage, failure, paced)
    }

    /// A stable connection was lost, as a server's restart does to its whole fleet.
    #[inline(never)]
    pub(crate) fn stable_ended(&mut self, index: u16, failure: &Failure) -> Action {
        self.clear_parks();
        self.charge_better();
        let plain = self.plain(index, failure);
        if plain.is_none() {
            return self.then(|step| step.ended(index, step.now, failure, End::Stable));
        }
        let now = self.now;
        self.each_endpoint(|endpoint| endpoint.forget_past_hint(now));
        let unreachable = Failure::Unreachable;
        let paced = self.end(0, self.now, &unreachable, End::Stable, plain);
        self.down(self.now, &unreachable, paced)
    }

    /// The wait of an outage that has earned it, or the outage's end.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the way of every failed dial")]
    fn down(&mut self, outage: u64, last: &Failure, paced: Result<u64, GiveUpReason>) -> Action {
        let pace = paced.unwrap_or(NEVER);
        self.machine.state = State::Waiting { outage, pace, last: Some(*last) };
        match paced {
            Ok(_) => self.plan_wait(),
            Err(reason) => self.out_of(reason),
        }
    }

    /// Anything has ended, which is all that is known of it.
    #[inline(never)]
    pub(crate) fn ended(&mut self, index: u16, outage: u64, failure: &Failure, end: End) {
        let paced = self.end(index, outage, failure, end, None);
        if end.of_handover() {
            let next = paced.unwrap_or_else(|_| self.once_more());
            let State::Held { link, pace, .. } = &mut self.machine.state else { return };
            *pace = next;
            link.paced_by_better = link.wanted <= Wanted::Better;
            let tried = link.paced_by_better;
            if let Some(endpoint) = self.endpoint(index) {
                endpoint.set(TRIED, tried);
            }
            return;
        }
        let pace = paced.unwrap_or(NEVER);
        self.machine.state = State::Waiting { outage, pace, last: Some(*failure) };
        if let Err(reason) = paced {
            self.give_up(reason);
        }
    }

    /// Nothing gives up while a connection works: where the policy stops after so many intervals, a handover
    /// begins them anew, one cap later. What the failures were is not forgotten. [`Backoff::Never`] stays so.
    pub(crate) fn once_more(&mut self) -> u64 {
        if matches!(self.policy.backoff, Backoff::Never) {
            return NEVER;
        }
        let run = &mut self.machine.run;
        run.failures = 0;
        run.paced_by = WaitReason::Backoff;
        self.now.saturating_add(self.policy.cap.max(run.base))
    }

    /// The backoff, if this is the plain failure that most are: nobody was at the only endpoint of a
    /// link without a breaker or a number of rounds, and the interval grows exponentially.
    #[inline]
    fn plain(&self, index: u16, failure: &Failure) -> Option<Exponential> {
        let unreachable = matches!(failure, Failure::Unreachable);
        let lone = index == 0 && self.endpoints.len() == 1;
        let Policy { breaker, max_rounds, .. } = self.policy;
        let plain = unreachable && lone && breaker.is_none() && max_rounds.is_none();
        if plain { self.policy.exponential } else { None }
    }

    /// What one failure means: for its endpoint, for the limits, and for the next dial. Returns the
    /// backoff's gate, or why to give up. Where the failure is known to be [`plain`](Self::plain), all
    /// that is for others falls away.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the way of every failed dial")]
    fn end(
        &mut self,
        index: u16,
        outage: u64,
        failure: &Failure,
        end: End,
        plain: Option<Exponential>,
    ) -> Result<u64, GiveUpReason> {
        if plain.is_none() {
            self.forget_past_hints();
        }
        let mut class = match failure {
            Failure::Unreachable => Class::Unreachable,
            other => self.heard(index, other, end).inspect_err(|_| self.release(index))?,
        };
        self.machine.cursor = index.wrapping_add(1);
        self.book(index, end, plain.is_some());
        let backoff_first = self.policy.first_retry == FirstRetry::Backoff;
        let grows = end != End::Stable || class == Class::Overloaded || backoff_first;
        // What a failed handover has imposed on the connection's replacement.
        let mut imposed = (0, WaitReason::Backoff);
        if let (End::Stable, State::Held { pace, .. }) = (end, &self.machine.state) {
            imposed = (if *pace < NEVER { *pace } else { 0 }, self.machine.run.paced_by);
        }
        let more = plain.is_none() && self.has_more(end);
        let waits = grows && (!more || (end == End::Stable && backoff_first));
        if waits && more {
            // It waits for others, whatever the server said of itself.
            class = class.max(Class::Unreachable);
        }
        if grows {
            self.machine.run.worst = self.machine.run.worst.max(class);
        }
        let paced = if plain.is_none() && matches!(self.policy.backoff, Backoff::Never) {
            None
        } else if waits {
            match (end, plain) {
                (End::Attempt, Some(_)) => self.end_round(outage, !more, false, plain),
                _ => self.grow(outage, !more, end == End::Attempt),
            }
        } else {
            Some(self.soon(more, end))
        };
        if end == End::Attempt && self.is_exhausted() {
            return Err(GiveUpReason::MaxAttempts);
        }
        let paced = paced.ok_or(GiveUpReason::PolicyNever)?;
        if imposed.0 > paced {
            self.machine.run.paced_by = imposed.1;
        }
        Ok(imposed.0.max(paced))
    }

    /// The connection is lost, or to be replaced for another reason than a better endpoint. What failed
    /// failbacks have earned is the wait of those that failed: from now on it is their own, as a hint,
    /// and what comes has earned nothing yet.
    pub(crate) fn charge_better(&mut self) {
        if matches!(self.policy.backoff, Backoff::Never) {
            return;
        }
        let now = self.now;
        let until = match &mut self.machine.state {
            State::Held { link, pace, .. } if link.paced_by_better => {
                link.paced_by_better = false;
                core::mem::replace(pace, now)
            }
            State::Replacing { link, .. } if link.paced_by_better => {
                link.paced_by_better = false;
                now
            }
            _ => return,
        };
        self.machine.run = Run::NEW;
        let charged = until > now && until != NEVER;
        self.each_endpoint(|endpoint| {
            if endpoint.has(TRIED) && charged {
                endpoint.charge(until);
            }
            endpoint.set(TRIED, false);
        });
    }

    /// A backoff of its own is one like any other, for whoever knows better.
    pub(crate) fn discharge(&mut self) {
        self.each_endpoint(Endpoint::discharge);
    }

    /// A hint that is past stands in for no wait that begins now.
    #[inline(never)]
    pub(crate) fn forget_past_hints(&mut self) {
        for endpoint in &mut *self.endpoints {
            endpoint.forget_past_hint(self.now);
        }
    }

    /// What the failure says: keeps hints and parks; returns how bad it is, or why to give up.
    #[inline(never)]
    pub(crate) fn heard(
        &mut self,
        index: u16,
        failure: &Failure,
        end: End,
    ) -> Result<Class, GiveUpReason> {
        let class = self.said(index, failure, end)?;
        let overload = self.policy.overload.is_some();
        Ok(if overload { class } else { class.min(Class::Unreachable) })
    }

    /// [`heard`](Self::heard), of a policy that tells overload apart.
    fn said(&mut self, index: u16, failure: &Failure, end: End) -> Result<Class, GiveUpReason> {
        let held = end.of_handover();
        Ok(match failure {
            Failure::TimedOut if end == End::Stable => Class::Unreachable,
            Failure::Unreachable => Class::Unreachable,
            Failure::TimedOut => Class::TimedOut,
            Failure::Overloaded => Class::Overloaded,
            Failure::RetryAfter { delay, spread } => {
                return self.hinted(index, nanos(*delay), nanos(*spread), held);
            }
            Failure::Fatal if !held => return Err(GiveUpReason::Fatal),
            Failure::Unsuitable | Failure::Fatal => {
                self.park(index);
                Class::Unreachable
            }
        })
    }

    /// The server said when: keeps the hint, within bounds.
    fn hinted(
        &mut self,
        index: u16,
        delay: u64,
        spread: u64,
        held: bool,
    ) -> Result<Class, GiveUpReason> {
        let max = self.policy.max_hint;
        if delay > max && self.policy.give_up_on_long_hint && !held {
            return Err(GiveUpReason::HintTooLong);
        }
        let delay = delay.min(max);
        if delay < self.policy.initial() || delay == 0 {
            return Ok(Class::Overloaded);
        }
        let spread = spread.min(max.saturating_sub(delay)).max(delay / 10);
        let drawn = up_to(spread, self.machine.draw());
        let until = self.now.saturating_add(delay).saturating_add(drawn);
        if let Some(endpoint) = self.endpoint(index) {
            endpoint.follow_hint(until);
        }
        Ok(Class::Clear)
    }

    fn park(&mut self, index: u16) {
        let (policy, now) = (self.policy, self.now);
        let Some(endpoint) = self.endpoint(index) else { return };
        let doubled = 1_u64.checked_shl(u32::from(endpoint.parks)).unwrap_or(u64::MAX);
        endpoint.parks = endpoint.parks.saturating_add(1);
        let time = policy.park_for.saturating_mul(doubled).min(policy.park_max());
        let until = now.saturating_add(self.machine.stretched(policy, time));
        if let Some(endpoint) = self.endpoint(index) {
            endpoint.parked = until;
        }
    }

    /// It was tried in this round; its breaker hears of it if the attempt failed.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the way of every failed dial")]
    fn book(&mut self, index: u16, end: End, plain: bool) {
        let failed = matches!(end, End::Attempt | End::Handover);
        let Some(endpoint) = self.endpoints.get_mut(usize::from(index)) else { return };
        endpoint.set(VISITED, true);
        endpoint.failures = endpoint.failures.saturating_add(u16::from(failed));
        // Known, where nothing but plain failures come.
        let rule = if plain { None } else { self.policy.breaker.as_ref() };
        match rule {
            Some(rule) if failed => {
                let too_many = endpoint.breaker.failure(rule);
                if too_many {
                    self.open_circuit(index, rule);
                }
            }
            Some(_) => endpoint.breaker.release(),
            None => {}
        }
    }

    /// Whether this round has an endpoint left to try.
    fn has_more(&mut self, end: End) -> bool {
        let link = if end.of_handover() { self.machine.state.link() } else { None };
        let (wanted, endpoint) = link.map_or((Wanted::Any, REMOVED), |l| (l.wanted, l.endpoint));
        self.field(wanted, endpoint).unvisited(self.endpoints, self.now)
    }

    /// The circuit of this endpoint opens, unless it is the last one that is closed: then it stays
    /// closed, or half-open.
    #[cold]
    #[inline(never)]
    fn open_circuit(&mut self, index: u16, rule: &Rule) {
        let (policy, now) = (self.policy, self.now);
        let mut others = (0..REMOVED)
            .zip(&*self.endpoints)
            .filter(|(other, endpoint)| *other != index && !endpoint.has(DUPLICATE))
            .peekable();
        let may_open = policy.allow_all_open
            || others.peek().is_none()
            || others.any(|(_, endpoint)| endpoint.breaker.until <= now);
        let Some(endpoint) = self.endpoints.get_mut(usize::from(index)) else { return };
        if may_open {
            let machine = &mut *self.machine;
            endpoint.breaker.open(rule, now, |open| machine.stretched(policy, open));
        } else {
            endpoint.breaker.release();
        }
    }

    /// The gate of a dial that need not wait for the backoff: the first after a stable connection, or
    /// one to another endpoint.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the way of every lost connection")]
    fn soon(&mut self, more: bool, end: End) -> u64 {
        if !more {
            self.next_round();
        }
        let stable = end == End::Stable;
        self.within_window(if stable { WaitReason::FirstRetry } else { WaitReason::NextEndpoint })
    }
}
