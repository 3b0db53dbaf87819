//! What callers hold of a link: commands, its status, its connection.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use event_listener::EventListener;
use redial::{DialId, Endpoint, Health, Status};

use crate::error::LinkError;
use crate::hub::{Hub, Wanted, poll_until};
use crate::session::{ACTIVITY, CONFIRMED};
use crate::sync;
use crate::view::{Connection, End, View};
use crate::watch::Watch;

/// Speaks to a link. Cheap to clone; dropping it does nothing to the link.
///
/// Commands are a level and not a queue: what counts is what was said last, and saying it twice is saying
/// it once. `H` is what is [shared](crate::Driver::share) of the connection; `()` if nothing is.
///
/// ```
/// use std::time::Duration;
/// use redial_async::{LinkHandle, redial::Endpoint};
///
/// async fn operate(link: LinkHandle) {
///     link.offline(); // no new dials
///     link.online(); // a wait is cut short
///     link.redial(); // dials now, or replaces the connection
///     link.defer(Duration::from_secs(60)); // the caller's own gate
///     link.trip(1); // endpoint 1 is left alone
///     link.reset(1);
///     let changed = link.set_endpoints([Endpoint::new(0), Endpoint::new(2)]);
///     assert!(changed, "the driver was not made changeable");
///     let health = link.health().await.expect("the driver keeps it");
///     println!("{}; {} ppm up", link.status(), health.reliability());
///     if let Err(error) = link.shutdown(Duration::from_secs(5)).await {
///         println!("it did not come to that: {error}");
///     }
/// }
/// # let _ = operate;
/// ```
pub struct LinkHandle<H = (), E = std::io::Error> {
    pub(crate) view: sync::Arc<View<H, E>>,
    /// Of the poll forms.
    pub(crate) listener: Option<EventListener>,
    ticket: Option<u64>,
}

impl<H, E> LinkHandle<H, E> {
    pub(crate) fn new(view: sync::Arc<View<H, E>>) -> Self {
        view.hub.add_handle();
        Self { view, listener: None, ticket: None }
    }

    pub(crate) fn abort(&self) {
        self.view.hub.tell(|commands| commands.aborted = true);
    }

    /// The link should be up. After a stop or a give-up a new outage begins, with fresh counters. After a
    /// [`shutdown`](Self::shutdown), or once its future is gone, a link stays down.
    pub fn start(&self) {
        self.view.hub.start();
    }

    /// The link should be down: everything is dropped, at once. [`closed`](Self::closed) then says `Ok`.
    pub fn stop(&self) {
        self.view.hub.tell(|commands| commands.order(Wanted::Down));
    }

    /// Dials now, if the link is waiting; replaces the connection, if there is one. One that is not yet stable
    /// is dropped first, if a dial may begin at once. A server's hint, a breaker and the rate limit still hold.
    pub fn redial(&self) {
        self.view.hub.tell(|commands| commands.news.redial = true);
    }

    /// The network is back: a backoff is cut short. Not if the server said that it was too busy; and after
    /// timeouts only if [`offline`](Self::offline) was called before, which explains them.
    pub fn online(&self) {
        self.view.hub.tell(|commands| {
            commands.offline = false;
            commands.news.online = true;
        });
    }

    /// The network is gone: no new dials until [`online`](Self::online). A connection is kept, and a dial in
    /// flight may finish.
    pub fn offline(&self) {
        self.view.hub.tell(|commands| {
            commands.offline = true;
            commands.news.offline = true;
        });
    }

    /// No dial for this long from now. Replaces the last `defer`; zero lifts it.
    pub fn defer(&self, wait: Duration) {
        self.view.hub.wish(|wishes| wishes.defer = Some(wait));
    }

    /// Replaces the list of endpoints. Those whose key stays keep their health; a connection to one that
    /// goes is replaced as soon as another can be made. With an empty list the link is idle. False, and
    /// nothing happens, if the driver was not made [changeable](crate::Driver::changeable).
    #[must_use = "false says that nothing has happened"]
    pub fn set_endpoints(&self, endpoints: impl IntoIterator<Item = Endpoint>) -> bool {
        let changeable = self.view.hub.is_changeable();
        if changeable {
            let endpoints = endpoints.into_iter().collect();
            self.view.hub.wish(|wishes| wishes.endpoints = Some(endpoints));
        }
        changeable
    }

    /// Opens the circuit of endpoint `key` until [`reset`](Self::reset): nothing dials it. A connection to
    /// it is kept.
    pub fn trip(&self, key: u32) {
        self.view.hub.wish(|wishes| {
            wishes.circuits.insert(key, true);
        });
    }

    /// Closes the circuit of endpoint `key` and forgets its outcomes.
    pub fn reset(&self, key: u32) {
        self.view.hub.wish(|wishes| {
            wishes.circuits.insert(key, false);
        });
    }

    /// Drains and then stops, for good: no new dials, the connection is told to
    /// [drain](crate::Session::draining), and the link stops when it has ended, or `within` has passed. What
    /// drains is for those who use it already: whoever wants a connection now is told
    /// [`Stopped`](LinkError::Stopped).
    ///
    /// Takes effect whether or not the future, which waits for the end, is awaited; it may be ignored.
    pub fn shutdown(&self, within: Duration) -> Closed<H, E> {
        self.view.hub.tell(|commands| commands.order(Wanted::ShutDown(within)));
        // Nobody needs to wait any longer.
        self.view.hub.announce();
        self.closed()
    }

    /// Waits until the link is down: `Ok` if it was stopped or shut down, even if it had given up before;
    /// otherwise the reason. Pending while it is up or not yet started. Dropping the future loses nothing.
    #[must_use = "futures do nothing unless awaited"]
    pub fn closed(&self) -> Closed<H, E> {
        Closed { view: self.view.clone(), listener: None }
    }

    /// [`closed`](Self::closed) as a poll.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<End<E>> {
        let Self { view, listener, .. } = self;
        view.poll_ended(listener, cx)
    }

    /// The status now. Idle once the link's future is gone, unless the link had given up.
    pub fn status(&self) -> Status {
        self.view.hub.status()
    }

    /// Time up and down, dials, failures and reliability, from the link's first start up to now, or until its
    /// future was gone. `None` if the driver [keeps](crate::Driver::health) no record of it.
    pub fn health(&self) -> Checkup {
        Checkup { hub: self.view.hub.clone(), asked: self.view.hub.ask_health(), listener: None }
    }

    /// Watches the status, from now on.
    pub fn watch(&self) -> Watch {
        Watch::new(self.view.hub.clone())
    }

    /// An operation has shown that connection `id` is broken: it is closed with this error. However many
    /// callers see the same connection fail, it fails once; false if it had already, or is gone.
    pub fn report(&self, id: DialId, error: impl Into<Arc<E>>) -> bool {
        self.view.report(id, Some(error.into()))
    }

    /// Ready once connection `id` is no longer the link: it was lost, reported or replaced. For those who poll
    /// something over a connection, whose own waker need not hear of that.
    pub fn poll_replaced(&mut self, id: DialId, cx: &mut Context<'_>) -> Poll<()> {
        let Self { view, listener, .. } = self;
        let replaced = || (view.held_id() != Some(id)).then_some(());
        poll_until(&view.hub.changed, listener, cx, replaced)
    }

    /// Something was received on connection `id`, as [`Session::activity`](crate::Session::activity) says
    /// where it is served. Each answer to a [`run`](Self::run) is said to be activity; an operation that
    /// receives for long before it answers says so itself. Does nothing if the policy has no
    /// `idle_timeout`, or the connection is gone.
    pub fn activity(&self, id: DialId) {
        if self.view.idles {
            self.say(id, ACTIVITY);
        }
    }

    /// The application has seen connection `id` healthy, as [`Session::confirmed`](crate::Session::confirmed)
    /// says where it is served. No answer says so by itself. Does nothing if the connection is gone.
    pub fn confirmed(&self, id: DialId) {
        self.say(id, CONFIRMED);
    }

    fn say(&self, id: DialId, what: u8) {
        if self.view.say(id, what) {
            self.view.hub.speak();
        }
    }

    /// The ticket to wait with: a link that was never started, or gave up, is started.
    fn want(&self) -> Result<u64, LinkError<E>> {
        let asked = self.view.hub.commands();
        match (asked.wanted, self.view.ended_since(asked.orders)) {
            // Whether or not the loop has heard it yet.
            (Wanted::Down, _) | (_, Some(Ok(()))) => Err(LinkError::Stopped),
            (Wanted::Up, None) => Ok(asked.orders),
            (_, None | Some(Err(_))) => Ok(self.view.hub.start()),
        }
    }

    fn connected(view: &View<H, E>, ticket: u64) -> Option<Result<Connection<H>, LinkError<E>>>
    where
        H: Clone,
    {
        if let Some(connection) = view.held() {
            return Some(Ok(connection));
        }
        // What drains is not handed out, and there is nothing to come.
        let shut_down = || {
            let wanted = view.hub.commands().wanted;
            matches!(wanted, Wanted::ShutDown(_)).then_some(Ok(()))
        };
        let ended = view.ended_since(ticket).or_else(shut_down)?;
        Some(Err(ended.err().unwrap_or(LinkError::Stopped)))
    }
}

impl<H: Clone, E> LinkHandle<H, E> {
    /// The connection that is the link now, if there is one.
    pub fn current(&self) -> Option<Connection<H>> {
        self.view.held()
    }

    /// Waits for the connection. Starts a link that is lazy or has given up; however many callers wait, it
    /// dials once.
    ///
    /// # Errors
    /// [`LinkError`] if the link gives up while waiting, or was stopped or shut down.
    pub fn connection(&self) -> Connecting<H, E> {
        Connecting { handle: self.clone() }
    }

    /// [`connection`](Self::connection) as a poll.
    ///
    /// # Errors
    /// As [`connection`](Self::connection).
    pub fn poll_connection(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Connection<H>, LinkError<E>>> {
        let ticket = match self.ticket {
            Some(ticket) => ticket,
            None => match self.view.held() {
                Some(connection) => return Poll::Ready(Ok(connection)),
                None => match self.want() {
                    Ok(ticket) => *self.ticket.insert(ticket),
                    Err(error) => return Poll::Ready(Err(error)),
                },
            },
        };
        let connected = || Self::connected(&self.view, ticket);
        let poll = poll_until(&self.view.hub.changed, &mut self.listener, cx, connected);
        if poll.is_ready() {
            self.ticket = None;
        }
        poll
    }
}

impl<H, E> Clone for LinkHandle<H, E> {
    fn clone(&self) -> Self {
        Self::new(self.view.clone())
    }
}

impl<H, E> Drop for LinkHandle<H, E> {
    fn drop(&mut self) {
        self.view.hub.drop_handle();
    }
}

impl<H, E> fmt::Debug for LinkHandle<H, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkHandle").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// Waits until a link is down; made by [`LinkHandle::closed`], and by [`LinkHandle::shutdown`], which need not
/// be awaited.
pub struct Closed<H, E> {
    view: sync::Arc<View<H, E>>,
    listener: Option<EventListener>,
}

impl<H, E> Future for Closed<H, E> {
    type Output = Result<(), LinkError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { view, listener } = &mut *self;
        view.poll_ended(listener, cx)
    }
}

impl<H, E> fmt::Debug for Closed<H, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}

/// Waits for the health of a link; made by [`LinkHandle::health`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Checkup {
    hub: sync::Arc<Hub>,
    asked: u64,
    listener: Option<EventListener>,
}

impl Future for Checkup {
    type Output = Option<Health>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Health>> {
        let Self { hub, asked, listener } = &mut *self;
        poll_until(&hub.changed, listener, cx, || hub.health(*asked))
    }
}

/// Waits for the connection of a link; made by [`LinkHandle::connection`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Connecting<H, E> {
    handle: LinkHandle<H, E>,
}

impl<H: Clone, E> Future for Connecting<H, E> {
    type Output = Result<Connection<H>, LinkError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.handle.poll_connection(cx)
    }
}
