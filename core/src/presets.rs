//! Presets: the schedules of the systems people come from, verbatim.
//!
//! Each waits as its original does, so overload is ignored and there is no jitter where the
//! original has none, but is bounded as everything here is: by the rate limit, which is wide enough
//! never to delay the schedule, and by `stable_after`, so that none of them is the hot loop that
//! some of the originals are against a server that accepts and closes. For a fleet,
//! [`Policy::DEFAULT`] is the better choice.
//!
//! Each gives the instants of its first dials from `Start` on against a server that refuses at
//! once. To change one thing, go through [`Policy::to_builder`]:
//!
//! ```
//! use core::time::Duration;
//! use redial::{Jitter, presets};
//!
//! let policy = presets::moq().to_builder().jitter(Jitter::Equal).build()?;
//! # Ok::<(), redial::PolicyError>(())
//! ```

use core::time::Duration;

use crate::backoff::{After, Backoff};
use crate::builder::PolicyBuilder;
use crate::jitter::Jitter;
use crate::overload::Overload;
use crate::policy::{FirstRetry, Policy};
use crate::rule::BreakerPolicy;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// What all presets share: the schedule is kept whatever the failure, without jitter.
const fn verbatim(backoff: Backoff, cap: Duration) -> PolicyBuilder {
    Policy::builder()
        .backoff(backoff)
        .cap(cap)
        .jitter(Jitter::None)
        .overload(Overload::Ignore)
        .first_retry(FirstRetry::Immediate)
        .rate_limit(10, secs(1))
}

const fn built(builder: PolicyBuilder) -> Policy {
    match builder.build() {
        Ok(policy) => policy,
        // Not reached: every preset is built by a test. The default needs no proof.
        Err(_) => Policy::DEFAULT,
    }
}

/// `tower_resilience_reconnect`'s defaults: 100 ms × 2 to 5 s, for ever.
///
/// Dials at 0, 100, 300, 700, 1500, 3100, 6300, 11300, 16300, 21300, 26300, 31300 ms, ….
pub const fn tower() -> Policy {
    built(verbatim(Backoff::exponential(ms(100), 2, 1), secs(5)))
}

/// moq-native's `Reconnect`: 1 s × 2 to 30 s, for five minutes.
///
/// Dials at 0, 1, 3, 7, 15, 31, 61, 91, 121, 151, 181, 211, 241, 271 s; gives up at 271 s, since
/// the next would be at 301 s.
pub const fn moq() -> Policy {
    built(verbatim(Backoff::exponential(secs(1), 2, 1), secs(30)).max_elapsed(secs(300)))
}

/// ferogram's `ConnectionRestartPolicy::Never`: the first failure, or the drop, is the end.
///
/// Dials at 0.
pub const fn never() -> Policy {
    built(verbatim(Backoff::Never, secs(1)))
}

/// ferogram's fixed interval, measured from the drop; 1, 5 and 30 s are typical.
///
/// Dials at 0, `delay`, 2 × `delay`, …. The rate limit follows the delay; below a millisecond it is
/// 10 dials and then one per millisecond.
pub const fn fixed(delay: Duration) -> Policy {
    let spacing = if delay.as_nanos() < 1_000_000 { ms(1) } else { delay };
    let fixed = verbatim(Backoff::fixed(delay), delay);
    built(fixed.first_retry(FirstRetry::Backoff).rate_limit(10, spacing))
}

/// The trading client of "Day 207: Reconnect": 100 ms × 2 to 30 s, ten tries.
///
/// Dials at 0, 100, 300, 700, 1500, 3100, 6300, 12700, 25500, 51100 ms, then gives up.
pub const fn day207() -> Policy {
    built(verbatim(Backoff::exponential(ms(100), 2, 1), secs(30)).max_attempts(10))
}

/// Its price feed: 500 ms × 2 to 30 s, five tries.
///
/// Dials at 0, 500, 1500, 3500, 7500 ms, then gives up.
pub const fn day207_feed() -> Policy {
    built(verbatim(Backoff::exponential(ms(500), 2, 1), secs(30)).max_attempts(5))
}

/// One of its several exchanges: the same with a circuit breaker, three failures, 10 s open.
///
/// Dials at 0, 100, 300, 10300, 20300, 30300, 40300, 50300, 63100, 88700 ms, then gives up. After
/// the third the circuit is open, so each dial is a probe.
pub const fn day207_multi() -> Policy {
    let breaker = BreakerPolicy::consecutive(3).open_for(secs(10)).open_max(secs(10));
    built(verbatim(Backoff::exponential(ms(100), 2, 1), secs(30)).max_attempts(10).breaker(breaker))
}

/// tourniquet's failover over `providers` endpoints: each once without a pause, then it gives up.
/// Use it with [`with_endpoints`](crate::Reconnector::with_endpoints).
///
/// Dials at 0, 0, …, `providers` times (1 if that is zero).
pub const fn tourniquet(providers: u32) -> Policy {
    let dials = if providers == 0 { 1 } else { providers };
    let policy = verbatim(Backoff::fixed(Duration::ZERO), secs(1));
    let burst = if dials > 10 { dials } else { 10 };
    built(policy.max_attempts(dials).rate_limit(burst, secs(1)))
}

/// gRPC's connection backoff (`connection-backoff.md`): 1 s × 1.6 to 120 s, ± 20 %, dial deadline
/// 20 s.
///
/// Jitter only shortens here, so it reads 1.2 s × 1.6 to 144 s, less up to 33 %. Waits are [0.804,
/// 1.2], [1.286, 1.92], [2.058, 3.072], [3.293, 4.916], [5.269, 7.865], [8.43, 12.583], [13.488,
/// 20.133], [21.582, 32.213], [34.531, 51.54], [55.25, 82.464], [88.4, 131.942], [96.48, 144] s and
/// so on.
pub const fn grpc() -> Policy {
    built(
        verbatim(Backoff::exponential(ms(1200), 8, 5), secs(144))
            .jitter(Jitter::Proportional(33))
            .dial_timeout(secs(20)),
    )
}

/// nats.go: 2 s and up to 100 ms more, 60 tries.
///
/// Each wait is in [2, 2.1] s; gives up with the 60th failure.
pub const fn nats() -> Policy {
    built(
        verbatim(Backoff::fixed(ms(2100)), ms(2100))
            .floor(secs(2))
            .jitter(Jitter::Full)
            .max_attempts(60)
            .dial_timeout(secs(2)),
    )
}

const PHOENIX: [Duration; 10] =
    [ms(10), ms(50), ms(100), ms(150), ms(200), ms(250), ms(500), ms(1000), ms(2000), ms(5000)];

/// Phoenix's JavaScript socket: a table, then every 5 s.
///
/// Dials at 0, 10, 60, 160, 310, 510, 760, 1260, 2260, 4260, 9260, 14260 ms, ….
pub const fn phoenix() -> Policy {
    let policy = verbatim(Backoff::table(&PHOENIX, After::Last), secs(5));
    built(policy.first_retry(FirstRetry::Backoff))
}

const SIGNALR: [Duration; 4] = [ms(0), ms(2000), ms(10_000), ms(30_000)];

/// `SignalR`'s automatic reconnect: after 0, 2, 10 and 30 s, then it stops.
///
/// Dials at 0, 0, 2, 12, 42 s, then gives up. The original does not cover the first connect; here
/// it is the same path.
pub const fn signalr() -> Policy {
    let policy = verbatim(Backoff::table(&SIGNALR, After::Stop), secs(30));
    built(policy.first_retry(FirstRetry::Backoff))
}

/// `reconnecting-websocket`: 1 to 5 s, drawn once, × 1.3 to 10 s; up for 5 s resets; dial deadline
/// 4 s.
///
/// Waits are [1, 5], [1.3, 6.5], [1.69, 8.45], [2, 10] s, and the last for ever.
pub const fn reconnecting_websocket() -> Policy {
    built(
        verbatim(Backoff::exponential(secs(5), 13, 10), secs(10))
            .jitter(Jitter::Phase(80))
            .first_retry(FirstRetry::Backoff)
            .stable_after(secs(5))
            .dial_timeout(secs(4)),
    )
}

/// `socket.io-client`: 1 s × 2 to 5 s, ± 50 %; dial deadline 20 s.
///
/// Jitter only shortens here, so it reads 1.5 s × 2 to 5 s, less up to 67 %. Waits are [0.495, 1.5],
/// [0.99, 3], [1.65, 5] s, and the last for ever.
pub const fn socket_io() -> Policy {
    built(
        verbatim(Backoff::exponential(ms(1500), 2, 1), secs(5))
            .jitter(Jitter::Proportional(67))
            .first_retry(FirstRetry::Backoff)
            .dial_timeout(secs(20)),
    )
}

/// systemd's defaults for `Restart=always`: every 100 ms, five starts (`StartLimitBurst=5`).
///
/// Dials at 0, 100, 200, 300, 400 ms, then gives up.
pub const fn systemd() -> Policy {
    built(
        verbatim(Backoff::fixed(ms(100)), ms(100)).first_retry(FirstRetry::Backoff).max_attempts(5),
    )
}
