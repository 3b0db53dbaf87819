//! Rounds through the endpoints, and the waits that they earn.

use redial::{Backoff, FirstRetry, Jitter, WaitReason};

use super::Reference;
use super::arith::{later, nanos};
use super::shape::{Class, Round, earned, jittered};

impl Reference {
    pub(super) fn round_class(&self) -> Class {
        self.round.iter().copied().max().unwrap_or(Class::Clear)
    }

    /// The round is over: its worst failure grows the interval. `None` if the policy stops here. Draws
    /// for a custom shape and for the wait, in this order.
    pub(super) fn end_round(&mut self, elapsed: u64, new: bool, counted: bool) -> Option<u64> {
        if counted && self.is_whole() {
            self.counted_rounds = self.counted_rounds.saturating_add(1);
        }
        let worst = self.round_class();
        self.round.clear();
        let mut stopped = false;
        if worst != Class::Clear {
            let custom = matches!(self.policy.backoff(), Backoff::Custom(_));
            let draw = if custom { self.draw() } else { 0 };
            self.rounds.push(Round { worst, elapsed, draw, last: false });
            stopped = earned(&self.policy, &self.rounds).stopped;
        }
        if new {
            self.next_round();
        }
        if stopped {
            return None;
        }
        let nothing_earned = worst == Class::Clear && earned(&self.policy, &self.rounds).base == 0;
        Some(if nothing_earned {
            self.within_window(WaitReason::NextEndpoint)
        } else {
            self.wait()
        })
    }

    /// A dial that need not wait for the backoff.
    pub(super) fn within_window(&mut self, reason: WaitReason) -> u64 {
        self.pace_reason = reason;
        let window = match self.policy.first_retry() {
            FirstRetry::Jittered(window) => nanos(window),
            _ => 0,
        };
        later(self.now, self.spread(window))
    }

    /// The end of one wait of the current interval. One draw, but for no jitter, and a phase once drawn.
    pub(super) fn wait(&mut self) -> u64 {
        self.pace_reason = WaitReason::Backoff;
        let base = earned(&self.policy, &self.rounds).base;
        if base == 0 {
            return self.now;
        }
        let draw = match self.policy.jitter() {
            Jitter::None => 0,
            Jitter::Phase(_) => {
                let phase = match self.phase {
                    Some(phase) => phase,
                    None => u32::try_from(self.draw() >> 32).unwrap_or(0).max(1),
                };
                self.phase = Some(phase);
                u64::from(phase) << 32
            }
            _ => self.draw(),
        };
        later(self.now, jittered(&self.policy, base, draw))
    }
}
