//! The link of `src/lib.rs` on the host, with a radio that fails by script.
//!
//! Run it: `cargo run -p redial-embedded --example embedded` (10 s)

use std::io::{self, Write, stdout};

use embassy_time::{Duration, Instant, Timer};
use redial::Failure;
use redial_embedded::{Radio, keep_up};

/// Out of range for two dials, deaf for one, up for a while, and then gone.
struct Scripted {
    dials: u32,
    ends: Instant,
}

impl Radio for Scripted {
    async fn connect(&mut self) -> Result<(), Failure> {
        self.dials += 1;
        Timer::after(Duration::from_millis(20)).await;
        match self.dials {
            3 => core::future::pending().await,
            4 => {
                self.ends = Instant::now() + Duration::from_secs(2);
                Ok(())
            }
            _ => Err(Failure::Unreachable),
        }
    }

    async fn serve(&mut self) -> Failure {
        Timer::at(self.ends).await;
        Failure::Unreachable
    }
}

fn main() -> io::Result<()> {
    let mut radio = Scripted { dials: 0, ends: Instant::MIN };
    let end = keep_up(7, &mut radio, |status| {
        // Whoever reads this may have had enough of it.
        let _ = writeln!(stdout(), "{status}");
    });
    writeln!(stdout(), "{}", embassy_futures::block_on(end))
}
