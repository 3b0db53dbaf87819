//! A reconnecting tower Layer and Service on redial.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
