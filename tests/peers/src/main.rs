//! redial and its peers on the same work, side by side in one process: a failure comes, what is the
//! next delay? Exponential, doubling from 100 ms to 30 s, with jitter; and breakers, allow + record.
//!
//! ```text
//! redial-peers [--store]      prints the table; with --store also into README.md
//! ```
//!
//! Instructions come from valgrind's callgrind, which runs this program once for each row and counts
//! one function, `measured`. Times are the best of many interleaved rounds, as ratios to redial's in
//! the same run: alone they say nothing on a machine that is shared.

mod rows;

use std::env::args;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use redial_perf::count_instructions;

use rows::{Row, Work};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
/// Why a peer has no row.
const LEFT_OUT: &str = "\
Left out: nautilus-network, whose backoff comes only with an HTTP client and a TLS stack, under a newer Rust than
this workspace's.

";
const CALLS: u32 = 4_096;
const ROUNDS: u32 = 200;

fn main() -> ExitCode {
    let arguments: Vec<String> = args().skip(1).collect();
    let rows = rows::all();
    if let [flag, name] = arguments.as_slice() {
        if flag == "--work" {
            for row in rows.into_iter().filter(|row| row.name == name) {
                call(&mut row.start(), CALLS);
            }
            return ExitCode::SUCCESS;
        }
    }
    match table(&rows) {
        Ok(table) => {
            print!("{table}");
            if arguments.iter().any(|argument| argument == "--store") {
                return store(&table).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The function whose instructions count.
#[inline(never)]
fn measured(work: &mut dyn FnMut() -> u64) -> u64 {
    work()
}

fn call(work: &mut Work, calls: u32) {
    for _ in 0..calls {
        black_box(measured(&mut **work));
    }
}

fn table(rows: &[Row]) -> Result<String, String> {
    use std::fmt::Write;

    let mut table = String::new();
    let times = times(rows);
    for kind in ["next delay", "breaker"] {
        let _ = writeln!(table, "| {kind} | instructions | time |\n|---|--:|--:|");
        let own = rows.iter().position(|row| row.kind == kind).unwrap_or(0);
        for (index, row) in rows.iter().enumerate().filter(|(_, row)| row.kind == kind) {
            let ratio = times[index] / times[own];
            let instructions = instructions(row.name)?;
            let _ = writeln!(table, "| {} | {instructions} | × {ratio:.1} |", row.name);
        }
        table.push('\n');
    }
    table.push_str(LEFT_OUT);
    Ok(table)
}

/// Instructions of one call, on average.
fn instructions(name: &str) -> Result<u64, String> {
    let run = count_instructions("redial_peers::measured*", &["--work", name])?;
    Ok(run.instructions / u64::from(CALLS))
}

/// The least time that each row took for its calls, in seconds.
fn times(rows: &[Row]) -> Vec<f64> {
    let mut works: Vec<Work> = rows.iter().map(Row::start).collect();
    let mut least = vec![f64::INFINITY; rows.len()];
    for _ in 0..ROUNDS {
        for (work, least) in works.iter_mut().zip(&mut least) {
            #[expect(clippy::disallowed_methods, reason = "this is what is measured")]
            let start = Instant::now();
            call(work, CALLS / 16);
            *least = least.min(start.elapsed().as_secs_f64());
        }
    }
    least
}

/// Replaces what stands between the marks in the README.
fn store(table: &str) -> Option<()> {
    const MARKS: (&str, &str) = ("<!-- peers -->\n", "<!-- /peers -->");
    let readme = std::fs::read_to_string(README).ok()?;
    let (before, rest) = readme.split_once(MARKS.0)?;
    let (_, after) = rest.split_once(MARKS.1)?;
    let (start, end) = MARKS;
    std::fs::write(README, format!("{before}{start}\n{table}{end}{after}")).ok()
}
