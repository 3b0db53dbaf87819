//! One transition, for logs and metrics.

use std::borrow::Borrow;
use std::fmt;

use redial::{
    Action, Circuit, Endpoint, EndpointSnapshot, Failure, Phase, Policy, Reconnector, Refresh,
    Snapshot, Status, Timestamp,
};

/// A change of what the link is doing. Watches are level-triggered and may skip; an observer sees each.
///
/// Displays as one line for people, which says what has ended and what the link does now: `connected`,
/// `endpoint 1: connection refused; dialing in 846.2ms (backoff, attempt 4)`. Text of an error, which may
/// have come from a server, is escaped and cut; endpoints are named where there are several. The words
/// may change: for programs there are the fields, and the `tracing` feature.
///
/// ```
/// use std::io;
/// use redial_async::{Transition, redial::Phase};
///
/// /// For `Driver::observe`.
/// fn observe(transition: &Transition<'_, io::Error>) {
///     if matches!(transition.to.phase, Phase::GaveUp { .. }) {
///         eprintln!("page somebody: {transition}");
///     }
/// }
/// # let _ = observe;
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Transition<'a, E> {
    /// When it happened, on the runtime's clock.
    pub at: Timestamp,
    /// What the link was doing.
    pub from: Status,
    /// What should have existed.
    pub before: Action,
    /// What it does now.
    pub to: Status,
    /// What should exist now.
    pub action: Action,
    /// Why a dial or connection ended, if that is what happened.
    pub failure: Option<Failure>,
    /// The error itself; `None` if a deadline cut the dial or connection off, or an operation panicked.
    pub error: Option<&'a E>,
    /// All endpoints with their health.
    pub endpoints: &'a [Endpoint],
    /// Where snapshots come from.
    pub(crate) source: &'a dyn Snapshots,
}

/// A reconnector, as far as it can be saved.
pub(crate) trait Snapshots {
    fn snapshot(&self) -> Snapshot;
    fn endpoint_snapshots(&self) -> Vec<EndpointSnapshot>;
}

impl fmt::Debug for dyn Snapshots + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reconnector")
    }
}

impl<P, S> Snapshots for Reconnector<P, S>
where
    P: Borrow<Policy>,
    S: AsRef<[Endpoint]> + AsMut<[Endpoint]>,
{
    fn snapshot(&self) -> Snapshot {
        self.snapshot()
    }

    fn endpoint_snapshots(&self) -> Vec<EndpointSnapshot> {
        self.endpoint_snapshots().collect()
    }
}

/// Whether a link has changed in what observers are told of: what it does, and what should exist.
pub(crate) fn differ(from: (&Status, &Action), to: (&Status, &Action)) -> bool {
    let named =
        |action: &Action| (action.dial().map(|dial| dial.id), action.held(), action.draining());
    from.0 != to.0 || named(from.1) != named(to.1)
}

/// What ended the dial or the connection that `after` no longer names, if nobody reported it: a deadline.
pub(crate) fn cut_off(policy: &Policy, before: &Action, after: &Action) -> Option<Failure> {
    let gone = |id| ![after.dial().map(|dial| dial.id), after.held()].contains(&Some(id));
    let dial = before.dial().is_some_and(|dial| gone(dial.id));
    let idle = policy.idle_timeout().is_some() && policy.refresh() == Refresh::MakeFirst;
    let held = idle && before.held().is_some_and(gone);
    (dial || held).then_some(Failure::TimedOut)
}

impl<E> Transition<'_, E> {
    /// What must outlive the process, after this transition: a process that crashes because it connects
    /// must not forget that it did. Save it now, before anything is dialed. The next process goes on with
    /// [`restore`](Reconnector::restore) at [`Timestamp::ORIGIN`], where its driver's clock begins.
    ///
    /// A hundred bytes or two may well be written to a local disk here and now;
    /// [`Driver::observe`](crate::Driver::observe) shows how.
    pub fn snapshot(&self) -> Snapshot {
        self.source.snapshot()
    }

    /// The same for each endpoint.
    pub fn endpoint_snapshots(&self) -> Vec<EndpointSnapshot> {
        self.source.endpoint_snapshots()
    }
}

impl<E: fmt::Display> fmt::Display for Transition<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, from, before, to, action, .. } = self;
        let several = self.endpoints.len() > 1;
        let ended = before.dial().map(|dial| dial.endpoint).or(from.endpoint);
        let on = |f: &mut fmt::Formatter<'_>, word: &str, key: Option<u32>| match key {
            Some(key) if several => write!(f, " {word}endpoint {key}"),
            _ => Ok(()),
        };
        let cause = match (self.error, self.failure) {
            (Some(error), _) => Some(plain(error)),
            (None, failure) => failure.map(|failure| failure.to_string()),
        };
        if let Some(cause) = cause {
            if let Some(key) = ended.filter(|_| several) {
                write!(f, "endpoint {key}: ")?;
            }
            write!(f, "{cause}; ")?;
        }
        match to.phase {
            Phase::Connecting { attempt } => {
                f.write_str("dialing")?;
                on(f, "", to.endpoint)?;
                write!(f, " (attempt {attempt})")?;
            }
            Phase::Connected { stable, .. } => {
                let was_up = matches!(from.phase, Phase::Connected { stable: false, .. });
                f.write_str("connected")?;
                on(f, "to ", to.endpoint)?;
                if stable && was_up && action.held() == before.held() {
                    f.write_str(", stable")?;
                }
                if let Some(dial) = action.dial() {
                    f.write_str(", dialing")?;
                    on(f, "", Some(dial.endpoint))?;
                    f.write_str(" to replace it")?;
                } else if action.wake() != Timestamp::MAX
                    && (before.dial().is_some() && action.held() == before.held())
                    && self.failure.is_some()
                {
                    // Something else may be due before that, the end of an idle connection for example.
                    let wait = action.wake().saturating_since(*at);
                    write!(f, ", dialing again in {wait:.1?} at the earliest")?;
                }
                if let Some(old) = action.draining() {
                    write!(f, ", {} drains", old.id)?;
                }
            }
            Phase::Reconnecting { until: Timestamp::MAX, reason, .. } => {
                write!(f, "waiting ({reason})")?;
            }
            Phase::Reconnecting { attempt, until, reason } => {
                let wait = until.saturating_since(*at);
                write!(
                    f,
                    "dialing in {wait:.1?} ({reason}, attempt {})",
                    attempt.saturating_add(1)
                )?;
            }
            phase => fmt::Display::fmt(&phase, f)?,
        }
        if to.circuit != Circuit::Closed && to.circuit != from.circuit {
            write!(f, ", circuit {}", to.circuit)?;
        }
        Ok(())
    }
}

/// Text that may have come from a server: no control characters, and no longer than a line.
pub(crate) fn plain(error: &impl fmt::Display) -> String {
    let escape = |c: char| match c {
        '\'' | '"' => c.to_string(),
        _ => c.escape_debug().to_string(),
    };
    error.to_string().chars().take(200).map(escape).collect()
}

/// Sees every transition, in order, from inside the loop: must not hang.
pub trait Observe<E> {
    /// False of one that has no use for transitions: then they are not even put together.
    const OBSERVES: bool = true;

    /// Called after each change.
    fn observe(&mut self, transition: &Transition<'_, E>);
}

/// Observes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl<E> Observe<E> for Silent {
    const OBSERVES: bool = false;

    fn observe(&mut self, _: &Transition<'_, E>) {}
}

impl<E, F: FnMut(&Transition<'_, E>)> Observe<E> for F {
    fn observe(&mut self, transition: &Transition<'_, E>) {
        self(transition);
    }
}
