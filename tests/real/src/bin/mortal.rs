//! A client that is killed at any time, or dies of being connected.
//!
//! `mortal ADDRESS DIALS [SNAPSHOT]`: appends a line to the file DIALS for each dial; saves what it
//! knows in the file SNAPSHOT after each `handle`, and goes on from there in its next life.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::abort;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use redial::{Action, Event, Policy, Reconnector, Snapshot, Timestamp};
use redial_real::crash::{POLICY, SEED};
use redial_tokio::io_failure;

struct Life {
    link: Reconnector<&'static Policy>,
    born: Instant,
    snapshot: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().ok_or("no address")?.parse()?;
    let dials = arguments.next().ok_or("no file for dials")?;
    let mut dials = OpenOptions::new().create(true).append(true).open(dials)?;
    let mut life = Life::begin(arguments.next().map(PathBuf::from))?;
    let mut action = life.handle(Event::Start)?;
    loop {
        action = match action {
            Action::Dial(dial) => {
                dials.write_all(b"dial\n")?;
                let left = dial.deadline.saturating_since(life.now()).max(Duration::from_nanos(1));
                match TcpStream::connect_timeout(&address, left) {
                    Ok(_) => {
                        life.handle(Event::Connected(dial.id))?;
                        // What the server sent was too much for it.
                        abort();
                    }
                    Err(error) => life.handle(Event::DialFailed(dial.id, io_failure(&error)))?,
                }
            }
            Action::SleepUntil(wait) => {
                sleep(wait.until.saturating_since(life.now()));
                life.handle(Event::Tick)?
            }
            other => return Err(format!("{other}").into()),
        };
    }
}

impl Life {
    /// As the last life left it, if it left anything.
    fn begin(snapshot: Option<PathBuf>) -> io::Result<Self> {
        let left = snapshot.as_ref().and_then(|path| fs::read(path).ok());
        let link = match left.as_ref().and_then(|bytes| bytes.split_first_chunk()) {
            None => Reconnector::new(&POLICY, SEED),
            Some((saved, bytes)) => {
                let saved = Duration::from_nanos(u64::from_le_bytes(*saved));
                let away = since_epoch().saturating_sub(saved);
                let snapshot = Snapshot::from_bytes(bytes).map_err(io::Error::other)?;
                Reconnector::restore(&POLICY, SEED, &snapshot, away, Timestamp::ORIGIN)
            }
        };
        #[expect(clippy::disallowed_methods, reason = "a driver reads the clock")]
        let born = Instant::now();
        Ok(Self { link, born, snapshot })
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_origin(self.born.elapsed())
    }

    /// Nothing is done before it is known to the next life.
    fn handle(&mut self, event: Event) -> io::Result<Action> {
        let action = self.link.handle(self.now(), event);
        if let Some(path) = &self.snapshot {
            let new = path.with_extension("new");
            let saved = u64::try_from(since_epoch().as_nanos()).unwrap_or(u64::MAX);
            let mut file = File::create(&new)?;
            file.write_all(&saved.to_le_bytes())?;
            file.write_all(&self.link.snapshot().to_bytes())?;
            fs::rename(new, path)?;
        }
        Ok(action)
    }
}

#[expect(clippy::disallowed_methods, reason = "lives have only the wall clock in common")]
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
