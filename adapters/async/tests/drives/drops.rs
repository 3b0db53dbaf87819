//! What is shared may look at its link, or panic, wherever it is dropped; and who waits is told.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use redial_async::redial::{DialId, Failure, Policy, Reconnector};
use redial_async::{Attempt, Driver, Ended, LinkError, LinkHandle};

use crate::clock::Clock;
use crate::mishaps::{connected, ends, link};
use crate::{Woken, poll};

/// Looks at its link when it is dropped, whoever has it.
struct Touchy(Arc<Mutex<Option<LinkHandle<Touchy, Failure>>>>);

impl Clone for Touchy {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Drop for Touchy {
    fn drop(&mut self) {
        if let Some(link) = &*self.0.lock().unwrap() {
            let nobody = DialId::new(99).unwrap();
            assert!(!link.report(nobody, Failure::Unreachable));
        }
    }
}

/// A stable connection that is reported in the instant in which its successor's dial fails, or its successor
/// ends: callers do not get it again.
fn reported_as_its_successor_fails(connects: bool) {
    let clock = Clock::default();
    let seen: Arc<Mutex<Option<LinkHandle<Touchy, Failure>>>> = Arc::default();
    let (shared, fails) = (seen.clone(), Arc::new(AtomicUsize::new(0)));
    let driver = Driver::new(Reconnector::new(Policy::DEFAULT, 1), clock.clone());
    let driver = driver.share(move |_: &u64| Touchy(shared.clone()));
    let (dial_fails, ends) = (fails.clone(), fails.clone());
    let fails_after = |fails: Arc<AtomicUsize>| {
        poll_fn(move |_| match fails.load(Ordering::SeqCst) {
            0 => Poll::Pending,
            _ => Poll::Ready(Failure::Unreachable),
        })
    };
    let mut drive =
        Box::pin(
            driver.drive(
                move |attempt: Attempt| {
                    let id = attempt.dial.id.get();
                    let fails = dial_fails.clone();
                    async move {
                        if id == 1 || connects { Ok(id) } else { Err(fails_after(fails).await) }
                    }
                },
                move |id, _| {
                    let fails = ends.clone();
                    async move {
                        Ended::Lost(if id == 1 {
                            pending().await
                        } else {
                            fails_after(fails).await
                        })
                    }
                },
            ),
        );
    let handle = drive.handle();
    *seen.lock().unwrap() = Some(drive.handle());
    assert!(poll(drive.as_mut()).is_pending());
    let first = handle.current().unwrap().id;
    clock.advance(Duration::from_secs(20));
    assert!(poll(drive.as_mut()).is_pending());
    handle.redial();
    assert!(poll(drive.as_mut()).is_pending());
    assert_eq!(handle.current().unwrap().id == first, !connects);

    assert!(handle.report(first, Failure::Unreachable));
    fails.store(1, Ordering::SeqCst);
    assert!(poll(drive.as_mut()).is_pending());
    assert!(handle.current().is_none());
    drop(drive);
    let kept = seen.lock().unwrap().take();
    drop(kept);
}

#[test]
fn what_is_not_shown_again_may_look_at_the_link_when_it_is_dropped() {
    ends(|| reported_as_its_successor_fails(false));
}

#[test]
fn so_may_what_is_not_shown_in_place_of_its_successor() {
    ends(|| reported_as_its_successor_fails(true));
}

/// Panics when it is dropped, if it is a clone.
struct Fragile {
    is_clone: bool,
}

impl Clone for Fragile {
    fn clone(&self) -> Self {
        Self { is_clone: true }
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        assert!(!self.is_clone, "a bug in a destructor");
    }
}

#[test]
fn who_waits_hears_the_end_though_what_was_shared_panics_as_it_is_dropped() {
    for stops in [true, false] {
        let driver = link(Clock::default()).share(|_: &u32| Fragile { is_clone: false });
        let serve = |_, _| pending::<Ended<Failure>>();
        let mut drive = Box::pin(driver.drive(|_| connected(), serve));
        let handle = drive.handle();
        assert!(poll(drive.as_mut()).is_pending());
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut closed = pin!(handle.closed());
        assert!(closed.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let mut watch = handle.watch();
        if stops {
            handle.stop();
            let end = poll(drive.as_mut());
            assert!(matches!(end, Poll::Ready(Err(LinkError::Panicked(_)))), "{end:?}");
        }
        drop(drive);
        assert!(woken.count() > 0);
        let end = poll(closed);
        let told = if stops { "panicked: a bug in a destructor" } else { "aborted" };
        assert!(matches!(&end, Poll::Ready(Err(end)) if end.to_string() == told), "{end:?}");
        let Poll::Ready(Some(_)) = poll(watch.changed()) else { panic!("nothing has changed") };
        assert_eq!(poll(watch.changed()), Poll::Ready(None));
    }
}

#[test]
fn a_report_is_heard_though_what_was_shared_panics_as_it_is_dropped() {
    let driver = link(Clock::default()).share(|_: &u32| Fragile { is_clone: false });
    let mut drive = Box::pin(driver.drive(|_| connected(), |_, _| pending::<Ended<Failure>>()));
    let handle = drive.handle();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    assert!(drive.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let id = DialId::new(1).unwrap();
    let report = || handle.report(id, Failure::Unreachable);
    assert!(catch_unwind(AssertUnwindSafe(report)).is_err());
    assert_eq!(woken.count(), 1);
}
