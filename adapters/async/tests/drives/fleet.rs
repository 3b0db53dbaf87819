//! The drive of a fleet.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use redial_async::redial::{
    Backoff, Event, Failure, Overload, Phase, Policy, Reconnector, Refresh, Timestamp,
};
use redial_async::redial_fleet::{Counts, Fleet, Key};
use redial_async::{Attempt, Ended, FleetHandle, Runtime, Session, drive, drive_fleet};

use crate::clock::Clock;
use crate::poll;

fn fleet(links: u64, policy: &Policy) -> (Fleet<Policy>, Vec<Key>) {
    let mut fleet = Fleet::new();
    let link = |seed| Reconnector::new(policy.clone(), seed);
    let keys = (0..links).map(|seed| fleet.insert(Timestamp::ORIGIN, link(seed))).collect();
    (fleet, keys)
}

async fn drained(_: Key, (): (), session: Session) -> Ended<io::Error> {
    session.draining().await;
    Ended::Finished
}

/// So many links whose dials do not end; `dialed` has them in order.
fn dialing(
    links: u64,
    dialed: &RefCell<Vec<Key>>,
) -> (impl Future<Output = ()>, FleetHandle<Clock>, Vec<Key>) {
    let (links, keys) = fleet(links, &Policy::DEFAULT);
    let connect = |key, _| {
        dialed.borrow_mut().push(key);
        pending::<io::Result<()>>()
    };
    let drive = drive_fleet(links, Clock::default(), connect, drained);
    let handle = drive.handle();
    (drive, handle, keys)
}

#[test]
fn a_shutdown_before_the_first_poll_dials_nobody() {
    let dialed = RefCell::default();
    let (drive, handle, keys) = dialing(100, &dialed);
    handle.shutdown(Duration::ZERO);
    assert!(poll(pin!(drive)).is_ready());
    assert_eq!(*dialed.borrow(), []);
    assert_eq!(handle.status(keys[0]).unwrap().phase, Phase::Idle);
}

#[test]
fn connect_is_called_in_turns() {
    let dialed = RefCell::default();
    let (drive, handle, keys) = dialing(40_000, &dialed);
    let mut drive = pin!(drive);
    assert!(poll(drive.as_mut()).is_pending());
    let first = dialed.borrow().len();
    assert!((1..keys.len() / 2).contains(&first), "{first} at once");
    assert_eq!(handle.counts().dialing, 40_000, "but all of them are started");
    handle.stop(keys[keys.len() - 1]);
    for _ in 0..100 {
        assert!(poll(drive.as_mut()).is_pending());
    }
    assert_eq!(*dialed.borrow(), keys[..keys.len() - 1], "in order, and none that was stopped");
}

#[test]
fn a_shutdown_while_links_start_dials_no_more() {
    let dialed = RefCell::default();
    let (drive, handle, _) = dialing(40_000, &dialed);
    let mut drive = pin!(drive);
    assert!(poll(drive.as_mut()).is_pending());
    let first = dialed.borrow().len();
    handle.shutdown(Duration::from_secs(1));
    let polls = (1..=10).find(|_| poll(drive.as_mut()).is_ready());
    assert!(polls.is_some(), "nothing is connected, so there is nothing to wait for");
    assert_eq!(dialed.borrow().len(), first);
}

#[test]
fn no_link_is_up_or_trying_after_a_shutdown() {
    let (links, keys) = fleet(10, &Policy::DEFAULT);
    let clock = Clock::default();
    let connect = |key: Key, _| {
        ready(if key.index() == 3 { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(()) })
    };
    let drive = drive_fleet(links, clock.clone(), connect, drained);
    let handle = drive.handle();
    let mut drive = pin!(drive);
    assert!(poll(drive.as_mut()).is_pending());
    assert_eq!((handle.counts().connected, handle.counts().reconnecting), (9, 1));
    clock.advance(Duration::from_secs(20));
    handle.shutdown(Duration::from_secs(5));
    assert!(poll(drive).is_ready());
    let Counts { connected, dialing, reconnecting, offline, .. } = handle.counts();
    assert_eq!((connected, dialing, reconnecting, offline), (0, 0, 0, 0));
    assert!(keys.iter().all(|key| handle.status(*key).unwrap().phase == Phase::Idle));

    let mut link = handle.remove(keys[3]).unwrap();
    link.handle(clock.now(), Event::Start);
    assert_ne!(link.status().phase, Phase::Offline, "nobody said that there is no network");
}

#[test]
fn a_link_that_gave_up_says_so_after_a_shutdown() {
    let policy = Policy::builder().max_attempts(1).build().unwrap();
    let (links, keys) = fleet(1, &policy);
    let connect = |_, _| ready(io::Result::<()>::Err(io::ErrorKind::ConnectionRefused.into()));
    let drive = drive_fleet(links, Clock::default(), connect, drained);
    let handle = drive.handle();
    let mut drive = pin!(drive);
    assert!(poll(drive.as_mut()).is_pending());
    handle.shutdown(Duration::ZERO);
    assert!(poll(drive).is_ready());
    assert_eq!(handle.counts().gave_up, 1);
    assert!(matches!(handle.status(keys[0]).unwrap().phase, Phase::GaveUp { .. }));
}

#[test]
fn online_does_not_undo_a_shutdown() {
    let (links, keys) = fleet(1, &Policy::DEFAULT);
    let serve = |_, (), _| pending::<Ended<io::Error>>();
    let drive = drive_fleet(links, Clock::default(), |_, _| ready(Ok(())), serve);
    let handle = drive.handle();
    let mut drive = pin!(drive);
    assert!(poll(drive.as_mut()).is_pending());
    handle.shutdown(Duration::from_secs(5));
    assert!(poll(drive.as_mut()).is_pending());
    handle.online();
    let late = handle.insert(Reconnector::new(Policy::DEFAULT, 2)).unwrap();
    assert!(poll(drive).is_pending());
    assert_eq!(handle.status(late).unwrap().phase, Phase::Offline);
    assert_eq!((handle.counts().connected, handle.counts().dialing), (1, 0));
    assert!(handle.remove(keys[0]).is_some());
}

/// A connection that needs half a minute to drain, and has a minute, comes of age meanwhile, when it would
/// be broken before the next is made. When it ended, after the shutdown, and whether it was cut off.
fn drains(in_fleet: bool) -> (Duration, bool) {
    const STEP: Duration = Duration::from_millis(500);
    let aging = Policy::builder().refresh(Refresh::BreakFirst).max_age(Duration::from_secs(100));
    let policy = aging.build().unwrap();
    let clock = Clock::default();
    let finished = Rc::new(Cell::new(false));
    let serve = |session: Session| {
        let (clock, finished) = (clock.clone(), finished.clone());
        async move {
            session.draining().await;
            let until = clock.now().saturating_add(Duration::from_secs(30));
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if clock.now() < until { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
            finished.set(true);
            Ended::<io::Error>::Finished
        }
    };
    let mut probe = Reconnector::new(policy.clone(), 7);
    let dial = probe.handle(Timestamp::ORIGIN, Event::Start).dial().unwrap();
    let stable = probe.handle(Timestamp::ORIGIN, Event::Connected(dial.id)).wake();
    let aged = probe.handle(stable, Event::Tick).wake();
    let asked = aged.saturating_since(Timestamp::from_nanos(10_000_000_000));

    let connect = |_| ready(io::Result::Ok(()));
    let run = |mut drive: Pin<&mut dyn Future<Output = ()>>, shutdown: &dyn Fn()| {
        while clock.now() < Timestamp::ORIGIN.saturating_add(asked) {
            assert!(poll(drive.as_mut()).is_pending());
            clock.advance(STEP);
        }
        shutdown();
        let begin = clock.now();
        while poll(drive.as_mut()).is_pending() {
            clock.advance(STEP);
            assert!(clock.now().saturating_since(begin) < Duration::from_secs(90));
        }
        (clock.now().saturating_since(begin), finished.get())
    };
    let minute = Duration::from_secs(60);
    let link = Reconnector::new(policy, 7);
    if in_fleet {
        let mut links = Fleet::new();
        links.insert(Timestamp::ORIGIN, link);
        let connect = |_, attempt: Attempt| connect(attempt);
        let drive = drive_fleet(links, clock.clone(), connect, |_, (), session| serve(session));
        let handle = drive.handle();
        run(pin!(drive), &|| handle.shutdown(minute))
    } else {
        let drive = drive(link, clock.clone(), connect, |(), session| serve(session));
        let handle = drive.handle();
        run(pin!(async { drive.await.unwrap() }), &|| _ = handle.shutdown(minute))
    }
}

#[test]
fn a_connection_that_comes_of_age_drains_to_the_end() {
    assert_eq!(drains(false), (Duration::from_secs(30), true), "one link");
    assert_eq!(drains(true), (Duration::from_secs(30), true), "a fleet");
}

/// Whoever had a place leaves it, however many have had it since the loop last looked.
#[test]
fn a_place_taken_and_left_twice_between_polls_is_empty() {
    let open = Rc::new(());
    let (links, keys) = fleet(1, &Policy::DEFAULT);
    let connect = |_, _| ready(Ok::<_, Failure>(open.clone()));
    let serve = |_, connection: Rc<()>, _| async move {
        let ended = pending::<Ended<Failure>>().await;
        drop(connection);
        ended
    };
    let drive = drive_fleet(links, Clock::default(), connect, serve);
    let handle = drive.handle();
    let mut drive = pin!(drive);
    assert!(poll(drive.as_mut()).is_pending());
    assert_eq!(Rc::strong_count(&open), 2);
    assert!(handle.remove(keys[0]).is_some());
    let next = handle.insert(Reconnector::new(Policy::DEFAULT, 2)).unwrap();
    assert_eq!(next.index(), keys[0].index());
    assert!(handle.remove(next).is_some());
    assert!(poll(drive.as_mut()).is_pending());
    assert_eq!(Rc::strong_count(&open), 1);
}

/// Who takes a link out and saves it has what the next process must know.
#[test]
fn a_fleet_whose_future_was_dropped_says_what_its_links_did_last() {
    let dialed = RefCell::default();
    let (drive, handle, keys) = dialing(1, &dialed);
    let mut drive = Box::pin(drive);
    assert!(poll(drive.as_mut()).is_pending());
    drop(drive);
    assert_eq!(handle.counts().dialing, 1);
    let link = handle.remove(keys[0]).unwrap();
    assert_eq!(link.status().phase, Phase::Connecting { attempt: 1 });
    assert!(handle.insert(link).is_none());
}

/// A link whose replacements fail at once still looks at the connection that it has.
#[test]
fn dials_that_fail_at_once_do_not_keep_a_connection_of_a_fleet_waiting() {
    let policy = Policy::builder().backoff(Backoff::fixed(Duration::ZERO));
    let policy = policy.overload(Overload::Ignore).stable_after(Duration::from_secs(1));
    let policy = policy.rate_limit(u32::MAX, Duration::from_nanos(1)).build().unwrap();
    let (links, keys) = fleet(1, &policy);
    let clock = Clock::default();
    let (dials, over) = (Cell::new(0), Cell::new(false));
    let connect = |_, _| {
        dials.set(dials.get() + 1);
        ready(if dials.get() == 1 { Ok(()) } else { Err(Failure::Unreachable) })
    };
    let serve =
        |_, (), _: Session| {
            poll_fn(|_| {
                if over.get() { Poll::Ready(Ended::<Failure>::Finished) } else { Poll::Pending }
            })
        };
    let drive = drive_fleet(links, clock.clone(), connect, serve);
    let handle = drive.handle();
    let mut drive = pin!(drive);
    assert!(poll(drive.as_mut()).is_pending());
    clock.advance(Duration::from_secs(2));
    assert!(poll(drive.as_mut()).is_pending());
    handle.redial(keys[0]);
    assert!(poll(drive.as_mut()).is_pending());
    assert!(dials.get() > 10, "it tries again and again: {}", dials.get());
    over.set(true);
    for _ in 0..10 {
        assert!(poll(drive.as_mut()).is_pending());
    }
    assert_eq!(handle.status(keys[0]).unwrap().phase, Phase::Idle);
}

#[test]
fn a_panic_of_what_a_removed_link_leaves_behind_stops_no_other() {
    struct Panics;

    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("a bug in a destructor");
        }
    }

    let (links, keys) = fleet(1, &Policy::DEFAULT);
    let serve = |key: Key, (), session| {
        let panics = (key == keys[0]).then(|| Panics);
        async move {
            let _panics = panics;
            drained(key, (), session).await
        }
    };
    let drive = drive_fleet(links, Clock::default(), |_, _| ready(Ok(())), serve);
    let handle = drive.handle();
    let mut drive = pin!(drive);
    assert!(poll(drive.as_mut()).is_pending());
    assert!(handle.remove(keys[0]).is_some());
    let next = handle.insert(Reconnector::new(Policy::DEFAULT, 2)).unwrap();
    assert_eq!(next.index(), keys[0].index());
    for _ in 0..3 {
        assert!(poll(drive.as_mut()).is_pending());
    }
    let phase = handle.status(next).unwrap().phase;
    assert!(matches!(phase, Phase::Connected { .. }), "{phase}");
}

/// Speaks to its fleet when it is dropped.
struct Nosy(FleetHandle<Clock>, Key);

impl Wake for Nosy {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Nosy {
    fn drop(&mut self) {
        self.0.redial(self.1);
    }
}

#[test]
fn a_waker_that_is_replaced_or_outlived_may_speak_to_the_fleet() {
    let (done, is_done) = mpsc::channel();
    std::thread::spawn(move || {
        let (links, keys) = fleet(1, &Policy::DEFAULT);
        let connect = |_, _| pending::<io::Result<()>>();
        let mut drive = Box::pin(drive_fleet(links, Clock::default(), connect, drained));
        for _ in 0..2 {
            assert!(poll(drive.as_mut()).is_pending());
            let waker = Waker::from(Arc::new(Nosy(drive.handle(), keys[0])));
            assert!(drive.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        drop(drive);
        done.send(()).unwrap();
    });
    assert!(is_done.recv_timeout(Duration::from_secs(60)).is_ok(), "it waits for itself");
}
