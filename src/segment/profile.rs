//! What is there to know of one account, on one screen?

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::AskError;
use super::cancelled::Counted;
use crate::book::{Account, ChildEntry, View};
use crate::expr::{Columns, ExprPlanErrors, ExprPlanFault, ExprPlanFaultKind, ExprValue};
use crate::model::{AccountId, Attribute, ChildId, SystemAttribute, TableKind, Value};
use crate::model::{DocumentVersion, is_default};
use crate::set::AccountSet;

/// Children, rows and products that a profile names at most, of each; the others are counted.
pub const MAX_PROFILE_ROWS: usize = 1_000;

/// What a profile shows beside the account itself.
///
/// ```
/// use perennial::aggregate::{Operator, RollUp, UsageSchema};
/// use perennial::catalog::Catalog;
/// use perennial::segment::{ProfileQuery, Segment};
/// use perennial::source::MemorySource;
/// use perennial::{
///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, Nesting, Policy, Schema, Scope,
/// };
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .product("CRM")
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .build()?;
/// let acme = AccountId::new("acme")?;
/// let source = MemorySource::new()
///     .account(AccountRow::new(acme.clone(), "Company").with("seats", 30_i64))
///     .account(AccountRow::new(AccountId::new("acme-crm")?, "Company").under(acme).product("CRM").with("seats", 12_i64));
/// let (book, _report) = Book::load(schema, &source, &Policy::strict())?;
/// let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31)?))?;
/// let catalog = Catalog::new(book.schema(), &UsageSchema::new([])?, [
///     RollUp::new("all_seats", Operator::Sum("seats".into())).into(),
///     Segment::parse("large", "all_seats > 40")?.into(),
/// ])?;
/// let derived = catalog.run(&view, None, None);
///
/// let query = ProfileQuery::new().column("all_seats").segment("large");
/// let profile = query.run(&derived, view.account("acme").ok_or("not there")?)?;
/// assert_eq!(profile.children[0].id.as_str(), "acme-crm");
/// assert_eq!(profile.products[0].product.as_ref(), "CRM");
/// assert_eq!(profile.columns[0].1.as_ref().map(ToString::to_string).as_deref(), Some("42"));
/// assert_eq!(profile.segments[0].as_ref(), "large");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileQuery {
    columns: Vec<Arc<str>>,
    segments: Vec<Arc<str>>,
    roles: Vec<Arc<str>>,
    counted: Counted,
}

impl ProfileQuery {
    /// The account, its tree, its rows and its managers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a derived column: a roll-up, a calculated attribute, a ranking.
    #[must_use]
    pub fn column(mut self, name: &str) -> Self {
        self.columns.push(Arc::from(name));
        self
    }

    /// With a segment, where the account is in it.
    #[must_use]
    pub fn segment(mut self, id: &str) -> Self {
        self.segments.push(Arc::from(id));
        self
    }

    /// With an attribute that names who works on the account, beside the success and sales managers.
    #[must_use]
    pub fn role(mut self, attribute: &str) -> Self {
        self.roles.push(Arc::from(attribute));
        self
    }

    /// With the opportunities of cancelled accounts.
    #[must_use]
    pub const fn with_cancelled(mut self) -> Self {
        self.counted = Counted::WithCancelled;
        self
    }

    /// The profile of an account of the columns.
    ///
    /// # Errors
    ///
    /// [`ExprPlanErrors`] for columns and segments that are not known, and for an account that the view does not show.
    ///
    /// # Complexity
    ///
    /// Linear in the attributes, the children, and for products and opportunities in the accounts below.
    pub fn run<'c>(
        &self,
        columns: impl Into<Columns<'c>>,
        account: Account<'_>,
    ) -> Result<Profile, ExprPlanErrors> {
        let columns = columns.into();
        self.check(columns, Some(account))?;
        // As the view shows it, whosever view it was taken from.
        let shown = columns.view().at(account.place()).unwrap_or(account);
        Ok(self.profile(columns, shown))
    }

    /// The profiles of the visible accounts of a set, in the order of the tree.
    ///
    /// # Errors
    ///
    /// As [`ProfileQuery::run`], and a set of another layout of the book.
    pub fn all<'c>(
        &self,
        columns: impl Into<Columns<'c>>,
        accounts: &AccountSet,
    ) -> Result<Vec<Profile>, AskError> {
        let columns = columns.into();
        let view = columns.view();
        let accounts = view.visible().intersection(accounts)?;
        self.check(columns, None)?;
        let chosen = view.accounts().filter(|account| accounts.contains(account.place()));
        Ok(chosen.map(|account| self.profile(columns, account)).collect())
    }

    /// The columns are numbered first, then the segments.
    fn check(&self, columns: Columns<'_>, account: Option<Account<'_>>) -> Result<(), ExprPlanErrors> {
        let name =
            |name: &Arc<str>| columns.kind(name).is_none().then(|| ExprPlanFaultKind::Name(name.clone()));
        let segment =
            |id: &Arc<str>| (!columns.has_segment(id)).then(|| ExprPlanFaultKind::Segment(id.clone()));
        let found = self.columns.iter().map(name).chain(self.segments.iter().map(segment));
        let numbered = found.enumerate();
        let of = |(expression, kind): (usize, Option<ExprPlanFaultKind>)| {
            Some(ExprPlanFault { expression, kind: kind? })
        };
        let faults: Vec<ExprPlanFault> = numbered.filter_map(of).collect();
        let view = columns.view();
        let is_shown = |account: Account<'_>| {
            view.inner().layout.same(&account.view().inner().layout) && view.at(account.place()).is_some()
        };
        if !faults.is_empty() {
            return Err(ExprPlanErrors::new(faults));
        }
        match account.filter(|account| !is_shown(*account)) {
            Some(_) => Err(ExprPlanErrors::form("the account is none that the view shows")),
            None => Ok(()),
        }
    }

    fn profile(&self, columns: Columns<'_>, account: Account<'_>) -> Profile {
        let view = columns.view();
        let mut profile = Profile::of(view, account, &self.roles, self.counted);
        let value = |name: &Arc<str>| (name.clone(), columns.value(name, account));
        profile.columns = self.columns.iter().map(value).collect();
        let is_in = |id: &&Arc<str>| columns.is_member(id, account);
        profile.segments = self.segments.iter().filter(is_in).cloned().collect();
        profile
    }
}

/// One account with its relatives, rows and products, within the scope of its view: what [`ProfileQuery`] gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Profile {
    v: DocumentVersion,
    /// The account itself.
    pub account: Relative,
    /// How deep it stands among what is visible; a root is at level 1.
    pub level: usize,
    /// The visible accounts above it, the root first.
    pub path: Vec<Relative>,
    /// The visible accounts directly below it, by id.
    pub children: Vec<Relative>,
    /// How many more there are.
    pub more_children: usize,
    /// Its own values, in the order of the schema; attributes without a value are left out.
    #[serde(with = "crate::model::pairs::name_value")]
    pub values: Vec<(Arc<str>, Value)>,
    /// The derived columns that were asked for, in that order; `None` where one has no value.
    #[serde(with = "crate::model::pairs::name_value")]
    pub columns: Vec<(Arc<str>, Option<ExprValue>)>,
    /// Those of the segments that were asked for that it is in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<Arc<str>>,
    /// Products that it owns: its own, and those of product accounts anywhere below it that are not cancelled. One entry for each product
    /// account, so that a product which is held twice has two.
    pub products: Vec<OwnedProduct>,
    /// Product accounts below it that are cancelled.
    pub cancelled_products: Vec<OwnedProduct>,
    /// How many more product accounts there are, owned or cancelled.
    pub more_products: usize,
    /// What is for sale to it: the rows of tables of opportunities, of the account and all below, those of cancelled
    /// accounts apart.
    pub opportunities: Rows,
    /// Its people: the rows of tables of users, of the account itself.
    pub users: Rows,
    /// Who works on it: the success manager, the sales manager, and the further roles that were asked for.
    #[serde(with = "crate::model::pairs::name_value")]
    pub roles: Vec<(Arc<str>, Value)>,
}

/// An account of the same tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Relative {
    /// Its id.
    pub id: AccountId,
    /// Its name, or its id where it has none.
    pub name: Arc<str>,
    /// Its account type.
    pub account_type: Arc<str>,
    /// Its product, of a product account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Arc<str>>,
    /// Do visible accounts stand below it?
    pub has_children: bool,
}

/// A product, and the account that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OwnedProduct {
    /// The product.
    pub product: Arc<str>,
    /// The product account; the account itself where it is one.
    pub account: AccountId,
}

/// Rows of child tables. Below an account, those of cancelled accounts are left out and counted, as in figures (ruling S119 of
/// [`docs::semantics`](crate::docs::semantics)).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Rows {
    /// The first of them.
    pub rows: Vec<ProfileRow>,
    /// How many more there are.
    pub more: usize,
    /// How many rows of cancelled accounts are left out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cancelled: usize,
}

/// One row of a child table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ProfileRow {
    /// The table.
    pub table: Arc<str>,
    /// The row.
    pub id: ChildId,
    /// The account that it is of.
    pub account: AccountId,
    /// Its values, in the order of the table; columns without a value are left out.
    #[serde(with = "crate::model::pairs::name_value")]
    pub values: Vec<(Arc<str>, Value)>,
}

impl Profile {
    fn of(view: &View, account: Account<'_>, roles: &[Arc<str>], counted: Counted) -> Self {
        let schema = view.schema();
        let mut path: Vec<Relative> = account.ancestors().map(Relative::of).collect();
        path.reverse();
        let below = account.children();
        let children: Vec<Relative> =
            below.iter().take(MAX_PROFILE_ROWS).map(|child| Relative::of(*child)).collect();
        let named = |attribute: &Attribute| {
            account.value(attribute.name()).map(|value| (Arc::from(attribute.name()), value))
        };
        let values = schema.attributes().filter_map(named).collect();
        let managers =
            [SystemAttribute::SuccessManager, SystemAttribute::SalesManager].map(SystemAttribute::name);
        let managers = managers.into_iter().map(Arc::from);
        let roles = managers
            .chain(roles.iter().cloned())
            .filter_map(|role: Arc<str>| account.value(&role).map(|who| (role, who)));
        let mut profile = Self {
            v: DocumentVersion,
            account: Relative::of(account),
            level: account.level(),
            path,
            more_children: below.len() - children.len(),
            children,
            values,
            columns: Vec::new(),
            segments: Vec::new(),
            products: Vec::new(),
            cancelled_products: Vec::new(),
            more_products: 0,
            opportunities: Rows::default(),
            // Of the account that is asked itself, whoever it is.
            users: Rows::of(std::iter::once(account), view, TableKind::Users, Counted::WithCancelled),
            roles: roles.collect(),
        };
        profile.take_products(account);
        profile.opportunities = Rows::of(account.subtree(), view, TableKind::Opportunities, counted);
        profile
    }

    fn take_products(&mut self, account: Account<'_>) {
        for holder in account.subtree() {
            let Some(product) = holder.product() else { continue };
            if self.products.len() + self.cancelled_products.len() >= MAX_PROFILE_ROWS {
                self.more_products += 1;
                continue;
            }
            let owned = OwnedProduct { product: Arc::from(product), account: holder.id() };
            if holder.is_cancelled() {
                self.cancelled_products.push(owned);
            } else {
                self.products.push(owned);
            }
        }
    }
}

impl Relative {
    fn of(account: Account<'_>) -> Self {
        Self {
            id: account.id(),
            name: Arc::from(account.name()),
            account_type: Arc::from(account.account_type()),
            product: account.product().map(Arc::from),
            has_children: account.has_children(),
        }
    }
}

impl Rows {
    fn of<'v>(
        accounts: impl Iterator<Item = Account<'v>>,
        view: &View,
        kind: TableKind,
        counted: Counted,
    ) -> Self {
        let mut found = Self::default();
        let tables: Vec<&crate::model::ChildTable> = view.schema().tables_of(kind).collect();
        if tables.is_empty() {
            return found;
        }
        let left_out = counted.left_out(view);
        for account in accounts {
            let is_left_out = left_out(account.place());
            for table in &tables {
                if is_left_out {
                    found.cancelled += account.child_rows(table.name()).count();
                    continue;
                }
                for row in account.child_rows(table.name()) {
                    if found.rows.len() >= MAX_PROFILE_ROWS {
                        found.more += 1;
                        continue;
                    }
                    found.rows.push(ProfileRow::of(table, &row));
                }
            }
        }
        found
    }
}

impl ProfileRow {
    fn of(table: &crate::model::ChildTable, row: &ChildEntry<'_>) -> Self {
        let values = table
            .columns()
            .filter_map(|column| row.value(column.name()).map(|value| (Arc::from(column.name()), value)));
        let values = values.collect();
        Self { table: Arc::from(table.name()), id: row.id(), account: row.account().id(), values }
    }
}
