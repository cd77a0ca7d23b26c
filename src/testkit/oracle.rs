//! What would the slowest and plainest book answer?
//!
//! A map from id to what was declared, and parent pointers; every question is answered by looking at
//! every account. No chunk, no index, no order kept: nothing here can be wrong in the way that the
//! engine could be wrong. Roll-ups are not computed here.

use std::collections::{BTreeMap, BTreeSet};

use crate::hierarchy::AccountTree;
use crate::{Account, AccountId, AccountRow, ChildId, ChildRow, ParentLink, Schema, Value, View};

/// Child rows of one account: table, then row, then column.
type Children = BTreeMap<String, BTreeMap<ChildId, BTreeMap<String, Value>>>;

/// One account as the oracle sees it.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct OracleAccount {
    /// The account directly above.
    pub parent: Option<AccountId>,
    /// Name of its type.
    pub account_type: String,
    /// Name of its product.
    pub product: Option<String>,
    /// Its own values by attribute; what is not here is missing.
    pub values: BTreeMap<String, Value>,
    /// Its child rows by table and id.
    pub children: Children,
}

/// A book as a map. Cloning copies everything.
///
/// ```
/// use perennial::{AccountId, testkit::{Oracle, OracleAccount}};
///
/// let (acme, eu) = (AccountId::new("acme")?, AccountId::new("acme-eu")?);
/// let mut oracle = Oracle::default();
/// oracle.accounts.insert(acme.clone(), OracleAccount::default());
/// let mut below = OracleAccount::default();
/// below.parent = Some(acme.clone());
/// oracle.accounts.insert(eu.clone(), below);
/// assert_eq!(oracle.children(Some(&acme)), [&eu]);
/// assert_eq!(oracle.level(&eu), 2);
/// # Ok::<(), perennial::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Oracle {
    /// The accounts by id.
    pub accounts: BTreeMap<AccountId, OracleAccount>,
}

impl Oracle {
    /// The book that rows declare which have no fault: values as the schema stores them, under the
    /// preferred parent among those that exist.
    ///
    /// # Errors
    ///
    /// A value that does not fit, or a child row of no account, in words.
    pub fn from_rows(
        schema: &Schema,
        accounts: &[AccountRow],
        children: &[(&str, ChildRow)],
    ) -> Result<Self, String> {
        let exists = |id: &AccountId| accounts.iter().any(|row| row.id == *id);
        let mut oracle = Self::default();
        for row in accounts {
            let existing = row.parents.iter().filter(|link| exists(&link.parent));
            let mut own = OracleAccount {
                parent: existing.min().map(|link| link.parent.clone()),
                account_type: row.account_type.to_string(),
                product: row.product.as_deref().map(str::to_owned),
                ..OracleAccount::default()
            };
            for (name, value) in &row.values {
                let attribute = schema.attribute(name).and_then(|id| schema.attribute_at(id));
                let attribute = attribute.ok_or_else(|| format!("unknown attribute `{name}`"))?;
                let value = attribute.accept(value.clone()).map_err(|kind| format!("{name}: {kind}"))?;
                own.values.insert(name.to_string(), value);
            }
            oracle.accounts.insert(row.id.clone(), own);
        }
        for (table, row) in children {
            let described = schema.table(table).and_then(|id| schema.table_at(id));
            let described = described.ok_or_else(|| format!("unknown table `{table}`"))?;
            let mut values = BTreeMap::new();
            for (name, value) in &row.values {
                let column = described.column_id(name).and_then(|id| described.column_at(id));
                let column = column.ok_or_else(|| format!("unknown column `{name}`"))?;
                let value = column.accept(value.clone()).map_err(|kind| format!("{name}: {kind}"))?;
                values.insert(name.to_string(), value);
            }
            let owner = row.account.as_ref().and_then(|id| oracle.accounts.get_mut(id));
            let owner = owner.ok_or_else(|| format!("row `{}` has no account", row.id))?;
            owner.children.entry((*table).to_owned()).or_default().insert(row.id.clone(), values);
        }
        Ok(oracle)
    }

    /// What a view shows, account by account.
    #[must_use]
    pub fn from_view(view: &View) -> Self {
        Self { accounts: view.accounts().map(|account| (account.id(), snapshot(view, account))).collect() }
    }

    /// The rows that declare this book.
    #[must_use]
    pub fn rows(&self) -> (Vec<AccountRow>, Vec<(String, ChildRow)>) {
        let mut accounts = Vec::new();
        let mut children = Vec::new();
        for (id, own) in &self.accounts {
            let mut row = AccountRow::new(id.clone(), &own.account_type);
            row.parents =
                own.parent.iter().map(|parent| ParentLink { rank: 0, parent: parent.clone() }).collect();
            row.product = own.product.as_deref().map(std::sync::Arc::from);
            row.values =
                own.values.iter().map(|(name, value)| (name.as_str().into(), value.clone())).collect();
            accounts.push(row);
            for (table, rows) in &own.children {
                for (child, values) in rows {
                    let mut row = ChildRow::new(child.clone(), id.clone());
                    row.values =
                        values.iter().map(|(name, value)| (name.as_str().into(), value.clone())).collect();
                    children.push((table.clone(), row));
                }
            }
        }
        (accounts, children)
    }

    /// The book as someone sees it who may see only these accounts: the others do not exist, and who
    /// stood under one of them stands under the nearest account above that is left.
    #[must_use]
    pub fn seen_by(&self, visible: &BTreeSet<AccountId>) -> Self {
        let seen = self.accounts.iter().filter(|(id, _)| visible.contains(*id));
        let accounts = seen.map(|(id, own)| {
            let parent = self.ancestors(id).into_iter().find(|above| visible.contains(*above)).cloned();
            (id.clone(), OracleAccount { parent, ..own.clone() })
        });
        Self { accounts: accounts.collect() }
    }

    /// The account directly above.
    #[must_use]
    pub fn parent(&self, id: &AccountId) -> Option<&AccountId> {
        self.accounts.get(id)?.parent.as_ref()
    }

    /// The accounts directly below an account, or the roots, by id.
    #[must_use]
    pub fn children(&self, id: Option<&AccountId>) -> Vec<&AccountId> {
        self.accounts.iter().filter(|(_, own)| own.parent.as_ref() == id).map(|(id, _)| id).collect()
    }

    /// The other children of the same parent, or the other roots.
    #[must_use]
    pub fn siblings(&self, id: &AccountId) -> Vec<&AccountId> {
        self.children(self.parent(id)).into_iter().filter(|other| *other != id).collect()
    }

    /// The accounts above, nearest first. Ends where a ring closes.
    #[must_use]
    pub fn ancestors(&self, id: &AccountId) -> Vec<&AccountId> {
        let mut above = Vec::new();
        let mut at = self.parent(id);
        while let Some(parent) = at {
            if above.contains(&parent) {
                break;
            }
            above.push(parent);
            at = self.parent(parent);
        }
        above
    }

    /// The account and those above, nearest first.
    #[must_use]
    pub fn lineage<'o>(&'o self, id: &'o AccountId) -> Vec<&'o AccountId> {
        let mut lineage = vec![id];
        lineage.extend(self.ancestors(id));
        lineage
    }

    /// How deep the account stands; a root is at level 1.
    #[must_use]
    pub fn level(&self, id: &AccountId) -> usize {
        self.ancestors(id).len() + 1
    }

    /// The account, then everything below, each before its children.
    #[must_use]
    pub fn subtree<'o>(&'o self, id: &'o AccountId) -> Vec<&'o AccountId> {
        let mut found = Vec::new();
        let mut stack = vec![id];
        while let Some(at) = stack.pop() {
            found.push(at);
            stack.extend(self.children(Some(at)).into_iter().rev());
        }
        found
    }

    /// Everything below the account, each before its children.
    #[must_use]
    pub fn descendants<'o>(&'o self, id: &'o AccountId) -> Vec<&'o AccountId> {
        self.subtree(id).into_iter().skip(1).collect()
    }

    /// The accounts of the subtree without children.
    #[must_use]
    pub fn leaves<'o>(&'o self, id: &'o AccountId) -> Vec<&'o AccountId> {
        self.subtree(id).into_iter().filter(|at| self.children(Some(at)).is_empty()).collect()
    }

    /// Every account, each before its children.
    #[must_use]
    pub fn walk(&self) -> Vec<&AccountId> {
        self.children(None).into_iter().flat_map(|root| self.subtree(root)).collect()
    }

    /// The lowest account that both stand under (or are).
    #[must_use]
    pub fn lowest_common_ancestor<'o>(&'o self, a: &'o AccountId, b: &'o AccountId) -> Option<&'o AccountId> {
        let above_b = self.lineage(b);
        self.lineage(a).into_iter().find(|at| above_b.contains(at))
    }

    /// The names from the root down.
    #[must_use]
    pub fn path(&self, id: &AccountId) -> String {
        let mut names: Vec<String> = self.lineage(id).into_iter().map(|at| self.name(at)).collect();
        names.reverse();
        names.join(" › ")
    }

    /// The account's `name`, or its id.
    #[must_use]
    pub fn name(&self, id: &AccountId) -> String {
        let name = self.accounts.get(id).and_then(|own| own.values.get("name"));
        name.and_then(Value::as_text).unwrap_or(id.as_str()).to_owned()
    }

    /// The accounts of a subtree that someone may see (`None`: all), in the order of ids: the rows that a
    /// roll-up at `id` combines, `id` itself among them when it is visible.
    #[must_use]
    pub fn subtree_rows<'o>(
        &'o self,
        id: &AccountId,
        visible: Option<&BTreeSet<AccountId>>,
    ) -> Vec<(&'o AccountId, &'o OracleAccount)> {
        let under = |other: &AccountId| self.lineage(other).contains(&id);
        let seen = |other: &AccountId| visible.is_none_or(|visible| visible.contains(other));
        self.accounts.iter().filter(|(other, _)| seen(other) && under(other)).collect()
    }

    /// Compares with a view: every account, where it stands, what it says, its child rows, the order of
    /// all of it, and what the tree answers.
    ///
    /// # Errors
    ///
    /// The first difference, in words.
    pub fn compare(&self, view: &View) -> Result<(), String> {
        let walk: Vec<AccountId> = view.accounts().map(|account| account.id()).collect();
        same("order of accounts", &walk.iter().collect::<Vec<_>>(), &self.walk())?;
        same("number of accounts", &view.len(), &self.accounts.len())?;
        same("roots", &ids(&view.root_accounts()).iter().collect::<Vec<_>>(), &self.children(None))?;
        let mut before: Option<Account<'_>> = None;
        for (id, own) in &self.accounts {
            let account = view.account(id.as_str()).ok_or_else(|| format!("`{id}` is not in the view"))?;
            let about = |what: &str| format!("{what} of `{id}`");
            same(&about("account"), &snapshot(view, account), own)?;
            same(&about("siblings"), &refs(&ids(&account.siblings())), &self.siblings(id))?;
            same(&about("children"), &refs(&ids(&account.children())), &self.children(Some(id)))?;
            let above: Vec<_> = account.ancestors().collect();
            same(&about("ancestors"), &refs(&ids(&above)), &self.ancestors(id))?;
            let below: Vec<_> = account.descendants().collect();
            same(&about("descendants"), &refs(&ids(&below)), &self.descendants(id))?;
            same(&about("leaves"), &refs(&ids(&account.leaves())), &self.leaves(id))?;
            same(&about("level"), &account.level(), &self.level(id))?;
            same(&about("path"), &account.path(), &self.path(id))?;
            same(&about("root"), &Some(&account.root().id()), &self.lineage(id).last().copied())?;
            if let Some(other) = before {
                let meet = account.lowest_common_ancestor(other).map(|at| at.id());
                let other_id = other.id();
                same(&about("meeting point"), &meet.as_ref(), &self.lowest_common_ancestor(id, &other_id))?;
                let under = self.lineage(id).contains(&&other_id);
                same(&about("being under the one before"), &account.is_under(other), &under)?;
                let under = self.lineage(&other_id).contains(&id);
                same(&about("being over the one before"), &other.is_under(account), &under)?;
            }
            if view.at(account.place()).map(|at| at.id()).as_ref() != Some(id) {
                return Err(format!("place of `{id}` leads elsewhere"));
            }
            before = Some(account);
        }
        let mut numbers: Vec<usize> = view.walk().map(|place| view.dense(place)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        same("dense numbers", &numbers.len(), &self.accounts.len())?;
        Ok(())
    }
}

fn ids(accounts: &[Account<'_>]) -> Vec<AccountId> {
    accounts.iter().map(Account::id).collect()
}

fn refs(ids: &[AccountId]) -> Vec<&AccountId> {
    ids.iter().collect()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: found {found:?}, expected {expected:?}")) }
}

fn snapshot(view: &View, account: Account<'_>) -> OracleAccount {
    let schema = view.schema();
    let mut children = Children::new();
    for table in schema.tables() {
        for entry in account.child_rows(table.name()) {
            let values = table
                .columns()
                .filter_map(|column| Some((column.name().to_owned(), entry.value(column.name())?)));
            children.entry(table.name().to_owned()).or_default().insert(entry.id(), values.collect());
        }
    }
    let values = schema
        .attributes()
        .filter_map(|attribute| Some((attribute.name().to_owned(), account.value(attribute.name())?)));
    OracleAccount {
        parent: account.parent().map(|parent| parent.id()),
        account_type: account.account_type().to_owned(),
        product: account.product().map(str::to_owned),
        values: values.collect(),
        children,
    }
}
