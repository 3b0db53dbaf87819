//! Instructions counted by valgrind's callgrind: exactly repeatable, where times are not.
//!
//! A program that measures runs itself again for each piece of work, so that callgrind sees that one
//! alone, and marks what counts by the name of a function that is not inlined.

use std::env::{current_exe, temp_dir, var_os};
use std::fs;
use std::process::{Command, id};

/// What a program did under callgrind.
#[derive(Clone, Debug)]
pub struct Run {
    /// Instructions inside of what counts, with all that it calls; never 0.
    pub instructions: u64,
    /// What it printed.
    pub stdout: String,
}

/// Runs this very program with `arguments`, and counts the instructions of the functions that match
/// `functions`, a pattern of callgrind's `--toggle-collect`.
///
/// The profile is a temporary file, for `callgrind_annotate`, that stays if `REDIAL_PERF_KEEP` is set;
/// the next run of the same process overwrites it.
///
/// # Errors
/// In words: there is no valgrind, the program failed under it, or nothing matched.
pub fn count_instructions(functions: &str, arguments: &[&str]) -> Result<Run, String> {
    let what = arguments.join(" ");
    let program = current_exe().map_err(|error| format!("this program: {error}"))?;
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let profile = temp_dir().join(format!("{name}-{}.callgrind", id()));
    let run = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={functions}"))
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(&program)
        .args(arguments)
        .output()
        .map_err(|error| format!("valgrind does not start: {error}"))?;
    let text = fs::read_to_string(&profile);
    if var_os("REDIAL_PERF_KEEP").is_none() {
        let _ = fs::remove_file(&profile);
    }
    if !run.status.success() {
        let said = String::from_utf8_lossy(&run.stderr);
        return Err(format!("{what}: {} under valgrind\n{}", run.status, said.trim_end()));
    }
    let text = text.map_err(|error| format!("{what}: {}: {error}", profile.display()))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let total: Option<u64> = total.and_then(|total| total.trim().parse().ok());
    let instructions = total
        .filter(|total| *total > 0)
        .ok_or_else(|| format!("{what}: no instructions in functions that match {functions}"))?;
    Ok(Run { instructions, stdout: String::from_utf8_lossy(&run.stdout).into_owned() })
}
