//! Which backoff, which jitter, which limits?
//!
//! # I do not know. What should I take?
//!
//! [`Policy::DEFAULT`](crate::Policy::DEFAULT). It was found by simulating fleets through 96 kinds
//! of outage, in which it never got stuck; every figure has its reason in the setter's docs. A link
//! whose server refused for a second is back 1.2 s after the server at the latest; after ten minutes,
//! 45 s.
//!
#![doc = include_str!("../../pictures/outage.svg")]
//!
//! # When do I change it?
//!
//! | you have | change |
//! |---|---|
//! | a single client, a local server, a person waiting | `cap(5 s)`; it lowers the overload class with it |
//! | more clients than `cap` × the server's accept rate | nothing: the overload class covers it; or a larger `cap` |
//! | a supervisor that restarts the process | `Backoff::Never`, or `max_attempts` |
//! | something else that decides when it is hopeless | `max_elapsed` |
//! | a protocol whose session is proven by a ping | `Confirmed` at the first pong |
//! | a server that closes idle connections after a time | `stable_after` below that time, `FirstRetry::Immediate`; `redial-tower` does so by default |
//! | a command line tool that should fail fast | `max_attempts(1)` |
//!
//! # What do the limits count?
//!
//! `max_attempts(N)` is N dials in an outage, and gives up with the Nth failure, with no sleep
//! after it. An outage begins with `Start` or with the loss of a stable connection, and ends when a
//! connection is stable or confirmed; so a server that accepts and closes runs into the limit like
//! one that refuses. `max_elapsed` gives up as soon as the next dial would come too late: it does
//! not sleep first and then give up. Neither drops a connection that is up.
//!
//! # Does jitter exceed the cap?
//!
//! No. Jitter only shortens, and the cap comes first, so the width of the spread does not vanish
//! there. An interval of 45 s with 67 % of jitter is a wait of 15 to 45 s.
//!
//! # Why can the rate limit not be switched off?
//!
//! Because it is the one bound that holds for every sequence of events, yours included: dials in
//! any window ≤ burst + window / spacing. `Redial` in a loop, an `Online` from a flapping
//! interface, a policy with a wait of zero: none exceeds it. Widen it as far as you like.
//!
//! # What does a policy mean in seconds?
//!
//! `lab explain` in the repository's testkit prints the first waits with their ranges, when limits
//! and breaker act, the worst dials per minute, and what will hurt.
//! [`Policy::longest_wait`](crate::Policy::longest_wait) is the bound over all gates.
//!
//! # Should I use a preset?
//!
//! If you move from one of those systems and want the same schedule: [`presets`](crate::presets).
//! They are kept as their originals are, without jitter where those have none.
