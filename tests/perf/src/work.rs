//! The work that is measured: one kind of call each, on links that live through an ordinary history.

use std::hint::black_box;
use std::time::Duration;

use redial::{
    Action, Breaker, BreakerPolicy, Endpoint, Event, Failure, Jitter, Policy, Reconnector,
    Selection, Timestamp,
};

/// One row of the table.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) goal: Option<u64>,
    run: fn() -> u64,
}

pub(crate) const ALL: &[Work] = &[
    Work { name: "DialFailed", goal: Some(250), run: || fleet(What::Failed, one) },
    Work { name: "Tick due", goal: Some(120), run: || fleet(What::Due, one) },
    Work { name: "Tick early", goal: Some(50), run: || fleet(What::Early, one) },
    Work { name: "Connected", goal: Some(100), run: || fleet(What::Connected, one) },
    Work { name: "Closed stable", goal: Some(100), run: || fleet(What::Stable, one) },
    Work { name: "Closed flap", goal: None, run: || fleet(What::Flap, one) },
    Work { name: "DialFailed, full", goal: Some(350), run: || fleet(What::Failed, full) },
    Work { name: "Tick due, full", goal: None, run: || fleet(What::Due, full) },
    Work { name: "Tick early, full", goal: None, run: || fleet(What::Early, full) },
    Work { name: "Connected, full", goal: None, run: || fleet(What::Connected, full) },
    Work { name: "Closed stable, full", goal: None, run: || fleet(What::Stable, full) },
    Work { name: "Closed flap, full", goal: None, run: || fleet(What::Flap, full) },
    Work { name: "Breaker allow + record", goal: Some(35), run: breaker },
];

/// Does the work of this name; returns how often it called `measured`.
pub(crate) fn run(name: &str) -> u64 {
    ALL.iter().find(|work| work.name == name).map_or(0, |work| (work.run)())
}

static DEFAULT: Policy = Policy::DEFAULT;

static FULL: Policy = match Policy::builder()
    .jitter(Jitter::Equal)
    .breaker(BreakerPolicy::rate(32, 8, 50))
    .selection(Selection::Priority { failback: Some(Duration::from_secs(600)) })
    .max_attempts(1_000_000)
    .max_elapsed(Duration::from_secs(365 * 86_400))
    .max_age(Duration::from_secs(86_400))
    .idle_timeout(Duration::from_secs(3600))
    .build()
{
    Ok(policy) => policy,
    Err(_) => panic!("not a policy"),
};

/// A link of either kind.
trait Link {
    fn handle(&mut self, now: Timestamp, event: Event) -> Action;
    fn measured(&mut self, now: Timestamp, event: Event) -> Action;
}

impl Link for Reconnector<&'static Policy> {
    fn handle(&mut self, now: Timestamp, event: Event) -> Action {
        Reconnector::handle(self, now, event)
    }

    fn measured(&mut self, now: Timestamp, event: Event) -> Action {
        measured_one(self, now, event)
    }
}

impl Link for Reconnector<&'static Policy, [Endpoint; 3]> {
    fn handle(&mut self, now: Timestamp, event: Event) -> Action {
        Reconnector::handle(self, now, event)
    }

    fn measured(&mut self, now: Timestamp, event: Event) -> Action {
        measured_full(self, now, event)
    }
}

#[inline(never)]
fn measured_one(link: &mut Reconnector<&'static Policy>, now: Timestamp, event: Event) -> Action {
    link.handle(now, event)
}

#[inline(never)]
fn measured_full(
    link: &mut Reconnector<&'static Policy, [Endpoint; 3]>,
    now: Timestamp,
    event: Event,
) -> Action {
    link.handle(now, event)
}

fn one(seed: u64) -> Reconnector<&'static Policy> {
    Reconnector::new(black_box(&DEFAULT), seed)
}

fn full(seed: u64) -> Reconnector<&'static Policy, [Endpoint; 3]> {
    Reconnector::with_endpoints(black_box(&FULL), seed, [1, 2, 3].map(Endpoint::new))
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Failed,
    Due,
    Early,
    Connected,
    Stable,
    Flap,
}

/// Many links, each failing seven times, flapping, and being stable and lost, three times over.
fn fleet<L: Link>(what: What, new: fn(u64) -> L) -> u64 {
    let mut calls = 0;
    let mut call = |link: &mut L, this: What, now, event| {
        if this == what {
            calls += 1;
            link.measured(now, black_box(event))
        } else {
            link.handle(now, event)
        }
    };
    for seed in 0..64 {
        let mut link = new(seed);
        let mut now = Timestamp::from_origin(Duration::from_secs(1));
        let mut action = link.handle(now, Event::Start);
        for _ in 0..3 {
            for failures in 0..9 {
                while let Action::SleepUntil(wait) = action {
                    let early = Timestamp::from_nanos(wait.until.as_nanos() - 1);
                    if early > now {
                        call(&mut link, What::Early, early, Event::Tick);
                    }
                    now = wait.until;
                    action = call(&mut link, What::Due, now, Event::Tick);
                }
                let Action::Dial(dial) = action else { panic!("{action}") };
                now = now.saturating_add(Duration::from_millis(20));
                action = if failures < 7 {
                    let failed = Event::DialFailed(dial.id, Failure::Unreachable);
                    call(&mut link, What::Failed, now, failed)
                } else {
                    let held = call(&mut link, What::Connected, now, Event::Connected(dial.id));
                    let this = if failures == 7 { What::Flap } else { What::Stable };
                    if this == What::Stable {
                        link.handle(held.wake(), Event::Tick);
                        now = held.wake();
                    }
                    now = now.saturating_add(Duration::from_secs(1));
                    let closed = Event::Closed(dial.id, Failure::Unreachable);
                    call(&mut link, this, now, closed)
                };
            }
        }
    }
    calls
}

#[inline(never)]
fn measured_call(breaker: &Breaker, now: Timestamp, ok: bool) -> bool {
    match breaker.allow(now) {
        Ok(permit) if ok => permit.success(),
        Ok(permit) => permit.failure(now),
        Err(_) => return false,
    }
    true
}

/// Three calls in four succeed.
fn breaker() -> u64 {
    let breaker = Breaker::new(black_box(BreakerPolicy::consecutive(5)), 7);
    let Ok(breaker) = breaker else { panic!("not a breaker") };
    let now = Timestamp::from_nanos(1);
    (0..4000).map(|call| u64::from(measured_call(&breaker, now, black_box(call % 4 != 0)))).sum()
}
