//! Every public function, with inputs that could be anything; every action is printed.

use core::time::Duration;

use redial::{
    Action, After, Backoff, Breaker, BreakerPolicy, Circuit, Counters, DialId, Endpoint, Event,
    Failure, Failures, FirstRetry, GiveUpReason, Growth, Jitter, Overload, Phase, Policy,
    PolicyError, Reconnector, Refresh, Selection, Status, Timestamp, Trip, WaitReason,
};

use crate::opaque;
use crate::platform::write;

const POLICIES: u64 = 32;
const EVENTS: u64 = 64;

pub fn run() {
    for number in 0..POLICIES {
        let mut source = Source(number);
        let policy = match policy(&mut source) {
            Ok(policy) => policy,
            Err(error) => {
                refused(error);
                continue;
            }
        };
        read(&policy);
        link(&mut source, &policy);
    }
    breaker(&mut Source(POLICIES));
}

/// Inputs: a xorshift that the optimizer cannot see through.
struct Source(u64);

impl Source {
    fn word(&mut self) -> u64 {
        let mut x = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0 = x;
        opaque(x)
    }

    fn below(&mut self, bound: u64) -> u64 {
        let word = self.word() >> 8;
        word.checked_rem(bound).unwrap_or(0)
    }

    fn small(&mut self) -> u32 {
        let word = self.word();
        if word.trailing_zeros() >= 4 { 0 } else { (word >> 8) as u32 & 15 }
    }

    fn flag(&mut self) -> bool {
        self.word() & 1 == 0
    }

    /// Mostly seconds; now and then anything at all.
    fn duration(&mut self) -> Duration {
        let word = self.word();
        match self.below(64) {
            0 => Duration::from_nanos(word),
            1 => Duration::new(word, 999_999_999),
            2..5 => Duration::ZERO,
            _ => Duration::from_millis(1 + (word & 0x3fff)),
        }
    }
}

fn policy(source: &mut Source) -> Result<Policy, PolicyError> {
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

fn backoff(source: &mut Source) -> Backoff {
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

fn growth(source: &mut Source) -> Growth {
    match source.below(4) {
        0 => Growth::ratio(source.word() as u32, source.word() as u32),
        1 => Growth::from_f64(f64::from_bits(source.word())),
        _ => Growth::ratio(source.small().wrapping_add(1), 1),
    }
}

fn jitter(source: &mut Source) -> Jitter {
    match source.below(5) {
        0 => Jitter::None,
        1 => Jitter::Full,
        2 => Jitter::Equal,
        3 => Jitter::Proportional(source.word() as u8 & 127),
        _ => Jitter::Phase(source.word() as u8 & 127),
    }
}

fn breaker_policy(source: &mut Source) -> BreakerPolicy {
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

fn link(source: &mut Source, policy: &Policy) {
    let seed = source.word();
    let mut one = Reconnector::new(policy, seed);
    let mut three = Reconnector::with_endpoints(policy, seed, endpoints(source));
    let mut now = Timestamp::from_nanos(source.word() >> 16);
    print(one.handle(now, Event::Start));
    print(three.handle(now, Event::Start));
    for _ in 0..EVENTS {
        now = later(source, now, three.action());
        let event = event(source, now, three.action());
        print(one.handle(now, event));
        print(three.handle(now, event));
        let key = source.small() & 3;
        let known = match source.below(32) {
            0 => three.trip(now, key),
            1 => three.reset(now, key),
            2 => {
                let old = three.set_endpoints(now, endpoints(source));
                old == *three.endpoints()
            }
            _ => continue,
        };
        line(&[u64::from(known)]);
        print(three.action());
    }
    status(three.status());
    let Counters { ignored, backward, .. } = three.counters();
    let copy = one;
    let same = three.policy() == policy && one == copy;
    line(&[u64::from(ignored), u64::from(backward), u64::from(same)]);
    for endpoint in three.endpoints() {
        let hinted = endpoint.hinted_until().map_or(0, Timestamp::as_nanos);
        let (failures, parked) = (u64::from(endpoint.failures()), endpoint.parked_until());
        line(&[u64::from(endpoint.key()), failures, hinted, parked.as_nanos()]);
        circuit(endpoint.circuit(now));
    }
}

fn endpoints(source: &mut Source) -> [Endpoint; 3] {
    [0; 3].map(|_: u8| Endpoint::new(source.small() & 3))
}

fn later(source: &mut Source, now: Timestamp, action: Action) -> Timestamp {
    match source.below(256) {
        0 => Timestamp::from_nanos(source.word()),
        1..20 => now.max(Timestamp::from_nanos(action.wake().as_nanos().saturating_sub(1))),
        20..80 => now.saturating_add(source.duration()),
        80..200 if action.wake() < Timestamp::MAX => action.wake(),
        _ => now,
    }
}

fn event(source: &mut Source, now: Timestamp, action: Action) -> Event {
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

fn failure(source: &mut Source) -> Failure {
    match source.below(8) {
        0 => Failure::Fatal,
        1 => Failure::Unsuitable,
        2 => Failure::RetryAfter { delay: source.duration(), spread: source.duration() },
        3 => Failure::Overloaded,
        4 => Failure::TimedOut,
        _ => Failure::Unreachable,
    }
}

fn breaker(source: &mut Source) {
    let policy = breaker_policy(source);
    let Ok(breaker) = Breaker::new(policy, source.word()) else { return };
    let mut now = Timestamp::ORIGIN;
    for _ in 0..EVENTS {
        now = now.saturating_add(source.duration());
        match breaker.allow(now) {
            Ok(permit) => match source.below(4) {
                0 => permit.success(),
                1 => line(&[u64::from(permit.is_probe())]),
                _ => permit.failure(now),
            },
            Err(refused) => line(&[refused.until.as_nanos()]),
        }
        match source.below(64) {
            0 => breaker.trip(),
            1 => breaker.reset(),
            2 => breaker.disable(),
            _ => {}
        }
        circuit(breaker.circuit(now));
        line(&[u64::from(breaker.reopened())]);
    }
}

/// All readers, and the longest wait.
fn read(policy: &Policy) {
    let (burst, spacing) = policy.rate_limit();
    let first_retry = match policy.first_retry() {
        FirstRetry::Jittered(window) => window,
        _ => Duration::ZERO,
    };
    let (overload_floor, overload_cap) = match policy.overload() {
        Overload::Jump { floor, growth, cap } => {
            line(&[u64::from(growth == Growth::ratio(3, 2))]);
            (floor, cap)
        }
        _ => (Duration::ZERO, Duration::ZERO),
    };
    for duration in [
        policy.longest_wait(),
        policy.backoff().initial(),
        policy.floor(),
        policy.cap(),
        first_retry,
        policy.startup_splay(),
        policy.stable_after(),
        policy.dial_timeout(),
        policy.dial_timeout_max(),
        policy.handshake_timeout(),
        policy.handshake_timeout_max(),
        overload_floor,
        overload_cap,
        policy.max_elapsed().unwrap_or_default(),
        spacing,
        policy.max_hint(),
        policy.park_for(),
        policy.max_age().unwrap_or_default(),
        policy.drain_timeout(),
        policy.idle_timeout().unwrap_or_default(),
    ] {
        line(&[Timestamp::from_origin(duration).since_origin().as_secs()]);
    }
    let trip = policy.breaker().map_or(0, |breaker| match breaker.trip {
        Trip::Consecutive(count) => u64::from(count),
        Trip::Rate { last, min, percent } => u64::from(last ^ min ^ percent),
    });
    let priority = matches!(policy.selection(), Selection::Priority { .. });
    line(&[
        u64::from(burst),
        u64::from(policy.jitter().percent()),
        policy.max_attempts().map_or(0, |limit| u64::from(limit.get())),
        policy.max_rounds().map_or(0, |limit| u64::from(limit.get())),
        u64::from(policy.refresh() == Refresh::MakeFirst),
        u64::from(priority),
        trip,
    ]);
}

fn refused(error: PolicyError) {
    write(error.field().as_bytes());
    write(b": ");
    write(error.rule().as_bytes());
    write(b"\n");
}

fn print(action: Action) {
    let id = |id: Option<DialId>| id.map_or(0, DialId::get);
    match action {
        Action::Idle => line(&[0]),
        Action::Dial(dial) => line(&[
            1,
            dial.id.get(),
            u64::from(dial.endpoint),
            u64::from(dial.attempt),
            dial.deadline.as_nanos(),
            dial.wake.as_nanos(),
            id(dial.serving),
        ]),
        Action::SleepUntil(wait) => line(&[2, wait.until.as_nanos(), reason(wait.reason)]),
        Action::Hold(hold) => {
            let draining = hold.draining.map_or(Timestamp::MAX, |old| old.deadline);
            let old = id(hold.draining.map(|old| old.id));
            line(&[3, hold.id.get(), action.wake().as_nanos(), old, draining.as_nanos()]);
        }
        Action::GiveUp(end) => {
            let failed = u64::from(end.last.is_some());
            let elapsed = Timestamp::from_origin(end.elapsed).as_nanos();
            line(&[4, gave_up(end.reason), u64::from(end.attempts), elapsed, failed]);
        }
    }
}

fn reason(reason: WaitReason) -> u64 {
    match reason {
        WaitReason::Backoff => 0,
        WaitReason::FirstRetry => 1,
        WaitReason::NextEndpoint => 2,
        WaitReason::Splay => 3,
        WaitReason::Online => 4,
        WaitReason::Hint => 5,
        WaitReason::Breaker => 6,
        WaitReason::Parked => 7,
        WaitReason::RateLimit => 8,
        WaitReason::Deferred => 9,
        _ => 99,
    }
}

fn gave_up(reason: GiveUpReason) -> u64 {
    match reason {
        GiveUpReason::Fatal => 0,
        GiveUpReason::HintTooLong => 1,
        GiveUpReason::MaxAttempts => 2,
        GiveUpReason::PolicyNever => 3,
        GiveUpReason::AllParked => 4,
        GiveUpReason::MaxElapsed => 5,
        _ => 99,
    }
}

fn status(status: Status) {
    let words = match status.phase {
        Phase::Idle => [0; 4],
        Phase::Connecting { attempt } => [1, u64::from(attempt), 0, 0],
        Phase::Connected { since, stable } => [2, since.as_nanos(), u64::from(stable), 0],
        Phase::Reconnecting { attempt, until, reason: why } => {
            [3, u64::from(attempt), until.as_nanos(), reason(why)]
        }
        Phase::Offline => [4, 0, 0, 0],
        Phase::GaveUp { reason, attempts } => [5, gave_up(reason), u64::from(attempts), 0],
        _ => [99; 4],
    };
    line(&words);
    line(&[status.endpoint.map_or(u64::MAX, u64::from)]);
    circuit(status.circuit);
}

fn circuit(circuit: Circuit) {
    match circuit {
        Circuit::Closed => line(&[0]),
        Circuit::Open { until } => line(&[1, until.as_nanos()]),
        Circuit::HalfOpen => line(&[2]),
        Circuit::Disabled => line(&[3]),
        _ => line(&[99]),
    }
}

/// One line: the words in hexadecimal.
fn line(words: &[u64]) {
    let mut text = [0; 17 * 8];
    let mut length = 0;
    for word in words {
        let digits = (64 - word.leading_zeros()).div_ceil(4).max(1);
        for digit in (0..digits).rev() {
            let nibble = word.wrapping_shr(4 * digit) as u8 & 15;
            put(&mut text, &mut length, nibble + if nibble < 10 { b'0' } else { b'a' - 10 });
        }
        put(&mut text, &mut length, b' ');
    }
    let end = length.saturating_sub(1);
    if let Some(last) = text.get_mut(end) {
        *last = b'\n';
    }
    write(text.get(..length).unwrap_or_default());
}

fn put(text: &mut [u8], length: &mut usize, byte: u8) {
    if let Some(place) = text.get_mut(*length) {
        *place = byte;
        *length += 1;
    }
}
