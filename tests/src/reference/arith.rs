//! Arithmetic and randomness of the reference, in 128 bits where the machine is careful in 64.
//!
//! The draws are the one thing that a reference must share to be comparable: the `n`-th draw of a link
//! is the `n`-th output of `SplitMix64` for its seed. What draws, and in which order, is said at each
//! call of `draw`.

use std::time::Duration;

/// No limit, no deadline.
pub(crate) const NEVER: u64 = u64::MAX;

pub(crate) fn clamp(wide: u128) -> u64 {
    u64::try_from(wide).unwrap_or(u64::MAX)
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    clamp(duration.as_nanos())
}

pub(crate) fn later(time: u64, by: u64) -> u64 {
    time.saturating_add(by)
}

/// `SplitMix64` (Steele, Lea, Flood, 2014), stepped from the start.
pub(crate) fn splitmix(seed: u64, index: u64) -> u64 {
    let gamma: u64 = 0x9E37_79B9_7F4A_7C15;
    let state = seed.wrapping_add(gamma.wrapping_mul(index)).wrapping_add(gamma);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// A draw as a number in `[0, width)`.
pub(crate) fn below(width: u64, draw: u64) -> u64 {
    clamp((u128::from(width) * u128::from(draw)) >> 64)
}

/// A draw as a number in `[0, width]`.
pub(crate) fn up_to(width: u64, draw: u64) -> u64 {
    clamp(((u128::from(width) + 1) * u128::from(draw)) >> 64)
}

/// × U(1, 1.1).
pub(crate) fn stretched(time: u64, draw: u64) -> u64 {
    later(time, below(time / 10, draw))
}

pub(crate) fn percent(time: u64, percent: u8) -> u64 {
    clamp(u128::from(time) * u128::from(percent) / 100)
}

/// `time` × 2ⁿ with `times` as n, saturating.
pub(crate) fn doubled(time: u64, times: usize) -> u64 {
    let mut time = time;
    for _ in 0..times.min(64) {
        time = time.saturating_mul(2);
    }
    time
}
