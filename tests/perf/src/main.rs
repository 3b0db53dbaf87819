//! Figures of the core, measured and compared with those kept in `figures.md`.
//!
//! ```text
//! redial-perf [--store] [NAME=VALUE ...]
//! ```
//!
//! Instructions are counted by valgrind's callgrind, which is exactly repeatable: this program runs
//! itself under it, once for each piece of work, and only the function `measured` counts. Nothing is
//! timed. `NAME=VALUE` adds a figure that was measured elsewhere; `--store` writes the table anew.

mod figures;
mod sizes;
mod work;

use std::env::args;
use std::process::ExitCode;

use redial_perf::count_instructions;

use figures::Figure;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/figures.md");

fn main() -> ExitCode {
    let arguments: Vec<String> = args().skip(1).collect();
    if let [flag, name] = arguments.as_slice() {
        if flag == "--work" {
            println!("{}", work::run(name));
            return ExitCode::SUCCESS;
        }
    }
    match measure(&arguments) {
        Ok(figures) if arguments.iter().any(|argument| argument == "--store") => {
            let stored = std::fs::write(TABLE, figures::table(&figures));
            stored.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
        }
        Ok(figures) => {
            print!("{}", figures::table(&figures));
            let stored = std::fs::read_to_string(TABLE).unwrap_or_default();
            let complaints = figures::compare(&figures, &stored);
            for complaint in &complaints {
                eprintln!("{complaint}");
            }
            if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &[String]) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for work in work::ALL {
        figures.push(Figure::new(work.name, instructions(work.name)?, "instructions", work.goal));
    }
    figures.extend(sizes::all());
    for argument in arguments.iter().filter(|argument| !argument.starts_with("--")) {
        let given = argument
            .split_once('=')
            .and_then(|(name, value)| Some(Figure::new(name, value.parse().ok()?, "bytes", None)));
        figures.push(given.ok_or_else(|| format!("{argument}: not NAME=VALUE"))?);
    }
    Ok(figures)
}

/// Instructions of one call of `measured`, on average.
fn instructions(work: &str) -> Result<u64, String> {
    let run = count_instructions("*measured*", &["--work", work])?;
    let calls: u64 = run.stdout.trim().parse().map_err(|_| format!("{work}: {}", run.stdout))?;
    Ok(run.instructions.div_ceil(calls.max(1)))
}
