//! How is a chunk built from rows that stood in others?

use std::sync::Arc;

use super::restructure::{Origin, Plan};
use super::{Chunk, Inner, Limb, TableBlock};
use crate::column::{Block, Storage};
use crate::model::AccountIdx;
use crate::tree::{NO_PRODUCT, NONE, Shape, hash_of};

/// One chunk, its cells taken from where its rows stood.
pub(super) fn chunk(
    old: &Inner,
    plan: &Plan,
    origins: &[Origin],
    parent: &[u32],
    home: Option<AccountIdx>,
    limbs: Vec<Limb>,
) -> Chunk {
    let label = |origin: &Origin| match origin {
        Origin::New(number) => {
            let added = plan.added.get(*number as usize);
            added.map_or((0, NO_PRODUCT), |added| (added.kind, added.product))
        }
        Origin::Old(place) => plan.relabelled.get(place).copied().unwrap_or_else(|| {
            let shape = old.chunk(place.slot).map(|chunk| &chunk.shape);
            let product = shape.and_then(|shape| shape.product(place.row)).unwrap_or(NO_PRODUCT);
            (shape.map_or(0, |shape| shape.kind(place.row)), product)
        }),
    };
    let id = |origin: &Origin| match origin {
        Origin::Old(place) => old.id(*place),
        Origin::New(number) => plan.added.get(*number as usize).map_or("", |added| added.id.as_str()),
    };
    let (kinds, products) = origins.iter().map(label).unzip();
    let shape = Shape::build(
        origins.iter().map(id),
        origins.iter().map(|o| hash_of(id(o))),
        parent.to_vec(),
        kinds,
        products,
    );
    // The chunks that rows come from, looked up once.
    let sources: Vec<Option<(&Chunk, usize)>> = origins
        .iter()
        .map(|origin| match origin {
            Origin::Old(place) => old.chunk(place.slot).map(|chunk| (&**chunk, place.row as usize)),
            Origin::New(_) => None,
        })
        .collect();
    let runs = runs(origins);
    let columns = old
        .schema
        .attributes()
        .enumerate()
        .map(|(column, attribute)| {
            let piece = |(from, rows): &(Option<AccountIdx>, usize)| {
                let block = from.and_then(|from| old.chunk(from.slot)?.column(column));
                (block.map(|block| &**block), from.map_or(0, |from| from.row as usize), *rows)
            };
            let pieces: Vec<_> = runs.iter().map(piece).collect();
            Block::joined(Storage::of(attribute.kind()), &pieces).map(Arc::new)
        })
        .collect();
    let tables = old.schema.tables().enumerate().map(|(number, table)| {
        let mut owners = Vec::new();
        let mut rows: Vec<(&TableBlock, usize)> = Vec::new();
        for (owner, source) in (0_u32..).zip(&sources) {
            let Some(block) = source.and_then(|(chunk, _)| chunk.table(number)) else { continue };
            let own = block.rows_of(source.map_or(NONE, |(_, row)| u32::try_from(row).unwrap_or(NONE)));
            owners.extend(own.clone().map(|_| owner));
            rows.extend(own.map(|row| (&**block, row)));
        }
        let storages: Vec<Storage> = table.columns().map(|column| Storage::of(column.kind())).collect();
        let at = |row: usize| rows.get(row).copied();
        TableBlock::build(
            sources.len(),
            &owners,
            |row| at(row).and_then(|(block, row)| block.id(row)).unwrap_or_default(),
            &storages,
            |column, row| at(row).and_then(|(block, row)| block.raw(column, row)),
        )
        .map(Arc::new)
    });
    Chunk { shape: Arc::new(shape), home, limbs: limbs.into(), columns, tables: tables.collect() }
}

/// How many rows stood side by side before, too, and where the first of them did; `None` for those that are added.
fn runs(origins: &[Origin]) -> Vec<(Option<AccountIdx>, usize)> {
    let place = |origin: &Origin| match origin {
        Origin::Old(place) => Some(*place),
        Origin::New(_) => None,
    };
    let follows = |a: &Origin, b: &Origin| match (place(a), place(b)) {
        (Some(a), Some(b)) => a.slot == b.slot && a.row + 1 == b.row,
        (a, b) => a.is_none() && b.is_none(),
    };
    origins.chunk_by(follows).map(|run| (run.first().and_then(place), run.len())).collect()
}
