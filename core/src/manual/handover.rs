//! How is a working connection replaced without a gap?
//!
//! The new connection is made first; when it is up it is the link, and the old one drains: it
//! finishes what it has begun, until it ends or a deadline passes.
//!
#![doc = include_str!("../../pictures/handover.svg")]
//!
//! # What starts one?
//!
//! The server is going away ([`Event::GoingAway`](crate::Event::GoingAway)), the connection is
//! older than `max_age`, a better endpoint is back, its endpoint was removed from the list, or the
//! application says [`Event::Redial`](crate::Event::Redial). All of these set one level, *a refresh
//! is wanted*, which stays set until it has happened.
//!
//! # And if the new dial fails?
//!
//! The old connection serves on, and the next try waits as any other would. Nothing gives up while
//! a connection is held, not even over wrong credentials. If the old connection ends meanwhile, an
//! outage begins at that moment, and a dial in flight is its first attempt.
//!
//! # And if the new connection does not last?
//!
//! As long as the old one still drains, it becomes the link again, and is replaced later; for a better
//! endpoint, if that had been stable, after `failback` as before.
//!
//! # What does a driver see?
//!
//! `Dial` with `serving: Some(old)`, then `Hold` of the new one with `draining: Some(old)`. Two
//! connections at most are ever named.
//!
//! # My protocol evicts the first connection when a second one logs in.
//!
//! [`Refresh::BreakFirst`](crate::Refresh::BreakFirst): the old one is dropped when the new dial
//! may start. MQTT client ids need this.
//!
//! # Does a fleet rotate in step?
//!
//! The first `max_age` after an outage is anywhere in 10–100 % of it, later ones in 90–100 %. A
//! `GoingAway` is acted on at once, since the server decides when it says so; a server with many
//! clients should tell them one after the other.
