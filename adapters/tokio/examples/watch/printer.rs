//! One readable line for each transition, and a summary at the end.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::sync::PoisonError;
use std::time::Duration;

use redial_tokio::Transition;
use redial_tokio::redial::{Circuit, Health, Phase, Timestamp};
use tokio::sync::watch;

use crate::Shared;

/// What has happened so far, for the demo's director.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Dials that failed, and connections that were lost.
    pub(crate) losses: u32,
    pub(crate) stable: bool,
}

/// Prints the transitions of one link.
#[derive(Clone)]
pub(crate) struct Printer {
    state: Shared<State>,
    pub(crate) tally: watch::Sender<Tally>,
}

struct State {
    /// Of the longest address.
    width: usize,
    addresses: Vec<String>,
    circuits: Vec<Circuit>,
    health: Health,
    /// Connections made, and those lost.
    connections: u32,
    losses: u32,
}

impl Printer {
    pub(crate) fn new(addresses: Vec<String>) -> Self {
        let width = addresses.iter().map(String::len).max().unwrap_or(0).max("endpoint".len());
        let state = State {
            width,
            circuits: vec![Circuit::Closed; addresses.len()],
            addresses,
            health: Health::new(Duration::from_secs(3600), 950_000),
            connections: 0,
            losses: 0,
        };
        say!("{:>9}  {:<10} {:<width$}  what", "time", "state", "endpoint");
        Self { state: Shared::new(state.into()), tally: watch::Sender::default() }
    }

    /// Prints one transition.
    pub(crate) fn print(&self, transition: &Transition<'_, io::Error>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.print(transition);
        let stable = matches!(transition.to.phase, Phase::Connected { stable: true, .. });
        let loss = u32::from(transition.failure.is_some());
        self.tally.send_modify(|tally| {
            *tally = Tally { losses: tally.losses + loss, stable };
        });
    }

    /// Prints what is to be remembered.
    pub(crate) fn summary(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).summary();
    }
}

impl State {
    fn print(&mut self, transition: &Transition<'_, io::Error>) {
        let Transition { at, from, to, failure, error, .. } = transition;
        self.health.observe(*at, to);
        let was_up = matches!(from.phase, Phase::Connected { .. });
        let is_up = matches!(to.phase, Phase::Connected { .. });
        self.connections += u32::from(transition.action.held() > transition.before.held());
        self.losses += u32::from(was_up && !is_up && failure.is_some());
        let mut cause = String::new();
        if let Some(failure) = failure {
            let _ = write!(cause, "; {failure}");
        }
        if let Some(error) = error {
            cause += ": ";
            cause += &chain(*error);
        }
        let dial = transition.action.dial();
        let ended = transition.before.dial().or(transition.before.held().and(dial));
        let key = match (dial, to.endpoint) {
            (Some(dial), _) => Some(dial.endpoint),
            (None, Some(endpoint)) => Some(endpoint),
            (None, None) => ended.map(|dial| dial.endpoint).or(from.endpoint),
        };
        let (word, what) = match to.phase {
            Phase::Idle => ("stopped", String::new()),
            Phase::Connecting { attempt } => {
                let time = dial.map_or(Duration::ZERO, |dial| dial.deadline.saturating_since(*at));
                ("dialing", format!("attempt {attempt}, for up to {}", short(time)))
            }
            Phase::Connected { stable, .. } => match (dial, transition.action.draining()) {
                (Some(dial), _) => {
                    ("replacing", format!("dial {} while the old one serves", dial.id))
                }
                (None, Some(old)) => ("connected", format!("{} drains", old.id)),
                (None, None) if !was_up => ("connected", String::from("not yet stable")),
                (None, None) if stable => ("stable", String::from("the outage is over")),
                (None, None) => ("connected", String::new()),
            },
            Phase::Reconnecting { until: Timestamp::MAX, reason, .. } => {
                ("waiting", format!("for ever ({reason})"))
            }
            Phase::Reconnecting { attempt, until, reason } => {
                let wait = short(until.saturating_since(*at));
                ("waiting", format!("attempt {} in {wait} ({reason})", attempt + 1))
            }
            Phase::Offline => ("offline", String::new()),
            Phase::GaveUp { reason, attempts } => {
                ("gave up", format!("{reason}, {attempts} attempts"))
            }
            _ => ("", to.to_string()),
        };
        let endpoint = key.and_then(|key| self.addresses.get(key as usize));
        line(*at, word, endpoint.map_or("", String::as_str), self.width, &format!("{what}{cause}"));
        for (endpoint, shown) in transition.endpoints.iter().zip(&mut self.circuits) {
            let circuit = endpoint.circuit(*at);
            let changed = std::mem::discriminant(&circuit) != std::mem::discriminant(shown);
            *shown = circuit;
            if changed {
                let address = self.addresses.get(endpoint.key() as usize);
                let what = match circuit {
                    Circuit::Open { until } => {
                        format!("open for {}", short(until.saturating_since(*at)))
                    }
                    circuit => circuit.to_string(),
                };
                line(*at, "circuit", address.map_or("", String::as_str), self.width, &what);
            }
        }
    }

    fn summary(&self) {
        let health = &self.health;
        let (up, down) = (health.uptime(), health.downtime());
        say!(
            "\nup {} of {} ({}.{} %); {}, {}, {}; longest outage {}",
            short(up),
            short(up + down),
            health.reliability() / 10_000,
            health.reliability() / 1000 % 10,
            count(health.dials(), "dial"),
            count(self.connections.into(), "connection"),
            count(self.losses.into(), "loss"),
            short(health.longest_outage()),
        );
    }
}

fn line(at: Timestamp, word: &str, endpoint: &str, width: usize, what: &str) {
    let seconds = at.since_origin().as_secs_f64();
    say!("{}", format!("{seconds:>8.3}s  {word:<10} {endpoint:<width$}  {what}").trim_end());
}

/// An error and its sources. Text from elsewhere is escaped.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text.escape_debug().to_string()
}

/// A time as people say it.
pub(crate) fn short(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

fn count(number: u64, what: &str) -> String {
    match (number, what) {
        (1, what) => format!("1 {what}"),
        (number, "loss") => format!("{number} losses"),
        (number, what) => format!("{number} {what}s"),
    }
}
