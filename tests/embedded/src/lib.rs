//! A link on embassy: no `std`, no allocator, the policy in flash.
//!
//! The same source builds for a microcontroller and runs on the host, where
//! `examples/embedded.rs` gives it a radio that fails by script.
#![no_std]
#![forbid(unsafe_code)]

use embassy_futures::select::{Either, select};
use embassy_time::{Instant, Timer};
use redial::{
    Action, Backoff, Event, Failure, GiveUp, Jitter, Policy, Reconnector, Status, Timestamp,
};

/// Checked when it is compiled: a policy that contradicts itself does not build.
pub static POLICY: Policy = match Policy::builder()
    .backoff(Backoff::exponential(core::time::Duration::from_millis(200), 2, 1))
    .cap(core::time::Duration::from_secs(2))
    .jitter(Jitter::Equal)
    .dial_timeout(core::time::Duration::from_secs(1))
    .stable_after(core::time::Duration::from_secs(1))
    .max_attempts(6)
    .build()
{
    Ok(policy) => policy,
    Err(_) => panic!("the policy contradicts itself"),
};

/// A modem, a radio, a socket: whatever connects.
#[expect(async_fn_in_trait, reason = "one task on one core: nothing has to be Send")]
pub trait Radio {
    /// Connects; dropped at the dial's deadline.
    async fn connect(&mut self) -> Result<(), Failure>;

    /// Until the connection ends. May be dropped and called again for the same connection.
    async fn serve(&mut self) -> Failure;
}

fn now() -> Timestamp {
    Timestamp::from_nanos(Instant::now().as_micros().saturating_mul(1000))
}

/// Rounded up, so that a tick is never early.
async fn sleep_until(at: Timestamp) {
    if at == Timestamp::MAX {
        core::future::pending::<()>().await;
    }
    Timer::at(Instant::from_micros(at.as_nanos().div_ceil(1000))).await;
}

/// Keeps the link up until it gives up. `told` is called after each change.
pub async fn keep_up(seed: u64, radio: &mut impl Radio, mut told: impl FnMut(Status)) -> GiveUp {
    let mut link = Reconnector::new(&POLICY, seed);
    let mut action = link.handle(now(), Event::Start);
    loop {
        told(link.status());
        let wake = sleep_until(action.wake());
        let event = match action {
            Action::Dial(dial) => match select(radio.connect(), wake).await {
                Either::First(Ok(())) => Event::Connected(dial.id),
                Either::First(Err(failure)) => Event::DialFailed(dial.id, failure),
                Either::Second(()) => Event::Tick,
            },
            // A tick only makes it stable: it goes on to be served.
            Action::Hold(hold) => match select(radio.serve(), wake).await {
                Either::First(failure) => Event::Closed(hold.id, failure),
                Either::Second(()) => Event::Tick,
            },
            Action::SleepUntil(_) | Action::Idle => {
                wake.await;
                Event::Tick
            }
            Action::GiveUp(end) => return end,
        };
        action = link.handle(now(), event);
    }
}
