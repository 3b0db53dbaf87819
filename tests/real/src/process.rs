//! What a process holds: sockets, descriptors, memory. Linux only.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Open descriptors of this process, sockets among them.
///
/// # Errors
/// Where there is no `/proc`.
pub fn descriptors() -> io::Result<(usize, usize)> {
    let (mut all, mut sockets) = (0, 0);
    for entry in fs::read_dir("/proc/self/fd")? {
        all += 1;
        let target = fs::read_link(entry?.path()).unwrap_or_default();
        sockets += usize::from(target.to_string_lossy().starts_with("socket:"));
    }
    Ok((all, sockets))
}

/// Resident memory of this process, in KiB.
///
/// # Errors
/// Where there is no `/proc`.
pub fn resident() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.ok_or_else(|| io::Error::other("no VmRSS"))
}

/// A directory that goes with it.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// An empty one; `name` is unique in this process.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(name: &str) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("redial-{}-{name}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A server may still be writing there.
        drop(fs::remove_dir_all(&self.0));
    }
}
