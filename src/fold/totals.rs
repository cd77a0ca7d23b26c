//! What does each account amount to?

use std::sync::Arc;

use super::candidate::Best;
use super::plan::{FoldPlan, Work};
use super::state::{State, Sum};
use crate::book::{Chunk, View};
use crate::column::{Bitmap, Raw};
use crate::model::AccountIdx;

/// The value of a fold at an account.
pub(crate) enum Folded<'f> {
    Count(u64),
    Sum(Sum),
    Pair(Sum, Sum),
    /// A value in the order of values.
    Key(Option<i64>),
    /// The cell of a row, where there is one.
    Cell(Option<Raw<'f>>),
    /// How many rows have each code.
    Codes(&'f [u64]),
}

/// The totals of a plan on a view. `Send + Sync`; shares what it can with other totals of the plan.
#[derive(Debug, Clone)]
pub(crate) struct Totals {
    pub(super) plan: FoldPlan,
    pub(super) view: View,
    // By slot.
    pub(super) chunks: Vec<Option<Arc<ChunkTotals>>>,
}

/// The totals of the accounts of one chunk, and what they depend on.
#[derive(Debug)]
pub(super) struct ChunkTotals {
    /// The chunk, kept so that the places of its blocks in memory are not used again.
    pub(super) chunk: Arc<Chunk>,
    pub(super) visible: Option<Arc<Bitmap>>,
    /// What hangs on the chunk, by the row it hangs on.
    // Their folds only: whole totals would nest as deep as the tree, and be dropped recursively.
    pub(super) limbs: Vec<(u32, NodeList)>,
    /// One for each fold.
    pub(super) nodes: NodeList,
}

/// The folds of one chunk, in the order of the plan.
pub(super) type NodeList = Arc<[Arc<NodeTotals>]>;

/// One fold for the accounts of one chunk.
#[derive(Debug)]
pub(super) struct NodeTotals {
    pub(super) column: Column,
    pub(super) export: State,
}

/// A fold for the accounts of a chunk.
#[derive(Debug)]
pub(super) enum Column {
    Counts(Vec<u32>),
    Narrow {
        sums: Vec<i64>,
        rows: Vec<u32>,
    },
    Wide(Vec<Sum>),
    Pairs(Vec<(Sum, Sum)>),
    /// Smallest keys; `i64::MAX` for none.
    Least(Vec<i64>),
    Best(Vec<Option<Best>>),
    Distribution {
        size: usize,
        cells: Vec<u64>,
    },
}

impl Totals {
    /// The value of a fold, by its number in the plan, at an account; `None` for an account without totals.
    pub(crate) fn folded(&self, number: usize, place: AccountIdx) -> Option<Folded<'_>> {
        let chunk = self.chunks.get(place.slot as usize)?.as_ref()?;
        let row = place.row as usize;
        Some(match (&chunk.nodes.get(number)?.column, &self.plan.nodes.get(number)?.work) {
            (Column::Counts(counts), _) => Folded::Count(u64::from(*counts.get(row)?)),
            (Column::Narrow { sums, rows }, _) => {
                Folded::Sum(Sum::over(i128::from(*sums.get(row)?), u64::from(*rows.get(row)?)))
            }
            (Column::Wide(sums), _) => Folded::Sum(*sums.get(row)?),
            (Column::Pairs(pairs), _) => {
                let (above, below) = *pairs.get(row)?;
                Folded::Pair(above, below)
            }
            (Column::Least(keys), Work::Least { largest, .. }) => {
                let key = Some(*keys.get(row)?).filter(|key| *key != i64::MAX);
                Folded::Key(key.map(|key| if *largest { -key } else { key }))
            }
            (Column::Best(best), Work::Dated { ties, .. }) => {
                Folded::Cell(best.get(row)?.and_then(|best| ties.cell(self.view.inner(), &best)))
            }
            (Column::Distribution { size, cells }, _) => {
                Folded::Codes(cells.get(row * size..(row + 1) * size)?)
            }
            _ => return None,
        })
    }

    /// The view.
    pub(crate) const fn view(&self) -> &View {
        &self.view
    }

    /// How many chunks these totals share with others, and how many there are. For tests of sharing.
    #[cfg(test)]
    pub(crate) fn shared_chunks(&self, other: &Self) -> (usize, usize) {
        let pairs = self.chunks.iter().zip(&other.chunks);
        let same = pairs.filter(|(a, b)| matches!((a, b), (Some(a), Some(b)) if Arc::ptr_eq(a, b)));
        (same.count(), self.chunks.iter().flatten().count())
    }
}
