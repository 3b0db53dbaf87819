//! Circuit breaker: an endpoint that keeps failing is left alone for a while, then asked once.
//!
//! The one fact that makes the rest predictable: at most one probe is out while a breaker is
//! half-open, and *every* end of that probe, also its being dropped, gives it back. The half-open
//! breakers that stick (resilience4j #544, #858, #935) all kept a permit that nobody could return.

use core::cell::Cell;
use core::fmt;

use crate::circuit::{BreakerState, Circuit, Mode};
use crate::error::PolicyError;
use crate::rng::{draw, stretch};
use crate::rule::{BreakerPolicy, Rule};
use crate::time::{NEVER, Timestamp};

/// A circuit breaker by itself, for calls of any kind on one thread.
///
/// [`allow`](Self::allow) lends a [`Permit`] that comes back with an outcome, or is dropped as
/// ignored. Time is an argument. There is no timeout for a permit that is never given back, because
/// dropping it gives it back.
#[derive(Debug)]
pub struct Breaker {
    rule: Rule,
    seed: u64,
    /// Counts on when it opens, and when it is set by hand: what was lent before no longer counts.
    epoch: Cell<u64>,
    state: Cells,
}

/// A [`BreakerState`] behind a shared reference. A cell for each part, so that what stays is not
/// written anew.
#[derive(Debug)]
struct Cells {
    until: Cell<u64>,
    window: Cell<u64>,
    seen: Cell<u8>,
    opens: Cell<u8>,
    mode: Cell<Mode>,
}

impl Cells {
    const fn new(state: BreakerState) -> Self {
        Self {
            until: Cell::new(state.until),
            window: Cell::new(state.window),
            seen: Cell::new(state.seen),
            opens: Cell::new(state.opens),
            mode: Cell::new(state.mode),
        }
    }

    #[inline]
    fn get(&self) -> BreakerState {
        BreakerState {
            until: self.until.get(),
            window: self.window.get(),
            seen: self.seen.get(),
            opens: self.opens.get(),
            mode: self.mode.get(),
        }
    }

    #[inline]
    fn set(&self, state: BreakerState) {
        self.until.set(state.until);
        self.window.set(state.window);
        self.seen.set(state.seen);
        self.opens.set(state.opens);
        self.mode.set(state.mode);
    }
}

impl Breaker {
    /// A closed breaker. `seed` stretches open times; give every breaker of a fleet another.
    ///
    /// # Errors
    /// [`PolicyError`] for a threshold of zero, a window outside 1–64, a minimum outside the
    /// window, a share outside 1–100 %, an open time of zero, or `open_max` below it.
    pub const fn new(policy: BreakerPolicy, seed: u64) -> Result<Self, PolicyError> {
        match policy.check() {
            Ok(rule) => Ok(Self {
                rule,
                seed,
                epoch: Cell::new(0),
                state: Cells::new(BreakerState::CLOSED),
            }),
            Err(error) => Err(error),
        }
    }

    /// A permit for one call at `now`.
    ///
    /// # Errors
    /// [`Refused`] while open, and while half-open with the probe out.
    pub fn allow(&self, now: Timestamp) -> Result<Permit<'_>, Refused> {
        if self.state.mode.get() == Mode::Closed {
            return Ok(self.permit(Mode::Closed));
        }
        self.allow_again(now)
    }

    #[cold]
    fn allow_again(&self, now: Timestamp) -> Result<Permit<'_>, Refused> {
        let mut state = self.state.get();
        if now.as_nanos() < state.until || state.until == NEVER {
            return Err(Refused { until: Timestamp::from_nanos(state.until) });
        }
        state.begin();
        self.state.set(state);
        let probe = state.mode == Mode::Probing;
        Ok(self.permit(if probe { Mode::Probing } else { Mode::Closed }))
    }

    fn permit(&self, mode: Mode) -> Permit<'_> {
        Permit { breaker: self, mode, epoch: self.epoch.get() }
    }

    /// The circuit as it is at `now`.
    pub fn circuit(&self, now: Timestamp) -> Circuit {
        self.state.get().circuit(now.as_nanos())
    }

    /// How many times it has opened since it was last closed, not counting the first.
    pub fn reopened(&self) -> u8 {
        self.state.get().opens
    }

    /// Opens it until [`reset`](Self::reset).
    pub fn trip(&self) {
        self.set(BreakerState::TRIPPED);
    }

    /// Closes it and forgets every outcome.
    pub fn reset(&self) {
        self.set(BreakerState::CLOSED);
    }

    /// Admits everything and counts nothing, until [`reset`](Self::reset) or [`trip`](Self::trip).
    pub fn disable(&self) {
        self.set(BreakerState { mode: Mode::Disabled, ..BreakerState::CLOSED });
    }

    /// By hand.
    fn set(&self, state: BreakerState) {
        self.next_epoch();
        self.state.set(state);
    }

    /// Begins a new epoch; returns the old one.
    fn next_epoch(&self) -> u64 {
        self.epoch.replace(self.epoch.get().wrapping_add(1))
    }
}

/// Leave for one call. Give it back with [`success`](Self::success) or [`failure`](Self::failure);
/// dropped, it counts as ignored and frees the probe.
#[derive(Debug)]
#[must_use = "a permit that is dropped counts as ignored"]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    /// What the breaker was: probing if this is the probe, otherwise closed.
    mode: Mode,
    /// The breaker's when it was lent.
    epoch: u64,
}

impl Permit<'_> {
    /// Whether this is the one probe of a half-open breaker.
    pub fn is_probe(&self) -> bool {
        self.mode == Mode::Probing
    }

    /// The call succeeded.
    pub fn success(self) {
        self.settle(|state, breaker| state.success(&breaker.rule));
        core::mem::forget(self);
    }

    /// The call failed, at `now`.
    pub fn failure(self, now: Timestamp) {
        self.settle(|state, breaker| {
            if state.failure(&breaker.rule) {
                state.open(&breaker.rule, now.as_nanos(), |open| {
                    stretch(open, draw(breaker.seed, breaker.next_epoch()))
                });
            }
        });
        core::mem::forget(self);
    }

    #[inline]
    fn settle(&self, outcome: impl FnOnce(&mut BreakerState, &Breaker)) {
        let cells = &self.breaker.state;
        // An outcome from an epoch before says nothing about what came after. Within one the mode is the
        // same, but for a breaker that is disabled, which counts nothing; known, it is not looked at
        // again.
        if self.epoch == self.breaker.epoch.get() && self.mode == cells.mode.get() {
            let mut state = cells.get();
            outcome(&mut state, self.breaker);
            cells.set(state);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.settle(|state, _| state.release());
    }
}

/// The breaker does not admit a call now.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Refused {
    /// When it will; [`Timestamp::MAX`] if that is not known: tripped by hand, or the probe is out.
    pub until: Timestamp,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.until == Timestamp::MAX {
            return f.write_str("circuit admits nothing now");
        }
        write!(f, "circuit is open until {}", self.until)
    }
}

impl core::error::Error for Refused {}
