//! Several endpoints, of which one says when to come back.

use redial::Failure::Overloaded;
use redial::{Event, Failure, Policy, Reconnector};

use crate::{at, hint, list, plain, secs};

/// Dials to 0 and 1 in an hour of their refusing.
fn dials_in_an_hour(policy: &Policy, failures: [Failure; 2]) -> [usize; 2] {
    let mut link = Reconnector::with_endpoints(policy.clone(), 7, list(&[0, 1]));
    let (mut now, mut dials) = (at(0), [0, 0]);
    let mut action = link.handle(now, Event::Start);
    while now < at(3600) {
        if let Some(dial) = action.dial() {
            let index = usize::try_from(dial.endpoint).unwrap();
            dials[index] += 1;
            action = link.handle(now, Event::DialFailed(dial.id, failures[index]));
        } else {
            now = action.wake();
            action = link.handle(now, Event::Tick);
        }
    }
    dials
}

#[test]
fn a_hint_of_one_endpoint_does_not_end_the_backoff_of_another() {
    for policy in [Policy::DEFAULT, plain().build().unwrap()] {
        let [_, alone] = dials_in_an_hour(&policy, [Overloaded, Overloaded]);
        let [_, beside] = dials_in_an_hour(&policy, [hint(5), Overloaded]);
        assert!(beside <= 2 * alone, "{beside} dials to a server that is overloaded, not {alone}");
    }
}

#[test]
fn a_slot_that_a_server_gave_is_not_lost_to_the_silence_of_another() {
    // 0 says when to come back, 1 is a black hole.
    let mut link = Reconnector::with_endpoints(Policy::DEFAULT, 7, list(&[0, 1]));
    let (mut now, mut asked, mut longest) = (at(0), at(0), secs(0));
    let mut action = link.handle(now, Event::Start);
    while now < at(4 * 3600) {
        match action.dial() {
            Some(dial) if dial.endpoint == 0 => {
                longest = longest.max(now.saturating_since(asked));
                asked = now;
                action = link.handle(now, Event::DialFailed(dial.id, hint(5)));
            }
            _ => {
                now = action.wake();
                action = link.handle(now, Event::Tick);
            }
        }
    }
    assert!(longest < secs(120), "asked to come back in 5 s, it came after {longest:?}");
}
