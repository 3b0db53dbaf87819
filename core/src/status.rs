//! Status: the state in the words people use.

use core::fmt;

use crate::action::{Attempts, GiveUpReason, WaitReason};
use crate::circuit::Circuit;
use crate::endpoint::{DUPLICATE, Endpoint};
use crate::machine::{Machine, Proof, State};
use crate::time::Timestamp;

/// The state of a link in the words people use, for logs and dashboards.
///
/// ```
/// use redial::{Event, Phase, Policy, Reconnector, Timestamp};
///
/// let mut link = Reconnector::new(Policy::DEFAULT, 1);
/// assert_eq!(link.status().phase, Phase::Idle);
/// link.handle(Timestamp::ORIGIN, Event::Start);
/// assert_eq!(link.status().to_string(), "connecting (attempt 1)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Status {
    /// What the link is doing.
    pub phase: Phase,
    /// Key of the endpoint that it is connected to or dialing, or the only one it has; `None` between
    /// dials to several, and if it was removed.
    pub endpoint: Option<u32>,
    /// The circuit of that endpoint. Between dials to several, open only if all of theirs are; each
    /// by itself is in [`endpoints`](crate::Reconnector::endpoints).
    pub circuit: Circuit,
    /// Dials ever started, those that replace a connection included.
    pub dials: u64,
}

/// What a link is doing.
///
/// ```
/// use redial::{Phase, Status};
///
/// /// Whether orders may be sent.
/// fn may_trade(status: &Status) -> bool {
///     matches!(status.phase, Phase::Connected { stable: true, .. })
/// }
/// # let link = redial::Reconnector::new(redial::Policy::DEFAULT, 1);
/// # assert!(!may_trade(&link.status()));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Phase {
    /// Not started, stopped, or without an endpoint.
    Idle,
    /// A dial is in flight, and nothing is connected.
    Connecting {
        /// Which dial of this outage it is, from 1.
        attempt: u32,
    },
    /// There is a connection.
    Connected {
        /// When the connection became the link.
        since: Timestamp,
        /// It has stayed up for `stable_after`, and the outage is over.
        stable: bool,
    },
    /// Waiting to dial again.
    Reconnecting {
        /// Dials of this outage so far.
        attempt: u32,
        /// When it will dial.
        until: Timestamp,
        /// The gate that holds.
        reason: WaitReason,
    },
    /// Told that the network is gone, and not connected.
    Offline,
    /// Over, until `Start`.
    GaveUp {
        /// Which limit ended it.
        reason: GiveUpReason,
        /// Dials of the outage that ended it.
        attempts: u32,
    },
}

pub(crate) fn status(machine: &Machine, endpoints: &[Endpoint]) -> Status {
    let connected = |since, proof| Phase::Connected {
        since: Timestamp::from_nanos(since),
        stable: proof == Proof::Stable,
    };
    let (phase, used) = match machine.state {
        State::Stopped => (Phase::Idle, None),
        State::Paused { .. } if machine.offline => (Phase::Offline, None),
        State::Paused { .. } => (Phase::Idle, None),
        State::Waiting { .. } => {
            let until = Timestamp::from_nanos(machine.wake);
            let (attempt, reason) = (machine.attempts, machine.wait_reason);
            (Phase::Reconnecting { attempt, until, reason }, None)
        }
        State::Dialing { endpoint, .. } => {
            (Phase::Connecting { attempt: machine.attempts }, Some(endpoint))
        }
        State::Held { link, .. } | State::Replacing { link, .. } | State::Draining { link, .. } => {
            (connected(link.since, link.proof), Some(link.endpoint))
        }
        State::GaveUp { reason, .. } => {
            (Phase::GaveUp { reason, attempts: machine.attempts }, None)
        }
    };
    let only = if endpoints.len() == 1 { endpoints.first() } else { None };
    let endpoint = used.map_or(only, |index| endpoints.get(usize::from(index)));
    let now = Timestamp::from_nanos(machine.now);
    let circuit = match endpoint {
        Some(endpoint) => endpoint.circuit(now),
        None => endpoints
            .iter()
            .filter(|endpoint| !endpoint.has(DUPLICATE))
            .min_by_key(|endpoint| endpoint.breaker.until)
            .filter(|_| used.is_none())
            .map_or(Circuit::Closed, |endpoint| endpoint.circuit(now)),
    };
    Status { phase, endpoint: endpoint.map(Endpoint::key), circuit, dials: machine.dials }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.phase, f)?;
        match self.circuit {
            Circuit::Closed => Ok(()),
            circuit => write!(f, ", circuit {circuit}"),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("idle"),
            Self::Connecting { attempt } => write!(f, "connecting (attempt {attempt})"),
            Self::Connected { since, stable: true } => write!(f, "connected since {since}"),
            Self::Connected { since, stable: false } => {
                write!(f, "connected since {since}, not yet stable")
            }
            Self::Reconnecting { attempt, until, reason } => {
                write!(f, "reconnecting at {until} ({reason}, after attempt {attempt})")
            }
            Self::Offline => f.write_str("offline"),
            Self::GaveUp { reason, attempts } => {
                write!(f, "gave up: {reason} after {}", Attempts(*attempts))
            }
        }
    }
}
