//! What does one definition come to, for every account, in many versions at once?

use std::sync::Arc;

use crate::book::Book;
use crate::column::{Bitmap, Shelf};
use crate::expr::{Cell, Flat};
use crate::model::AccountIdx;
use crate::set::AccountSet;

/// Rows of a page: what is copied for one answer that changes.
pub(super) const PAGE: usize = 256;

/// The answers of one definition, by slot. A copy shares everything; a change copies a page and the way to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Column {
    parts: Shelf<Option<Arc<Part>>>,
}

/// The answers for the accounts of one slot.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Values(Vec<Arc<Page>>),
    Members(Arc<Bitmap>),
}

/// The answers for some rows side by side, and of a roll-up how many rows are in each.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) values: Flat,
    pub(super) counts: Option<(Vec<u32>, Vec<u32>)>,
}

/// The answers for rows side by side, on their way into a column.
pub(super) enum Answers {
    Values(Flat, Option<(Vec<u32>, Vec<u32>)>),
    Members(Flat),
}

impl Part {
    /// The answers for some rows of `answers`; `sees` says for which rows there are any.
    pub(super) fn of(answers: &Answers, first: usize, rows: usize, sees: impl Fn(usize) -> bool) -> Self {
        match answers {
            Answers::Members(truths) => {
                let member = |row: usize| {
                    sees(row)
                        && matches!(truths, Flat::Truth(all) if all.get(first + row) == Some(&Some(true)))
                };
                Self::Members(Arc::new(Bitmap::from_fn(rows, member)))
            }
            Answers::Values(values, counts) => {
                let page = |from: usize| {
                    let range = first + from..first + (from + PAGE).min(rows);
                    let count = |counts: &Vec<u32>| counts.get(range.clone()).unwrap_or_default().to_vec();
                    let counts = counts.as_ref().map(|(counted, skipped)| (count(counted), count(skipped)));
                    Arc::new(Page { values: values.slice(range), counts })
                };
                Self::Values((0..rows).step_by(PAGE).map(page).collect())
            }
        }
    }

    fn page(&self, row: usize) -> Option<&Arc<Page>> {
        match self {
            Self::Values(pages) => pages.get(row / PAGE),
            Self::Members(_) => None,
        }
    }

    pub(super) fn cell(&self, row: usize) -> Cell {
        match self {
            Self::Members(bits) => Cell::Bool(bits.get(row)),
            Self::Values(_) => {
                let value = self.page(row).and_then(|page| page.values.val(row % PAGE).to_cell());
                value.unwrap_or(Cell::Missing)
            }
        }
    }

    fn counts(&self, row: usize) -> Option<(u32, u32)> {
        let (counted, skipped) = self.page(row)?.counts.as_ref()?;
        Some((*counted.get(row % PAGE)?, *skipped.get(row % PAGE)?))
    }

    /// The rows, up to before `rows`, at which two parts differ.
    pub(super) fn differing(&self, other: &Self, rows: usize) -> Vec<u32> {
        let mut found: Vec<usize> = Vec::new();
        match (self, other) {
            (Self::Members(own), Self::Members(others)) => {
                let words = own.words().iter().zip(others.words()).enumerate();
                for (at, (own, other)) in words.filter(|(_, (own, other))| own != other) {
                    let mut left = own ^ other;
                    while left != 0 {
                        found.push(at * 64 + left.trailing_zeros() as usize);
                        left &= left - 1;
                    }
                }
            }
            (Self::Values(own), Self::Values(others)) if own.len() == others.len() => {
                for (at, (own, other)) in own.iter().zip(others).enumerate() {
                    if Arc::ptr_eq(own, other) {
                        continue;
                    }
                    let first = at * PAGE;
                    let differs = |row: &usize| {
                        let counts = |page: &Page| {
                            page.counts.as_ref().map(|(counted, skipped)| {
                                (counted.get(*row).copied(), skipped.get(*row).copied())
                            })
                        };
                        !own.values.is_same(*row, &other.values, *row) || counts(own) != counts(other)
                    };
                    found
                        .extend((0..PAGE.min(rows - first.min(rows))).filter(differs).map(|row| first + row));
                }
            }
            _ => found.extend(0..rows),
        }
        found.into_iter().filter_map(|row| u32::try_from(row).ok()).collect()
    }

    /// With the answers of some rows replaced.
    pub(super) fn with(&self, edits: &[(u32, Cell)]) -> Self {
        match self {
            Self::Members(bits) => {
                let mut bits = Bitmap::clone(bits);
                edits.iter().for_each(|(row, cell)| bits.set(*row as usize, *cell == Cell::Bool(true)));
                Self::Members(Arc::new(bits))
            }
            Self::Values(pages) => {
                let mut pages = pages.clone();
                for same in edits.chunk_by(|a, b| a.0 as usize / PAGE == b.0 as usize / PAGE) {
                    let Some((first, _)) = same.first() else { continue };
                    let Some(page) = pages.get_mut(*first as usize / PAGE) else { continue };
                    let edits: Vec<(usize, Cell)> =
                        same.iter().map(|(row, cell)| (*row as usize % PAGE, cell.clone())).collect();
                    *page = Arc::new(Page { values: page.values.with(&edits), counts: page.counts.clone() });
                }
                Self::Values(pages)
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Members(bits) => size_of_val(bits.words()),
            Self::Values(pages) => {
                let page = |page: &Arc<Page>| {
                    let counts = page.counts.as_ref().map_or(0, |(counted, _)| counted.len() * 8);
                    page.values.bytes() + counts + size_of::<Page>() + 16
                };
                pages.iter().map(page).sum()
            }
        }
    }
}

impl Column {
    pub(super) fn part(&self, slot: u32) -> Option<&Arc<Part>> {
        self.parts.get(slot as usize).and_then(Option::as_ref)
    }

    pub(super) fn set(&mut self, slot: u32, part: Option<Arc<Part>>) {
        while self.parts.len() <= slot as usize {
            if part.is_none() {
                return;
            }
            self.parts.push(None);
        }
        if let Some(place) = self.parts.get_mut(slot as usize) {
            *place = part;
        }
    }

    pub(super) fn cell(&self, place: AccountIdx) -> Cell {
        self.part(place.slot).map_or(Cell::Missing, |part| part.cell(place.row as usize))
    }

    pub(super) fn counts(&self, place: AccountIdx) -> Option<(u32, u32)> {
        self.part(place.slot)?.counts(place.row as usize)
    }

    pub(super) fn is_member(&self, place: AccountIdx) -> bool {
        self.cell(place) == Cell::Bool(true)
    }

    /// The answers for the accounts of some slots, in their order.
    pub(super) fn over(&self, slots: &[(u32, u32)], book: &Book) -> Flat {
        let mut flats = Vec::new();
        for (slot, _) in slots {
            match self.part(*slot).map(|part| &**part) {
                Some(Part::Values(pages)) => flats.extend(pages.iter().map(|page| page.values.clone())),
                _ => {
                    let rows = book.0.chunk(*slot).map_or(0, |chunk| chunk.shape.rows());
                    flats.push(Flat::Cells(vec![Cell::Missing; rows as usize]));
                }
            }
        }
        Flat::joined(flats)
    }

    /// The members of a segment.
    pub(super) fn members(&self, book: &Book) -> AccountSet {
        let parts = (0_u32..).zip(self.parts.iter());
        let bitmaps = parts.filter_map(|(slot, part)| match part.as_deref()? {
            Part::Members(bits) => Some((slot, bits.clone())),
            Part::Values(_) => None,
        });
        AccountSet::from_shared(book.0.layout.clone(), bitmaps)
    }

    /// The slots at which two columns may differ.
    pub(super) fn differing(&self, other: &Self) -> Vec<u32> {
        let slots = self.parts.differing(&other.parts);
        let mut slots: Vec<u32> = slots.into_iter().filter_map(|slot| u32::try_from(slot).ok()).collect();
        slots.retain(|slot| match (self.part(*slot), other.part(*slot)) {
            (Some(own), Some(others)) => !Arc::ptr_eq(own, others),
            (None, None) => false,
            _ => true,
        });
        slots
    }

    pub(super) fn bytes(&self) -> usize {
        self.parts.iter().flatten().map(|part| part.bytes()).sum()
    }
}
