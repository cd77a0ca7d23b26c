//! Which book is it under another schema?
//!
//! Where all accounts and rows keep their places and columns, it is the same book with a wider or otherwise named schema: a few pointers for
//! each chunk. Else every row is taken in again, those that are held as well, by the one way in that there is, a load; what is in the book
//! must stay in it, so that of the remedies of its policy only clearing and refusing count. Ruling S131 of `docs/semantics`.

mod fault;
mod in_use;
mod rows;

use std::sync::Arc;

pub use self::fault::{EvolveError, EvolveFault, EvolveFaults, EvolveReport, NamedRows};
use self::in_use::in_use;
use self::rows::{Moved, not_known};
use super::input_ids::InputIds;
use super::{Book, BookBuilder, Inner, Problem, SupersededRow};
use crate::model::{AccountId, Migration, SchemaChange, TableId, ValueFaultKind};
use crate::tree::TagIndex;

impl Book {
    /// The book under another schema: all accounts and rows with the values that fit; this one stays as it is.
    ///
    /// Values of an attribute that has another type go over where they fit ([`SchemaChange::attribute`]). Where one does not, the policy of
    /// the book says whether it is missing from now on or the change is refused; whoever is in the book stays in it, where it is. Rows that
    /// are held out of the book are judged again with the values that are known of them.
    ///
    /// ```
    /// use perennial::source::MemorySource;
    /// use perennial::{AccountId, AccountRow, Attribute, AttributeType, Book, Nesting, Policy, Schema, SchemaChange, SchemaPart};
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("seats", AttributeType::Int))
    ///     .build()?;
    /// let acme = AccountRow::new(AccountId::new("acme")?, "Company").with("seats", 12_i64);
    /// let (book, _) = Book::load(schema, &MemorySource::new().account(acme), &Policy::strict())?;
    ///
    /// let change = SchemaChange::new()
    ///     .attribute(Attribute::new("region", AttributeType::Text))
    ///     .rename(SchemaPart::attribute("seats"), "licences");
    /// let (next, report) = book.evolve(&change)?;
    /// assert!(report.in_place);
    /// assert_eq!(next.schema().attributes().len(), 2);
    ///
    /// let error = book.evolve(&SchemaChange::new().remove(SchemaPart::account_type("Company"))).unwrap_err();
    /// assert!(error.to_string().contains("declare at least one"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`EvolveError`]: the change is at fault; an account type, product or value that is removed is in use; somebody could not stay in
    /// the book; or values do not fit and the policy refuses that.
    ///
    /// # Complexity
    ///
    /// Where parts are only added behind the others, renamed or described otherwise, and nothing more is required: O(chunks × columns).
    /// Else that of [`Book::load`].
    pub fn evolve(&self, change: &SchemaChange) -> Result<(Self, EvolveReport), EvolveError> {
        self.migrated(&change.migration(self.schema(), None)?)
    }

    pub(crate) fn migrated(&self, migration: &Migration) -> Result<(Self, EvolveReport), EvolveError> {
        let old = &*self.0;
        let judged_again = !old.held.is_empty() && !migration.only_adds(&old.schema);
        if migration.is_in_place(&old.schema) && !judged_again {
            let report = EvolveReport { in_place: true, ..EvolveReport::default() };
            return Ok((Self(Arc::new(in_place(old, migration))), report));
        }
        let faults = in_use(old, migration);
        if !faults.is_empty() {
            return Err(faults.into());
        }
        let builder = BookBuilder::new(migration.schema.clone())
            .policy(old.policy.clone())
            .chunk_rows(old.chunk_rows)
            .version(old.version.saturating_add(1))
            .input_ids(InputIds::Stored);
        let moved = Moved::new(old, migration);
        let (mut book, load) = builder.load(&moved)?;
        stays(old, &book.0, migration)?;
        let released = released(old, &book.0);
        // Rows that nothing releases were not offered.
        let inner = Arc::make_mut(&mut book.0);
        inner.held = Arc::new(inner.held.with(superseded(old, migration), moved.held_children()));
        let load = load.without(is_of_before);
        Ok((book, EvolveReport { in_place: false, released, load }))
    }
}

/// The same chunks with as many columns and tables as the schema has.
fn in_place(old: &Inner, migration: &Migration) -> Inner {
    let mut next = old.clone();
    let schema = &migration.schema;
    next.version = next.version.saturating_add(1);
    let (columns, tables) = (schema.attributes().len(), schema.tables().len());
    let wide: Vec<usize> = schema.tables().map(|table| table.columns().len()).collect();
    let grows = columns != old.schema.attributes().len() || {
        let before: Vec<usize> = old.schema.tables().map(|table| table.columns().len()).collect();
        before != wide
    };
    for slot in (0..next.chunks.len()).filter(|_| grows) {
        let Some(Some(chunk)) = next.chunks.get_mut(slot) else { continue };
        let chunk = Arc::make_mut(chunk);
        chunk.columns.resize(columns, None);
        chunk.tables.resize(tables, None);
        for (block, columns) in chunk.tables.iter_mut().zip(&wide) {
            if let Some(block) = block.as_mut().filter(|block| block.columns.len() != *columns) {
                *block = Arc::new(block.with_columns(*columns));
            }
        }
    }
    next.child_index.resize_with(tables, || Arc::new(TagIndex::build(std::iter::empty())));
    let superseded = superseded(old, migration);
    if !Arc::ptr_eq(&superseded, &old.held.superseded) {
        next.held = Arc::new(old.held.with(superseded, Vec::new()));
    }
    next.schema = schema.clone();
    next
}

/// Rows that nothing releases, by the names of their tables; those of a table that is gone went with it.
fn superseded(old: &Inner, migration: &Migration) -> Arc<Vec<SupersededRow>> {
    let renames = &migration.renames;
    let rows = &old.held.superseded;
    let is_table = |row: &SupersededRow| old.schema.table(&row.table).is_some();
    let kept: Vec<Option<usize>> = migration.tables.iter().map(|table| table.before).collect();
    let is_kept = |name: &str| {
        let place = old.schema.table(name).map(TableId::index);
        place.is_none_or(|place| kept.contains(&Some(place)))
    };
    if !rows
        .iter()
        .any(|row| is_table(row) && (renames.tables.contains_key(&row.table) || !is_kept(&row.table)))
    {
        return rows.clone();
    }
    let now = |row: &SupersededRow| {
        let table = renames.tables.get(&row.table).filter(|_| is_table(row)).unwrap_or(&row.table).clone();
        is_kept(&row.table).then(|| SupersededRow { table, ..row.clone() })
    };
    Arc::new(rows.iter().filter_map(now).collect())
}

/// Was it known before that a value, a name or a parent is not known?
fn is_of_before(problem: &Problem) -> bool {
    let unknown = not_known();
    match problem {
        Problem::Value { fault, .. } => {
            matches!(&fault.kind, ValueFaultKind::Unreadable { text, .. } if *text == unknown)
        }
        Problem::UnknownType { name, .. } | Problem::UnknownProduct { name, .. } => *name == unknown,
        Problem::InvalidId { id, .. } => *id == unknown,
        _ => false,
    }
}

/// Is everyone who was in the book in it still, and where it was?
fn stays(old: &Inner, new: &Inner, migration: &Migration) -> Result<(), EvolveFaults> {
    let mut faults = EvolveFaults::none();
    if new.held.accounts.len() + new.held.adopted.len() > 0 {
        let was_held = |id: &AccountId| old.held.accounts.contains_key(id);
        for (id, held) in new.held.accounts.iter().filter(|(id, _)| !was_held(id)) {
            let (account, reason) = (id.clone(), held.reason.clone());
            faults.add(|| EvolveFault::AccountHeld { account, reason });
        }
        let was_adopted = |id: &AccountId| old.held.adopted.contains_key(id) || was_held(id);
        for (id, reason) in new.held.adopted.iter().filter(|(id, _)| !was_adopted(id)) {
            let (account, reason) = (id.clone(), *reason);
            faults.add(|| EvolveFault::Adopted { account, reason });
        }
    }
    let before_of = |table: &str| {
        let at = migration.schema.table(table)?.index();
        migration.tables.get(at)?.before
    };
    for held in new.held.children.values().flatten() {
        let was_in = before_of(&held.table).and_then(|number| old.find_child(number, held.row.id.as_str()));
        if was_in.is_some() {
            let (table, row) = (held.table.clone(), held.row.id.to_string());
            faults.add(|| EvolveFault::RowHeld { table, row, reason: held.reason });
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn released(old: &Inner, new: &Inner) -> Vec<AccountId> {
    old.held.accounts.keys().filter(|id| new.find(id.as_str()).is_some()).cloned().collect()
}
