//! What do we know now?
//!
//! A [`Book`] is one immutable version of a book of business: accounts in chunks and limbs, their
//! columns and child rows. It is loaded from a source, changed by a [`Change`] into another book that
//! shares everything untouched, and asked through a [`View`], which carries the scope and the moment.

mod account;
mod apply;
mod assemble;
mod builder;
mod change;
mod children;
mod chunk;
mod compare;
mod evolve;
mod held;
mod input_ids;
mod intake;
mod judge;
mod load_accounts;
mod load_children;
mod load_successions;
mod placing;

mod graph;
mod link_rings;
mod links;
mod rechunk;
mod repeated;
mod replace;
mod report;
mod restructure;
mod row_index;
mod settle;
#[cfg(feature = "snapshot")]
mod snapshot;
mod successions;
mod sync;
mod unread;
mod usage_places;
mod values;
mod verify;
mod view;
mod wishes;
mod withdrawn;

use std::sync::Arc;

pub use account::{Account, ChildEntry};
pub use builder::BookBuilder;
pub use change::{Change, ChangeError, ChangeItem, ChangeProblem};
pub(crate) use children::TableBlock;
pub(crate) use chunk::Chunk;
use chunk::Limb;
pub use compare::{AccountChanges, AccountMove, ChangeReport, UsageMove, ValueChange};
pub use evolve::{EvolveError, EvolveFault, EvolveFaults, EvolveReport, NamedRows};
pub use graph::{AccountNode, EdgeReferences, NodeReferences, ParentEdge, VisitedAccounts};
pub(crate) use held::Held;
pub use held::{HeldAccount, HeldChild, HeldReason, SupersededRow};
pub use links::{DeclaredLink, LinkGraph, LinkKind, LinkReferences};
pub use repeated::RepeatedRow;
pub use report::{Fault, LoadError, LoadReport, MAX_REPORTED, Problem, RowCounts, RowLocation};
#[cfg(feature = "snapshot")]
pub use snapshot::SnapshotError;
#[cfg(feature = "snapshot")]
pub(crate) use snapshot::{Format, Part, Read, Reader, Section, Writer};
pub use successions::Successions;
pub use sync::ChangeBuilder;
pub(crate) use usage_places::UsagePlaces;
pub use view::View;
pub use withdrawn::WithdrawnAmounts;

use crate::column::{Raw, Shelf};
use crate::model::{AccountId, AccountIdx, AsOf, AttributeId, Schema};
use crate::set::{AccountSet, Layout, Scope, StaleSet};
use crate::source::Source;
use crate::tree::{Policy, TagIndex, hash_of};

/// One immutable version of a book of business. Cloning is cheap; `Send + Sync`.
///
/// ```
/// use perennial::{AccountId, AccountRow, AsOf, Book, Date, Nesting, Policy, Schema, Scope, source::MemorySource};
///
/// let schema = Schema::builder().account_type("Company", Nesting::Free).build()?;
/// let acme = AccountId::new("acme")?;
/// let source = MemorySource::new()
///     .account(AccountRow::new(AccountId::new("acme-eu")?, "Company").under(acme.clone()))
///     .account(AccountRow::new(acme, "Company"));
/// let (book, report) = Book::load(schema, &source, &Policy::strict())?;
/// assert_eq!(report.subsidiaries, 1);
///
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
/// let eu = view.account("acme-eu").expect("was loaded");
/// assert_eq!(eu.path(), "acme › acme-eu");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Book(pub(crate) Arc<Inner>);

#[derive(Debug, Clone)]
pub(crate) struct Inner {
    pub(crate) schema: Arc<Schema>,
    pub(crate) policy: Policy,
    pub(crate) chunk_rows: u32,
    pub(crate) version: u64,
    pub(crate) layout: Layout,
    // INVARIANT: a slot is `None` only when nothing refers to it.
    pub(crate) chunks: Shelf<Option<Arc<Chunk>>>,
    /// Slots of the chunks that hang on nothing, in the order of the tree.
    pub(crate) trunk: Arc<[u32]>,
    pub(crate) index: Arc<TagIndex>,
    /// One for each child table.
    pub(crate) child_index: Vec<Arc<TagIndex>>,
    pub(crate) held: Arc<Held>,
    pub(crate) successions: Arc<Successions>,
}

/// Rows of a chunk unless a builder says otherwise.
pub(crate) const CHUNK_ROWS: u32 = 4_096;
/// Most rows of a chunk.
pub(crate) const MAX_CHUNK_ROWS: u32 = 65_534;

impl Book {
    /// Loads everything that a schema declares from a source.
    ///
    /// # Errors
    ///
    /// [`LoadError`] when the source fails, a batch is malformed (columns of different lengths, a repeated
    /// column, no id column), or the policy refuses a fault; the report then counts every fault and
    /// describes up to [`MAX_REPORTED`] of each kind.
    ///
    /// # Complexity
    ///
    /// O(rows × columns), plus the sorting of siblings. Peaks at about twice the size of the book.
    pub fn load(
        schema: impl Into<Arc<Schema>>,
        source: &dyn Source,
        policy: &Policy,
    ) -> Result<(Self, LoadReport), LoadError> {
        BookBuilder::new(schema.into()).policy(policy.clone()).load(source)
    }

    /// Checks a source against a schema without making a book: what is missing or invalid, and where,
    /// whatever the policy of a later load.
    ///
    /// # Errors
    ///
    /// [`LoadError`] when the source fails, a batch is malformed, or a column of the hierarchy is nearly there; faults
    /// of the data are the answer.
    pub fn check(schema: impl Into<Arc<Schema>>, source: &dyn Source) -> Result<LoadReport, LoadError> {
        match Self::load(schema, source, &Policy::strict()) {
            Ok((_, report)) => Ok(report),
            Err(LoadError::Rejected { report }) => Ok(*report),
            Err(error) => Err(error),
        }
    }

    /// Starts a book into which the host pushes batches itself.
    #[must_use]
    pub fn builder(schema: impl Into<Arc<Schema>>) -> BookBuilder {
        BookBuilder::new(schema.into())
    }

    /// The book as a user who may see `scope` sees it.
    ///
    /// `as_of` is the moment whose date roll-ups convert money at; nothing else depends on it yet. It does
    /// **not** go back in time: a book knows only the values it was loaded with. To ask about an earlier
    /// state, keep the book of that day and ask it. Cheap: handles are cloned, no row is read.
    ///
    /// # Errors
    ///
    /// [`StaleSet`] when the scope belongs to another layout; [`Book::rebase`] carries it over.
    pub fn view(&self, scope: &Scope, as_of: AsOf) -> Result<View, StaleSet> {
        View::new(self.clone(), scope.clone(), as_of)
    }

    /// The whole book: a scope of everything fits every book.
    pub(crate) fn view_of_all(&self, as_of: AsOf) -> View {
        View::of_all(self.clone(), as_of)
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.0.schema
    }

    /// The same book under a schema that is equal to its own.
    pub(crate) fn under(self, schema: &Arc<Schema>) -> Self {
        if Arc::ptr_eq(&self.0.schema, schema) {
            return self;
        }
        Self(Arc::new(Inner { schema: schema.clone(), ..(*self.0).clone() }))
    }

    /// The version it was loaded with (0 unless [`BookBuilder::version`] said otherwise), plus one for each
    /// change since.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.version
    }

    /// How many accounts are in the book, held ones apart.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.layout.total()
    }

    /// Whether no account is in the book.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Accounts held out of the book that a change can release, in order of id.
    pub fn held_accounts(&self) -> impl Iterator<Item = &HeldAccount> {
        self.0.held.accounts.values()
    }

    /// Rows that were superseded or can never be loaded.
    #[must_use]
    pub fn superseded(&self) -> &[SupersededRow] {
        &self.0.held.superseded
    }

    /// Which accounts came after which: the history of mergers and splits, whole and outside any scope.
    #[must_use]
    pub fn successions(&self) -> &Successions {
        &self.0.successions
    }

    /// Child rows held out of the book.
    pub fn held_children(&self) -> impl Iterator<Item = &HeldChild> {
        self.0.held.children.values().flatten()
    }

    /// Every account as a set, for making scopes.
    #[must_use]
    pub fn all_accounts(&self) -> AccountSet {
        AccountSet::full(self.0.layout.clone())
    }

    /// The set of the accounts with these ids; ids that are not in the book are left out.
    pub fn accounts<'t>(&self, ids: impl IntoIterator<Item = &'t str>) -> AccountSet {
        let found = ids.into_iter().filter_map(|id| self.find(id));
        AccountSet::from_accounts(self.0.layout.clone(), found)
    }

    /// The set of everything under the accounts with these ids, themselves included: the usual scope of
    /// a team.
    pub fn subtrees<'t>(&self, ids: impl IntoIterator<Item = &'t str>) -> AccountSet {
        let mut rows: std::collections::BTreeMap<u32, crate::column::Bitmap> =
            std::collections::BTreeMap::new();
        let mut work: Vec<(u32, u32, u32)> = Vec::new();
        for top in ids.into_iter().filter_map(|id| self.find(id)) {
            if let Some(chunk) = self.0.chunk(top.slot) {
                work.push((top.slot, top.row, chunk.shape.end(top.row)));
                work.extend(chunk.limbs_in(top.row).map(|limb| (limb.slot, 0, u32::MAX)));
            }
            while let Some((slot, start, end)) = work.pop() {
                let Some(chunk) = self.0.chunk(slot) else { continue };
                let all = chunk.shape.rows();
                let bits = rows.entry(slot).or_insert_with(|| crate::column::Bitmap::zeros(all as usize));
                if end == u32::MAX {
                    if bits.is_full() {
                        continue;
                    }
                    work.extend(chunk.limbs.iter().map(|limb| (limb.slot, 0, u32::MAX)));
                }
                for row in start..end.min(all) {
                    bits.set(row as usize, true);
                }
            }
        }
        AccountSet::from_bitmaps(self.0.layout.clone(), rows)
    }

    /// Carries a set over from an older book to this one: the same accounts by id, without those that
    /// are gone.
    ///
    /// # Errors
    ///
    /// [`StaleSet`] when the set does not belong to `from`.
    ///
    /// # Complexity
    ///
    /// O(members in chunks that changed); chunks that both books share are carried over whole.
    pub fn rebase(&self, set: &AccountSet, from: &Self) -> Result<AccountSet, StaleSet> {
        if !set.layout().same(&from.0.layout) {
            return Err(StaleSet);
        }
        let mut bitmaps: std::collections::BTreeMap<u32, crate::column::Bitmap> =
            std::collections::BTreeMap::new();
        for (slot, bits) in set.bitmaps() {
            let (Some(old), new) = (from.0.chunk(slot), self.0.chunk(slot)) else { continue };
            if new.is_some_and(|new| Arc::ptr_eq(&new.shape, &old.shape)) {
                let merged = bitmaps.get(&slot).map_or_else(|| (**bits).clone(), |own| own.or(bits));
                bitmaps.insert(slot, merged);
                continue;
            }
            for account in bits.rows().filter_map(|row| self.find(old.shape.id(row)?)) {
                let rows = self.0.layout.rows(account.slot);
                let bits = bitmaps.entry(account.slot).or_insert_with(|| crate::column::Bitmap::zeros(rows));
                bits.set(account.row as usize, true);
            }
        }
        Ok(AccountSet::from_bitmaps(self.0.layout.clone(), bitmaps))
    }

    pub(crate) fn find(&self, id: &str) -> Option<AccountIdx> {
        self.0.find(id)
    }

    /// How many bytes the book holds on the heap, by its own count: columns, structure and index.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let chunks = self.0.chunks.iter().flatten().map(|chunk| chunk.bytes()).sum::<usize>();
        chunks + self.0.index.bytes() + self.0.child_index.iter().map(|index| index.bytes()).sum::<usize>()
    }

    /// How many blocks of columns and shapes two books share, and how many this one has. For tests of
    /// sharing; the figures say nothing about the accounts.
    #[must_use]
    pub fn shared_blocks(&self, other: &Self) -> (usize, usize) {
        let (mut shared, mut own) = (0, 0);
        let mut count = |same: bool| {
            own += 1;
            shared += usize::from(same);
        };
        for (slot, chunk) in self.0.chunks.iter().enumerate() {
            let Some(chunk) = chunk else { continue };
            let old = other.0.chunks.get(slot).and_then(Option::as_ref);
            count(old.is_some_and(|old| Arc::ptr_eq(&old.shape, &chunk.shape)));
            for (column, block) in chunk.columns.iter().enumerate() {
                if let Some(block) = block {
                    count(old.and_then(|old| old.column(column)).is_some_and(|old| Arc::ptr_eq(old, block)));
                }
            }
            for (table, block) in chunk.tables.iter().enumerate() {
                if let Some(block) = block {
                    count(old.and_then(|old| old.table(table)).is_some_and(|old| Arc::ptr_eq(old, block)));
                }
            }
        }
        (shared, own)
    }
}

impl Inner {
    pub(crate) fn chunk(&self, slot: u32) -> Option<&Arc<Chunk>> {
        self.chunks.get(slot as usize).and_then(Option::as_ref)
    }

    pub(crate) fn find(&self, id: &str) -> Option<AccountIdx> {
        let hash = hash_of(id);
        self.index.slots(hash).find_map(|slot| {
            let row = self.chunk(slot)?.shape.row(id, hash)?;
            Some(AccountIdx::new(slot, row))
        })
    }

    /// The slot and row of a child row by id.
    pub(crate) fn find_child(&self, table: usize, id: &str) -> Option<(u32, usize)> {
        let hash = hash_of(id);
        self.child_index.get(table)?.slots(hash).find_map(|slot| {
            let row = self.chunk(slot)?.table(table)?.row(id, hash)?;
            Some((slot, row))
        })
    }

    pub(crate) fn id(&self, account: AccountIdx) -> &str {
        self.chunk(account.slot).and_then(|chunk| chunk.shape.id(account.row)).unwrap_or_default()
    }

    pub(crate) fn account_id(&self, account: AccountIdx) -> AccountId {
        AccountId::trusted(self.id(account))
    }

    pub(crate) fn parent(&self, account: AccountIdx) -> Option<AccountIdx> {
        let chunk = self.chunk(account.slot)?;
        match chunk.shape.parent(account.row) {
            Some(row) => Some(AccountIdx::new(account.slot, row)),
            None => chunk.home,
        }
    }

    /// Is the contract status of an account, which stands in an attribute, one of the cancelled?
    pub(crate) fn has_cancelled(&self, account: AccountIdx, status: AttributeId) -> bool {
        let block = self.chunk(account.slot).and_then(|chunk| chunk.column(status.index()));
        block.is_some_and(|block| match block.get(account.row as usize) {
            Some(Raw::Code(code)) => self.schema.is_cancelled(code),
            _ => false,
        })
    }

    /// Whether `node` stands below `top`, or is it.
    pub(crate) fn is_under(&self, node: AccountIdx, top: AccountIdx) -> bool {
        // Climb to the chunk of `top`; inside a chunk a subtree is a range.
        let mut at = Some(node);
        while let Some(place) = at {
            let Some(chunk) = self.chunk(place.slot) else { return false };
            if place.slot == top.slot {
                return (top.row..chunk.shape.end(top.row)).contains(&place.row);
            }
            at = chunk.home;
        }
        false
    }

    pub(crate) fn children_into(&self, account: AccountIdx, out: &mut Vec<AccountIdx>) {
        let Some(chunk) = self.chunk(account.slot) else { return };
        let mut limbs = chunk.limbs_on(account.row).peekable();
        for child in chunk.shape.children(Some(account.row)) {
            while let Some(limb) = limbs.next_if(|limb| limb.before <= child) {
                self.local_roots_into(limb.slot, out);
            }
            out.push(AccountIdx::new(account.slot, child));
        }
        for limb in limbs {
            self.local_roots_into(limb.slot, out);
        }
    }

    pub(crate) fn local_roots_into(&self, slot: u32, out: &mut Vec<AccountIdx>) {
        if let Some(chunk) = self.chunk(slot) {
            out.extend(chunk.shape.children(None).map(|row| AccountIdx::new(slot, row)));
        }
    }

    /// Whether accounts stand directly below, in the chunk or in limbs.
    pub(crate) fn has_children(&self, account: AccountIdx) -> bool {
        self.chunk(account.slot).is_some_and(|chunk| {
            chunk.shape.end(account.row) > account.row + 1 || chunk.limbs_on(account.row).next().is_some()
        })
    }
}
