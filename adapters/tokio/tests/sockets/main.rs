//! Links over real sockets on loopback.

mod cancel;
mod drain;
mod endurance;
mod failover;
mod loopback;
mod stream;
mod support;
