//! One source of chance: a stream of bytes, from a seed or from a fuzzer.
//!
//! Everything random here is decoded from bytes, so that a fuzzer's input, a property test's shrunk
//! example and a seed all mean the same run. Zero bytes always mean the simplest thing.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Bytes to decode; past their end it reads zeros.
///
/// ```
/// let mut bytes = redial_testkit::Bytes::new(&[7]);
/// assert_eq!([bytes.byte(), bytes.byte()], [7, 0]);
/// assert!(bytes.is_empty());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// Reads from the start of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether only zeros are left.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        [(); N].map(|()| self.byte())
    }
}

/// A duration from one byte: 0, then 1 ms to 72 min on a logarithmic scale, then the round figures that
/// people write (100 ms to 3.2 s, 2 s to 60 s), then hours and years up to [`Duration::MAX`]. So a
/// greater byte may mean a shorter time.
///
/// ```
/// use std::time::Duration;
/// use redial_testkit::span;
/// assert_eq!(span(0), Duration::ZERO);
/// assert_eq!(span(255), Duration::MAX);
/// ```
pub const fn span(byte: u8) -> Duration {
    let byte64 = byte as u64;
    match byte {
        0 => Duration::ZERO,
        1 => Duration::from_nanos(1),
        2 => Duration::from_nanos(999),
        // 1 ms to 72 min in 176 steps, each an eighth of a doubling.
        3..=178 => {
            let (octave, eighth) = ((byte64 - 3) / 8, (byte64 - 3) % 8);
            Duration::from_micros((125 * (8 + eighth)) << octave)
        }
        // The figures people write.
        179..=210 => Duration::from_millis(100 * (byte64 - 178)),
        211..=240 => Duration::from_secs((byte64 - 210) * 2),
        241..=247 => Duration::from_secs(3600 << (byte64 - 241)),
        248..=251 => Duration::from_secs(31_536_000 << ((byte64 - 248) * 2)),
        252 => Duration::from_nanos(u64::MAX / 2),
        253 => Duration::from_nanos(u64::MAX - 1),
        254 => Duration::from_nanos(u64::MAX),
        255 => Duration::MAX,
    }
}

/// As [`span`], but at least a nanosecond.
pub const fn positive(byte: u8) -> Duration {
    let span = span(byte);
    if span.is_zero() { Duration::from_nanos(1) } else { span }
}

/// Random bytes from a seed (`SplitMix64`), for loops that are too long for a property test.
///
/// ```
/// use redial_testkit::Random;
/// assert_eq!(Random::new(7).array::<8>(), Random::new(7).array::<8>());
/// ```
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, uniform over all of `u64`.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        for chunk in array.chunks_mut(8) {
            chunk.copy_from_slice(&self.number().to_le_bytes()[..chunk.len()]);
        }
        array
    }
}

/// The seed of a random test, printed with the test's `name`: the number in the environment variable
/// `REDIAL_SEED` if there is one, else a fresh one.
///
/// # Panics
/// If `REDIAL_SEED` is not a number: a fresh seed instead would look like a replay.
pub fn seed(name: &str) -> u64 {
    let seed = match std::env::var_os("REDIAL_SEED") {
        Some(given) => match given.to_str().and_then(|seed| seed.parse().ok()) {
            Some(seed) => seed,
            None => panic!("REDIAL_SEED is {given:?}, not a number from 0 to {}", u64::MAX),
        },
        None => RandomState::new().build_hasher().finish(),
    };
    println!("{name}: REDIAL_SEED={seed}");
    seed
}
