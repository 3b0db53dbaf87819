//! The driver loop of redial, for any async runtime.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
