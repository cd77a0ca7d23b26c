//! What does one definition come to, for every account, in many versions at once?

use std::sync::Arc;

use super::dirt::Rows;
use super::sums::Sums;
use crate::aggregate::{Linear, LinearOf, RollUpResult};
use crate::book::{Book, View};
use crate::catalog::Answers;
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
    /// States of which answers are made, for the accounts that receive one: all of them, where nothing is said.
    Sums(LinearOf, Vec<Arc<Sums>>, Option<Arc<Bitmap>>),
    Members(Arc<Bitmap>),
}

/// The answers for some rows side by side, and of a roll-up how many rows are in each.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) values: Flat,
    pub(super) counts: Option<(Vec<u32>, Vec<u32>)>,
}

impl Part {
    /// The answers for the rows of a slot, which begin at `first`.
    pub(super) fn of(answers: &Answers, (slot, first): (u32, usize), rows: usize) -> Self {
        match answers {
            Answers::Members(members) => {
                let found = members.binary_search_by_key(&slot, |(slot, _)| *slot).ok();
                let found = found.and_then(|at| members.get(at)).map(|(_, bits)| bits.clone());
                Self::Members(Arc::new(found.unwrap_or_else(|| Bitmap::zeros(rows))))
            }
            Answers::RollUp(RollUpResult::States(of, states, receives)) => {
                let page = |from: usize| {
                    let range = first + from..first + (from + PAGE).min(rows);
                    Arc::new(Sums::of(states.get(range).unwrap_or_default(), of.sums()))
                };
                let pages = (0..rows).step_by(PAGE).map(page).collect();
                let receives = receives.as_ref().map(|receives| {
                    let receives = |row: usize| receives.get(first + row) == Some(&true);
                    Arc::new(Bitmap::from_fn(rows, receives))
                });
                Self::Sums(of.clone(), pages, receives)
            }
            Answers::RollUp(RollUpResult::Column(column)) => {
                Self::pages(&column.values, Some((&column.counted, &column.skipped)), first, rows)
            }
            Answers::Values(values) => Self::pages(values, None, first, rows),
        }
    }

    fn pages(values: &Flat, counts: Option<(&[u32], &[u32])>, first: usize, rows: usize) -> Self {
        let page = |from: usize| {
            let range = first + from..first + (from + PAGE).min(rows);
            let count = |counts: &[u32]| counts.get(range.clone()).unwrap_or_default().to_vec();
            let counts = counts.map(|(counted, skipped)| (count(counted), count(skipped)));
            Arc::new(Page { values: values.slice(range), counts })
        };
        Self::Values((0..rows).step_by(PAGE).map(page).collect())
    }

    fn page(&self, row: usize) -> Option<&Arc<Page>> {
        match self {
            Self::Values(pages) => pages.get(row / PAGE),
            Self::Sums(..) | Self::Members(_) => None,
        }
    }

    /// The state of a row, whether it is shown or not; `None` where none are kept.
    pub(super) fn state(&self, row: usize) -> Option<Linear> {
        match self {
            Self::Sums(_, pages, _) => pages.get(row / PAGE).map(|page| page.get(row % PAGE)),
            _ => None,
        }
    }

    /// Does a row receive an answer?
    fn receives(&self, row: usize) -> bool {
        match self {
            Self::Sums(_, _, Some(receives)) => receives.get(row),
            _ => true,
        }
    }

    pub(super) fn cell(&self, row: usize) -> Cell {
        match self {
            Self::Members(bits) => Cell::Bool(bits.get(row)),
            Self::Sums(of, ..) => match self.state(row).filter(|_| self.receives(row)) {
                Some(state) => of.value(&state),
                None => Cell::Missing,
            },
            Self::Values(_) => {
                let value = self.page(row).and_then(|page| page.values.val(row % PAGE).to_cell());
                value.unwrap_or(Cell::Missing)
            }
        }
    }

    fn counts(&self, row: usize) -> Option<(u32, u32)> {
        if let Self::Sums(_, pages, _) = self {
            let counts = pages.get(row / PAGE).and_then(|page| page.counts(row % PAGE));
            return if self.receives(row) { counts } else { Some((0, 0)) };
        }
        let (counted, skipped) = self.page(row)?.counts.as_ref()?;
        Some((*counted.get(row % PAGE)?, *skipped.get(row % PAGE)?))
    }

    /// The rows, up to before `rows`, at which two parts differ.
    pub(super) fn differing(&self, other: &Self, rows: usize) -> Vec<u32> {
        let mut found: Vec<usize> = Vec::new();
        let other_part = other;
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
            // Of the same states another operator makes other answers.
            (Self::Sums(of, own, _), Self::Sums(others_of, others, _))
                if own.len() == others.len() && of == others_of =>
            {
                for (at, (own, other)) in own.iter().zip(others).enumerate() {
                    if Arc::ptr_eq(own, other) {
                        continue;
                    }
                    let range = at * PAGE..rows.min((at + 1) * PAGE);
                    let receives = |row: &usize| self.receives(*row) || other_part.receives(*row);
                    let differs = |row: &usize| {
                        own.get(*row % PAGE) != other.get(*row % PAGE)
                            || self.receives(*row) != other_part.receives(*row)
                    };
                    found.extend(range.filter(receives).filter(differs));
                }
            }
            _ => found.extend(0..rows),
        }
        found.into_iter().filter_map(|row| u32::try_from(row).ok()).collect()
    }

    /// Has another part the same states, if both have the same answers? Accounts that receive no answer have a state as well.
    pub(super) fn has_same_states(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sums(_, own, _), Self::Sums(_, others, _)) => {
                let same = |row: usize| {
                    let state = |pages: &[Arc<Sums>]| pages.get(row / PAGE).map(|page| page.get(row % PAGE));
                    state(own) == state(others)
                };
                own.len() == others.len() && (0..own.len() * PAGE).all(same)
            }
            (Self::Sums(..), _) | (_, Self::Sums(..)) => false,
            _ => true,
        }
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
            // Their states are replaced, not their answers.
            Self::Sums(..) => self.clone(),
        }
    }

    /// With the answers and the counts of some rows replaced, in order.
    pub(super) fn with_counted(&self, edits: &[(u32, Cell, (u32, u32))]) -> Self {
        let Self::Values(pages) = self else { return self.clone() };
        let mut pages = pages.clone();
        for same in edits.chunk_by(|a, b| a.0 as usize / PAGE == b.0 as usize / PAGE) {
            let Some((first, ..)) = same.first() else { continue };
            let Some(page) = pages.get_mut(*first as usize / PAGE) else { continue };
            let cells: Vec<(usize, Cell)> =
                same.iter().map(|(row, cell, _)| (*row as usize % PAGE, cell.clone())).collect();
            let mut counts = page.counts.clone();
            if let Some((counted, skipped)) = &mut counts {
                for (row, _, now) in same {
                    let at = *row as usize % PAGE;
                    if let (Some(counted), Some(skipped)) = (counted.get_mut(at), skipped.get_mut(at)) {
                        (*counted, *skipped) = *now;
                    }
                }
            }
            *page = Arc::new(Page { values: page.values.with(&cells), counts });
        }
        Self::Values(pages)
    }

    /// With something added to the states of some rows, in order; and the rows whose answers differ.
    pub(super) fn with_added(&self, added: &[(u32, Linear)]) -> (Self, Vec<u32>) {
        let Self::Sums(of, pages, receives) = self else { return (self.clone(), Vec::new()) };
        let mut pages = pages.clone();
        let mut changed = Vec::new();
        for same in added.chunk_by(|a, b| a.0 as usize / PAGE == b.0 as usize / PAGE) {
            let Some((first, _)) = same.first() else { continue };
            let Some(page) = pages.get_mut(*first as usize / PAGE) else { continue };
            let mut edits: Vec<(usize, Linear)> = Vec::with_capacity(same.len());
            for (row, added) in same {
                let before = page.get(*row as usize % PAGE);
                let mut state = before;
                state.add(added);
                if self.receives(*row as usize) && of.value(&before) != of.value(&state) {
                    changed.push(*row);
                }
                edits.push((*row as usize % PAGE, state));
            }
            *page = Arc::new(page.with(&edits));
        }
        (Self::Sums(of.clone(), pages, receives.clone()), changed)
    }

    /// The answers of all rows.
    fn flats(&self, rows: usize, flats: &mut Vec<Flat>) {
        match self {
            Self::Values(pages) => flats.extend(pages.iter().map(|page| page.values.clone())),
            Self::Sums(..) => flats.push(Flat::of_cells((0..rows).map(|row| self.cell(row)).collect())),
            Self::Members(_) => flats.push(Flat::Cells(vec![Cell::Missing; rows])),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Members(bits) => size_of_val(bits.words()),
            Self::Sums(_, pages, receives) => {
                let receives = receives.as_ref().map_or(0, |bits| size_of_val(bits.words()));
                pages.iter().map(|page| page.bytes() + size_of::<Sums>() + 16).sum::<usize>() + receives
            }
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
    /// Any part, which is of the same kind as all others.
    pub(super) fn any(&self) -> Option<&Part> {
        self.parts.iter().flatten().map(|part| &**part).next()
    }

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
            let rows = book.0.chunk(*slot).map_or(0, |chunk| chunk.shape.rows() as usize);
            match self.part(*slot) {
                Some(part) => part.flats(rows, &mut flats),
                None => flats.push(Flat::Cells(vec![Cell::Missing; rows])),
            }
        }
        Flat::joined(flats)
    }

    /// The members of a segment.
    pub(super) fn members(&self, book: &Book) -> AccountSet {
        let parts = (0_u32..).zip(self.parts.iter());
        let bitmaps = parts.filter_map(|(slot, part)| match part.as_deref()? {
            Part::Members(bits) => Some((slot, bits.clone())),
            Part::Values(_) | Part::Sums(..) => None,
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

    /// Shares the parts that are equal in a column of the same accounts; returns the rows that differ.
    pub(super) fn share_unchanged(&mut self, before: &Self, view: &View) -> Rows {
        let mut differing = Rows::new();
        for slot in before.differing(self) {
            let rows = view.inner().layout.rows(slot);
            let (old, new) = (before.part(slot), self.part(slot));
            let both = old.zip(new);
            let rows = match both {
                Some((old, new)) => old.differing(new, rows),
                None => (0..u32::try_from(rows).unwrap_or(u32::MAX)).collect(),
            };
            let is_shared = rows.is_empty() && both.is_some_and(|(old, new)| old.has_same_states(new));
            let shared = old.filter(|_| is_shared).cloned();
            if !rows.is_empty() {
                differing.insert(slot, rows);
            }
            if shared.is_some() {
                self.set(slot, shared);
            }
        }
        differing
    }

    pub(super) fn bytes(&self) -> usize {
        self.parts.iter().flatten().map(|part| part.bytes()).sum()
    }
}
