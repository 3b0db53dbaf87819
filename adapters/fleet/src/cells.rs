//! Chains of small numbers in blocks of a cache line, from one arena.

use alloc::vec::Vec;

/// A chain of blocks, by the cell that was filled last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chain(u32);

impl Chain {
    /// The last cell of the first block, which no chain has: full, so that the next entry begins a block.
    pub(crate) const EMPTY: Self = Self(Cells::LAST);
}

/// Blocks of 16 cells, one cache line: 15 entries, and in front of them the chain they continue.
#[derive(Clone, Debug)]
pub(crate) struct Cells {
    all: Vec<u32>,
    /// The first cell of a free block; 0 for none.
    free: u32,
    /// Blocks in use.
    in_use: usize,
}

impl Cells {
    pub(crate) const fn new() -> Self {
        Self { all: Vec::new(), free: 0, in_use: 0 }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.all.capacity()
    }

    pub(crate) fn blocks(&self) -> usize {
        self.in_use
    }

    /// Cells of a block.
    pub(crate) const BLOCK: usize = 16;
    /// The bits of a cell within its block, all set in the last one.
    const LAST: u32 = 15;

    #[inline]
    pub(crate) fn push(&mut self, chain: &mut Chain, index: u32) {
        if chain.0 & Self::LAST == Self::LAST {
            *chain = Chain(self.block(chain.0));
        }
        chain.0 += 1;
        if let Some(cell) = self.all.get_mut(chain.0 as usize) {
            *cell = index;
        }
    }

    /// A block that continues the chain `before`; its first cell.
    #[cold]
    fn block(&mut self, before: u32) -> u32 {
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
                self.free = *cell;
            }
            *cell = before;
        }
        block
    }

    #[inline]
    pub(crate) fn pop(&mut self, chain: &mut Chain) -> Option<u32> {
        if *chain == Chain::EMPTY {
            return None;
        }
        let index = self.all.get(chain.0 as usize).copied();
        chain.0 -= 1;
        if chain.0 & Self::LAST == 0 {
            let block = chain.0;
            if let Some(cell) = self.all.get_mut(block as usize) {
                *chain = Chain(*cell);
                *cell = self.free;
                self.free = block;
                self.in_use -= 1;
            }
        }
        index
    }

    /// Takes all of a chain, the last first.
    #[inline]
    pub(crate) fn drain(&mut self, mut chain: Chain, mut take: impl FnMut(u32)) {
        while chain != Chain::EMPTY {
            let block = chain.0 & !Self::LAST;
            let entries = self.all.get(block as usize + 1..=chain.0 as usize);
            entries.unwrap_or_default().iter().rev().copied().for_each(&mut take);
            let Some(cell) = self.all.get_mut(block as usize) else { break };
            chain = Chain(core::mem::replace(cell, self.free));
            self.free = block;
            self.in_use -= 1;
        }
    }
}
