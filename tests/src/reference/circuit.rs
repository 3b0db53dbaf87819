//! A circuit breaker that keeps every outcome.

use redial::{BreakerPolicy, Trip};

use super::arith::{NEVER, doubled, nanos, splitmix, stretched};

/// An open time as a breaker of this seed stretches it at its `index`-th opening.
pub fn stretched_by_draw(open: u64, seed: u64, index: u64) -> u64 {
    stretched(open, splitmix(seed, index))
}

/// What a breaker is, in the words of the pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Is {
    /// All is admitted.
    Closed,
    /// Nothing is admitted before this time (nanoseconds); then one probe.
    Open(u64),
    /// As open, and the probe is out.
    Probing(u64),
    /// Opened by hand.
    Tripped,
}

/// The dull breaker: outcomes are kept since it was last closed, and counted anew each time.
#[derive(Clone, Debug)]
pub struct DullBreaker {
    /// What it is.
    pub is: Is,
    /// True for a failure, oldest first.
    outcomes: Vec<bool>,
    /// Openings in a row, the first not counted.
    opens: usize,
}

impl Default for DullBreaker {
    fn default() -> Self {
        Self::new()
    }
}

impl DullBreaker {
    /// A closed one.
    pub fn new() -> Self {
        Self { is: Is::Closed, outcomes: Vec::new(), opens: 0 }
    }

    /// How many times it has opened since it was last closed, the first not counted.
    pub fn reopened(&self) -> usize {
        self.opens
    }

    /// The earliest time at which something is admitted, in nanoseconds.
    pub fn ready(&self) -> u64 {
        match self.is {
            Is::Closed => 0,
            Is::Open(until) => until,
            Is::Probing(_) | Is::Tripped => NEVER,
        }
    }

    /// Something was admitted.
    pub fn admit(&mut self) {
        if let Is::Open(until) = self.is {
            self.is = Is::Probing(until);
        }
    }

    /// It told nothing.
    pub fn release(&mut self) {
        if let Is::Probing(until) = self.is {
            self.is = Is::Open(until);
        }
    }

    /// It succeeded.
    pub fn success(&mut self) {
        match self.is {
            Is::Closed => self.outcomes.push(false),
            Is::Probing(_) => *self = Self::new(),
            Is::Open(_) | Is::Tripped => {}
        }
    }

    /// It failed at `now`. `stretch` is asked for the open time exactly when it opens.
    pub fn failure(
        &mut self,
        policy: &BreakerPolicy,
        now: u64,
        may_open: bool,
        stretch: impl FnOnce(u64) -> u64,
    ) {
        let opens = match self.is {
            Is::Open(_) | Is::Tripped => return,
            Is::Closed => {
                self.outcomes.push(true);
                if !self.too_many(policy.trip) {
                    return;
                }
                0
            }
            Is::Probing(_) => self.opens + 1,
        };
        if !may_open {
            return self.release();
        }
        let open = doubled(nanos(policy.open_for), opens).min(nanos(policy.open_max));
        let until = now.saturating_add(stretch(open));
        *self = Self { is: Is::Open(until), outcomes: Vec::new(), opens };
    }

    fn too_many(&self, trip: Trip) -> bool {
        match trip {
            Trip::Consecutive(limit) => {
                let row = self.outcomes.iter().rev().take_while(|failed| **failed).count();
                row >= usize::try_from(limit).unwrap_or(usize::MAX)
            }
            Trip::Rate { last, min, percent } => {
                let seen: Vec<_> = self.outcomes.iter().rev().take(usize::from(last)).collect();
                let failed = seen.iter().filter(|failed| ***failed).count();
                seen.len() >= usize::from(min) && failed * 100 >= usize::from(percent) * seen.len()
            }
            other => panic!("{other:?} is not in the reference"),
        }
    }
}
