//! However a link ends, it says so.

use std::cell::{Cell, RefCell};
use std::future::{Pending, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use redial_async::redial::{Failure, Phase, Policy, Reconnector};
use redial_async::{Driver, Ended, Idempotent, LinkError, RunError, Session, Transition};

use crate::clock::Clock;
use crate::{Woken, poll};

type Served = Ended<Failure>;

fn driver(clock: &Clock) -> Driver<Clock> {
    Driver::new(Reconnector::new(Policy::DEFAULT, 1), clock.clone())
}

fn connected<T>(_: T) -> std::future::Ready<Result<(), Failure>> {
    ready(Ok(()))
}

fn endless((): (), _: Session) -> Pending<Served> {
    pending()
}

#[test]
fn a_link_whose_future_was_dropped_is_idle() {
    let clock = Clock::default();
    let mut drive = Box::pin(driver(&clock).drive(connected, endless));
    let handle = drive.handle();
    let mut watch = handle.watch();
    assert!(poll(drive.as_mut()).is_pending());
    assert!(matches!(poll(watch.changed()), Poll::Ready(Some(_))));
    assert!(watch.is_connected());

    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    assert!(watch.poll_changed(&mut cx).is_pending());
    drop(drive);
    assert_eq!(woken.count(), 1);
    assert_eq!(handle.status().phase, Phase::Idle);
    assert!(!watch.is_connected());
    let Poll::Ready(Some(last)) = poll(watch.changed()) else { panic!("nothing is told") };
    assert_eq!(last.phase, Phase::Idle);
    assert!(matches!(poll(watch.changed()), Poll::Ready(None)));
    assert!(matches!(poll(handle.closed()), Poll::Ready(Err(LinkError::Aborted))));
}

#[test]
fn a_link_that_panicked_is_idle() {
    let clock = Clock::default();
    let ill = Cell::new(false);
    let serve = |(), _| {
        poll_fn(|_| -> Poll<Served> {
            if ill.get() { panic!("a bug") } else { Poll::Pending }
        })
    };
    let mut drive = pin!(driver(&clock).drive(connected, serve));
    let handle = drive.handle();
    assert!(poll(drive.as_mut()).is_pending());
    ill.set(true);
    assert!(matches!(poll(drive.as_mut()), Poll::Ready(Err(LinkError::Panicked(_)))));
    assert_eq!(handle.status().phase, Phase::Idle);
}

/// What was saved last is what the next process has to know: that it died while it was dialing.
#[test]
fn an_observer_is_not_told_of_an_abort() {
    let clock = Clock::default();
    let phases = RefCell::new(Vec::new());
    let observe = |told: &Transition<'_, Failure>| phases.borrow_mut().push(told.to.phase);
    let connect = |_| pending::<Result<(), Failure>>();
    let mut drive = Box::pin(driver(&clock).observe(observe).drive(connect, endless));
    let handle = drive.handle();
    assert!(poll(drive.as_mut()).is_pending());
    drop(drive);
    assert_eq!(handle.status().phase, Phase::Idle);
    assert_eq!(*phases.borrow(), [Phase::Connecting { attempt: 1 }]);
}

#[test]
fn a_link_that_gave_up_still_says_so_once_its_future_is_gone() {
    let clock = Clock::default();
    let mut drive =
        Box::pin(driver(&clock).drive(|_| ready(Err::<(), _>(Failure::Fatal)), endless));
    let link = drive.link();
    assert!(poll(drive.as_mut()).is_pending());
    drop(drive);
    assert!(matches!(link.status().phase, Phase::GaveUp { .. }));
}

#[test]
fn health_goes_on_until_the_future_is_dropped() {
    let clock = Clock::default();
    let driver = driver(&clock).health(Duration::from_secs(3600));
    let mut drive = Box::pin(driver.drive(connected, endless));
    let handle = drive.handle();
    assert!(poll(drive.as_mut()).is_pending());
    clock.advance(Duration::from_secs(110));
    drop(drive);
    clock.advance(Duration::from_secs(1000));
    let Poll::Ready(Some(health)) = poll(handle.health()) else { panic!("no answer") };
    assert_eq!(health.uptime(), Duration::from_secs(110));
    assert_eq!(health.stopped(), Duration::ZERO);
}

/// A clock that cannot be read outside of its runtime harms nobody who drops the future there.
#[test]
fn a_clock_that_panics_does_not_spoil_the_end() {
    struct Gone(Cell<bool>);

    impl redial_async::Runtime for &Gone {
        type Sleep = Pending<()>;

        fn now(&self) -> redial_async::redial::Timestamp {
            assert!(!self.0.get(), "no runtime");
            redial_async::redial::Timestamp::ORIGIN
        }

        fn sleep_until(&self, _: redial_async::redial::Timestamp) -> Pending<()> {
            pending()
        }
    }

    let clock = Gone(Cell::new(false));
    let driver = Driver::new(Reconnector::new(Policy::DEFAULT, 1), &clock);
    let mut drive = Box::pin(driver.drive(connected, endless));
    let handle = drive.handle();
    assert!(poll(drive.as_mut()).is_pending());
    clock.0.set(true);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(drive))).is_ok());
    assert_eq!(handle.status().phase, Phase::Idle);
}

#[test]
fn a_stop_overrules_an_earlier_give_up() {
    for shut_down in [false, true] {
        let clock = Clock::default();
        let connect = |_| ready(Err::<(), _>(Failure::Fatal));
        let mut drive = pin!(driver(&clock).drive(connect, endless));
        let link = drive.link();
        assert!(poll(drive.as_mut()).is_pending());
        assert!(matches!(poll(link.closed()), Poll::Ready(Err(LinkError::GaveUp { .. }))));
        if shut_down {
            link.shutdown(Duration::ZERO);
        } else {
            link.stop();
        }
        let mut closed = pin!(link.closed());
        assert!(poll(closed.as_mut()).is_pending(), "not heard yet");
        assert_eq!(poll(drive.as_mut()).is_ready(), shut_down);
        assert!(matches!(poll(closed.as_mut()), Poll::Ready(Ok(()))));
        assert!(matches!(poll(link.closed()), Poll::Ready(Ok(()))));
    }
}

#[test]
fn a_stop_that_comes_too_late_does_not_hide_the_end() {
    let clock = Clock::default();
    let mut drive = pin!(driver(&clock).drive(|_| ready(Err::<(), _>(Failure::Fatal)), endless));
    let handle = drive.handle();
    assert!(matches!(poll(drive.as_mut()), Poll::Ready(Err(LinkError::GaveUp { .. }))));
    handle.stop();
    assert!(matches!(poll(handle.closed()), Poll::Ready(Err(LinkError::GaveUp { .. }))));
}

#[test]
fn nobody_waits_for_a_connection_of_a_link_that_is_shut_down() {
    let clock = Clock::default();
    let mut drive = pin!(driver(&clock).share(|one: &()| *one).drive(connected, endless));
    let handle = drive.handle();
    assert!(poll(drive.as_mut()).is_pending());
    let id = handle.current().unwrap().id;
    // Its connection was reported, and another was not made yet.
    assert!(handle.report(id, Failure::Unreachable));
    let mut early = pin!(handle.connection());
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    assert!(early.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    handle.shutdown(Duration::from_secs(30));
    assert!(woken.count() > 0);
    assert!(matches!(poll(early), Poll::Ready(Err(LinkError::Stopped))));
}

#[test]
fn what_drains_is_not_handed_out() {
    let clock = Clock::default();
    let mut drive = pin!(driver(&clock).share(|one: &()| *one).drive(connected, endless));
    let handle = drive.handle();
    assert!(poll(drive.as_mut()).is_pending());
    let mut shutdown = pin!(handle.shutdown(Duration::from_secs(30)));
    assert!(poll(drive.as_mut()).is_pending());
    assert!(handle.current().is_none());
    assert!(matches!(poll(handle.connection()), Poll::Ready(Err(LinkError::Stopped))));
    let run = handle.run(|_| ready(Ok(())), Idempotent::Yes);
    assert!(matches!(poll(run), Poll::Ready(Err(RunError::Link(LinkError::Stopped)))));
    assert!(poll(shutdown.as_mut()).is_pending());
    clock.advance(Duration::from_secs(30));
    assert!(matches!(poll(drive), Poll::Ready(Ok(()))));
    assert!(matches!(poll(shutdown), Poll::Ready(Ok(()))));
}

/// What an observer reads of a link that is shut down, whose connection then ends like this.
fn shut_down(ended: impl Fn() -> Served, report: bool) -> Vec<String> {
    let clock = Clock::default();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = lines.clone();
    let serve = |(), session: Session| {
        let ended = ended();
        async move {
            session.draining().await;
            if report { pending().await } else { ended }
        }
    };
    let driver = driver(&clock).share(|one: &()| *one);
    let driver = driver.observe(move |told: &Transition<'_, Failure>| {
        seen.lock().unwrap().push(told.to_string());
    });
    let mut drive = pin!(driver.drive(connected, serve));
    let handle = drive.handle();
    assert!(poll(drive.as_mut()).is_pending());
    let id = handle.current().unwrap().id;
    handle.shutdown(Duration::from_secs(30));
    let mut end = poll(drive.as_mut());
    if report {
        assert!(end.is_pending());
        assert!(handle.report(id, Failure::Unreachable));
        end = poll(drive.as_mut());
    }
    assert!(matches!(end, Poll::Ready(Ok(()))), "{end:?}");
    let lines = lines.lock().unwrap();
    lines.clone()
}

#[test]
fn a_shutdown_does_not_read_as_if_there_were_no_network() {
    let lines = |last| ["dialing (attempt 1)", "connected", last].map(String::from);
    assert_eq!(shut_down(|| Ended::Finished, false), lines("idle"));
    assert_eq!(shut_down(|| Ended::Lost(Failure::TimedOut), false), lines("timed out; idle"));
    assert_eq!(shut_down(|| Ended::Finished, true), lines("unreachable; idle"));

    let clock = Clock::default();
    let lines = Rc::new(RefCell::new(Vec::new()));
    let seen = lines.clone();
    let observe = move |told: &Transition<'_, Failure>| seen.borrow_mut().push(told.to_string());
    let connect = |_| pending::<Result<(), Failure>>();
    let mut drive = pin!(driver(&clock).observe(observe).drive(connect, endless));
    let handle = drive.handle();
    assert!(poll(drive.as_mut()).is_pending());
    handle.shutdown(Duration::from_secs(30));
    handle.redial();
    assert!(matches!(poll(drive), Poll::Ready(Ok(()))));
    assert_eq!(*lines.borrow(), ["dialing (attempt 1)", "idle"]);
}
