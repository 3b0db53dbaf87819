//! Server modes and cells, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a server does to dials while it is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Down {
    /// Refuses them after one round trip.
    Refuse,
    /// Never answers.
    Silent,
    /// Accepts TCP, and then never answers.
    Hang,
    /// Accepts, and closes 50 ms later.
    Flap,
    /// Has told every client at the close to come back in `[D, D + 1.1 K]`; refuses until then.
    Goaway,
}

/// What a server does to dials beyond its backlog.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overflow {
    /// Answers "overloaded" after one round trip.
    Reject,
    /// Drops the SYN.
    Drop,
    /// Answers with the time of its slot in a virtual queue.
    Hint,
}

/// How a server behaves; see [the module](super) for the model.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mode {
    /// Its name in tables.
    pub name: String,
    /// While it is down.
    pub down: Down,
    /// Beyond the backlog.
    pub overflow: Overflow,
    /// The backlog, in seconds of work; `inf` for no limit.
    #[serde(default = "one")]
    pub queue: f64,
    /// What turning a client away costs, in handshakes.
    #[serde(default = "fiftieth")]
    pub reject_cost: f64,
    /// What serving a client that has gone costs, in handshakes.
    #[serde(default = "one")]
    pub stale: f64,
    /// Whether a client in the backlog has heard something (TCP is accepted at once).
    #[serde(default)]
    pub progress: bool,
    /// Dials in one second, as a multiple of the capacity, that crash the server.
    #[serde(default)]
    pub crash_above: Option<f64>,
    /// How long it is down after a crash, in seconds.
    #[serde(default = "ten")]
    pub crash_down: f64,
}

fn one() -> f64 {
    1.0
}

fn ten() -> f64 {
    10.0
}

fn fiftieth() -> f64 {
    0.02
}

impl Mode {
    /// Everything by default: refuses while it is down, and rejects what is too much.
    pub(crate) fn plain() -> Self {
        Self {
            name: "plain".to_owned(),
            down: Down::Refuse,
            overflow: Overflow::Reject,
            queue: one(),
            reject_cost: fiftieth(),
            stale: one(),
            progress: false,
            crash_above: None,
            crash_down: ten(),
        }
    }
}

/// Modes × outages × limits.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Lengths of the outage `D`, in seconds.
    pub outages: Vec<f64>,
    /// `K = N / C`, in seconds.
    pub limits: Vec<f64>,
    /// Server modes.
    #[serde(rename = "mode")]
    pub modes: Vec<Mode>,
}

/// One kind of outage.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Cell {
    /// How the server behaves.
    pub mode: Mode,
    /// Length of the outage `D`, in seconds.
    pub outage: f64,
    /// `K = N / C`, in seconds.
    pub limit: f64,
}

impl Cell {
    /// What `t99` is compared with, in seconds: `K + 0.1 D + 1`.
    pub fn ideal(&self) -> f64 {
        self.limit + 0.1 * self.outage + 1.0
    }

    /// How long after the server's return a fleet counts as stuck, in seconds: `12 K + 600`.
    pub fn patience(&self) -> f64 {
        12.0 * self.limit + 600.0
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} D={} K={}", self.mode.name, self.outage, self.limit)
    }
}

impl Suite {
    /// The 96 cells by which the default policy was chosen.
    pub fn storm96() -> Self {
        Self::parse(include_str!("../../scenarios/storm96.toml")).expect("it is checked by a test")
    }

    /// Modes in which the server says when to come back, and a flapping one.
    pub fn helped() -> Self {
        Self::parse(include_str!("../../scenarios/helped.toml")).expect("it is checked by a test")
    }

    /// Reads a suite; `scenarios/storm96.toml` is an example.
    ///
    /// # Errors
    /// [`ScenarioError`] for text that is not TOML, unknown or missing fields, two modes of one name, and figures out of range.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let suite: Self = toml::from_str(text).map_err(|e| ScenarioError(e.to_string()))?;
        let wrong = |what: String| Err(ScenarioError(what));
        if suite.outages.is_empty() || suite.limits.is_empty() || suite.modes.is_empty() {
            return wrong("outages, limits and mode must not be empty".into());
        }
        for (name, values) in [("outages", &suite.outages), ("limits", &suite.limits)] {
            if let Some(bad) = values.iter().find(|v| !(**v > 0.0 && **v < 1e6)) {
                return wrong(format!("{name}: {bad} is not between 0 and 1,000,000 seconds"));
            }
        }
        for (index, mode) in suite.modes.iter().enumerate() {
            let name = &mode.name;
            if suite.modes[..index].iter().any(|other| other.name == *name) {
                return wrong(format!("mode {name}: there are two of this name"));
            }
            if mode.queue.is_nan() || mode.queue <= 0.0 {
                return wrong(format!("mode {name}: queue must be above 0"));
            }
            for (field, value) in [("reject_cost", mode.reject_cost), ("stale", mode.stale)] {
                if !(0.0..=1e3).contains(&value) {
                    return wrong(format!("mode {name}: {field} must be between 0 and 1000"));
                }
            }
            if mode.crash_above.is_some_and(|above| above.is_nan() || above <= 1.0) {
                return wrong(format!("mode {name}: crash_above must be above 1"));
            }
            if !(mode.crash_down > 0.0 && mode.crash_down < 1e6) {
                return wrong(format!("mode {name}: crash_down must be above 0"));
            }
        }
        Ok(suite)
    }

    /// Every combination, mode by mode.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for mode in &self.modes {
            for &outage in &self.outages {
                for &limit in &self.limits {
                    cells.push(Cell { mode: mode.clone(), outage, limit });
                }
            }
        }
        cells
    }

    /// The mode of this name.
    pub fn mode(&self, name: &str) -> Option<&Mode> {
        self.modes.iter().find(|mode| mode.name == name)
    }
}

/// What is wrong with a suite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScenarioError(String);

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.trim_end())
    }
}

impl std::error::Error for ScenarioError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suites_parse() {
        assert_eq!(Suite::storm96().cells().len(), 96);
        assert!(Suite::helped().mode("goaway").is_some());
    }

    #[test]
    fn nonsense_is_named() {
        let text = include_str!("../../scenarios/storm96.toml");
        let error = Suite::parse(&text.replace("stale = 0.2", "stale = -1")).unwrap_err();
        assert_eq!(error.to_string(), "mode trapinf20: stale must be between 0 and 1000");
        let error = Suite::parse(&text.replace("[0.5,", "[0,")).unwrap_err();
        assert_eq!(error.to_string(), "outages: 0 is not between 0 and 1,000,000 seconds");
        let error = Suite::parse(&text.replace("\"costly\"", "\"reject\"")).unwrap_err();
        assert_eq!(error.to_string(), "mode reject: there are two of this name");
        let error = Suite::parse(&text.replace("stale =", "stole =")).unwrap_err();
        assert!(error.to_string().contains("unknown field `stole`"), "{error}");
    }
}
