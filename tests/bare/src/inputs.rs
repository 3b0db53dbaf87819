//! Inputs that could be anything.

use core::time::Duration;

use redial::{
    Action, After, Backoff, BreakerPolicy, DialId, Endpoint, Event, Failure, Failures, FirstRetry,
    Growth, Jitter, Overload, Policy, PolicyError, Refresh, Selection, Timestamp,
};

use crate::opaque;

/// Inputs: a xorshift that the optimizer cannot see through.
pub struct Source(pub u64);

impl Source {
    pub fn word(&mut self) -> u64 {
        let mut x = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0 = x;
        opaque(x)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        let word = self.word() >> 8;
        word.checked_rem(bound).unwrap_or(0)
    }

    pub fn small(&mut self) -> u32 {
        let word = self.word();
        if word.trailing_zeros() >= 4 { 0 } else { (word >> 8) as u32 & 15 }
    }

    pub fn flag(&mut self) -> bool {
        self.word() & 1 == 0
    }

    /// Mostly seconds; now and then anything at all.
    pub fn duration(&mut self) -> Duration {
        let word = self.word();
        match self.below(64) {
            0 => Duration::from_nanos(word),
            1 => Duration::new(word, 999_999_999),
            2..5 => Duration::ZERO,
            _ => Duration::from_millis(1 + (word & 0x3fff)),
        }
    }
}

pub fn policy(source: &mut Source) -> Result<Policy, PolicyError> {
    let mut builder = Policy::builder();
    // A few setters at a time, or hardly any policy would hold together.
    for _ in 0..source.below(6) {
        builder = match source.below(27) {
            0 => builder.backoff(backoff(source)),
            1 => builder.floor(source.duration()),
            2 => builder.cap(source.duration()),
            3 => builder.jitter(jitter(source)),
            4 => builder.first_retry(match source.below(3) {
                0 => FirstRetry::Immediate,
                1 => FirstRetry::Backoff,
                _ => FirstRetry::Jittered(source.duration()),
            }),
            5 => builder.startup_splay(source.duration()),
            6 => builder.stable_after(source.duration()),
            7 => builder.dial_timeout(source.duration()),
            8 => builder.dial_timeout_max(source.duration()),
            9 => builder.handshake_timeout(source.duration()),
            10 => builder.handshake_timeout_max(source.duration()),
            11 => builder.overload(if source.flag() {
                Overload::Ignore
            } else {
                let (floor, cap) = (source.duration(), source.duration());
                Overload::Jump { floor, growth: growth(source), cap }
            }),
            12 => builder.max_attempts(source.small()),
            13 => builder.max_rounds(source.small()),
            14 => builder.max_elapsed(source.duration()),
            15 => builder.rate_limit(source.word() as u32, source.duration()),
            16 => builder.max_hint(source.duration()),
            17 => builder.give_up_on_long_hint(source.flag()),
            18 => builder.breaker(breaker_policy(source)),
            19 => builder.allow_all_open(source.flag()),
            20 => builder.selection(match source.below(4) {
                0 => Selection::RoundRobin,
                1 => Selection::Shuffle,
                2 => Selection::Priority { failback: None },
                _ => Selection::Priority { failback: Some(source.duration()) },
            }),
            21 => builder.park_for(source.duration()),
            22 => builder.give_up_when_all_parked(source.flag()),
            23 => builder.refresh(if source.flag() {
                Refresh::MakeFirst
            } else {
                Refresh::BreakFirst
            }),
            24 => builder.max_age(source.duration()),
            25 => builder.drain_timeout(source.duration()),
            _ => builder.idle_timeout(source.duration()),
        };
    }
    builder.build()?.to_builder().build()
}

pub fn backoff(source: &mut Source) -> Backoff {
    const TABLE: [Duration; 3] =
        [Duration::from_millis(10), Duration::from_secs(1), Duration::from_secs(20)];

    fn custom(failures: Failures) -> Option<Duration> {
        let grown = failures.previous.saturating_add(failures.elapsed);
        (failures.count < 5).then_some(grown.saturating_add(Duration::from_nanos(failures.draw)))
    }

    match source.below(8) {
        0 => Backoff::Never,
        1 => Backoff::fixed(source.duration()),
        2 => Backoff::linear(source.duration(), source.duration()),
        3 => Backoff::exponential_f64(source.duration(), f64::from_bits(source.word())),
        4 => Backoff::table(&TABLE, if source.flag() { After::Last } else { After::Stop }),
        5 => Backoff::Custom(custom),
        _ => Backoff::Exponential { initial: source.duration(), growth: growth(source) },
    }
}

pub fn growth(source: &mut Source) -> Growth {
    match source.below(4) {
        0 => Growth::ratio(source.word() as u32, source.word() as u32),
        1 => Growth::from_f64(f64::from_bits(source.word())),
        _ => Growth::ratio(source.small().wrapping_add(1), 1),
    }
}

pub fn jitter(source: &mut Source) -> Jitter {
    match source.below(5) {
        0 => Jitter::None,
        1 => Jitter::Full,
        2 => Jitter::Equal,
        3 => Jitter::Proportional(source.word() as u8 & 127),
        _ => Jitter::Phase(source.word() as u8 & 127),
    }
}

pub fn breaker_policy(source: &mut Source) -> BreakerPolicy {
    let policy = if source.flag() {
        BreakerPolicy::consecutive(source.small())
    } else {
        BreakerPolicy::rate(
            source.word() as u8 & 127,
            source.small() as u8,
            source.word() as u8 & 127,
        )
    };
    policy.open_for(source.duration()).open_max(source.duration())
}

pub fn failure(source: &mut Source) -> Failure {
    match source.below(8) {
        0 => Failure::Fatal,
        1 => Failure::Unsuitable,
        2 => Failure::RetryAfter { delay: source.duration(), spread: source.duration() },
        3 => Failure::Overloaded,
        4 => Failure::TimedOut,
        _ => Failure::Unreachable,
    }
}

pub fn endpoints(source: &mut Source) -> [Endpoint; 3] {
    [0; 3].map(|_: u8| Endpoint::new(source.small() & 3))
}

pub fn later(source: &mut Source, now: Timestamp, action: Action) -> Timestamp {
    match source.below(256) {
        0 => Timestamp::from_nanos(source.word()),
        1..20 => now.max(Timestamp::from_nanos(action.wake().as_nanos().saturating_sub(1))),
        20..80 => now.saturating_add(source.duration()),
        80..200 if action.wake() < Timestamp::MAX => action.wake(),
        _ => now,
    }
}

pub fn event(source: &mut Source, now: Timestamp, action: Action) -> Event {
    let dial = action.dial().map(|dial| dial.id);
    let named = [dial, action.held(), action.draining().map(|old| old.id), DialId::new(1)];
    let id = named.get(source.below(4) as usize).copied().flatten().or(dial).or(action.held());
    let Some(id) = id.or(DialId::new(source.word())) else { return Event::Tick };
    let known = DialId::new(id.get()).unwrap_or(id);
    match source.below(32) {
        0..3 => Event::Start,
        3 => Event::Stop,
        4 => Event::Progress(id),
        5..10 => Event::Connected(known),
        10..14 => Event::DialFailed(id, failure(source)),
        14 => Event::DialAborted(id),
        15..18 => Event::Closed(id, failure(source)),
        18 => Event::Confirmed(id),
        19 => Event::Activity(id),
        20 => Event::GoingAway(id, None),
        21 => Event::GoingAway(id, Some(now.saturating_add(source.duration()))),
        22 => Event::Online,
        23 => Event::Offline,
        24..26 => Event::Redial,
        26 => Event::Defer(now.saturating_add(source.duration())),
        _ => Event::Tick,
    }
}
