//! Each contestant, doing its own thing the way its documentation says.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use redial::{Action, Event, Failure, Jitter, Policy, Reconnector, Timestamp};

const FIRST: Duration = Duration::from_millis(100);
const CAP: Duration = Duration::from_secs(30);
/// Failures before a strategy is started anew, as a success would do.
const FAILURES: u32 = 8;

pub(crate) type Work = Box<dyn FnMut() -> u64>;

pub(crate) struct Row {
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    start: fn() -> Work,
}

impl Row {
    pub(crate) fn start(&self) -> Work {
        (self.start)()
    }
}

const fn delay(name: &'static str, start: fn() -> Work) -> Row {
    Row { kind: "next delay", name, start }
}

const fn breaker(name: &'static str, start: fn() -> Work) -> Row {
    Row { kind: "breaker", name, start }
}

pub(crate) fn all() -> Vec<Row> {
    vec![
        delay("redial, the whole machine", redial),
        delay("chrono-machines 0.8", chrono_machines),
        delay("chrono-machines 0.8, its caller's rng", chrono_machines_with_rng),
        delay("tokio-retry2 0.6", tokio_retry2),
        delay("tokio-retry 0.3", tokio_retry),
        delay("backon 1.6", backon),
        delay("sisyphus 0.1", sisyphus),
        delay("exponential-backoff 2.1", exponential_backoff),
        delay("backoff 0.4", backoff),
        delay("retry-policies 0.5", retry_policies),
        delay("stubborn-io 0.3", stubborn_io),
        delay("reliakit-backoff 1.1", reliakit_backoff),
        delay("tower-resilience-retry 0.14", tower_resilience_retry),
        breaker("redial", redial_breaker),
        breaker("reliakit-circuit 1.1", reliakit_circuit),
        breaker("failsafe 1.3", failsafe),
        breaker("recloser 1.4", recloser),
        breaker("tower-resilience-circuitbreaker 0.14", tower_resilience_circuitbreaker),
    ]
}

/// Work that yields delays from what `new` makes, anew after each run of failures.
fn delays<T: 'static>(
    new: impl Fn() -> T + 'static,
    next: impl Fn(&mut T) -> Option<Duration> + 'static,
) -> Work {
    let (mut strategy, mut failures) = (new(), 0);
    Box::new(move || {
        failures += 1;
        if failures > FAILURES {
            (strategy, failures) = (new(), 1);
        }
        next(&mut strategy).map_or(0, |delay| u64::from(delay.subsec_nanos()) + delay.as_secs())
    })
}

/// Only the failure counts: the dials between are made where nothing is measured.
fn redial() -> Work {
    static POLICY: Policy = match Policy::builder()
        .backoff(redial::Backoff::exponential(FIRST, 2, 1))
        .cap(CAP)
        .jitter(Jitter::Equal)
        .build()
    {
        Ok(policy) => policy,
        Err(_) => panic!("not a policy"),
    };
    let mut dialing: Vec<_> = (0..64)
        .flat_map(|seed| {
            let mut link = Reconnector::new(black_box(&POLICY), seed);
            let mut now = Timestamp::ORIGIN;
            let mut action = link.handle(now, Event::Start);
            let mut stages = Vec::new();
            while stages.len() < FAILURES as usize {
                if let Action::Dial(dial) = action {
                    let failed = Event::DialFailed(dial.id, Failure::Unreachable);
                    stages.push((link, now, failed));
                    action = link.handle(now, failed);
                } else {
                    now = action.wake();
                    action = link.handle(now, Event::Tick);
                }
            }
            stages
        })
        .collect();
    let mut stage = 0;
    let mut copies = dialing.clone();
    Box::new(move || {
        let (link, now, failed) = &mut copies[stage];
        let wake = link.handle(*now, *failed).wake().as_nanos();
        stage += 1;
        if stage == copies.len() {
            stage = 0;
            std::mem::swap(&mut copies, &mut dialing);
            dialing.clone_from(&copies);
        }
        wake
    })
}

const CHRONO_MACHINES: chrono_machines::Policy = chrono_machines::Policy {
    max_attempts: u8::MAX,
    base_delay_ms: 100,
    multiplier: 2.0,
    max_delay_ms: 30_000,
};

fn chrono_machines() -> Work {
    delays(
        || 0,
        move |failures: &mut u8| {
            *failures += 1;
            let policy = black_box(CHRONO_MACHINES);
            Some(Duration::from_millis(policy.calculate_delay(*failures, 1.0)))
        },
    )
}

fn chrono_machines_with_rng() -> Work {
    use rand::{SeedableRng, rngs::SmallRng};
    let rng = std::cell::RefCell::new(SmallRng::seed_from_u64(7));
    delays(
        || 0,
        move |failures: &mut u8| {
            *failures += 1;
            let policy = black_box(CHRONO_MACHINES);
            let rng = &mut *rng.borrow_mut();
            Some(Duration::from_millis(policy.calculate_delay_with_rng(*failures, 1.0, rng)))
        },
    )
}

fn tokio_retry2() -> Work {
    use tokio_retry2::strategy::{ExponentialBackoff, jitter};
    delays(
        || ExponentialBackoff::from_millis(100).factor(2).max_delay(CAP).map(jitter),
        Iterator::next,
    )
}

fn tokio_retry() -> Work {
    use tokio_retry::strategy::{ExponentialBackoff, jitter};
    delays(
        || ExponentialBackoff::from_millis(2).factor(50).max_delay(CAP).map(jitter),
        Iterator::next,
    )
}

fn backon() -> Work {
    use backon::BackoffBuilder;
    delays(
        || {
            let builder = backon::ExponentialBuilder::default().with_jitter();
            builder.with_min_delay(FIRST).with_max_delay(CAP).without_max_times().build()
        },
        Iterator::next,
    )
}

fn exponential_backoff() -> Work {
    delays(
        || exponential_backoff::Backoff::new(u32::MAX, FIRST, CAP).iter(),
        |delays| delays.next().flatten(),
    )
}

fn backoff() -> Work {
    use backoff::backoff::Backoff;
    delays(
        || {
            let builder = &mut backoff::ExponentialBackoffBuilder::new();
            let builder = builder.with_initial_interval(FIRST).with_multiplier(2.0);
            builder.with_max_interval(CAP).with_max_elapsed_time(None).build()
        },
        Backoff::next_backoff,
    )
}

fn retry_policies() -> Work {
    use retry_policies::policies::ExponentialBackoff;
    use retry_policies::{RetryDecision, RetryPolicy};
    let policy = ExponentialBackoff::builder().retry_bounds(FIRST, CAP).base(2);
    let policy = policy.build_with_max_retries(u32::MAX);
    #[expect(clippy::disallowed_methods, reason = "the peer reads the clock too")]
    let start = SystemTime::now();
    delays(
        || 0,
        move |failures: &mut u32| {
            *failures += 1;
            match policy.should_retry(start, *failures) {
                RetryDecision::Retry { execute_after } => execute_after.duration_since(start).ok(),
                RetryDecision::DoNotRetry => None,
            }
        },
    )
}

fn sisyphus() -> Work {
    use sisyphus::{BackoffPolicy, ExponentialBackoff, PolicyExt, SplitMix64};
    delays(
        || {
            let backoff = ExponentialBackoff::new(FIRST, 2.0).with_jitter(SplitMix64::new(7), 0.5);
            backoff.with_max_delay(CAP)
        },
        BackoffPolicy::next_delay,
    )
}

fn stubborn_io() -> Work {
    use stubborn_io::strategies::ExpBackoffStrategy;
    delays(|| ExpBackoffStrategy::new(FIRST, 2.0, 0.5).with_max(CAP).into_iter(), Iterator::next)
}

fn reliakit_backoff() -> Work {
    use reliakit_backoff::{Backoff, equal_jitter};
    let backoff = Backoff::exponential(FIRST, 2).with_max_delay(CAP);
    // It leaves the draws to its caller: xorshift32.
    let mut draw: u32 = 7;
    let jittered = move |delay| {
        draw ^= draw << 13;
        draw ^= draw >> 17;
        draw ^= draw << 5;
        equal_jitter(delay, draw)
    };
    delays(move || black_box(backoff).delays().map(jittered), Iterator::next)
}

fn tower_resilience_retry() -> Work {
    use tower_resilience_retry::{ExponentialRandomBackoff, IntervalFunction};
    let Ok(backoff) = ExponentialRandomBackoff::new(FIRST, 0.5) else { unreachable!() };
    let backoff = backoff.max_interval(CAP);
    delays(
        || 0,
        move |failures: &mut usize| {
            let delay = black_box(&backoff).next_interval(*failures);
            *failures += 1;
            Some(delay)
        },
    )
}

/// Every fourth call fails, which opens none of the breakers.
fn calls<T: 'static>(breaker: T, call: impl Fn(&T, bool) -> bool + 'static) -> Work {
    let mut count: u32 = 0;
    Box::new(move || {
        count += 1;
        u64::from(call(&breaker, black_box(count % 4 != 0)))
    })
}

fn redial_breaker() -> Work {
    let policy = redial::BreakerPolicy::consecutive(5);
    let Ok(breaker) = redial::Breaker::new(black_box(policy), 7) else { unreachable!() };
    let now = Timestamp::from_nanos(1);
    calls(breaker, move |breaker, ok| {
        match breaker.allow(now) {
            Ok(permit) if ok => permit.success(),
            Ok(permit) => permit.failure(now),
            Err(_) => return false,
        }
        true
    })
}

fn failsafe() -> Work {
    use failsafe::{CircuitBreaker, Config};
    calls(Config::new().build(), |breaker, ok| {
        breaker.call(|| if ok { Ok(()) } else { Err(()) }).is_ok()
    })
}

fn recloser() -> Work {
    calls(recloser::Recloser::custom().error_rate(0.5).build(), |breaker, ok| {
        breaker.call(|| if ok { Ok(()) } else { Err(()) }).is_ok()
    })
}

fn reliakit_circuit() -> Work {
    let mut breaker = reliakit_circuit::CircuitBreaker::new(black_box(5), 30_000);
    let mut count: u32 = 0;
    Box::new(move || {
        count += 1;
        let allowed = breaker.allow(black_box(1));
        if black_box(count % 4 != 0) {
            breaker.on_success();
        } else {
            breaker.on_failure(1);
        }
        u64::from(allowed)
    })
}

/// It is a service, so a call of it is a future; this one never waits.
fn tower_resilience_circuitbreaker() -> Work {
    use std::future::{Ready, ready};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use tower::{Layer, Service, service_fn};
    use tower_resilience_circuitbreaker::CircuitBreakerLayer;

    let call: fn(bool) -> Ready<Result<(), ()>> = |ok| ready(if ok { Ok(()) } else { Err(()) });
    let Ok(layer) = CircuitBreakerLayer::builder().build() else { unreachable!() };
    let mut breaker = layer.layer(service_fn(call));
    let mut count: u32 = 0;
    Box::new(move || {
        count += 1;
        let mut cx = Context::from_waker(Waker::noop());
        if !matches!(breaker.poll_ready(&mut cx), Poll::Ready(Ok(()))) {
            return 0;
        }
        let called = pin!(breaker.call(black_box(count % 4 != 0))).poll(&mut cx);
        u64::from(matches!(called, Poll::Ready(Ok(()))))
    })
}
