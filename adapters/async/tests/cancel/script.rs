//! A script in which everything happens, ended before each of its polls: nothing is left, and whoever
//! waited is woken.

use std::cell::RefCell;
use std::future::pending;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use redial_async::redial::{Endpoint, Failure, Reconnector};
use redial_async::{Driver, Idempotent, LinkHandle, Session};

use crate::world::{Census, Counted, STEP, Socket, Stepped, dial, policy, serve};

type Handle = LinkHandle<Rc<Socket>, Failure>;

/// Remembers that it was woken.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Somebody who waits, again and again.
struct Waiter {
    what: &'static str,
    wait: Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>>,
    waiting: Option<Pin<Box<dyn Future<Output = ()>>>>,
    flag: Arc<Flag>,
}

impl Waiter {
    fn new<F: Future<Output = ()> + 'static>(
        what: &'static str,
        wait: impl Fn() -> F + 'static,
    ) -> Self {
        let wait = Box::new(move || -> Pin<Box<dyn Future<Output = ()>>> { Box::pin(wait()) });
        Self { what, wait, waiting: None, flag: Arc::default() }
    }

    fn poll(&mut self) -> Poll<()> {
        let waiting = self.waiting.get_or_insert_with(|| (self.wait)());
        self.flag.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(self.flag.clone());
        let poll = waiting.as_mut().poll(&mut Context::from_waker(&waker));
        if poll.is_ready() {
            self.waiting = None;
        }
        poll
    }
}

/// Everyone who can wait for a link.
fn waiters(
    handle: &Handle,
    census: &Rc<Census>,
    sessions: &Rc<RefCell<Vec<Session>>>,
) -> Vec<Waiter> {
    let [connection, closed, watch, health, once, again] = [(); 6].map(|()| handle.clone());
    let (counted, sessions) = ([(); 2].map(|()| census.clone()), sessions.clone());
    let [first, second] = counted;
    let operation = |census: &Rc<Census>| {
        let counted = Counted::operation(census);
        async move {
            let _counted = counted;
            pending::<Result<(), Failure>>().await
        }
    };
    vec![
        Waiter::new("connection", move || {
            let connecting = connection.connection();
            async { drop(connecting.await) }
        }),
        Waiter::new("closed", move || {
            let closed = closed.closed();
            async { drop(closed.await) }
        }),
        Waiter::new("watch", move || {
            let mut watch = watch.watch();
            async move {
                watch.changed().await;
            }
        }),
        Waiter::new("health", move || {
            let checkup = health.health();
            async {
                checkup.await;
            }
        }),
        Waiter::new("an operation", move || {
            let census = first.clone();
            let run = once.run(move |_| operation(&census), Idempotent::No);
            async { drop(run.await) }
        }),
        Waiter::new("an operation that is repeated", move || {
            let census = second.clone();
            let run = again.run(move |_| operation(&census), Idempotent::Yes).within(STEP * 40);
            async { drop(run.await) }
        }),
        Waiter::new("a task that drains", move || {
            let drain = sessions.borrow().last().map(Session::draining);
            async {
                if let Some(drain) = drain {
                    drain.await;
                }
            }
        }),
    ]
}

/// What is said before poll number `poll`.
fn say(handle: &Handle, sessions: &RefCell<Vec<Session>>, poll: usize) {
    let endpoints = |keys: &[u32]| {
        assert!(handle.set_endpoints(keys.iter().copied().map(Endpoint::new)));
    };
    match poll {
        14 => handle.offline(),
        18 => handle.online(),
        60 | 150 => handle.redial(),
        75 => endpoints(&[1, 2]),
        90 => {
            let id = handle.current().expect("it is up").id;
            assert!(handle.report(id, Failure::TimedOut));
        }
        100 => handle.trip(1),
        104 => handle.reset(1),
        110 => handle.defer(STEP * 5),
        125 => endpoints(&[]),
        130 => endpoints(&[7]),
        165 => sessions.borrow().iter().for_each(|session| session.going_away(None)),
        175 => handle.stop(),
        180 => handle.start(),
        SHUTDOWN => {
            handle.shutdown(STEP * 6);
        }
        _ => {}
    }
}

const SHUTDOWN: usize = 240;

/// Polls a link `count` times, or to its end, and drops it. Returns the polls it took, and the most there
/// was of dials, sockets, tasks, timers and operations.
fn dropped_after(count: usize) -> (usize, [usize; 5]) {
    let census = Rc::new(Census::default());
    let sessions = Rc::<RefCell<Vec<Session>>>::default();
    let (for_dial, seen) = (census.clone(), sessions.clone());
    let endpoints = [0, 1].map(Endpoint::new);
    let reconnector = Reconnector::with_endpoints(policy(), 1, endpoints.to_vec());
    let driver = Driver::new(reconnector, Stepped(census.clone()))
        .changeable()
        .health(STEP)
        .share_closing(Rc::clone, |socket: Rc<Socket>| socket.close());
    let drive = driver.drive(
        move |attempt| dial(&attempt, for_dial.clone()),
        move |socket, session| {
            seen.borrow_mut().push(session.clone());
            serve(socket, session)
        },
    );
    let handle = drive.handle();
    // As spawned: it outlives a stop for as long as there is a handle.
    drive.link().detach();
    let mut drive = Box::pin(drive);
    let mut waiters = waiters(&handle, &census, &sessions);
    let (mut polls, mut most) = (0, [0; 5]);
    for poll in 0..count {
        say(&handle, &sessions, poll);
        polls = poll + 1;
        if drive.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            break;
        }
        for waiter in &mut waiters {
            let _ = waiter.poll();
        }
        let [dials, sockets, serves, sleeps] = census.all();
        let all = [dials, sockets, serves, sleeps, census.operations()];
        assert!(dials <= 1 && sockets <= 2 && serves <= 2 && sleeps <= 1, "{all:?} at {poll}");
        for (most, now) in most.iter_mut().zip(all) {
            *most = now.max(*most);
        }
        census.step();
    }
    let held = handle.current();
    drop(drive);
    assert_eq!(census.all(), [0; 4], "left after {polls} polls");
    for waiter in &mut waiters {
        let what = waiter.what;
        let woken = waiter.waiting.is_none() || waiter.flag.0.load(Ordering::SeqCst);
        assert!(woken, "{what} still sleeps after {polls} polls");
        assert!(waiter.poll().is_ready(), "{what} still waits after {polls} polls");
    }
    assert_eq!(census.operations(), 0, "left after {polls} polls");
    drop((held, waiters, handle, sessions));
    assert_eq!(Rc::strong_count(&census), 1, "held after {polls} polls");
    (polls, most)
}

#[test]
fn a_script_that_ends_before_any_of_its_polls_leaves_nothing() {
    let (end, most) = dropped_after(usize::MAX);
    assert!((SHUTDOWN..SHUTDOWN + 20).contains(&end), "it ended after {end} polls");
    assert_eq!(most, [1, 2, 2, 1, 2], "there was everything");
    for count in 0..end {
        dropped_after(count);
    }
}
