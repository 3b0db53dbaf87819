//! Rate limit: an upper bound on dials that no sequence of events can exceed.
//!
//! The generic cell rate algorithm (ITU-T I.371, virtual scheduling form), whose whole state is one
//! timestamp: the theoretical arrival time.

/// `burst` dials at once, then one per `spacing` (nanoseconds).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RateLimit {
    pub(crate) burst: u32,
    pub(crate) spacing: u64,
    /// `spacing × (burst − 1)`: how far the theoretical arrival time may run ahead.
    tolerance: u64,
}

impl RateLimit {
    pub(crate) const fn new(burst: u32, spacing: u64) -> Self {
        let tolerance = spacing.saturating_mul((burst as u64).saturating_sub(1));
        Self { burst, spacing, tolerance }
    }

    /// The furthest that the theoretical arrival time can be ahead of the clock.
    pub(crate) const fn ahead(&self) -> u64 {
        self.tolerance.saturating_add(self.spacing)
    }

    /// The earliest time of the next dial.
    pub(crate) const fn ready(&self, arrival: u64) -> u64 {
        // A saturated arrival time no longer counts dials, so it admits none.
        if arrival == u64::MAX { u64::MAX } else { arrival.saturating_sub(self.tolerance) }
    }

    /// The arrival time after a dial at `now`, which is not before [`ready`](Self::ready).
    pub(crate) const fn take(&self, arrival: u64, now: u64) -> u64 {
        let start = if arrival > now { arrival } else { now };
        start.saturating_add(self.spacing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_per_spacing() {
        let limit = RateLimit::new(3, 10);
        let (mut arrival, mut now, mut dials) = (0, 0, [0; 6]);
        for dial in &mut dials {
            now = now.max(limit.ready(arrival));
            arrival = limit.take(arrival, now);
            *dial = now;
        }
        assert_eq!(dials, [0, 0, 0, 10, 20, 30]);
        // After a pause of two spacings, two dials are free again.
        assert_eq!(limit.ready(arrival), 40);
        arrival = limit.take(limit.take(arrival, 50), 50);
        assert_eq!(limit.ready(arrival), 60);
    }

    #[test]
    fn the_end_of_time_admits_nothing_more() {
        let limit = RateLimit::new(u32::MAX, u64::MAX / 2);
        assert_eq!(limit.ready(0), 0);
        let arrival = limit.take(0, u64::MAX - 1);
        assert_eq!(limit.ready(arrival), u64::MAX);
    }
}
