//! The blocking driver of the examples, over real sockets.

#[path = "../examples/blocking.rs"]
mod blocking;

use redial::{Action, GiveUpReason, Reconnector};

#[test]
fn the_blocking_driver_rides_through_trouble_to_the_policys_end() {
    let address = blocking::troubled_server().unwrap();
    let link = Reconnector::new(&blocking::POLICY, 7);
    let (mut failed, mut flapped, mut last) = (0, 0, Action::Idle);
    let end = blocking::keep(address, link, |action| {
        match (last, action) {
            (Action::Dial(_), Action::SleepUntil(_)) => failed += 1,
            (Action::Hold(_), Action::SleepUntil(_)) => flapped += 1,
            _ => {}
        }
        last = *action;
    });
    assert!(failed > 0, "it was refused");
    assert!(flapped > 0, "it was accepted and lost");
    assert_eq!(end.reason, GiveUpReason::MaxElapsed);
}
