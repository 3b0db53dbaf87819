//! What people have been bitten by: each test is named after the reports, and shows the rule that makes
//! them impossible here.

mod order;
mod pace;
mod servers;
mod support;
