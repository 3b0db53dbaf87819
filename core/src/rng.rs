//! Randomness is a function of (seed, counter), so that a replay is exact on every target.
//!
//! The generator is `SplitMix64` (Steele, Lea, Flood: *Fast Splittable Pseudorandom Number
//! Generators*, OOPSLA 2014), addressed by index instead of stepped. It spreads load; it keeps no
//! secrets.

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The `counter`-th output of `SplitMix64` seeded with `seed`.
pub(crate) const fn draw(seed: u64, counter: u64) -> u64 {
    let z = seed.wrapping_add(GAMMA.wrapping_mul(counter.wrapping_add(1)));
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The next draw of this seed.
pub(crate) fn take_draw(seed: u64, draws: &mut u32) -> u64 {
    let counter = u64::from(*draws);
    *draws = draws.wrapping_add(1);
    draw(seed, counter)
}

/// Uniform in `[0, width)` for a uniform `draw`, or 0 if `width` is 0 (Lemire's multiply-shift; the
/// bias is below 2⁻²⁰ for waits under five hours).
pub(crate) const fn scale(width: u64, draw: u64) -> u64 {
    let product = (width as u128).wrapping_mul(draw as u128);
    (product >> 64) as u64
}

/// Uniform in `[0, most]` for a uniform `draw`: both ends are reached.
pub(crate) const fn up_to(most: u64, draw: u64) -> u64 {
    let draw = draw as u128;
    let product = (most as u128).wrapping_mul(draw).wrapping_add(draw);
    (product >> 64) as u64
}

/// `nanos × percent / 100` without overflow.
pub(crate) const fn percent_of(nanos: u64, percent: u8) -> u64 {
    let percent = percent as u64;
    match nanos.checked_mul(percent) {
        Some(product) => product / 100,
        None => percent_of_much(nanos, percent),
    }
}

#[inline]
const fn percent_of_much(nanos: u64, percent: u64) -> u64 {
    let whole = (nanos / 100).saturating_mul(percent);
    whole.saturating_add((nanos % 100).saturating_mul(percent) / 100)
}

/// `nanos` stretched by up to a tenth: × U(1, 1.1).
pub(crate) const fn stretch(nanos: u64, draw: u64) -> u64 {
    nanos.saturating_add(scale(nanos / 10, draw))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_published_sequence() {
        // First outputs of SplitMix64 seeded with 1234567 (Vigna's reference implementation).
        let outputs = [0, 1, 2].map(|counter| draw(1_234_567, counter));
        assert_eq!(
            outputs,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn scaling_covers_the_range_and_stays_in_it() {
        assert_eq!(scale(0, u64::MAX), 0);
        assert_eq!(scale(10, 0), 0);
        assert_eq!(scale(10, u64::MAX), 9);
        assert_eq!(scale(u64::MAX, u64::MAX), u64::MAX - 1);
        assert_eq!(up_to(0, u64::MAX), 0);
        assert_eq!(up_to(10, 0), 0);
        assert_eq!(up_to(10, u64::MAX), 10);
        assert_eq!(up_to(u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(percent_of(u64::MAX, 100), u64::MAX);
        assert_eq!(percent_of(199, 50), 99);
        assert_eq!(stretch(u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn a_share_is_exact_where_its_product_overflows() {
        for nanos in [0, 1, 99, u64::MAX / 100, u64::MAX / 7 + 3, u64::MAX - 1, u64::MAX] {
            for percent in 0..=100 {
                let exact = u128::from(nanos) * u128::from(percent) / 100;
                assert_eq!(u128::from(percent_of(nanos, percent)), exact, "{percent}% of {nanos}");
            }
        }
    }
}
