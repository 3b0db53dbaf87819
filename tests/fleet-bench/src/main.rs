//! A million links in one thread, beside tokio tasks that do the same.
//!
//! ```text
//! cargo run --profile bench -p redial-fleet-bench [-- --store]
//! ```
//!
//! The work: every link dials, one dial in eight succeeds, a connection lasts 30 s and is stable by then,
//! the next dial follows at once, and between failed ones the wait doubles from 100 ms to 30 s, uniform
//! between half of it and all. A dial has a deadline and takes one turn of the loop. An event is a dial's
//! outcome or a connection's end; timers, ticks and wakes are part of its cost. Both sides have the same
//! number of events in a simulated second, which is checked.
//!
//! Time is simulated on both sides, in steps of a millisecond, and one thread does everything. A fleet's
//! loop reads the clock once a turn; tokio's tasks read a simulated one, which takes about as long as a
//! real one. Instructions come from valgrind's callgrind (exactly repeatable), times from this machine
//! (compare them only with each other), bytes from the allocator.
//!
//! `--store` writes the table and the plot beside this program's manifest.

mod count;
mod limit;
mod links;
mod plot;
mod tasks;

use std::env::args;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// One size of one side.
#[derive(Clone, Copy, Debug)]
struct Figure {
    links: u32,
    nanos: f64,
    bytes: f64,
}

/// Something that can be made to do events.
trait World {
    fn new(links: u32) -> Self;

    /// Runs at least so many events; returns how many.
    fn run(&mut self, events: u64) -> u64;

    /// Simulated time so far.
    fn elapsed(&self) -> Duration;

    /// Bytes on the heap that stand for the server.
    fn server(&self) -> usize {
        0
    }
}

fn live() -> usize {
    let stats = HEAP.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Runs `links` links until they are spread over their intervals, and then measures.
fn measure<W: World>(links: u32) -> Figure {
    let before = live();
    let mut world = W::new(links);
    let warm = u64::from(links) * 20;
    let events = u64::from(links).max(300_000);
    world.run(warm);
    // The best of some, since this machine has other things to do.
    let nanos = (0..5).map(|_| {
        #[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
        let begin = Instant::now();
        let events = world.run(events);
        begin.elapsed().as_secs_f64() * 1e9 / count::float(events)
    });
    let nanos = nanos.fold(f64::INFINITY, f64::min);
    let bytes = count::float((live() - before - world.server()) as u64) / f64::from(links);
    Figure { links, nanos, bytes }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["--count", side, links, events] = words.as_slice() {
        count::child(side, links.parse().unwrap_or(1), events.parse().unwrap_or(1));
        return ExitCode::SUCCESS;
    }
    let sizes = [1_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
    let fleet: Vec<Figure> = sizes.iter().map(|links| measure::<links::Links>(*links)).collect();
    let tasks: Vec<Figure> = sizes[..5].iter().map(|n| measure::<tasks::Tasks>(*n)).collect();
    let mut table = String::from("| links | redial-fleet | | tokio + backon | |\n");
    table.push_str(
        "|---:|---:|---:|---:|---:|\n| | ns/event | bytes/link | ns/event | bytes/link |\n",
    );
    for (place, figure) in fleet.iter().enumerate() {
        let _ = write!(table, "| {} | {:.0} | {:.0} |", figure.links, figure.nanos, figure.bytes);
        let _ = match tasks.get(place) {
            Some(task) => writeln!(table, " {:.0} | {:.0} |", task.nanos, task.bytes),
            None => writeln!(table, " | |"),
        };
    }
    let million = fleet[5];
    let (small, tasks_100k) = (fleet[1], tasks[3]);
    let growth = million.nanos / small.nanos;
    let memory = tasks_100k.bytes / million.bytes;
    let _ = writeln!(table, "\n1,000,000 links: {:.0} events per second.", 1e9 / million.nanos);
    let _ = writeln!(table, "From 10,000 to 1,000,000 links an event costs {growth:.2} ×.");
    let _ = writeln!(table, "A link takes {memory:.2} × less memory than a task.");
    let mut broken = Vec::new();
    if growth > 3.0 {
        broken.push(format!("cost per event grows {growth:.2} ×, more than 3 ×"));
    }
    if memory < 2.0 {
        broken.push(format!("memory is {memory:.2} × less, not 2 ×"));
    }
    match (count::instructions("fleet", 100_000), count::instructions("tasks", 100_000)) {
        (Ok(fleet), Ok(tasks)) => {
            let ratio = tasks.instructions / fleet.instructions;
            let _ = writeln!(
                table,
                "100,000 links: {:.0} instructions per event, {:.0} for a task: {ratio:.2} ×.",
                fleet.instructions, tasks.instructions
            );
            let _ = writeln!(
                table,
                "In a simulated second the links had {:.0} events, and the tasks {:.0}.",
                fleet.rate, tasks.rate
            );
            if ratio < 4.0 {
                broken.push(format!("instructions are {ratio:.2} × fewer, not 4 ×"));
            }
            if (fleet.rate / tasks.rate - 1.0).abs() > 0.02 {
                broken.push("the two sides did not do the same".into());
            }
        }
        (Err(error), _) | (_, Err(error)) => {
            let _ = writeln!(table, "Instructions were not counted: {error}.");
        }
    }
    match limit::check(1_000_000, 1000) {
        Ok(line) => table.push_str(&line),
        Err(error) => broken.push(error),
    }
    print!("{table}");
    if words == ["--store"] {
        let text =
            format!("# A million links\n\nWritten by this package; see `src/main.rs`.\n\n{table}");
        if let Err(error) = std::fs::write(format!("{FOLDER}/figures.md"), text) {
            broken.push(error.to_string());
        }
        if let Err(error) = plot::write(&format!("{FOLDER}/figures.svg"), &fleet, &tasks) {
            broken.push(error.to_string());
        }
    }
    for goal in &broken {
        eprintln!("missed: {goal}");
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
