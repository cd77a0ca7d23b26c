//! Which accounts differ between two books, and in what?
//!
//! By id and declaration: where an account stands follows from what is declared, so that only declarations
//! are compared.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::super::placing::declared_parents;
use super::super::{ChangeItem, HeldAccount, HeldReason, Inner};
use super::unsaid::Unsaid;
use crate::column::value_of;
use crate::model::{
    AccountId, AccountIdx, AccountRow, AttributeId, ParentLink, ProductId, Schema, TypeId, Value,
};
use crate::source::TableName;

/// The declared parents of an account of the book, placed or held, in order of preference.
pub(super) fn declared(inner: &Inner, id: &AccountId) -> Vec<ParentLink> {
    declared_parents(inner, id, inner.find(id.as_str()), inner.held.accounts.get(id))
}

/// Adds what differs to `items`, in order of id.
pub(super) fn compare(old: &Inner, new: &Inner, items: &mut Vec<ChangeItem>, unsaid: &mut Unsaid) {
    let mut all: BTreeSet<AccountId> = BTreeSet::new();
    let slots = (0_u32..).zip(&old.chunks).filter(|(slot, _)| same_chunk(old, new, *slot));
    let alike: HashSet<u32> = slots.map(|(slot, _)| slot).collect();
    for inner in [old, new] {
        for (slot, chunk) in (0_u32..).zip(&inner.chunks).filter(|(slot, _)| !alike.contains(slot)) {
            let rows = chunk.iter().flat_map(|chunk| 0..chunk.shape.rows());
            all.extend(differing(old, new, inner, rows.map(|row| AccountIdx::new(slot, row))));
        }
        all.extend(inner.held.accounts.keys().cloned());
    }
    for id in all {
        let [before, after] = [old, new].map(|inner| Declared::of(inner, &id));
        match (before, after) {
            (_, None) => items.push(ChangeItem::Remove { account: id }),
            (None, Some(after)) => {
                if after.is_at_fault(new, &id) {
                    unsaid.add(&TableName::Accounts, id.as_str());
                }
                items.push(ChangeItem::Add { row: after.row(&new.schema, id) });
            }
            (Some(before), Some(after)) => {
                edits(old, new, &id, &before, &after, items);
                if after.is_at_fault(new, &id) && !before.is_at_fault_alike(old, new, &id, &after) {
                    unsaid.add(&TableName::Accounts, id.as_str());
                }
            }
        }
    }
}

// Whether a slot holds the same accounts in both books: the usual case where little was written, and quickly seen.
fn same_chunk(old: &Inner, new: &Inner, slot: u32) -> bool {
    let (Some(before), Some(after)) = (old.chunk(slot), new.chunk(slot)) else { return false };
    let above = |inner: &Inner, home: Option<AccountIdx>| home.map(|home| inner.id(home).to_owned());
    let unusual = |id: &str| is_unusual(old, id) || is_unusual(new, id);
    above(old, before.home) == above(new, after.home)
        && before.shape == after.shape
        && before.columns == after.columns
        && !(0..before.shape.rows()).filter_map(|row| before.shape.id(row)).any(unusual)
}

// Whether more is kept of a placed account than where it stands.
fn is_unusual(inner: &Inner, id: &str) -> bool {
    inner.held.links.contains_key(id) || inner.held.adopted.contains_key(id)
}

// The ids of places of `inner` whose accounts are not the same in both books: most are, and are compared
// as they are stored.
fn differing<'i>(
    old: &'i Inner,
    new: &'i Inner,
    inner: &'i Inner,
    places: impl Iterator<Item = AccountIdx> + 'i,
) -> impl Iterator<Item = AccountId> + 'i {
    let is_new = std::ptr::eq(inner, new);
    let other = if is_new { old } else { new };
    places.filter_map(move |place| {
        let id = inner.id(place);
        match other.find(id) {
            // Looked at from one side only.
            Some(twin) => (is_new && !same(new, place, old, twin, id)).then(|| AccountId::trusted(id)),
            None => Some(AccountId::trusted(id)),
        }
    })
}

fn same(one: &Inner, a: AccountIdx, other: &Inner, b: AccountIdx, id: &str) -> bool {
    let (Some(left), Some(right)) = (one.chunk(a.slot), other.chunk(b.slot)) else { return false };
    let labels = left.shape.kind(a.row) == right.shape.kind(b.row)
        && left.shape.product(a.row) == right.shape.product(b.row);
    let (above, beside) = (one.parent(a), other.parent(b));
    labels
        && !is_unusual(one, id)
        && !is_unusual(other, id)
        && above.map(|parent| one.id(parent)) == beside.map(|parent| other.id(parent))
        && (0..one.schema.attributes().len()).all(|column| {
            let left = left.column(column).and_then(|block| block.get(a.row as usize));
            left == right.column(column).and_then(|block| block.get(b.row as usize))
        })
}

/// What is declared of an account.
struct Declared<'i> {
    kind: Option<u16>,
    product: Option<u16>,
    parents: Vec<ParentLink>,
    /// Whether the ranks of the parents are known.
    ranked: bool,
    place: Option<AccountIdx>,
    held: Option<&'i HeldAccount>,
    inner: &'i Inner,
}

impl<'i> Declared<'i> {
    fn of(inner: &'i Inner, id: &AccountId) -> Option<Self> {
        let (place, held) = (inner.find(id.as_str()), inner.held.accounts.get(id));
        let code = |place: usize| u16::try_from(place).ok();
        let (kind, product) = match (place, held) {
            (Some(place), _) => {
                let shape = &inner.chunk(place.slot)?.shape;
                (Some(shape.kind(place.row)), shape.product(place.row))
            }
            (None, Some(held)) => {
                let kind = inner.schema.account_type(&held.row.account_type);
                let product = held.row.product.as_deref().and_then(|name| inner.schema.product(name));
                (kind.map(TypeId::index).and_then(code), product.map(ProductId::index).and_then(code))
            }
            (None, None) => return None,
        };
        let ranked = held.is_some() || inner.held.links.contains_key(id);
        Some(Self { kind, product, parents: declared(inner, id), ranked, place, held, inner })
    }

    fn value(&self, attribute: AttributeId) -> Option<Value> {
        let described = self.inner.schema.attribute_at(attribute)?;
        match (self.place, self.held) {
            (Some(place), _) => {
                let block = self.inner.chunk(place.slot)?.column(attribute.index())?;
                value_of(block.get(place.row as usize)?, described.kind())
            }
            (None, held) => held?.row.value(described.name()).cloned(),
        }
    }

    // Whether a load holds it out of the book, or makes it a root for a fault. What only hangs below such
    // an account is judged by what it hangs on.
    fn is_at_fault(&self, inner: &Inner, id: &AccountId) -> bool {
        let held = self.held.is_some_and(|held| matches!(held.reason, HeldReason::Fault(_)));
        held || inner.held.adopted.contains_key(id)
    }

    fn is_at_fault_alike(&self, old: &Inner, new: &Inner, id: &AccountId, after: &Declared<'_>) -> bool {
        let reasons = |held: Option<&HeldAccount>| held.map(|held| (held.reason.clone(), held.unfit.clone()));
        reasons(self.held) == reasons(after.held)
            && old.held.adopted.get(id) == new.held.adopted.get(id)
            && same_parents(self, after)
            && (self.kind, self.product) == (after.kind, after.product)
    }

    fn row(&self, schema: &Schema, id: AccountId) -> AccountRow {
        let kind = self.kind.and_then(|kind| schema.type_at(TypeId::new(usize::from(kind))));
        let mut row = AccountRow::new(id, kind.map_or("", |kind| kind.name()));
        row.parents.clone_from(&self.parents);
        row.product = product_name(schema, self.product);
        for (attribute, described) in (0..).map(AttributeId::new).zip(schema.attributes()) {
            if let Some(value) = self.value(attribute) {
                row.values.push((Arc::from(described.name()), value));
            }
        }
        row
    }
}

fn product_name(schema: &Schema, product: Option<u16>) -> Option<Arc<str>> {
    let product = schema.product_at(ProductId::new(usize::from(product?)))?;
    Some(Arc::from(product.name()))
}

// The rank of an only parent says nothing, and is not kept of an account that simply stands under it.
fn same_parents(before: &Declared<'_>, after: &Declared<'_>) -> bool {
    match (&*before.parents, &*after.parents) {
        ([one], [other]) if before.ranked != after.ranked => one.parent == other.parent,
        (before, after) => before == after,
    }
}

fn edits(
    old: &Inner,
    new: &Inner,
    id: &AccountId,
    before: &Declared<'_>,
    after: &Declared<'_>,
    items: &mut Vec<ChangeItem>,
) {
    let schema = &new.schema;
    let account = || id.clone();
    if !same_parents(before, after) {
        items.push(ChangeItem::Move { account: account(), parents: after.parents.clone() });
    }
    if before.kind != after.kind
        && let Some(kind) = after.kind.and_then(|kind| schema.type_at(TypeId::new(usize::from(kind))))
    {
        items.push(ChangeItem::Retype { account: account(), account_type: Arc::from(kind.name()) });
    }
    // No longer held for its own sake, though perhaps for what it hangs on.
    let mended = |held: &HeldAccount| {
        after.held.is_none_or(|after| (&after.reason, &after.unfit) != (&held.reason, &held.unfit))
    };
    let released = before.held.filter(|held| mended(held));
    // A product that was unknown is spoken of again, whatever it is now.
    let unknown =
        |held: &HeldAccount| held.reason == HeldReason::Fault(crate::tree::FaultKind::UnknownProduct);
    if before.product != after.product || released.is_some_and(unknown) {
        items.push(ChangeItem::SetProduct {
            account: account(),
            product: product_name(schema, after.product),
        });
    }
    for (attribute, described) in (0..).map(AttributeId::new).zip(old.schema.attributes()) {
        let value = after.value(attribute);
        // So is every value that did not fit.
        let unfit = released.is_some_and(|held| held.unfit.iter().any(|name| &**name == described.name()));
        if unfit || before.value(attribute) != value {
            items.push(ChangeItem::Set { account: account(), attribute: Arc::from(described.name()), value });
        }
    }
}
