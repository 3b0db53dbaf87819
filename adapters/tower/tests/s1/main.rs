//! Every capability of `tower_resilience_reconnect`, line by line, and none of its bugs.

mod bugs;
mod capabilities;
mod service;
mod support;
