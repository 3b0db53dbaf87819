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
fn measured(world: &mut impl World, events: u64) -> u64 {
    world.run(events)
}

fn side<W: World>(links: u32, events: u64) {
    let mut world = W::new(links);
    world.run(u64::from(links) * 20);
    let begin = world.elapsed();
    let done = measured(&mut world, events);
    println!("{done} {}", world.elapsed().saturating_sub(begin).as_nanos());
}

pub(crate) fn child(name: &str, links: u32, events: u64) {
    if name == "fleet" { side::<Links>(links, events) } else { side::<Tasks>(links, events) }
}

/// What one side did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    /// Per event.
    pub(crate) instructions: f64,
    /// Events in a simulated second.
    pub(crate) rate: f64,
}

pub(crate) fn instructions(side: &str, links: u32) -> Result<Count, String> {
    let events = 800_000;
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
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let said: Option<Vec<u64>> = said.split_whitespace().map(|word| word.parse().ok()).collect();
    let Some([done, nanos]) = said.as_deref() else {
        return Err("it did not say what it did".into());
    };
    Ok(Count {
        instructions: float(total) / float(*done),
        rate: float(*done) * 1e9 / float(*nanos),
    })
}
