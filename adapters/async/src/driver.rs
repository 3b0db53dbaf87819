//! What a link is made of, before it is driven.

use std::borrow::Borrow;
use std::sync::Arc;
use std::time::Duration;

use redial::{Endpoint, Policy, Reconnector};

use crate::classify::{Classify, Ended};
use crate::drive::Drive;
use crate::engine::{Choices, Engine};
use crate::error::LinkError;
use crate::hub::Hub;
use crate::runtime::Runtime;
use crate::session::{Attempt, Session};
use crate::sharing::{Private, ShareBy, ShareClosing, Sharing};
use crate::storage::Changeable;
use crate::sync;
use crate::transition::{Observe, Silent, Transition};
use crate::view::View;

/// Drives a link: calls `connect` for each dial and `serve` for each connection, until the link is
/// stopped or gives up. See the [crate's](crate) example; [`Driver`] has more choices.
///
/// `connect` is dropped at the dial's deadline, and `serve` when its connection is no longer named. A
/// panic in either, or in whatever else the loop calls or drops, ends the link with
/// [`LinkError::Panicked`].
pub fn drive<P, S, R, C, E, Connect, Dialing, Serve, Serving>(
    reconnector: Reconnector<P, S>,
    runtime: R,
    connect: Connect,
    serve: Serve,
) -> Drive<impl Future<Output = Result<(), LinkError<E>>>, (), E>
where
    P: Borrow<Policy>,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
    R: Runtime,
    Connect: FnMut(Attempt) -> Dialing,
    Dialing: Future<Output = Result<C, E>>,
    Serve: FnMut(C, Session) -> Serving,
    Serving: Future<Output = Ended<E>>,
    E: Classify,
{
    Driver::new(reconnector, runtime).drive(connect, serve)
}

/// A reconnector with a runtime, and what else is to be chosen before the link is driven.
#[must_use = "a driver does nothing until it is driven"]
#[derive(Clone, Debug)]
pub struct Driver<R, P = Policy, S = [Endpoint; 1], K = Private, O = Silent> {
    reconnector: Reconnector<P, S>,
    runtime: R,
    sharing: K,
    observer: O,
    choices: Choices<S>,
}

impl<R, P, S> Driver<R, P, S> {
    /// A link that shares nothing, tells nobody, and starts when it is first polled.
    pub fn new(reconnector: Reconnector<P, S>, runtime: R) -> Self {
        let choices = Choices { lazy: false, name: "link".into(), store: None, health: None };
        Self { reconnector, runtime, sharing: Private, observer: Silent, choices }
    }
}

impl<R, P, S, K, O> Driver<R, P, S, K, O> {
    /// Starts at the first [`start`](crate::LinkHandle::start), or when the first caller wants a
    /// connection.
    pub fn lazy(mut self) -> Self {
        self.choices.lazy = true;
        self
    }

    /// Lets [`LinkHandle::set_endpoints`](crate::LinkHandle::set_endpoints) replace the list: give
    /// [`Reconnector::with_endpoints`] a `Vec` or a boxed slice.
    ///
    /// ```compile_fail,E0277
    /// # use redial_async::redial::{Policy, Reconnector};
    /// # use redial_async::{Driver, Runtime};
    /// # fn driver(runtime: impl Runtime) {
    /// let one = Reconnector::new(Policy::DEFAULT, 1); // one endpoint, in an array
    /// let driver = Driver::new(one, runtime).changeable();
    /// # }
    /// ```
    pub fn changeable(mut self) -> Self
    where
        S: Changeable,
    {
        self.choices.store = Some(S::from);
        self
    }

    /// Keeps a record for [`LinkHandle::health`](crate::LinkHandle::health): time up and down, dials,
    /// failures, and recent reliability over a sliding `window`, of an hour for example. Some 400 bytes.
    pub fn health(mut self, window: Duration) -> Self {
        self.choices.health = Some(window);
        self
    }

    /// What logs and metrics call it; `link` if nothing else was said.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.choices.name = name.into();
        self
    }

    /// Takes something from each connection for callers, often a clone: they get it from
    /// [`LinkHandle::connection`](crate::LinkHandle::connection). `serve` still gets the connection itself,
    /// and says when it has ended. Where callers receive and `serve` does not, each answer to a
    /// [`run`](crate::LinkHandle::run) keeps an `idle_timeout` away, and so does
    /// [`LinkHandle::activity`](crate::LinkHandle::activity).
    ///
    /// Each caller gets a clone of what `share` returned. It is made under a lock of the link: `H::clone`
    /// must not block, and must not use a handle of this link, which would wait for itself.
    ///
    /// When a connection is told to [drain](crate::Session::draining), callers may still be using it. Their
    /// operations are [`Lost`](crate::RunError::Lost) as soon as `serve` returns: so it should return when
    /// they are done, or after as long as they may take.
    pub fn share<C, H, F: FnMut(&C) -> H>(self, share: F) -> Driver<R, P, S, ShareBy<F>, O> {
        self.sharing(ShareBy(share))
    }

    /// As [`share`](Self::share), and `close` is called with what was shared when the link drops its
    /// connection, even if callers still hold clones.
    pub fn share_closing<C, H, F, G>(
        self,
        share: F,
        close: G,
    ) -> Driver<R, P, S, ShareClosing<F, G>, O>
    where
        F: FnMut(&C) -> H,
        G: FnMut(H),
    {
        self.sharing(ShareClosing(share, close))
    }

    fn sharing<L>(self, sharing: L) -> Driver<R, P, S, L, O> {
        let Self { reconnector, runtime, observer, choices, .. } = self;
        Driver { reconnector, runtime, sharing, observer, choices }
    }

    /// Every transition is told to `observer`, from inside the loop. For a log that a person reads, print
    /// it: `observe(|transition| eprintln!("{transition}"))`. An abort or a panic, the observer's too, is the
    /// end of the loop and no transition: [`closed`](crate::LinkHandle::closed) tells it.
    ///
    /// The link and its connections wait until it returns. To print a line does no harm, nor to write the 131
    /// bytes of a [snapshot](Transition::snapshot) to a local disk. Whatever may hang belongs elsewhere: a
    /// network file system, a log that goes over the network, a lock that is held for long.
    ///
    /// ```
    /// use std::path::Path;
    /// use std::{fs, io};
    /// use redial_async::Transition;
    ///
    /// /// For `Driver::observe`: what the next process goes on from.
    /// fn save(transition: &Transition<'_, io::Error>) {
    ///     let (file, new) = (Path::new("link.state"), Path::new("link.state.new"));
    ///     // Renamed when it is whole: who reads it finds the last state or this one, and no half.
    ///     let written = fs::write(new, transition.snapshot().to_bytes());
    ///     if let Err(error) = written.and_then(|()| fs::rename(new, file)) {
    ///         eprintln!("the state of the link is not saved: {error}"); // and no panic
    ///     }
    /// }
    /// # let _ = save;
    /// ```
    pub fn observe<E, F: FnMut(&Transition<'_, E>)>(self, observer: F) -> Driver<R, P, S, K, F> {
        let Self { reconnector, runtime, sharing, choices, .. } = self;
        Driver { reconnector, runtime, sharing, observer, choices }
    }

    /// The future that drives the link, as [`drive`] does.
    pub fn drive<C, E, Connect, Dialing, Serve, Serving>(
        self,
        connect: Connect,
        serve: Serve,
    ) -> Drive<impl Future<Output = Result<(), LinkError<E>>>, K::Shared, E>
    where
        P: Borrow<Policy>,
        S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
        R: Runtime,
        K: Sharing<C>,
        K::Shared: Clone,
        O: Observe<E>,
        Connect: FnMut(Attempt) -> Dialing,
        Dialing: Future<Output = Result<C, E>>,
        Serve: FnMut(C, Session) -> Serving,
        Serving: Future<Output = Ended<E>>,
        E: Classify,
    {
        let changeable = self.choices.store.is_some();
        let hub = Hub::new(self.reconnector.status(), changeable, self.choices.health);
        let idles = self.reconnector.policy().idle_timeout().is_some();
        let view = sync::Arc::new(View::new(hub, idles));
        let engine =
            Engine::new(self.reconnector, self.runtime, self.observer, self.choices, view.clone());
        Drive::new(engine.run(self.sharing, connect, serve), view)
    }
}
