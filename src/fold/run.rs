//! In which order are chunks folded, and which can be taken over from before?
//!
//! A chunk is folded after the limbs that hang on it. What a chunk's totals depend on is its shape, the
//! blocks that the roll-ups read, the mask, and the exports of its limbs: where all of these are those
//! of an earlier run, so are the totals, and nothing is computed.

use std::sync::Arc;

use super::Reach;
use super::candidate::{Best, Ties, better};
use super::kernel::{fold_counts, fold_up, range_counts, range_sums};
use super::mask::{account_mask, filter_accounts, filter_children};
use super::own::Cells;
use super::plan::{FoldPlan, Measure, Node, Work};
use super::state::{State, Sum};
use super::totals::{ChunkTotals, Column, NodeList, NodeTotals, Totals};
use crate::book::{Chunk, Inner, TableBlock, View};
use crate::column::Bitmap;
use crate::model::limits::{MAX_INT, MAX_UNITS};
use crate::tree::Shape;

impl FoldPlan {
    /// What is folded, for every visible account; nothing on a view of a book with another schema than that of the plan.
    ///
    /// One pass over the rows of the book for each fold, whatever the shape of the trees.
    pub(crate) fn all(&self, view: &View) -> Totals {
        self.run(view, None)
    }

    /// The same after a change: what the change did not touch is taken over from before it, so that the cost is the path, not
    /// the book.
    ///
    /// The same bits, whatever `before` is. To be of use, it must be of this plan or a clone of it.
    pub(crate) fn refresh(&self, view: &View, before: &Totals) -> Totals {
        // Totals of another plan have nothing to offer.
        self.run(view, Arc::ptr_eq(&self.nodes, &before.plan.nodes).then_some(before))
    }

    fn run(&self, view: &View, before: Option<&Totals>) -> Totals {
        let inner = view.inner();
        if !self.suits(view) {
            return Totals { plan: self.clone(), view: view.clone(), chunks: Vec::new() };
        }
        // What shows nothing, in itself and below, has no totals and adds to none.
        let trunk = inner.trunk.iter().copied().filter(|slot| view.is_live(*slot));
        let order = order_below(view, trunk.collect());
        let mut chunks: Vec<Option<Arc<ChunkTotals>>> = vec![None; inner.chunks.len()];
        for level in levels(inner, order) {
            let below = |slot: u32| chunks.get(slot as usize).cloned().flatten();
            let fold = |slot: &u32| {
                let earlier = before.and_then(|before| before.chunks.get(*slot as usize)?.as_ref());
                (*slot, self.chunk(view, *slot, earlier, &below))
            };
            // A refresh takes nearly everything over, which is not worth other threads; nor is one chunk.
            #[cfg(feature = "rayon")]
            let folded: Vec<_> = if before.is_none() && level.len() > 1 {
                use rayon::prelude::*;
                level.par_iter().map(fold).collect()
            } else {
                level.iter().map(fold).collect()
            };
            #[cfg(not(feature = "rayon"))]
            let folded: Vec<_> = level.iter().map(fold).collect();
            for (slot, totals) in folded {
                if let Some(place) = chunks.get_mut(slot as usize) {
                    *place = totals;
                }
            }
        }
        Totals { plan: self.clone(), view: view.clone(), chunks }
    }

    // Columns are known by place, which another schema would give another meaning.
    fn suits(&self, view: &View) -> bool {
        Arc::ptr_eq(&self.schema, view.schema()) || self.schema == *view.schema()
    }

    // The totals of one chunk, given those of the chunks that hang on it.
    fn chunk(
        &self,
        view: &View,
        slot: u32,
        earlier: Option<&Arc<ChunkTotals>>,
        below: &dyn Fn(u32) -> Option<Arc<ChunkTotals>>,
    ) -> Option<Arc<ChunkTotals>> {
        let inner = view.inner();
        let chunk = inner.chunk(slot)?;
        let visible = view.scope().set().map(|set| {
            set.bitmap(slot).cloned().unwrap_or_else(|| Arc::new(Bitmap::zeros(chunk.shape.rows() as usize)))
        });
        let limbs: Vec<(u32, NodeList)> = chunk
            .limbs
            .iter()
            .filter_map(|limb| Some((limb.anchor, Arc::clone(&below(limb.slot)?.nodes))))
            .collect();
        let now = Inputs { chunk, visible: visible.as_ref(), limbs: &limbs };
        let earlier = earlier.filter(|earlier| now.same_rows(earlier));
        if let Some(earlier) =
            earlier.filter(|earlier| Arc::ptr_eq(&earlier.chunk, chunk) && now.same_around(earlier))
        {
            return Some(Arc::clone(earlier));
        }
        let mut scratch = Scratch::default();
        let nodes = self.nodes.iter().enumerate().map(|(number, node)| {
            if let Some(same) = earlier.and_then(|earlier| now.same_node(earlier, number, node)) {
                return same;
            }
            let imports: Vec<(u32, &State)> = limbs
                .iter()
                .filter_map(|(anchor, totals)| Some((*anchor, &totals.get(number)?.export)))
                .collect();
            let run = NodeRun { inner, slot, chunk, node, visible: visible.as_deref() };
            let (column, export) = run.fold(&imports, &mut scratch);
            Arc::new(NodeTotals { column, export })
        });
        let nodes = nodes.collect();
        Some(Arc::new(ChunkTotals { chunk: Arc::clone(chunk), visible, limbs, nodes }))
    }
}

/// What the totals of a chunk depend on.
struct Inputs<'i> {
    chunk: &'i Chunk,
    visible: Option<&'i Arc<Bitmap>>,
    limbs: &'i [(u32, NodeList)],
}

impl Inputs<'_> {
    // Whether the same accounts count in the same rows.
    fn same_rows(&self, earlier: &ChunkTotals) -> bool {
        let same_mask = match (&earlier.visible, self.visible) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
            _ => false,
        };
        same_mask && Arc::ptr_eq(&earlier.chunk.shape, &self.chunk.shape)
    }

    // Whether the same hangs on the chunk.
    fn same_around(&self, earlier: &ChunkTotals) -> bool {
        let same = |((a, before), (b, now)): (&(u32, NodeList), &(u32, NodeList))| {
            a == b && Arc::ptr_eq(before, now)
        };
        earlier.limbs.len() == self.limbs.len() && earlier.limbs.iter().zip(self.limbs).all(same)
    }

    // The earlier totals of one fold, where nothing that it reads has changed.
    fn same_node(&self, earlier: &ChunkTotals, number: usize, node: &Node) -> Option<Arc<NodeTotals>> {
        let same_cells = node.attributes.iter().all(|column| {
            let (before, now) = (earlier.chunk.column(*column), self.chunk.column(*column));
            same_block(before, now)
        });
        let same_table =
            node.table.is_none_or(|table| same_block(earlier.chunk.table(table), self.chunk.table(table)));
        let same_limb = |((a, before), (b, now)): (&(u32, NodeList), &(u32, NodeList))| {
            // A place says nothing about the value that decides ties, and a change may put another account
            // there: of a first or last row only what was taken over is known to be the same.
            let named = |state: &State| matches!(state, State::Best(Some(_)));
            let same = || match (before.get(number), now.get(number)) {
                (Some(a), Some(b)) => Arc::ptr_eq(a, b) || (!named(&a.export) && a.export == b.export),
                _ => false,
            };
            a == b && (Arc::ptr_eq(before, now) || same())
        };
        let same = same_cells
            && same_table
            && earlier.limbs.len() == self.limbs.len()
            && earlier.limbs.iter().zip(self.limbs).all(same_limb);
        if same { earlier.nodes.get(number).cloned() } else { None }
    }
}

fn same_block<T>(a: Option<&Arc<T>>, b: Option<&Arc<T>>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}

// The slots of some chunks and of everything that hangs on them and shows an account, upper before lower.
fn order_below(view: &View, mut order: Vec<u32>) -> Vec<u32> {
    let mut at = 0;
    while let Some(slot) = order.get(at).copied() {
        let limbs = view.inner().chunk(slot).into_iter().flat_map(|chunk| chunk.limbs.iter());
        order.extend(limbs.map(|limb| limb.slot).filter(|slot| view.is_live(*slot)));
        at += 1;
    }
    order
}

// Chunks that can be folded at the same time, lowest first.
fn levels(inner: &Inner, order: Vec<u32>) -> Vec<Vec<u32>> {
    let mut height: Vec<usize> = vec![0; inner.chunks.len()];
    let mut levels: Vec<Vec<u32>> = Vec::new();
    for slot in order.into_iter().rev() {
        let limbs = inner.chunk(slot).into_iter().flat_map(|chunk| chunk.limbs.iter());
        let below = limbs.filter_map(|limb| height.get(limb.slot as usize)).max();
        let own = below.map_or(0, |below| below + 1);
        if let Some(height) = height.get_mut(slot as usize) {
            *height = own;
        }
        if levels.len() <= own {
            levels.resize_with(own + 1, Vec::new);
        }
        if let Some(level) = levels.get_mut(own) {
            level.push(slot);
        }
    }
    levels
}

#[derive(Default)]
struct Scratch {
    sums: Vec<i64>,
    counts: Vec<u32>,
}

/// One fold on one chunk.
struct NodeRun<'r> {
    inner: &'r Inner,
    slot: u32,
    chunk: &'r Chunk,
    node: &'r Node,
    visible: Option<&'r Bitmap>,
}

impl NodeRun<'_> {
    fn fold(&self, imports: &[(u32, &State)], scratch: &mut Scratch) -> (Column, State) {
        let accounts =
            account_mask(self.chunk, self.visible, self.node.cancelled.as_ref().map(|(c, p)| (*c, p)));
        let empty;
        let (table, mask) = match self.node.table {
            None => (None, filter_accounts(self.chunk, accounts, &self.node.filters)),
            Some(number) => {
                let block = match self.chunk.table(number) {
                    Some(block) => &**block,
                    None => {
                        empty = TableBlock::empty(self.chunk.shape.rows() as usize);
                        &empty
                    }
                };
                (Some(block), filter_children(block, accounts.as_ref(), &self.node.filters))
            }
        };
        let cells = Cells { slot: self.slot, chunk: self.chunk, table, mask: mask.as_ref() };
        match &self.node.work {
            Work::Count(columns) => self.counts(&cells, columns, imports, scratch),
            Work::Sum(measure) => self.sums(&cells, *measure, imports, scratch),
            Work::Ratio(above, below) => self.pairs(cells.own_pairs(*above, *below), imports),
            Work::Least { column, largest } => self.least(cells.own_keys(*column, *largest), imports),
            Work::Without(columns) => self.without(cells.own_tallies(columns), imports),
            Work::Dated { by, ties } => self.dated(&cells, *by, *ties, imports),
            Work::Distribution { column, size } => {
                self.distribution(&cells.own_distribution(*column, *size), *size, imports)
            }
        }
    }

    fn shape(&self) -> &Shape {
        &self.chunk.shape
    }

    fn counts(
        &self,
        cells: &Cells<'_>,
        columns: &[usize],
        imports: &[(u32, &State)],
        scratch: &mut Scratch,
    ) -> (Column, State) {
        let imports = sorted(imports.iter().map(|(row, state)| (*row, sum_of(state).rows_u32())).collect());
        let (shape, reach) = (self.shape(), self.node.reach);
        let folded = if reach == Reach::PreferSelf {
            let own = cells.own_counts(columns);
            fold_up(shape, own, &imports, &0, reach, |own| *own > 0, |a, b| *a += b)
        } else if columns.is_empty() && cells.rows_are_accounts() {
            range_counts(shape, cells.mask, &imports, reach, &mut scratch.counts)
        } else {
            range_sums(shape, &cells.own_counts(columns), &imports, reach, &mut scratch.counts)
        };
        let export = State::Sum(Sum::over(0, u64::from(folded.export)));
        (Column::Counts(folded.rows), export)
    }

    fn sums(
        &self,
        cells: &Cells<'_>,
        measure: Measure,
        imports: &[(u32, &State)],
        scratch: &mut Scratch,
    ) -> (Column, State) {
        let is_plain = measure.is_narrow && self.node.reach != Reach::PreferSelf;
        let plain = if is_plain { cells.plain(measure.column) } else { None };
        let Some((values, counted)) = plain.filter(|(values, _)| fits(values, imports)) else {
            let own = cells.own_sums(measure);
            let imports: Vec<(u32, Sum)> =
                imports.iter().map(|(row, state)| (*row, *sum_of(state))).collect();
            let folded = fold_up(
                self.shape(),
                own,
                &imports,
                &Sum::default(),
                self.node.reach,
                |own| own.rows > 0,
                Sum::merge,
            );
            return (Column::Wide(folded.rows), State::Sum(folded.export));
        };
        let narrow =
            imports.iter().map(|(row, state)| (*row, i64::try_from(sum_of(state).value).unwrap_or(0)));
        let sums =
            range_sums(self.shape(), &values, &sorted(narrow.collect()), self.node.reach, &mut scratch.sums);
        let rows = imports.iter().map(|(row, state)| (*row, sum_of(state).rows_u32()));
        let rows = sorted(rows.collect());
        let rows = range_counts(self.shape(), counted.as_ref(), &rows, self.node.reach, &mut scratch.counts);
        let export = Sum::over(i128::from(sums.export), u64::from(rows.export));
        (Column::Narrow { sums: sums.rows, rows: rows.rows }, State::Sum(export))
    }

    fn pairs(&self, own: Vec<(Sum, Sum)>, imports: &[(u32, &State)]) -> (Column, State) {
        let imports: Vec<(u32, (Sum, Sum))> = imports
            .iter()
            .filter_map(|(row, state)| match state {
                State::Pair(above, below) => Some((*row, (*above, *below))),
                _ => None,
            })
            .collect();
        let merge = |a: &mut (Sum, Sum), b: &(Sum, Sum)| {
            a.0.merge(&b.0);
            a.1.merge(&b.1);
        };
        let present = |own: &(Sum, Sum)| own.0.rows > 0;
        let folded =
            fold_up(self.shape(), own, &imports, &Default::default(), self.node.reach, present, merge);
        (Column::Pairs(folded.rows), State::Pair(folded.export.0, folded.export.1))
    }

    fn least(&self, own: Vec<i64>, imports: &[(u32, &State)]) -> (Column, State) {
        let imports: Vec<(u32, i64)> = imports
            .iter()
            .filter_map(|(row, state)| match state {
                State::Least(key) => Some((*row, (*key)?)),
                _ => None,
            })
            .collect();
        let present = |key: &i64| *key != i64::MAX;
        let merge = |a: &mut i64, b: &i64| *a = (*a).min(*b);
        let folded = fold_up(self.shape(), own, &imports, &i64::MAX, self.node.reach, present, merge);
        (Column::Least(folded.rows), State::Least(Some(folded.export).filter(present)))
    }

    fn without(&self, own: Vec<(u32, u32)>, imports: &[(u32, &State)]) -> (Column, State) {
        let imports: Vec<(u32, (u32, u32))> = imports
            .iter()
            .filter_map(|(row, state)| match state {
                State::Tally(with, without) => Some((*row, (*with, *without))),
                _ => None,
            })
            .collect();
        let present = |own: &(u32, u32)| own.0 > 0;
        let merge = |a: &mut (u32, u32), b: &(u32, u32)| *a = (a.0 + b.0, a.1 + b.1);
        let folded = fold_up(self.shape(), own, &imports, &(0, 0), self.node.reach, present, merge);
        let (with, without) = folded.export;
        let counts = folded.rows.into_iter().map(|(_, without)| without);
        (Column::Counts(counts.collect()), State::Tally(with, without))
    }

    fn dated(&self, cells: &Cells<'_>, by: usize, ties: Ties, imports: &[(u32, &State)]) -> (Column, State) {
        let imports: Vec<(u32, Option<Best>)> = imports
            .iter()
            .filter_map(|(row, state)| match state {
                State::Best(best) => Some((*row, *best)),
                _ => None,
            })
            .collect();
        let merge = |a: &mut Option<Best>, b: &Option<Best>| {
            *a = match (*a, *b) {
                (Some(a), Some(b)) => Some(better(self.inner, ties, a, b)),
                (a, b) => a.or(b),
            };
        };
        let own = cells.own_best(self.inner, ties, by);
        let folded = fold_up(self.shape(), own, &imports, &None, self.node.reach, Option::is_some, merge);
        (Column::Best(folded.rows), State::Best(folded.export))
    }

    fn distribution(&self, own: &[u32], size: usize, imports: &[(u32, &State)]) -> (Column, State) {
        let imports: Vec<(u32, &[u64])> = imports
            .iter()
            .filter_map(|(row, state)| match state {
                State::Counts(counts) => Some((*row, &**counts)),
                _ => None,
            })
            .collect();
        let (cells, export) = fold_counts(self.shape(), own, size, &imports, self.node.reach);
        (Column::Distribution { size, cells }, State::Counts(export))
    }
}

fn sum_of(state: &State) -> &Sum {
    const NOTHING: &Sum = &Sum::over(0, 0);
    match state {
        State::Sum(sum) => sum,
        _ => NOTHING,
    }
}

impl Sum {
    // A book holds fewer than 2^32 rows of one table.
    fn rows_u32(&self) -> u32 {
        u32::try_from(self.rows).unwrap_or(u32::MAX)
    }
}

// Imports by row, as running totals want them; limbs stand in the order of the tree.
fn sorted<N>(mut imports: Vec<(u32, N)>) -> Vec<(u32, N)> {
    imports.sort_by_key(|(row, _)| *row);
    imports
}

// Whether no sum over any of the rows can leave 64 bits.
fn fits(values: &[i64], imports: &[(u32, &State)]) -> bool {
    let mut room = i128::from(i64::MAX);
    for (_, state) in imports {
        let sum = sum_of(state);
        if sum.is_out_of_range() {
            return false;
        }
        room -= i128::try_from(sum.value.unsigned_abs()).unwrap_or(i128::MAX / 2);
    }
    let rows = i128::try_from(values.len()).unwrap_or(i128::MAX / 2);
    let bound = i128::from(MAX_INT.max(MAX_UNITS));
    if rows.saturating_mul(bound) <= room {
        return true;
    }
    let largest = values.iter().map(|value| value.unsigned_abs()).max().unwrap_or(0);
    rows.saturating_mul(i128::from(largest)) <= room
}
