//! Links at each stage of a handover.

use std::time::Duration;

use redial::{
    Action, Dial, DialId, Endpoint, Event, FirstRetry, Jitter, Policy, PolicyBuilder, Reconnector,
    Timestamp,
};

pub(crate) type Link = Reconnector<Policy, Vec<Endpoint>>;

pub(crate) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_origin(s(seconds))
}

pub(crate) fn plain() -> PolicyBuilder {
    let wide = Duration::from_nanos(1);
    Policy::builder().jitter(Jitter::None).first_retry(FirstRetry::Immediate).rate_limit(1000, wide)
}

pub(crate) fn link(policy: PolicyBuilder, keys: &[u32]) -> Link {
    let endpoints = keys.iter().copied().map(Endpoint::new).collect();
    Reconnector::with_endpoints(policy.build().unwrap(), 1, endpoints)
}

/// Connected at 0, stable at 10 s.
pub(crate) fn connected(policy: PolicyBuilder, keys: &[u32]) -> (Link, DialId) {
    let mut link = link(policy, keys);
    let id = link.handle(at(0), Event::Start).dial().unwrap().id;
    link.handle(at(0), Event::Connected(id));
    (link, id)
}

/// In the middle of a handover that began at 100 s.
pub(crate) fn replacing(policy: PolicyBuilder, keys: &[u32]) -> (Link, DialId, Dial) {
    let (mut link, old) = connected(policy, keys);
    let dial = link.handle(at(100), Event::Redial).dial().unwrap();
    assert_eq!(dial.serving, Some(old));
    (link, old, dial)
}

/// The new connection is up at 101 s, the old one drains.
pub(crate) fn draining(policy: PolicyBuilder, keys: &[u32]) -> (Link, DialId, DialId) {
    let (mut link, old, dial) = replacing(policy, keys);
    let action = link.handle(at(101), Event::Connected(dial.id));
    assert_eq!(action.held(), Some(dial.id));
    assert_eq!(action.draining().unwrap().id, old);
    (link, old, dial.id)
}

/// The dial of this action, or of its wake.
pub(crate) fn next_dial(link: &mut Link, action: Action) -> Dial {
    let dial = action.dial().or_else(|| link.handle(action.wake(), Event::Tick).dial());
    dial.unwrap_or_else(|| panic!("{action}"))
}
