//! Policies without jitter, and sockets that are counted.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redial_tokio::redial::{Backoff, FirstRetry, Jitter, Overload, Policy, PolicyBuilder};

pub(crate) const MS: fn(u64) -> Duration = Duration::from_millis;

/// 100 ms ×2 → 30 s, exact.
pub(crate) fn exact() -> PolicyBuilder {
    Policy::builder()
        .backoff(Backoff::exponential(MS(100), 2, 1))
        .cap(MS(30_000))
        .jitter(Jitter::None)
        .first_retry(FirstRetry::Immediate)
        .overload(Overload::Ignore)
}

pub(crate) fn refused() -> io::Error {
    io::ErrorKind::ConnectionRefused.into()
}

/// Counts itself while it exists: a socket, as far as a leak is concerned.
pub(crate) struct Socket(Arc<AtomicUsize>);

impl Socket {
    pub(crate) fn open(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
