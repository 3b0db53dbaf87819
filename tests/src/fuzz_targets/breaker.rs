//! The public breaker against a dull one.

use std::time::Duration;

use redial::{Breaker, BreakerPolicy, Circuit, Timestamp, Trip};

use crate::bytes::{Bytes, positive, span};
use crate::reference::{DullBreaker, Is, stretched_by_draw};

const MOST_PERMITS: usize = 8;

/// A breaker policy, and calls that are allowed, succeed, fail and are dropped in any order.
///
/// # Panics
/// If the breaker differs from the dull one.
pub fn breaker(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let [kind, last, min, percent, open_for, open_max, seed] = bytes.array();
    let last = 1 + last % 64;
    let mut policy = BreakerPolicy::consecutive(1 + u32::from(min % 8));
    if kind & 1 == 1 {
        policy.trip = Trip::Rate { last, min: 1 + min % last, percent: 1 + percent % 100 };
    }
    let open: [Duration; 2] = [positive(open_for), positive(open_max)];
    policy.open_for = open[0].min(open[1]);
    policy.open_max = open[0].max(open[1]);
    let breaker = Breaker::new(policy, seed.into()).expect("every rule is kept");
    let mut dull = DullBreaker::new();
    let mut disabled = false;
    // What was lent before it last opened, or was set by hand, does not count.
    let mut epoch = 0;
    let mut permits = Vec::new();
    let mut now = Timestamp::ORIGIN;
    while !bytes.is_empty() {
        let [what, which] = bytes.array();
        match what % 8 {
            0 | 1 if permits.len() < MOST_PERMITS => {
                let ready = if disabled { 0 } else { dull.ready() };
                let admits = ready <= now.as_nanos() && ready != u64::MAX;
                match breaker.allow(now) {
                    Ok(permit) => {
                        assert!(admits, "admitted before {ready}");
                        let probe = !disabled && matches!(dull.is, Is::Open(_));
                        assert_eq!(permit.is_probe(), probe);
                        if !disabled {
                            dull.admit();
                        }
                        permits.push((permit, probe, epoch));
                    }
                    Err(refused) => {
                        assert!(!admits, "refused after {ready}");
                        assert_eq!(refused.until.as_nanos(), ready);
                    }
                }
            }
            outcome @ 2..=4 if !permits.is_empty() => {
                let (permit, probe, lent) = permits.swap_remove(usize::from(which) % permits.len());
                let probing = !disabled && matches!(dull.is, Is::Probing(_));
                let counts = !disabled && probe == probing && lent == epoch;
                match outcome {
                    2 => {
                        permit.success();
                        if counts {
                            dull.success();
                        }
                    }
                    3 => {
                        permit.failure(now);
                        if counts {
                            dull.failure(&policy, now.as_nanos(), true, |open| {
                                epoch += 1;
                                stretched_by_draw(open, seed.into(), epoch - 1)
                            });
                        }
                    }
                    _ => {
                        drop(permit);
                        if counts {
                            dull.release();
                        }
                    }
                }
            }
            5 | 6 => now = now.saturating_add(span(which)),
            7 if which < 32 => {
                dull = DullBreaker::new();
                disabled = which >= 24;
                epoch += 1;
                match which {
                    0..=11 => breaker.reset(),
                    12..=23 => {
                        dull.is = Is::Tripped;
                        breaker.trip();
                    }
                    _ => breaker.disable(),
                }
            }
            _ => {}
        }
        let expected = match dull.is {
            _ if disabled => Circuit::Disabled,
            Is::Closed => Circuit::Closed,
            Is::Tripped => Circuit::Open { until: Timestamp::MAX },
            Is::Open(until) if now.as_nanos() < until => {
                Circuit::Open { until: Timestamp::from_nanos(until) }
            }
            Is::Open(_) | Is::Probing(_) => Circuit::HalfOpen,
        };
        assert_eq!(usize::from(breaker.reopened()), dull.reopened().min(255));
        assert_eq!(breaker.circuit(now), expected, "after {what} {which} at {now}");
    }
}
