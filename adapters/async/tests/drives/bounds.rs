//! What is asked of a link's parts: nothing that spawning would need, and of callers even less.

use std::cell::Cell;
use std::future::{pending, ready};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use redial_async::redial::{Policy, Reconnector};
use redial_async::{Connection, Driver, Ended, Link, LinkError, LinkHandle, Session, Watch};

use crate::clock::Clock;
use crate::poll;

fn is_send<T: Send>(_: &T) {}

fn is_shared<T: Send + Sync + Unpin>() {}

#[test]
fn a_drive_asks_for_neither_send_nor_static() {
    let policy = Policy::DEFAULT;
    let dials = Cell::new(0);
    let connected = Rc::new(Cell::new(None));
    let shown = connected.clone();
    let drive = Driver::new(Reconnector::new(&policy, 1), Clock::default())
        .share(|connection: &Rc<&str>| connection.clone())
        .drive(
            |_| {
                dials.set(dials.get() + 1);
                ready(io::Result::Ok(Rc::new("borrowed")))
            },
            |connection: Rc<&str>, session: Session| {
                shown.set(Some((*connection, session.id())));
                async { Ended::Finished }
            },
        );
    let handle = drive.handle();
    assert!(matches!(poll(pin!(drive)), Poll::Ready(Ok(()))));
    assert_eq!(dials.get(), 1);
    assert_eq!(connected.get().map(|(connection, _)| connection), Some("borrowed"));
    assert!(handle.current().is_none());
}

#[test]
fn a_drive_is_send_if_its_parts_are() {
    let drive = Driver::new(Reconnector::new(Policy::DEFAULT, 1), Clock::default())
        .share(|_: &Cell<u8>| String::new())
        .drive(
            |_| async { io::Result::Ok(Cell::new(1)) },
            |cell, _| async move {
                cell.set(2);
                pending().await
            },
        );
    is_send(&drive);
}

#[test]
fn callers_may_be_anywhere() {
    is_shared::<LinkHandle<Cell<u8>>>();
    is_shared::<Link<Cell<u8>>>();
    is_shared::<Watch>();
    is_shared::<Session>();
    is_shared::<Connection<String>>();
    is_shared::<LinkError<io::Error>>();
    is_shared::<redial_async::Subscriptions<String>>();
}
