//! What the loop needs of an async runtime: a clock, and a sleep on that clock.

use std::pin::Pin;

use redial::Timestamp;

/// A clock and a sleep on that clock. Nothing is spawned through it.
///
/// Whether the clock runs while the machine is suspended is the runtime's choice, and the reconnector
/// copes with both: a wake that came hours ago leads to one dial.
pub trait Runtime {
    /// Ends when its time has come.
    type Sleep: Future<Output = ()>;

    /// The time since an origin of the runtime's own choice. Should not go backwards.
    fn now(&self) -> Timestamp;

    /// Ends at `at` or later, never earlier: round up. It ends at once if `at` has come, however long
    /// ago: after a suspend, or a `connect` that blocked.
    fn sleep_until(&self, at: Timestamp) -> Self::Sleep;

    /// Makes `sleep`, whether or not it has ended, one that ends at `at`, as
    /// [`sleep_until`](Self::sleep_until) would. For runtimes that can do it for
    /// less than a new sleep costs.
    fn reset(&self, mut sleep: Pin<&mut Self::Sleep>, at: Timestamp) {
        sleep.set(self.sleep_until(at));
    }
}

impl<R: Runtime + ?Sized> Runtime for &R {
    type Sleep = R::Sleep;

    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn sleep_until(&self, at: Timestamp) -> Self::Sleep {
        (**self).sleep_until(at)
    }

    fn reset(&self, sleep: Pin<&mut Self::Sleep>, at: Timestamp) {
        (**self).reset(sleep, at);
    }
}
