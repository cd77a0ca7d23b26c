//! How is what happened written, apart from when, where and by whom?

use std::sync::Arc;

use crate::aggregate::UsageSchema;
use crate::aggregate::usage::what::{What, put_cell, put_name};
use crate::book::{Read, Reader};
use crate::expr::{Bits, Cell};
use crate::model::AttributeType;

/// The bytes of one, which also say in which order they are written.
pub(super) fn bytes_of(what: &What) -> Vec<u8> {
    let mut bytes = what.kind.to_le_bytes().to_vec();
    put_name(&mut bytes, what.module.as_deref());
    put_name(&mut bytes, what.action.as_deref());
    what.properties.iter().for_each(|cell| put_cell(&mut bytes, cell));
    bytes
}

pub(super) fn read(reader: &mut Reader<'_>, schema: &UsageSchema) -> Read<What> {
    let at = reader.at();
    let kind = reader.u16()?;
    let Some(declared) = schema.at(kind) else {
        return Err(reader.fault_at(at, format!("there is no event with the number {kind}")));
    };
    let mut name =
        || -> Read<Option<Arc<str>>> {
            let at = reader.at();
            match reader.u8()? {
                0 => Ok(None),
                1 => Ok(Some(Arc::from(reader.text()?))),
                other => Err(reader
                    .fault_at(at, format!("{other} says neither that a name follows nor that none does"))),
            }
        };
    let (module, action) = (name()?, name()?);
    let cells = declared.properties().map(|property| read_cell(reader, property.kind()));
    let properties = cells.collect::<Read<Box<[Cell]>>>()?;
    Ok(What { kind, module, action, properties })
}

fn read_cell(reader: &mut Reader<'_>, kind: &AttributeType) -> Read<Cell> {
    let at = reader.at();
    let tag = reader.u8()?;
    let cell = match tag {
        0 => Cell::Missing,
        1 => match reader.u8()? {
            0 => Cell::Bool(false),
            1 => Cell::Bool(true),
            other => return Err(reader.fault_at(at, format!("{other} is neither true nor false"))),
        },
        2 => Cell::Int(reader.i64()?),
        3 => Cell::Wide(reader.i128()?),
        4 => {
            let double = reader.f64()?;
            // There is one zero, and nothing that is no number.
            if !double.is_finite() || double.to_bits() != Bits::new(double).get().to_bits() {
                return Err(reader.fault_at(at, "a double that no event has"));
            }
            Cell::Double(Bits::new(double))
        }
        5 => Cell::Text(Arc::from(reader.text()?)),
        other => return Err(reader.fault_at(at, format!("there is no kind of value {other}"))),
    };
    let fits = match (&cell, kind) {
        (Cell::Missing, _)
        | (Cell::Bool(_), AttributeType::Bool)
        | (Cell::Int(_), AttributeType::Int | AttributeType::Timestamp | AttributeType::Duration)
        | (Cell::Wide(_), AttributeType::Decimal { .. } | AttributeType::Money(_))
        | (Cell::Text(_), AttributeType::Text)
        | (Cell::Double(_), AttributeType::Double) => true,
        (Cell::Int(days), AttributeType::Date) => {
            i32::try_from(*days).is_ok_and(|days| crate::model::Date::from_days(days).is_some())
        }
        (Cell::Int(code), AttributeType::Enum(values) | AttributeType::Band(values)) => {
            usize::try_from(*code).is_ok_and(|code| code < values.len())
        }
        _ => false,
    };
    if fits { Ok(cell) } else { Err(reader.fault_at(at, "a value does not fit its property")) }
}
