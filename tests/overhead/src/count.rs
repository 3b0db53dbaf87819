//! Instructions per reconnect: this program again, under callgrind.

use std::io;
use std::time::Duration;

use redial_perf::count_instructions;

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
    let run = count_instructions("*counted*", &["--count", client.name(), net])?;
    Ok(run.instructions / u64::from(RECONNECTS))
}
