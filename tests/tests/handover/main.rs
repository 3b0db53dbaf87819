//! Make before break: every corner of replacing a connection that works.

mod drain;
mod loss;
mod reasons;
mod support;
mod tries;
