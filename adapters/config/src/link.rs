//! A link with all of its endpoints, as it is saved.

use std::borrow::Borrow;
use std::time::Duration;

use redial::{Endpoint, EndpointSnapshot, Policy, Reconnector, Snapshot, Timestamp};
use serde::{Deserialize, Serialize};

/// A link and its endpoints in one serde form, for files; see [`snapshot`](crate::snapshot). A key that is
/// not known is an error: what is restored must be all that was saved.
///
/// ```
/// use std::time::Duration;
/// use redial::{Endpoint, Event, Policy, Reconnector, Timestamp};
/// use redial_config::LinkSnapshot;
///
/// let endpoints = || [0, 1].map(Endpoint::new);
/// let mut link = Reconnector::with_endpoints(Policy::DEFAULT, 1, endpoints());
/// link.handle(Timestamp::ORIGIN, Event::Start);
/// let text = toml::to_string(&LinkSnapshot::from(&link)).unwrap();
///
/// // The next process, 20 s later by the file's time of modification.
/// let saved: LinkSnapshot = toml::from_str(&text).unwrap();
/// let (away, now) = (Duration::from_secs(20), Timestamp::ORIGIN);
/// let link = saved.restore(Policy::DEFAULT, 2, endpoints(), away, now);
/// assert_eq!(link.endpoints()[0].failures(), 1, "its dial was in flight");
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LinkSnapshot {
    /// The link itself.
    #[serde(with = "crate::snapshot")]
    pub link: Snapshot,
    /// What is known of each endpoint, by its key.
    #[serde(with = "crate::snapshot::endpoints")]
    pub endpoints: Vec<EndpointSnapshot>,
}

impl LinkSnapshot {
    /// Of its parts, as an observer of a link gets them.
    pub const fn new(link: Snapshot, endpoints: Vec<EndpointSnapshot>) -> Self {
        Self { link, endpoints }
    }

    /// [`Reconnector::restore_with_endpoints`]: the link as it was `away` ago.
    pub fn restore<P, S>(
        &self,
        policy: P,
        seed: u64,
        endpoints: S,
        away: Duration,
        now: Timestamp,
    ) -> Reconnector<P, S>
    where
        P: Borrow<Policy>,
        S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
    {
        let Self { link, endpoints: health } = self;
        Reconnector::restore_with_endpoints(policy, seed, endpoints, link, health, away, now)
    }
}

impl<P, S> From<&Reconnector<P, S>> for LinkSnapshot
where
    P: Borrow<Policy>,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
{
    fn from(link: &Reconnector<P, S>) -> Self {
        Self::new(link.snapshot(), link.endpoint_snapshots().collect())
    }
}
