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

use std::env::{args, current_exe};
use std::path::Path;
use std::process::{Command, ExitCode};

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
    let own = current_exe().map_err(|error| error.to_string())?;
    let out = std::env::temp_dir().join(format!("redial-perf-{}.callgrind", std::process::id()));
    let run = Command::new("valgrind")
        .args([
            "--quiet",
            "--tool=callgrind",
            "--collect-atstart=no",
            "--toggle-collect=*measured*",
        ])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .args([own.as_ref(), Path::new("--work"), Path::new(work)])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let calls: u64 = String::from_utf8_lossy(&run.stdout)
        .trim()
        .parse()
        .map_err(|_| format!("{work}: {}", String::from_utf8_lossy(&run.stderr)))?;
    let profile = std::fs::read_to_string(&out).map_err(|error| error.to_string())?;
    if std::env::var_os("REDIAL_PERF_KEEP").is_none() {
        let _ = std::fs::remove_file(&out);
    }
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: "));
    let total: u64 = total.and_then(|total| total.trim().parse().ok()).ok_or("no totals")?;
    Ok(total.div_ceil(calls.max(1)))
}
