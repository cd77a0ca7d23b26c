//! Which values are others in another state, of accounts and of their child rows?

use std::collections::BTreeMap;
use std::sync::Arc;

use super::pairing::Pairing;
use crate::book::{TableBlock, ValueChange, View};
use crate::column::{Block, value_of};
use crate::model::{AccountId, AccountIdx, AttributeId, ChildId, ChildTable};

/// Values of attributes and of child rows that differ, in order of account, child row and name.
pub(super) fn values(pairing: &Pairing<'_>) -> Vec<ValueChange> {
    let schema = pairing.new.schema();
    let value = |view: &View, place: Option<AccountIdx>, attribute: usize| {
        let described = schema.attribute_at(AttributeId::new(attribute))?;
        let place = place?;
        let block = view.inner().chunk(place.slot)?.column(attribute)?;
        value_of(block.get(place.row as usize)?, described.kind())
    };
    let mut found = Vec::new();
    let mut look = |id: &AccountId, old: Option<AccountIdx>, new: Option<AccountIdx>, attribute: usize| {
        let (from, to) = (value(pairing.old, old, attribute), value(pairing.new, new, attribute));
        let described = schema.attribute_at(AttributeId::new(attribute)).filter(|_| from != to);
        if let Some(described) = described {
            let attribute = Arc::from(described.name());
            found.push(ValueChange { account: id.clone(), child: None, attribute, from, to });
        }
    };
    let attributes = schema.attributes().count();
    for (id, old, new) in &pairing.loose {
        (0..attributes).for_each(|attribute| look(id, *old, *new, attribute));
    }
    for slot in &pairing.touched {
        let chunks = pairing.old.inner().chunk(*slot).zip(pairing.new.inner().chunk(*slot));
        let Some((before, after)) = chunks else { continue };
        for attribute in 0..attributes {
            let (old, new) = (before.column(attribute), after.column(attribute));
            if old.zip(new).is_some_and(|(old, new)| Arc::ptr_eq(old, new)) {
                continue;
            }
            let (old, new) = (old.map(|block| &**block), new.map(|block| &**block));
            for row in Block::differing((old, 0), (new, 0), after.shape.rows() as usize) {
                let place = AccountIdx::new(*slot, row);
                if pairing.sees(place) {
                    let id = pairing.new.inner().account_id(place);
                    look(&id, Some(place), Some(place), attribute);
                }
            }
        }
    }
    for (number, table) in schema.tables().enumerate() {
        let columns = Columns { table, number, pairing };
        for (id, old, new) in &pairing.loose {
            columns.compare(id, *old, *new, &mut found);
        }
        for slot in &pairing.touched {
            let block =
                |view: &View| view.inner().chunk(*slot).and_then(|chunk| chunk.table(number).cloned());
            let (before, after) = (block(pairing.old), block(pairing.new));
            let rows = pairing.new.inner().layout.rows(*slot);
            let same = match (&before, &after) {
                (Some(before), Some(after)) => Arc::ptr_eq(before, after),
                (None, None) => true,
                _ => false,
            };
            for row in (0..u32::try_from(rows).unwrap_or(u32::MAX)).filter(|_| !same) {
                let place = AccountIdx::new(*slot, row);
                if pairing.sees(place)
                    && !TableBlock::alike((before.as_deref(), row), (after.as_deref(), row))
                {
                    let id = pairing.new.inner().account_id(place);
                    columns.compare(&id, Some(place), Some(place), &mut found);
                }
            }
        }
    }
    found.sort_by(|a, b| (&a.account, &a.child, &a.attribute).cmp(&(&b.account, &b.child, &b.attribute)));
    found
}

/// The columns of a child table.
struct Columns<'c> {
    table: &'c ChildTable,
    number: usize,
    pairing: &'c Pairing<'c>,
}

impl Columns<'_> {
    /// The values of an account's child rows that differ. A row that moved to another account has left the one and come to
    /// the other.
    fn compare(
        &self,
        account: &AccountId,
        old: Option<AccountIdx>,
        new: Option<AccountIdx>,
        found: &mut Vec<ValueChange>,
    ) {
        let block = |view: &View, place: Option<AccountIdx>| {
            let place = place?;
            Some((view.inner().chunk(place.slot)?.table(self.number)?.clone(), place.row))
        };
        let sides = [block(self.pairing.old, old), block(self.pairing.new, new)];
        // The row of each child before and after.
        let mut rows: BTreeMap<ChildId, [Option<usize>; 2]> = BTreeMap::new();
        for (side, of) in sides.iter().enumerate() {
            let Some((block, account)) = of else { continue };
            for row in block.rows_of(*account) {
                let Some(id) = block.id(row) else { continue };
                if let Some(place) = rows.entry(ChildId::trusted(id)).or_default().get_mut(side) {
                    *place = Some(row);
                }
            }
        }
        let value = |side: usize, column: usize, rows: &[Option<usize>; 2]| {
            let (block, _) = sides.get(side)?.as_ref()?;
            block.value(self.table, column, rows.get(side).copied().flatten()?)
        };
        for (child, rows) in &rows {
            for (column, described) in self.table.columns().enumerate() {
                let (from, to) = (value(0, column, rows), value(1, column, rows));
                if from != to {
                    let child = Some((Arc::from(self.table.name()), child.clone()));
                    let attribute = Arc::from(described.name());
                    found.push(ValueChange { account: account.clone(), child, attribute, from, to });
                }
            }
        }
    }
}
