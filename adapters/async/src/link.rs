//! A link that belongs to someone: dropping it ends it.

use std::fmt;
use std::ops::Deref;

use crate::handle::LinkHandle;

/// Owns a link whose future was spawned: dropping it aborts the link, at its next poll. Dereferences to
/// its [`LinkHandle`].
#[must_use = "dropping a link aborts it"]
pub struct Link<H = (), E = std::io::Error> {
    handle: LinkHandle<H, E>,
    owned: bool,
}

impl<H, E> Link<H, E> {
    pub(crate) fn new(handle: LinkHandle<H, E>) -> Self {
        Self { handle, owned: true }
    }

    /// A handle for someone else.
    pub fn handle(&self) -> LinkHandle<H, E> {
        self.handle.clone()
    }

    /// Lets the link live on without an owner: until it is stopped or gives up, and nobody has a handle
    /// to start it again.
    pub fn detach(mut self) {
        self.owned = false;
    }
}

impl<H, E> Deref for Link<H, E> {
    type Target = LinkHandle<H, E>;

    fn deref(&self) -> &LinkHandle<H, E> {
        &self.handle
    }
}

impl<H, E> Drop for Link<H, E> {
    fn drop(&mut self) {
        if self.owned {
            self.handle.abort();
        }
    }
}

impl<H, E> fmt::Debug for Link<H, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("status", &self.status()).finish_non_exhaustive()
    }
}
