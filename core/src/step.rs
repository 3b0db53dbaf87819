//! The one `(state, event)` match, the timers, and the plan that follows them.
//!
//! Order inside one call: the clock, stability (a matter of time, not of ticks), the event, every
//! timer that is due, and then what should exist next.

use crate::action::{Action, GiveUpReason, WaitReason};
use crate::endpoint::{DUPLICATE, VISITED};
use crate::event::Event;
use crate::failure::Failure;
use crate::gates::{Choice, Field, Gates};
use crate::id::DialId;
use crate::machine::{Link, Proof, State, Step, Wanted, drain_deadline};
use crate::policy::{NEVER, Refresh, Selection};
use crate::rng::{draw, scale};
use crate::run::{Class, Run};
use crate::time::Timestamp;

impl Step<'_> {
    pub(crate) fn handle(mut self, event: Event) -> Action {
        let due = self.now >= self.machine.wake;
        if due {
            self.settle();
        }
        let changed = event != Event::Tick && self.event(event);
        if changed || due {
            self.advance();
        }
        self.machine.action(self.policy, self.endpoints)
    }

    /// The one place in which an event changes the state. False if nothing needs to be planned
    /// anew.
    fn event(&mut self, event: Event) -> bool {
        use State::{Dialing, Draining, GaveUp, Held, Paused, Replacing, Stopped, Waiting};

        let dial = self.machine.last_id();
        match (self.machine.state, event) {
            (_, Event::Tick) => return false,
            (Stopped | GaveUp { .. }, Event::Start) => self.begin(),
            (
                Paused { .. }
                | Waiting { .. }
                | Dialing { .. }
                | Held { .. }
                | Replacing { .. }
                | Draining { .. },
                Event::Start,
            ) => return false,

            (Stopped, Event::Stop) => return self.ignore(),
            (Paused { .. } | Waiting { .. } | GaveUp { .. }, Event::Stop) => self.stop(None),
            (
                Dialing { endpoint, .. }
                | Replacing { target: endpoint, .. }
                | Held { link: Link { endpoint, .. }, .. }
                | Draining { link: Link { endpoint, .. }, .. },
                Event::Stop,
            ) => self.stop(Some(endpoint)),

            (
                Dialing { deadline, progressed: false, .. }
                | Replacing { deadline, progressed: false, .. },
                Event::Progress(id),
            ) if id == dial && self.now < deadline => self.progress(),
            (Dialing { .. } | Replacing { .. }, Event::Connected(id)) if id == dial => {
                self.connected(id);
            }
            (Dialing { .. } | Replacing { .. }, Event::DialFailed(id, failure)) if id == dial => {
                self.dial_failed(failure);
            }
            (Dialing { .. } | Replacing { .. }, Event::DialAborted(id)) if id == dial => {
                self.drop_dial();
            }

            (
                Held { link, .. } | Replacing { link, .. } | Draining { link, .. },
                Event::Closed(id, failure),
            ) if id == link.id => self.closed(failure),
            (Draining { old, .. }, Event::Closed(id, _)) if id == old => self.drained(),

            (
                Held { link, .. } | Replacing { link, .. } | Draining { link, .. },
                Event::Confirmed(id),
            ) if id == link.id => {
                if link.proof == Proof::None {
                    self.confirmed(link.endpoint);
                }
                return false;
            }
            (
                Held { link, .. } | Replacing { link, .. } | Draining { link, .. },
                Event::Activity(id),
            ) if id == link.id => {
                // The armed wake stays, and looks again when it comes.
                if let Some(link) = self.machine.state.link() {
                    link.active = self.now;
                }
                return false;
            }
            (Draining { old, .. }, Event::Confirmed(id) | Event::Activity(id)) if id == old => {
                return false;
            }
            (
                Held { link, .. } | Replacing { link, .. } | Draining { link, .. },
                Event::GoingAway(id, by),
            ) if id == link.id => self.going_away(by),
            (Draining { old, .. }, Event::GoingAway(id, by)) if id == old => {
                if let Draining { old_by, old_wanted, .. } = &mut self.machine.state {
                    *old_by = by.map_or(NEVER, Timestamp::as_nanos).min(*old_by);
                    *old_wanted = Wanted::Away;
                }
            }

            (_, Event::Online) => self.online(),
            (_, Event::Offline) => self.machine.offline = true,
            (Paused { .. } | Waiting { .. } | Held { .. } | Draining { .. }, Event::Redial) => {
                self.redial();
            }
            (Stopped | Dialing { .. } | Replacing { .. } | GaveUp { .. }, Event::Redial) => {
                return false;
            }
            (_, Event::Defer(until)) => self.machine.deferred = until.as_nanos(),

            (
                Stopped
                | Paused { .. }
                | Waiting { .. }
                | Dialing { .. }
                | Held { .. }
                | Replacing { .. }
                | Draining { .. }
                | GaveUp { .. },
                Event::Progress(_)
                | Event::Connected(_)
                | Event::DialFailed(..)
                | Event::DialAborted(_)
                | Event::Closed(..)
                | Event::Confirmed(_)
                | Event::Activity(_)
                | Event::GoingAway(..),
            ) => return self.ignore(),
        }
        true
    }

    /// Nonsense: counted, and otherwise a tick.
    fn ignore(&mut self) -> bool {
        self.machine.ignored = self.machine.ignored.saturating_add(1);
        false
    }

    /// A new outage with fresh counters. Ids, rate limit, hints and breakers stay.
    fn begin(&mut self) {
        self.machine.run = Run::NEW;
        self.machine.attempts = 0;
        self.clear_parks();
        self.next_round();
        let mut pace = 0;
        if self.policy.startup_splay > 0 {
            let splay = scale(self.policy.startup_splay.saturating_add(1), self.machine.draw());
            pace = self.now.saturating_add(splay);
            self.machine.run.paced_by = WaitReason::Splay;
        }
        self.machine.state = State::Waiting { outage: self.now, pace, last: None };
    }

    fn stop(&mut self, endpoint: Option<u16>) {
        if let Some(index) = endpoint {
            self.release(index);
        }
        self.machine.state = State::Stopped;
    }

    /// The server has answered something: the handshake's deadline holds, if it is later.
    fn progress(&mut self) {
        let (limit, age) = match self.machine.state {
            State::Dialing { outage, .. } => (self.limit(outage), self.elapsed(outage)),
            _ => (NEVER, 0),
        };
        let (policy, run) = (self.policy, self.machine.run);
        let moved = |started| run.handshake_deadline(policy, started, age).min(limit);
        match &mut self.machine.state {
            State::Dialing { started, deadline, progressed, .. }
            | State::Replacing { started, deadline, progressed, .. } => {
                *progressed = true;
                *deadline = moved(*started).max(*deadline);
            }
            State::Stopped
            | State::Paused { .. }
            | State::Waiting { .. }
            | State::Held { .. }
            | State::Draining { .. }
            | State::GaveUp { .. } => {}
        }
    }

    fn connected(&mut self, id: DialId) {
        let now = self.now;
        let link = |endpoint, fresh| Link {
            id,
            since: now,
            active: now,
            by: NEVER,
            endpoint,
            proof: Proof::None,
            wanted: Wanted::No,
            fresh,
        };
        match self.machine.state {
            State::Dialing { outage, endpoint, .. } => {
                self.machine.cursor = endpoint;
                self.machine.state = State::Held { link: link(endpoint, true), outage, pace: 0 };
            }
            State::Replacing { link: old, target, .. } => {
                self.machine.cursor = target;
                self.machine.state = State::Draining {
                    link: link(target, false),
                    old: old.id,
                    old_by: old.by,
                    old_endpoint: old.endpoint,
                    old_wanted: old.wanted,
                };
            }
            State::Stopped
            | State::Paused { .. }
            | State::Waiting { .. }
            | State::Held { .. }
            | State::Draining { .. }
            | State::GaveUp { .. } => {}
        }
    }

    fn confirmed(&mut self, endpoint: u16) {
        if let Some(link) = self.machine.state.link() {
            link.proof = Proof::Confirmed;
        }
        self.proven(endpoint);
    }

    fn going_away(&mut self, by: Option<Timestamp>) {
        if let Some(link) = self.machine.state.link() {
            link.by = by.map_or(NEVER, Timestamp::as_nanos);
        }
        self.want(Wanted::Away);
    }

    fn online(&mut self) {
        let was_offline = core::mem::replace(&mut self.machine.offline, false);
        if !self.machine.run.online_cuts(was_offline) {
            return;
        }
        let now = self.now;
        if self.machine.state.pace().is_some_and(|pace| *pace > now) {
            let window = self.policy.initial();
            let cut = now.saturating_add(self.spread(window));
            if let Some(pace) = self.machine.state.pace() {
                *pace = cut.min(*pace);
            }
            self.machine.run.paced_by = WaitReason::Online;
        }
    }

    fn redial(&mut self) {
        let (now, online) = (self.now, !self.machine.offline);
        match self.machine.state {
            State::Held { link, outage, .. } if link.proof < Proof::Stable && online => {
                self.release(link.endpoint);
                if link.fresh {
                    self.give_back_attempt();
                }
                let outage = if link.proof == Proof::Confirmed { now } else { outage };
                self.machine.state = State::Waiting { outage, pace: now, last: None };
            }
            State::Draining { link, .. } if link.proof < Proof::Stable && online => {
                self.release(link.endpoint);
                self.give_old_back();
                self.want(Wanted::Any);
            }
            State::Held { .. } | State::Draining { .. } => self.want(Wanted::Any),
            State::Stopped
            | State::Paused { .. }
            | State::Waiting { .. }
            | State::Dialing { .. }
            | State::Replacing { .. }
            | State::GaveUp { .. } => {}
        }
        if let Some(pace) = self.machine.state.pace() {
            *pace = now.min(*pace);
        }
    }

    /// Stability is a matter of time: a connection that has stayed up is stable before anything
    /// else is said about it.
    pub(crate) fn settle(&mut self) {
        let (now, stable_after) = (self.now, self.policy.stable_after);
        let Some(link) = self.machine.state.link() else { return };
        if link.proof == Proof::Stable || now < link.since.saturating_add(stable_after) {
            return;
        }
        let (proof, endpoint) = (link.proof, link.endpoint);
        link.proof = Proof::Stable;
        if proof == Proof::None {
            self.proven(endpoint);
        }
        self.machine.run = Run::NEW;
        self.next_round();
        self.turn_away();
    }

    /// Whatever is due, then what should exist next, then when to look again.
    pub(crate) fn advance(&mut self) {
        self.timers();
        self.machine.wake = self.plan();
    }

    #[inline]
    fn timers(&mut self) {
        match self.machine.state {
            State::Dialing { deadline, .. } | State::Replacing { deadline, .. }
                if self.now >= deadline =>
            {
                self.dial_failed(Failure::TimedOut);
            }
            State::Draining { link, old_by, .. }
                if self.now >= drain_deadline(self.policy, &link, old_by) =>
            {
                self.drained();
            }
            State::Held { .. } | State::Replacing { .. } | State::Draining { .. } => {}
            State::Stopped
            | State::Paused { .. }
            | State::Waiting { .. }
            | State::Dialing { .. }
            | State::GaveUp { .. } => return,
        }
        let (now, idle_timeout) = (self.now, self.policy.idle_timeout);
        if self.machine.state.link().is_some_and(|l| now >= l.active.saturating_add(idle_timeout)) {
            self.closed(Failure::TimedOut);
        }
        if let State::Held { link: Link { proof: Proof::Stable, wanted, .. }, .. } =
            self.machine.state
        {
            if wanted < Wanted::Any && now >= self.aged_at() {
                self.want(Wanted::Any);
            } else if wanted == Wanted::No && now >= self.failback_at() {
                self.want(Wanted::Better);
            }
        }
    }

    /// Starts what can be started now; returns when to look again.
    #[inline]
    fn plan(&mut self) -> u64 {
        if let State::Paused { outage, pace, since, last } = self.machine.state {
            if self.idle() {
                return NEVER;
            }
            let outage = outage.wrapping_add(self.now.saturating_sub(since));
            self.machine.state = State::Waiting { outage, pace, last };
        }
        if let State::Held { link, pace, .. } = self.machine.state {
            if let Some(wake) = self.plan_refresh(link, pace) {
                return wake;
            }
        }
        match self.machine.state {
            State::Stopped | State::Paused { .. } | State::Held { .. } | State::GaveUp { .. } => {
                NEVER
            }
            State::Waiting { outage, pace, last } => self.plan_dial(outage, pace, last),
            State::Dialing { deadline, .. } => deadline,
            State::Replacing { link, deadline, .. } => deadline.min(self.idle_at(&link)),
            State::Draining { link, old_by, .. } => drain_deadline(self.policy, &link, old_by)
                .min(self.idle_at(&link))
                .min(self.stable_at(&link)),
        }
    }

    #[inline]
    fn plan_dial(&mut self, outage: u64, pace: u64, last: Option<Failure>) -> u64 {
        if self.idle() {
            self.machine.state = State::Paused { outage, pace, since: self.now, last };
            return NEVER;
        }
        if self.policy.give_up_when_all_parked && self.all_parked() {
            return self.give_up(GiveUpReason::AllParked, outage, last);
        }
        let choice = match self.endpoints.len() {
            1 => self.choose_only(pace),
            _ => self.choose(pace, Wanted::Any, 0),
        };
        let Some(choice) = choice else { return NEVER };
        let limit = self.limit(outage);
        if choice.wake >= limit && limit != NEVER {
            return self.give_up(GiveUpReason::MaxElapsed, outage, last);
        }
        if choice.wake > self.now {
            self.machine.wait_reason = choice.reason;
            return choice.wake;
        }
        self.machine.attempts = self.machine.attempts.saturating_add(1);
        let endpoint = choice.index;
        let deadline = self.dial(endpoint).min(limit);
        let (started, progressed) = (self.now, false);
        self.machine.state =
            State::Dialing { outage, started, deadline, endpoint, progressed, last };
        deadline
    }

    /// When to look at the connection again; `None` if it was dropped for another that can be
    /// dialed now.
    fn plan_refresh(&mut self, link: Link, pace: u64) -> Option<u64> {
        let idle = self.idle_at(&link);
        if link.proof < Proof::Stable {
            return Some(idle.min(self.stable_at(&link)));
        }
        if link.wanted == Wanted::No {
            return Some(idle.min(self.aged_at()).min(self.failback_at()));
        }
        // An old connection waits no longer for a better endpoint alone.
        let aged = if link.wanted == Wanted::Better { self.aged_at() } else { NEVER };
        if self.idle() {
            return Some(idle.min(aged));
        }
        let choice = self.choose(pace, link.wanted, link.endpoint);
        let Some(choice) = choice else { return Some(idle.min(aged)) };
        if choice.wake > self.now {
            return Some(idle.min(aged).min(choice.wake));
        }
        if self.policy.refresh == Refresh::BreakFirst {
            self.machine.attempts = 0;
            self.machine.state = State::Waiting { outage: self.now, pace: self.now, last: None };
            return None;
        }
        let target = choice.index;
        let deadline = self.dial(target);
        let (started, progressed) = (self.now, false);
        self.machine.state = State::Replacing { link, started, deadline, target, progressed };
        Some(deadline.min(idle))
    }

    /// Nothing can be dialed, whatever the time.
    fn idle(&self) -> bool {
        self.machine.offline || self.endpoints.is_empty()
    }

    fn all_parked(&self) -> bool {
        let mut counted = self.endpoints.iter().filter(|endpoint| !endpoint.has(DUPLICATE));
        counted.all(|endpoint| endpoint.parked > self.now)
    }

    /// Who may be dialed for `wanted`, when the link is at `endpoint`.
    pub(crate) fn field(&self, wanted: Wanted, endpoint: u16) -> Field {
        Field {
            selection: self.policy.selection,
            cursor: self.machine.cursor,
            shuffle: self.machine.seed ^ u64::from(self.machine.shuffle),
            below: if wanted == Wanted::Better { endpoint } else { u16::MAX },
        }
    }

    fn gates(&self, pace: u64) -> Gates {
        Gates {
            now: self.now,
            pace,
            pace_reason: self.machine.run.paced_by,
            rate_limit: self.policy.rate_limit.ready(self.machine.arrival),
            deferred: self.machine.deferred,
        }
    }

    /// The next dial, if the list has any endpoint for it.
    #[inline(never)]
    fn choose(&mut self, pace: u64, wanted: Wanted, endpoint: u16) -> Option<Choice> {
        let gates = self.gates(pace);
        let visited = self.endpoints.iter().any(|endpoint| endpoint.has(VISITED));
        if visited && !self.field(wanted, endpoint).unvisited(self.endpoints, self.now) {
            // Nothing is left of this round, or nothing that can be dialed.
            self.next_round();
        }
        self.field(wanted, endpoint).choose(self.endpoints, &gates)
    }

    /// [`choose`](Self::choose) for the many links that have one endpoint.
    fn choose_only(&mut self, pace: u64) -> Option<Choice> {
        if self.endpoints.first()?.has(VISITED) {
            self.next_round();
        }
        let gates = self.gates(pace);
        self.endpoints.first().map(|only| gates.choice(0, only))
    }

    /// Begins a dial; returns its deadline.
    fn dial(&mut self, index: u16) -> u64 {
        let (now, policy) = (self.now, self.policy);
        self.machine.next_id = self.machine.next_id.next();
        self.machine.arrival = policy.rate_limit.take(self.machine.arrival, now);
        if let Some(endpoint) = self.endpoint(index) {
            endpoint.hint = 0;
            endpoint.breaker.begin();
        }
        self.machine.run.dial_deadline(policy, now)
    }

    fn idle_at(&self, link: &Link) -> u64 {
        link.active.saturating_add(self.policy.idle_timeout)
    }

    fn stable_at(&self, link: &Link) -> u64 {
        if link.proof == Proof::Stable {
            NEVER
        } else {
            link.since.saturating_add(self.policy.stable_after)
        }
    }

    /// When the link is old enough to be replaced.
    fn aged_at(&mut self) -> u64 {
        let (policy, seed) = (self.policy, self.machine.seed);
        match self.machine.state.link() {
            Some(link) if policy.max_age != NEVER => {
                let age = policy.aged(link.fresh, draw(!seed, link.id.get()));
                link.since.saturating_add(age)
            }
            _ => NEVER,
        }
    }

    /// When the link has worked, and a better endpoint has not been refused, for long enough.
    fn failback_at(&mut self) -> u64 {
        let Selection::Priority { failback: Some(after) } = self.policy.selection else {
            return NEVER;
        };
        let stable_after = self.policy.stable_after;
        let seed = self.machine.seed;
        let Some(&mut link) = self.machine.state.link() else { return NEVER };
        let stable = link.since.saturating_add(stable_after);
        let after = self.policy.failback(after, draw(!seed, link.id.get()));
        let all = &*self.endpoints;
        let better = all.get(..usize::from(link.endpoint)).unwrap_or(all).iter();
        let closed = better
            .filter(|endpoint| !endpoint.has(DUPLICATE))
            .map(|endpoint| endpoint.breaker.ready())
            .min();
        closed.map_or(NEVER, |closed| closed.max(stable).saturating_add(after))
    }

    /// Clears the round: every endpoint may be tried again.
    pub(crate) fn next_round(&mut self) {
        for endpoint in self.endpoints.iter_mut() {
            endpoint.set(VISITED, false);
            if endpoint.hint <= self.now {
                endpoint.hint = 0;
            }
        }
        self.machine.run.worst = Class::Clear;
        if self.policy.selection == Selection::Shuffle {
            self.machine.shuffle = u32::try_from(self.machine.draw() >> 32).unwrap_or(0);
        }
    }
}
