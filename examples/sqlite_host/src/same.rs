//! Are two books the same, and where do they differ?
//!
//! [`Inventory`] is all that a book knows, by id: places, declared parents, types, products, values, child
//! rows, successions, what is held and why. Two books with one inventory answer alike.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use perennial::report::HeldReason;
use perennial::{AccountId, AsOf, Book, ChildId, Date, ParentLink, Scope, Succession, Value, View};

/// Most differences that are described; the rest is counted.
const DESCRIBED: usize = 20;

type Values = BTreeMap<Arc<str>, Value>;

/// Where an account is.
#[derive(Debug, Clone, PartialEq)]
enum Standing {
    /// In the tree, under a parent or as a root; `adopted` says why it is a root without being meant to.
    Placed { parent: Option<AccountId>, adopted: Option<String> },
    /// Out of the book.
    Held { reason: HeldReason, unfit: Vec<Arc<str>> },
}

#[derive(Debug, Clone, PartialEq)]
struct AccountEntry {
    standing: Standing,
    /// Declared parents, preferred first. Their ranks say no more than that order.
    parents: Vec<AccountId>,
    account_type: String,
    product: Option<String>,
    values: Values,
}

#[derive(Debug, Clone, PartialEq)]
struct ChildEntry {
    account: Option<AccountId>,
    values: Values,
    /// Why it is held, if it is.
    held: Option<String>,
}

/// A child row: its table and its id.
type ChildKey = (Arc<str>, ChildId);

/// All that a book knows.
#[derive(Debug, Clone, PartialEq)]
struct Inventory {
    accounts: BTreeMap<AccountId, AccountEntry>,
    children: BTreeMap<ChildKey, ChildEntry>,
    successions: Vec<Succession>,
    superseded: Vec<(String, String, String)>,
}

impl Inventory {
    fn of(book: &Book) -> Self {
        let mut found = Self {
            accounts: BTreeMap::new(),
            children: BTreeMap::new(),
            successions: book.successions().links().into_iter().cloned().collect(),
            superseded: Vec::new(),
        };
        if let Some(view) = everything(book) {
            found.add_placed(&view);
        }
        for held in book.held_accounts() {
            let entry = AccountEntry {
                standing: Standing::Held { reason: held.reason.clone(), unfit: held.unfit.clone() },
                parents: in_order(held.row.parents.clone()),
                account_type: held.row.account_type.to_string(),
                product: held.row.product.as_deref().map(str::to_owned),
                values: held.row.values.iter().cloned().collect(),
            };
            found.accounts.insert(held.row.id.clone(), entry);
        }
        for held in book.held_children() {
            let entry = ChildEntry {
                account: held.row.account.clone(),
                values: held.row.values.iter().cloned().collect(),
                held: Some(held.reason.to_string()),
            };
            found.children.insert((Arc::clone(&held.table), held.row.id.clone()), entry);
        }
        let superseded = book.superseded().iter();
        found.superseded =
            superseded.map(|row| (row.table.to_string(), row.id.clone(), row.reason.to_string())).collect();
        found.superseded.sort();
        found
    }

    fn add_placed(&mut self, view: &View) {
        let attributes: Vec<Arc<str>> = view.schema().attributes().map(|a| Arc::from(a.name())).collect();
        let tables: Vec<(Arc<str>, Vec<Arc<str>>)> = view
            .schema()
            .tables()
            .map(|table| (Arc::from(table.name()), table.columns().map(|c| Arc::from(c.name())).collect()))
            .collect();
        for account in view.accounts() {
            let present = |name: &Arc<str>| Some((Arc::clone(name), account.value(name)?));
            let entry = AccountEntry {
                standing: Standing::Placed {
                    parent: account.parent().map(|parent| parent.id()),
                    adopted: account.adopted().map(|kind| kind.to_string()),
                },
                parents: in_order(account.declared_parents()),
                account_type: account.account_type().to_owned(),
                product: account.product().map(str::to_owned),
                values: attributes.iter().filter_map(present).collect(),
            };
            for (table, columns) in &tables {
                for row in account.child_rows(table) {
                    let present = |name: &Arc<str>| Some((Arc::clone(name), row.value(name)?));
                    let values = columns.iter().filter_map(present).collect();
                    let entry = ChildEntry { account: Some(account.id()), values, held: None };
                    self.children.insert((Arc::clone(table), row.id()), entry);
                }
            }
            self.accounts.insert(account.id(), entry);
        }
    }

    /// Where this one differs from another.
    fn differences(&self, other: &Self) -> Differences {
        let mut found = Differences::default();
        compare(&self.accounts, &other.accounts, |id| format!("account `{id}`"), &mut found);
        compare(&self.children, &other.children, |(table, id)| format!("`{table}` row `{id}`"), &mut found);
        if self.successions != other.successions {
            found.note(format!("successions: {:?}, {:?}", self.successions, other.successions));
        }
        if self.superseded != other.superseded {
            found.note(format!("superseded rows: {:?}, {:?}", self.superseded, other.superseded));
        }
        found
    }
}

/// Where two books differ, in words. Empty when they are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    count: usize,
    described: Vec<String>,
}

impl Differences {
    /// Between two books; their versions do not count.
    #[must_use]
    pub fn between(one: &Book, other: &Book) -> Self {
        Inventory::of(one).differences(&Inventory::of(other))
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn note(&mut self, what: String) {
        self.count += 1;
        if self.described.len() < DESCRIBED {
            self.described.push(what);
        }
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} difference(s)", self.count)?;
        self.described.iter().try_for_each(|what| write!(f, "\n  {what}"))
    }
}

/// A view of the whole book. Its moment plays no part in what is read here.
pub(crate) fn everything(book: &Book) -> Option<View> {
    book.view(&Scope::all(), AsOf::date_utc(Date::MIN)).ok()
}

// Ranks order parents; the order is what counts.
fn in_order(mut parents: Vec<ParentLink>) -> Vec<AccountId> {
    parents.sort();
    parents.into_iter().map(|link| link.parent).collect()
}

fn compare<K: Ord, V: PartialEq + fmt::Debug>(
    one: &BTreeMap<K, V>,
    other: &BTreeMap<K, V>,
    name: impl Fn(&K) -> String,
    found: &mut Differences,
) {
    for (key, entry) in one {
        match other.get(key) {
            None => found.note(format!("{} is only in the first: {entry:?}", name(key))),
            Some(other) if other != entry => {
                found.note(format!("{}:\n    {entry:?}\n    {other:?}", name(key)));
            }
            Some(_) => {}
        }
    }
    for (key, entry) in other.iter().filter(|(key, _)| !one.contains_key(key)) {
        found.note(format!("{} is only in the second: {entry:?}", name(key)));
    }
}
