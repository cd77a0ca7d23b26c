//! How is what the tree does not show written?
//!
//! Row by row: these are few. Names of the schema are written as text, values as their attribute stores
//! them.

use std::sync::Arc;

use super::policies::write_fault;
use super::writer::Writer;
use crate::book::{Held, HeldAccount, HeldChild, HeldReason};
use crate::column::{Raw, raw_of};
use crate::model::{AccountId, Attribute, AttributeType, Currency, ParentLink, Schema, Value};

pub(super) fn write(out: &mut Writer<'_>, schema: &Schema, held: &Held) {
    out.count(held.accounts.len());
    for HeldAccount { row, reason, unfit } in held.accounts.values() {
        out.text(row.id.as_str());
        links(out, &row.parents);
        out.text(&row.account_type);
        option(out, row.product.as_deref());
        values(out, &row.values, |name| schema.attribute(name).and_then(|id| schema.attribute_at(id)));
        match reason {
            HeldReason::Fault(kind) => {
                option(out, None);
                write_fault(out, *kind);
            }
            HeldReason::Below(above) => option(out, Some(above.as_str())),
        }
        out.count(unfit.len());
        unfit.iter().for_each(|name| out.text(name));
    }
    out.count(held.superseded.len());
    for row in held.superseded.iter() {
        out.text(&row.table);
        out.text(&row.id);
        write_fault(out, row.reason);
    }
    out.count(held.children.len());
    for (waits, rows) in held.children.iter() {
        option(out, waits.as_ref().map(AccountId::as_str));
        out.count(rows.len());
        for HeldChild { table, row, reason } in rows {
            out.text(table);
            out.text(row.id.as_str());
            option(out, row.account.as_ref().map(AccountId::as_str));
            let table = schema.table(table).and_then(|id| schema.table_at(id));
            values(out, &row.values, |name| table?.column_at(table?.column_id(name)?));
            write_fault(out, *reason);
        }
    }
    out.count(held.links.len());
    for (account, parents) in &held.links {
        out.text(account.as_str());
        links(out, parents);
    }
    out.count(held.adopted.len());
    for (account, kind) in &held.adopted {
        out.text(account.as_str());
        write_fault(out, *kind);
    }
}

fn option(out: &mut Writer<'_>, text: Option<&str>) {
    out.u8(u8::from(text.is_some()));
    if let Some(text) = text {
        out.text(text);
    }
}

fn links(out: &mut Writer<'_>, links: &[ParentLink]) {
    out.count(links.len());
    for link in links {
        out.u32(link.rank);
        out.text(link.parent.as_str());
    }
}

fn values<'s>(
    out: &mut Writer<'_>,
    values: &[(Arc<str>, Value)],
    attribute: impl Fn(&str) -> Option<&'s Attribute>,
) {
    // Every value was accepted by its attribute, so none is left out.
    let raw = |(name, value): &(Arc<str>, Value)| {
        let attribute = attribute(name)?;
        let currency = match (attribute.kind(), value) {
            (AttributeType::MixedMoney { .. }, Value::Money(money)) => Some(money.currency()),
            _ => None,
        };
        Some((Arc::clone(name), raw_of(value, attribute)?, currency))
    };
    let stored: Vec<(Arc<str>, Raw<'_>, Option<Currency>)> = values.iter().filter_map(raw).collect();
    out.count(stored.len());
    for (name, raw, currency) in stored {
        out.text(&name);
        match raw {
            Raw::Bool(value) => out.u8(u8::from(value)),
            Raw::I64(value) => out.i64(value),
            Raw::F64(value) => out.f64(value),
            Raw::I32(value) => out.i32(value),
            Raw::Code(value) => out.u16(value),
            Raw::Text(value) => out.text(&value),
            Raw::List(items) => {
                out.count(items.len());
                items.iter().for_each(|item| out.text(item));
            }
        }
        if let Some(currency) = currency {
            out.text(currency.code());
        }
    }
}
