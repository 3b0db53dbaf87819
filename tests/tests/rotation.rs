//! A fleet whose connections have a maximum age does not replace them in step.

use std::time::Duration;

use redial::{Action, Event, Failure, Policy, Reconnector, Timestamp};

const LINKS: u64 = 10_000;
const DAY: u64 = 24 * 3600;
const BUCKET: u64 = 10;

/// Refreshes of one link per bucket of a day; every dial succeeds 50 ms later, and the replaced
/// connection drains in a second.
fn refreshes(policy: &Policy, seed: u64, buckets: &mut [u32]) {
    let (dialing, draining) = (Duration::from_millis(50), Duration::from_secs(1));
    let mut link = Reconnector::new(policy, seed);
    let mut now = Timestamp::ORIGIN;
    let mut action = link.handle(now, Event::Start);
    loop {
        action = match action {
            Action::Dial(dial) => {
                if dial.serving.is_some() {
                    buckets[usize::try_from(now.since_origin().as_secs() / BUCKET).unwrap()] += 1;
                }
                now = now.saturating_add(dialing);
                link.handle(now, Event::Connected(dial.id))
            }
            Action::Hold(hold) => {
                if let Some(old) = hold.draining {
                    now = now.saturating_add(draining);
                    link.handle(now, Event::Closed(old.id, Failure::Unreachable))
                } else {
                    now = hold.wake.expect("it ages");
                    if now.since_origin().as_secs() >= DAY {
                        return;
                    }
                    link.handle(now, Event::Tick)
                }
            }
            other => panic!("{other}"),
        };
    }
}

#[test]
fn no_ten_seconds_of_a_day_hold_twice_the_mean() {
    let policy = Policy::builder().max_age(Duration::from_secs(3600)).build().unwrap();
    let mut buckets = vec![0; usize::try_from(DAY / BUCKET + 1).unwrap()];
    for seed in 0..LINKS {
        refreshes(&policy, seed, &mut buckets);
    }
    let after_the_first_hour = &buckets[360..8640];
    let mean = f64::from(after_the_first_hour.iter().sum::<u32>()) / 8280.0;
    let most = *after_the_first_hour.iter().max().unwrap();
    println!("refreshes in 10 s: mean {mean:.1}, most {most}");
    assert!(f64::from(most) <= 2.0 * mean, "{most} of a mean of {mean}");
}
