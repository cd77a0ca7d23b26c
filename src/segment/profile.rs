//! What is there to know of one account, on one screen?

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cancelled::{Counted, is_zero};
use crate::book::{Account, ChildEntry, View};
use crate::fold::{FoldValue, Totals};
use crate::model::DocumentVersion;
use crate::model::{AccountId, Attribute, ChildId, SystemAttribute, TableKind, Value};
use crate::set::{AccountSet, StaleSet};

/// Children, rows and products that a profile names at most, of each; the others are counted.
pub const MAX_PROFILE_ROWS: usize = 1_000;

/// One account with what stands around it, within the scope of its view.
///
/// ```
/// use perennial::segment::Profile;
/// use perennial::source::MemorySource;
/// use perennial::{
///     AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Date, FoldPlan, Nesting, Policy, RollUp, Schema, Scope,
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
/// let totals = FoldPlan::new(book.schema(), [RollUp::sum("seats").named("all seats")])?.all(&view);
///
/// let profile = Profile::of(&view, view.account("acme").ok_or("not there")?, Some(&totals), &[]);
/// assert_eq!(profile.children[0].id.as_str(), "acme-crm");
/// assert_eq!(profile.products[0].product.as_ref(), "CRM");
/// assert_eq!(profile.rolled_up[0].1.as_ref().map(ToString::to_string).as_deref(), Some("42"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    pub values: Vec<(Arc<str>, Value)>,
    /// What was rolled up to it, in the order of the plan; `None` where nothing has a value.
    pub rolled_up: Vec<(Arc<str>, Option<FoldValue>)>,
    /// Products that it owns: its own, and those of product accounts anywhere below it that are not cancelled.
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
    #[serde(default, skip_serializing_if = "is_zero")]
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
    pub values: Vec<(Arc<str>, Value)>,
}

impl Profile {
    /// The profile of an account. `totals` are those of a plan over the same view; `roles` are attributes that name who
    /// works on an account, beside the success and sales managers.
    ///
    /// # Complexity
    ///
    /// Linear in the attributes, the children, and for products and opportunities in the accounts below.
    #[must_use]
    pub fn of(view: &View, account: Account<'_>, totals: Option<&Totals>, roles: &[&str]) -> Self {
        Self::counting(view, account, totals, roles, Counted::Current)
    }

    /// The same, with the opportunities of cancelled accounts. Cost and nulls are those of [`Profile::of`].
    #[must_use]
    pub fn with_cancelled(
        view: &View,
        account: Account<'_>,
        totals: Option<&Totals>,
        roles: &[&str],
    ) -> Self {
        Self::counting(view, account, totals, roles, Counted::WithCancelled)
    }

    fn counting(
        view: &View,
        account: Account<'_>,
        totals: Option<&Totals>,
        roles: &[&str],
        counted: Counted,
    ) -> Self {
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
        let rolled_up = totals.into_iter().flat_map(|totals| {
            totals.plan().names().map(|name| (Arc::from(name), totals.value(account, name)))
        });
        let managers =
            [SystemAttribute::SuccessManager, SystemAttribute::SalesManager].map(SystemAttribute::name);
        let roles =
            managers.iter().chain(roles).filter_map(|role| Some((Arc::from(*role), account.value(role)?)));
        let mut profile = Self {
            v: DocumentVersion,
            account: Relative::of(account),
            level: account.level(),
            path,
            more_children: below.len() - children.len(),
            children,
            values,
            rolled_up: rolled_up.collect(),
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

    /// The profiles of the visible accounts of a set, in the order of the tree.
    ///
    /// # Errors
    ///
    /// [`StaleSet`] for a set of another layout of the book.
    pub fn all(
        view: &View,
        accounts: &AccountSet,
        totals: Option<&Totals>,
        roles: &[&str],
    ) -> Result<Vec<Self>, StaleSet> {
        Self::all_counting(view, accounts, totals, roles, Counted::Current)
    }

    /// The same, with the opportunities of cancelled accounts.
    ///
    /// # Errors
    ///
    /// As [`Profile::all`].
    pub fn all_with_cancelled(
        view: &View,
        accounts: &AccountSet,
        totals: Option<&Totals>,
        roles: &[&str],
    ) -> Result<Vec<Self>, StaleSet> {
        Self::all_counting(view, accounts, totals, roles, Counted::WithCancelled)
    }

    fn all_counting(
        view: &View,
        accounts: &AccountSet,
        totals: Option<&Totals>,
        roles: &[&str],
        counted: Counted,
    ) -> Result<Vec<Self>, StaleSet> {
        let accounts = view.visible().intersection(accounts)?;
        let chosen = view.accounts().filter(|account| accounts.contains(account.place()));
        Ok(chosen.map(|account| Self::counting(view, account, totals, roles, counted)).collect())
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
