//! What was said before the loop looks is heard as it was meant.

use std::cell::Cell;
use std::future::{pending, ready};
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use redial_async::redial::{Backoff, DialId, Failure, Overload, Policy, Reconnector};
use redial_async::{
    Attempt, Drain, Driver, Ended, Idempotent, LinkError, LinkHandle, RunError, Session, drive,
};

use crate::clock::Clock;
use crate::{Woken, poll};

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

/// How often the loop is woken by a hundred answers and what callers say besides.
fn woken_by_answers(policy: Policy) -> usize {
    let driver = Driver::new(Reconnector::new(policy, 1), Clock::default()).share(|one: &()| *one);
    let connect = |_| ready(Ok::<_, Failure>(()));
    let mut drive = pin!(driver.drive(connect, |(), _| pending::<Ended<Failure>>()));
    let link = drive.handle();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut turn = || drive.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
    assert!(turn());
    let id = link.current().unwrap().id;
    for _ in 0..100 {
        let run = link.run(|_| ready(Ok(())), Idempotent::Yes);
        assert!(matches!(poll(run), Poll::Ready(Ok(()))));
        link.activity(id);
        link.activity(DialId::new(99).unwrap());
    }
    let before = woken.count();
    assert!(turn());
    link.activity(id);
    woken.count().max(2 * before)
}

#[test]
fn answers_wake_the_loop_once_and_only_if_somebody_asks_for_them() {
    let idles = Policy::builder().idle_timeout(Duration::from_secs(60)).build().unwrap();
    assert_eq!(woken_by_answers(idles), 2, "once before it looked, and once after");
    assert_eq!(woken_by_answers(Policy::DEFAULT), 0);
}

/// Dials without a pause, however many fail.
fn restless() -> Policy {
    let policy = Policy::builder().backoff(Backoff::fixed(Duration::ZERO));
    let policy = policy.overload(Overload::Ignore).stable_after(Duration::from_secs(1));
    policy.rate_limit(u32::MAX, Duration::from_nanos(1)).build().unwrap()
}

/// What a link whose dials all fail at once says to a command, and how many it dials meanwhile.
fn told(
    command: impl FnOnce(LinkHandle<(), Failure>),
) -> (Poll<Result<(), LinkError<Failure>>>, u32) {
    let dials = Cell::new(0);
    let connect = |_| {
        dials.set(dials.get() + 1);
        ready(Err::<(), _>(Failure::Unreachable))
    };
    let serve = |(), _| pending::<Ended<Failure>>();
    let mut link = pin!(drive(Reconnector::new(restless(), 1), Clock::default(), connect, serve));
    assert!(poll(link.as_mut()).is_pending());
    let before = dials.get();
    command(link.handle());
    let mut end = Poll::Pending;
    for _ in 0..10 {
        if end.is_pending() {
            end = poll(link.as_mut());
        }
    }
    (end, dials.get() - before)
}

#[test]
fn dials_that_fail_at_once_do_not_keep_a_command_waiting() {
    let (end, dials) = told(|link| link.stop());
    assert!(matches!(end, Poll::Ready(Ok(()))), "{end:?}");
    assert!(dials < 100, "{dials} dials after a stop");
    let (end, _) = told(|link| _ = link.shutdown(Duration::from_secs(60)));
    assert!(matches!(end, Poll::Ready(Ok(()))), "{end:?}");
    let (end, dials) = told(|link| link.offline());
    assert!(end.is_pending());
    assert!(dials < 100, "{dials} dials without a network");
}

#[test]
fn dials_that_fail_at_once_do_not_keep_an_owner_waiting() {
    let connect = |_| ready(Err::<(), _>(Failure::Unreachable));
    let serve = |(), _| pending::<Ended<Failure>>();
    let mut drive = pin!(drive(Reconnector::new(restless(), 1), Clock::default(), connect, serve));
    let link = drive.link();
    assert!(poll(drive.as_mut()).is_pending());
    drop(link);
    let end = (0..10).map(|_| poll(drive.as_mut())).find(Poll::is_ready);
    assert!(matches!(end, Some(Poll::Ready(Err(LinkError::Aborted)))), "{end:?}");
}

#[test]
fn dials_that_fail_at_once_do_not_keep_a_deadline_waiting() {
    let clock = Clock::default();
    let driver = Driver::new(Reconnector::new(restless(), 1), clock.clone()).share(|one: &()| *one);
    let connect = |_| ready(Err::<(), _>(Failure::Unreachable));
    let mut drive = pin!(driver.drive(connect, |(), _| pending::<Ended<Failure>>()));
    let link = drive.handle();
    let run = link.run(|_| ready(Ok(())), Idempotent::Yes).within(Duration::from_secs(5));
    let mut run = pin!(run);
    assert!(poll(run.as_mut()).is_pending());
    for _ in 0..3 {
        assert!(poll(drive.as_mut()).is_pending());
        assert!(poll(run.as_mut()).is_pending(), "too early");
        clock.advance(Duration::from_secs(2));
    }
    assert!(poll(drive.as_mut()).is_pending());
    assert!(matches!(poll(run.as_mut()), Poll::Ready(Err(RunError::TimedOut(None)))));
}

/// A success that is there when the deadline comes counts, whoever speaks in the same moment.
#[test]
fn a_success_at_the_deadline_counts_though_somebody_speaks() {
    let clock = Clock::default();
    let (first, now) = (Cell::new(true), clock.clone());
    let connect = |attempt: Attempt| {
        let first = first.replace(false);
        let now = now.clone();
        async move {
            if first {
                std::future::poll_fn(|_| {
                    if redial_async::Runtime::now(&now) >= attempt.dial.deadline {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
                .await;
            }
            Ok::<_, Failure>(())
        }
    };
    let serve = |(), _| pending::<Ended<Failure>>();
    let mut link = pin!(drive(Reconnector::new(Policy::DEFAULT, 1), clock.clone(), connect, serve));
    let handle = link.handle();
    assert!(poll(link.as_mut()).is_pending());
    clock.advance(Duration::from_secs(600));
    handle.redial();
    assert!(poll(link.as_mut()).is_pending());
    assert_eq!(handle.status().dials, 2, "the connection was made, and replaced as it was asked");
}

/// A link whose replacements fail at once still looks at the connection that it has.
#[test]
fn dials_that_fail_at_once_do_not_keep_a_connection_waiting() {
    let clock = Clock::default();
    let (dials, over) = (Cell::new(0), Cell::new(false));
    let connect = |_| {
        dials.set(dials.get() + 1);
        ready(if dials.get() == 1 { Ok(()) } else { Err(Failure::Unreachable) })
    };
    let serve = |(), _: Session| {
        std::future::poll_fn(|_| {
            if over.get() { Poll::Ready(Ended::<Failure>::Finished) } else { Poll::Pending }
        })
    };
    let mut link = pin!(drive(Reconnector::new(restless(), 1), clock.clone(), connect, serve));
    let handle = link.handle();
    assert!(poll(link.as_mut()).is_pending());
    clock.advance(Duration::from_secs(2));
    assert!(poll(link.as_mut()).is_pending());
    handle.redial();
    assert!(poll(link.as_mut()).is_pending());
    assert!(dials.get() > 10, "it tries again and again: {}", dials.get());
    over.set(true);
    let end = (0..10).map(|_| poll(link.as_mut())).find(Poll::is_ready);
    assert!(matches!(end, Some(Poll::Ready(Ok(())))), "{end:?}");
}
