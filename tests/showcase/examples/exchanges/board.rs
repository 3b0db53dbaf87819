//! What is known of all exchanges: status, health, orders, and the log.

use std::fmt;
use std::io::{self, Write, stdout};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redial_tokio::Transition;
use redial_tokio::redial::{Circuit, Crossing, Health, Phase, Status, Timestamp};

const SECOND: Timestamp = Timestamp::from_origin(Duration::from_secs(1));

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) status: Option<Status>,
    pub(crate) health: Health,
    pub(crate) trading: bool,
    pub(crate) filled: u64,
}

pub(crate) struct Board {
    pub(crate) rows: Vec<Row>,
    pub(crate) log: Vec<String>,
    /// Somebody looks at a screen; otherwise the log is printed.
    live: bool,
    now: Timestamp,
}

/// Never locked across an await.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Board>>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    pub(crate) fn of<const N: usize>(names: [&'static str; N], live: bool) -> Shared {
        // The last ten seconds, and the alarm below 95 %.
        let health = Health::new(Duration::from_secs(10), 950_000);
        let row = |name| Row { name, status: None, health, trading: true, filled: 0 };
        let rows = names.map(row).into();
        Shared(Arc::new(Mutex::new(Self { rows, log: Vec::new(), live, now: Timestamp::ORIGIN })))
    }

    /// From inside the link's loop: each transition, and each change of the circuit.
    pub(crate) fn transition(&mut self, index: usize, t: &Transition<'_, io::Error>) {
        self.now = t.at;
        let why = t.error.map(|error| format!("; {}", error.kind())).unwrap_or_default();
        self.note(index, &format!("{}{why}", phase(t.to.phase, t.at)));
        if kind(t.from.circuit) != kind(t.to.circuit) {
            self.note(
                index,
                &format!("circuit {} -> {}", kind(t.from.circuit), kind(t.to.circuit)),
            );
        }
        self.rows[index].status = Some(t.to);
        self.observe_row(index);
    }

    pub(crate) fn observe(&mut self, now: Timestamp) {
        self.now = now;
        (0..self.rows.len()).for_each(|index| self.observe_row(index));
    }

    fn observe_row(&mut self, index: usize) {
        let now = self.now;
        let Row { status: Some(status), health, .. } = &mut self.rows[index] else { return };
        // In the first second a millisecond without a connection is a large share.
        let crossing = health.observe(now, status).filter(|_| now > SECOND);
        let recent = percent(health.recent());
        match crossing {
            Some(Crossing::Below) => self.note(index, &format!("ALERT: reliability {recent}")),
            Some(Crossing::Above) => self.note(index, &format!("all clear: reliability {recent}")),
            None => {}
        }
    }

    pub(crate) fn trading(&mut self, index: usize, trading: bool) {
        if std::mem::replace(&mut self.rows[index].trading, trading) != trading {
            let word = if trading { "trading resumes" } else { "trading stops" };
            self.note(index, word);
        }
    }

    pub(crate) fn filled(&mut self, index: usize) {
        self.rows[index].filled += 1;
    }

    fn note(&mut self, index: usize, text: &str) {
        let at = self.now.since_origin().as_secs_f64();
        let line = format!("{at:6.2}s {:8} {text}", self.rows[index].name);
        if !self.live {
            // Whoever reads this may have had enough of it.
            let _ = writeln!(stdout(), "{line}");
        }
        self.log.push(line);
    }
}

pub(crate) fn percent(parts_per_million: u32) -> String {
    format!("{:.1} %", f64::from(parts_per_million) / 10_000.0)
}

pub(crate) fn kind(circuit: Circuit) -> &'static str {
    match circuit {
        Circuit::Closed => "closed",
        Circuit::Open { .. } => "open",
        _ => "half-open",
    }
}

pub(crate) fn phase(phase: Phase, now: Timestamp) -> String {
    match phase {
        Phase::Connecting { attempt } => format!("connecting, attempt {attempt}"),
        Phase::Connected { stable: true, .. } => "connected".into(),
        Phase::Connected { stable: false, .. } => "connected, not yet stable".into(),
        Phase::Reconnecting { attempt, until, reason } => {
            format!("attempt {attempt} failed, next in {} ({reason})", tenths(until, now))
        }
        Phase::GaveUp { reason, attempts } => format!("gave up after {attempts}: {reason}"),
        other => other.to_string(),
    }
}

pub(crate) fn tenths(until: Timestamp, now: Timestamp) -> String {
    format!("{:.1} s", until.saturating_since(now).as_secs_f64())
}

/// The final summary.
impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:9}{:>9}{:>11}{:>13}{:>7}{:>10}{:>7}{:>8}  alert",
            "exchange", "up", "down", "reliability", "dials", "failures", "flaps", "filled"
        )?;
        for Row { name, health, filled, .. } in &self.rows {
            let alert = if health.reliability() < 950_000 { "  below 95 %" } else { "" };
            writeln!(
                f,
                "{name:9}{:>7.1} s{:>9.1} s{:>13}{:>7}{:>10}{:>7}{filled:>8}{alert}",
                health.uptime().as_secs_f64(),
                health.downtime().as_secs_f64(),
                percent(health.reliability()),
                health.dials(),
                health.failures(),
                health.flaps(),
            )?;
        }
        Ok(())
    }
}
