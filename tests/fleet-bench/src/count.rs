//! Instructions per event: this program again, under callgrind.

use redial_perf::count_instructions;

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
    let (count, size) = (events.to_string(), links.to_string());
    let run = count_instructions("*measured*", &["--count", side, &size, &count])?;
    let said: Option<Vec<u64>> =
        run.stdout.split_whitespace().map(|word| word.parse().ok()).collect();
    let Some([done, nanos]) = said.as_deref() else {
        return Err("it did not say what it did".into());
    };
    Ok(Count {
        instructions: float(run.instructions) / float(*done),
        rate: float(*done) * 1e9 / float(*nanos),
    })
}
