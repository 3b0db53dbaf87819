//! Time from the server's close to the accepted redial, over loopback, everyone in turn.

use std::io;
use std::time::{Duration, Instant};

use crate::clients::Client;
use crate::net::{Server, TcpServer};
use crate::runtime;

const ROUNDS: usize = 500;

/// The median of each client.
pub(crate) fn medians(wait: Duration) -> io::Result<Vec<Duration>> {
    runtime()?.block_on(rounds(wait))
}

async fn rounds(wait: Duration) -> io::Result<Vec<Duration>> {
    let mut servers = Vec::new();
    for client in Client::ALL {
        let mut server = TcpServer::new().await?;
        client.spawn(server.net(), wait, 7);
        server.accept().await?;
        servers.push((server, Vec::new()));
    }
    for _ in 0..ROUNDS {
        for (server, times) in &mut servers {
            #[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
            let closed = Instant::now();
            server.close();
            server.accept().await?;
            times.push(closed.elapsed());
        }
    }
    Ok(servers.into_iter().map(|(_, times)| median(times)).collect())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
