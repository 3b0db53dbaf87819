//! tokio's clock and sleep.

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
        // A time that the clock cannot express is never reached; looking again in a day does no harm.
        let day = std::time::Duration::from_secs(86_400);
        let at = self.origin.checked_add(at.since_origin());
        sleep_until(at.unwrap_or_else(|| Instant::now() + day))
    }
}
