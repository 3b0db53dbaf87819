//! Why is there one `handle`, and why is an action a level?
//!
//! # Why is there one method?
//!
//! Sans-IO libraries usually have several: one takes input, one gives output, one asks for the
//! timeout, one tells that it has passed; and a paragraph says in which order to call them and what
//! to drain first. That paragraph is where their drivers go wrong. Here an event goes in with its
//! time, and the answer comes out of the same call, so there is no order to get wrong.
//!
//! # Why is an action the whole truth, instead of a list of commands?
//!
//! A command that is lost is lost: a driver that was cancelled between taking "dial" and dialing
//! never dials again. And a command that is late is wrong: the timer that was armed before the stop
//! fires after it, and a socket comes back from the dead. (Both have happened to everybody; see
//! `oven-sh/bun#32803` and `phoenixframework/phoenix#1841`.)
//!
//! An [`Action`](crate::Action) says what should exist *now*: this dial, this connection, this
//! timer. Whatever it does not name is to be dropped. A driver compares the world with it and mends
//! the difference. It may read [`action()`](crate::Reconnector::action) as often as it likes, lose
//! it, or read only every tenth, and is right again as soon as it looks.
//!
//! # Why do ids matter so much?
//!
//! The old socket's close arrives after the new one was opened. Without an identity it closes the
//! new one, and the client flaps for as long as the old sockets last. Every dial has a
//! [`DialId`](crate::DialId), the connection keeps it, and an event about any other id changes
//! nothing but a counter.
//!
//! # Why does `handle` never fail?
//!
//! There is nothing a driver could do about it. A nonsense event acts as a tick and is counted in
//! [`Counters`](crate::Counters); a clock that goes backwards counts as one that stands still.
//!
//! # Why are there states in which an event is silently ignored?
//!
//! They are written down: [`transitions`](super::transitions) is the complete table, printed by a
//! test and compared on every build.
//!
//! # Why is `stable_after` not zero by default?
//!
//! Because being accepted proves nothing. A load balancer with no backend accepts, and closes. With
//! counters that reset on connect, that is a hot loop of 20,000 dials a second, and "give up after
//! five minutes" never comes, because each of those connections was a success. A connection that
//! ends before it was stable is a failed attempt in every respect.
