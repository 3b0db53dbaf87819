//! What can happen to a link. A driver reports; it never decides.

use crate::failure::Failure;
use crate::id::DialId;
use crate::time::Timestamp;

/// Something that happened, given to [`handle`](crate::Reconnector::handle) with its time.
///
/// Every event is legal in every state. One that makes no sense (an id that is not current, `Stop`
/// twice) acts as a [`Tick`](Self::Tick) and is counted in
/// [`Counters::ignored`](crate::Counters::ignored).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The application wants the link up. Works from every state; after a give-up it begins a new
    /// outage with fresh counters. On a running link it is a `Tick`.
    Start,
    /// The application wants the link down. Everything is dropped and nothing dials until `Start`.
    Stop,
    /// Time has passed. Needed at the action's wake; harmless at any other time.
    Tick,
    /// The server has answered something (TCP accepted, TLS hello seen): the first one of a dial
    /// moves its deadline to the handshake timeout.
    Progress(DialId),
    /// The dial succeeded: the session is ready for use. Report it only when the protocol's own
    /// handshake is done; an accepted TCP connection proves nothing.
    Connected(DialId),
    /// The dial failed.
    DialFailed(DialId, Failure),
    /// The application dropped the dial for reasons of its own: its attempt is given back.
    DialAborted(DialId),
    /// The connection ended, for whatever reason, cleanly or not.
    Closed(DialId, Failure),
    /// The application has seen the connection healthy, before `stable_after`: settles attempts,
    /// outage and breaker at once. The interval resets only when it was stable. Drivers never send
    /// this by themselves.
    Confirmed(DialId),
    /// Something was received; keeps `idle_timeout` away.
    Activity(DialId),
    /// The server is going away, at the latest at this time: a new connection is made before the
    /// old one ends.
    GoingAway(DialId, Option<Timestamp>),
    /// The network is back: cuts a backoff wait short.
    Online,
    /// The network is gone: no new dials. A connection is kept.
    Offline,
    /// Dial now, from a wait; replace the connection, if there is one.
    Redial,
    /// The caller's own gate (a permit, a maintenance window): no dial before this time. Replaces
    /// the last one; `Timestamp::ORIGIN` lifts it.
    Defer(Timestamp),
}
