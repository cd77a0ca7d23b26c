//! Which row was which, where a change has packed accounts anew?
//!
//! A move rebuilds the chunks that accounts leave and enter. Most of their rows still stand side by side as they did: what is
//! known of them is carried over in runs, and pages that are where they were are shared.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::column::{Column, PAGE, Page, Part};
use super::sums::Sums;
use crate::aggregate::LinearOf;
use crate::book::Book;
use crate::column::{Bitmap, Bits};
use crate::expr::{Cell, Flat};
use crate::model::AccountIdx;

/// Rows that stood side by side before, too; or that are of accounts that were not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The first of them.
    pub(super) first: u32,
    pub(super) rows: u32,
    /// Where the first one stood.
    pub(super) from: Option<AccountIdx>,
}

impl Run {
    pub(super) fn range(&self) -> Range<u32> {
        self.first..self.first + self.rows
    }

    /// Where one of them stood.
    pub(super) fn origin(&self, row: u32) -> Option<AccountIdx> {
        self.from.map(|from| AccountIdx::new(from.slot, from.row + (row - self.first)))
    }
}

/// The rows of slots whose accounts are others now, or stand in other rows.
#[derive(Debug, Default)]
pub(super) struct Carry {
    runs: BTreeMap<u32, Vec<Run>>,
}

/// Some rows of one part, or of none.
type Piece<'p> = (Option<&'p Part>, Range<usize>);

impl Carry {
    /// Of the rebuilt slots of a newer book.
    pub(super) fn new(old: &Book, new: &Book, rebuilt: &[u32]) -> Self {
        let runs = rebuilt.iter().map(|slot| (*slot, runs(old, new, *slot))).collect();
        Self { runs }
    }

    /// Do all rows stand where they stood?
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The runs of a slot.
    pub(super) fn runs(&self, slot: u32) -> &[Run] {
        self.runs.get(&slot).map_or(&[], Vec::as_slice)
    }

    /// All runs.
    pub(super) fn all(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().flatten()
    }

    /// Where an account of the newer book stood in the older one.
    pub(super) fn origin(&self, place: AccountIdx) -> Option<AccountIdx> {
        let Some(runs) = self.runs.get(&place.slot) else { return Some(place) };
        let after = runs.partition_point(|run| run.first <= place.row);
        runs.get(after.checked_sub(1)?)?.origin(place.row)
    }

    /// What is known of the accounts of the older book, where they stand in the newer one; nothing of those that were not
    /// there.
    pub(super) fn column(&self, before: &Column, gone: &[u32]) -> Column {
        let mut column = before.clone();
        gone.iter().for_each(|slot| column.set(*slot, None));
        let Some(like) = before.any() else { return column };
        for (slot, runs) in &self.runs {
            column.set(*slot, Some(Arc::new(part(before, runs, like))));
        }
        column
    }
}

fn runs(old: &Book, new: &Book, slot: u32) -> Vec<Run> {
    let Some(chunk) = new.0.chunk(slot) else { return Vec::new() };
    let mut runs: Vec<Run> = Vec::new();
    for row in 0..chunk.shape.rows() {
        let id = chunk.shape.id(row).unwrap_or_default();
        // Most often the next of those that it stood beside.
        let next = runs.last().and_then(|run| run.origin(row));
        let stays = next.is_some_and(|next| {
            old.0.chunk(next.slot).and_then(|chunk| chunk.shape.id(next.row)) == Some(id)
        });
        let from = if stays { next } else { old.0.find(id) };
        match runs.last_mut().filter(|run| stays || run.from.is_none() && from.is_none()) {
            Some(run) => run.rows += 1,
            None => runs.push(Run { first: row, rows: 1, from }),
        }
    }
    runs
}

/// The part of some runs; `like` says of which kind it is where nothing is carried.
fn part(before: &Column, runs: &[Run], like: &Part) -> Part {
    let rows = runs.last().map_or(0, |run| run.range().end) as usize;
    let source = |run: &Run| run.from.and_then(|from| before.part(from.slot)).map(|part| &**part);
    let start = |run: &Run| run.from.map_or(0, |from| from.row as usize);
    let bits = |of: for<'p> fn(&'p Part) -> Bits<'p>| {
        let bits = |run: &Run| source(run).map_or(Bits::All(false), of);
        let pieces = runs.iter().map(|run| (bits(run), start(run), run.rows as usize));
        Arc::new(Bitmap::joined(pieces))
    };
    let pages = || (0..rows).step_by(PAGE).map(|from| from..(from + PAGE).min(rows));
    match like {
        Part::Members(_) => Part::Members(bits(|part| match part {
            Part::Members(bits) => Bits::Of(bits),
            _ => Bits::All(false),
        })),
        Part::Values(like) => {
            let has_counts = like.first().is_some_and(|page| page.counts.is_some());
            Part::Values(pages().map(|page| values(&pieces(before, runs, page), has_counts)).collect())
        }
        Part::Sums(of, _, receives) => {
            // Of another part it may be known that all receive.
            let parts = || runs.iter().filter_map(source);
            let some = |part: &Part| matches!(part, Part::Sums(_, _, Some(_)));
            let receives = (receives.is_some() || parts().any(some)).then(|| {
                bits(|part| match part {
                    Part::Sums(_, _, Some(receives)) => Bits::Of(receives),
                    _ => Bits::All(true),
                })
            });
            let pages = pages().map(|page| sums(&pieces(before, runs, page), of)).collect();
            Part::Sums(of.clone(), pages, receives)
        }
    }
}

/// Where the rows of a page come from, cut at the pages of the older parts.
fn pieces<'p>(before: &'p Column, runs: &[Run], page: Range<usize>) -> Vec<Piece<'p>> {
    let mut pieces = Vec::new();
    let first = runs.partition_point(|run| run.range().end as usize <= page.start);
    for run in runs.iter().skip(first).take_while(|run| (run.first as usize) < page.end) {
        let range = run.range();
        let (from, to) = (page.start.max(range.start as usize), page.end.min(range.end as usize));
        let part = run.from.and_then(|from| before.part(from.slot)).map(|part| &**part);
        let shift = run.from.map_or(0, |start| start.row as usize) + (from - range.start as usize);
        let (mut at, end) = (shift, shift + (to - from));
        while at < end {
            let next = end.min((at / PAGE + 1) * PAGE);
            pieces.push((part, at..next));
            at = next;
        }
    }
    pieces
}

fn values(pieces: &[Piece<'_>], has_counts: bool) -> Arc<Page> {
    let page = |(part, rows): &Piece<'_>| match part {
        Some(Part::Values(pages)) => pages.get(rows.start / PAGE).cloned(),
        _ => None,
    };
    let within = |rows: &Range<usize>| rows.start % PAGE..rows.start % PAGE + rows.len();
    // A whole page that is where it was is shared.
    if let [piece] = pieces
        && let Some(page) = page(piece).filter(|page| within(&piece.1) == (0..page.values.len()))
    {
        return page;
    }
    let flats = pieces.iter().map(|piece| match page(piece) {
        Some(page) => page.values.slice(within(&piece.1)),
        None => Flat::Cells(vec![Cell::Missing; piece.1.len()]),
    });
    let values = Flat::joined(flats.collect());
    let counts = has_counts.then(|| {
        let (mut counted, mut skipped) = (Vec::with_capacity(PAGE), Vec::with_capacity(PAGE));
        for piece in pieces {
            let page = page(piece);
            let of = page.as_ref().and_then(|page| page.counts.as_ref());
            let take = |into: &mut Vec<u32>, from: Option<&Vec<u32>>| {
                let own = from.and_then(|from| from.get(within(&piece.1))).unwrap_or_default();
                into.extend_from_slice(own);
                into.resize(into.len() + piece.1.len() - own.len(), 0);
            };
            take(&mut counted, of.map(|(counted, _)| counted));
            take(&mut skipped, of.map(|(_, skipped)| skipped));
        }
        (counted, skipped)
    });
    Arc::new(Page { values, counts })
}

fn sums(pieces: &[Piece<'_>], of: &LinearOf) -> Arc<Sums> {
    let page = |(part, rows): &Piece<'_>| match part {
        Some(Part::Sums(_, pages, _)) => pages.get(rows.start / PAGE).cloned(),
        _ => None,
    };
    let within = |rows: &Range<usize>| rows.start % PAGE..rows.start % PAGE + rows.len();
    if let [piece] = pieces
        && let Some(page) = page(piece).filter(|page| within(&piece.1) == (0..page.len()))
    {
        return page;
    }
    let own: Vec<(Option<Arc<Sums>>, Range<usize>)> =
        pieces.iter().map(|piece| (page(piece), within(&piece.1))).collect();
    Arc::new(Sums::joined(own.iter().map(|(page, rows)| (page.as_deref(), rows.clone())), of.sums()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_know_where_their_rows_stood() {
        let place = AccountIdx::new;
        let runs = vec![
            Run { first: 0, rows: 3, from: Some(place(7, 0)) },
            Run { first: 3, rows: 2, from: None },
            Run { first: 5, rows: 4, from: Some(place(2, 10)) },
        ];
        let carry = Carry { runs: BTreeMap::from([(7, runs)]) };
        let origins: Vec<_> = (0..9).map(|row| carry.origin(place(7, row))).collect();
        let stood = |slot, row| Some(place(slot, row));
        assert_eq!(
            origins,
            [
                stood(7, 0),
                stood(7, 1),
                stood(7, 2),
                None,
                None,
                stood(2, 10),
                stood(2, 11),
                stood(2, 12),
                stood(2, 13)
            ]
        );
        assert_eq!(carry.origin(place(3, 8)), stood(3, 8), "what was not packed anew");
    }
}
