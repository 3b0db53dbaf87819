//! What the processes that are killed, and those who count their dials, agree on.

use std::time::Duration;

use redial::{Action, Backoff, Event, Failure, FirstRetry, Jitter, Policy, Reconnector, Timestamp};

/// 50 ms ×2 → 1 s, and at most 5 dials at once, then 5 a second.
pub const POLICY: Policy = match Policy::builder()
    .backoff(Backoff::exponential(Duration::from_millis(50), 2, 1))
    .cap(Duration::from_secs(1))
    .jitter(Jitter::None)
    .first_retry(FirstRetry::Immediate)
    .rate_limit(5, Duration::from_millis(200))
    .build()
{
    Ok(policy) => policy,
    Err(_) => panic!("a valid policy"),
};

/// The seed of every life: it is the same link.
pub const SEED: u64 = 42;

/// Dials in a `window` that one process would make, if it lived and each ended at once.
pub fn dials_of_one_life(window: Duration) -> usize {
    let mut link = Reconnector::new(&POLICY, SEED);
    let (mut now, mut dials) = (Timestamp::ORIGIN, 0);
    let mut action = link.handle(now, Event::Start);
    while now < Timestamp::from_origin(window) {
        action = match action {
            Action::Dial(dial) => {
                dials += 1;
                link.handle(now, Event::DialFailed(dial.id, Failure::Unreachable))
            }
            other => {
                now = other.wake();
                link.handle(now, Event::Tick)
            }
        };
    }
    dials
}
