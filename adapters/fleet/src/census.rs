//! Who is in a fleet, and what they do.

use core::fmt;

use redial::Dial;

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

/// [`Phase`](redial::Phase) without its data, and whether a connection is being replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Idle,
    Connecting,
    Connected,
    /// Connected, and dialing.
    Replacing,
    Reconnecting,
    Offline,
    GaveUp,
}

impl Kind {
    #[inline]
    pub(crate) fn dialing(dial: &Dial) -> Self {
        if dial.serving.is_none() { Self::Connecting } else { Self::Replacing }
    }

    /// Whether it dials, waits to, or is connected.
    pub(crate) fn runs(self) -> bool {
        !matches!(self, Self::Idle | Self::Offline | Self::GaveUp)
    }

    /// Whether a link is to be named that is of this kind now, since its wake has come.
    #[inline]
    pub(crate) fn is_news_after(self, before: Self) -> bool {
        match self {
            Self::Connecting | Self::Connected | Self::Replacing => true,
            Self::Idle | Self::Reconnecting | Self::Offline | Self::GaveUp => self != before,
        }
    }
}

/// [`Counts`] in the making: a number for each kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    links: [u32; 7],
}

impl Tally {
    #[inline]
    pub(crate) fn enter(&mut self, kind: Kind) {
        self.links[kind as usize] += 1;
    }

    #[inline]
    pub(crate) fn leave(&mut self, kind: Kind) {
        self.links[kind as usize] -= 1;
    }

    /// Dials in flight.
    pub(crate) fn dialing(&self) -> u32 {
        self.links[Kind::Connecting as usize] + self.links[Kind::Replacing as usize]
    }

    /// All but those that queue.
    pub(crate) fn counts(&self) -> Counts {
        let [idle, connecting, connected, replacing, reconnecting, offline, gave_up] = self.links;
        Counts {
            idle,
            connecting,
            connected: connected + replacing,
            reconnecting,
            offline,
            gave_up,
            dialing: connecting + replacing,
            queued: 0,
        }
    }
}
