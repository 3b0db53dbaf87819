//! What one reconnect costs: redial's driver, a loop written by hand, and peers, on the same work in one
//! process.
//!
//! ```text
//! redial-overhead [--store]      prints the table; with --store also into figures.md
//! ```
//!
//! The work: a server takes a connection and closes it; the client notices, waits, and dials again, on
//! tokio's current-thread runtime. Instructions come from valgrind's callgrind, which runs this program
//! once for each client and counts what the polls of its future do: not the server, the runtime or the
//! kernel. Times are medians of many rounds in which each client has its turn, and only their ratios
//! mean anything. Heap is what the allocator still has given out for a link that waits for its next dial.
//!
//! Without `--store` it fails when a figure of redial's, instructions or bytes, is more than 5 % above the
//! stored one; times are never held against anything.

mod clients;
mod count;
mod heap;
mod measured;
mod net;
mod rounds;
mod table;

use std::env::args;
use std::io;
use std::process::ExitCode;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/figures.md");

fn main() -> ExitCode {
    let arguments: Vec<String> = args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["--count", client, net] => count::child(client, net).map_err(|error| error.to_string()),
        ["--store"] => measure().and_then(|table| {
            std::fs::write(FIGURES, table).map_err(|error| format!("{FIGURES}: {error}"))
        }),
        _ => measure().and_then(|table| {
            let stored = std::fs::read_to_string(FIGURES).unwrap_or_default();
            table::compare(&table, &stored)
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<String, String> {
    let table = table::table(&table::rows()?);
    print!("{table}");
    Ok(table)
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
