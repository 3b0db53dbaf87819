//! Where do DNS, TLS, tokens and proxies go?
//!
//! Into `connect`, which is asked anew at every dial. The machine knows an endpoint only by a
//! number of yours, its `key`.
//!
//! # DNS
//!
//! Resolve inside `connect`. An address that was resolved once and kept is how a client goes on
//! dialing a machine that was replaced. A name is one endpoint; try its addresses one after the
//! other inside the dial, or race them (RFC 8305), under the dial's one deadline. If each address
//! should have its own health, make each an endpoint and call
//! [`set_endpoints`](crate::Reconnector::set_endpoints) when the resolver's answer changes; it is
//! legal in every state and keeps the health of the keys that stay.
//!
//! # TLS, login, subscriptions
//!
//! Part of the dial. Report `Connected` when they are done.
//!
//! # Tokens
//!
//! Fetch them inside `connect`. An expired token is not fatal if the next dial fetches a fresh one:
//! say `Unreachable`, and `Fatal` only when the token service itself says that these credentials
//! will never do.
//!
//! # Proxies
//!
//! Inside `connect`. `Progress` when the proxy has accepted is too early: it says nothing about the
//! server.
