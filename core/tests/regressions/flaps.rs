//! Failbacks that are accepted and closed again: how often, and what they leave alone.

use redial::{Event, Policy, Reconnector, Selection};

use crate::failbacks::{failing_back, lose};
use crate::{at, connect, fail, later, link, list, secs};

#[test]
fn a_better_endpoint_that_accepts_and_closes_is_tried_ever_less_often() {
    let mut link = link(failing_back(), &[0, 1]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    connect(&mut link, at(0));
    let (mut now, mut dials) = (at(0), Vec::new());
    while now < at(2000) {
        if link.action().dial().is_some() {
            dials.push(now);
            let id = connect(&mut link, now);
            lose(&mut link, id, now);
        }
        now = link.action().wake();
        link.handle(now, Event::Tick);
    }
    let waits: Vec<_> = dials.windows(2).map(|pair| pair[1].saturating_since(pair[0])).collect();
    assert!(waits.is_sorted() && waits.last() == Some(&secs(45)), "{:?}", waits.last());
}

#[test]
fn failbacks_that_flap_keep_no_connection_from_growing_old() {
    let mut link = link(failing_back().max_age(secs(600)), &[0, 1]);
    link.handle(at(0), Event::Start);
    fail(&mut link, at(0));
    let spare = connect(&mut link, at(0));
    let mut now = at(0);
    let renewed = loop {
        match link.action().dial() {
            Some(dial) if dial.endpoint == 0 => {
                let id = connect(&mut link, now);
                now = later(now, 5);
                lose(&mut link, id, now);
            }
            Some(dial) => break dial,
            None => {
                now = link.action().wake();
                link.handle(now, Event::Tick);
            }
        }
        assert!(now < at(700), "it is still the link: {}", link.action());
    };
    assert_eq!(renewed.serving, Some(spare));
}

#[test]
fn a_failback_that_flaps_changes_no_age() {
    let policy = Policy::builder().selection(Selection::Priority { failback: Some(secs(20)) });
    let policy = policy.max_age(secs(10_000)).build().unwrap();
    let renewed = |seed, mut flaps| {
        let mut link = Reconnector::with_endpoints(policy.clone(), seed, list(&[0, 1]));
        link.handle(at(0), Event::Start);
        let mut now = fail(&mut link, at(0)).wake();
        link.handle(now, Event::Tick);
        connect(&mut link, now);
        loop {
            match link.action().dial() {
                Some(dial) if dial.endpoint == 1 => break now.since_origin().as_secs(),
                Some(_) if std::mem::take(&mut flaps) => {
                    let id = connect(&mut link, now);
                    lose(&mut link, id, now);
                }
                Some(_) => {
                    fail(&mut link, now);
                }
                None => {
                    now = link.action().wake();
                    link.handle(now, Event::Tick);
                }
            }
        }
    };
    for seed in 0..8 {
        let (with, without) = (renewed(seed, true), renewed(seed, false));
        assert!(with.abs_diff(without) < 100, "{with} s instead of {without} s");
    }
}
