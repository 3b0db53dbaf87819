//! What can happen to a link. A driver reports; it never decides.

use crate::failure::Failure;
use crate::id::DialId;
use crate::time::Timestamp;

/// Something that happened, given to [`handle`](crate::Reconnector::handle) with its time.
///
/// Every event is legal in every state. One that makes no sense (an id that is not current, `Stop`
/// twice) acts as a [`Tick`](Self::Tick) and is counted in
/// [`Counters::ignored`](crate::Counters::ignored).
///
/// ```
/// use core::time::Duration;
/// use redial::{Action, Event, Failure, Phase, Policy, Reconnector, Timestamp};
///
/// let at = |secs| Timestamp::from_origin(Duration::from_secs(secs));
/// let mut link = Reconnector::new(Policy::DEFAULT, 1);
/// let dial = link.handle(at(0), Event::Start).dial().unwrap();
/// link.handle(at(1), Event::Connected(dial.id));
///
/// // No new dials while the network is gone; what is connected stays, and may end.
/// link.handle(at(60), Event::Offline);
/// link.handle(at(61), Event::Closed(dial.id, Failure::TimedOut));
/// assert_eq!(link.status().phase, Phase::Offline);
/// let next = link.handle(at(600), Event::Online).dial().unwrap();
///
/// // The old socket once more. It is not the link, so this changes nothing.
/// link.handle(at(600), Event::Closed(dial.id, Failure::Unreachable));
/// assert_eq!((link.action(), link.counters().ignored), (Action::Dial(next), 1));
/// ```
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
    /// moves its deadline to the handshake timeout, if that is later.
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
    /// old one ends. Its own endpoint is asked last, and at first only if no other can be dialed.
    /// Before the old one is stable it is only remembered. Of several times the first counts.
    GoingAway(DialId, Option<Timestamp>),
    /// The network is back: cuts a backoff wait to at most the first interval, jittered. A wait that
    /// `TimedOut` has earned is cut only after an [`Offline`](Self::Offline), which explains the
    /// silence; one that `Overloaded` has, a hint, a breaker and the rate limit never are, nor one that is a
    /// single endpoint's own ([`hinted_until`](crate::Endpoint::hinted_until)).
    Online,
    /// The network is gone: no new dials until [`Online`](Self::Online), also after `Stop` and `Start`. A
    /// connection is kept, and a dial in flight may finish.
    Offline,
    /// Dial now, from a wait; replace the connection, if there is one: a stable one as in a
    /// handover, any other is dropped first, if a dial may begin at once. Cuts every backoff; a hint, a
    /// breaker, parking and the rate limit hold.
    Redial,
    /// The caller's own gate (a permit, a maintenance window): no dial before this time. Replaces
    /// the last one; `Timestamp::ORIGIN` lifts it.
    Defer(Timestamp),
}
