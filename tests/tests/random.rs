//! What the random generators promise.

use redial::{Event, Failure, Policy, Timestamp};
use redial_testkit::ops::{What, When, Who};
use redial_testkit::{Bytes, Call, Op, POLICY_BYTES, Random, Trace, policy, seed, span};

#[test]
fn every_policy_is_valid_and_zeros_are_the_default() {
    assert_eq!(policy(&mut Bytes::new(&[])), Policy::DEFAULT);
    let mut random = Random::new(seed("every_policy_is_valid"));
    for _ in 0..20_000 {
        policy(&mut Bytes::new(&random.array::<POLICY_BYTES>()));
    }
}

#[test]
fn spans_rise() {
    for byte in 4..=178 {
        assert!(span(byte - 1) < span(byte), "{byte}");
    }
    assert!((1..=255).all(|byte| !span(byte).is_zero()));
}

#[test]
fn every_operation_comes_up() {
    let mut random = Random::new(seed("every_operation_comes_up"));
    let ops: Vec<Op> = (0..20_000).map(|_| Op::decode(random.array())).collect();
    let kinds = |name: fn(&Op) -> String| {
        let mut names: Vec<String> = ops
            .iter()
            .map(|op| name(op).split(['(', ' ', '{']).next().unwrap_or_default().to_owned())
            .collect();
        names.sort();
        names.dedup();
        names.len()
    };
    assert_eq!(kinds(|op| format!("{:?}", op.what)), 18);
    assert_eq!(kinds(|op| format!("{:?}", op.when)), 7);
    assert_eq!(Op::decode([0; Op::BYTES]), Op::default());
}

#[test]
fn operations_mean_the_ids_and_times_of_the_moment() {
    let op = |when, what| Op { when, what };
    let mut trace = Trace::new(&Policy::DEFAULT, 1, &[0]);
    trace.step(&op(When::Now, What::Start));
    let action = trace.step(&op(When::Now, What::Connected(Who::Dial)));
    let held = action.held().expect("connected");
    let failure = Failure::Unreachable;
    trace.step(&op(When::Wake, What::Closed(Who::Link, failure)));
    assert_eq!(trace.records[2].now, action.wake());
    assert_eq!(trace.records[2].call, Call::Event(Event::Closed(held, failure)));
    trace.step(&op(When::Back(span(3)), What::Tick));
    assert!(trace.records[3].given < trace.records[3].now);
    trace.step(&op(When::End(span(0)), What::Tick));
    assert_eq!(trace.records[4].given, Timestamp::MAX);
}
