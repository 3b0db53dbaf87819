//! All links of a fleet in one future.

mod crew;
mod lookout;

use std::borrow::Borrow;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use redial::{Endpoint, Event, Policy, Reconnector, Status, Timestamp};
use redial_fleet::{Counts, Fleet, Key};

use crate::bells::Bells;
use crate::classify::{Classify, Ended};
use crate::runtime::Runtime;
use crate::session::{Attempt, Session};
use crate::sync::{Mutex, MutexGuard};
use crate::transition::Transition;

use crew::Crew;

/// Drives every link of a fleet: calls `connect` for each dial and `serve` for each connection, as
/// [`drive`](crate::drive) does for one. The fleet's limits hold over all of them, and so does one timer.
///
/// Every link is started. It stays in the fleet when it gives up, or when `serve` says
/// [`Finished`](Ended::Finished), until someone [starts](FleetHandle::start) or
/// [removes](FleetHandle::remove) it. Which link a dial is for is said by its [`Key`], and by the
/// endpoint's own key in [`Attempt::dial`].
///
/// The future ends when it is [shut down](FleetHandle::shutdown). A panic in `connect` or `serve` stops
/// that link, which can be started again, and no other. Dropping the future leaves no dial, connection or
/// timer behind; the links then say what they were doing last, so they can be taken out and saved as they
/// were. It spawns nothing, and asks for neither `Send` nor `'static`: one thread does all the work, of
/// dials and connections too, unless they spawn it.
///
/// ```
/// use std::future::{Ready, pending, ready};
/// use std::num::NonZeroU32;
/// use redial_async::redial::{Endpoint, Policy, Reconnector, Timestamp};
/// use redial_async::redial_fleet::Fleet;
/// use redial_async::{Attempt, Ended, Runtime, drive_fleet};
/// # use std::cell::Cell;
/// # use std::time::Duration;
///
/// // A runtime is a clock and a sleep. This one stands still, which is enough for links that connect
/// // at once.
/// struct Still;
/// impl Runtime for Still {
///     type Sleep = Ready<()>;
///     fn now(&self) -> Timestamp { Timestamp::ORIGIN }
///     fn sleep_until(&self, _: Timestamp) -> Ready<()> { ready(()) }
/// }
///
/// // A thousand devices, known by number; no more than fifty dials at any time.
/// let mut fleet = Fleet::new().max_in_flight(NonZeroU32::new(50).unwrap());
/// for device in 0..1000 {
///     let seed = u64::from(device);
///     let link = Reconnector::with_endpoints(&Policy::DEFAULT, seed, [Endpoint::new(device)]);
///     fleet.insert(Timestamp::ORIGIN, link);
/// }
/// let drive = drive_fleet(
///     fleet,
///     Still,
///     |_key, attempt: Attempt| ready(std::io::Result::Ok(attempt.dial.endpoint)),
///     |_key, _device, session| async move {
///         session.draining().await;
///         Ended::Finished
///     },
/// );
/// let fleet = drive.handle();
/// # let mut drive = std::pin::pin!(drive);
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # while fleet.counts().connected < 1000 {
/// #     assert!(drive.as_mut().poll(&mut context).is_pending());
/// # }
/// assert_eq!(fleet.counts().connected, 1000);
/// # fleet.shutdown(Duration::ZERO);
/// # while drive.as_mut().poll(&mut context).is_pending() {}
/// ```
pub fn drive_fleet<P, S, R, C, E, Connect, Dialing, Serve, Serving>(
    fleet: Fleet<P, S>,
    runtime: R,
    connect: Connect,
    serve: Serve,
) -> DriveFleet<impl Future<Output = ()>, R, P, S>
where
    P: Borrow<Policy>,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
    R: Runtime,
    Connect: FnMut(Key, Attempt) -> Dialing,
    Dialing: Future<Output = Result<C, E>>,
    Serve: FnMut(Key, C, Session) -> Serving,
    Serving: Future<Output = Ended<E>>,
    E: Classify,
{
    let nobody = None::<fn(Key, &Transition<'_, E>)>;
    begin(fleet, runtime, |shared| Crew::new(shared, connect, serve, nobody).run())
}

/// As [`drive_fleet`], and every change of a link is told to `observer`, as
/// [`Driver::observe`](crate::Driver::observe) does for one.
///
/// It is called from inside the loop, and may speak to the fleet. Changes that the loop finds together are
/// told as one, and a link that waits is not told to be offline. What was told last of each link takes some
/// 120 bytes. A panic of the observer stops the link that it was told of.
///
/// ```
/// # use std::future::{Ready, ready};
/// # use redial_async::redial::{Policy, Reconnector, Timestamp};
/// # use redial_async::redial_fleet::Fleet;
/// # use redial_async::{Ended, Runtime};
/// use redial_async::drive_fleet_observed;
/// use redial_async::redial::Phase;
/// # struct Still;
/// # impl Runtime for Still {
/// #     type Sleep = Ready<()>;
/// #     fn now(&self) -> Timestamp { Timestamp::ORIGIN }
/// #     fn sleep_until(&self, _: Timestamp) -> Ready<()> { ready(()) }
/// # }
/// # let policy = Policy::builder().max_attempts(1).build().unwrap();
/// # let mut fleet = Fleet::new();
/// # for seed in 0..10 {
/// #     fleet.insert(Timestamp::ORIGIN, Reconnector::new(&policy, seed));
/// # }
/// # let runtime = Still;
/// # let connect = |_, _| ready(Err::<(), _>(std::io::Error::other("no")));
/// # let serve = |_, (), _| ready(Ended::Finished);
/// let mut gave_up = Vec::new();
/// let drive = drive_fleet_observed(fleet, runtime, connect, serve, |key, transition| {
///     if matches!(transition.to.phase, Phase::GaveUp { .. }) {
///         eprintln!("{key}: {transition}");
///         gave_up.push(key);
///     }
/// });
/// # {
/// #     let mut drive = std::pin::pin!(drive);
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     assert!(drive.as_mut().poll(&mut context).is_pending());
/// # }
/// # assert_eq!(gave_up.len(), 10);
/// ```
pub fn drive_fleet_observed<P, S, R, C, E, Connect, Dialing, Serve, Serving>(
    fleet: Fleet<P, S>,
    runtime: R,
    connect: Connect,
    serve: Serve,
    observer: impl FnMut(Key, &Transition<'_, E>),
) -> DriveFleet<impl Future<Output = ()>, R, P, S>
where
    P: Borrow<Policy>,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
    R: Runtime,
    Connect: FnMut(Key, Attempt) -> Dialing,
    Dialing: Future<Output = Result<C, E>>,
    Serve: FnMut(Key, C, Session) -> Serving,
    Serving: Future<Output = Ended<E>>,
    E: Classify,
{
    begin(fleet, runtime, |shared| Crew::new(shared, connect, serve, Some(observer)).run())
}

fn begin<F, R, P, S>(
    fleet: Fleet<P, S>,
    runtime: R,
    crew: impl FnOnce(Arc<Shared<R, P, S>>) -> F,
) -> DriveFleet<F, R, P, S> {
    let shared = Arc::new(Shared { fleet: Mutex::new(fleet), runtime, bells: Arc::default() });
    DriveFleet { crew: crew(shared.clone()), farewell: Farewell(shared) }
}

/// What the loop and the handles share. No lock is held across an await, or while foreign code runs.
pub(crate) struct Shared<R, P, S> {
    fleet: Mutex<Fleet<P, S>>,
    pub(crate) runtime: R,
    pub(crate) bells: Arc<Bells>,
}

impl<R, P, S> Shared<R, P, S> {
    pub(crate) fn fleet(&self) -> MutexGuard<'_, Fleet<P, S>> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody drives the fleet any more. Under its lock: a link comes in before its last change, or not.
    fn end<T>(&self, last: impl FnOnce(&mut Fleet<P, S>) -> T) -> T {
        let mut fleet = self.fleet();
        let answer = last(&mut fleet);
        let driver = self.bells.set_gone();
        drop(fleet);
        drop(driver);
        answer
    }
}

pin_project! {
    /// Drives a fleet; made by [`drive_fleet`]. Does nothing until polled; dropping it drops every dial,
    /// connection and timer.
    #[must_use = "futures do nothing unless awaited or spawned"]
    pub struct DriveFleet<F, R, P, S> {
        // Dropped before anyone is told.
        #[pin]
        crew: F,
        farewell: Farewell<R, P, S>,
    }
}

/// Tells the handles when the loop is gone.
struct Farewell<R, P, S>(Arc<Shared<R, P, S>>);

impl<R, P, S> Drop for Farewell<R, P, S> {
    fn drop(&mut self) {
        self.0.end(|_| ());
    }
}

impl<F, R, P, S> DriveFleet<F, R, P, S> {
    /// Speaks to this fleet.
    pub fn handle(&self) -> FleetHandle<R, P, S> {
        FleetHandle(self.farewell.0.clone())
    }
}

impl<F: Future, R, P, S> Future for DriveFleet<F, R, P, S> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let poll = this.crew.poll(cx);
        if poll.is_ready() {
            this.farewell.0.end(|_| ());
        }
        poll
    }
}

impl<F, R, P, S> fmt::Debug for DriveFleet<F, R, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.farewell.0.fleet().counts();
        f.debug_struct("DriveFleet").field("counts", &counts).finish_non_exhaustive()
    }
}

/// Speaks to a fleet that is driven. Cheap to clone; dropping it does nothing to the fleet.
pub struct FleetHandle<R, P = Policy, S = [Endpoint; 1]>(Arc<Shared<R, P, S>>);

impl<R, P, S> FleetHandle<R, P, S> {
    /// How many links do what.
    pub fn counts(&self) -> Counts {
        self.0.fleet().counts()
    }

    /// Drains and then ends the drive: no new dials, the connections are told to
    /// [drain](Session::draining), and the future ends when they have, or `within` has passed.
    /// Every link is stopped then, unless it gave up before.
    pub fn shutdown(&self, within: Duration) {
        self.0.bells.shut_down(within);
    }
}

impl<R, P, S> FleetHandle<R, P, S>
where
    R: Runtime,
    P: Borrow<Policy>,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
{
    /// Adds a link and starts it; `None`, and nothing happens, if the drive has ended.
    pub fn insert(&self, reconnector: Reconnector<P, S>) -> Option<Key> {
        let now = self.0.runtime.now();
        let mut fleet = self.0.fleet();
        if self.0.bells.is_gone() {
            return None;
        }
        let key = fleet.insert(now, reconnector);
        fleet.handle(now, key, Event::Start);
        drop(fleet);
        self.0.bells.ring(key);
        Some(key)
    }

    /// Takes a link out of the fleet; `None` if there is no such link. Its dial and connections are dropped
    /// when the drive is next polled.
    pub fn remove(&self, key: Key) -> Option<Reconnector<P, S>> {
        self.change(key, |fleet, _| fleet.remove(key))
    }

    /// The link should be up; after a stop or a give-up a new outage begins. False if there is no such
    /// link.
    pub fn start(&self, key: Key) -> bool {
        self.tell(key, Event::Start)
    }

    /// The link should be down: what it has is dropped. False if there is no such link.
    pub fn stop(&self, key: Key) -> bool {
        self.tell(key, Event::Stop)
    }

    /// The link dials now, or replaces its connection; see [`Event::Redial`]. False if there is no such
    /// link.
    pub fn redial(&self, key: Key) -> bool {
        self.tell(key, Event::Redial)
    }

    /// Replaces the endpoints of a link, and gives the old ones back; see
    /// [`Reconnector::set_endpoints`].
    ///
    /// # Errors
    /// `endpoints`, if there is no such link.
    pub fn set_endpoints(&self, key: Key, endpoints: S) -> Result<S, S> {
        let replaced = self.change(key, |fleet, now| fleet.set_endpoints(now, key, endpoints));
        replaced.map(|(old, _)| old)
    }

    /// Opens the circuit of an endpoint of a link until [`reset`](Self::reset): nothing dials it. A
    /// connection to it is kept. False if there is no such link.
    pub fn trip(&self, key: Key, endpoint: u32) -> bool {
        self.change(key, |fleet, now| fleet.trip(now, key, endpoint)).is_some()
    }

    /// Closes the circuit of an endpoint of a link and forgets its outcomes. False if there is no such
    /// link.
    pub fn reset(&self, key: Key, endpoint: u32) -> bool {
        self.change(key, |fleet, now| fleet.reset(now, key, endpoint)).is_some()
    }

    /// The network is gone: no new dials, of new links either, until [`online`](Self::online).
    /// Connections are kept.
    pub fn offline(&self) {
        let now = self.0.runtime.now();
        self.0.fleet().offline(now);
        self.0.bells.speak();
    }

    /// The network is back: backoffs are cut short. Does nothing after a [`shutdown`](Self::shutdown).
    pub fn online(&self) {
        let now = self.0.runtime.now();
        let mut fleet = self.0.fleet();
        if self.0.bells.shutdown().is_some() {
            return;
        }
        fleet.online(now);
        drop(fleet);
        self.0.bells.speak();
    }

    /// What a link is doing; `None` if there is no such link.
    pub fn status(&self, key: Key) -> Option<Status> {
        self.0.fleet().get(key).map(Reconnector::status)
    }

    fn tell(&self, key: Key, event: Event) -> bool {
        self.change(key, |fleet, now| fleet.handle(now, key, event)).is_some()
    }

    /// Changes the link `key`, and has the loop look at it.
    fn change<T>(&self, key: Key, change: impl FnOnce(&mut Fleet<P, S>, Timestamp) -> T) -> T {
        let now = self.0.runtime.now();
        let answer = change(&mut self.0.fleet(), now);
        self.0.bells.ring(key);
        answer
    }
}

impl<R, P, S> Clone for FleetHandle<R, P, S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R, P, S> fmt::Debug for FleetHandle<R, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetHandle").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
