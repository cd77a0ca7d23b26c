//! What can be asked of one account?

use std::fmt;

use super::View;
use crate::column::{Raw, value_of};
use crate::model::{
    AccountId, AccountIdx, AttributeId, ChildId, ChildTable, ParentLink, Product, ProductId, SystemAttribute,
    TableId, TypeId, Value,
};
use crate::tree::{AccountTree, FaultKind};

/// A visible account of a [`View`]. Two words; copy it freely.
///
/// Everything it answers is within the scope of its view.
///
/// # Complexity
///
/// `place` and `type_id` are O(1); a value is a look-up in one block. `parent` and `children` of a scoped
/// view also walk over the hidden accounts in between. `root`, `level`, `path`, `lineage` and
/// `lowest_common_ancestor` are O(depth): while walking `descendants`, keep the level yourself.
/// `is_under` is O(chunks between the two). `children` and `siblings` allocate; the siblings of a root
/// are all the other roots.
#[derive(Clone, Copy)]
pub struct Account<'v> {
    view: &'v View,
    place: AccountIdx,
}

impl<'v> Account<'v> {
    pub(crate) const fn new(view: &'v View, place: AccountIdx) -> Self {
        Self { view, place }
    }

    fn all(&self, places: Vec<AccountIdx>) -> Vec<Self> {
        places.into_iter().map(|place| Self::new(self.view, place)).collect()
    }

    pub(crate) const fn view(&self) -> &'v View {
        self.view
    }

    /// Its place, for [`AccountTree`], petgraph and sets.
    #[must_use]
    pub const fn place(&self) -> AccountIdx {
        self.place
    }

    /// The host's id.
    #[must_use]
    pub fn id(&self) -> AccountId {
        self.view.inner().account_id(self.place)
    }

    /// The host's id as text, without making an [`AccountId`].
    #[must_use]
    pub fn id_str(&self) -> &'v str {
        self.view.inner().id(self.place)
    }

    /// Its name: the `name` attribute, or the id where that is missing.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.view.schema().system_attribute(SystemAttribute::Name);
        let value = name.and_then(|attribute| self.value_at(attribute));
        value.as_ref().and_then(Value::as_text).map_or_else(|| self.id_str().to_owned(), str::to_owned)
    }

    /// The name of its account type.
    #[must_use]
    pub fn account_type(&self) -> &'v str {
        self.view.schema().type_at(self.type_id()).map_or("", |kind| kind.name())
    }

    /// Its account type.
    #[must_use]
    pub fn type_id(&self) -> TypeId {
        let chunk = self.view.inner().chunk(self.place.slot);
        TypeId::new(chunk.map_or(0, |chunk| usize::from(chunk.shape.kind(self.place.row))))
    }

    /// The product, of a product account.
    #[must_use]
    pub fn product(&self) -> Option<&'v str> {
        let product = self.view.inner().chunk(self.place.slot)?.shape.product(self.place.row)?;
        let schema = self.view.schema();
        schema.product_at(ProductId::new(usize::from(product))).map(Product::name)
    }

    /// A value by attribute name; `None` when it is missing or the schema knows no such attribute. To tell
    /// the two apart, resolve the name once with [`Schema::attribute`](crate::Schema::attribute) and use
    /// [`Self::value_at`].
    #[must_use]
    pub fn value(&self, attribute: &str) -> Option<Value> {
        self.value_at(self.view.schema().attribute(attribute)?)
    }

    /// A value by attribute.
    #[must_use]
    pub fn value_at(&self, attribute: AttributeId) -> Option<Value> {
        let chunk = self.view.inner().chunk(self.place.slot)?;
        let raw = chunk.column(attribute.index())?.get(self.place.row as usize)?;
        value_of(raw, self.view.schema().attribute_at(attribute)?.kind())
    }

    /// Is its contract status one of the cancelled? An account without a status is not.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let inner = self.view.inner();
        let status = inner.schema.system_attribute(SystemAttribute::Status);
        status.is_some_and(|status| inner.has_cancelled(self.place, status))
    }

    // A text by attribute, without a copy where it is stored whole.
    pub(crate) fn text_at(&self, attribute: AttributeId) -> Option<std::borrow::Cow<'v, str>> {
        let chunk = self.view.inner().chunk(self.place.slot)?;
        match chunk.column(attribute.index())?.get(self.place.row as usize)? {
            Raw::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The account directly above.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.view.parent(self.place).map(|place| Self::new(self.view, place))
    }

    /// The accounts directly below, by id.
    #[must_use]
    pub fn children(&self) -> Vec<Self> {
        self.all(self.view.children(self.place))
    }

    /// Whether it is the top of its tree.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.view.parent(self.place).is_none()
    }

    /// Whether accounts stand directly below.
    #[must_use]
    pub fn has_children(&self) -> bool {
        if self.view.scope().is_all() {
            self.view.inner().has_children(self.place)
        } else {
            !self.view.children(self.place).is_empty()
        }
    }

    /// The other children of its parent; of a root, the other roots.
    #[must_use]
    pub fn siblings(&self) -> Vec<Self> {
        self.all(self.view.siblings(self.place))
    }

    /// The accounts above, nearest first.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> + use<'v> {
        let view = self.view;
        view.ancestors(self.place).map(move |place| Self::new(view, place))
    }

    /// Itself and the accounts above, nearest first.
    pub fn lineage(&self) -> impl Iterator<Item = Self> + use<'v> {
        let view = self.view;
        view.lineage(self.place).map(move |place| Self::new(view, place))
    }

    /// The top of its tree.
    #[must_use]
    pub fn root(&self) -> Self {
        Self::new(self.view, self.view.root(self.place))
    }

    /// Everything below, in pre-order.
    pub fn descendants(&self) -> impl Iterator<Item = Self> + use<'v> {
        let view = self.view;
        view.descendants(self.place).map(move |place| Self::new(view, place))
    }

    /// Itself and everything below, in pre-order.
    pub fn subtree(&self) -> impl Iterator<Item = Self> + use<'v> {
        let view = self.view;
        view.subtree(self.place).map(move |place| Self::new(view, place))
    }

    /// The accounts of its subtree without children (its ultimate children), in pre-order.
    #[must_use]
    pub fn leaves(&self) -> Vec<Self> {
        self.all(self.view.leaves(self.place))
    }

    /// How deep it stands; a root is at level 1.
    #[must_use]
    pub fn level(&self) -> usize {
        self.view.level(self.place)
    }

    /// The names from the root down: `Acme › Acme EU › CRM`.
    #[must_use]
    pub fn path(&self) -> String {
        let mut names: Vec<String> = self.lineage().map(|account| account.name()).collect();
        names.reverse();
        names.join(" › ")
    }

    /// Whether it stands below `top`, or is it.
    #[must_use]
    pub fn is_under(&self, top: Self) -> bool {
        self.view.is_under(self.place, top.place)
    }

    /// The lowest account that both stand under (or are).
    #[must_use]
    pub fn lowest_common_ancestor(&self, other: Self) -> Option<Self> {
        self.view.lowest_common_ancestor(self.place, other.place).map(|place| Self::new(self.view, place))
    }

    /// The accounts of a type in its subtree, in pre-order.
    pub fn of_type(&self, kind: &str) -> impl Iterator<Item = Self> + use<'v> {
        let kind = self.view.schema().account_type(kind);
        self.subtree().filter(move |account| Some(account.type_id()) == kind)
    }

    /// The products that it owns itself as product accounts (its own, or those of its direct product
    /// accounts; products of deals or contracts are child rows, see [`Self::child_rows`]), in the
    /// order of the schema, each once, however many accounts hold it.
    #[must_use]
    pub fn products(&self) -> Vec<&'v str> {
        self.distinct_products(std::iter::once(*self).chain(self.children()))
    }

    /// The products owned anywhere in its subtree, in the order of the schema, each once.
    #[must_use]
    pub fn products_in_subtree(&self) -> Vec<&'v str> {
        self.distinct_products(self.subtree())
    }

    fn distinct_products(&self, accounts: impl Iterator<Item = Self>) -> Vec<&'v str> {
        let mut owned: Vec<(Option<ProductId>, &'v str)> = accounts
            .filter_map(|account| account.product())
            .map(|name| (self.view.schema().product(name), name))
            .collect();
        owned.sort_unstable();
        owned.dedup();
        owned.into_iter().map(|(_, name)| name).collect()
    }

    /// Why it is a root, when a fault made it one. Answered in views of everything only: the reason may
    /// lie in accounts that a scope does not show.
    #[must_use]
    pub fn adopted(&self) -> Option<FaultKind> {
        if !self.view.scope().is_all() {
            return None;
        }
        let held = &self.view.inner().held;
        held.adopted.get(&self.id()).copied()
    }

    /// Its declared parents other than the one it stands under, the preferred first: where it hangs
    /// besides its place in the tree. No value is rolled up along these links.
    ///
    /// Of an account that became a root because it closed a ring, this is every parent it declares. In a
    /// scope, see [`View::link_graph`].
    ///
    /// # Complexity
    ///
    /// O(log + declared parents).
    #[must_use]
    pub fn extra_parents(&self) -> Vec<Self> {
        self.all(self.view.extra_parents_of(self.place).collect())
    }

    /// The accounts that declare it as a parent and do not stand directly below it, by id:
    /// [`extra_parents`](Self::extra_parents) from the other end.
    ///
    /// ```
    /// use perennial::{AccountId, AccountRow, AsOf, Book, Date, FaultKind, Nesting, Policy, Remedy, Schema, Scope};
    /// use perennial::source::MemorySource;
    ///
    /// let [left, right, joint] = ["left", "right", "venture"].map(|id| AccountId::new(id).expect("is no id"));
    /// let source = MemorySource::new()
    ///     .account(AccountRow::new(left.clone(), "Company"))
    ///     .account(AccountRow::new(right.clone(), "Company"))
    ///     .account(AccountRow::new(joint, "Company").under(left).under(right));
    /// let schema = Schema::builder().account_type("Company", Nesting::Free).build()?;
    /// let policy = Policy::strict().with(FaultKind::SeveralParents, Remedy::Prefer)?;
    /// let (book, _) = Book::load(schema, &source, &policy)?;
    ///
    /// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
    /// let [left, right, joint] = ["left", "right", "venture"].map(|id| view.account(id).expect("was loaded"));
    /// assert_eq!((left.children(), left.extra_children()), (vec![joint], vec![]));
    /// assert_eq!((right.children(), right.extra_children()), (vec![], vec![joint]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Complexity
    ///
    /// O(accounts with several parents that declare it × log).
    #[must_use]
    pub fn extra_children(&self) -> Vec<Self> {
        self.all(self.view.extra_children_of(self.place).collect())
    }

    /// Its parents as declared, preferred first: those that exist, those that do not, and the one it stands
    /// under. Answered in views of everything only (else empty): a declaration names accounts that a scope
    /// may not show.
    ///
    /// What [`Change::declare_parents`](crate::Change::declare_parents) takes, so that a host can compare
    /// what it declares with what the book knows. The rank of an only parent that exists means nothing and
    /// is 0; a parent declared twice is listed with its lower rank.
    ///
    /// ```
    /// use perennial::{AccountId, AccountRow, AsOf, Book, Date, Nesting, Policy, Schema, Scope, source::MemorySource};
    ///
    /// let schema = Schema::builder().account_type("Company", Nesting::Free).build()?;
    /// let row = AccountRow::new(AccountId::new("acme-eu")?, "Company").under(AccountId::new("acme")?);
    /// let (book, _) = Book::load(schema, &MemorySource::new().account(row), &Policy::lenient())?;
    /// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
    /// let orphan = view.account("acme-eu").ok_or("adopted as a root")?;
    /// assert!(orphan.parent().is_none());
    /// assert_eq!(orphan.declared_parents()[0].parent.as_str(), "acme");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn declared_parents(&self) -> Vec<ParentLink> {
        if !self.view.scope().is_all() {
            return Vec::new();
        }
        match self.view.inner().held.links.get(&self.id()) {
            Some(links) => links.clone(),
            None => self.parent().into_iter().map(|up| ParentLink { rank: 0, parent: up.id() }).collect(),
        }
    }

    /// Its rows in a child table, by child id; empty when the schema knows no such table.
    pub fn child_rows(&self, table: &str) -> impl Iterator<Item = ChildEntry<'v>> + use<'v> {
        let view = self.view;
        let place = self.place;
        let found = view.schema().table(table).and_then(|id| Some((id, view.schema().table_at(id)?)));
        found.into_iter().flat_map(move |(id, table)| {
            let block = view.inner().chunk(place.slot).and_then(|chunk| chunk.table(id.index()));
            let rows = block.map_or(0..0, |block| block.rows_of(place.row));
            rows.map(move |row| ChildEntry { view, place, table, id, row })
        })
    }
}

impl PartialEq for Account<'_> {
    /// The same account of the same book.
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place && self.view.inner().layout.same(&other.view.inner().layout)
    }
}

impl Eq for Account<'_> {}

impl fmt::Debug for Account<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.id_str())
    }
}

/// One row of a child table of a visible account.
#[derive(Clone, Copy)]
pub struct ChildEntry<'v> {
    view: &'v View,
    place: AccountIdx,
    table: &'v ChildTable,
    id: TableId,
    row: usize,
}

impl<'v> ChildEntry<'v> {
    /// The host's id of the row.
    #[must_use]
    pub fn id(&self) -> ChildId {
        let chunk = self.view.inner().chunk(self.place.slot);
        let block = chunk.and_then(|chunk| chunk.table(self.id.index()));
        ChildId::trusted(block.and_then(|block| block.id(self.row)).unwrap_or_default())
    }

    /// The number of its table, and its own among the rows of its chunk.
    pub(crate) const fn place(&self) -> (usize, usize) {
        (self.id.index(), self.row)
    }

    /// The account it belongs to.
    #[must_use]
    pub const fn account(&self) -> Account<'v> {
        Account::new(self.view, self.place)
    }

    /// A value by column name; `None` when it is missing or the table has no such column.
    #[must_use]
    pub fn value(&self, column: &str) -> Option<Value> {
        let column = self.table.column_id(column)?;
        let block = self.view.inner().chunk(self.place.slot)?.table(self.id.index())?;
        block.value(self.table, column.index(), self.row)
    }
}

impl fmt::Debug for ChildEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.table.name(), self.id())
    }
}
