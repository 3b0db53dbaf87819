//! Three hundred links in one task, while their server is down for three seconds.
//!
//! Run it: `cargo run -p redial-tokio --features fleet --example fleet` (12 s)
//!
//! All lose their connection in the same instant. The policy spreads them, and the fleet lets no more than
//! a hundred dials through in a second: see how `queued` empties. One link is followed line by line.

use std::error::Error;
use std::io::{self, Write, stdout};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use redial_tokio::redial::{Policy, Reconnector, Timestamp};
use redial_tokio::redial_fleet::{Counts, Fleet};
use redial_tokio::{Ended, TokioRuntime, connect, drive_fleet_observed, random_seed};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

const LINKS: usize = 300;
const PER_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap();

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let policy = Policy::builder().stable_after(Duration::from_secs(1)).build()?;
    let mut fleet = Fleet::new().max_dials_per_second(PER_SECOND);
    for _ in 0..LINKS {
        // One policy for all; a seed for each, or they would dial in step.
        fleet.insert(Timestamp::ORIGIN, Reconnector::new(&policy, random_seed()));
    }

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let begin = Instant::now();
    let drive = drive_fleet_observed(
        fleet,
        TokioRuntime::new(),
        |_key, _attempt| connect(address.to_string()),
        |_key, stream, _session| read(stream),
        |key, transition| {
            if key.index() == 0 {
                // Whoever reads this may have had enough of it.
                let _ = writeln!(stdout(), "{:>9.1?} link 0: {transition}", begin.elapsed());
            }
        },
    );
    let handle = drive.handle();
    let script = async {
        let connections = server(listener, address).await?;
        handle.shutdown(Duration::from_millis(100));
        io::Result::Ok(connections)
    };
    let report = async {
        loop {
            let Counts { connected, dialing, reconnecting, queued, .. } = handle.counts();
            let _ = writeln!(
                stdout(),
                "{:>9.1?} {connected:>3} connected, {dialing} dialing, {reconnecting:>3} waiting, \
                 {queued:>3} of them queued",
                begin.elapsed()
            );
            sleep(Duration::from_millis(500)).await;
        }
    };
    // The fleet borrows the policy and the address: it need not be a task of its own.
    tokio::select! {
        ((), scripted) = async { tokio::join!(drive, script) } => {
            writeln!(stdout(), "{:>9.1?} all {} were up again", begin.elapsed(), scripted?.len())?;
        }
        () = report => {}
    }
    Ok(())
}

/// Reads until the connection ends.
async fn read(mut stream: TcpStream) -> Ended<io::Error> {
    let mut buffer = [0; 64];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return Ended::Lost(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) => return Ended::Lost(error),
        }
    }
}

/// Up for five seconds, down for three, and up until all are back.
async fn server(listener: TcpListener, address: SocketAddr) -> io::Result<Vec<TcpStream>> {
    let mut connections = Vec::new();
    let _ = timeout(Duration::from_secs(5), accept(&listener, &mut connections, usize::MAX)).await;
    drop((listener, connections));
    sleep(Duration::from_secs(3)).await;
    let listener = TcpListener::bind(address).await?;
    let mut connections = Vec::new();
    accept(&listener, &mut connections, LINKS).await?;
    Ok(connections)
}

/// Until there are so many.
async fn accept(
    listener: &TcpListener,
    connections: &mut Vec<TcpStream>,
    most: usize,
) -> io::Result<()> {
    while connections.len() < most {
        connections.push(listener.accept().await?.0);
    }
    Ok(())
}
