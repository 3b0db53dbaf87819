//! Instructions per reconnect: this program again, under callgrind.

use std::env::{current_exe, temp_dir};
use std::io;
use std::process::Command;
use std::time::Duration;

use crate::clients::Client;
use crate::net::{Memory, Server, TcpServer};
use crate::runtime;

const RECONNECTS: u32 = 512;
/// Longer than anything in between takes under callgrind.
const WAIT: Duration = Duration::from_millis(4);

pub(crate) fn child(client: &str, net: &str) -> io::Result<()> {
    let client = Client::ALL.into_iter().find(|known| known.name() == client);
    let client = client.ok_or(io::ErrorKind::NotFound)?;
    runtime()?.block_on(async {
        if net == "loopback" {
            reconnect(client, TcpServer::new().await?).await
        } else {
            reconnect(client, Memory::default()).await
        }
    })
}

async fn reconnect(client: Client, mut server: impl Server) -> io::Result<()> {
    client.spawn_measured(server.net(), WAIT, 7);
    server.accept().await?;
    for _ in 0..RECONNECTS {
        server.close();
        server.accept().await?;
    }
    Ok(())
}

pub(crate) fn instructions(client: Client, net: &str) -> Result<u64, String> {
    let program = current_exe().map_err(|error| error.to_string())?;
    let name = format!("redial-overhead-{}.callgrind", std::process::id());
    let profile = temp_dir().join(name);
    let run = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--collect-atstart=no"])
        .arg("--toggle-collect=*counted*")
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .args(["--count", client.name(), net])
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
    Ok(total / u64::from(RECONNECTS))
}
