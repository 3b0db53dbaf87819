//! tokio's clock and sleep.

use std::pin::Pin;
use std::time::Duration;

use redial_async::Runtime;
use redial_async::redial::Timestamp;
use tokio::time::{Instant, Sleep, sleep_until};

/// tokio's clock, counted from when this was made. Follows a paused clock (`start_paused`), so tests run
/// in simulated time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokioRuntime {
    origin: Instant,
}

impl TokioRuntime {
    /// A clock that begins now.
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }

    /// A time that the clock cannot express is never reached; looking again in a day does no harm.
    fn instant(&self, at: Timestamp) -> Instant {
        let day = Duration::from_secs(86_400);
        self.origin.checked_add(at.since_origin()).unwrap_or_else(|| Instant::now() + day)
    }
}

impl Default for TokioRuntime {
    fn default() -> Self {
        Self::new()
    }
}

impl Runtime for TokioRuntime {
    type Sleep = Sleep;

    fn now(&self) -> Timestamp {
        Timestamp::from_origin(self.origin.elapsed())
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        sleep_until(self.instant(at))
    }

    fn reset(&self, sleep: Pin<&mut Sleep>, at: Timestamp) {
        sleep.reset(self.instant(at));
    }
}
