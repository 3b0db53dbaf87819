//! Four exchanges at once, each with its own link, limits and circuit breaker; one in trouble does not
//! stop the others. Orders go to an exchange only while its circuit is closed.
//!
//! Run it: `cargo run -p redial-showcase --example exchanges -- --for 20s`
//!
//! In a terminal it is a dashboard (`q` ends it), otherwise plain lines:
//!
//! ```text
//! ┌ exchanges, 8.4 s (q ends it) ────────────────────────────────────────────────────────────┐
//! │exchange  state              circuit   for     reliable dials next dial filled            │
//! │alpha     connected          closed    8.3 s   99.1 %   1               419               │
//! │bravo     connected          closed    6.1 s   95.5 %   4               404               │
//! │charlie   waiting (5 failed) open              46.8 %   6     in 1.9 s  200    ALERT      │
//! │delta     waiting (4 failed) open              70.6 %   5     in 1.9 s  300    ALERT      │
//! └──────────────────────────────────────────────────────────────────────────────────────────┘
//! ┌ log ─────────────────────────────────────────────────────────────────────────────────────┐
//! │  8.31s charlie  connecting, attempt 5                                                    │
//! │  8.31s charlie  circuit open -> half-open                                                │
//! │  8.31s charlie  attempt 5 failed, next in 2.0 s (circuit open); connection refused       │
//! │  8.31s charlie  circuit half-open -> open                                                │
//! │  8.34s delta    connecting, attempt 4                                                    │
//! │  8.34s delta    circuit open -> half-open                                                │
//! │  8.34s delta    connected, not yet stable                                                │
//! │  8.34s delta    attempt 4 failed, next in 2.0 s (circuit open); unexpected end of file   │
//! │  8.34s delta    circuit half-open -> open                                                │
//! └──────────────────────────────────────────────────────────────────────────────────────────┘
//! ```

mod board;
mod dashboard;
mod exchange;
mod trade;

use std::error::Error;
use std::io::{IsTerminal, Write, stdout};
use std::time::Duration;

use redial_tokio::{Runtime, TokioRuntime};
use tokio::time::{Instant, interval};

use board::Board;
use exchange::State::{Down, Flapping, Up};

/// Name, tries in an outage, and what happens to it, in milliseconds from the start.
const DAY: [(&str, u32, exchange::Script); 4] = [
    ("alpha", 10, &[]),
    ("bravo", 5, &[(2_000, Down), (2_250, Up), (13_000, Down)]),
    ("charlie", 10, &[(4_000, Down), (9_500, Up)]),
    ("delta", 10, &[(6_000, Flapping), (8_500, Up)]),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let time = arguments()?;
    let live = stdout().is_terminal();
    let board = Board::of(DAY.map(|(name, ..)| name), live);
    let runtime = TokioRuntime::new();
    let mut links = Vec::new();
    for (index, (_, tries, script)) in DAY.into_iter().enumerate() {
        let address = exchange::open(script).await?;
        links.push(trade::on(index, tries, address, runtime, board.clone())?);
    }

    let end = Instant::now() + time;
    let mut screen = live.then(ratatui::init);
    let mut tick = interval(Duration::from_millis(100));
    while Instant::now() < end && !(live && dashboard::asked_to_quit()?) {
        tick.tick().await;
        board.lock().observe(runtime.now());
        if let Some(screen) = &mut screen {
            screen.draw(|frame| dashboard::draw(frame, &board.lock(), runtime.now()))?;
        }
    }
    if screen.is_some() {
        ratatui::restore();
    }
    for link in links {
        link.shutdown(Duration::from_millis(200)).await.unwrap_or_default();
    }
    writeln!(stdout(), "{}", board.lock())?;
    Ok(())
}

/// `--for 20s`, or 20 s.
fn arguments() -> Result<Duration, String> {
    let given = std::env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned());
    match given.collect::<Vec<_>>().as_slice() {
        [] => Ok(Duration::from_secs(20)),
        [name, time] if name == "--for" => match time.strip_suffix('s').unwrap_or(time).parse() {
            Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
            _ => Err(format!("--for {time}: say 1 to 86400 seconds, such as 20s")),
        },
        other => Err(format!("{other:?} is not understood; usage: exchanges [--for 20s]")),
    }
}
