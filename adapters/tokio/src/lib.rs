//! redial on tokio: links that reconnect.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
