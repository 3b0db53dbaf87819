//! One transition, for logs and metrics.

use redial::{Action, Endpoint, Failure, Status, Timestamp};

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
