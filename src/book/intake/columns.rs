//! How do the cells of a batch become values of a column, and which do not fit?

use std::borrow::Cow;

use crate::column::{Raw, Staging, raw_of};
use crate::model::limits::{MAX_INT, MAX_UNITS};
use crate::model::{Attribute, AttributeType, Date, Timestamp, ValueFaultKind};
use crate::source::{Cell, Cells};

/// Adds the cells of a batch to a column; a cell that does not fit is missing and reported by row.
pub(super) fn push_cells(
    column: &mut Staging,
    cells: &Cells,
    attribute: &Attribute,
    fault: &mut dyn FnMut(usize, ValueFaultKind),
) {
    let units = |cell: &Option<i64>| cell.filter(|u| (-MAX_UNITS..=MAX_UNITS).contains(u));
    // The usual cases, a column of one kind for an attribute of that kind, without a tag per cell.
    match (attribute.kind(), cells) {
        (AttributeType::Int, Cells::Int(values))
            if values.iter().flatten().all(|v| (-MAX_INT..=MAX_INT).contains(v)) =>
        {
            column.extend_i64(values.iter().copied());
        }
        (AttributeType::Decimal { scale }, Cells::Decimal { scale: own, units: values })
            if scale == own && values.iter().all(|v| units(v) == *v) =>
        {
            column.extend_i64(values.iter().copied());
        }
        (AttributeType::Money(currency), Cells::Money { currency: own, minor })
            if currency == own && minor.iter().all(|v| units(v) == *v) =>
        {
            column.extend_i64(minor.iter().copied());
        }
        (AttributeType::Double, Cells::Double(values)) if values.iter().flatten().all(|v| v.is_finite()) => {
            // Adding zero turns -0.0 into 0.0 and changes nothing else.
            column.extend_f64(values.iter().map(|value| value.map(|v| v + 0.0)));
        }
        (AttributeType::Date, Cells::Date(values)) => {
            column.extend_i32(values.iter().map(|value| value.as_ref().map(Date::days)));
        }
        (AttributeType::Timestamp, Cells::Timestamp(values)) => {
            column.extend_i64(values.iter().map(|value| value.as_ref().map(Timestamp::micros)));
        }
        (AttributeType::Bool, Cells::Bool(values)) => {
            values.iter().for_each(|value| column.push(value.map(Raw::Bool)));
        }
        (AttributeType::Text, Cells::Text(texts)) => {
            for (row, text) in texts.iter().enumerate() {
                let checked = text.map(|t| attribute.check_text(t).map(|()| Raw::Text(Cow::Borrowed(t))));
                push_checked(column, row, checked, fault);
            }
        }
        (AttributeType::Enum(values) | AttributeType::Band(values), Cells::Text(texts)) => {
            let mut last: Option<(&str, u16)> = None;
            for (row, text) in texts.iter().enumerate() {
                let code = |t| match last {
                    Some((known, code)) if known == t => Ok(code),
                    _ => attribute.code_of(values, t).ok_or_else(|| crate::model::not_allowed(values, t)),
                };
                let coded = text.map(code);
                if let (Some(t), Some(Ok(code))) = (text, &coded) {
                    last = Some((t, *code));
                }
                push_checked(column, row, coded.map(|c| c.map(Raw::Code)), fault);
            }
        }
        _ => {
            for row in 0..cells.len() {
                let checked = accept(cells.cell(row), attribute);
                push_checked(column, row, checked, fault);
            }
        }
    }
}

fn push_checked(
    column: &mut Staging,
    row: usize,
    cell: Option<Result<Raw<'_>, ValueFaultKind>>,
    fault: &mut dyn FnMut(usize, ValueFaultKind),
) {
    match cell {
        Some(Ok(raw)) => column.push(Some(raw)),
        Some(Err(kind)) => {
            column.push(None);
            fault(row, kind);
        }
        None => column.push(None),
    }
}

/// A cell as an attribute stores it; `None` when there is no value.
fn accept(cell: Cell, attribute: &Attribute) -> Option<Result<Raw<'static>, ValueFaultKind>> {
    match cell {
        Cell::Absent | Cell::Null => None,
        Cell::Unreadable { text, expected, reason } => {
            Some(Err(ValueFaultKind::Unreadable { expected, text, reason }))
        }
        Cell::Value(value) => Some(attribute.accept(value).and_then(|accepted| {
            let out_of_range = || ValueFaultKind::OutOfRange { text: accepted.to_string() };
            raw_of(&accepted, attribute).ok_or_else(out_of_range)
        })),
    }
}

/// Adds the ids of a batch to a column; a row without one, or with an empty text, names none.
pub(super) fn push_ids(column: &mut Staging, cells: Option<&Cells>, rows: usize) {
    match cells {
        // Empty text is no id: where a parent or an account is named, it names none.
        Some(Cells::Text(texts)) => {
            for text in texts.iter() {
                column.push(text.filter(|t| !t.is_empty()).map(|t| Raw::Text(Cow::Borrowed(t))));
            }
        }
        _ => {
            for row in 0..rows {
                column.push(
                    cells
                        .and_then(|cells| cells.name_at(row))
                        .filter(|t| !t.is_empty())
                        .map(|t| Raw::Text(Cow::Owned(t.into_owned()))),
                );
            }
        }
    }
}
