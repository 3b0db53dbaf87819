//! Which errors of a request show that its connection is broken.

/// Tells by kind, never by text.
pub trait BreaksConnection<E> {
    /// Whether the connection is broken.
    fn breaks(&self, error: &E) -> bool;
}

/// Every error does. The default.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EveryError;

impl<E> BreaksConnection<E> for EveryError {
    fn breaks(&self, _: &E) -> bool {
        true
    }
}

/// Those do for which the function says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BrokenIf<F>(pub F);

impl<E, F: Fn(&E) -> bool> BreaksConnection<E> for BrokenIf<F> {
    fn breaks(&self, error: &E) -> bool {
        (self.0)(error)
    }
}
