//! Links against real servers and real faults: what the tests of this package share.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod crash;
pub mod port;
pub mod proxy;
