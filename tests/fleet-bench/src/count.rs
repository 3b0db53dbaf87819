//! Instructions per event: this program again, under callgrind.

use std::env::{current_exe, temp_dir};
use std::process::Command;

use crate::World;
use crate::links::Links;
use crate::tasks::Tasks;

/// Exact below 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2⁵³")]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}

/// Counted are only the instructions in here.
#[inline(never)]
fn measured(world: &mut impl World, events: u64) {
    world.run(events);
}

fn side<W: World>(links: u32, events: u64) {
    let mut world = W::new(links);
    world.run(u64::from(links) * 8);
    measured(&mut world, events);
}

pub(crate) fn child(name: &str, links: u32, events: u64) {
    if name == "fleet" { side::<Links>(links, events) } else { side::<Tasks>(links, events) }
}

pub(crate) fn instructions(side: &str, links: u32) -> Result<f64, String> {
    let events = 400_000;
    let program = current_exe().map_err(|error| error.to_string())?;
    let name = format!("redial-fleet-bench-{}.callgrind", std::process::id());
    let profile = temp_dir().join(name);
    let run = Command::new("valgrind")
        .args([
            "--quiet",
            "--tool=callgrind",
            "--collect-atstart=no",
            "--toggle-collect=*measured*",
        ])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .args(["--count", side, &links.to_string(), &events.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let text = std::fs::read_to_string(&profile)
        .map_err(|_| String::from_utf8_lossy(&run.stderr).into_owned())?;
    if std::env::var_os("REDIAL_PERF_KEEP").is_none() {
        let _ = std::fs::remove_file(&profile);
    }
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let total: Option<u64> = total.and_then(|total| total.trim().parse().ok());
    let total = total.filter(|total| *total > 0).ok_or("no instructions in the profile")?;
    Ok(float(total) / float(events))
}
