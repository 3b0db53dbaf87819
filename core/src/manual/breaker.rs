//! When is a circuit breaker of use?
//!
//! A growing interval already spares the server. A breaker adds two things: a state that the
//! application can see and act on ("do not quote prices while the circuit of this exchange is
//! open"), and memory across connections for an endpoint that keeps failing among others that work.
//!
//! # What opens it?
//!
//! Failed dials, and connections that ended before they were stable. [`Trip`](crate::Trip) says how
//! many: a number in a row, or a share of the last outcomes, 64 at most, in a window that really
//! slides.
//!
//! # What does half-open mean here?
//!
//! At `until`, exactly one dial is admitted. It succeeds when its connection is stable or
//! confirmed; any other end gives the probe back, so the circuit cannot stick half-open. A failed
//! probe opens it for twice as long, up to `open_max`.
//!
//! # With one endpoint?
//!
//! An open circuit is a longer wait: [`WaitReason::Breaker`](crate::WaitReason::Breaker), and
//! `status().circuit`. It never adds to the backoff, since a wait is as long as its longest gate.
//!
//! # With several?
//!
//! The last one that is not open stays so, unless `allow_all_open` is set: there is always one to
//! try.
//!
//! # By hand?
//!
//! [`trip`](crate::Reconnector::trip) refuses an endpoint until
//! [`reset`](crate::Reconnector::reset). A connection that is up stays up.
//!
//! # For something else than connections?
//!
//! [`Breaker`](crate::Breaker) is public by itself. A permit is lent, and comes back with an
//! outcome or is dropped as ignored.
