//! Dropping the drive future at any await leaves no dial, connection or timer, and no waiter hanging.

mod script;
mod world;

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use redial_async::redial::{Failure, Reconnector};
use redial_async::{Driver, LinkError, LinkHandle, drive};

use crate::world::{Census, STEP, Stepped, dial, policy, serve};

fn resolved<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Polls a link `count` times, a step apart, and drops it; returns the most of each kind there was.
fn dropped_after(count: usize) -> [usize; 4] {
    let census = Rc::new(Census::default());
    let mut most = [0; 4];
    let mut cx = Context::from_waker(Waker::noop());
    let handle: LinkHandle<(), Failure>;
    let mut closed;
    {
        let (for_dial, for_serve) = (census.clone(), serve);
        let drive = drive(
            Reconnector::new(policy(), 1),
            Stepped(census.clone()),
            move |attempt| dial(&attempt, for_dial.clone()),
            for_serve,
        );
        handle = drive.handle();
        closed = Box::pin(handle.closed());
        let mut drive = Box::pin(drive);
        for _ in 0..count {
            assert!(drive.as_mut().poll(&mut cx).is_pending());
            assert!(closed.as_mut().poll(&mut cx).is_pending());
            let all = census.all();
            assert!(all[0] <= 1 && all[1] <= 2 && all[2] <= 2 && all[3] <= 1, "{all:?}");
            for (most, now) in most.iter_mut().zip(all) {
                *most = now.max(*most);
            }
            census.step();
        }
        let mut connecting = Box::pin(handle.connection());
        let _ = connecting.as_mut().poll(&mut cx);
    }
    assert_eq!(census.all(), [0; 4], "left after {count} polls");
    assert_eq!(Rc::strong_count(&census), 1, "held after {count} polls");
    assert!(matches!(resolved(closed), Some(Err(LinkError::Aborted))), "after {count} polls");
    let late = resolved(handle.connection());
    assert!(matches!(late, Some(Err(LinkError::Aborted))), "after {count} polls");
    let mut watch = handle.watch();
    assert_eq!(resolved(watch.changed()), Some(None), "after {count} polls");
    most
}

#[test]
fn a_drive_dropped_at_any_await_leaves_nothing() {
    let mut most = [0; 4];
    for count in 0..400 {
        most = dropped_after(count);
    }
    assert_eq!(most, [1, 2, 2, 1], "a dial, a handover's two connections and a timer were there");
}

#[test]
fn a_waiter_of_a_dropped_drive_is_woken() {
    struct Flag(std::sync::atomic::AtomicBool);
    impl std::task::Wake for Flag {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    }
    let census = Rc::new(Census::default());
    let for_dial = census.clone();
    let drive = drive(
        Reconnector::new(policy(), 1),
        Stepped(census),
        move |attempt| dial(&attempt, for_dial.clone()),
        serve,
    );
    let handle = drive.handle();
    let flag = std::sync::Arc::new(Flag(false.into()));
    let waker = Waker::from(flag.clone());
    let mut waiter = pin!(handle.connection());
    assert!(waiter.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(drive);
    assert!(flag.0.load(std::sync::atomic::Ordering::SeqCst));
    assert!(matches!(resolved(waiter), Some(Err(LinkError::Aborted))));
}

#[test]
fn a_deadline_comes_though_somebody_speaks_at_every_poll() {
    let census = Rc::new(Census::default());
    let talker = Rc::new(std::cell::OnceCell::<LinkHandle<(), Failure>>::new());
    let talking = talker.clone();
    let policy = policy().to_builder().max_attempts(1).build().unwrap();
    let driver = Driver::new(Reconnector::new(policy, 1), Stepped(census.clone())).health(STEP);
    let mut drive = Box::pin(driver.drive(
        move |_| {
            let talking = talking.clone();
            poll_fn(move |cx| {
                let talking = talking.get().expect("it was set before the first poll");
                let _ = pin!(talking.health()).poll(cx);
                Poll::<Result<(), Failure>>::Pending
            })
        },
        |(), _| std::future::pending(),
    ));
    assert!(talker.set(drive.handle()).is_ok());
    let mut cx = Context::from_waker(Waker::noop());
    let ended = (0..100).find_map(|_| {
        census.step();
        match drive.as_mut().poll(&mut cx) {
            Poll::Ready(ended) => Some(ended),
            Poll::Pending => None,
        }
    });
    assert!(matches!(ended, Some(Err(LinkError::GaveUp { .. }))), "{ended:?}");
}
