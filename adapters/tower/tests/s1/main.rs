//! Every capability of `tower_resilience_reconnect`, line by line, and none of its bugs.

mod bugs;
mod capabilities;
mod idle;
mod service;
mod support;
