//! `lab matrix`: every cell of a suite.

use std::error::Error;
use std::path::PathBuf;

use redial_testkit::storm::{Peers, Report, Strategy, Suite, Summary, heat_map, matrix, summarise};
use serde::Serialize;

use crate::policy::Chosen;
use crate::progress::Progress;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Other cells, as a TOML file like `tests/scenarios/storm96.toml`.
    #[arg(long, value_name = "FILE")]
    scenarios: Option<PathBuf>,
    /// Clients in each fleet.
    #[arg(long, default_value_t = 2000, allow_hyphen_values = true, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    clients: u32,
    /// How many seeds, counted from 1.
    #[arg(long, default_value_t = 1, allow_hyphen_values = true, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Also run the models of other libraries (slow: their fleets get stuck).
    #[arg(long)]
    peers: bool,
    /// Threads; all cores if not given.
    #[arg(long, allow_hyphen_values = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Where the heat map goes.
    #[arg(long, value_name = "FILE", default_value = "matrix.svg")]
    svg: PathBuf,
    /// Print every cell.
    #[arg(long)]
    cells: bool,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    chosen: Chosen,
}

#[derive(Serialize)]
struct Output<'a> {
    summary: Summary,
    cells: &'a [Report],
}

impl Args {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let suite = match &self.scenarios {
            None => Suite::storm96(),
            Some(path) => crate::suite(path)?,
        };
        let mut strategies = vec![Strategy::default_policy()];
        if let Some((name, policy)) = self.chosen.policy()? {
            strategies.insert(0, Strategy::policy(name, &policy)?);
        }
        if self.peers {
            strategies.extend(Peers::ALL.iter().map(Strategy::peer));
        }
        let cells = suite.cells();
        let seeds: Vec<u64> = (1..=self.seeds).collect();
        let all_cores =
            || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let threads = self.threads.map_or_else(all_cores, usize::from);
        let each = cells.len() * seeds.len();
        let progress = Progress::new(each * strategies.len());
        let mut all = Vec::new();
        for (index, strategy) in strategies.iter().enumerate() {
            let done = |done: usize| progress.at(strategy.name(), index * each + done);
            all.push(matrix(strategy, &cells, self.clients, &seeds, threads, done));
        }
        drop(progress);
        let drawn = crate::picture(&self.svg, &heat_map(&all));
        if self.json {
            let output: Vec<_> = all
                .iter()
                .map(|reports| Output { summary: summarise(reports), cells: reports })
                .collect();
            say!("{}", serde_json::to_string_pretty(&output)?);
        } else {
            let (cells, clients, seeds) = (cells.len(), self.clients, seeds.len());
            let many = if seeds == 1 { "" } else { "s" };
            say!("{cells} cells × {seeds} seed{many}, {clients} clients in each fleet\n");
            self.print(&all);
        }
        Ok(drawn?)
    }

    fn print(&self, all: &[Vec<Report>]) {
        say!(
            "| {:24} | stuck | ρ, mean | ρ, worst | dials per client | peak ÷ capacity |\n\
             |{:-<26}|------:|--------:|---------:|-----------------:|----------------:|",
            "strategy",
            ""
        );
        for reports in all {
            let s = summarise(reports);
            let worst = if s.stuck == 0 { format!("{:.2}", s.worst_rho) } else { "–".to_owned() };
            say!(
                "| {:24} | {:>5} | {:>7.2} | {worst:>8} | {:>16.1} | {:>15.0} |",
                s.strategy,
                s.stuck,
                s.geo_rho,
                s.worst_dials,
                s.worst_peak
            );
        }
        if self.cells {
            for report in all.iter().flatten() {
                print_cell(report);
            }
        }
    }
}

fn print_cell(r: &Report) {
    let time = |t: Option<f64>| t.map_or_else(|| "never".to_owned(), |t| format!("{t:.1} s"));
    say!(
        "{:24} {:10} D={:<5} K={:<5} ρ {:5.2}  half {:>8}  99% {:>8}  dials {:5.1} + {:5.1}  peak {:4.0}  wasted {:.2}",
        r.strategy,
        r.mode,
        r.outage,
        r.limit,
        r.rho,
        time(r.t50),
        time(r.t99),
        r.dials_down,
        r.dials_after,
        r.peak,
        r.wasted
    );
}
