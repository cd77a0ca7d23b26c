//! How does a book come out of bytes that may be anything?
//!
//! Section by section. A chunk is built only from rows that are in order, and hung up only when all of
//! them fit together; the indexes are built from the ids.

use std::sync::Arc;

use super::SnapshotError;
use super::decode_held::Standing;
use super::encode::NO_ROW;
use super::format::Part;
use super::reader::{Read, Reader};
use super::sections::FORMAT;
use super::structure::{self, Draft};
use super::{blocks, decode_held, history, policies, schemas};
use crate::book::{Chunk, Inner, Limb, MAX_CHUNK_ROWS, TableBlock};
use crate::column::Block;
use crate::model::limits::{MAX_ACCOUNTS, MAX_CHILD_ROWS};
use crate::model::{AccountId, AccountIdx, ChildId, ChildTable, Schema};
use crate::set::Layout;
use crate::tree::{NO_PRODUCT, NONE, Policy, Shape, TagIndex, hash_of};

/// Without a schema it is the one that the snapshot carries.
pub(super) fn decode(schema: Option<Arc<Schema>>, bytes: &[u8]) -> Read<Inner> {
    let [own, book, accounts, values, child_rows, held, successions] = FORMAT.take_apart(bytes)?;
    let schema = match schema {
        Some(schema) => {
            check_schema(own, &schema)?;
            schema
        }
        None => Arc::new(read_schema(own)?),
    };
    let (version, chunk_rows, policy) = read_book(book)?;
    let Accounts { chunks, trunk, index } = read_accounts(accounts, &schema, chunk_rows)?;
    let columns = read_values(values, &schema, &chunks)?;
    let (tables, child_index) = read_child_rows(child_rows, &schema, &chunks)?;

    let rows_of = |draft: &Option<Box<Draft>>| draft.as_ref().map_or(0, |draft| draft.shape.rows());
    let layout = Layout::new(chunks.iter().map(rows_of));
    // As many of them as chunks: empty slots have none.
    let mut contents = columns.into_iter().zip(tables);
    let chunks = chunks.into_iter().map(|draft| {
        let Draft { shape, home, limbs, .. } = *draft?;
        let (columns, tables) = contents.next()?;
        Some(Arc::new(Chunk { shape: Arc::new(shape), home, limbs: limbs.into(), columns, tables }))
    });
    let chunks = chunks.collect();
    let mut inner = Inner {
        schema,
        policy,
        chunk_rows,
        version,
        layout,
        chunks,
        trunk: trunk.into(),
        index: Arc::new(index),
        child_index,
        held: Arc::default(),
        successions: Arc::new(history::read(successions)?),
    };
    let mut reader = Reader::new(held);
    let standing = |id: &AccountId| match inner.find(id.as_str()) {
        None => Standing::Nowhere,
        Some(place) if inner.parent(place).is_none() => Standing::Root,
        Some(_) => Standing::Below,
    };
    let held = decode_held::read(&mut reader, &inner.schema, &standing)?;
    reader.finish()?;
    inner.held = Arc::new(held);
    Ok(inner)
}

fn check_schema(part: Part<'_>, schema: &Schema) -> Read<()> {
    let (_, _, bytes) = part;
    if bytes == schema.to_json().as_bytes() {
        return Ok(());
    }
    let own = read_schema(part)?;
    Err(SnapshotError::OtherSchema { differences: schemas::differences(&own, schema) })
}

fn read_schema(part: Part<'_>) -> Read<Schema> {
    Schema::from_json_bytes(part.2).map_err(|errors| {
        let first = errors.faults().first().map(ToString::to_string).unwrap_or_default();
        Reader::new(part).fault(format!("it cannot be read: {first}"))
    })
}

fn read_book(part: Part<'_>) -> Read<(u64, u32, Policy)> {
    let mut reader = Reader::new(part);
    let version = reader.u64()?;
    let chunk_rows = reader.u32()?;
    if chunk_rows == 0 || chunk_rows > MAX_CHUNK_ROWS {
        return Err(reader.fault(format!("chunks cannot have up to {chunk_rows} rows")));
    }
    let policy = policies::read(&mut reader)?;
    reader.finish()?;
    Ok((version, chunk_rows, policy))
}

struct Accounts {
    // Boxed, since there may be as many empty slots as there are bytes.
    chunks: Vec<Option<Box<Draft>>>,
    trunk: Vec<u32>,
    index: TagIndex,
}

fn read_accounts(part: Part<'_>, schema: &Schema, chunk_rows: u32) -> Read<Accounts> {
    let mut reader = Reader::new(part);
    let slots = reader.count(4)?;
    let rows_of = reader.u32s(slots)?;
    let accounts = rows_of.iter().fold(0_usize, |sum, rows| sum.saturating_add(*rows as usize));
    if rows_of.iter().any(|rows| *rows > chunk_rows) || accounts > MAX_ACCOUNTS || slots > MAX_ACCOUNTS {
        return Err(reader.fault("more rows than a chunk or a book may have"));
    }
    let trunk = reader.count(4)?;
    let trunk = reader.u32s(trunk)?;
    let mut chunks: Vec<Option<Box<Draft>>> = Vec::with_capacity(slots);
    // Hash and slot of each account, in order.
    let mut entries: Vec<(u64, u32)> = Vec::new();
    for (slot, rows) in (0_u32..).zip(&rows_of) {
        chunks.push(match rows {
            0 => None,
            _ => Some(Box::new(read_draft(&mut reader, schema, *rows, slot, &mut entries)?)),
        });
    }
    reader.finish()?;
    structure::check(&reader, &chunks, &trunk)?;
    let index = TagIndex::build(entries.iter().copied());
    let id = |slot: u32, row: usize| {
        let draft = chunks.get(slot as usize)?.as_ref()?;
        draft.shape.id(u32::try_from(row).ok()?)
    };
    if let Some(id) = structure::repeated_id(&index, &entries, id) {
        return Err(reader.fault(format!("`{id}` stands twice")));
    }
    Ok(Accounts { chunks, trunk, index })
}

fn read_draft(
    reader: &mut Reader<'_>,
    schema: &Schema,
    rows: u32,
    slot: u32,
    entries: &mut Vec<(u64, u32)>,
) -> Read<Draft> {
    let at = reader.at();
    let count = rows as usize;
    let home = match (reader.u32()?, reader.u32()?) {
        (NONE, NONE) => None,
        (slot, row) => Some(AccountIdx::new(slot, row)),
    };
    let limbs = reader.count(12)?;
    let (anchors, befores) = (reader.u32s(limbs)?, reader.u32s(limbs)?);
    let slots = reader.u32s(limbs)?;
    let limbs = anchors.into_iter().zip(befores).zip(slots);
    let limbs = limbs.map(|((anchor, before), slot)| Limb { anchor, before, slot }).collect();
    let parents = reader.u16s(count)?;
    if let Some((row, _)) =
        (0_usize..).zip(&parents).find(|(row, parent)| **parent != NO_ROW && usize::from(**parent) >= *row)
    {
        return Err(reader.fault(format!("row {row} stands before its parent")));
    }
    let parents = parents.into_iter().map(|up| if up == NO_ROW { NONE } else { u32::from(up) }).collect();
    let kinds = reader.u16s(count)?;
    let types = schema.account_types().len();
    if let Some(kind) = kinds.iter().find(|kind| usize::from(**kind) >= types) {
        return Err(reader.fault(format!("the schema has no account type {kind}")));
    }
    let products = match reader.u8()? {
        0 => Vec::new(),
        1 => reader.u16s(count)?,
        other => return Err(reader.fault(format!("{other} says nothing about products"))),
    };
    let known = schema.products().len();
    if let Some(product) = products.iter().find(|p| **p != NO_PRODUCT && usize::from(**p) >= known) {
        return Err(reader.fault(format!("the schema has no product {product}")));
    }
    if !products.is_empty() && products.iter().all(|product| *product == NO_PRODUCT) {
        return Err(reader.fault("no account names a product where some are said to"));
    }
    let ids = reader.strings(count)?;
    let texts = || (0..count).filter_map(|row| ids.get(row));
    for id in texts() {
        AccountId::check(id).map_err(|error| reader.fault(error.to_string()))?;
    }
    let first = entries.len();
    entries.extend(texts().map(|id| (hash_of(id), slot)));
    let hashes = entries.iter().skip(first).map(|entry| entry.0);
    let shape = Shape::build(texts(), hashes, parents, kinds, products);
    Ok(Draft { at, shape, home, limbs })
}

type Columns = Vec<Option<Arc<Block>>>;

// One entry for each chunk.
fn read_values(part: Part<'_>, schema: &Schema, chunks: &[Option<Box<Draft>>]) -> Read<Vec<Columns>> {
    let mut reader = Reader::new(part);
    let mut all = Vec::new();
    for draft in chunks.iter().flatten() {
        let rows = draft.shape.rows() as usize;
        let mut own = Columns::new();
        for attribute in schema.attributes() {
            own.push(blocks::read(&mut reader, attribute, rows)?.map(Arc::new));
        }
        all.push(own);
    }
    reader.finish()?;
    Ok(all)
}

type Tables = Vec<Option<Arc<TableBlock>>>;

// One entry for each chunk, and the index of each table.
fn read_child_rows(
    part: Part<'_>,
    schema: &Schema,
    chunks: &[Option<Box<Draft>>],
) -> Read<(Vec<Tables>, Vec<Arc<TagIndex>>)> {
    let mut reader = Reader::new(part);
    let mut entries: Vec<Vec<(u64, u32)>> = schema.tables().map(|_| Vec::new()).collect();
    let (mut all, mut slots): (Vec<Tables>, Vec<u32>) = (Vec::new(), Vec::new());
    for (slot, draft) in (0_u32..).zip(chunks) {
        let Some(draft) = draft else { continue };
        let accounts = draft.shape.rows() as usize;
        let mut own = Tables::new();
        for (table, entries) in schema.tables().zip(&mut entries) {
            own.push(read_table(&mut reader, table, accounts, slot, entries)?.map(Arc::new));
        }
        all.push(own);
        slots.push(slot);
    }
    reader.finish()?;
    let mut indexes = Vec::new();
    for ((number, table), entries) in schema.tables().enumerate().zip(&entries) {
        let index = TagIndex::build(entries.iter().copied());
        let tables_of = |slot: u32| all.get(slots.binary_search(&slot).ok()?);
        let id = |slot: u32, row: usize| tables_of(slot)?.get(number)?.as_ref()?.id(row);
        if let Some(id) = structure::repeated_id(&index, entries, id) {
            return Err(reader.fault(format!("`{id}` stands twice in `{}`", table.name())));
        }
        indexes.push(Arc::new(index));
    }
    Ok((all, indexes))
}

fn read_table(
    reader: &mut Reader<'_>,
    table: &ChildTable,
    accounts: usize,
    slot: u32,
    entries: &mut Vec<(u64, u32)>,
) -> Read<Option<TableBlock>> {
    let at = reader.at();
    let rows = reader.count(4)?;
    if rows == 0 {
        return Ok(None);
    }
    let fault =
        |reader: &Reader<'_>, what: String| reader.fault_at(at, format!("`{}`: {what}", table.name()));
    if entries.len() + rows > MAX_CHILD_ROWS {
        return Err(fault(reader, format!("more than {MAX_CHILD_ROWS} rows")));
    }
    let mut starts = Vec::with_capacity(accounts + 1);
    starts.push(0);
    starts.extend(reader.u32s(accounts)?);
    let ascending = starts.windows(2).all(|pair| matches!(pair, [a, b] if a <= b));
    if !ascending || starts.last().map(|end| *end as usize) != Some(rows) {
        return Err(fault(reader, "rows do not belong to accounts one after the other".to_owned()));
    }
    let ids = reader.strings(rows)?;
    for pair in starts.windows(2) {
        let [start, end] = pair else { continue };
        let mut before = "";
        for id in (*start..*end).filter_map(|row| ids.get(row as usize)) {
            ChildId::check(id).map_err(|error| fault(reader, error.to_string()))?;
            if id <= before {
                return Err(fault(reader, format!("`{id}` stands after `{before}`")));
            }
            before = id;
        }
    }
    let mut columns = Columns::new();
    for column in table.columns() {
        columns.push(blocks::read(reader, column, rows)?.map(Arc::new));
    }
    let first = entries.len();
    entries.extend((0..rows).filter_map(|row| ids.get(row)).map(|id| (hash_of(id), slot)));
    let hashes = entries.iter().skip(first).map(|entry| entry.0);
    Ok(Some(TableBlock::from_parts(starts, ids, hashes, columns)))
}
