//! Never dial again: the first drop ends the process, loudly, and a supervisor starts a new one.
//!
//! Run it: `cargo run -p redial-tokio --example never` (2 s)
//!
//! For services under systemd (`Restart=on-failure`), Kubernetes and the like, where a fresh process is
//! the better retry. The example brings its own supervisor: it starts itself as a worker, again and
//! again, by the limits that systemd has by default. That is a policy too, and a process is a connection
//! as good as any.

use std::env::{args_os, current_exe};
use std::error::Error;
use std::io::{self, Write, stdout};
use std::process::{Child, Command, ExitCode, id};
use std::time::Duration;

use redial_tokio::redial::{Reconnector, presets};
use redial_tokio::{Ended, connect, spawn};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// "Try again later", by the convention of sysexits.h.
const TEMPORARY: u8 = 75;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match args_os().nth(1) {
        Some(address) => worker(address.to_string_lossy().into()).await,
        None => supervise().await.map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::from(TEMPORARY)
    })
}

/// One link, and the rest of the program. The end of the one is the signal for the other to finish.
async fn worker(address: String) -> Result<ExitCode, Box<dyn Error>> {
    let (shut_down, mut shutting_down) = watch::channel(false);
    let rest = tokio::spawn(async move {
        let told = shutting_down.wait_for(|down| *down).await.is_ok();
        // Whoever reads this may have had enough of it.
        let _ = writeln!(stdout(), "  worker {}: told to finish: {told}; written to disk", id());
    });
    let link = spawn(
        Reconnector::new(presets::never(), u64::from(id())),
        move |_| connect(address.clone()),
        |stream, _| read(stream),
    );
    let end = link.closed().await;
    shut_down.send(true)?;
    rest.await?;
    let end = end.map_err(|error| format!("  worker {}: {error}", id()));
    end.map(|()| ExitCode::SUCCESS).map_err(Into::into)
}

async fn read(stream: TcpStream) -> Ended<io::Error> {
    let mut lines = BufReader::new(stream).lines();
    loop {
        match lines.next_line().await {
            Ok(Some(line)) => drop(writeln!(stdout(), "  worker {}: {line}", id())),
            Ok(None) => return Ended::Lost(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => return Ended::Lost(error),
        }
    }
}

/// Five starts, a tenth of a second apart, then the unit has failed.
async fn supervise() -> Result<(), Box<dyn Error>> {
    let (address, program) = (server().await?, current_exe()?);
    let start = move |_| {
        let _ = writeln!(stdout(), "supervisor: starts a worker");
        let child = Command::new(&program).arg(&address).spawn();
        async { child }
    };
    let wait = |mut child: Child, _| async move {
        let exited = tokio::task::spawn_blocking(move || child.wait()).await;
        match exited.map_err(io::Error::other).and_then(|status| status) {
            Ok(status) if status.success() => Ended::Finished,
            Ok(status) => Ended::Lost(io::Error::other(format!("worker ended with {status}"))),
            Err(error) => Ended::Lost(error),
        }
    };
    let unit = spawn(Reconnector::new(presets::systemd(), 1), start, wait);
    let Err(end) = unit.closed().await else { return Err("no worker ends well here".into()) };
    writeln!(stdout(), "supervisor: {end}: {}", end.source().ok_or("it has a source")?)?;
    Ok(())
}

/// Says two lines to each client, and drops it.
async fn server() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            for line in ["hello\n", "I am about to drop you\n"] {
                drop(stream.write_all(line.as_bytes()).await);
                sleep(Duration::from_millis(50)).await;
            }
        }
    });
    Ok(address)
}
