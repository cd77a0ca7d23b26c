//! How is what the tree does not show read?
//!
//! Nothing here is found by a walk over the tree, so every row is held against the schema and the restored
//! accounts. Lists that the book keeps in an order must be in that order.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::SnapshotError;
use super::blocks::is_stored;
use super::policies::read_fault;
use super::reader::{Read, Reader};
use crate::book::held::preferred_first;
use crate::book::{Held, HeldAccount, HeldChild, HeldReason, SupersededRow};
use crate::column::{Raw, Storage, value_of};
use crate::model::{
    AccountId, AccountRow, Attribute, AttributeType, ChildId, ChildRow, ChildTable, ColumnId, Money,
    ParentLink, Schema, Value,
};

/// Where an account stands in the restored book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Nowhere,
    Root,
    Below,
}

/// Reads the whole section. `standing` says where an account stands.
pub(super) fn read(
    reader: &mut Reader<'_>,
    schema: &Schema,
    standing: &dyn Fn(&AccountId) -> Standing,
) -> Read<Held> {
    let mut section = HeldSection { reader, schema };
    let mut held = Held::default();
    section.each_in_order("accounts in quarantine", 1, |own, id| {
        let account = own.account(id.clone())?;
        if standing(&id) != Standing::Nowhere {
            return Err(own.reader.fault(format!("`{id}` is held and in the book")));
        }
        held.hold(account);
        Ok(())
    })?;
    held.superseded = Arc::new(section.superseded()?);
    held.children = Arc::new(section.children()?);
    section.each_in_order("accounts with links", 1, |own, id| {
        let links = own.links()?;
        if standing(&id) == Standing::Nowhere {
            return Err(own.reader.fault(format!("`{id}` has links and is not in the book")));
        }
        held.keep_links(id, links);
        Ok(())
    })?;
    section.each_in_order("adopted accounts", 1, |own, id| {
        let kind = read_fault(own.reader)?;
        if standing(&id) != Standing::Root {
            return Err(own.reader.fault(format!("`{id}` is adopted and no root")));
        }
        held.adopted.insert(id, kind);
        Ok(())
    })?;
    Ok(held)
}

struct HeldSection<'r, 'b> {
    reader: &'r mut Reader<'b>,
    schema: &'r Schema,
}

impl<'r, 'b> HeldSection<'r, 'b> {
    // Entries by account id, smallest first, each id once.
    fn each_in_order(
        &mut self,
        what: &str,
        width: usize,
        mut entry: impl FnMut(&mut Self, AccountId) -> Read<()>,
    ) -> Read<()> {
        let mut last: Option<AccountId> = None;
        for _ in 0..self.reader.count(width)? {
            let id = self.account_id()?;
            if last.as_ref().is_some_and(|last| *last >= id) {
                return Err(self.reader.fault(format!("{what}: `{id}` is out of order")));
            }
            last = Some(id.clone());
            entry(self, id)?;
        }
        Ok(())
    }

    fn account(&mut self, id: AccountId) -> Read<HeldAccount> {
        let mut row = AccountRow::new(id, "");
        row.parents = self.links()?;
        let kind = self.reader.text()?;
        // Without a name, its type was unknown.
        if !kind.is_empty() && self.schema.account_type(kind).is_none() {
            return Err(self.reader.fault(format!("the schema has no account type {}", quoted(kind))));
        }
        row.account_type = Arc::from(kind);
        row.product = self.option()?.map(Arc::from);
        if let Some(product) = row.product.as_ref().filter(|name| self.schema.product(name).is_none()) {
            return Err(self.reader.fault(format!("the schema has no product {}", quoted(product))));
        }
        let schema = self.schema;
        let attribute = |name: &str| schema.attribute(name).and_then(|id| schema.attribute_at(id));
        row.values = self.values(attribute)?;
        let reason = match self.option()? {
            None => HeldReason::Fault(read_fault(self.reader)?),
            Some(above) => HeldReason::Below(self.id_of(above)?),
        };
        let mut unfit = Vec::new();
        for _ in 0..self.reader.count(1)? {
            let name = self.reader.text()?;
            if attribute(name).is_none() {
                return Err(self.reader.fault(format!("the schema has no attribute {}", quoted(name))));
            }
            unfit.push(Arc::from(name));
        }
        Ok(HeldAccount { row, reason, unfit })
    }

    fn superseded(&mut self) -> Read<Vec<SupersededRow>> {
        let mut rows = Vec::new();
        for _ in 0..self.reader.count(1)? {
            let table = self.reader.text()?;
            if !["accounts", "links", "successions"].contains(&table) {
                self.table(table)?;
            }
            let id = self.reader.text()?.to_owned();
            rows.push(SupersededRow { table: Arc::from(table), id, reason: read_fault(self.reader)? });
        }
        Ok(rows)
    }

    fn children(&mut self) -> Read<BTreeMap<Option<AccountId>, Vec<HeldChild>>> {
        let mut children: BTreeMap<Option<AccountId>, Vec<HeldChild>> = BTreeMap::new();
        for _ in 0..self.reader.count(1)? {
            let waits = self.option()?.map(|account| self.id_of(account)).transpose()?;
            if children.last_key_value().is_some_and(|(last, _)| *last >= waits) {
                return Err(self.reader.fault("child rows that are held are out of order"));
            }
            let mut rows = Vec::new();
            for _ in 0..self.reader.count(1)? {
                let row = self.child()?;
                if waits.is_some() && row.row.account != waits {
                    let id = &row.row.id;
                    return Err(self.reader.fault(format!("`{id}` waits for another account than its own")));
                }
                rows.push(row);
            }
            if rows.is_empty() {
                return Err(self.reader.fault("nothing waits where child rows are said to"));
            }
            children.insert(waits, rows);
        }
        Ok(children)
    }

    fn child(&mut self) -> Read<HeldChild> {
        let name = self.reader.text()?;
        let table = self.table(name)?;
        let id = self.reader.text()?;
        let id = ChildId::new(id).map_err(|error| self.reader.fault(error.to_string()))?;
        let account = self.option()?.map(|account| self.id_of(account)).transpose()?;
        let values = self.values(|name| table.column_at(ColumnId::new(table.column_id(name)?.index())))?;
        let reason = read_fault(self.reader)?;
        Ok(HeldChild { table: Arc::from(name), row: ChildRow { id, account, values }, reason })
    }

    fn table(&self, name: &str) -> Read<&'r ChildTable> {
        let found = self.schema.table(name).and_then(|id| self.schema.table_at(id));
        found.ok_or_else(|| self.reader.fault(format!("the schema has no table {}", quoted(name))))
    }

    fn option(&mut self) -> Read<Option<&'b str>> {
        match self.reader.u8()? {
            0 => Ok(None),
            1 => self.reader.text().map(Some),
            other => Err(self.reader.fault(format!("{other} is neither there nor missing"))),
        }
    }

    fn id_of(&self, text: &str) -> Read<AccountId> {
        AccountId::new(text).map_err(|error| self.reader.fault(error.to_string()))
    }

    fn account_id(&mut self) -> Read<AccountId> {
        let text = self.reader.text()?;
        self.id_of(text)
    }

    // Declared parents, the preferred one first, each once.
    fn links(&mut self) -> Read<Vec<ParentLink>> {
        let mut links = Vec::new();
        for _ in 0..self.reader.count(4)? {
            let rank = self.reader.u32()?;
            links.push(ParentLink { rank, parent: self.account_id()? });
        }
        if preferred_first(links.clone()) != links {
            return Err(self.reader.fault("declared parents are out of order"));
        }
        Ok(links)
    }

    fn values<'s>(
        &mut self,
        attribute: impl Fn(&str) -> Option<&'s Attribute>,
    ) -> Read<Vec<(Arc<str>, Value)>> {
        let (mut values, mut seen) = (Vec::new(), HashSet::new());
        for _ in 0..self.reader.count(1)? {
            let name: Arc<str> = Arc::from(self.reader.text()?);
            let Some(attribute) = attribute(&name).filter(|_| seen.insert(Arc::clone(&name))) else {
                return Err(self.reader.fault(format!("{} is no attribute, or stands twice", quoted(&name))));
            };
            values.push((name, self.value(attribute)?));
        }
        Ok(values)
    }

    fn value(&mut self, attribute: &Attribute) -> Read<Value> {
        let wrong = |reader: &Reader<'_>, what: &str| -> SnapshotError {
            reader.fault(format!("`{}`: {what}", attribute.name()))
        };
        let raw = match Storage::of(attribute.kind()) {
            Storage::Bool => match self.reader.u8()? {
                0 => Raw::Bool(false),
                1 => Raw::Bool(true),
                _ => return Err(wrong(self.reader, "neither true nor false")),
            },
            Storage::I64 => Raw::I64(self.reader.i64()?),
            Storage::F64 => Raw::F64(self.reader.f64()?),
            Storage::I32 => Raw::I32(self.reader.i32()?),
            Storage::Code => Raw::Code(self.reader.u16()?),
            Storage::Text => Raw::Text(Cow::Borrowed(self.reader.text()?)),
            Storage::List => {
                let mut items = Vec::new();
                for _ in 0..self.reader.count(8)? {
                    items.push(self.reader.text()?.to_owned());
                }
                Raw::List(items)
            }
        };
        let value = match (attribute.kind(), raw) {
            (_, Raw::F64(double)) if !is_stored(double) => None,
            (AttributeType::MixedMoney { .. }, Raw::I64(minor)) => {
                let currency = self.reader.text()?.parse().ok();
                currency.map(|currency| Value::Money(Money::from_minor(i128::from(minor), currency)))
            }
            (kind, raw) => value_of(raw, kind),
        };
        let value = value.ok_or_else(|| wrong(self.reader, "a value that no attribute has"))?;
        attribute.accept(value).map_err(|kind| wrong(self.reader, &kind.to_string()))
    }
}

// A text that may be anything, fit for a message.
fn quoted(text: &str) -> String {
    format!("`{}`", text.chars().take(40).flat_map(char::escape_debug).collect::<String>())
}
