//! [`Snapshot`] as a field: `#[serde(with = "redial_config::snapshot")]`.
//!
//! A text in hexadecimal where people read the format, bytes where they do not. A text that was damaged, or
//! that no link could have written, is an error.
//!
//! ```
//! use redial::{Event, Policy, Reconnector, Snapshot, Timestamp};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Saved {
//!     name: String,
//!     #[serde(with = "redial_config::snapshot")]
//!     link: Snapshot,
//! }
//!
//! let mut link = Reconnector::new(Policy::DEFAULT, 1);
//! link.handle(Timestamp::ORIGIN, Event::Start);
//! let saved = Saved { name: "feed".into(), link: link.snapshot() };
//! let text = toml::to_string(&saved).unwrap();
//! let read: Saved = toml::from_str(&text).unwrap();
//! assert_eq!(read.link, saved.link);
//! ```

use std::fmt::{self, Write as _};

use redial::Snapshot;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserializer, Serializer};

/// # Errors
/// Those of the format.
pub fn serialize<S: Serializer>(snapshot: &Snapshot, serializer: S) -> Result<S::Ok, S::Error> {
    let bytes = snapshot.to_bytes();
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

/// # Errors
/// Those of the format, and what [`Snapshot::from_bytes`] refuses.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Snapshot, D::Error> {
    if deserializer.is_human_readable() {
        deserializer.deserialize_str(Saved)
    } else {
        deserializer.deserialize_bytes(Saved)
    }
}

struct Saved;

impl<'de> Visitor<'de> for Saved {
    type Value = Snapshot;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a snapshot: {} bytes, or twice as many hexadecimal digits", Snapshot::BYTES)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Snapshot, E> {
        let digits = text.as_bytes().chunks(2);
        let byte = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok().filter(|_| !pair.starts_with('+'))
        };
        let bytes: Option<Vec<u8>> = digits.map(byte).collect();
        let bytes = bytes.ok_or_else(|| E::custom("snapshot: is not hexadecimal"))?;
        self.visit_bytes(&bytes)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Snapshot, E> {
        Snapshot::from_bytes(bytes).map_err(|error| E::custom(format_args!("snapshot: {error}")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Snapshot, A::Error> {
        let mut all = Vec::new();
        while let Some(byte) = bytes.next_element()? {
            // One more than there may be is enough to refuse them.
            if all.len() > Snapshot::BYTES {
                break;
            }
            all.push(byte);
        }
        self.visit_bytes(&all)
    }
}
