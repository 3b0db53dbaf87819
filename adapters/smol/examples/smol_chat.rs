//! Two people chat over a server that restarts. Each rejoins the room by itself, and what was said
//! meanwhile is sent when there is a connection again.
//!
//! Run it: `cargo run -p redial-smol --example smol_chat` (3 s)

use std::error::Error;
use std::io::{self, BufRead, Write, stdout};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use async_executor::Executor;
use async_io::Timer;
use async_net::TcpStream;
use futures_lite::io::BufReader;
use futures_lite::{AsyncBufReadExt, AsyncWriteExt, StreamExt, future};
use redial_smol::redial::{Backoff, Policy, Reconnector};
use redial_smol::{
    Connection, Ended, Idempotent, Link, RunError, Session, Transition, connect, driver,
    on_connected, spawn_drive,
};

fn main() -> Result<(), Box<dyn Error>> {
    let executor = Executor::new();
    future::block_on(executor.run(chat(&executor)))
}

async fn chat(executor: &Executor<'static>) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let room = Room::open(listener);
    let ana = join(executor, address, "ana")?;
    let ben = join(executor, address, "ben")?;
    say(&ana, "hello, ben").await?;
    say(&ben, "hello, ana").await?;

    writeln!(stdout(), "-- the server restarts")?;
    room.close();
    Timer::after(Duration::from_millis(100)).await;
    let late = executor.spawn(async move { say(&ana, "are you still there?").await.map(|()| ana) });
    Timer::after(Duration::from_millis(500)).await;
    let room = Room::open(TcpListener::bind(address)?);
    ben.connection().await?;
    let ana = late.await?;
    say(&ben, "I have been here all the time").await?;

    let within = Duration::from_millis(200);
    ana.shutdown(within).await?;
    ben.shutdown(within).await?;
    let (dials, other) = (ana.status().dials, ben.status().dials);
    writeln!(stdout(), "-- ana dialed {dials} times, ben {other} times")?;
    room.close();
    Ok(())
}

/// One person's link. The room is joined before it counts as connected.
fn join(
    executor: &Executor<'static>,
    address: SocketAddr,
    name: &'static str,
) -> Result<Link<TcpStream>, Box<dyn Error>> {
    let policy = Policy::builder()
        .backoff(Backoff::exponential(Duration::from_millis(100), 2, 1))
        .cap(Duration::from_secs(5))
        .stable_after(Duration::from_secs(1))
        .build()?;
    let seed = u64::from(std::process::id()) << 8 | u64::from(name.as_bytes()[0]);
    let rejoin = move |mut stream: TcpStream| async move {
        stream.write_all(format!("join {name}\n").as_bytes()).await?;
        Ok(stream)
    };
    let drive = driver(Reconnector::new(policy, seed))
        .share(TcpStream::clone)
        .observe(move |t: &Transition<'_, io::Error>| {
            // Whoever reads this may have had enough of it.
            let _ = writeln!(stdout(), "   [{name}: {}]", t.to.phase);
        })
        .drive(on_connected(move |_| connect(address), rejoin), move |stream, session| {
            listen(stream, session, name)
        });
    Ok(spawn_drive(executor, drive))
}

async fn listen(stream: TcpStream, session: Session, name: &str) -> Ended<io::Error> {
    let hear = async {
        let mut lines = BufReader::new(stream).lines();
        while let Some(line) = lines.next().await {
            match line {
                Ok(line) => drop(writeln!(stdout(), "{name} hears {line}")),
                Err(error) => return Ended::Lost(error),
            }
        }
        Ended::Lost(io::ErrorKind::UnexpectedEof.into())
    };
    let leave = async {
        session.draining().await;
        Ended::Finished
    };
    future::or(hear, leave).await
}

/// Waits for a connection if there is none.
async fn say(link: &Link<TcpStream>, words: &'static str) -> Result<(), RunError<io::Error>> {
    let send = |connection: Connection<TcpStream>| async move {
        let mut stream = connection.shared;
        stream.write_all(format!("{words}\n").as_bytes()).await
    };
    link.run(send, Idempotent::Yes).await?;
    Timer::after(Duration::from_millis(200)).await;
    Ok(())
}

/// A chat room: a thread for each guest, nothing but `std`.
#[derive(Clone)]
struct Room {
    guests: Arc<Mutex<Vec<std::net::TcpStream>>>,
    closed: Arc<AtomicBool>,
    address: SocketAddr,
}

impl Room {
    fn open(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap_or_else(|_| ([127, 0, 0, 1], 0).into());
        let room = Self { guests: Arc::default(), closed: Arc::default(), address };
        let guests = room.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let room = guests.clone();
                if room.closed.load(Ordering::SeqCst) {
                    return;
                }
                if let (Ok(guest), Ok(mut guests)) = (stream.try_clone(), room.guests.lock()) {
                    guests.push(guest);
                }
                thread::spawn(move || room.serve(&stream));
            }
        });
        room
    }

    fn serve(&self, stream: &std::net::TcpStream) {
        let mut lines = io::BufReader::new(stream).lines().map_while(Result::ok);
        let hello = lines.next().unwrap_or_default();
        let name = hello.strip_prefix("join ").unwrap_or("somebody");
        for line in lines {
            let Ok(mut guests) = self.guests.lock() else { return };
            for guest in guests.iter_mut() {
                drop(guest.write_all(format!("{name}: {line}\n").as_bytes()));
            }
        }
    }

    /// Shows everyone out, and wakes the doorman so that he leaves too.
    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        if let Ok(guests) = self.guests.lock() {
            for guest in guests.iter() {
                drop(guest.shutdown(Shutdown::Both));
            }
        }
        drop(std::net::TcpStream::connect(self.address));
    }
}
