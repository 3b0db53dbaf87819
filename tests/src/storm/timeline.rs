//! What happened when, for pictures.

/// Counts in bins of equal width, from the loss of the connections on.
#[derive(Clone, PartialEq, Debug)]
pub struct Timeline {
    /// Width of a bin in seconds.
    pub bin: f64,
    /// Dials started in each bin.
    pub dials: Vec<u32>,
    /// Clients connected at the end of each bin.
    pub connected: Vec<u32>,
}

impl Timeline {
    pub(crate) fn new(bin: f64) -> Self {
        Self { bin, dials: Vec::new(), connected: Vec::new() }
    }

    fn grow(&mut self, at: f64) -> usize {
        let index = (at.max(0.0) / self.bin) as usize;
        if index >= self.dials.len() {
            let last = self.connected.last().copied().unwrap_or(0);
            self.dials.resize(index + 1, 0);
            self.connected.resize(index + 1, last);
        }
        index
    }

    pub(crate) fn dial(&mut self, at: f64) {
        let index = self.grow(at);
        self.dials[index] += 1;
    }

    pub(crate) fn connected(&mut self, at: f64, count: u32) {
        let index = self.grow(at);
        self.connected[index] = count;
    }
}
