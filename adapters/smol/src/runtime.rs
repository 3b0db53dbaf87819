//! smol's clock and sleep.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use async_io::Timer;
use redial_async::Runtime;
use redial_async::redial::Timestamp;

/// The system's monotonic clock, counted from when this was made, and timers of async-io's reactor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SmolRuntime {
    origin: Instant,
}

impl SmolRuntime {
    /// A clock that begins now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SmolRuntime {
    fn default() -> Self {
        Self::new()
    }
}

impl Runtime for SmolRuntime {
    type Sleep = Sleep;

    fn now(&self) -> Timestamp {
        Timestamp::from_origin(self.origin.elapsed())
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        // A time that the clock cannot express is never reached.
        Sleep(self.origin.checked_add(at.since_origin()).map_or_else(Timer::never, Timer::at))
    }

    fn reset(&self, mut sleep: Pin<&mut Sleep>, at: Timestamp) {
        match self.origin.checked_add(at.since_origin()) {
            Some(at) => sleep.0.set_at(at),
            None => sleep.0 = Timer::never(),
        }
    }
}

/// A sleep on smol's clock.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep(Timer);

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(drop)
    }
}
