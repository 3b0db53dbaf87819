//! What may change, and when?
//!
//! * [`Action`](crate::Action) is exhaustive on purpose: a new variant is a breaking release,
//!   because a driver that ignores an action hangs. Its payloads may gain fields in a minor
//!   release.
//! * Events, failures, reasons and errors may gain variants in a minor release.
//! * `PolicyConfig` of `redial-config` may gain fields in a minor release: end a literal with
//!   `..PolicyConfig::default()`. So may its `StatusView` and `HealthView`: a reader that is older than
//!   the writer ignores them.
//! * The waits of a policy are part of its behaviour. A change to a default, or to what a seed
//!   draws, is listed in the changelog and comes with a minor release before 1.0 and a major one
//!   after.
//! * The words in which errors, statuses and transitions display are for people, and may change in
//!   any release; programs match on the types.
//! * A snapshot written by an older version is read by a newer one, or refused with
//!   [`SnapshotError::Version`](crate::SnapshotError::Version); never misread.
//! * Rust 1.85 is the minimum, and rises only with a minor release, to a version at least six
//!   months old.
