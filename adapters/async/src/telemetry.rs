//! Logs and metrics: one event per transition, in words that do not change.

use std::sync::Arc;

use crate::transition::Transition;

/// Writes what it is told under the link's name. Paced by the machine's own rate limit.
pub(crate) struct Telemetry {
    #[cfg(any(feature = "tracing", feature = "metrics"))]
    name: Arc<str>,
    #[cfg(feature = "metrics")]
    outage: Option<redial::Timestamp>,
}

impl Telemetry {
    pub(crate) fn new(name: Arc<str>) -> Self {
        #[cfg(not(any(feature = "tracing", feature = "metrics")))]
        drop(name);
        Self {
            #[cfg(any(feature = "tracing", feature = "metrics"))]
            name,
            #[cfg(feature = "metrics")]
            outage: None,
        }
    }

    #[cfg_attr(
        not(any(feature = "tracing", feature = "metrics")),
        expect(clippy::unused_self, reason = "there is nobody to tell")
    )]
    pub(crate) fn record<E: std::fmt::Display>(&mut self, transition: &Transition<'_, E>) {
        #[cfg(feature = "tracing")]
        self.trace(transition);
        #[cfg(feature = "metrics")]
        self.measure(transition);
        let _ = transition;
    }

    /// The link was up, and its loop is gone.
    #[cfg_attr(
        not(feature = "metrics"),
        expect(clippy::unused_self, reason = "there is nobody to tell")
    )]
    pub(crate) fn down(&self) {
        #[cfg(feature = "metrics")]
        metrics::gauge!("redial_up", "link" => String::from(&*self.name)).set(0.0);
    }
}

#[cfg(feature = "tracing")]
impl Telemetry {
    fn trace<E: std::fmt::Display>(&self, transition: &Transition<'_, E>) {
        use redial::Phase;
        use tracing::field::{debug, display};

        use crate::transition::plain;

        let Transition { at, to, action, failure, error, .. } = transition;
        let link = &*self.name;
        let endpoint = action.dial().map(|dial| dial.endpoint).or(to.endpoint);
        let failure = failure.map(display);
        let error = error.map(|error| plain(error));
        match to.phase {
            Phase::Connecting { attempt } => {
                tracing::debug!(target: "redial", link, endpoint, attempt, failure, error, "dialing");
            }
            Phase::Connected { .. } if action.dial().is_some() => {
                tracing::info!(target: "redial", link, endpoint, failure, error, "replacing");
            }
            Phase::Connected { stable, .. } => {
                let draining = action.draining().map(|old| old.id.get());
                tracing::info!(
                    target: "redial", link, endpoint, stable, draining, failure, error, "connected"
                );
            }
            Phase::Reconnecting { attempt, until, reason } => {
                let (delay, reason) = (debug(until.saturating_since(*at)), display(reason));
                tracing::warn!(
                    target: "redial", link, endpoint, attempt, delay, reason, failure, error, "waiting"
                );
            }
            Phase::GaveUp { reason, attempts } => {
                let (attempt, reason) = (attempts, display(reason));
                tracing::error!(target: "redial", link, attempt, reason, failure, error, "gave up");
            }
            phase => {
                tracing::info!(target: "redial", link, failure, error, "{phase}");
            }
        }
    }
}

#[cfg(feature = "metrics")]
impl Telemetry {
    fn measure<E>(&mut self, transition: &Transition<'_, E>) {
        use redial::Phase;

        let Transition { at, from, before, to, action, failure, .. } = transition;
        let link = || String::from(&*self.name);
        let dial = before.dial().filter(|dial| action.dial().map(|next| next.id) != Some(dial.id));
        if let Some(dial) = dial {
            let outcome = match failure {
                _ if action.held() == Some(dial.id) => "connected",
                Some(failure) => label(*failure),
                None => "dropped",
            };
            let endpoint = dial.endpoint.to_string();
            let labels = [("link", link()), ("endpoint", endpoint), ("outcome", outcome.into())];
            metrics::counter!("redial_dials_total", &labels).increment(1);
        }
        let up = matches!(to.phase, Phase::Connected { .. });
        metrics::gauge!("redial_up", "link" => link()).set(if up { 1.0 } else { 0.0 });
        match (from.phase, to.phase) {
            // Asked to be down, or over: that is no outage that will end.
            (_, Phase::Idle | Phase::GaveUp { .. }) => self.outage = None,
            (_, Phase::Connected { stable: true, .. }) => {
                if let Some(began) = self.outage.take() {
                    let lasted = at.saturating_since(began).as_secs_f64();
                    metrics::histogram!("redial_outage_seconds", "link" => link()).record(lasted);
                }
            }
            _ => {
                self.outage.get_or_insert(*at);
            }
        }
    }
}

#[cfg(feature = "metrics")]
fn label(failure: redial::Failure) -> &'static str {
    use redial::Failure;
    match failure {
        Failure::Unreachable => "unreachable",
        Failure::TimedOut => "timed_out",
        Failure::Overloaded => "overloaded",
        Failure::RetryAfter { .. } => "retry_after",
        Failure::Unsuitable => "unsuitable",
        Failure::Fatal => "fatal",
        _ => "other",
    }
}
