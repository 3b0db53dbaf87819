//! One transition, for logs and metrics.

use std::borrow::Borrow;
use std::fmt;

use redial::{
    Action, Endpoint, EndpointSnapshot, Failure, Policy, Reconnector, Snapshot, Status, Timestamp,
};

/// A change of what the link is doing. Watches are level-triggered and may skip; an observer sees each.
#[derive(Debug)]
#[non_exhaustive]
pub struct Transition<'a, E> {
    /// When it happened, on the runtime's clock.
    pub at: Timestamp,
    /// What the link was doing.
    pub from: Status,
    /// What should have existed.
    pub before: Action,
    /// What it does now.
    pub to: Status,
    /// What should exist now.
    pub action: Action,
    /// Why a dial or connection ended, if that is what happened.
    pub failure: Option<Failure>,
    /// The error itself; `None` if a deadline cut the dial or connection off.
    pub error: Option<&'a E>,
    /// All endpoints with their health.
    pub endpoints: &'a [Endpoint],
    pub(crate) source: Source<'a>,
}

/// Where snapshots come from.
pub(crate) struct Source<'a>(pub(crate) &'a dyn Snapshots);

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

/// A reconnector, as far as it can be saved.
pub(crate) trait Snapshots {
    fn snapshot(&self) -> Snapshot;
    fn endpoint_snapshots(&self) -> Vec<EndpointSnapshot>;
}

impl<P, S> Snapshots for Reconnector<P, S>
where
    P: Borrow<Policy>,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
{
    fn snapshot(&self) -> Snapshot {
        self.snapshot()
    }

    fn endpoint_snapshots(&self) -> Vec<EndpointSnapshot> {
        self.endpoint_snapshots().collect()
    }
}

impl<E> Transition<'_, E> {
    /// What must outlive the process, after this transition: a process that crashes because it connects
    /// must not forget that it did. Save it now, before anything is dialed.
    pub fn snapshot(&self) -> Snapshot {
        self.source.0.snapshot()
    }

    /// The same for each endpoint.
    pub fn endpoint_snapshots(&self) -> Vec<EndpointSnapshot> {
        self.source.0.endpoint_snapshots()
    }
}

/// Sees every transition, in order, from inside the loop: must not block.
pub trait Observe<E> {
    /// Called after each change.
    fn observe(&mut self, transition: &Transition<'_, E>);
}

/// Observes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl<E> Observe<E> for Silent {
    fn observe(&mut self, _: &Transition<'_, E>) {}
}

impl<E, F: FnMut(&Transition<'_, E>)> Observe<E> for F {
    fn observe(&mut self, transition: &Transition<'_, E>) {
        self(transition);
    }
}
