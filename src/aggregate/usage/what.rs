//! What happened, apart from when, where and by whom?

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use indexmap::Equivalent;

use crate::column::{Raw, raw_of};
use crate::expr::{Bits, Cell};
use crate::model::{Attribute, AttributeType, Value};

/// The kind, module, action and properties that some events share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct What {
    pub(super) kind: u16,
    pub(super) module: Option<Arc<str>>,
    pub(super) action: Option<Arc<str>>,
    /// In declared order.
    pub(super) properties: Box<[Cell]>,
}

/// The same, borrowed from a row on its way in.
#[derive(Debug, Clone, Copy)]
pub(super) struct WhatRef<'a> {
    pub(super) kind: u16,
    pub(super) module: Option<&'a str>,
    pub(super) action: Option<&'a str>,
    pub(super) properties: &'a [Cell],
}

impl What {
    fn borrowed(&self) -> WhatRef<'_> {
        WhatRef {
            kind: self.kind,
            module: self.module.as_deref(),
            action: self.action.as_deref(),
            properties: &self.properties,
        }
    }
}

impl WhatRef<'_> {
    pub(super) fn kept(self) -> What {
        What {
            kind: self.kind,
            module: self.module.map(Arc::from),
            action: self.action.map(Arc::from),
            properties: self.properties.into(),
        }
    }
}

impl Hash for WhatRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.kind, self.module, self.action, self.properties).hash(state);
    }
}

impl Hash for What {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl Equivalent<What> for WhatRef<'_> {
    fn equivalent(&self, other: &What) -> bool {
        let other = other.borrowed();
        (self.kind, self.module, self.action, self.properties)
            == (other.kind, other.module, other.action, other.properties)
    }
}

/// A value that an attribute has accepted, as expressions see it.
pub(super) fn cell_of(value: &Value, attribute: &Attribute) -> Cell {
    match (raw_of(value, attribute), attribute.kind()) {
        (Some(Raw::Bool(v)), _) => Cell::Bool(v),
        (Some(Raw::I64(v)), AttributeType::Decimal { .. } | AttributeType::Money(_)) => Cell::Wide(v.into()),
        (Some(Raw::I64(v)), _) => Cell::Int(v),
        (Some(Raw::F64(v)), _) => Cell::Double(Bits::new(v)),
        (Some(Raw::I32(v)), _) => Cell::Int(v.into()),
        (Some(Raw::Code(v)), _) => Cell::Int(v.into()),
        (Some(Raw::Text(text)), _) => Cell::Text(Arc::from(&*text)),
        _ => Cell::Missing,
    }
}

/// The bytes of a value, by which it is told from every other: what they are of, then the value.
pub(super) fn put_cell(bytes: &mut Vec<u8>, cell: &Cell) {
    match cell {
        // A property is of one value.
        Cell::Missing | Cell::List(_) => bytes.push(0),
        Cell::Bool(value) => bytes.extend([1, u8::from(*value)]),
        Cell::Int(value) => {
            bytes.push(2);
            bytes.extend(value.to_le_bytes());
        }
        Cell::Wide(value) => {
            bytes.push(3);
            bytes.extend(value.to_le_bytes());
        }
        Cell::Double(value) => {
            bytes.push(4);
            bytes.extend(value.get().to_le_bytes());
        }
        Cell::Text(text) => {
            bytes.push(5);
            put_text(bytes, text);
        }
    }
}

/// The bytes of a name that may be missing.
pub(super) fn put_name(bytes: &mut Vec<u8>, name: Option<&str>) {
    bytes.push(u8::from(name.is_some()));
    name.into_iter().for_each(|name| put_text(bytes, name));
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}
