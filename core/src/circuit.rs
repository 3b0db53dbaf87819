//! A circuit: what one breaker remembers, and how outcomes change it.

use core::fmt;

use crate::rule::{Rule, Trip};
use crate::time::{NEVER, Timestamp};

/// The state of a circuit, in the words of the pattern (Nygard, *Release It!*, 2007).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Circuit {
    /// All is admitted, outcomes are counted.
    Closed,
    /// Nothing is admitted before `until`; [`Timestamp::MAX`] when it was tripped by hand.
    Open {
        /// When one probe will be admitted.
        until: Timestamp,
    },
    /// One probe is admitted, or out.
    HalfOpen,
    /// All is admitted, nothing is counted.
    Disabled,
}

impl fmt::Display for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed"),
            Self::Open { until: Timestamp::MAX } => f.write_str("open until it is reset"),
            Self::Open { until } => write!(f, "open until {until}"),
            Self::HalfOpen => f.write_str("half-open"),
            Self::Disabled => f.write_str("disabled"),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Mode {
    Closed,
    /// Open until `until`, then half-open.
    Open,
    /// Half-open, with the one probe out; when the open time ended stands in `window`.
    Probing,
    Tripped,
    Disabled,
}

impl Mode {
    /// Those that the circuit of an endpoint can have.
    pub(crate) const OF_ENDPOINTS: [Self; 4] =
        [Self::Closed, Self::Open, Self::Probing, Self::Tripped];
}

/// A breaker's whole state, without its policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BreakerState {
    /// The earliest time at which anything is admitted: the end of the open time; 0 while closed,
    /// and [`NEVER`] while the probe is out or after a trip by hand.
    pub(crate) until: u64,
    /// `Consecutive`: failures in a row. `Rate`: the last outcomes, newest in bit 0, failures set.
    /// While the probe is out, when the open time ended.
    pub(crate) window: u64,
    /// `Rate`: how many bits of `window` are outcomes.
    pub(crate) seen: u8,
    /// Openings in a row without a success between.
    pub(crate) opens: u8,
    pub(crate) mode: Mode,
}

impl BreakerState {
    pub(crate) const CLOSED: Self =
        Self { until: 0, window: 0, seen: 0, opens: 0, mode: Mode::Closed };

    pub(crate) const TRIPPED: Self = Self { until: NEVER, mode: Mode::Tripped, ..Self::CLOSED };

    pub(crate) fn circuit(&self, now: u64) -> Circuit {
        match self.mode {
            Mode::Closed => Circuit::Closed,
            Mode::Open if now < self.until => {
                Circuit::Open { until: Timestamp::from_nanos(self.until) }
            }
            Mode::Open | Mode::Probing => Circuit::HalfOpen,
            Mode::Tripped => Circuit::Open { until: Timestamp::MAX },
            Mode::Disabled => Circuit::Disabled,
        }
    }

    /// Admits one call at or after `until`: the probe, if it was open.
    pub(crate) fn begin(&mut self) {
        if self.mode == Mode::Open {
            *self = Self { mode: Mode::Probing, until: NEVER, window: self.until, ..*self };
        }
    }

    /// The admitted call ended without telling anything: a probe may be taken again.
    pub(crate) fn release(&mut self) {
        if self.mode == Mode::Probing {
            *self = Self { mode: Mode::Open, until: self.window, window: 0, ..*self };
        }
    }

    /// A call that was admitted succeeded. Late ones, from before it opened, change nothing.
    #[inline]
    pub(crate) fn success(&mut self, rule: &Rule) {
        if self.mode == Mode::Closed {
            match rule.trip {
                Trip::Consecutive(_) => self.window = 0,
                Trip::Rate { last, .. } => self.push(last, 0),
            }
        } else if self.mode == Mode::Probing {
            *self = Self::CLOSED;
        }
    }

    /// A call that was admitted failed. True if that is one too many: then it is to
    /// [`open`](Self::open), or where it must not, to be [released](Self::release).
    #[inline]
    pub(crate) fn failure(&mut self, rule: &Rule) -> bool {
        match self.mode {
            Mode::Closed => self.counted(rule.trip),
            Mode::Probing => true,
            Mode::Open | Mode::Tripped | Mode::Disabled => false,
        }
    }

    /// Opens after a [`failure`](Self::failure). `spread` draws the stretch of an open time.
    #[cold]
    pub(crate) fn open(&mut self, rule: &Rule, now: u64, spread: impl FnOnce(u64) -> u64) {
        let again = self.mode == Mode::Probing;
        let opens = if again { self.opens.saturating_add(1) } else { 0 };
        let until = now.saturating_add(spread(rule.open_time(opens)));
        *self = Self { until, opens, mode: Mode::Open, ..Self::CLOSED };
    }

    /// Cuts what was saved to what `rule` could have made.
    pub(crate) fn fit(&mut self, rule: &Rule) {
        match rule.trip {
            Trip::Consecutive(limit) if self.seen == 0 => {
                self.window = self.window.min(u64::from(limit).saturating_sub(1));
            }
            Trip::Rate { last, .. } if self.seen > 0 => {
                self.seen = self.seen.min(last);
                self.window &= kept(self.seen);
            }
            Trip::Consecutive(_) | Trip::Rate { .. } => {
                self.window = 0;
                self.seen = 0;
            }
        }
    }

    pub(crate) fn trip(&mut self) {
        *self = Self::TRIPPED;
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::CLOSED;
    }

    /// Counts a failure while closed; true if it is one too many.
    fn counted(&mut self, trip: Trip) -> bool {
        match trip {
            Trip::Consecutive(limit) => {
                self.window = self.window.saturating_add(1);
                self.window >= u64::from(limit)
            }
            Trip::Rate { last, min, percent } => {
                self.push(last, 1);
                let failures = u64::from(self.window.count_ones()).saturating_mul(100);
                self.seen >= min
                    && failures >= u64::from(percent).saturating_mul(u64::from(self.seen))
            }
        }
    }

    fn push(&mut self, last: u8, outcome: u64) {
        self.window = (self.window << 1 | outcome) & kept(last);
        self.seen = self.seen.saturating_add(1).min(last);
    }
}

/// The lowest `bits` bits.
fn kept(bits: u8) -> u64 {
    u64::MAX.checked_shr(64_u32.saturating_sub(u32::from(bits))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_that_tells_nothing_leaves_no_trace() {
        let mut open =
            BreakerState { until: 7, opens: 2, mode: Mode::Open, ..BreakerState::CLOSED };
        let before = open;
        open.begin();
        assert_eq!((open.mode, open.until), (Mode::Probing, NEVER));
        open.release();
        assert_eq!(open, before);
    }
}
