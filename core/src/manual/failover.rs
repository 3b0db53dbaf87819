//! How are several endpoints used?
//!
//! One at a time, for as long as it works: this is failover, not load balancing.
//!
//! # What happens when it fails?
//!
//! The next one is dialed, at once or within the first-retry window, without any backoff: each
//! *round* visits every endpoint that may be dialed, once. Only when none is left does the interval
//! grow, by the worst failure of the round, and a new round begins. So a list of three with one
//! that works costs at most two failed dials, and a list of three that are all down is dialed three
//! times per interval.
//!
//! # In which order?
//!
//! [`Selection::RoundRobin`](crate::Selection::RoundRobin) goes on from where it was;
//! [`Priority`](crate::Selection::Priority) begins each round with the best;
//! [`Shuffle`](crate::Selection::Shuffle) draws an order for each round, so that the clients of a
//! dead server spread over the others.
//!
//! # When does it go back to the primary?
//!
//! With `Priority { failback: Some(after) }`: when the connection to the lesser one has been
//! stable, and the better one's circuit not open, for `after`. It is a
//! [`handover`](super::handover): nothing is lost if the primary is still down. What the tries that
//! failed have earned delays the better endpoints alone: when the connection is lost, the others are
//! dialed as after any loss.
//!
//! # An endpoint that answers, but will not do?
//!
//! `Failure::Unsuitable` parks it for a minute, then two, to an hour. The others are tried
//! meanwhile; if all are parked it waits for the first, or gives up if the policy says so.
//!
//! # The list changes?
//!
//! [`set_endpoints`](crate::Reconnector::set_endpoints), at any time. Keys that stay keep their
//! health. A dial to a removed one is dropped without being counted; a connection to one is
//! replaced when another is up. An empty list is idle, and dials when one appears. A wait that the
//! outage has earned goes on over all of that, for new endpoints too, so that a list that flaps is no
//! way around the backoff: say `Redial` if you know better. Nothing is ever removed because it failed.
//!
//! # One server says when to come back, and another is overloaded?
//!
//! Each is asked in its own time: a server that gave a hint when that ends, or at the end of a round that is
//! under way then, and the others when the backoff does.
