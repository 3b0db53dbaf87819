//! What is said is heard, whenever it is said.

use std::future::{poll_fn, ready};

use loom::future::block_on;
use loom::thread::spawn;
use redial::{Event, Failure, Policy, Reconnector, Timestamp};

use super::{PREEMPTIONS, QUICK, connect, driven, explore, link, serve};
use crate::hub::Hub;
use crate::session::{Ear, Line};
use crate::sync::Arc;
use crate::{LinkError, Session};

#[test]
fn a_command_is_heard_whenever_it_comes() {
    explore("command", 5, || {
        let drive = link().drive(connect, serve);
        let handle = drive.handle();
        let driver = driven(drive);
        handle.stop();
        assert!(driver.join().unwrap().is_ok());
    });
}

#[test]
fn the_abort_of_a_dropped_link_is_heard() {
    explore("abort", 3, || {
        let drive = link().drive(connect, serve);
        let link = drive.link();
        let driver = driven(drive);
        drop(link);
        assert!(matches!(driver.join().unwrap(), Err(LinkError::Aborted)));
    });
}

#[test]
fn the_last_handle_that_goes_is_heard() {
    explore("last handle", 3, || {
        let drive = link().drive(|_| ready(Err(Failure::Fatal)), serve);
        let link = drive.link();
        let other = link.handle();
        link.detach();
        let driver = driven(drive);
        let dropping = spawn(move || drop(other));
        // It gives up, and stays for as long as someone could start it again.
        assert!(matches!(driver.join().unwrap(), Err(LinkError::GaveUp { .. })));
        dropping.join().unwrap();
    });
}

/// Two threads say different things while a third listens: each arrives once.
#[test]
fn what_two_say_at_once_is_heard_once_each() {
    explore("two speakers", 3, || {
        let hub = Arc::new(Hub::new(Reconnector::new(Policy::DEFAULT, 1).status(), true, None));
        let wish = |hub: &Hub, key| {
            hub.wish(|wishes| {
                wishes.circuits.insert(key, true);
            });
        };
        let (first, second) = (hub.clone(), hub.clone());
        let first = spawn(move || wish(&first, 1));
        let second = spawn(move || {
            second.tell(|commands| commands.news.redial = true);
            wish(&second, 2);
        });
        let (mut tripped, mut redials) = (Vec::new(), 0);
        block_on(async {
            while tripped.len() < 2 || redials < 1 {
                poll_fn(|cx| hub.poll_spoken(cx)).await;
                let (commands, wishes) = hub.take_commands();
                redials += u32::from(commands.news.redial);
                tripped.extend(wishes.into_iter().flat_map(|wishes| wishes.circuits.into_keys()));
            }
        });
        first.join().unwrap();
        second.join().unwrap();
        assert!(hub.take_commands().1.is_none(), "heard twice");
        tripped.sort_unstable();
        assert_eq!((tripped, redials), (vec![1, 2], 1));
    });
}

/// Two tasks of one connection speak for it; nothing of it is lost, though what is said twice may be
/// heard once.
#[test]
fn what_two_say_of_one_connection_is_heard() {
    explore("two of one connection", 3, || {
        let mut reconnector = Reconnector::new(&QUICK, 1);
        let hub = Arc::new(Hub::new(reconnector.status(), false, None));
        let dial = reconnector.handle(Timestamp::ORIGIN, Event::Start).dial().unwrap();
        let line = Arc::new(Line::new(dial.id, dial.endpoint));
        let first = Session::new(line.clone(), true, Ear::Link(hub.clone()));
        let second = first.clone();
        let first = spawn(move || first.activity());
        let second = spawn(move || {
            second.activity();
            second.confirmed();
        });
        let (mut active, mut confirmed) = (0, false);
        block_on(async {
            while active == 0 || !confirmed {
                poll_fn(|cx| hub.poll_spoken(cx)).await;
                for event in line.heard(Timestamp::ORIGIN) {
                    active += u32::from(event == Event::Activity(dial.id));
                    confirmed |= event == Event::Confirmed(dial.id);
                }
            }
        });
        first.join().unwrap();
        second.join().unwrap();
        active += u32::try_from(line.heard(Timestamp::ORIGIN).count()).unwrap();
        assert!(active <= 2, "heard {active} times");
    });
}

/// Two callers who want a lazy link get the same connection, and it is dialed once.
#[test]
fn two_who_want_a_lazy_link_make_one_dial() {
    explore("lazy", PREEMPTIONS, || {
        let drive = link().lazy().drive(connect, serve);
        let (first, second) = (drive.handle(), drive.handle());
        let driver = driven(drive);
        let other = spawn(move || block_on(first.connection()).unwrap().id);
        let id = block_on(second.connection()).unwrap().id;
        assert_eq!(other.join().unwrap(), id);
        assert_eq!(id.get(), 1);
        second.stop();
        assert!(driver.join().unwrap().is_ok());
    });
}

/// Two callers see the same connection fail: one of them is the first, and it is replaced once.
#[test]
fn two_reports_of_one_connection_are_one() {
    explore("reports", PREEMPTIONS, || {
        let drive = link().drive(connect, serve);
        let handle = drive.handle();
        let driver = driven(drive);
        let id = block_on(handle.connection()).unwrap().id;
        let other = handle.clone();
        let other = spawn(move || other.report(id, Failure::Unreachable));
        let mine = handle.report(id, Failure::Unreachable);
        assert!(mine != other.join().unwrap(), "two firsts, or none");
        let next = block_on(handle.connection()).unwrap().id;
        assert_eq!(next.get(), id.get() + 1);
        handle.stop();
        assert!(driver.join().unwrap().is_ok());
    });
}
