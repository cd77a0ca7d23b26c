//! Which rows count?
//!
//! The scope, the cancelled accounts and the filters become one bitmap for the rows of a chunk (or of
//! its block of a child table) before anything is combined (rulings S24 and S30 of `docs/semantics`). `None`:
//! every row counts.

use crate::book::{Chunk, TableBlock};
use crate::column::{Bitmap, Block, Raw};
use crate::tree::NO_PRODUCT;

/// A filter that is ready to run: a column and the values that pass.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    pub(super) column: FilterColumn,
    pub(super) passing: Passing,
}

/// What a filter reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FilterColumn {
    AccountType,
    Product,
    /// An attribute, or a column of the child table.
    Column(usize),
}

/// The values that pass.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Passing {
    /// A flag for each code.
    Codes(Box<[bool]>),
    Truth(bool),
}

impl Passing {
    fn code(&self, code: u16) -> bool {
        match self {
            Self::Codes(codes) => codes.get(usize::from(code)).copied().unwrap_or(false),
            Self::Truth(_) => false,
        }
    }

    fn passes(&self, cell: Option<&Raw<'_>>) -> bool {
        match (self, cell) {
            (Self::Codes(_), Some(Raw::Code(code))) => self.code(*code),
            (Self::Truth(truth), Some(Raw::Bool(bit))) => truth == bit,
            _ => false,
        }
    }

    fn bits(&self, block: Option<&Block>, rows: usize) -> Bitmap {
        let Some(block) = block else { return Bitmap::zeros(rows) };
        Bitmap::from_fn(rows, |row| self.passes(block.get(row).as_ref()))
    }
}

fn both(mask: Option<Bitmap>, more: Bitmap) -> Bitmap {
    match mask {
        Some(mask) => mask.and(&more),
        None => more,
    }
}

/// The accounts of a chunk that count: visible, and not cancelled.
pub(super) fn account_mask(
    chunk: &Chunk,
    visible: Option<&Bitmap>,
    cancelled: Option<(usize, &Passing)>,
) -> Option<Bitmap> {
    let rows = chunk.shape.rows() as usize;
    let mut mask = visible.cloned();
    if let Some((column, codes)) = cancelled {
        // An account without a status is not cancelled.
        if let Some(block) = chunk.column(column) {
            let gone = codes.bits(Some(block), rows);
            if !gone.is_empty() {
                mask = Some(both(mask, gone.not()));
            }
        }
    }
    mask
}

/// The accounts of `mask` that pass the filters.
pub(super) fn filter_accounts(chunk: &Chunk, mask: Option<Bitmap>, filters: &[Filter]) -> Option<Bitmap> {
    let rows = chunk.shape.rows() as usize;
    filters.iter().fold(mask, |mask, filter| {
        let at = |row: usize| u32::try_from(row).unwrap_or(u32::MAX);
        let bits = match filter.column {
            FilterColumn::AccountType => {
                Bitmap::from_fn(rows, |row| filter.passing.code(chunk.shape.kind(at(row))))
            }
            FilterColumn::Product => Bitmap::from_fn(rows, |row| {
                let product = chunk.shape.product(at(row)).unwrap_or(NO_PRODUCT);
                product != NO_PRODUCT && filter.passing.code(product)
            }),
            FilterColumn::Column(column) => {
                filter.passing.bits(chunk.column(column).map(|block| &**block), rows)
            }
        };
        Some(both(mask, bits))
    })
}

/// The child rows that belong to accounts of `mask` and pass the filters.
pub(super) fn filter_children(
    block: &TableBlock,
    mask: Option<&Bitmap>,
    filters: &[Filter],
) -> Option<Bitmap> {
    let rows = block.rows();
    let mut result: Option<Bitmap> = None;
    if let Some(mask) = mask {
        let mut bits = Bitmap::zeros(rows);
        for account in mask.rows() {
            for row in block.rows_of(account) {
                bits.set(row, true);
            }
        }
        result = Some(bits);
    }
    for filter in filters {
        let FilterColumn::Column(column) = filter.column else { continue };
        let cells = block.columns.get(column).and_then(Option::as_deref);
        result = Some(both(result, filter.passing.bits(cells, rows)));
    }
    result
}
