//! A million redial reconnectors in one event loop.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
