//! Who is in a fleet, and what they do.

use core::fmt;

/// Names one link of a fleet; never reused, so what is late for a removed link reaches no other one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl Key {
    /// The link's place, which is reused after it is removed: for tables of the caller's own.
    pub const fn index(self) -> usize {
        self.index as usize
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// How many links are in which [`Phase`](redial::Phase).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Not started, stopped, or without an endpoint.
    pub idle: u32,
    /// Dialing, with no connection.
    pub connecting: u32,
    /// Connected.
    pub connected: u32,
    /// Waiting to dial, for whatever reason.
    pub reconnecting: u32,
    /// Told that the network is gone, and not connected.
    pub offline: u32,
    /// Over, until `Start`.
    pub gave_up: u32,
    /// Dials in flight, those that are to replace a connection included.
    pub dialing: u32,
    /// Of those reconnecting, or connected and to be replaced, how many wait for the fleet's limits.
    pub queued: u32,
}

/// [`Phase`](redial::Phase) without its data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Idle,
    Connecting,
    Connected,
    Reconnecting,
    Offline,
    GaveUp,
}

impl Counts {
    pub(crate) fn of(&mut self, kind: Kind) -> &mut u32 {
        match kind {
            Kind::Idle => &mut self.idle,
            Kind::Connecting => &mut self.connecting,
            Kind::Connected => &mut self.connected,
            Kind::Reconnecting => &mut self.reconnecting,
            Kind::Offline => &mut self.offline,
            Kind::GaveUp => &mut self.gave_up,
        }
    }
}
