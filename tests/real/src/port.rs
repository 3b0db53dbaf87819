//! Ports for servers that come and go.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the ports that the kernel gives to clients. A client that dials a closed port of that range on
/// loopback may be given the very same port, and is then connected to itself.
const RANGE: std::ops::Range<u32> = 10_000..32_000;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// An address on loopback that nobody listens on.
///
/// # Panics
/// If the whole range is taken.
pub fn free() -> SocketAddr {
    let width = RANGE.end - RANGE.start;
    for _ in 0..width {
        // Processes begin far from each other.
        let offset = process::id().wrapping_mul(97) + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(RANGE.start + offset % width).unwrap_or_default();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("every port of {RANGE:?} is taken");
}
