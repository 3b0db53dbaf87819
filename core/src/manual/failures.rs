//! Which [`Failure`](crate::Failure) is this error?
//!
//! Say what the driver *knows*, by kind and never by text. When in doubt, say `Unreachable`: it
//! dials again, gently.
//!
//! | what happened | say |
//! |---|---|
//! | refused, reset, no route, closed (also cleanly), DNS failed, broken pipe, end of file | `Unreachable` |
//! | `connect` or the handshake timed out | `TimedOut` |
//! | HTTP 503 or 429 without `Retry-After`; gRPC `RESOURCE_EXHAUSTED`; MQTT 0x97 (quota), 0x89 (busy); Redis `LOADING`, "max number of clients" | `Overloaded` |
//! | HTTP 503 or 429 with `Retry-After: 30`; a planned restart that says when | `RetryAfter { delay, spread }` |
//! | the wrong role (a Redis replica, a NATS server in lame duck mode), a certificate for another name, a protocol version that this server lacks | `Unsuitable` |
//! | bad credentials, a revoked licence, a client that is too old for every server | `Fatal` |
//!
//! # Why is a DNS failure not fatal?
//!
//! Resolvers fail while the network comes up, during a rollout and when they are restarted
//! themselves, and `io::Error` does not tell those from a name that will never exist. A name that
//! does not resolve is an outage.
//!
//! # Why is permission denied not fatal?
//!
//! A VPN's kill switch answers EACCES for as long as the VPN is down.
//!
//! # What is the difference between down and overloaded?
//!
//! A refused dial costs the server nothing, and an early return should be seen early: the interval
//! grows gently, to 45 s by default. A dial to a server that is too busy costs it work that it
//! throws away when the client gives up waiting, and so keeps it busy: the interval jumps to 9 s
//! and grows on from there, to 15 minutes if the server said that it is overloaded, and in
//! proportion to the outage if it is only silent. In 96 simulated outages this is the difference
//! between 4 fleets that never come back and none.
//!
#![doc = include_str!("../../pictures/overload.svg")]
//!
//! # When is a dial a success?
//!
//! When the session is ready: after TLS, login, and the restoring of subscriptions. Report
//! [`Event::Progress`](crate::Event::Progress) as soon as the server has answered anything, so that
//! a slow handshake gets the longer deadline. A login that is refused is a failed dial, although
//! TCP connected; counting it as a success is how a wrong password became thousands of dials
//! (`nats-io/nats.rs#815`).
//!
#![doc = include_str!("../../pictures/flap.svg")]
//!
//! # What ends a connection?
//!
//! Its end, by whichever side, cleanly or not: exactly one `Closed` per connection. Error and close
//! both reported is "max N" firing at N/2; here the second one carries an id that is no longer
//! current.
