//! What of a book is written, and in which order?
//!
//! What cannot be derived: shapes, where chunks hang, columns, child rows and what is held. Indexes are
//! left out. Empty slots are kept, since later changes fill them.

use super::sections::{BookSection, FORMAT};
use super::writer::Writer;
use super::{blocks, encode_held, history, policies};
use crate::book::{Chunk, Inner};
use crate::tree::{NO_PRODUCT, NONE};

/// No local parent, in the 16 bits of a row of a chunk.
pub(super) const NO_ROW: u16 = u16::MAX;

pub(super) fn encode(inner: &Inner) -> Vec<u8> {
    let estimate = inner.chunks.iter().flatten().map(|chunk| chunk.bytes()).sum();
    FORMAT.assemble(estimate, |section, bytes| {
        let mut out = Writer(bytes);
        match section {
            BookSection::Schema => out.0.extend(inner.schema.to_json().as_bytes()),
            BookSection::Book => book(&mut out, inner),
            BookSection::Accounts => accounts(&mut out, inner),
            BookSection::Values => {
                for block in inner.chunks.iter().flatten().flat_map(|chunk| &chunk.columns) {
                    blocks::write(&mut out, block.as_deref());
                }
            }
            BookSection::ChildRows => {
                inner.chunks.iter().flatten().for_each(|chunk| child_rows(&mut out, chunk));
            }
            BookSection::Held => encode_held::write(&mut out, &inner.schema, &inner.held),
            BookSection::Successions => history::write(&mut out, &inner.successions),
        }
    })
}

fn book(out: &mut Writer<'_>, inner: &Inner) {
    out.u64(inner.version);
    out.u32(inner.chunk_rows);
    policies::write(out, &inner.policy);
}

fn accounts(out: &mut Writer<'_>, inner: &Inner) {
    out.count(inner.chunks.len());
    let rows: Vec<u32> =
        inner.chunks.iter().map(|chunk| chunk.as_ref().map_or(0, |chunk| chunk.shape.rows())).collect();
    out.u32s(rows.into_iter());
    out.count(inner.trunk.len());
    out.u32s(inner.trunk.iter().copied());
    for chunk in inner.chunks.iter().flatten() {
        let shape = &chunk.shape;
        out.u32(chunk.home.map_or(NONE, |home| home.slot));
        out.u32(chunk.home.map_or(NONE, |home| home.row));
        out.count(chunk.limbs.len());
        out.u32s(chunk.limbs.iter().map(|limb| limb.anchor));
        out.u32s(chunk.limbs.iter().map(|limb| limb.before));
        out.u32s(chunk.limbs.iter().map(|limb| limb.slot));
        // A chunk has fewer rows than there are numbers of 16 bits.
        out.u16s(shape.parents().iter().map(|parent| u16::try_from(*parent).unwrap_or(NO_ROW)));
        let rows = 0..shape.rows();
        out.u16s(Counted(rows.clone().map(|row| shape.kind(row)), shape.rows()));
        let products = rows.clone().any(|row| shape.product(row).is_some());
        out.u8(u8::from(products));
        if products {
            out.u16s(Counted(rows.map(|row| shape.product(row).unwrap_or(NO_PRODUCT)), shape.rows()));
        }
        out.strings(shape.ids());
    }
}

fn child_rows(out: &mut Writer<'_>, chunk: &Chunk) {
    for table in &chunk.tables {
        let Some(table) = table else {
            out.count(0);
            continue;
        };
        out.count(table.rows());
        // Where the rows of each account end: where those of the next one start.
        out.u32s(table.starts().get(1..).unwrap_or_default().iter().copied());
        out.strings(table.ids());
        table.columns.iter().for_each(|block| blocks::write(out, block.as_deref()));
    }
}

/// The numbers of so many rows; a range of `u32` does not know its length.
struct Counted<I>(I, u32);

impl<I: Iterator<Item = u16>> Iterator for Counted<I> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.1 as usize, Some(self.1 as usize))
    }
}

impl<I: Iterator<Item = u16>> ExactSizeIterator for Counted<I> {}
