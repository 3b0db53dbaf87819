//! redial policies from files, flags and environment.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
