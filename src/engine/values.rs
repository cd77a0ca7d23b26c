//! Which values are others in another state, of accounts and of their child rows?

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::pairing::Pairing;
use crate::book::{TableBlock, ValueChange, View};
use crate::column::{Block, value_of};
use crate::model::{AccountId, AccountIdx, Attribute, ChildId, ChildTable, TableId, Value};

/// Values of attributes and of child rows that differ, in order of account, child row and name. An attribute is compared with what it was
/// before, by another name perhaps; those that are gone are not told one by one. Behind them each account and table of which a child row
/// came or went, which may have no values.
pub(super) fn values(pairing: &Pairing<'_>) -> (Vec<ValueChange>, Vec<(AccountId, TableId)>) {
    let (old_schema, new_schema) = (pairing.old.schema(), pairing.new.schema());
    let same_schema = Arc::ptr_eq(old_schema, new_schema);
    let places = (!same_schema).then(|| new_schema.attributes_in(old_schema));
    let fields = Field::all(new_schema.attributes(), old_schema.attributes(), places.as_deref());
    let (mut found, mut rows) = (Vec::new(), Vec::new());
    for field in &fields {
        let mut look = |id: &AccountId, old: Option<AccountIdx>, new: Option<AccountIdx>| {
            let (from, to) = (field.value(pairing.old, old, false), field.value(pairing.new, new, true));
            if from != to {
                let attribute = Arc::from(field.now.name());
                found.push(ValueChange { account: id.clone(), child: None, attribute, from, to });
            }
        };
        for (id, old, new) in &pairing.loose {
            look(id, *old, *new);
        }
        for slot in slots(pairing, field.is_recoded()).iter() {
            let chunks = pairing.old.inner().chunk(*slot).zip(pairing.new.inner().chunk(*slot));
            let Some((before, after)) = chunks else { continue };
            let (old, new) = (field.before.and_then(|(at, _)| before.column(at)), after.column(field.at));
            let same = old.zip(new).is_some_and(|(old, new)| Arc::ptr_eq(old, new));
            if same && !field.is_recoded() || old.is_none() && new.is_none() {
                continue;
            }
            let (old, new) = (old.map(|block| &**block), new.map(|block| &**block));
            let all = after.shape.rows();
            let rows = if field.is_recoded() {
                (0..all).collect()
            } else {
                Block::differing((old, 0), (new, 0), all as usize)
            };
            for place in rows.into_iter().map(|row| AccountIdx::new(*slot, row)) {
                if pairing.sees(place) {
                    look(&pairing.new.inner().account_id(place), Some(place), Some(place));
                }
            }
        }
    }
    let tables = (!same_schema).then(|| new_schema.tables_in(old_schema));
    for (number, table) in new_schema.tables().enumerate() {
        let before = match &tables {
            Some(places) => places.get(number).copied().flatten(),
            None => Some(number),
        };
        let was = before.and_then(|at| old_schema.table_at(TableId::new(at)));
        let columns = Columns::new(table, number, before.zip(was), pairing);
        for (id, old, new) in &pairing.loose {
            columns.compare(id, *old, *new, (&mut found, &mut rows));
        }
        for slot in slots(pairing, columns.are_recoded()).iter() {
            let block = |view: &View, number: Option<usize>| {
                view.inner().chunk(*slot).and_then(|chunk| chunk.table(number?).cloned())
            };
            let (old, new) = (block(pairing.old, before), block(pairing.new, Some(number)));
            let all = pairing.new.inner().layout.rows(*slot);
            let same = match (&old, &new) {
                (Some(old), Some(new)) => old.is_shared(new) && !columns.are_recoded(),
                (None, None) => true,
                _ => false,
            };
            for row in (0..u32::try_from(all).unwrap_or(u32::MAX)).filter(|_| !same) {
                let place = AccountIdx::new(*slot, row);
                let alike = || TableBlock::alike((old.as_deref(), row), (new.as_deref(), row));
                if pairing.sees(place) && (columns.are_recoded() || !alike()) {
                    let id = pairing.new.inner().account_id(place);
                    columns.compare(&id, Some(place), Some(place), (&mut found, &mut rows));
                }
            }
        }
    }
    found.sort_by(|a, b| (&a.account, &a.child, &a.attribute).cmp(&(&b.account, &b.child, &b.attribute)));
    (found, rows)
}

/// The slots of which values may be others: of a field that is recoded all, else those of which not everything is shared.
fn slots<'p>(pairing: &'p Pairing<'_>, is_recoded: bool) -> Cow<'p, [u32]> {
    if !is_recoded {
        return Cow::Borrowed(&pairing.touched);
    }
    let chunks = (0_u32..).zip(&pairing.new.inner().chunks);
    Cow::Owned(chunks.map(|(slot, _)| slot).filter(|slot| pairing.is_aligned(*slot)).collect())
}

/// An attribute or column, now and before.
struct Field<'f> {
    at: usize,
    now: &'f Attribute,
    before: Option<(usize, &'f Attribute)>,
}

impl<'f> Field<'f> {
    /// `places` are those before of each; without them each has its own.
    fn all(
        new: impl Iterator<Item = &'f Attribute>,
        old: impl Iterator<Item = &'f Attribute>,
        places: Option<&[Option<usize>]>,
    ) -> Vec<Self> {
        let old: Vec<&Attribute> = old.collect();
        let place = |at: usize| match places {
            Some(places) => places.get(at).copied().flatten(),
            None => Some(at),
        };
        let field = |(at, now): (usize, &'f Attribute)| {
            let before = place(at).and_then(|place| Some((place, *old.get(place)?)));
            Self { at, now, before }
        };
        new.enumerate().map(field).collect()
    }

    /// Is a stored value not the same value as before?
    fn is_recoded(&self) -> bool {
        self.before.is_none_or(|(_, before)| before.kind() != self.now.kind())
    }

    fn value(&self, view: &View, place: Option<AccountIdx>, is_new: bool) -> Option<Value> {
        let (at, attribute) = if is_new { (self.at, self.now) } else { self.before? };
        let place = place?;
        let block = view.inner().chunk(place.slot)?.column(at)?;
        value_of(block.get(place.row as usize)?, attribute.kind())
    }
}

/// The columns of a child table, now and before.
struct Columns<'c> {
    table: &'c ChildTable,
    number: usize,
    before: Option<(usize, &'c ChildTable)>,
    fields: Vec<Field<'c>>,
    pairing: &'c Pairing<'c>,
}

impl<'c> Columns<'c> {
    fn new(
        table: &'c ChildTable,
        number: usize,
        before: Option<(usize, &'c ChildTable)>,
        pairing: &'c Pairing<'c>,
    ) -> Self {
        let places = before.map(|(_, before)| table.columns_in(before));
        let old = before.map(|(_, before)| before.columns());
        let fields =
            Field::all(table.columns(), old.into_iter().flatten(), Some(&places.unwrap_or_default()));
        Self { table, number, before, fields, pairing }
    }

    /// Is a stored value of some column not the same value as before?
    fn are_recoded(&self) -> bool {
        self.fields
            .iter()
            .enumerate()
            .any(|(at, field)| field.is_recoded() || field.before.is_some_and(|(place, _)| place != at))
    }

    /// The values of an account's child rows that differ. A row that moved to another account has left the one and come to
    /// the other.
    fn compare(
        &self,
        account: &AccountId,
        old: Option<AccountIdx>,
        new: Option<AccountIdx>,
        (found, moved): (&mut Vec<ValueChange>, &mut Vec<(AccountId, TableId)>),
    ) {
        let block = |view: &View, number: Option<usize>, place: Option<AccountIdx>| {
            let place = place?;
            Some((view.inner().chunk(place.slot)?.table(number?)?.clone(), place.row))
        };
        let before = self.before.map(|(number, _)| number);
        let sides = [block(self.pairing.old, before, old), block(self.pairing.new, Some(self.number), new)];
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
        if rows.values().any(|[was, is]| was.is_some() != is.is_some()) {
            moved.push((account.clone(), TableId::new(self.number)));
        }
        let [old_side, new_side] = &sides;
        for (child, [was, is]) in &rows {
            for field in &self.fields {
                let from = || {
                    let ((place, _), (_, table)) = (field.before?, self.before?);
                    old_side.as_ref()?.0.value(table, place, (*was)?)
                };
                let to = || new_side.as_ref()?.0.value(self.table, field.at, (*is)?);
                let (from, to) = (from(), to());
                if from != to {
                    let child = Some((Arc::from(self.table.name()), child.clone()));
                    let attribute = Arc::from(field.now.name());
                    found.push(ValueChange { account: account.clone(), child, attribute, from, to });
                }
            }
        }
    }
}
