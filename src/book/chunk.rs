//! Some accounts side by side, with what hangs on them.

use std::sync::Arc;

use super::children::TableBlock;
use crate::column::Block;
use crate::model::AccountIdx;
use crate::tree::Shape;

/// One chunk: a shape and its columns. Everything is shared with other versions of the book until a
/// change touches it.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    pub(crate) shape: Arc<Shape>,
    /// The row of another chunk that the local roots stand under; `None` for the trunk.
    pub(crate) home: Option<AccountIdx>,
    // INVARIANT: in the order of the tree, so sorted by `before`.
    pub(crate) limbs: Arc<[Limb]>,
    /// One for each attribute of the schema; `None` when no row has a value.
    pub(crate) columns: Vec<Option<Arc<Block>>>,
    /// One for each child table of the schema; `None` when no account has a row.
    pub(crate) tables: Vec<Option<Arc<TableBlock>>>,
}

/// A chunk that hangs on a row of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limb {
    /// The row it hangs on: the parent of its local roots.
    pub(crate) anchor: u32,
    /// Its accounts come before this row in the order of the tree.
    pub(crate) before: u32,
    pub(crate) slot: u32,
}

impl Chunk {
    /// The limbs that hang on rows of a row's subtree, in order.
    pub(crate) fn limbs_in(&self, row: u32) -> impl Iterator<Item = &Limb> {
        let end = self.shape.end(row);
        let start = self.limbs.partition_point(|limb| limb.before <= row);
        self.limbs.iter().skip(start).take_while(move |limb| limb.before <= end && limb.anchor >= row)
    }

    /// The limbs that hang on one row, in order.
    pub(crate) fn limbs_on(&self, row: u32) -> impl Iterator<Item = &Limb> {
        self.limbs_in(row).filter(move |limb| limb.anchor == row)
    }

    pub(crate) fn column(&self, attribute: usize) -> Option<&Arc<Block>> {
        self.columns.get(attribute).and_then(Option::as_ref)
    }

    pub(crate) fn table(&self, table: usize) -> Option<&Arc<TableBlock>> {
        self.tables.get(table).and_then(Option::as_ref)
    }

    pub(crate) fn bytes(&self) -> usize {
        let columns = self.columns.iter().flatten().map(|block| block.bytes()).sum::<usize>();
        let tables = self.tables.iter().flatten().map(|block| block.bytes()).sum::<usize>();
        self.shape.bytes() + columns + tables + std::mem::size_of_val(&*self.limbs)
    }
}

impl Chunk {
    /// Holds a slot until its chunk is built.
    pub(super) fn without_rows() -> Self {
        let shape = Shape::build(std::iter::empty(), std::iter::empty(), Vec::new(), Vec::new(), Vec::new());
        Self {
            shape: Arc::new(shape),
            home: None,
            limbs: Arc::new([]),
            columns: Vec::new(),
            tables: Vec::new(),
        }
    }
}
