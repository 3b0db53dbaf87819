//! What was said before the loop looks is heard as it was meant.

use std::future::{pending, ready};
use std::sync::mpsc;
use std::task::Poll;

use redial_async::redial::{Failure, Policy, Reconnector};
use redial_async::{Drain, Ended, LinkError, Session, drive};

use crate::clock::Clock;
use crate::poll;

#[test]
fn a_caller_does_not_overrule_a_stop_that_was_not_heard_yet() {
    let link = drive(
        Reconnector::new(Policy::DEFAULT, 1),
        Clock::default(),
        |_| ready(Ok::<_, Failure>(())),
        |(), _| pending::<Ended<Failure>>(),
    );
    let handle = link.handle();
    handle.stop();
    let connection = poll(handle.connection());
    assert!(matches!(connection, Poll::Ready(Err(LinkError::Stopped))), "{connection:?}");
    assert!(matches!(poll(link), Poll::Ready(Ok(()))));
}

#[test]
fn a_drain_ends_when_its_connection_is_gone() {
    let (sender, drains) = mpsc::channel::<Drain>();
    let mut link = Box::pin(drive(
        Reconnector::new(Policy::DEFAULT, 1),
        Clock::default(),
        |_| ready(Ok::<_, Failure>(())),
        |(), session: Session| {
            sender.send(session.draining()).unwrap();
            pending::<Ended<Failure>>()
        },
    ));
    assert!(poll(link.as_mut()).is_pending());
    let mut drain = drains.recv().unwrap();
    assert!(poll(&mut drain).is_pending());
    drop(link);
    assert!(poll(drain).is_ready());
}
