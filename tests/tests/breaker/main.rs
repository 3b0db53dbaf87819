//! Breaker conformance: what the suites of resilience4j, Polly and their kin check, and what they
//! have got wrong.

mod by_hand;
mod circuit;
mod late;
mod link;
mod support;
mod window;
