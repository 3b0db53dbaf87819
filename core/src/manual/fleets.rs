//! What happens when ten thousand links lose their server at once?
//!
//! N clients, a server that comes back after D seconds and accepts C of them a second: nobody can
//! bring all of them back in less than **K = N / C**. What a policy decides is how far from K it
//! ends, and whether it ends at all.
//!
//! # Two closed forms
//!
//! **The trap.** A server that does full work for clients that have already timed out stops
//! recovering if the dial deadline T is shorter than its queue Q, and what is left of K exceeds the
//! mean interval plus T: every dial is dropped just before its turn. So deadlines grow here.
//!
//! **Livelock by rejection.** A server that spends the r-th part of a handshake on saying no is
//! kept busy with that alone if r · K exceeds the mean interval. So the interval after `Overloaded`
//! grows far beyond the usual cap.
//!
//! The formula of the jitter hardly matters, once there is one. With dials at twice the
//! capacity, memoryless draws have 99 % back after 2.46 K; a random phase that is kept needs K.
//!
//! # What should I choose?
//!
//! The default, and a `cap` no smaller than you need. If you know K, a mean interval of about K is
//! ideal. "Everyone back within 1.3 K, at a peak of twice the capacity, always" is impossible
//! without the server's help: the peak is K / interval, and the interval was chosen before anyone
//! knew K.
//!
//! # What should a server do?
//!
//! Say no early and cheaply, and say when: `RetryAfter` with the client's slot in a virtual queue
//! brings the whole fleet back in 1.07 K with about two dials each;
//! [`VirtualQueue`](crate::VirtualQueue) is that counter. Before a planned restart, tell
//! each client at close to come back somewhere in `[D, D + 1.1 K]`: one dial each, at 0.9 to 1.4
//! times the capacity. Do not serve what has waited longer than its client.
//!
//! # A million links in one process?
//!
//! `redial-fleet` runs them in one event loop, with a limit on dials per second and in flight over
//! all of them. It is sans-IO as well: feed it what happened to which link, and poll it for the
//! links that time or a limit has moved.
//!
//! On an async runtime `drive_fleet`, of `redial-async` with the feature `fleet`, is that loop: one
//! future, which has a future for each dial and connection, and one timer for all. So a link that
//! waits costs its reconnector and a timer, not a task. Links come and go through its handle, and
//! the whole fleet goes offline and online; `drive_fleet_observed` tells how each link changes. All
//! of it runs on one thread; spawn the connections' own work if one is not enough.
#![doc = ""]
#![doc = include_str!("../../pictures/storm.md")]
#![doc = include_str!("../../pictures/storm-matrix.svg")]
//!
//! One of them in detail: ten thousand clients, a hundred accepts a second, a minute down, and then
//! a queue of 30 s before a server that does full work for clients that have already gone.
//!
#![doc = include_str!("../../pictures/storm-trap30.svg")]
//!
#![doc = include_str!("../../pictures/storm-limits.md")]
