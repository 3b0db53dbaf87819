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
    cells: Vec<u32>,
    /// The first cell of a free block; 0 for none.
    free: u32,
}

impl Cells {
    pub(crate) const fn new() -> Self {
        Self { cells: Vec::new(), free: 0 }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.cells.capacity()
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
        if let Some(cell) = self.cells.get_mut(chain.0 as usize) {
            *cell = index;
        }
    }

    /// A block that continues the chain `before`; its first cell.
    #[cold]
    fn block(&mut self, before: u32) -> u32 {
        if self.cells.is_empty() {
            self.cells.resize(Self::BLOCK, 0);
        }
        let mut block = self.free;
        if block == 0 {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the memory for 2³² does not exist"
            )]
            let end = self.cells.len() as u32;
            block = end;
            self.cells.resize(self.cells.len() + Self::BLOCK, 0);
        }
        if let Some(cell) = self.cells.get_mut(block as usize) {
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
        let index = self.cells.get(chain.0 as usize).copied();
        chain.0 -= 1;
        if chain.0 & Self::LAST == 0 {
            let block = chain.0;
            if let Some(cell) = self.cells.get_mut(block as usize) {
                *chain = Chain(*cell);
                *cell = self.free;
                self.free = block;
            }
        }
        index
    }
}
