//! Who is under whom, inside one chunk?

use super::NONE;
use super::index::tag_of;
use crate::column::Strings;

/// No product: the account is not a product account.
pub(crate) const NO_PRODUCT: u16 = u16::MAX;

/// The structure of one chunk: ids, local parents, types and products, in pre-order. Where the chunk
/// hangs and what hangs on it is kept beside it, so that moving a limb does not copy its shape.
#[derive(Debug, PartialEq)]
pub(crate) struct Shape {
    ids: Strings,
    // Rows sorted by the tag of their id.
    by_tag: Box<[(u32, u32)]>,
    // INVARIANT (pre-order): `parent[r] < r`, or `NONE` for a local root; `r < end[r]`.
    parent: Box<[u32]>,
    end: Box<[u32]>,
    kinds: Box<[u16]>,
    products: Box<[u16]>,
    last_root: u32,
}

impl Shape {
    /// The shape of rows in pre-order. `hashes` are those of the ids.
    #[expect(clippy::indexing_slicing, reason = "a local parent is an earlier row")]
    #[expect(clippy::cast_possible_truncation, reason = "a chunk has fewer than 2^16 rows")]
    pub(crate) fn build<'t>(
        ids: impl Iterator<Item = &'t str>,
        hashes: impl Iterator<Item = u64>,
        parent: Vec<u32>,
        kinds: Vec<u16>,
        products: Vec<u16>,
    ) -> Self {
        let mut end: Vec<u32> = (1..=parent.len() as u32).collect();
        for row in (0..parent.len()).rev() {
            if parent[row] != NONE {
                end[parent[row] as usize] = end[parent[row] as usize].max(end[row]);
            }
        }
        let mut by_tag: Vec<(u32, u32)> = hashes.map(tag_of).zip(0..).collect();
        by_tag.sort_unstable();
        let last_root = parent.iter().rposition(|up| *up == NONE).unwrap_or(0) as u32;
        // A chunk of which no row names a product keeps no list of products.
        let products = if products.iter().all(|p| *p == NO_PRODUCT) { Vec::new() } else { products };
        Self {
            ids: Strings::build(ids),
            by_tag: by_tag.into(),
            parent: parent.into(),
            end: end.into(),
            kinds: kinds.into(),
            products: products.into(),
            last_root,
        }
    }

    #[cfg(feature = "snapshot")]
    pub(crate) fn ids(&self) -> &Strings {
        &self.ids
    }

    pub(crate) fn rows(&self) -> u32 {
        u32::try_from(self.parent.len()).unwrap_or(NONE)
    }

    pub(crate) fn id(&self, row: u32) -> Option<&str> {
        self.ids.get(row as usize)
    }

    /// The row of an id, given its hash.
    pub(crate) fn row(&self, id: &str, hash: u64) -> Option<u32> {
        let tag = tag_of(hash);
        let start = self.by_tag.partition_point(|entry| entry.0 < tag);
        let same = self.by_tag.iter().skip(start).take_while(|entry| entry.0 == tag);
        same.map(|entry| entry.1).find(|row| self.id(*row) == Some(id))
    }

    /// The local parent of a row; `None` for local roots.
    pub(crate) fn parent(&self, row: u32) -> Option<u32> {
        self.parent.get(row as usize).copied().filter(|up| *up != NONE)
    }

    pub(crate) fn parents(&self) -> &[u32] {
        &self.parent
    }

    /// One past the last row of a row's subtree in this chunk.
    pub(crate) fn end(&self, row: u32) -> u32 {
        self.end.get(row as usize).copied().unwrap_or(row)
    }

    pub(crate) fn ends(&self) -> &[u32] {
        &self.end
    }

    pub(crate) fn kind(&self, row: u32) -> u16 {
        self.kinds.get(row as usize).copied().unwrap_or(0)
    }

    /// The account type of each row.
    pub(crate) fn kinds(&self) -> &[u16] {
        &self.kinds
    }

    /// The product of each row, [`NO_PRODUCT`] where there is none; empty where no row has one.
    pub(crate) fn products(&self) -> &[u16] {
        &self.products
    }

    pub(crate) fn product(&self, row: u32) -> Option<u16> {
        self.products.get(row as usize).copied().filter(|p| *p != NO_PRODUCT)
    }

    /// The last row without a local parent.
    pub(crate) const fn last_root(&self) -> u32 {
        self.last_root
    }

    /// The local children of a row in order; of no row: the local roots.
    pub(crate) fn children(&self, of: Option<u32>) -> impl Iterator<Item = u32> + '_ {
        let (mut next, end) = match of {
            Some(row) => (row + 1, self.end(row)),
            None => (0, self.rows()),
        };
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let child = next;
                // A row past the table would stand still; `max` makes the walk end on any input.
                next = self.end(child).max(child + 1);
                child
            })
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.ids.bytes()
            + std::mem::size_of_val(&*self.by_tag)
            + std::mem::size_of_val(&*self.parent)
            + std::mem::size_of_val(&*self.end)
            + std::mem::size_of_val(&*self.kinds)
            + std::mem::size_of_val(&*self.products)
    }
}
