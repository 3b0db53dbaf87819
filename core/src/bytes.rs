//! Bytes of a fixed length, little-endian, with a version in front and a checksum behind.

use crate::error::SnapshotError;

pub(crate) const MAGIC: [u8; 4] = *b"rdl\x01";

/// CRC-32 (ISO 3309), bit by bit: it is short, and a snapshot is too.
fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1));
        }
    }
    !crc
}

pub(crate) struct Writer<'a> {
    rest: &'a mut [u8],
}

impl<'a> Writer<'a> {
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let rest = core::mem::take(&mut self.rest);
        if let Some((now, later)) = rest.split_at_mut_checked(bytes.len()) {
            now.copy_from_slice(bytes);
            self.rest = later;
        }
    }
}

/// Flags as a byte, the first as its lowest bit.
pub(crate) fn flags<const N: usize>(flags: [bool; N]) -> u8 {
    flags.iter().rev().fold(0, |byte, flag| byte << 1 | u8::from(*flag))
}

/// Writes the checksum of all but the last four bytes there.
pub(crate) fn seal(bytes: &mut [u8]) {
    if let Some((content, sum)) = bytes.split_last_chunk_mut() {
        *sum = checksum(content).to_le_bytes();
    }
}

pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// What stands between the version and the checksum of `bytes`, if they are sound.
    pub(crate) fn open(bytes: &'a [u8], expected: usize) -> Result<Self, SnapshotError> {
        let version = bytes.first_chunk::<4>();
        if version.is_some_and(|version| *version != MAGIC) {
            return Err(SnapshotError::Version);
        }
        let length = SnapshotError::Length { expected, found: bytes.len() };
        let (Some(_), true) = (version, bytes.len() == expected) else { return Err(length) };
        let Some((content, sum)) = bytes.split_last_chunk() else { return Err(length) };
        if checksum(content).to_le_bytes() != *sum {
            return Err(SnapshotError::Checksum);
        }
        Ok(Self { rest: content.get(MAGIC.len()..).unwrap_or(&[]) })
    }

    /// The next bytes; zeros past the end, which a checked length rules out.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.rest.split_first_chunk() {
            Some((now, later)) => {
                self.rest = later;
                *now
            }
            None => [0; N],
        }
    }

    pub(crate) fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    /// One of the values of an enum, by its number.
    pub(crate) fn one_of<T: Copy>(
        &mut self,
        field: &'static str,
        values: &[T],
    ) -> Result<T, SnapshotError> {
        let number = usize::from(self.u8());
        values.get(number).copied().ok_or(SnapshotError::Field(field))
    }

    /// Some of these bits.
    pub(crate) fn bits(&mut self, field: &'static str, of: u8) -> Result<u8, SnapshotError> {
        let bits = self.u8();
        if bits & !of == 0 { Ok(bits) } else { Err(SnapshotError::Field(field)) }
    }

    /// As many flags as are asked for, in one byte.
    pub(crate) fn flags<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[bool; N], SnapshotError> {
        let mut rest = self.u8();
        let flags = [(); N].map(|()| {
            let flag = rest & 1 != 0;
            rest >>= 1;
            flag
        });
        if rest == 0 { Ok(flags) } else { Err(SnapshotError::Field(field)) }
    }
}
