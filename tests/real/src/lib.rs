//! Links against real servers and real faults: what the tests of this package share.
//!
//! `.ci/run real` installs the servers (redis, mosquitto, nats) and runs the tests.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod clients;
pub mod crash;
pub mod feed;
pub mod port;
pub mod process;
pub mod proxy;
pub mod publish;
pub mod server;
