//! How do values and child rows change?
//!
//! A value costs a copy of one column of one chunk; a child row, the rows of its table in one chunk.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::apply::ValueEdits;
use super::change::{ChangeItem, ChangeProblem};
use super::restructure::Entries;
use super::{Change, ChangeReport, HeldChild, Inner, TableBlock, ValueChange};
use crate::column::{Block, Raw, Storage, raw_of};
use crate::model::{
    AccountId, AccountIdx, Attribute, AttributeType, ChildId, ChildTable, ColumnId, TableId, Value,
    ValueFault, ValueFaultKind,
};
use crate::tree::FaultKind;

/// Puts new values into the columns of the chunks.
pub(super) fn apply_values(old: &Inner, next: &mut Inner, edits: ValueEdits) {
    for ((slot, column), cells) in edits {
        let Some(attribute) = old.schema.attribute_at(crate::model::AttributeId::new(column)) else {
            continue;
        };
        let Some(Some(chunk)) = next.chunks.get_mut(slot as usize) else { continue };
        let rows = chunk.shape.rows() as usize;
        let before = chunk.column(column);
        // Nothing is copied for values that are there already.
        let same =
            |(row, cell): &(usize, Option<Raw<'static>>)| before.and_then(|block| block.get(*row)) == *cell;
        if cells.iter().all(same) {
            continue;
        }
        let block = Block::edited(before.map(|block| &**block), Storage::of(attribute.kind()), rows, &cells);
        if let Some(place) = Arc::make_mut(chunk).columns.get_mut(column) {
            *place = block.map(Arc::new);
        }
    }
}

/// The slot and row of a child row.
type ChildPlace = (u32, usize);

/// A row that enters a block: its account row, its id, and where it lies now.
type Entering<'e> = (u32, &'e ChildId, Option<ChildPlace>);

/// The wishes for one child row.
#[derive(Debug, Default)]
struct ChildWish {
    add: bool,
    remove: bool,
    /// It was held for its account, and the change names one: its values wait with it.
    release: bool,
    account: Option<AccountId>,
    values: BTreeMap<usize, Option<Value>>,
}

/// The wishes for child rows, by table.
#[derive(Debug, Default)]
pub(super) struct ChildEdits {
    tables: BTreeMap<usize, BTreeMap<ChildId, ChildWish>>,
}

impl ChildEdits {
    pub(super) fn gather(old: &Inner, change: &Change, problems: &mut Vec<ChangeProblem>) -> Self {
        let mut edits = Self::default();
        for item in change.items() {
            let (name, child) = match item {
                ChangeItem::AddChild { table, row } => (table, &row.id),
                ChangeItem::SetChild { table, child, .. }
                | ChangeItem::MoveChild { table, child, .. }
                | ChangeItem::RemoveChild { table, child } => (table, child),
                _ => continue,
            };
            let found = old.schema.table(name).and_then(|id| Some((id, old.schema.table_at(id)?)));
            let Some((id, table)) = found else {
                problems.push(ChangeProblem::UnknownTable { table: name.to_string() });
                continue;
            };
            let wish = edits.tables.entry(id.index()).or_default().entry(child.clone()).or_default();
            let mut conflict = |what: &str| {
                let account = format!("{name} {child}");
                problems.push(ChangeProblem::Conflict { account, what: what.to_owned() });
            };
            match item {
                ChangeItem::AddChild { row, .. } => {
                    if wish.add {
                        conflict("added twice");
                    }
                    wish.add = true;
                    if wish.account.is_some() && wish.account != row.account {
                        conflict("its account");
                    }
                    wish.account.clone_from(&row.account);
                    if row.account.is_none() {
                        let (table, child) = (name.to_string(), child.clone());
                        problems.push(ChangeProblem::ChildWithoutAccount { table, child });
                    }
                    for (column, value) in &row.values {
                        set(table, wish, child, column, Some(value), problems);
                    }
                }
                ChangeItem::SetChild { column, value, .. } => {
                    set(table, wish, child, column, value.as_ref(), problems);
                }
                // A row that was held for its account is released by one.
                ChangeItem::MoveChild { account, .. } => {
                    if wish.account.as_ref().is_some_and(|other| other != account) {
                        conflict("its account");
                    }
                    wish.account = Some(account.clone());
                }
                _ => wish.remove = true,
            }
        }
        edits.release(old);
        edits
    }

    // Rows that are held only because they name no account of the book are added under the one that the
    // change gives them, with the values that they have. Removed and added at once, any held row is replaced.
    fn release(&mut self, old: &Inner) {
        let asked = |wish: &ChildWish| wish.account.is_some() && wish.add == wish.remove;
        if !self.tables.values().flat_map(BTreeMap::values).any(asked) {
            return;
        }
        for held in old.held.children.values().flatten() {
            let for_account =
                matches!(held.reason, FaultKind::ChildWithoutAccount | FaultKind::ChildOfUnknownAccount);
            let found = old.schema.table(&held.table).and_then(|id| Some((id, old.schema.table_at(id)?)));
            let Some((id, table)) = found else { continue };
            let wish = self.tables.get_mut(&id.index()).and_then(|wishes| wishes.get_mut(&held.row.id));
            let Some(wish) = wish.filter(|wish| asked(wish)) else { continue };
            if wish.remove {
                // A row that was held is put in the place of itself.
                (wish.remove, wish.release) = (false, true);
                continue;
            }
            if !for_account {
                continue;
            }
            (wish.add, wish.release) = (true, true);
            for (name, value) in &held.row.values {
                if let Some(column) = table.column_id(name) {
                    wish.values.entry(column.index()).or_insert_with(|| Some(value.clone()));
                }
            }
        }
    }

    // Which of the rows spoken of are held out of the book.
    fn waiting<'w>(&'w self, old: &'w Inner) -> HashSet<(usize, &'w ChildId)> {
        let mut waiting = HashSet::new();
        if self.tables.is_empty() {
            return waiting;
        }
        for held in old.held.children.values().flatten() {
            let number = old.schema.table(&held.table).map_or(usize::MAX, TableId::index);
            if self.tables.get(&number).is_some_and(|wishes| wishes.contains_key(&held.row.id)) {
                waiting.insert((number, &held.row.id));
            }
        }
        waiting
    }

    // Rows must be there or not, their accounts must stay, and required columns must have values.
    pub(super) fn check(
        &self,
        old: &Inner,
        stands: &dyn Fn(&AccountId) -> bool,
        removed: &HashSet<AccountIdx>,
        problems: &mut Vec<ChangeProblem>,
    ) {
        let waiting = self.waiting(old);
        for (number, wishes) in &self.tables {
            let Some(table) = old.schema.table_at(TableId::new(*number)) else { continue };
            for (child, wish) in wishes {
                let name = || table.name().to_owned();
                let found = old.find_child(*number, child.as_str());
                // A row that is held has its id all the same; it can go, or be released by an account.
                let held = found.is_none() && !wish.release && waiting.contains(&(*number, child));
                match (found.is_some() || held, wish.add) {
                    (true, false) if held && !wish.remove => {
                        problems.push(ChangeProblem::UnknownChild { table: name(), child: child.clone() });
                    }
                    (true, true) => {
                        problems.push(ChangeProblem::ChildExists { table: name(), child: child.clone() });
                    }
                    (false, false) => {
                        problems.push(ChangeProblem::UnknownChild { table: name(), child: child.clone() });
                    }
                    _ => {}
                }
                if wish.remove && (wish.add || wish.account.is_some() || !wish.values.is_empty()) {
                    let account = format!("{} {child}", table.name());
                    problems
                        .push(ChangeProblem::Conflict { account, what: "removed and changed".to_owned() });
                }
                if let Some(account) = wish.account.as_ref().filter(|account| !stands(account)) {
                    problems.push(ChangeProblem::UnknownAccount { account: account.clone() });
                }
                let owner =
                    found.and_then(|(slot, row)| Some((slot, old.chunk(slot)?.table(*number)?.owner(row)?)));
                let owner = owner.map(|(slot, row)| AccountIdx::new(slot, row));
                let orphaned = owner.is_some_and(|owner| removed.contains(&owner));
                if orphaned && !wish.remove && wish.account.is_none() {
                    let (account, what) =
                        (format!("{} {child}", table.name()), "its account is removed".to_owned());
                    problems.push(ChangeProblem::Conflict { account, what });
                }
                if !wish.remove {
                    check_row(old, *number, table, child, wish, found, problems);
                }
            }
        }
    }
}

// Required columns, and amounts whose currency is not that of their row.
fn check_row(
    old: &Inner,
    number: usize,
    table: &ChildTable,
    child: &ChildId,
    wish: &ChildWish,
    found: Option<(u32, usize)>,
    problems: &mut Vec<ChangeProblem>,
) {
    let block = found.and_then(|(slot, row)| Some((old.chunk(slot)?.table(number)?, row)));
    let value = |column: usize| match wish.values.get(&column) {
        Some(value) => value.clone(),
        None => block.as_ref().and_then(|(block, row)| block.value(table, column, *row)),
    };
    let mut wrong = |column: &Attribute, kind| {
        let fault = ValueFault { attribute: column.name().to_owned(), kind };
        problems.push(ChangeProblem::Value { account: child.to_string(), fault });
    };
    for (place, column) in table.columns().enumerate() {
        let changed = wish.add || wish.values.contains_key(&place);
        if changed && column.is_required() && value(place).is_none() {
            wrong(column, ValueFaultKind::Required);
        }
        if let AttributeType::MixedMoney { currency_column } = column.kind() {
            let named = table.column_id(currency_column).and_then(|id| value(id.index()));
            if let Some(Value::Money(money)) = value(place) {
                let named = named.as_ref().and_then(Value::as_text);
                if named != Some(money.currency().code()) {
                    let expected = named.unwrap_or("no currency").to_owned();
                    let found = money.currency().to_string();
                    wrong(column, ValueFaultKind::WrongCurrency { expected, found });
                }
            }
        }
    }
}

fn set(
    table: &ChildTable,
    wish: &mut ChildWish,
    child: &ChildId,
    column: &str,
    value: Option<&Value>,
    problems: &mut Vec<ChangeProblem>,
) {
    let mut wrong = |kind| {
        let fault = ValueFault { attribute: column.to_owned(), kind };
        problems.push(ChangeProblem::Value { account: child.to_string(), fault });
    };
    let Some((id, attribute)) = table.column_id(column).and_then(|id| Some((id, table.column_at(id)?)))
    else {
        return wrong(ValueFaultKind::Unknown { hint: String::new() });
    };
    match value.cloned().map(|value| attribute.accept(value)).transpose() {
        Ok(accepted) => {
            if wish.values.get(&id.index()).is_some_and(|other| *other != accepted) {
                let account = format!("{} {child}", table.name());
                problems.push(ChangeProblem::Conflict { account, what: column.to_owned() });
            }
            wish.values.insert(id.index(), accepted);
        }
        Err(kind) => wrong(kind),
    }
}

/// Applies the wishes for child rows to a book whose accounts stand where they will.
pub(super) fn apply_children(
    old: &Inner,
    next: &mut Inner,
    edits: &ChildEdits,
    removed: &HashSet<AccountIdx>,
    report: &mut ChangeReport,
) {
    report_orphans(old, edits, removed, report);
    let gone = |held: &HeldChild| {
        let number = old.schema.table(&held.table).map_or(usize::MAX, TableId::index);
        edits
            .tables
            .get(&number)
            .and_then(|wishes| wishes.get(&held.row.id))
            .is_some_and(|wish| wish.remove || wish.release)
    };
    if !edits.tables.is_empty() && next.held.children.values().flatten().any(gone) {
        let children = Arc::make_mut(&mut Arc::make_mut(&mut next.held).children);
        children.values_mut().for_each(|rows| rows.retain(|held| !gone(held)));
        children.retain(|_, rows| !rows.is_empty());
    }
    let released = release_children(next, report);
    let mut tables: BTreeMap<usize, BTreeMap<ChildId, ChildWish>> = released;
    let old_tables = edits
        .tables
        .iter()
        .flat_map(|(number, wishes)| wishes.iter().map(move |(id, wish)| (*number, id, wish)));
    for (number, child, wish) in old_tables {
        let copy = ChildWish {
            add: wish.add,
            remove: wish.remove,
            release: wish.release,
            account: wish.account.clone(),
            values: wish.values.clone(),
        };
        tables.entry(number).or_default().insert(child.clone(), copy);
    }
    for (number, wishes) in tables {
        apply_table(old, next, number, &wishes, report);
    }
}

// Rows that went with their accounts.
fn report_orphans(old: &Inner, edits: &ChildEdits, removed: &HashSet<AccountIdx>, report: &mut ChangeReport) {
    for place in removed {
        let Some(chunk) = old.chunk(place.slot) else { continue };
        for (number, table) in old.schema.tables().enumerate() {
            let Some(block) = chunk.table(number) else { continue };
            for child in block.rows_of(place.row).filter_map(|row| block.id(row)) {
                let child = ChildId::trusted(child);
                let wish = edits.tables.get(&number).and_then(|wishes| wishes.get(&child));
                if wish.is_none_or(|wish| wish.account.is_none() && !wish.remove) {
                    report.children_removed.push((Arc::from(table.name()), child));
                }
            }
        }
    }
}

// Rows that waited for an account that is in the book now.
fn release_children(
    next: &mut Inner,
    report: &mut ChangeReport,
) -> BTreeMap<usize, BTreeMap<ChildId, ChildWish>> {
    let mut tables: BTreeMap<usize, BTreeMap<ChildId, ChildWish>> = BTreeMap::new();
    let candidates = report.accounts.added.iter().chain(&report.released);
    let arrived: Vec<AccountId> =
        candidates.filter(|id| next.held.children.contains_key(&Some((*id).clone()))).cloned().collect();
    if arrived.is_empty() {
        return tables;
    }
    let held = Arc::make_mut(&mut next.held);
    for account in arrived {
        for waiting in Arc::make_mut(&mut held.children).remove(&Some(account.clone())).unwrap_or_default() {
            let found =
                next.schema.table(&waiting.table).and_then(|id| Some((id, next.schema.table_at(id)?)));
            let Some((id, table)) = found else { continue };
            let values = waiting.row.values.into_iter();
            let values =
                values.filter_map(|(name, value)| Some((table.column_id(&name)?.index(), Some(value))));
            let wish = ChildWish {
                add: true,
                remove: false,
                release: false,
                account: Some(account.clone()),
                values: values.collect(),
            };
            tables.entry(id.index()).or_default().insert(waiting.row.id, wish);
        }
    }
    tables
}

// Rebuilds the blocks of one table in the chunks that rows leave and enter.
fn apply_table(
    old: &Inner,
    next: &mut Inner,
    number: usize,
    wishes: &BTreeMap<ChildId, ChildWish>,
    report: &mut ChangeReport,
) {
    let schema = Arc::clone(&next.schema);
    let Some(table) = schema.table_at(TableId::new(number)) else { return };
    let name: Arc<str> = Arc::from(table.name());
    // By slot: rows that leave, rows that enter, and rows that change where they are.
    let mut leaving: HashMap<u32, HashSet<usize>> = HashMap::new();
    let mut entering: BTreeMap<u32, Vec<Entering<'_>>> = BTreeMap::new();
    for (child, wish) in wishes {
        // Rows of accounts that moved lie in other chunks now; rows of removed accounts only in the old book.
        let here = next.find_child(number, child.as_str());
        if let Some((slot, row)) = here {
            leaving.entry(slot).or_default().insert(row);
        }
        report_row(old, number, table, &name, child, wish, report);
        if wish.remove {
            entering.entry(here.map_or(u32::MAX, |(slot, _)| slot)).or_default();
            continue;
        }
        let owner = match &wish.account {
            Some(account) => next.find(account.as_str()),
            None => here.and_then(|(slot, row)| {
                Some(AccountIdx::new(slot, next.chunk(slot)?.table(number)?.owner(row)?))
            }),
        };
        if let Some(owner) = owner {
            entering.entry(owner.slot).or_default().push((owner.row, child, here));
        }
        entering.entry(here.map_or(u32::MAX, |(slot, _)| slot)).or_default();
    }
    entering.remove(&u32::MAX);
    let storages: Vec<Storage> = table.columns().map(|column| Storage::of(column.kind())).collect();
    let before = next.clone();
    let mut entries = Entries::default();
    for (slot, mut entering) in entering {
        let Some(chunk) = before.chunk(slot) else { continue };
        let block = chunk.table(number);
        let left = leaving.get(&slot);
        // Rows as (owner, id, where the row lies now).
        let mut rows: Vec<(u32, &str, Option<ChildPlace>)> = Vec::new();
        for row in (0..block.map_or(0, |block| block.rows()))
            .filter(|row| !left.is_some_and(|left| left.contains(row)))
        {
            let of = |block: &Arc<TableBlock>| block.owner(row);
            if let (Some(block), Some(owner)) = (block, block.and_then(of)) {
                rows.push((owner, block.id(row).unwrap_or_default(), Some((slot, row))));
            }
        }
        entering.sort_unstable();
        rows.extend(entering.iter().map(|(owner, child, here)| (*owner, child.as_str(), *here)));
        rows.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        let owners: Vec<u32> = rows.iter().map(|row| row.0).collect();
        let cell = |column: usize, row: usize| {
            let (_, id, here) = rows.get(row)?;
            let wished = wishes.get(*id).and_then(|wish| wish.values.get(&column));
            if let Some(value) = wished {
                let attribute = table.column_at(ColumnId::new(column))?;
                return raw_of(value.as_ref()?, attribute);
            }
            // A row whose account was removed is read from the old book.
            match here {
                Some((slot, row)) => before.chunk(*slot)?.table(number)?.raw(column, *row),
                None => {
                    let (slot, row) = old.find_child(number, id)?;
                    old.chunk(slot)?.table(number)?.raw(column, row)
                }
            }
        };
        let accounts = chunk.shape.rows() as usize;
        let built = TableBlock::build(
            accounts,
            &owners,
            |row| rows.get(row).map_or("", |row| row.1),
            &storages,
            cell,
        );
        entries.gone.extend(block.into_iter().flat_map(|block| block.hashes()).map(|hash| (hash, slot)));
        entries
            .new
            .extend(built.iter().flat_map(super::children::TableBlock::hashes).map(|hash| (hash, slot)));
        if let Some(Some(chunk)) = next.chunks.get_mut(slot as usize)
            && let Some(place) = Arc::make_mut(chunk).tables.get_mut(number)
        {
            *place = built.map(Arc::new);
        }
    }
    if let Some(index) = next.child_index.get_mut(number) {
        entries.apply(index);
    }
}

fn report_row(
    old: &Inner,
    number: usize,
    table: &ChildTable,
    name: &Arc<str>,
    child: &ChildId,
    wish: &ChildWish,
    report: &mut ChangeReport,
) {
    if wish.add {
        report.children_added.push((Arc::clone(name), child.clone()));
        return;
    }
    if wish.remove {
        report.children_removed.push((Arc::clone(name), child.clone()));
        return;
    }
    let found = old.find_child(number, child.as_str());
    let Some((slot, row)) = found else { return };
    let Some((chunk, block)) = old.chunk(slot).and_then(|chunk| Some((chunk, chunk.table(number)?))) else {
        return;
    };
    let owner = block.owner(row).and_then(|owner| chunk.shape.id(owner)).unwrap_or_default();
    let account = wish.account.clone().unwrap_or_else(|| AccountId::trusted(owner));
    if account.as_str() != owner {
        // The row counts for another account: gone there, new here.
        let value = |id: &str| Some(Value::text(id));
        let (from, to) = (value(owner), value(account.as_str()));
        let child = Some((Arc::clone(name), child.clone()));
        let attribute = Arc::from("account");
        report.accounts.values.push(ValueChange { account: account.clone(), child, attribute, from, to });
    }
    for (column, value) in &wish.values {
        let from = block.value(table, *column, row);
        let Some(described) = table.column_at(ColumnId::new(*column)).filter(|_| from != *value) else {
            continue;
        };
        let child = Some((Arc::clone(name), child.clone()));
        let attribute = Arc::from(described.name());
        report.accounts.values.push(ValueChange {
            account: account.clone(),
            child,
            attribute,
            from,
            to: value.clone(),
        });
    }
}
