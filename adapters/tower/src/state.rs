//! The state of a link in three words.

use std::fmt;

use redial::{Phase, Status};

/// What a [`Reconnect`](crate::Reconnect)'s link is doing; [`Status`] has more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Nobody has asked for a connection, or there is none to be had.
    Disconnected,
    /// There is a connection.
    Connected,
    /// Dialing, or waiting to dial.
    Reconnecting {
        /// Dials of this outage so far, the one in flight included.
        attempt: u32,
    },
}

impl From<&Status> for ConnectionState {
    fn from(status: &Status) -> Self {
        match status.phase {
            Phase::Connected { .. } => Self::Connected,
            Phase::Connecting { attempt } | Phase::Reconnecting { attempt, .. } => {
                Self::Reconnecting { attempt }
            }
            _ => Self::Disconnected,
        }
    }
}

impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected => f.write_str("disconnected"),
            Self::Connected => f.write_str("connected"),
            Self::Reconnecting { attempt } => write!(f, "reconnecting (attempt {attempt})"),
        }
    }
}
