//! A line on the terminal that says how far it is.

use std::io::{IsTerminal, Write};

/// Redraws one line of standard error; silent if that is not a terminal.
pub(crate) struct Progress {
    total: usize,
    shown: bool,
}

impl Progress {
    pub(crate) fn new(total: usize) -> Self {
        Self { total, shown: std::io::stderr().is_terminal() }
    }

    /// `done` of the total are, in `what`.
    pub(crate) fn at(&self, what: &str, done: usize) {
        if !self.shown {
            return;
        }
        let width = 40;
        let full = (done * width).checked_div(self.total).unwrap_or(width).min(width);
        let (bar, rest) = ("━".repeat(full), " ".repeat(width - full));
        let mut out = std::io::stderr().lock();
        // A terminal that cannot be written to needs no progress.
        let _ = write!(out, "\r\x1b[2K{bar}{rest} {done}/{} {what}", self.total);
        let _ = out.flush();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}
