//! What does each event do in each state?
//!
//! This is the machine's own table, printed by a test, which fails when the machine no longer does
//! what it says.
//!
#![doc = include_str!("../transitions.md")]
#![doc = ""]
#![doc = include_str!("../../pictures/states.md")]
#![expect(clippy::doc_markdown, reason = "the table names variants as a test prints them")]
