//! What a fleet may do at once, as its owner says it: from the beginning, or at any time.

use core::num::NonZeroU32;

use crate::fleet::Fleet;

impl<P, S> Fleet<P, S> {
    /// At most this many dials begin in any second, whatever the links want. Links queue in the order in
    /// which they were ready to dial; no deadline of a dial runs while its link queues. In the long run the
    /// fleet begins 95 % of that: the rest makes up for an event loop that polls up to 50 ms late.
    ///
    /// If a link was told a [`Defer`](redial::Event::Defer) while the fleet had no limit, tell it again after setting
    /// the first one.
    ///
    /// A link gives up in the queue if the rate alone would keep it there for longer than its
    /// [`max_elapsed`](redial::PolicyBuilder::max_elapsed), or once less than 1/64 of that is left.
    #[must_use]
    pub fn max_dials_per_second(mut self, dials: NonZeroU32) -> Self {
        self.set_max_dials_per_second(dials);
        self
    }

    /// Changes [`max_dials_per_second`](Self::max_dials_per_second), at any time. What was spent stays spent.
    ///
    /// ```
    /// use core::num::NonZeroU32;
    /// use redial_fleet::Fleet;
    ///
    /// let mut fleet: Fleet = Fleet::new();
    /// fleet.set_max_dials_per_second(NonZeroU32::new(100).unwrap());
    /// fleet.set_max_in_flight(NonZeroU32::new(20).unwrap());
    /// while fleet.poll(redial::Timestamp::ORIGIN).is_some() {}
    /// ```
    pub fn set_max_dials_per_second(&mut self, dials: NonZeroU32) {
        self.limits.set_rate(dials);
        self.busy = true;
    }

    /// At most this many dials are in flight at once; the others queue as for
    /// [`max_dials_per_second`](Self::max_dials_per_second).
    ///
    /// A server that swallows dials keeps each place until the dial's deadline, and every link queues behind
    /// it, also one that would dial another server: with n places expect as few as n /
    /// [`dial_timeout_max`](redial::PolicyBuilder::dial_timeout_max) dials a second. Have a fleet for each
    /// server, or shorter deadlines.
    #[must_use]
    pub fn max_in_flight(mut self, dials: NonZeroU32) -> Self {
        self.set_max_in_flight(dials);
        self
    }

    /// Changes [`max_in_flight`](Self::max_in_flight), at any time. With more in flight than that already,
    /// none is dropped, and the next waits until there are fewer.
    pub fn set_max_in_flight(&mut self, dials: NonZeroU32) {
        self.limits.set_in_flight(dials);
        self.busy = true;
    }
}
