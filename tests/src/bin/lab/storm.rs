//! `lab storm`: one outage, told in words.

use std::error::Error;
use std::path::PathBuf;

use redial_testkit::storm::{
    Cell, Mode, Peer, Peers, Report, Run, Strategy, Suite, Timeline, panels, run_with_timeline,
};

use crate::policy::Chosen;

const MODES: &str = "\
Modes:
  reject      refuses while down; says that it is overloaded when it is, for 2 % of a handshake
  costly      the same, for 10 % of one
  drop        refuses while down; does not answer what is too much
  blackhole   does not answer while down, nor what is too much
  trap30      refuses while down; queues 30 s of work, and does all of it for clients that have gone
  trapinf20   the same with a queue without end, and a fifth of the work
  lbhang      accepts while down, and then is silent; afterwards as trap30
  fragile     as reject; crashes for 10 s at 20 times its capacity in a second
  hint        as reject, and says when to come back; hintcostly for 10 % of a handshake
  goaway      tells every client before it goes down when to come back
  flap        accepts while down, and closes 50 ms later";

#[derive(clap::Args)]
#[command(after_help = MODES)]
pub(crate) struct Args {
    /// Clients that lose the server at once.
    #[arg(long, default_value_t = 10_000, allow_hyphen_values = true, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    clients: u32,
    /// Connections a second that the server can accept.
    #[arg(long, default_value_t = 100.0, allow_hyphen_values = true, value_parser = rate)]
    capacity: f64,
    /// How long the server is down.
    #[arg(long, default_value = "60s", allow_hyphen_values = true, value_parser = seconds)]
    outage: f64,
    /// How the server behaves; see below.
    #[arg(long, default_value = "trap30")]
    mode: String,
    /// Other modes, as a TOML file like `tests/scenarios/storm96.toml`.
    #[arg(long, value_name = "FILE")]
    scenarios: Option<PathBuf>,
    /// Where all randomness comes from.
    #[arg(long, default_value_t = 1, allow_hyphen_values = true)]
    seed: u64,
    /// Show this model of another library too; may be given several times.
    #[arg(long, value_name = "NAME", value_parser = peer)]
    peer: Vec<&'static Peer>,
    /// Where the picture goes.
    #[arg(long, value_name = "FILE", default_value = "storm.svg")]
    svg: PathBuf,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    chosen: Chosen,
}

pub(crate) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (1e-3..=1e9).contains(&value) => Ok(value),
        _ => Err("must be a number from 0.001 to 1000000000".to_owned()),
    }
}

/// Seconds, as a number or as people write them.
fn seconds(text: &str) -> Result<f64, String> {
    let spoken = || humantime::parse_duration(text).map(|d| d.as_secs_f64()).ok();
    match text.parse::<f64>().ok().or_else(spoken) {
        Some(value) if value > 0.0 && value <= 1e6 => Ok(value),
        _ => Err("must be a duration such as 500ms, 60s or 10m".to_owned()),
    }
}

fn peer(name: &str) -> Result<&'static Peer, String> {
    let names = || Peers::ALL.iter().map(|peer| peer.name).collect::<Vec<_>>().join("; ");
    Peers::find(name).ok_or_else(|| format!("the models are {}", names()))
}

impl Args {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let mode = self.mode()?;
        let limit = f64::from(self.clients) / self.capacity;
        if limit >= 1e6 {
            return Err(
                format!("clients / capacity: {limit} is not below 1,000,000 seconds").into()
            );
        }
        let cell = Cell { mode, outage: self.outage, limit };
        let mut strategies = Vec::new();
        if let Some((name, policy)) = self.chosen.policy()? {
            strategies.push(Strategy::policy(name, &policy)?);
        }
        strategies.push(Strategy::default_policy());
        strategies.push(Strategy::peer(&Peers::AWS_FULL));
        strategies.extend(self.peer.iter().copied().map(Strategy::peer));
        let bin = ((cell.outage + 3.0 * limit) / 300.0).max(0.1);
        let runs: Vec<(Report, Timeline)> = strategies
            .iter()
            .map(|strategy| {
                let run = Run { strategy, cell: &cell, clients: self.clients, seed: self.seed };
                run_with_timeline(&run, bin)
            })
            .collect();
        let drawn = crate::picture(&self.svg, &panels(&cell, &runs));
        let clients = match self.clients {
            1 => "1 client loses".to_owned(),
            many => format!("{many} clients lose"),
        };
        if self.json {
            let reports: Vec<_> = runs.iter().map(|(report, _)| report).collect();
            say!("{}", serde_json::to_string_pretty(&reports)?);
        } else {
            say!(
                "{} a server that takes {} a second; it is down for {} s, mode {}.\n\
                 Nobody could bring all back in less than {:.0} s; a tenth of the outage and a second more, \
                 {:.0} s, is called ideal.\n",
                clients,
                self.capacity,
                cell.outage,
                cell.mode.name,
                limit,
                cell.ideal()
            );
            for (report, _) in &runs {
                say!("{}", sentence(report, &cell));
            }
        }
        Ok(drawn?)
    }

    fn mode(&self) -> Result<Mode, Box<dyn Error>> {
        let mut modes = Suite::storm96().modes;
        modes.extend(Suite::helped().modes);
        if let Some(path) = &self.scenarios {
            modes.splice(0..0, crate::suite(path)?.modes);
        }
        if let Some(mode) = modes.iter().find(|mode| mode.name == self.mode) {
            return Ok(mode.clone());
        }
        let names: Vec<_> = modes.iter().map(|mode| mode.name.as_str()).collect();
        Err(format!("no mode {:?}; the modes are {}", self.mode, names.join(", ")).into())
    }
}

/// The figures as a sentence.
fn sentence(report: &Report, cell: &Cell) -> String {
    let name = &report.strategy;
    let dials = format!(
        "{:.1} dials per client while it was down and {:.1} after, at most {:.0} × capacity in a second",
        report.dials_down, report.dials_after, report.peak
    );
    match (report.t50, report.t99) {
        (Some(t50), Some(t99)) => format!(
            "{name}: half are back {t50:.0} s after the server, 99 % after {t99:.0} s, which is {:.2} × the \
             ideal {:.0} s; {dials}.",
            report.rho,
            cell.ideal()
        ),
        _ => format!(
            "{name}: STUCK at {:.0} %, {:.0} s after the server's return{}; {dials}.",
            100.0 * report.connected,
            cell.patience(),
            if report.gave_up > 0 {
                format!("; {} gave up", report.gave_up)
            } else {
                String::new()
            }
        ),
    }
}
