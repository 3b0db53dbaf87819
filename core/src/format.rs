//! The form of a snapshot on disk: little-endian, of a fixed length, with a version in front and a
//! checksum behind.

use crate::action::WaitReason;
use crate::bytes::{MAGIC, Reader, Writer, flags, seal};
use crate::circuit::Mode;
use crate::endpoint::SAVED;
use crate::error::SnapshotError;
use crate::machine::Wanted;
use crate::run::{Class, Run};
use crate::snapshot::{Doing, EndpointSnapshot, Snapshot};

const ENDPOINT_LEN: usize = 4 + 2 + 1 + 1 + 8 * 4 + 1 + 1 + 1;
const LINK_LEN: usize = 1 + (8 + 4 * 3 + 4) + 8 * 4 + (1 + 4) + 4 + (2 + 4) + 4 * 2;

impl Snapshot {
    /// Length of [`to_bytes`](Self::to_bytes): a version, the content, and a checksum.
    pub const BYTES: usize = 4 + LINK_LEN + ENDPOINT_LEN + 4;

    /// As bytes, the same on every target. The checksum finds damage, not forgery.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        out.put(&MAGIC);
        out.put(&[self.doing as u8]);
        let run = &self.run;
        out.put(&run.base.to_le_bytes());
        for number in [run.failures, run.phase, run.rounds] {
            out.put(&number.to_le_bytes());
        }
        out.put(&[run.stalls, run.paced_by as u8, run.class as u8, run.worst as u8]);
        for number in [self.dials, self.pace, self.outage, self.arrival] {
            out.put(&number.to_le_bytes());
        }
        out.put(&[u8::from(self.endpoint.is_some())]);
        out.put(&self.endpoint.unwrap_or(0).to_le_bytes());
        out.put(&self.cursor.to_le_bytes());
        out.put(&[self.wanted as u8, flags([self.handover.is_some(), self.confirmed])]);
        out.put(&self.handover.unwrap_or(0).to_le_bytes());
        for number in [self.draws, self.attempts] {
            out.put(&number.to_le_bytes());
        }
        self.first.write(&mut out);
        seal(&mut bytes);
        bytes
    }

    /// The snapshot that was written as these bytes.
    ///
    /// # Errors
    /// [`SnapshotError`] for bytes that are too few or too many, of another version, damaged, or
    /// that no link could have written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut from = Reader::open(bytes, Self::BYTES)?;
        let doing = from.one_of(
            "state",
            &[
                Doing::Stopped,
                Doing::Waiting,
                Doing::Dialing,
                Doing::Unproven,
                Doing::Confirmed,
                Doing::Stable,
            ],
        )?;
        let base = from.u64();
        let (failures, phase, rounds) = (from.u32(), from.u32(), from.u32());
        let stalls = from.u8();
        let paced_by = from.one_of("pace", &WaitReason::ALL)?;
        let class = from.one_of("class", &Class::ALL)?;
        let worst = from.one_of("class", &Class::ALL)?;
        let run = Run { base, failures, phase, rounds, stalls, paced_by, class, worst };
        // Half of all numbers: no link has got so far, and there is room to go on.
        let dials = from.u64();
        if dials >= 1 << 63 {
            return Err(SnapshotError::Field("id"));
        }
        let (pace, outage, arrival) = (from.u64(), from.u64(), from.u64());
        let [used] = from.flags("endpoint")?;
        let endpoint = Some(from.u32()).filter(|_| used);
        let cursor = from.u32();
        let all = [Wanted::No, Wanted::Better, Wanted::Any, Wanted::Away];
        let wanted = from.one_of("handover", &all)?;
        let [used, confirmed] = from.flags("handover")?;
        let handover = Some(from.u32()).filter(|_| used);
        let (draws, attempts) = (from.u32(), from.u32());
        let first = EndpointSnapshot::read(&mut from)?;
        Ok(Self {
            doing,
            run,
            dials,
            pace,
            outage,
            arrival,
            endpoint,
            cursor,
            wanted,
            handover,
            confirmed,
            draws,
            attempts,
            first,
        })
    }
}

impl EndpointSnapshot {
    /// Length of [`to_bytes`](Self::to_bytes).
    pub const BYTES: usize = 4 + ENDPOINT_LEN + 4;

    /// As bytes, the same on every target.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        out.put(&MAGIC);
        self.write(&mut out);
        seal(&mut bytes);
        bytes
    }

    /// The snapshot that was written as these bytes.
    ///
    /// # Errors
    /// As [`Snapshot::from_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        Self::read(&mut Reader::open(bytes, Self::BYTES)?)
    }

    fn write(&self, out: &mut Writer<'_>) {
        out.put(&self.key.to_le_bytes());
        out.put(&self.failures.to_le_bytes());
        out.put(&[self.parks, self.flags]);
        for number in [self.hint, self.parked, self.open, self.window] {
            out.put(&number.to_le_bytes());
        }
        out.put(&[self.seen, self.opens, self.mode as u8]);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let (key, failures, parks) = (from.u32(), from.u16(), from.u8());
        let flags = from.bits("flags", SAVED)?;
        let (hint, parked, open, window) = (from.u64(), from.u64(), from.u64(), from.u64());
        let (seen, opens) = (from.u8(), from.u8());
        let mode = from.one_of("circuit", &Mode::OF_ENDPOINTS)?;
        Ok(Self { key, failures, parks, flags, hint, parked, open, window, seen, opens, mode })
    }
}
