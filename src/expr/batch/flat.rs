//! Answers for all rows of a view, one after the other.

use std::sync::Arc;

use crate::expr::term::{Bits, Cell};
use crate::expr::value::Val;

/// The answers to one term for rows of all chunks side by side.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Flat {
    Truth(Vec<Option<bool>>),
    Int(Vec<Option<i64>>),
    Wide(Vec<Option<i128>>),
    Double(Vec<Option<f64>>),
    Text(Vec<Option<Arc<str>>>),
    /// Lists, and what has no value anywhere.
    Cells(Vec<Cell>),
}

impl Flat {
    pub(crate) fn val(&self, row: usize) -> Val<'_> {
        match self {
            Self::Truth(rows) => rows.get(row).copied().flatten().map_or(Val::Missing, Val::Bool),
            Self::Int(rows) => Val::int(rows.get(row).copied().flatten()),
            Self::Wide(rows) => Val::wide(rows.get(row).copied().flatten()),
            Self::Double(rows) => rows.get(row).copied().flatten().map_or(Val::Missing, Val::Double),
            Self::Text(rows) => {
                rows.get(row).and_then(Option::as_ref).map_or(Val::Missing, |text| Val::Text(text))
            }
            Self::Cells(rows) => rows.get(row).map_or(Val::Missing, Val::of_cell),
        }
    }

    /// The answers that cells give; one type where they have one.
    pub(crate) fn of_cells(cells: Vec<Cell>) -> Self {
        macro_rules! all {
            ($kind:ident, $flat:ident, $of:expr) => {
                if cells.iter().all(|cell| matches!(cell, Cell::Missing | Cell::$kind(_))) {
                    let rows = cells.into_iter().map(|cell| match cell {
                        Cell::$kind(value) => Some($of(value)),
                        _ => None,
                    });
                    return Self::$flat(rows.collect());
                }
            };
        }
        match cells.iter().find(|cell| **cell != Cell::Missing) {
            Some(Cell::Bool(_)) => all!(Bool, Truth, |value| value),
            Some(Cell::Int(_)) => all!(Int, Int, |value| value),
            Some(Cell::Wide(_)) => all!(Wide, Wide, |value| value),
            Some(Cell::Double(_)) => all!(Double, Double, Bits::get),
            Some(Cell::Text(_)) => all!(Text, Text, |value| value),
            _ => {}
        }
        Self::Cells(cells)
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Truth(rows) => rows.len(),
            Self::Int(rows) => rows.len(),
            Self::Wide(rows) => rows.len(),
            Self::Double(rows) => rows.len(),
            Self::Text(rows) => rows.len(),
            Self::Cells(rows) => rows.len(),
        }
    }

    /// Parts one after the other. A part without any value fits every other.
    pub(crate) fn joined(parts: Vec<Self>) -> Self {
        macro_rules! joined {
            ($variant:ident) => {{
                let rows = parts.iter().map(Self::len).sum();
                let mut all = Vec::with_capacity(rows);
                for part in parts {
                    match part {
                        Self::$variant(mut rows) => all.append(&mut rows),
                        other => all.resize(all.len() + other.len(), None),
                    }
                }
                Self::$variant(all)
            }};
        }
        let has_values = |part: &&Self| !matches!(part, Self::Cells(cells) if cells.iter().all(|cell| *cell == Cell::Missing));
        let mut kinds = parts.iter().filter(has_values).map(std::mem::discriminant);
        let first = kinds.next();
        let alike = kinds.all(|kind| Some(kind) == first);
        match parts.iter().find(has_values) {
            Some(Self::Truth(_)) if alike => joined!(Truth),
            Some(Self::Int(_)) if alike => joined!(Int),
            Some(Self::Wide(_)) if alike => joined!(Wide),
            Some(Self::Double(_)) if alike => joined!(Double),
            Some(Self::Text(_)) if alike => joined!(Text),
            _ => {
                let cells = parts.iter().flat_map(|part| {
                    (0..part.len()).map(|row| part.val(row).to_cell().unwrap_or(Cell::Missing))
                });
                Self::of_cells(cells.collect())
            }
        }
    }

    /// Some rows, side by side.
    pub(crate) fn slice(&self, rows: std::ops::Range<usize>) -> Self {
        match self {
            Self::Truth(all) => Self::Truth(all.get(rows).unwrap_or_default().to_vec()),
            Self::Int(all) => Self::Int(all.get(rows).unwrap_or_default().to_vec()),
            Self::Wide(all) => Self::Wide(all.get(rows).unwrap_or_default().to_vec()),
            Self::Double(all) => Self::Double(all.get(rows).unwrap_or_default().to_vec()),
            Self::Text(all) => Self::Text(all.get(rows).unwrap_or_default().to_vec()),
            Self::Cells(all) => Self::Cells(all.get(rows).unwrap_or_default().to_vec()),
        }
    }

    /// With the answers of some rows replaced.
    pub(crate) fn with(&self, edits: &[(usize, Cell)]) -> Self {
        macro_rules! with {
            ($rows:expr, $kind:ident, $flat:ident, $of:expr) => {
                if edits.iter().all(|(_, cell)| matches!(cell, Cell::Missing | Cell::$kind(_))) {
                    let mut rows = $rows.clone();
                    for (row, cell) in edits {
                        if let Some(place) = rows.get_mut(*row) {
                            *place = match cell {
                                Cell::$kind(value) => Some($of(value.clone())),
                                _ => None,
                            };
                        }
                    }
                    return Self::$flat(rows);
                }
            };
        }
        match self {
            Self::Truth(rows) => with!(rows, Bool, Truth, |value| value),
            Self::Int(rows) => with!(rows, Int, Int, |value| value),
            Self::Wide(rows) => with!(rows, Wide, Wide, |value| value),
            Self::Double(rows) => with!(rows, Double, Double, Bits::get),
            Self::Text(rows) => with!(rows, Text, Text, |value| value),
            Self::Cells(_) => {}
        }
        let mut cells: Vec<Cell> =
            (0..self.len()).map(|row| self.val(row).to_cell().unwrap_or(Cell::Missing)).collect();
        for (row, cell) in edits {
            if let Some(place) = cells.get_mut(*row) {
                *place = cell.clone();
            }
        }
        Self::of_cells(cells)
    }

    /// Is the answer of a row that of a row of others? A missing answer is like any other that is missing.
    pub(crate) fn is_same(&self, row: usize, other: &Self, at: usize) -> bool {
        match (self, other) {
            (Self::Truth(own), Self::Truth(others)) => own.get(row) == others.get(at),
            (Self::Int(own), Self::Int(others)) => own.get(row) == others.get(at),
            (Self::Wide(own), Self::Wide(others)) => own.get(row) == others.get(at),
            (Self::Text(own), Self::Text(others)) => own.get(row) == others.get(at),
            (Self::Double(own), Self::Double(others)) => {
                let bits = |double: &Option<f64>| double.map(Bits::new);
                own.get(row).map(bits) == others.get(at).map(bits)
            }
            _ => {
                let cell = |flat: &Self, row| flat.val(row).to_cell().unwrap_or(Cell::Missing);
                cell(self, row) == cell(other, at)
            }
        }
    }

    /// Bytes on the heap; texts and lists are counted by their handles.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Truth(rows) => size_of_val(&**rows),
            Self::Int(rows) => size_of_val(&**rows),
            Self::Wide(rows) => size_of_val(&**rows),
            Self::Double(rows) => size_of_val(&**rows),
            Self::Text(rows) => size_of_val(&**rows),
            Self::Cells(rows) => size_of_val(&**rows),
        }
    }

    /// The answers of other rows: `from` says which row each takes; none takes `u32::MAX`.
    pub(crate) fn gathered(&self, from: &[u32]) -> Self {
        fn pick<T: Clone>(rows: &[Option<T>], from: &[u32]) -> Vec<Option<T>> {
            from.iter().map(|row| rows.get(*row as usize).cloned().flatten()).collect()
        }
        match self {
            Self::Truth(rows) => Self::Truth(pick(rows, from)),
            Self::Int(rows) => Self::Int(pick(rows, from)),
            Self::Wide(rows) => Self::Wide(pick(rows, from)),
            Self::Double(rows) => Self::Double(pick(rows, from)),
            Self::Text(rows) => Self::Text(pick(rows, from)),
            Self::Cells(rows) => {
                let pick = |row: &u32| rows.get(*row as usize).cloned().unwrap_or(Cell::Missing);
                Self::Cells(from.iter().map(pick).collect())
            }
        }
    }
}
