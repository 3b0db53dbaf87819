//! Laws, reference model and simulator for `redial`, for its own tests and its users'.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
