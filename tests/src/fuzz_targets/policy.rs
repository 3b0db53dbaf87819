//! Building a policy never panics, and what is built keeps its promises.

use std::time::Duration;

use redial::{
    After, Backoff, BreakerPolicy, FirstRetry, Growth, Jitter, Overload, Policy, PolicyBuilder,
    Refresh, Selection, Trip,
};

use crate::bytes::{Bytes, span};

const TABLE: &[Duration] = &[Duration::from_secs(1), Duration::MAX, Duration::ZERO];

/// Any values in any setters, in any order.
///
/// # Panics
/// If a policy that was built breaks a rule, or is not what building it again makes.
pub fn policy(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let mut builder = Policy::builder();
    while !bytes.is_empty() {
        builder = set(builder, &mut bytes);
    }
    match builder.build() {
        Ok(policy) => {
            keeps_its_rules(&policy);
            let again = policy.to_builder().build();
            assert_eq!(again.as_ref(), Ok(&policy), "built again");
        }
        Err(error) => {
            assert_eq!(error.to_string(), format!("{}: {}", error.field(), error.rule()));
        }
    }
}

fn set(builder: PolicyBuilder, bytes: &mut Bytes<'_>) -> PolicyBuilder {
    let [what, kind, a, b, c] = bytes.array();
    let (short, long, third) = (span(a), span(b), span(c));
    let growth = match kind {
        0..=127 => Growth::ratio(b.into(), c.into()),
        128..=191 => Growth::ratio(u32::MAX, c.into()),
        192..=223 => Growth::from_f64(f64::from(b) / f64::from(c)),
        _ => Growth::from_f64(f64::from_bits(u64::from_be_bytes([kind, a, b, c, a, b, c, kind]))),
    };
    match what % 29 {
        0 => builder.backoff(match kind % 8 {
            0 => Backoff::Never,
            1 => Backoff::Fixed(short),
            2 => Backoff::linear(short, long),
            3 | 4 => Backoff::Exponential { initial: short, growth },
            5 => {
                let then = if b & 1 == 0 { After::Last } else { After::Stop };
                Backoff::table(&TABLE[usize::from(a % 4)..], then)
            }
            6 => Backoff::Custom(|failures| Some(failures.previous)),
            _ => Backoff::Custom(|_| None),
        }),
        1 => builder.floor(short),
        2 => builder.cap(short),
        3 => builder.jitter(match kind % 5 {
            0 => Jitter::None,
            1 => Jitter::Full,
            2 => Jitter::Equal,
            3 => Jitter::Proportional(a),
            _ => Jitter::Phase(a),
        }),
        4 => builder.first_retry(match kind % 3 {
            0 => FirstRetry::Immediate,
            1 => FirstRetry::Jittered(short),
            _ => FirstRetry::Backoff,
        }),
        5 => builder.startup_splay(short),
        6 => builder.stable_after(short),
        7 => builder.dial_timeout(short),
        8 => builder.dial_timeout_max(short),
        9 => builder.handshake_timeout(short),
        10 => builder.handshake_timeout_max(short),
        11 => builder.overload(match kind % 4 {
            0 => Overload::Ignore,
            _ => Overload::Jump { floor: short, growth, cap: third },
        }),
        12 => builder.max_attempts(a.into()),
        13 => builder.max_rounds(a.into()),
        14 => builder.max_elapsed(short),
        15 => builder.rate_limit(if kind > 250 { u32::MAX } else { a.into() }, long),
        16 => builder.max_hint(short),
        17 => builder.give_up_on_long_hint(kind & 1 == 1),
        18 => {
            let mut breaker = BreakerPolicy::consecutive(a.into()).open_for(long);
            breaker.open_max = third;
            builder.breaker(breaker)
        }
        19 => {
            let mut breaker = BreakerPolicy::rate(a, b, c);
            breaker.trip = Trip::Rate { last: a, min: b, percent: c };
            builder.breaker(breaker.open_for(span(kind)))
        }
        20 => builder.allow_all_open(kind & 1 == 1),
        21 => builder.selection(match kind % 4 {
            0 => Selection::RoundRobin,
            1 => Selection::Shuffle,
            2 => Selection::Priority { failback: None },
            _ => Selection::Priority { failback: Some(short) },
        }),
        22 => builder.park_for(short),
        23 => builder.give_up_when_all_parked(kind & 1 == 1),
        24 => builder.refresh(if kind & 1 == 1 { Refresh::BreakFirst } else { Refresh::MakeFirst }),
        25 => builder.max_age(short),
        26 => builder.drain_timeout(short),
        27 => builder.idle_timeout(short),
        _ => builder,
    }
}

fn keeps_its_rules(policy: &Policy) {
    assert!(policy.floor() <= policy.cap());
    match policy.backoff() {
        Backoff::Never | Backoff::Custom(_) => {}
        backoff => {
            let initial = backoff.initial().min(Duration::from_nanos(u64::MAX));
            assert!(policy.floor() <= initial && initial <= policy.cap());
        }
    }
    assert!(policy.jitter().percent() <= 100);
    assert!(!policy.stable_after().is_zero());
    assert!(!policy.dial_timeout().is_zero());
    assert!(policy.dial_timeout() <= policy.dial_timeout_max());
    assert!(!policy.handshake_timeout().is_zero());
    assert!(policy.handshake_timeout() <= policy.handshake_timeout_max());
    let mut longest = vec![policy.cap(), policy.startup_splay(), policy.max_hint()];
    if let Overload::Jump { floor, growth, cap } = policy.overload() {
        assert!(floor <= cap);
        assert!(growth.denominator() > 0 && growth.numerator() >= growth.denominator());
        longest.push(cap);
    }
    let (burst, spacing) = policy.rate_limit();
    assert!(burst > 0 && !spacing.is_zero());
    if let Some(breaker) = policy.breaker() {
        assert!(!breaker.open_for.is_zero() && breaker.open_for <= breaker.open_max);
        longest.push(breaker.open_max);
    }
    assert!(!policy.max_hint().is_zero() && !policy.park_for().is_zero());
    assert!(policy.max_age().is_none_or(|age| age > policy.stable_after()));
    assert!(!policy.drain_timeout().is_zero());
    assert!(policy.idle_timeout().is_none_or(|timeout| !timeout.is_zero()));
    assert!(policy.max_elapsed().is_none_or(|limit| !limit.is_zero()));
    longest.extend([spacing, policy.park_for()]);
    for gate in longest {
        assert!(policy.longest_wait() >= gate, "{gate:?} is longer than the longest wait");
    }
}
