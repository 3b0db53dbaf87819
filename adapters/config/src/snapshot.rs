//! [`Snapshot`] as a field: `#[serde(with = "redial_config::snapshot")]`; what is known of several endpoints:
//! [`endpoints`]; both together: [`LinkSnapshot`](crate::LinkSnapshot).
//!
//! A text in hexadecimal where people read the format, bytes where they do not. A text that was damaged, or
//! that no link could have written, is an error.
//!
//! ```
//! use redial::{Endpoint, EndpointSnapshot, Event, Policy, Reconnector, Snapshot, Timestamp};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Saved {
//!     name: String,
//!     #[serde(with = "redial_config::snapshot")]
//!     link: Snapshot,
//!     #[serde(with = "redial_config::snapshot::endpoints")]
//!     health: Vec<EndpointSnapshot>,
//! }
//!
//! let endpoints = [Endpoint::new(0), Endpoint::new(1)];
//! let mut link = Reconnector::with_endpoints(Policy::DEFAULT, 1, endpoints);
//! link.handle(Timestamp::ORIGIN, Event::Start);
//! let health = link.endpoint_snapshots().collect();
//! let saved = Saved { name: "feed".into(), link: link.snapshot(), health };
//! let text = toml::to_string(&saved).unwrap();
//! let read: Saved = toml::from_str(&text).unwrap();
//! assert_eq!((read.link, read.health), (saved.link, saved.health));
//! ```

use std::fmt::{self, Write as _};
use std::marker::PhantomData;

use redial::{EndpointSnapshot, Snapshot, SnapshotError};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// # Errors
/// Those of the format.
pub fn serialize<S: Serializer>(snapshot: &Snapshot, serializer: S) -> Result<S::Ok, S::Error> {
    Saved(*snapshot).serialize(serializer)
}

/// # Errors
/// Those of the format, and what [`Snapshot::from_bytes`] refuses.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Snapshot, D::Error> {
    Saved::deserialize(deserializer).map(|saved| saved.0)
}

/// A list of [`EndpointSnapshot`]s as a field: `#[serde(with = "redial_config::snapshot::endpoints")]`.
///
/// Each is written as a [snapshot](super::snapshot) of a link is.
pub mod endpoints {
    use redial::EndpointSnapshot;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Saved;

    /// # Errors
    /// Those of the format.
    pub fn serialize<S: Serializer>(
        health: &[EndpointSnapshot],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(health.iter().copied().map(Saved))
    }

    /// # Errors
    /// Those of the format, and what [`EndpointSnapshot::from_bytes`] refuses.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<EndpointSnapshot>, D::Error> {
        let health = Vec::<Saved<EndpointSnapshot>>::deserialize(deserializer)?;
        Ok(health.into_iter().map(|saved| saved.0).collect())
    }
}

/// What has a form of so many bytes.
trait Bytes: Sized {
    const LENGTH: usize;

    fn write(&self) -> Vec<u8>;
    fn read(bytes: &[u8]) -> Result<Self, SnapshotError>;
}

impl Bytes for Snapshot {
    const LENGTH: usize = Self::BYTES;

    fn write(&self) -> Vec<u8> {
        self.to_bytes().to_vec()
    }

    fn read(bytes: &[u8]) -> Result<Self, SnapshotError> {
        Self::from_bytes(bytes)
    }
}

impl Bytes for EndpointSnapshot {
    const LENGTH: usize = Self::BYTES;

    fn write(&self) -> Vec<u8> {
        self.to_bytes().to_vec()
    }

    fn read(bytes: &[u8]) -> Result<Self, SnapshotError> {
        Self::from_bytes(bytes)
    }
}

/// As a format has it.
struct Saved<T>(T);

impl<T: Bytes> Serialize for Saved<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.0.write();
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(&bytes);
        }
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        serializer.serialize_str(&text)
    }
}

impl<'de, T: Bytes> Deserialize<'de> for Saved<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = Reading(PhantomData);
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(visitor)
        } else {
            deserializer.deserialize_bytes(visitor)
        }
    }
}

struct Reading<T>(PhantomData<T>);

impl<'de, T: Bytes> Visitor<'de> for Reading<T> {
    type Value = Saved<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a snapshot: {} bytes, or twice as many hexadecimal digits", T::LENGTH)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Saved<T>, E> {
        let digits = text.as_bytes().chunks(2);
        let byte = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok().filter(|_| !pair.starts_with('+'))
        };
        let bytes: Option<Vec<u8>> = digits.map(byte).collect();
        let bytes = bytes.ok_or_else(|| E::custom("snapshot: is not hexadecimal"))?;
        self.visit_bytes(&bytes)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Saved<T>, E> {
        T::read(bytes).map(Saved).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Saved<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(byte) = bytes.next_element()? {
            // One more than there may be is enough to refuse them.
            if all.len() > T::LENGTH {
                break;
            }
            all.push(byte);
        }
        self.visit_bytes(&all)
    }
}
