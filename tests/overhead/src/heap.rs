//! Heap bytes of a link that waits for its next dial to a port that refuses.

use std::io;
use std::time::Duration;

use tokio::time::sleep;

use crate::clients::Client;
use crate::net::Tcp;
use crate::{HEAP, runtime};

/// So many at a time, for each has a socket while it dials.
const BATCH: u32 = 100;
const BATCHES: u32 = 20;
const WAIT: Duration = Duration::from_secs(3600);

fn live() -> usize {
    let stats = HEAP.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

pub(crate) fn per_link(client: Client) -> io::Result<usize> {
    runtime()?.block_on(async {
        let spawn = client.crowd(Tcp::nobody().await?, WAIT);
        let mut before = 0;
        // The first batch also allocates what all share.
        for batch in 0..=BATCHES {
            for link in 0..BATCH {
                spawn(u64::from(batch * BATCH + link + 1));
            }
            // Refused long before this is over; the hour is not.
            sleep(Duration::from_millis(100)).await;
            if batch == 0 {
                before = live();
            }
        }
        Ok((live() - before) / (BATCH * BATCHES) as usize)
    })
}
