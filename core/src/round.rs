//! Rounds through the endpoints, and the waits that they earn.

use core::num::NonZeroU32;

use crate::action::{GiveUpReason, WaitReason};
use crate::backoff::Exponential;
use crate::endpoint::{ASKED, DUPLICATE, Endpoint, REMOVED, TRIED, VISITED};
use crate::jitter::Jitter;
use crate::machine::{Machine, Proof, State, Step, Wanted};
use crate::policy::Policy;
use crate::rng::up_to;
use crate::run::Class;

impl Step<'_> {
    /// Clears the round: every endpoint may be tried again.
    pub(crate) fn next_round(&mut self) {
        if let [only] = &mut *self.endpoints {
            // Its hint was spent by its dial.
            only.set(VISITED, false);
        } else {
            self.next_round_of_several();
        }
        self.machine.run.worst = Class::Clear;
    }

    #[inline(never)]
    fn next_round_of_several(&mut self) {
        for endpoint in &mut *self.endpoints {
            // A failback that failed in an earlier round has not earned the wait of this one.
            if !endpoint.has(VISITED) {
                endpoint.set(TRIED, false);
            }
            endpoint.next_round(self.now);
        }
    }

    /// The number of dials or rounds after which the policy gives up is reached.
    #[inline]
    pub(crate) fn is_exhausted(&self) -> bool {
        let Policy { max_attempts, max_rounds, .. } = self.policy;
        if max_attempts.is_none() && max_rounds.is_none() {
            return false;
        }
        let reached = |limit: &Option<NonZeroU32>, count| limit.is_some_and(|l| count >= l.get());
        reached(max_attempts, self.machine.attempts) || reached(max_rounds, self.machine.run.rounds)
    }

    /// The interval grows by what the round has shown; a `new` round may begin, and the old one may
    /// be `counted` against the policy's limit. `None` if the policy does not dial again. The policy's
    /// `exponential` backoff comes apart, so that it can be known to be one.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the way of every failed dial")]
    pub(crate) fn end_round(
        &mut self,
        outage: u64,
        new: bool,
        counted: bool,
        exponential: Option<Exponential>,
    ) -> Option<u64> {
        let rounds = &mut self.machine.run.rounds;
        *rounds = rounds.saturating_add(u32::from(counted));
        let worst = core::mem::replace(&mut self.machine.run.worst, Class::Clear);
        if new {
            self.next_round();
        }
        let Machine { run, seed, draws, .. } = &mut *self.machine;
        let elapsed = || self.now.wrapping_sub(outage);
        run.grow(self.policy, exponential, worst, elapsed, *seed, draws)?;
        let nothing_earned = worst == Class::Clear && self.machine.run.base == 0;
        Some(if nothing_earned {
            self.within_window(WaitReason::NextEndpoint)
        } else {
            self.interval()
        })
    }

    /// [`end_round`](Self::end_round), where nothing is known of the failure.
    #[inline(never)]
    pub(crate) fn grow(&mut self, outage: u64, new: bool, counted: bool) -> Option<u64> {
        let counted = counted && self.policy.max_rounds.is_some() && self.is_whole();
        self.end_round(outage, new, counted, self.policy.exponential)
    }

    /// Whether this round, and those before it that were not whole, have tried every endpoint but those
    /// that wait for more than a backoff of their own.
    fn is_whole(&mut self) -> bool {
        let now = self.now;
        let charged = |one: &Endpoint| one.is_charged(now) && one.blocked_until() <= now;
        let waits = |one: &Endpoint| !one.has(VISITED | ASKED | DUPLICATE) && charged(one);
        let tried = |one: &Endpoint| one.has(VISITED | ASKED) && !one.has(DUPLICATE);
        let count = |count: u32, one| count.saturating_add(u32::from(tried(one)));
        let tried = self.endpoints.iter().fold(0, count);
        // With fewer dials, some of them were tried before this outage.
        let dialed = self.machine.attempts >= tried.max(1);
        let whole = dialed && !self.endpoints.iter().any(waits);
        self.each_endpoint(|one| one.set(ASKED, !whole && one.has(VISITED | ASKED)));
        whole
    }

    /// The list or a circuit was changed by hand: a round that has nothing left to try is over.
    pub(crate) fn recheck_round(&mut self) {
        let (outage, wanted, endpoint) = match self.machine.state {
            State::Waiting { outage, .. } | State::Paused { outage, .. } => {
                (outage, Wanted::Any, REMOVED)
            }
            State::Held { link, .. }
                if link.proof == Proof::Stable && link.wanted != Wanted::No =>
            {
                (self.now, link.wanted, link.endpoint)
            }
            _ => return,
        };
        let visited = self.endpoints.iter().any(|endpoint| endpoint.has(VISITED));
        if !visited || self.field(wanted, endpoint).unvisited(self.endpoints, self.now) {
            return;
        }
        if self.machine.run.worst == Class::Clear {
            return self.next_round();
        }
        let held = matches!(self.machine.state, State::Held { .. });
        let began = self.now.wrapping_sub(self.elapsed(outage));
        let paced = self.grow(began, true, !held);
        let next = match paced {
            _ if !held && self.is_exhausted() => return self.give_up(GiveUpReason::MaxAttempts),
            None if !held => return self.give_up(GiveUpReason::PolicyNever),
            None => self.once_more(),
            Some(next) => next,
        };
        if let Some(pace) = self.machine.state.pace() {
            *pace = next;
        }
    }

    /// The end of one wait of the current interval, from now.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the way of every failed dial")]
    pub(crate) fn interval(&mut self) -> u64 {
        let (jitter, floor) = (self.policy.jitter, self.policy.floor);
        let base = self.machine.run.base;
        self.machine.run.paced_by = WaitReason::Backoff;
        if base == 0 {
            return self.now;
        }
        let draw = match jitter {
            Jitter::Phase(_) => u64::from(self.phase()) << 32,
            Jitter::None => 0,
            Jitter::Full | Jitter::Equal | Jitter::Proportional(_) => self.machine.draw(),
        };
        self.now.saturating_add(jitter.wait(base, floor, draw))
    }

    /// The factor that is kept for this outage.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the way of every failed dial")]
    fn phase(&mut self) -> u32 {
        if self.machine.run.phase == 0 {
            let phase = u32::try_from(self.machine.draw() >> 32).unwrap_or(0);
            self.machine.run.phase = phase.max(1);
        }
        self.machine.run.phase
    }

    /// The gate of a dial that need not wait for the backoff, by the policy's window.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the way of every lost connection")]
    pub(crate) fn within_window(&mut self, reason: WaitReason) -> u64 {
        self.machine.run.paced_by = reason;
        self.now.saturating_add(self.spread(self.policy.window))
    }

    /// Uniform in `[0, window]`; at once without jitter.
    pub(crate) fn spread(&mut self, window: u64) -> u64 {
        if window == 0 || self.policy.jitter == Jitter::None {
            return 0;
        }
        up_to(window, self.machine.draw())
    }
}
