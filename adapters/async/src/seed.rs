//! A seed that no other link has.

use std::hash::{BuildHasher, RandomState};

/// A seed from the system's randomness, another one at each call, so that no two links dial in step.
/// A test, or a run that is to be replayed, wants one that it can say again.
///
/// ```
/// use redial_async::{random_seed, redial::{Policy, Reconnector}};
///
/// let link = Reconnector::new(Policy::DEFAULT, random_seed());
/// # assert_ne!(random_seed(), random_seed());
/// # let _ = link;
/// ```
pub fn random_seed() -> u64 {
    RandomState::new().hash_one(())
}
