//! The event loop of the examples, over real sockets.

#[path = "../examples/event_loop.rs"]
mod event_loop;

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use redial::{Action, DialId, Event, Failure, GiveUpReason};

#[test]
fn an_end_that_comes_with_its_connection_is_seen() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut socket = mio::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    drop(listener.accept());
    thread::sleep(Duration::from_millis(50));
    let id = DialId::new(1).unwrap();
    let events = event_loop::happened(id, &mut socket, true);
    let closed = Event::Closed(id, Failure::Unreachable);
    assert_eq!(events, [Some(Event::Connected(id)), Some(closed)]);
}

#[test]
fn the_event_loop_rides_through_trouble_to_the_policys_end() {
    let address = event_loop::troubled_server().unwrap();
    let mut driver = event_loop::Loop::new(address, &event_loop::POLICY, 7).unwrap();
    let (mut failed, mut flapped, mut turns, mut last) = (0, 0, 0, Action::Idle);
    let end = loop {
        let action = driver.turn().unwrap();
        match (last, action) {
            (Action::Dial(_), Action::SleepUntil(_)) => failed += 1,
            (Action::Hold(_), Action::SleepUntil(_)) => flapped += 1,
            (_, Action::GiveUp(end)) => break end,
            _ => {}
        }
        last = action;
        turns += 1;
        assert!(turns < 1000, "the loop does not spin");
    };
    assert!(failed > 0, "it was refused");
    assert!(flapped > 0, "it was accepted and lost");
    assert_eq!(end.reason, GiveUpReason::MaxElapsed);
}
