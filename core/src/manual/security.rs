//! What can a hostile peer do?
//!
//! # A server
//!
//! * *Make a client hammer it*: no. Whatever it answers, the rate limit holds, and `RetryAfter` of
//!   zero is read as overload.
//! * *Park a client for ever*: a hint is cut to `max_hint`, and the longest wait is 1.1 × that.
//! * *Hold a dial open for ever*: only the first `Progress` moves the deadline, and only to the
//!   handshake timeout.
//! * *Rotate a client for ever* with `GoingAway`: each handover is a dial under the rate limit, and
//!   acts from a stable connection only, so at most one in each `stable_after`.
//! * *Make it give up*: only through what the driver calls `Fatal`, and through what the policy has set to
//!   give up for: its limits, a long hint, all endpoints parked. Do not call fatal what an attacker in the
//!   network can forge.
//! * *Write into your logs*: an error may quote the server. Where the drivers turn one into a line
//!   (`Transition`, the feature `tracing`), its first 200 characters are shown, with control
//!   characters escaped, and the rate limit paces the lines. What you print yourself is yours to escape.
//! * *Fill your memory*: no. What a link keeps has a fixed size; commands and reports are levels,
//!   not queues, and an operation waits without one.
//!
//! # A configuration
//!
//! `build()` refuses what cannot work, and names the field. What it accepts may be unwise, but
//! cannot panic, overflow or spin: durations of centuries saturate, and a wait of zero meets the
//! rate limit.
//!
//! # A snapshot
//!
//! The checksum finds damage, not forgery. Whoever can write the file can delay the next dial by
//! what the policy itself could have made, and can say that a circuit was tripped by hand, which holds
//! until `reset`.
//!
//! # Randomness
//!
//! `SplitMix64` spreads load. Its draws can be predicted by whoever knows the seed, and nothing
//! secret depends on them.
//!
//! # Reporting
//!
//! Please report a way to break one of these to the maintainers in private, through the
//! repository's security advisories, before it is public.
