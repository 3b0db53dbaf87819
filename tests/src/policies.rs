//! Random policies: every option of the builder, small and large, all of them valid.

use std::time::Duration;

use redial::{
    After, Backoff, BreakerPolicy, FirstRetry, Growth, Jitter, Overload, Policy, Refresh,
    Selection, Trip,
};

use crate::bytes::{Bytes, positive, span};

/// Bytes of a policy; fewer are read as if zeros followed.
pub const POLICY_BYTES: usize = 48;

const SHORT: &[Duration] =
    &[Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5)];
const LONG: &[Duration] = &[Duration::from_secs(60); 20];

/// The policy that these bytes mean; every value means a valid one, and zeros the default.
///
/// # Panics
/// If a policy that keeps every rule does not build.
pub fn policy(bytes: &mut Bytes<'_>) -> Policy {
    let mut builder = Policy::builder();
    // Three bytes of every option: whether it is set, and two to set it with.
    let mut option = || {
        let [on, a, b] = bytes.array();
        (on > 127).then_some((on, a, b))
    };
    let mut pace = [Duration::ZERO, Duration::from_millis(750), Duration::from_secs(45)];
    if let Some((_, a, b)) = option() {
        pace = [span(a / 3), span(a), span(b)];
        pace.sort();
        builder = builder.floor(pace[0]).cap(pace[2]);
    }
    let initial = pace[1];
    let backoff = match option() {
        None => Backoff::exponential(initial, 3, 2),
        Some((on, a, b)) => match on % 9 {
            0 => Backoff::Fixed(initial),
            1 => Backoff::linear(initial, span(a)),
            2 => Backoff::exponential(initial, u32::from(a) + u32::from(b) + 1, u32::from(b) + 1),
            3 => Backoff::exponential_f64(initial, 1.0 + f64::from(a) / 32.0),
            4 => Backoff::exponential(initial, u32::MAX, 1 + u32::from(a)),
            5 if a < 16 => Backoff::Never,
            5 => Backoff::Custom(|failures| Some(failures.previous * 1618 / 1000)),
            6 => Backoff::Custom(|failures| {
                (failures.count < 9).then(|| Duration::from_nanos(failures.draw >> 24))
            }),
            table => {
                let delays = if b < 128 { SHORT } else { LONG };
                builder = builder.floor(pace[0].min(delays[0])).cap(pace[2].max(delays[0]));
                Backoff::table(delays, if table == 7 { After::Last } else { After::Stop })
            }
        },
    };
    builder = builder.backoff(backoff);
    if let Some((on, a, _)) = option() {
        let percent = a % 101;
        builder = builder.jitter(match on % 5 {
            0 => Jitter::None,
            1 => Jitter::Full,
            2 => Jitter::Equal,
            3 => Jitter::Proportional(percent),
            _ => Jitter::Phase(percent),
        });
    }
    if let Some((on, a, b)) = option() {
        builder = builder.first_retry(match on % 3 {
            0 => FirstRetry::Immediate,
            1 => FirstRetry::Jittered(span(a)),
            _ => FirstRetry::Backoff,
        });
        builder = builder.startup_splay(span(b));
    }
    let mut stable_after = Duration::from_secs(10);
    if let Some((_, a, b)) = option() {
        stable_after = positive(a);
        builder = builder.stable_after(stable_after).drain_timeout(positive(b));
    }
    if let Some((on, a, b)) = option() {
        let mut timeouts = [positive(a), positive(b)];
        timeouts.sort();
        let [timeout, max] = timeouts;
        builder = if on & 1 == 0 {
            builder.dial_timeout(timeout).dial_timeout_max(max)
        } else {
            builder.handshake_timeout(timeout).handshake_timeout_max(max)
        };
    }
    if let Some((on, a, b)) = option() {
        let [floor, cap] = [positive(a), positive(b)];
        builder = builder.overload(match on % 4 {
            0 => Overload::Ignore,
            _ => Overload::Jump {
                floor: floor.min(cap),
                growth: Growth::ratio(u32::from(on), 128),
                cap: floor.max(cap),
            },
        });
    }
    if let Some((_, a, _)) = option() {
        builder = builder.max_attempts(1 + u32::from(a % 16));
    }
    if let Some((on, a, b)) = option() {
        builder = if on & 1 == 0 {
            builder.max_rounds(1 + u32::from(a % 8))
        } else {
            builder.max_elapsed(positive(b))
        };
    }
    if let Some((_, a, b)) = option() {
        builder = builder.rate_limit(1 + u32::from(a), positive(b));
    }
    if let Some((on, a, _)) = option() {
        builder = builder.max_hint(positive(a)).give_up_on_long_hint(on & 1 == 1);
    }
    let mut open = [Duration::from_secs(10), Duration::from_secs(300)];
    if let Some((on, a, b)) = option() {
        let last = 1 + a % 64;
        let trip = match on % 2 {
            0 => Trip::Consecutive(1 + u32::from(a % 8)),
            _ => Trip::Rate { last, min: 1 + b % last, percent: 1 + on % 100 },
        };
        if let Some((_, a, b)) = option() {
            open = [positive(a), positive(b)];
            open.sort();
        }
        let mut breaker = BreakerPolicy::consecutive(1).open_for(open[0]).open_max(open[1]);
        breaker.trip = trip;
        builder = builder.breaker(breaker).allow_all_open(on & 2 == 2);
    }
    if let Some((on, a, b)) = option() {
        builder = builder.selection(match on % 4 {
            0 => Selection::RoundRobin,
            1 => Selection::Shuffle,
            2 => Selection::Priority { failback: None },
            _ => Selection::Priority { failback: Some(positive(a)) },
        });
        builder = builder.park_for(positive(b)).give_up_when_all_parked(on & 16 == 16);
    }
    if let Some((on, a, b)) = option() {
        let longer = stable_after.saturating_add(positive(a));
        // Nothing is longer than the longest.
        if longer.as_nanos() <= u128::from(u64::MAX) {
            builder = builder.max_age(longer);
        }
        if on & 1 == 1 {
            builder = builder.idle_timeout(positive(b));
        }
        if on & 6 == 6 {
            builder = builder.refresh(Refresh::BreakFirst);
        }
    }
    builder.build().expect("every rule is kept")
}
