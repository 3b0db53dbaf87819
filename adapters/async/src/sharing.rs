//! What callers share of a connection: nothing, a clone, or whatever is taken from it.

/// Takes from each connection what callers get through
/// [`LinkHandle::connection`](crate::LinkHandle::connection).
pub trait Sharing<C> {
    /// What callers get.
    type Shared;

    /// Called once for each connection, before `serve`.
    fn share(&mut self, connection: &C) -> Self::Shared;

    /// The connection is no longer named. Callers may still hold what they got: this is the place to
    /// close it for good.
    fn close(&mut self, shared: Self::Shared) {
        drop(shared);
    }
}

/// Shares nothing: callers can wait for a connection, but only `serve` has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Private;

impl<C> Sharing<C> for Private {
    type Shared = ();

    fn share(&mut self, _: &C) {}
}

/// Shares what a function takes from the connection, often a clone of it.
#[derive(Clone, Copy, Debug)]
pub struct ShareBy<F>(pub(crate) F);

impl<C, H, F: FnMut(&C) -> H> Sharing<C> for ShareBy<F> {
    type Shared = H;

    fn share(&mut self, connection: &C) -> H {
        (self.0)(connection)
    }
}

/// As [`ShareBy`], and closes what was shared when its connection is no longer named.
#[derive(Clone, Copy, Debug)]
pub struct ShareClosing<F, G>(pub(crate) F, pub(crate) G);

impl<C, H, F: FnMut(&C) -> H, G: FnMut(H)> Sharing<C> for ShareClosing<F, G> {
    type Shared = H;

    fn share(&mut self, connection: &C) -> H {
        (self.0)(connection)
    }

    fn close(&mut self, shared: H) {
        (self.1)(shared);
    }
}
