//! What follows every event: the timers that are due, what should exist next, and when to look again.

use crate::action::{Action, GiveUpReason, WaitReason};
use crate::endpoint::{CHARGED, DUPLICATE, Endpoint, REMOVED, TRIED, VISITED};
use crate::failure::Failure;
use crate::gates::{Choice, Field, Gates};
use crate::id::DialId;
use crate::machine::{Link, Proof, State, Step, Wanted, drain_deadline, resumed};
use crate::policy::{Refresh, Selection};
use crate::rng::draw;
use crate::time::NEVER;

impl Step<'_> {
    /// Time has passed, and something is due.
    pub(crate) fn tick(&mut self) -> Action {
        if let State::Waiting { .. } = self.machine.state {
            // Nothing has happened since this was planned: the only candidate may be dialed.
            if self.endpoints.len() == 1 { self.start(0) } else { self.wait() }
        } else {
            self.settle();
            self.serve()
        }
    }

    /// Whatever is due, then what should exist next, then when to look again.
    #[inline]
    pub(crate) fn advance(&mut self) -> Action {
        // A wait has no timer but its end.
        if let State::Waiting { .. } = self.machine.state { self.wait() } else { self.serve() }
    }

    /// Of any state but a wait: what is due, and when to look again.
    #[inline(never)]
    fn serve(&mut self) -> Action {
        if let State::Held { link, .. } = &self.machine.state {
            let idle = self.idle_at(link);
            if link.proof != Proof::Stable && self.now < idle {
                // It has nothing to do yet but last.
                let id = link.id;
                self.machine.wake = idle.min(self.stable_at(link));
                return self.machine.hold(id, None);
            }
        }
        self.run_timers()
    }

    /// The timers that are due; each that ends something goes on with what follows from that.
    #[inline(never)]
    fn run_timers(&mut self) -> Action {
        match self.machine.state {
            State::Dialing { deadline, endpoint, outage, progressed, .. }
                if self.now >= deadline =>
            {
                return self.dial_failed(endpoint, outage, &Failure::TimedOut, progressed);
            }
            State::Replacing { deadline, .. } if self.now >= deadline => {
                return self.then(|step| step.handover_failed(&Failure::TimedOut));
            }
            State::Draining { link, old_by, .. }
                if self.now >= drain_deadline(self.policy, &link, old_by) =>
            {
                self.drained();
            }
            State::Stopped
            | State::Paused { .. }
            | State::Waiting { .. }
            | State::Dialing { .. }
            | State::Held { .. }
            | State::Replacing { .. }
            | State::Draining { .. }
            | State::GaveUp { .. } => {}
        }
        let (now, idle_timeout) = (self.now, self.policy.idle_timeout);
        if self.machine.state.link().is_some_and(|l| now >= l.active.saturating_add(idle_timeout)) {
            return self.closed(&Failure::TimedOut);
        }
        self.refresh();
        match self.plan() {
            Some(wake) => {
                self.machine.wake = wake;
                self.look()
            }
            None => self.wait(),
        }
    }

    /// Nothing is to come by itself.
    #[cold]
    fn never(&mut self) -> Action {
        self.machine.wake = NEVER;
        self.look()
    }

    /// Whether a stable connection is to be replaced, by its age or for a better endpoint.
    #[inline]
    fn refresh(&mut self) {
        if let State::Held { link: Link { proof: Proof::Stable, wanted, .. }, .. } =
            self.machine.state
        {
            if wanted < Wanted::Any && self.now >= self.aged_at() {
                self.want(Wanted::Any);
            } else if wanted == Wanted::No && self.now >= self.failback_at() {
                self.want(Wanted::Better);
            }
        }
    }

    /// When to look again; `None` if it is a wait, whose end may be now.
    #[inline]
    fn plan(&mut self) -> Option<u64> {
        if let State::Paused { outage, pace, since, last } = self.machine.state {
            if !self.idle() {
                let outage = resumed(outage, since, self.now);
                self.machine.state = State::Waiting { outage, pace, last };
            }
        }
        match self.machine.state {
            State::Waiting { .. } => None,
            State::Stopped | State::Paused { .. } | State::GaveUp { .. } => Some(NEVER),
            State::Held { link, pace, .. } => self.plan_refresh(link, pace),
            State::Dialing { deadline, .. } => Some(deadline),
            State::Replacing { link, deadline, .. } => Some(deadline.min(self.idle_at(&link))),
            State::Draining { link, old_by, .. } => Some(
                drain_deadline(self.policy, &link, old_by)
                    .min(self.idle_at(&link))
                    .min(self.stable_at(&link)),
            ),
        }
    }

    /// [`plan_wait`](Self::plan_wait), shared by all who need not have it in line.
    #[inline(never)]
    fn wait(&mut self) -> Action {
        self.plan_wait()
    }

    /// Ends the wait, or says when it will.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "after a plain failure most of it is known")]
    pub(crate) fn plan_wait(&mut self) -> Action {
        let State::Waiting { pace, .. } = self.machine.state else { return self.look() };
        match &*self.endpoints {
            // Most links: there is nothing to choose.
            [only] if !only.has(VISITED | CHARGED) && !self.machine.offline => {
                let choice = self.gates(pace).choice(0, only);
                self.dial_or_sleep(choice)
            }
            _ => self.wait_among(pace),
        }
    }

    #[inline(never)]
    fn wait_among(&mut self, pace: u64) -> Action {
        if self.idle() {
            if let State::Waiting { outage, last, .. } = self.machine.state {
                self.machine.state = State::Paused { last, outage, pace, since: self.now };
            }
            return self.never();
        }
        match self.choose(pace, Wanted::Any, 0) {
            Some(choice) => {
                self.hold_back(pace, choice.wake, 0);
                self.dial_or_sleep(choice)
            }
            None => self.never(),
        }
    }

    /// A dial at `wake`, before the backoff's gate opens, is one that its server has asked for: it ends no
    /// other endpoint's wait. `whose` is the flag of those who wait; 0 for all.
    fn hold_back(&mut self, pace: u64, wake: u64, whose: u8) {
        if wake > self.now || pace <= self.now || self.machine.run.paced_by != WaitReason::Backoff {
            return;
        }
        for endpoint in &mut *self.endpoints {
            if whose == 0 || endpoint.has(whose) {
                endpoint.charge(pace);
            }
        }
    }

    /// Whether nothing but the backoff stands before a dial, once `released` has no probe any more.
    pub(crate) fn may_dial(&self, released: u16) -> bool {
        let gates = self.gates(self.now);
        let open = |(index, endpoint): (u16, &Endpoint)| {
            let mut endpoint = *endpoint;
            if index == released {
                endpoint.breaker.release();
            }
            !endpoint.has(DUPLICATE) && gates.is_open(&endpoint)
        };
        !self.machine.offline && (0..REMOVED).zip(&*self.endpoints).any(open)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "after a plain failure most of it is known")]
    fn dial_or_sleep(&mut self, Choice { index, wake, reason }: Choice) -> Action {
        if wake <= self.now {
            return self.start(index);
        }
        self.machine.wait_reason = reason;
        self.machine.wake = wake;
        if self.policy.give_up_when_all_parked || self.policy.max_elapsed != NEVER {
            return self.sleep_or_give_up();
        }
        self.machine.sleep()
    }

    /// A wait that would end too late ends now.
    #[inline(never)]
    fn sleep_or_give_up(&mut self) -> Action {
        let State::Waiting { outage, .. } = self.machine.state else { return self.look() };
        let limit = self.limit(outage);
        if self.policy.give_up_when_all_parked && self.all_parked() {
            self.out_of(GiveUpReason::AllParked)
        } else if self.machine.wake >= limit && limit != NEVER {
            self.out_of(GiveUpReason::MaxElapsed)
        } else {
            self.machine.sleep()
        }
    }

    /// Ends the wait with a dial, unless the outage has lasted too long.
    #[inline(never)]
    fn start(&mut self, endpoint: u16) -> Action {
        let State::Waiting { outage, last, .. } = self.machine.state else { return self.look() };
        let limited = self.policy.max_elapsed != NEVER;
        if limited && self.now >= self.limit(outage) {
            return self.out_of(GiveUpReason::MaxElapsed);
        }
        let (id, key, mut deadline) = self.begin_dial(endpoint);
        if limited {
            deadline = deadline.min(self.limit(outage));
        }
        self.machine.attempts = self.machine.attempts.saturating_add(1);
        let (started, progressed) = (self.now, false);
        self.machine.state =
            State::Dialing { endpoint, progressed, last, outage, started, deadline };
        self.machine.wake = deadline;
        self.machine.dial(id, key, deadline, self.machine.attempts, None)
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn out_of(&mut self, reason: GiveUpReason) -> Action {
        self.give_up(reason);
        self.never()
    }

    /// When to look at the connection again; `None` if it was dropped for another that can be
    /// dialed now.
    fn plan_refresh(&mut self, link: Link, pace: u64) -> Option<u64> {
        let idle = self.idle_at(&link);
        if link.proof != Proof::Stable {
            return Some(idle.min(self.stable_at(&link)));
        }
        if link.wanted == Wanted::No {
            return Some(idle.min(self.aged_at()).min(self.failback_at()));
        }
        // An old connection waits no longer for a better endpoint alone.
        let aged = if link.wanted == Wanted::Better { self.aged_at() } else { NEVER };
        if self.idle() || pace == NEVER {
            return Some(idle.min(aged));
        }
        let choice = self.choose(pace, link.wanted, link.endpoint);
        let Some(choice) = choice else { return Some(idle.min(aged)) };
        if choice.wake > self.now {
            return Some(idle.min(aged).min(choice.wake));
        }
        self.hold_back(pace, choice.wake, if link.paced_by_better { TRIED } else { 0 });
        if self.policy.refresh == Refresh::BreakFirst {
            // It goes to the one that was chosen.
            if link.wanted == Wanted::Away && choice.index != link.endpoint {
                self.visited(link.endpoint);
            }
            self.machine.attempts = 0;
            self.machine.state = State::Waiting { outage: self.now, pace: self.now, last: None };
            return None;
        }
        let target = choice.index;
        let (_, _, deadline) = self.begin_dial(target);
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
            shuffle: self.machine.seed ^ DialId::after(self.machine.dials).get(),
            below: if wanted == Wanted::Better { endpoint } else { u16::MAX },
            last: if wanted == Wanted::Away { endpoint } else { REMOVED },
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

    /// Takes what a dial takes; returns its id, the key of its endpoint, and its deadline.
    fn begin_dial(&mut self, index: u16) -> (DialId, u32, u64) {
        let (now, policy) = (self.now, self.policy);
        let key = self.endpoint(index).map_or(0, |endpoint| {
            endpoint.forget_hint();
            endpoint.breaker.begin();
            endpoint.key()
        });
        let id = DialId::after(self.machine.dials);
        self.machine.dials = id.get();
        self.machine.arrival = policy.rate_limit.take(self.machine.arrival, now);
        (id, key, self.machine.run.dial_deadline(policy, now))
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
                let left = age.saturating_sub(policy.age(link.spent));
                link.since.saturating_add(left)
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
            .map(|endpoint| endpoint.breaker.until)
            .min();
        closed.map_or(NEVER, |closed| closed.max(stable).saturating_add(after))
    }
}
