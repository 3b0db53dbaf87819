//! Chains of small numbers in blocks of two cache lines, from one arena.

use alloc::vec::Vec;

/// A chain of blocks, by the cell that is filled next. At a block's end that is the next one's first, which
/// no entry goes to: the chain is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chain(u32);

impl Chain {
    pub(crate) const EMPTY: Self = Self(0);

    /// The next entry begins a block.
    #[inline]
    pub(crate) fn is_full(self) -> bool {
        self.0 & Cells::WITHIN == 0
    }

    /// The first cell of its last block.
    #[inline]
    fn block(self) -> usize {
        (self.0.wrapping_sub(1) & !Cells::WITHIN) as usize
    }
}

/// Blocks of 16 cells: 15 entries, and in front of them the chain they continue.
#[derive(Clone, Debug)]
pub(crate) struct Cells {
    all: Vec<u64>,
    /// The first cell of a free block; 0 for none.
    free: u32,
    /// Blocks in use.
    in_use: usize,
}

impl Cells {
    pub(crate) const fn new() -> Self {
        Self { all: Vec::new(), free: 0, in_use: 0 }
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        self.all.capacity() * size_of::<u64>()
    }

    pub(crate) fn blocks(&self) -> usize {
        self.in_use
    }

    /// Cells of a block.
    pub(crate) const BLOCK: usize = 16;
    /// The bits of a cell within its block.
    const WITHIN: u32 = 15;

    /// Adds to a chain that is not full.
    #[inline]
    pub(crate) fn push(&mut self, chain: &mut Chain, entry: u64) {
        let place = chain.0 as usize;
        chain.0 += 1;
        if let Some(cell) = self.all.get_mut(place) {
            *cell = entry;
        }
    }

    /// A block that continues the chain `before`, and has no entry yet.
    #[inline(never)]
    pub(crate) fn extend(&mut self, before: Chain) -> Chain {
        if self.all.is_empty() {
            self.all.resize(Self::BLOCK, 0);
        }
        self.in_use += 1;
        let mut block = self.free;
        if block == 0 {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the memory for 2³² does not exist"
            )]
            let end = self.all.len() as u32;
            block = end;
            if self.all.len() == self.all.capacity() {
                // A million links notice what doubling would leave unused.
                self.all.reserve_exact((self.all.len() / 8).max(16 * Self::BLOCK));
            }
            self.all.resize(self.all.len() + Self::BLOCK, 0);
        }
        if let Some(cell) = self.all.get_mut(block as usize) {
            if self.free != 0 {
                self.free = low(*cell);
            }
            *cell = before.0.into();
        }
        Chain(block + 1)
    }

    /// All of a chain, a block at a time, the last first.
    #[inline]
    pub(crate) fn read(&self, mut chain: Chain, mut take: impl FnMut(&[u64])) {
        while chain != Chain::EMPTY {
            let block = chain.block();
            take(self.all.get(block + 1..chain.0 as usize).unwrap_or_default());
            chain = self.all.get(block).map_or(Chain::EMPTY, |cell| Chain(low(*cell)));
        }
    }

    /// Takes all of a chain, as [`read`](Self::read) does.
    #[inline]
    pub(crate) fn drain(&mut self, mut chain: Chain, mut take: impl FnMut(&[u64])) {
        while chain != Chain::EMPTY {
            let block = chain.block();
            take(self.all.get(block + 1..chain.0 as usize).unwrap_or_default());
            chain = self.release(block);
        }
    }

    /// Takes the last entry of a chain.
    pub(crate) fn pop(&mut self, chain: &mut Chain) -> Option<u64> {
        if *chain == Chain::EMPTY {
            return None;
        }
        let block = chain.block();
        chain.0 -= 1;
        let entry = self.all.get(chain.0 as usize).copied();
        if chain.0 as usize == block + 1 {
            *chain = self.release(block);
        }
        entry
    }

    /// Frees a block; what it continued.
    #[inline]
    fn release(&mut self, block: usize) -> Chain {
        let Some(cell) = self.all.get_mut(block) else { return Chain::EMPTY };
        self.in_use -= 1;
        let before = low(core::mem::replace(cell, self.free.into()));
        self.free = low(block as u64);
        Chain(before)
    }
}

/// A link between blocks, as it was stored.
fn low(cell: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "it was stored from 32 bits")]
    let low = cell as u32;
    low
}
