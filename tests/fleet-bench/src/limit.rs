//! A million links due at once, and a thousand dials a second.

use std::num::NonZeroU32;

use redial::{Event, Policy, Reconnector, Timestamp};
use redial_fleet::Fleet;

const SECOND: u64 = 1_000_000_000;

/// Starts `links` links at the origin and follows them until each has dialed.
pub(crate) fn check(links: u32, rate: u32) -> Result<String, String> {
    static POLICY: Policy = Policy::DEFAULT;
    let Some(limit) = NonZeroU32::new(rate) else { return Err("a rate of zero".into()) };
    let mut fleet = Fleet::new().max_dials_per_second(limit);
    fleet.reserve(links as usize);
    let mut dials = Vec::with_capacity(links as usize);
    let mut now = Timestamp::ORIGIN;
    for seed in 0..u64::from(links) {
        let key = fleet.insert(now, Reconnector::new(&POLICY, seed));
        if let Some(dial) = fleet.handle(now, key, Event::Start).and_then(|action| action.dial()) {
            dials.push((0, key.index()));
            fleet.handle(now, key, Event::Connected(dial.id));
        }
    }
    while dials.len() < links as usize {
        now = fleet.wake();
        while let Some((key, action)) = fleet.poll(now) {
            if let Some(dial) = action.dial() {
                if dial.deadline.saturating_since(now) < POLICY.dial_timeout() {
                    return Err(format!("the deadline of link {key} ran while it queued"));
                }
                dials.push((now.as_nanos(), key.index()));
                fleet.handle(now, key, Event::Connected(dial.id));
            }
        }
    }
    let (mut most, mut latest) = (0, 0.0_f64);
    for (place, (begin, index)) in dials.iter().enumerate() {
        if place != *index {
            return Err(format!("link {index} dialed in place {place}"));
        }
        most = most.max(dials.partition_point(|(at, _)| *at < begin + SECOND) - place);
        let fair = (place as u64 + 1) * SECOND / u64::from(rate);
        latest = latest.max(crate::count::float(*begin) / crate::count::float(fair));
    }
    if most > rate as usize {
        return Err(format!("{most} dials in one second"));
    }
    if latest > 1.1 {
        return Err(format!("a link waited {latest:.3} × its fair time"));
    }
    Ok(format!(
        "{links} links due at once, {rate} dials a second: at most {most} in any second, in order, \
         none later than {latest:.3} × its fair time.\n"
    ))
}
