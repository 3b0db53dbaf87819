//! The one published table for jitter: the simulator of the AWS Architecture Blog's *Exponential
//! Backoff And Jitter* (2015), with this crate's backoff and jitter in place of its own.
//!
//! A hundred clients write to one row with optimistic concurrency control: read the version, write if
//! it is still the same, back off and begin again if not. Each message takes |N(10, 2)| ms. The figure
//! is the number of writes until all have succeeded.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use redial::{Action, Backoff, Event, Failure, Jitter, Overload, Policy, Reconnector, Timestamp};
use redial_testkit::Random;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Message {
    Read,
    Version(u32),
    Write(u32),
    Written(bool),
    Woken,
}

/// |N(10, 2)| ms, from twelve uniform draws.
fn net_delay(random: &mut Random) -> u64 {
    let sum: u64 = (0..12).map(|_| random.number() >> 44).sum();
    // Twelve times U(0, 2²⁰) has a mean of six times, and a standard deviation of once, 2²⁰; which are
    // 12 ms and 2 ms.
    (sum * 2_000_000 / (1 << 20)).abs_diff(2_000_000)
}

fn writes(policy: &Policy, seed: u64) -> u32 {
    let mut random = Random::new(seed);
    let mut queue = BinaryHeap::new();
    let mut clients = Vec::new();
    for client in 0..100_usize {
        let mut link = Reconnector::new(policy, seed * 1000 + client as u64);
        let _ = link.handle(Timestamp::ORIGIN, Event::Start);
        clients.push(link);
        queue.push(Reverse((net_delay(&mut random), client, Message::Read)));
    }
    let (mut version, mut calls) = (0, 0);
    while let Some(Reverse((now, client, message))) = queue.pop() {
        let at = Timestamp::from_nanos(now);
        let reply = match message {
            Message::Read => Message::Version(version),
            Message::Version(seen) => Message::Write(seen),
            Message::Write(seen) => {
                let fits = seen == version;
                calls += 1;
                version += u32::from(fits);
                Message::Written(fits)
            }
            Message::Written(true) => continue,
            Message::Written(false) | Message::Woken => {
                let link = &mut clients[client];
                let event = match (message, link.action()) {
                    (Message::Written(_), Action::Dial(dial)) => {
                        Event::DialFailed(dial.id, Failure::Unreachable)
                    }
                    _ => Event::Tick,
                };
                if let Action::SleepUntil(wait) = link.handle(at, event) {
                    queue.push(Reverse((wait.until.as_nanos(), client, Message::Woken)));
                    continue;
                }
                Message::Read
            }
        };
        queue.push(Reverse((now + net_delay(&mut random), client, reply)));
    }
    calls
}

/// The blog's figures for a hundred clients; its intervals begin at 2 × 5 ms and end at 2 s.
#[test]
fn our_jitters_make_the_published_numbers_of_writes() {
    let seed = redial_testkit::seed("occ") >> 20;
    let exponential = Backoff::exponential(Duration::from_millis(10), 2, 1);
    let none = Backoff::fixed(Duration::ZERO);
    for (name, backoff, jitter, published) in [
        ("none", none, Jitter::None, 2420),
        ("exponential", exponential, Jitter::None, 1849),
        ("equal", exponential, Jitter::Equal, 812),
        ("full", exponential, Jitter::Full, 795),
    ] {
        let policy = Policy::builder()
            .backoff(backoff)
            .cap(Duration::from_secs(2))
            .jitter(jitter)
            .overload(Overload::Ignore)
            .rate_limit(1_000_000, Duration::from_nanos(1))
            .build()
            .unwrap();
        let runs = 60;
        let sum: u32 = (0..runs).map(|run| writes(&policy, seed + u64::from(run))).sum();
        let mean = sum / runs;
        println!("{name}: {mean} writes, published {published}");
        assert!(mean.abs_diff(published) * 100 <= 3 * published, "{name}: {mean}, not {published}");
    }
}
