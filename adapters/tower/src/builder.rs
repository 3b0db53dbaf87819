//! What to choose before a service is made.

use std::fmt;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redial::{Backoff, Failure, FirstRetry, Policy, Reconnector};
use redial_async::{Driver, Ended, Runtime, Session, Transition};
use tower_layer::Layer;
use tower_service::Service;

use crate::breaks::{BrokenIf, EveryError};
use crate::connect::connect;
use crate::error::Cause;
use crate::resend::{Once, Resend, ResendWith};
use crate::service::Reconnect;
use crate::state::ConnectionState;

type Spawn = Arc<dyn Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync>;
type Changed = Arc<dyn Fn(ConnectionState, ConnectionState) + Send + Sync>;
type Reconnected = Arc<dyn Fn(u32) + Send + Sync>;

/// The policy of a layer that is given none: 100 ms, doubling to 5 s, for ever; otherwise
/// [`Policy::DEFAULT`], but for what lets a server close idle connections ([why][idle]): stable after
/// 500 ms, dialed at once when lost, and two dials a second after a burst of five.
///
/// To change one thing, start from it:
///
/// ```
/// use std::time::Duration;
/// use redial_tower::DEFAULT_POLICY;
///
/// let policy = DEFAULT_POLICY.to_builder().max_elapsed(Duration::from_secs(60)).build()?;
/// # Ok::<(), redial::PolicyError>(())
/// ```
///
/// [idle]: crate#servers-that-close-idle-connections
pub const DEFAULT_POLICY: Policy = match Policy::builder()
    .backoff(Backoff::exponential(Duration::from_millis(100), 2, 1))
    .cap(Duration::from_secs(5))
    .stable_after(Duration::from_millis(500))
    .first_retry(FirstRetry::Immediate)
    // As often as a connection can be stable and lost.
    .rate_limit(5, Duration::from_millis(500))
    .build()
{
    Ok(policy) => policy,
    Err(_) => panic!("the default policy breaks a rule"),
};

/// Puts a [`Reconnect`] around a maker of connections. `M` is the maker's error, and inferred.
///
/// The policy is [`DEFAULT_POLICY`] unless another is given, and every error of a request counts as the end
/// of its connection.
///
/// ```
/// use std::num::NonZeroU32;
/// use redial_tokio::TokioRuntime;
/// use redial_tower::ReconnectLayer;
/// # use tower::{Layer, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let layer = ReconnectLayer::new(TokioRuntime::new(), 42, |link| drop(tokio::spawn(link)))
///     .max_attempts(NonZeroU32::new(10).unwrap())
///     .broken_if(|error: &std::io::Error| error.kind() != std::io::ErrorKind::InvalidInput)
///     .on_state_change(|from, to| println!("{from} → {to}"))
///     .retry_on_reconnect(false);
/// # let make = service_fn(|()| async {
/// #     Ok::<_, std::io::Error>(service_fn(|(): ()| async { Ok::<_, std::io::Error>(()) }))
/// # });
/// # let _service = layer.layer(make);
/// # }
/// ```
pub struct ReconnectLayer<R, M, T = (), A = Resend, B = EveryError> {
    runtime: R,
    seed: Arc<AtomicU64>,
    spawn: Spawn,
    policy: Policy,
    target: T,
    resend: A,
    breaks: B,
    failure: Arc<dyn Fn(&M) -> Failure + Send + Sync>,
    changed: Option<Changed>,
    reconnected: Option<Reconnected>,
}

impl<R, M> ReconnectLayer<R, M> {
    /// A layer on this runtime. `spawn` is given the future that drives each link, which ends with the last
    /// clone of its service: `|link| drop(tokio::spawn(link))`.
    ///
    /// `seed` drives jitter: different in every process, or a fleet dials in step. Each service of this
    /// layer draws its own from it.
    pub fn new(
        runtime: R,
        seed: u64,
        spawn: impl Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            runtime,
            seed: Arc::new(AtomicU64::new(seed)),
            spawn: Arc::new(spawn),
            policy: DEFAULT_POLICY,
            target: (),
            resend: Resend(true),
            breaks: EveryError,
            failure: Arc::new(|_| Failure::Unreachable),
            changed: None,
            reconnected: None,
        }
    }
}

impl<R, M, T, A, B> ReconnectLayer<R, M, T, A, B> {
    /// When to dial, how long a dial may take, and when to give up, in place of [`DEFAULT_POLICY`]. With each
    /// answer to a request its `idle_timeout` begins anew; the first one over a connection confirms it.
    #[must_use]
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Exactly this many dials in an outage, in place of what the policy says. A connection that ends
    /// before it is stable is one of them.
    #[must_use]
    pub fn max_attempts(mut self, attempts: NonZeroU32) -> Self {
        // The policy was checked, and one limit above zero cannot break a rule.
        if let Ok(policy) = self.policy.to_builder().max_attempts(attempts.get()).build() {
            self.policy = policy;
        }
        self
    }

    /// No limit of dials that anyone lives to see (2³² − 1), in place of what the policy says. Its other
    /// limits stay.
    #[must_use]
    pub fn unlimited(self) -> Self {
        if self.policy.max_attempts().is_some() { self.max_attempts(NonZeroU32::MAX) } else { self }
    }

    /// What the maker is called with at each dial, an address say.
    pub fn target<U: Clone>(self, target: U) -> ReconnectLayer<R, M, U, A, B> {
        self.with(|_, resend, breaks| (target, resend, breaks))
    }

    /// Whether a request that met a broken connection is sent again, once, on the next one. Default: yes.
    /// When not, the caller gets the error untouched, and the reconnect still happens.
    pub fn retry_on_reconnect(self, retry: bool) -> ReconnectLayer<R, M, T, Resend, B> {
        self.with(|target, _, breaks| (target, Resend(retry), breaks))
    }

    /// As [`retry_on_reconnect(false)`](Self::retry_on_reconnect), for requests that are not `Clone`.
    pub fn never_resend(self) -> ReconnectLayer<R, M, T, Once, B> {
        self.with(|target, _, breaks| (target, Once, breaks))
    }

    /// Sends again only what `copy` copies: what is idempotent, say.
    pub fn resend_with<F>(self, copy: F) -> ReconnectLayer<R, M, T, ResendWith<F>, B> {
        self.with(|target, _, breaks| (target, ResendWith(copy), breaks))
    }

    /// Which errors of a request show that its connection is broken. Default: all. Any other error goes to
    /// the caller, and the connection stays. An error of the service's `poll_ready` always is its end.
    pub fn broken_if<E, F>(self, breaks: F) -> ReconnectLayer<R, M, T, A, BrokenIf<F>>
    where
        F: Fn(&E) -> bool + Clone,
    {
        self.with(|target, resend, _| (target, resend, BrokenIf(breaks)))
    }

    /// What a maker's error says about the server. Default: [`Failure::Unreachable`].
    #[must_use]
    pub fn classify(mut self, failure: impl Fn(&M) -> Failure + Send + Sync + 'static) -> Self {
        self.failure = Arc::new(failure);
        self
    }

    /// Called with the number of dials it took, each time a connection is made after the first. From inside
    /// the link, so it must not block.
    #[must_use]
    pub fn on_reconnect(mut self, hook: impl Fn(u32) + Send + Sync + 'static) -> Self {
        self.reconnected = Some(Arc::new(hook));
        self
    }

    /// Called with what the link did and does, each time that changes. From inside the link, so it must not
    /// block.
    #[must_use]
    pub fn on_state_change(
        mut self,
        hook: impl Fn(ConnectionState, ConnectionState) + Send + Sync + 'static,
    ) -> Self {
        self.changed = Some(Arc::new(hook));
        self
    }

    fn with<U, C, D>(
        self,
        change: impl FnOnce(T, A, B) -> (U, C, D),
    ) -> ReconnectLayer<R, M, U, C, D> {
        let (target, resend, breaks) = change(self.target, self.resend, self.breaks);
        ReconnectLayer {
            runtime: self.runtime,
            seed: self.seed,
            spawn: self.spawn,
            policy: self.policy,
            target,
            resend,
            breaks,
            failure: self.failure,
            changed: self.changed,
            reconnected: self.reconnected,
        }
    }
}

/// Calls the hooks.
fn observer<M>(
    changed: Option<Changed>,
    reconnected: Option<Reconnected>,
) -> impl FnMut(&Transition<'_, Cause<M>>) + Send {
    let mut connected_before = false;
    move |transition| {
        let from = ConnectionState::from(&transition.from);
        let to = ConnectionState::from(&transition.to);
        let made = transition.action.held() != transition.before.held();
        let connected = made && to == ConnectionState::Connected;
        if connected && std::mem::replace(&mut connected_before, true) {
            if let Some(reconnected) = &reconnected {
                let dial = transition.before.dial();
                reconnected(dial.map_or(0, |dial| dial.attempt.max(1)));
            }
        }
        if let (true, Some(changed)) = (from != to, &changed) {
            changed(from, to);
        }
    }
}

impl<R, K, S, M, T, A, B> Layer<K> for ReconnectLayer<R, M, T, A, B>
where
    R: Runtime + Clone + Send + Sync + 'static,
    R::Sleep: Send,
    K: Service<T, Response = S, Error = M> + Send + 'static,
    K::Future: Send,
    S: Clone + Send + 'static,
    M: fmt::Display + Send + Sync + 'static,
    T: Clone + Send + 'static,
    A: Clone,
    B: Clone,
{
    type Service = Reconnect<S, M, A, B>;

    /// Spawns a link, which dials when it is first asked.
    fn layer(&self, maker: K) -> Self::Service {
        // The increment of SplitMix64, which keeps neighbours apart.
        let seed = self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let reconnector = Reconnector::new(self.policy.clone(), seed);
        let maker = Arc::new(Mutex::new(maker));
        let (target, failure) = (self.target.clone(), self.failure.clone());
        let dial = move |_| {
            let (maker, target, failure) = (maker.clone(), target.clone(), failure.clone());
            async move {
                connect(&maker, target).await.map_err(|error| {
                    let failure = failure(&error);
                    Cause::Connect { error, failure }
                })
            }
        };
        // Its end is what a request or the policy says; what it has begun, the requests finish themselves.
        let serve = move |service: S, session: Session| async move {
            session.draining().await;
            drop(service);
            Ended::Finished
        };
        let drive = Driver::new(reconnector, self.runtime.clone())
            .lazy()
            .share(S::clone)
            .observe(observer(self.changed.clone(), self.reconnected.clone()))
            .drive(dial, serve);
        let link = drive.link();
        (self.spawn)(Box::pin(async move { drop(drive.await) }));
        let runtime = self.runtime.clone();
        let clock = Arc::new(move || runtime.now());
        Reconnect::new(link, self.resend.clone(), self.breaks.clone(), clock)
    }
}

impl<R: Clone, M, T: Clone, A: Clone, B: Clone> Clone for ReconnectLayer<R, M, T, A, B> {
    fn clone(&self) -> Self {
        Self {
            runtime: self.runtime.clone(),
            seed: self.seed.clone(),
            spawn: self.spawn.clone(),
            policy: self.policy.clone(),
            target: self.target.clone(),
            resend: self.resend.clone(),
            breaks: self.breaks.clone(),
            failure: self.failure.clone(),
            changed: self.changed.clone(),
            reconnected: self.reconnected.clone(),
        }
    }
}

impl<R, M, T: fmt::Debug, A: fmt::Debug, B> fmt::Debug for ReconnectLayer<R, M, T, A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectLayer")
            .field("policy", &self.policy)
            .field("target", &self.target)
            .field("resend", &self.resend)
            .finish_non_exhaustive()
    }
}
