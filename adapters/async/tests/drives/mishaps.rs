//! What is foreign may panic, or look at the link, wherever it is called; and who waits is told.

use std::fmt;
use std::future::{Pending, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use redial_async::redial::{DialId, Failure, Phase, Policy, Reconnector};
use redial_async::{
    Classify, Drive, Driver, Ended, Idempotent, LinkError, LinkHandle, RunError, Session,
    Transition,
};

use crate::clock::Clock;
use crate::{Woken, poll};

pub(crate) fn link<R>(runtime: R) -> Driver<R> {
    Driver::new(Reconnector::new(Policy::DEFAULT, 1), runtime)
}

pub(crate) fn connected() -> std::future::Ready<Result<u32, Failure>> {
    ready(Ok(7))
}

#[test]
fn callers_of_a_draining_connection_hear_that_it_was_reported() {
    let clock = Clock::default();
    let policy = Policy::builder().drain_timeout(Duration::from_secs(60)).build().unwrap();
    let sessions: Arc<Mutex<Vec<Session>>> = Arc::default();
    let keep = sessions.clone();
    let driver = Driver::new(Reconnector::new(policy, 1), clock.clone()).share(|one: &u32| *one);
    let mut link = pin!(driver.drive(
        |_| connected(),
        move |_, session: Session| {
            keep.lock().unwrap().push(session);
            pending::<Ended<Failure>>()
        },
    ));
    let handle = link.handle();
    assert!(poll(link.as_mut()).is_pending());
    let first = handle.current().unwrap().id;
    let mut run = pin!(handle.run(|_| pending::<Result<(), Failure>>(), Idempotent::No));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    assert!(run.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());

    // A handover, whose new connection becomes stable while the old one drains.
    sessions.lock().unwrap()[0].going_away(None);
    for _ in 0..600 {
        clock.advance(Duration::from_millis(100));
        assert!(poll(link.as_mut()).is_pending());
        if sessions.lock().unwrap().len() == 2 {
            break;
        }
    }
    for _ in 0..300 {
        clock.advance(Duration::from_millis(100));
        assert!(poll(link.as_mut()).is_pending());
    }
    assert_ne!(handle.current().unwrap().id, first);
    assert!(sessions.lock().unwrap()[0].is_draining());
    assert!(run.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());

    let before = woken.count();
    assert!(handle.report(first, Failure::Unreachable));
    assert!(poll(link.as_mut()).is_pending());
    assert!(woken.count() > before);
    let told = run.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(matches!(told, Poll::Ready(Err(RunError::Lost))), "{told:?}");
}

/// Cannot say what it means.
#[derive(Debug)]
struct Unclear;

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unclear")
    }
}

impl Classify for Unclear {
    fn classify(&self) -> Failure {
        panic!("nobody knows")
    }

    fn breaks_connection(&self) -> bool {
        panic!("nobody knows")
    }
}

#[test]
fn an_operation_whose_error_panics_ends_its_connection() {
    let lines = Mutex::new(Vec::new());
    let driver = link(Clock::default()).share(|one: &u32| *one);
    let driver = driver.observe(|told: &Transition<'_, Unclear>| {
        lines.lock().unwrap().push(told.to_string());
    });
    let connect = |_| ready(Ok::<u32, Unclear>(7));
    let mut drive = pin!(driver.drive(connect, |_, _| pending::<Ended<Unclear>>()));
    let handle = drive.handle();
    assert!(poll(drive.as_mut()).is_pending());
    let mut run = pin!(handle.run(|_| ready(Err::<(), _>(Unclear)), Idempotent::Yes));
    let panicked = catch_unwind(AssertUnwindSafe(|| poll(run.as_mut()))).unwrap_err();
    assert_eq!(*panicked.downcast::<&str>().unwrap(), "nobody knows");
    assert!(handle.current().is_none(), "nobody else gets it");
    assert!(poll(drive.as_mut()).is_pending());
    let last = lines.lock().unwrap().pop().unwrap();
    assert!(last.starts_with("unreachable; dialing in"), "{last}");
}

#[test]
fn what_was_shared_is_closed_when_serve_panics_at_once() {
    let closed = Arc::new(AtomicUsize::new(0));
    let count = closed.clone();
    let close = move |_| _ = count.fetch_add(1, Ordering::SeqCst);
    let drive = link(Clock::default())
        .share_closing(|one: &u32| *one, close)
        .drive(|_| connected(), |_, _| -> Pending<Ended<Failure>> { panic!("a bug in serve") });
    let end = poll(drive);
    assert!(matches!(end, Poll::Ready(Err(_))), "{end:?}");
    assert_eq!(closed.load(Ordering::SeqCst), 1);
}

#[test]
fn what_was_shared_is_closed_when_the_future_of_serve_panics_as_it_is_dropped() {
    struct Panics;

    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("a bug in a destructor");
        }
    }

    let closed = Arc::new(AtomicUsize::new(0));
    let count = closed.clone();
    let close = move |_| _ = count.fetch_add(1, Ordering::SeqCst);
    let serve = |_, _| {
        let panics = Panics;
        async move {
            let _panics = panics;
            pending::<Ended<Failure>>().await
        }
    };
    let driver = link(Clock::default()).share_closing(|one: &u32| *one, close);
    let mut drive = Box::pin(driver.drive(|_| connected(), serve));
    assert!(poll(drive.as_mut()).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(drive))).is_err());
    assert_eq!(closed.load(Ordering::SeqCst), 1);
}

/// How a link ends, and what a caller who waits is told.
fn end<F: Future<Output = Result<(), LinkError<Unclear>>>, H>(
    drive: Drive<F, H, Unclear>,
) -> String {
    let mut drive = pin!(drive);
    let handle = drive.handle();
    let mut closed = pin!(handle.closed());
    assert!(poll(closed.as_mut()).is_pending());
    let Poll::Ready(Err(end)) = poll(drive.as_mut()) else { panic!("it goes on") };
    let Poll::Ready(Err(told)) = poll(closed) else { panic!("nobody is told") };
    assert_eq!(end.to_string(), told.to_string());
    assert_eq!(handle.status().phase, Phase::Idle);
    told.to_string()
}

#[test]
fn a_link_says_what_has_panicked_whatever_it_was() {
    let up = |_| ready(Ok::<u32, Unclear>(7));
    let serve = |_, _: Session| pending::<Ended<Unclear>>();
    let observed = link(Clock::default()).observe(|told: &Transition<'_, Unclear>| {
        assert!(!matches!(told.to.phase, Phase::Connected { .. }), "disk full");
    });
    assert_eq!(end(observed.drive(up, serve)), "panicked: disk full");

    let refused = |_| ready(Err::<u32, _>(Unclear));
    let unclear = link(Clock::default()).drive(refused, serve);
    assert_eq!(end(unclear), "panicked: nobody knows");

    let shared = link(Clock::default()).share(|_: &u32| -> u32 { panic!("not to be shared") });
    assert_eq!(end(shared.drive(up, serve)), "panicked: not to be shared");

    let lost = |_, _: Session| ready(Ended::Lost(Unclear));
    assert_eq!(end(link(Clock::default()).drive(up, lost)), "panicked: nobody knows");

    // Only as everything is dropped, after a graceful end.
    let finished = |_, _: Session| ready(Ended::<Unclear>::Finished);
    let close = |_| panic!("not to be closed");
    let closing = link(Clock::default()).share_closing(|one: &u32| *one, close);
    assert_eq!(end(closing.drive(up, finished)), "panicked: not to be closed");
}

/// The first cause is the one that is told.
#[test]
fn what_panics_as_a_link_ends_does_not_hide_why_it_did() {
    let serve = |_, _: Session| -> Pending<Ended<Unclear>> { panic!("the first bug") };
    let close = |_| panic!("the second");
    let driver = link(Clock::default()).share_closing(|one: &u32| *one, close);
    let connect = |_| ready(Ok::<u32, Unclear>(7));
    assert_eq!(end(driver.drive(connect, serve)), "panicked: the first bug");
}

/// Looks at its link when it is cloned.
#[derive(Debug)]
struct Curious(Arc<Mutex<Option<LinkHandle<Curious, Failure>>>>);

impl Clone for Curious {
    fn clone(&self) -> Self {
        if let Some(link) = &*self.0.lock().unwrap() {
            let _known = link.report(DialId::new(1).unwrap(), Failure::Unreachable);
        }
        Self(self.0.clone())
    }
}

#[test]
fn a_clone_of_what_is_shared_may_look_at_the_link() {
    ends(|| {
        let seen: Arc<Mutex<Option<LinkHandle<Curious, Failure>>>> = Arc::default();
        let shared = seen.clone();
        let driver = link(Clock::default()).share(move |_: &u32| Curious(shared.clone()));
        let mut drive = Box::pin(driver.drive(|_| connected(), |_, _| pending::<Ended<Failure>>()));
        *seen.lock().unwrap() = Some(drive.handle());
        assert!(poll(drive.as_mut()).is_pending());
        *seen.lock().unwrap() = None;
    });
}

/// Runs `scenario` on a thread of its own, and fails if that waits for itself.
pub(crate) fn ends(scenario: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    std::thread::spawn(move || {
        scenario();
        done.send(()).unwrap();
    });
    assert!(is_done.recv_timeout(Duration::from_secs(60)).is_ok(), "it waits for itself");
}

/// Looks at its link when it is dropped.
struct Nosy(LinkHandle<(), Failure>);

impl Wake for Nosy {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Nosy {
    fn drop(&mut self) {
        let _seen = (self.0.status(), self.0.current());
    }
}

#[test]
fn a_waker_that_is_replaced_or_outlived_may_look_at_the_link() {
    ends(|| {
        let mut drive = Box::pin(
            link(Clock::default()).drive(|_| connected(), |_, _| pending::<Ended<Failure>>()),
        );
        for _ in 0..2 {
            let waker = Waker::from(Arc::new(Nosy(drive.handle())));
            assert!(drive.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        drop(drive);
    });
}

/// An error that looks at its link when it is dropped.
struct Curt(Arc<Mutex<Option<LinkHandle<(), Curt>>>>);

impl std::fmt::Display for Curt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("curt")
    }
}

impl Classify for Curt {
    fn classify(&self) -> Failure {
        Failure::Fatal
    }
}

impl Drop for Curt {
    fn drop(&mut self) {
        if let Some(link) = &*self.0.lock().unwrap() {
            let _seen = (link.status(), link.current());
        }
    }
}

#[test]
fn the_last_error_of_a_link_that_is_dropped_may_look_at_it() {
    ends(|| {
        let seen: Arc<Mutex<Option<LinkHandle<(), Curt>>>> = Arc::default();
        let error = seen.clone();
        let mut drive = Box::pin(link(Clock::default()).drive(
            move |_| ready(Err::<u32, _>(Curt(error.clone()))),
            |_, _| pending::<Ended<Curt>>(),
        ));
        let link = drive.link();
        *seen.lock().unwrap() = Some(link.handle());
        // It gave up, and stays until its owner goes.
        assert!(poll(drive.as_mut()).is_pending());
        drop(link);
        assert!(poll(drive.as_mut()).is_ready());
        let handle = seen.lock().unwrap().take();
        drop(handle);
    });
}

#[test]
fn an_error_that_nobody_heard_goes_with_the_loop() {
    let mut drive = Box::pin(
        link(Clock::default())
            .drive(|_| ready(Ok::<_, Arc<Failure>>(7)), |_, _| pending::<Ended<Arc<Failure>>>()),
    );
    let handle = drive.handle();
    assert!(poll(drive.as_mut()).is_pending());
    let error = Arc::new(Failure::Unreachable);
    assert!(handle.report(handle.current().unwrap().id, error.clone()));
    drop(drive);
    assert_eq!(Arc::strong_count(&error), 1);
}
