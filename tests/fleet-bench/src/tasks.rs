//! The work, done by a tokio task per link, with backon.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use crate::World;
use crate::links::UP;

static EVENTS: AtomicU64 = AtomicU64::new(0);

/// The shortest that the fleet's policy has.
const DEADLINE: Duration = Duration::from_secs(10);

/// A linear congruential generator, the same for both sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws(pub(crate) u64);

impl Draws {
    /// Its upper half is random.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0
    }

    pub(crate) fn one_in_eight(&mut self) -> bool {
        self.next() >> 61 == 0
    }
}

pub(crate) struct Tasks(Runtime, Instant);

async fn link(seed: u64) {
    let mut draws = Draws(seed);
    sleep(Duration::from_millis((draws.next() >> 32) % 30_000)).await;
    let backoff = ExponentialBuilder::new()
        // Its jitter adds up to the whole delay: between these and twice as much, as the fleet's waits.
        .with_min_delay(Duration::from_millis(50))
        .with_factor(2.0)
        .with_max_delay(Duration::from_secs(15))
        .with_jitter()
        .without_max_times();
    loop {
        // Every dial has a deadline, and takes one turn of the loop.
        let dial = || {
            let up = draws.one_in_eight();
            async move {
                let answered = timeout(DEADLINE, yield_now()).await.is_ok();
                EVENTS.fetch_add(1, Ordering::Relaxed);
                if answered && up { Ok(()) } else { Err(()) }
            }
        };
        if dial.retry(backoff).sleep(sleep).await.is_ok() {
            sleep(UP).await;
            EVENTS.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl World for Tasks {
    fn new(links: u32) -> Self {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let Ok(runtime) = runtime else { panic!("no runtime") };
        for seed in 0..u64::from(links) {
            runtime.spawn(link(seed));
        }
        let begin = runtime.block_on(async { Instant::now() });
        Self(runtime, begin)
    }

    fn elapsed(&self) -> Duration {
        self.0.block_on(async { self.1.elapsed() })
    }

    fn run(&mut self, events: u64) -> u64 {
        let before = EVENTS.load(Ordering::Relaxed);
        self.0.block_on(async {
            while EVENTS.load(Ordering::Relaxed) < before + events {
                sleep(Duration::from_millis(10)).await;
            }
        });
        EVENTS.load(Ordering::Relaxed) - before
    }
}
