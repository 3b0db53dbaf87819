//! The manual: why it is as it is, and how to use it, as questions and answers.
//!
//! | page | answers |
//! |---|---|
//! | [`contract`] | Why is there one `handle`? Why is an action a level and not a command? |
//! | [`transitions`] | What does each event do in each state? |
//! | [`time`] | Which clock? What about suspend, embedded targets, the browser? |
//! | [`failures`] | Which `Failure` is this error? What is overload? |
//! | [`addresses`] | Where do DNS, TLS, tokens and proxies go? |
//! | [`driver`] | How is a driver written, and what must it not do? |
//! | [`embedding`] | What does a runtime of my own need? |
//! | [`policy`] | Which backoff, jitter and limits? What does a preset cost? |
//! | [`breaker`] | When is a circuit breaker of use, and what does it cost? |
//! | [`failover`] | How are several endpoints used? When does it go back? |
//! | [`handover`] | How is a working connection replaced without a gap? |
//! | [`lifetime`] | How reliable was the link? What survives the process? |
//! | [`fleets`] | What happens when ten thousand links lose their server at once? |
//! | [`testing`] | How do I test a client that reconnects? |
//! | [`security`] | What can a hostile server, configuration or snapshot do? |
//! | [`stability`] | What may change, and when? |
//! | [`migrating`] | I come from backon, backoff, tokio-retry, stubborn-io, …: what changes? |

pub mod addresses;
pub mod breaker;
pub mod contract;
pub mod driver;
pub mod embedding;
pub mod failover;
pub mod failures;
pub mod fleets;
pub mod handover;
pub mod lifetime;
pub mod migrating;
pub mod policy;
pub mod security;
pub mod stability;
pub mod testing;
pub mod time;
pub mod transitions;
