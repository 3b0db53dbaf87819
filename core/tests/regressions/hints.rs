//! Several endpoints, of which one says when to come back.

use redial::Failure::{Overloaded, Unreachable};
use redial::{
    Action, BreakerPolicy, Event, Failure, GiveUpReason, Policy, Reconnector, Selection, Timestamp,
    presets,
};

use crate::{Link, at, dial, fail, fail_with, hint, later, link, list, plain, restored, secs};

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

/// Dials to each endpoint in `hours`, if a dial to it takes so many seconds and ends so, and the
/// longest time that each was not asked.
fn asked(policy: &Policy, ends: &[(u64, Failure)], hours: u64) -> Vec<(usize, u64)> {
    let keys: Vec<u32> = (0..).zip(ends).map(|(key, _)| key).collect();
    let mut link = Reconnector::with_endpoints(policy.clone(), 7, list(&keys));
    let mut dials = vec![(0, 0); ends.len()];
    let mut last = vec![at(0); ends.len()];
    let (mut now, end) = (at(0), at(3600 * hours));
    let mut action = link.handle(now, Event::Start);
    while now < end {
        if let Some(dial) = action.dial() {
            let index = usize::try_from(dial.endpoint).unwrap();
            let (count, longest) = &mut dials[index];
            *count += 1;
            *longest = now.saturating_since(last[index]).as_secs().max(*longest);
            last[index] = now;
            now = later(now, ends[index].0);
            action = link.handle(now, Event::DialFailed(dial.id, ends[index].1));
        } else {
            now = action.wake();
            action = link.handle(now.min(end), Event::Tick);
        }
    }
    for (index, (_, longest)) in dials.iter_mut().enumerate() {
        *longest = end.saturating_since(last[index]).as_secs().max(*longest);
    }
    dials
}

#[test]
fn endpoints_that_ask_to_come_back_leave_the_others_their_turn() {
    // Two busy servers that take two seconds to say "in a second", and one that refuses.
    let busy = (2, hint(1));
    for (selection, ends) in [
        (Selection::RoundRobin, [busy, (0, Unreachable), busy]),
        (Selection::Shuffle, [busy, (0, Unreachable), busy]),
        (Selection::Priority { failback: None }, [busy, busy, (0, Unreachable)]),
    ] {
        let policy = Policy::builder().selection(selection).build().unwrap();
        let dials = asked(&policy, &ends, 4);
        let longest = policy.longest_wait().as_secs();
        for (dials, gap) in &dials {
            assert!(
                gap <= &longest,
                "{selection:?}: {dials} dials, once none for {gap} s; {dials:?}"
            );
        }
    }
}

#[test]
fn a_healthy_endpoint_gets_its_turn_though_others_ask_to_come_back() {
    // Three that say "in a second" at once, and a last one that nobody knows yet.
    let policy = Policy::builder().selection(Selection::Priority { failback: None });
    let busy = (0, hint(1));
    let dials = asked(&policy.build().unwrap(), &[busy, busy, busy, busy, (0, Unreachable)], 1);
    assert!(dials[4].0 > 0, "{dials:?}");
}

#[test]
fn a_round_visits_every_endpoint_before_it_counts() {
    let mut link = link(plain().max_rounds(8), &[0, 1]);
    let (mut now, mut dials) = (at(0), [0, 0]);
    let mut action = link.handle(now, Event::Start);
    let end = loop {
        match action {
            Action::Dial(dial) => {
                dials[usize::try_from(dial.endpoint).unwrap()] += 1;
                let why = if dial.endpoint == 0 { hint(1) } else { Overloaded };
                action = link.handle(now, Event::DialFailed(dial.id, why));
            }
            Action::GiveUp(end) => break end,
            other => {
                now = other.wake();
                action = link.handle(now, Event::Tick);
            }
        }
    };
    assert_eq!(end.reason, GiveUpReason::MaxAttempts);
    assert!(dials[1] >= 8, "{dials:?} after {now}");
}

#[test]
fn rounds_come_to_an_end_though_circuits_are_open() {
    let rounds = Policy::builder().max_rounds(3).breaker(BreakerPolicy::consecutive(3));
    let policy = rounds.build().unwrap();
    let ends = [(0, Overloaded), (1, hint(2)), (0, hint(1)), (0, hint(1))];
    let dials: usize = asked(&policy, &ends, 1).iter().map(|(dials, _)| dials).sum();
    assert!(dials < 100, "{dials} dials in three rounds through four endpoints");
}

#[test]
fn a_round_counts_when_whoever_waits_for_a_hint_has_had_a_turn() {
    let mut link = link(plain().max_rounds(2), &[0, 1, 2]);
    link.handle(at(0), Event::Start);
    fail_with(&mut link, at(0), hint(10));
    fail(&mut link, at(0));
    let now = fail(&mut link, at(0)).wake();
    link.handle(now, Event::Tick);
    // Shortly before the hint ends, one of the others has failed again and one is dropped.
    let asked = link.endpoints()[0].hinted_until().unwrap();
    let now = Timestamp::from_nanos(asked.as_nanos() - 1);
    fail(&mut link, now);
    let dropped = dial(&link);
    assert_eq!(link.handle(now, Event::DialAborted(dropped)).wake(), asked);
    link.handle(asked, Event::Tick);
    link.set_endpoints(asked, list(&[0, 1]));
    let action = fail(&mut link, asked);
    assert!(matches!(action, Action::GiveUp(_)), "two rounds: {action}");
}

/// How many dials, of which the nth fails so, until the link gives up; `most` if it does not.
fn dials_to_the_end(link: &mut Link, most: usize, why: impl Fn(usize) -> Failure) -> usize {
    let (mut now, mut dials) = (at(0), 0);
    let mut action = link.handle(now, Event::Start);
    while dials < most && !matches!(action, Action::GiveUp(_)) {
        action = if action.dial().is_some() {
            dials += 1;
            fail_with(link, now, why(dials))
        } else {
            now = action.wake();
            link.handle(now, Event::Tick)
        };
    }
    dials
}

#[test]
fn rounds_count_though_hints_have_put_the_endpoints_out_of_step() {
    let mut link = link(plain().max_rounds(10), &[0, 1]);
    let why = |dial| if dial == 2 { hint(3) } else { Unreachable };
    let dials = dials_to_the_end(&mut link, 21, why);
    assert!(dials > 10 && dials <= 20, "ten rounds of two: {dials}");
}

#[test]
fn a_hint_of_nothing_does_not_switch_the_backoff_off() {
    let policy = presets::signalr();
    assert_eq!(policy.backoff().initial(), secs(0));
    let dials = |failure: Failure| {
        let mut link = Reconnector::with_endpoints(policy.clone(), 7, list(&[0]));
        dials_to_the_end(&mut link, 100, |_| failure)
    };
    assert_eq!(dials(hint(0)), dials(Unreachable));
}

#[test]
fn a_restored_hint_is_cut_to_what_the_policy_follows() {
    let mut link = link(plain(), &[0]);
    link.handle(at(0), Event::Start);
    fail_with(&mut link, at(0), hint(3600));
    let next = restored(&link, plain().max_hint(secs(10)), &[0], at(0));
    assert!(next.action().timeout(at(0)) <= Some(secs(11)), "{}", next.action());
}
