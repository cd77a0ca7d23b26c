//! How do rows in order of arrival become a book?
//!
//! Every account gets its place or the reason why it has none; then the forest is arranged, cut into
//! chunks, and each column gathered chunk by chunk.

use std::sync::Arc;

use super::builder::BookBuilder;
use super::intake::AccountIntake;
use super::load_accounts::place_accounts;
use super::load_children::{gather_children, place_children};
use super::load_successions::place_successions;
use super::report::{LoadReport, RowCounts};
use super::row_index::RowIndex;
use super::withdrawn::{of_accounts, of_children};
use super::{Book, Chunk, Held, Inner, Limb, LoadError, TableBlock};
use crate::model::AccountIdx;
use crate::set::Layout;
use crate::tree::arrange::arrange;
use crate::tree::pack::{LimbTarget, Packed, pack};
use crate::tree::{NO_PRODUCT, NONE, Shape, TagIndex};

// Row numbers fit: the limit on accounts is below 2^30, that on child rows below 2^32.
pub(super) fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NONE)
}

pub(super) fn assemble(mut builder: BookBuilder) -> Result<(Book, LoadReport), LoadError> {
    let mut report = std::mem::take(&mut builder.report);
    let (schema, policy) = (Arc::clone(&builder.schema), builder.policy.clone());
    let mut held = Held::default();
    let index = RowIndex::build(&builder.accounts.ids);
    let placed = place_accounts(&builder, &index, &mut held, &mut report);
    let offered = builder.accounts.rows();
    report.tables.shift_insert(
        0,
        Arc::from("accounts"),
        RowCounts { offered, loaded: placed.rows.len(), quarantined: held.held_accounts() },
    );

    // Who stands where, as places of `placed.rows`.
    let ids = &builder.accounts.ids;
    let id = |place: u32| {
        placed.rows.get(place as usize).and_then(|row| ids.text(*row as usize)).unwrap_or_default()
    };
    let keys = sort_keys(|| placed.rows.iter().map(|row| ids.text(*row as usize).unwrap_or_default()));
    let key = |place: u32| keys.get(place as usize);
    let forest = arrange(&placed.parents, |a, b| key(a).cmp(&key(b)).then_with(|| id(a).cmp(id(b))));
    drop(keys);
    describe(&forest.parent, &mut report);
    let packed = pack(&forest, NONE, builder.chunk_rows);
    drop(forest);
    let home_of = locate(&packed, placed.rows.len());
    let successions = place_successions(&builder, &mut held, &mut report);
    let children = place_children(&builder, &index, &placed, &home_of, &mut held, &mut report);
    let hashes = index.into_hashes();
    report.withdrawn_currencies = of_accounts(&schema, &builder.accounts, &placed.rows);
    for ((intake, table), sorted) in builder.children.iter().zip(schema.tables()).zip(&children) {
        report.withdrawn_currencies.extend(of_children(table, intake, sorted));
    }
    report.finish();
    if report.is_rejected() {
        return Err(LoadError::Rejected { report: Box::new(report) });
    }

    let rows_of: Vec<Vec<u32>> = packed
        .chunks
        .iter()
        .map(|chunk| chunk.items.iter().filter_map(|item| placed.rows.get(*item as usize).copied()).collect())
        .collect();
    let mut entries: Vec<(u64, u32)> = Vec::with_capacity(placed.rows.len());
    let mut shapes: Vec<Arc<Shape>> = Vec::with_capacity(packed.chunks.len());
    for ((slot, chunk), rows) in (0_u32..).zip(&packed.chunks).zip(&rows_of) {
        let of = |codes: &[u16], default| -> Vec<u16> {
            rows.iter().map(|row| codes.get(*row as usize).copied().unwrap_or(default)).collect()
        };
        let own: Vec<u64> = rows.iter().map(|row| hashes.get(*row as usize).copied().unwrap_or(0)).collect();
        let ids = ids.texts(rows).into_iter().map(Option::unwrap_or_default);
        let kinds = of(&builder.accounts.kinds, 0);
        let products = of(&builder.accounts.products, NO_PRODUCT);
        shapes.push(Arc::new(Shape::build(ids, own.iter().copied(), chunk.parent.clone(), kinds, products)));
        entries.extend(own.into_iter().map(|hash| (hash, slot)));
    }
    drop(hashes);
    let index = TagIndex::build(entries.into_iter());
    // Column by column, so that each staging column is gone before the next is gathered.
    let mut columns: Vec<Vec<Option<Arc<crate::column::Block>>>> = vec![Vec::new(); packed.chunks.len()];
    let AccountIntake { columns: staging, .. } = builder.accounts;
    for column in staging {
        for (chunk, rows) in columns.iter_mut().zip(&rows_of) {
            chunk.push(column.gather(rows).map(Arc::new));
        }
    }
    let mut tables: Vec<Vec<Option<Arc<TableBlock>>>> = vec![Vec::new(); packed.chunks.len()];
    let mut child_index = Vec::new();
    for ((intake, table), sorted) in builder.children.into_iter().zip(schema.tables()).zip(children) {
        child_index.push(Arc::new(gather_children(&intake, table, &sorted, &packed, &mut tables)));
    }

    let layout = Layout::new(packed.chunks.iter().map(|chunk| narrow(chunk.items.len())));
    let chunks = packed
        .chunks
        .iter()
        .zip(shapes)
        .zip(columns.into_iter().zip(tables))
        .map(|((packed, shape), (columns, tables))| {
            let limbs = packed.limbs.iter().filter_map(|limb| match limb.target {
                LimbTarget::New(slot) => Some(Limb { anchor: limb.anchor, before: limb.before, slot }),
                LimbTarget::Kept(_) => None,
            });
            let home = packed.home.map(|(slot, row)| AccountIdx::new(slot, row));
            Some(Arc::new(Chunk { shape, home, limbs: limbs.collect(), columns, tables }))
        })
        .collect();
    let inner = Inner {
        schema,
        policy,
        chunk_rows: builder.chunk_rows,
        version: builder.version,
        layout,
        chunks,
        trunk: packed.top.into(),
        index: Arc::new(index),
        child_index,
        held: Arc::new(held),
        successions: Arc::new(successions),
    };
    Ok((Book(Arc::new(inner)), report))
}

// For each id, its eight bytes after what all begin with: in most books they say which of two comes first,
// without a look at the ids.
fn sort_keys<'i, I: Iterator<Item = &'i str>>(ids: impl Fn() -> I) -> Vec<u64> {
    let first = ids().next().unwrap_or_default().as_bytes();
    let same = |id: &str| first.iter().zip(id.as_bytes()).take_while(|(a, b)| a == b).count();
    let common = ids().map(same).min().unwrap_or(0);
    let key = |id: &str| {
        let rest = id.as_bytes().get(common..).unwrap_or_default();
        let mut key = [0; 8];
        key.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        u64::from_be_bytes(key)
    };
    ids().map(key).collect()
}

// Figures of the tree for the report.
fn describe(parents: &[u32], report: &mut LoadReport) {
    let mut level = vec![1_usize; parents.len()];
    let mut is_parent = vec![false; parents.len()];
    for (position, parent) in parents.iter().enumerate() {
        let Some(above) = level.get(*parent as usize).copied() else { continue };
        report.subsidiaries += 1;
        if let Some(own) = level.get_mut(position) {
            *own = above + 1;
        }
        if let Some(flag) = is_parent.get_mut(*parent as usize) {
            *flag = true;
        }
    }
    report.parents = is_parent.into_iter().filter(|is| *is).count();
    report.levels = level.into_iter().max().unwrap_or(0);
}

// The chunk and row of each placed account.
fn locate(packed: &Packed, accounts: usize) -> Vec<(u32, u32)> {
    let mut homes = vec![(NONE, NONE); accounts];
    for (slot, chunk) in (0_u32..).zip(&packed.chunks) {
        for (row, item) in (0_u32..).zip(&chunk.items) {
            if let Some(home) = homes.get_mut(*item as usize) {
                *home = (slot, row);
            }
        }
    }
    homes
}
