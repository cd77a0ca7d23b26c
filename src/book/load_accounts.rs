//! Which of the loaded accounts stand where, and which are held?
//!
//! Repeated ids first (ruling S8 of `docs/semantics`), then the declared links, then the places; what the
//! tree does not show is kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::assemble::narrow;
use super::builder::BookBuilder;
use super::intake::AccountIntake;
use super::link_rings::link_rings;
use super::repeated;
use super::report::{LoadReport, Problem, RowCounts};
use super::row_index::RowIndex;
use super::{Held, HeldAccount, HeldReason, SupersededRow};
use crate::column::value_of;
use crate::model::{AccountId, AccountRow, ParentLink, ProductId, Schema, TypeId, Value, other_form};
use crate::tree::resolve::{Declared, Link, NoGround, Place, Target, Up, resolve};
use crate::tree::{FaultKind, NO_PRODUCT, NONE, Remedy, TreeFault};

/// The accounts that are in the book.
pub(super) struct Placed {
    /// Staging rows.
    pub(super) rows: Vec<u32>,
    /// The place in `rows` of each one's parent, or `NONE`.
    pub(super) parents: Vec<u32>,
    /// The place in `rows` of each staging row, or `NONE`.
    pub(super) place_of: Vec<u32>,
    /// Rows of repeated ids that are not kept, with the row that is kept (themselves where none is).
    superseded: HashMap<u32, u32>,
}

impl Placed {
    /// Whether an id is repeated and none of its rows is kept.
    pub(super) fn is_repeated(&self, id: &str, index: &RowIndex<'_>) -> bool {
        is_repeated(id, index, &self.superseded)
    }
}

fn is_repeated(id: &str, index: &RowIndex<'_>, superseded: &HashMap<u32, u32>) -> bool {
    index.find(id).is_some_and(|row| superseded.get(&row) == Some(&row))
}

#[expect(clippy::indexing_slicing, reason = "accounts are numbered below the length of `standing`")]
pub(super) fn place_accounts(
    builder: &BookBuilder,
    index: &RowIndex<'_>,
    held: &mut Held,
    report: &mut LoadReport,
) -> Placed {
    let (schema, policy, intake) = (&builder.schema, &builder.policy, &builder.accounts);
    let superseded = repeated_ids(builder, index, held, report);
    // The rows that stand for an id, and the number of each.
    let stands = |row: &u32| {
        !superseded.contains_key(row) && intake.held.get(&(*row as usize)) != Some(&FaultKind::InvalidId)
    };
    let standing: Vec<u32> = (0..narrow(intake.rows())).filter(stands).collect();
    let mut number = vec![NONE; intake.rows()];
    for (account, row) in (0_u32..).zip(&standing) {
        number[*row as usize] = account;
    }
    for row in (0..intake.rows()).filter(|row| intake.held.get(row) == Some(&FaultKind::InvalidId)) {
        let id = intake.ids.text(row).unwrap_or_default().to_owned();
        Arc::make_mut(&mut held.superseded).push(SupersededRow {
            table: Arc::from("accounts"),
            id,
            reason: FaultKind::InvalidId,
        });
    }
    // A repeated id leads to the row that stands for it, if one does.
    let numbered = |row: u32| {
        let row = if superseded.is_empty() { row } else { superseded.get(&row).copied().unwrap_or(row) };
        number.get(row as usize).copied().filter(|account| *account != NONE)
    };
    let find = |id: &str| numbered(index.find(id)?);
    let parents = index.find_each(standing.iter().map(|row| intake.parents.text(*row as usize)));
    let parents = parents.into_iter().map(numbered);
    let repeats_refuse = policy.remedy(FaultKind::RepeatedId) == Remedy::Reject;
    let mut links = declared_links(builder, &standing, parents, &find, index, held, report);
    let own_links: Option<BTreeMap<u32, Vec<ParentLink>>> =
        (!links.is_empty()).then(|| several_or_missing(&links, &standing, builder));
    let kinds: Vec<u16> = standing.iter().map(|row| intake.kinds[*row as usize]).collect();
    let products: Vec<u16> = standing.iter().map(|row| intake.products[*row as usize]).collect();
    let row_faults: Vec<Option<FaultKind>> =
        standing.iter().map(|row| intake.held.get(&(*row as usize)).copied()).collect();
    let id = |account: u32| intake.ids.text(standing[account as usize] as usize).unwrap_or_default();
    report_link_cycles(&links, &standing, builder, report);
    let declared =
        Declared { id: &id, kinds: &kinds, products: &products, held: &row_faults, links: &mut links };
    let resolution = resolve(declared, &NoGround, schema, policy);
    for (mut fault, remedy) in resolution.faults {
        if let TreeFault::MissingParent { parent, same_record, .. } = &mut fault {
            // The load is refused for the repeated id; accounts below it have no fault of their own.
            if repeats_refuse && is_repeated(parent.as_str(), index, &superseded) {
                continue;
            }
            *same_record = same_record_of(parent.as_str(), index);
        }
        let row = fault.account().and_then(|id| index.find(id.as_str()));
        let location = row.map(|row| intake.locations.of("accounts", row as usize));
        report.add(Problem::Tree(fault), location, remedy);
    }
    let place_of = vec![NONE; intake.rows()];
    let mut placed = Placed { rows: Vec::new(), parents: Vec::new(), place_of, superseded };
    for (row, place) in standing.iter().zip(&resolution.places) {
        if !matches!(place, Place::Held(_) | Place::Below(_)) {
            placed.place_of[*row as usize] = narrow(placed.rows.len());
            placed.rows.push(*row);
        }
    }
    for (account, (row, place)) in standing.iter().zip(&resolution.places).enumerate() {
        let account_id = || AccountId::trusted(intake.ids.text(*row as usize).unwrap_or_default());
        let own = own_links.as_ref().and_then(|links| links.get(&narrow(account)));
        match place {
            Place::Root | Place::Under(Up::Ground(_)) => placed.parents.push(NONE),
            Place::Under(Up::Here(up)) => {
                placed.parents.push(placed.place_of[standing[*up as usize] as usize]);
            }
            Place::Adopted(kind) => {
                placed.parents.push(NONE);
                let links = all_links(*row, own, builder);
                held.keep_links(account_id(), links);
                held.adopted.insert(account_id(), *kind);
            }
            Place::Held(_) | Place::Below(_) => {
                let reason = match place {
                    Place::Held(kind) => HeldReason::Fault(*kind),
                    Place::Below(by) => HeldReason::Below(AccountId::trusted(id(*by))),
                    _ => continue,
                };
                let parents = all_links(*row, own, builder);
                let unfit = intake.unfit.get(&(*row as usize)).cloned().unwrap_or_default();
                held.hold(HeldAccount { row: row_of(schema, intake, *row, parents), reason, unfit });
            }
        }
        // Who simply stands under its only parent needs no more than that.
        let plain = |own: &[ParentLink]| own.len() == 1 && matches!(place, Place::Under(_));
        if let (Some(own), Place::Root | Place::Under(_)) = (own.filter(|own| !plain(own)), place) {
            held.keep_links(account_id(), own.clone());
        }
    }
    placed
}

/// The account of a source whose id is the other Salesforce form of this one.
pub(super) fn same_record_of(id: &str, index: &RowIndex<'_>) -> Option<AccountId> {
    let other = other_form(id)?;
    index.find(&other)?;
    Some(AccountId::trusted(&other))
}

// Rows of repeated ids that are not kept: each with the row that is kept (itself where none is).
fn repeated_ids(
    builder: &BookBuilder,
    index: &RowIndex<'_>,
    held: &mut Held,
    report: &mut LoadReport,
) -> HashMap<u32, u32> {
    let (intake, remedy) = (&builder.accounts, builder.policy.remedy(FaultKind::RepeatedId));
    let mut superseded = HashMap::new();
    for mut rows in index.repeated() {
        let Some(first) = rows.first().copied() else { continue };
        if intake.held.get(&(first as usize)) == Some(&FaultKind::InvalidId) {
            continue;
        }
        // By content, never by order of arrival.
        rows.sort_by_cached_key(|row| (content(&builder.schema, intake, *row), *row));
        let distinct = |pair: &[u32]| {
            let of = |place: usize| pair.get(place).map(|row| content(&builder.schema, intake, *row));
            of(0) != of(1)
        };
        let identical = !rows.windows(2).any(distinct);
        let account = AccountId::trusted(intake.ids.text(first as usize).unwrap_or_default());
        let location = intake.locations.of("accounts", first as usize);
        // Identical rows say the same thing; of different ones, which is right is unknown unless the
        // policy prefers one.
        let kept = (identical || remedy == Remedy::Prefer).then(|| rows.first().copied()).flatten();
        let problem = Problem::RepeatedId { account: account.clone(), rows: rows.len(), identical };
        report.add_of_rows(problem, Some(location), remedy, || {
            repeated::accounts(intake, &builder.schema, &rows, kept)
        });
        for row in rows {
            if Some(row) != kept {
                superseded.insert(row, kept.unwrap_or(row));
                let table = Arc::from("accounts");
                Arc::make_mut(&mut held.superseded).push(SupersededRow {
                    table,
                    id: account.to_string(),
                    reason: FaultKind::RepeatedId,
                });
            }
        }
    }
    superseded
}

// What a row says, as text that can be compared.
fn content(schema: &Schema, intake: &AccountIntake, row: u32) -> String {
    let parent = intake.parents.text(row as usize).unwrap_or_default();
    let (kind, product) = (intake.kinds.get(row as usize), intake.products.get(row as usize));
    let values: Vec<Option<Value>> = schema
        .attributes()
        .zip(&intake.columns)
        .map(|(attribute, column)| value_of(column.get(row as usize)?, attribute.kind()))
        .collect();
    // A row at fault in itself is no twin of one that merely lacks the value.
    let (held, unfit) = (intake.held.get(&(row as usize)), intake.unfit.get(&(row as usize)));
    format!("{parent:?} {kind:?} {product:?} {values:?} {held:?} {unfit:?}")
}

fn declared_links(
    builder: &BookBuilder,
    standing: &[u32],
    parents: impl Iterator<Item = Option<u32>>,
    find: &dyn Fn(&str) -> Option<u32>,
    index: &RowIndex<'_>,
    held: &mut Held,
    report: &mut LoadReport,
) -> Vec<Link> {
    let intake = &builder.accounts;
    let target = |parent: &str, found: Option<u32>| match found {
        Some(account) => Some(Target::Here(account)),
        None => AccountId::new(parent).ok().map(Target::Missing),
    };
    let mut links = Vec::new();
    for ((account, row), found) in (0_u32..).zip(standing).zip(parents) {
        let Some(parent) = intake.parents.text(*row as usize) else { continue };
        // A parent that no id could be was reported when it was taken in, and its account is held.
        links.extend(target(parent, found).map(|target| Link { account, rank: 0, target }));
    }
    let before = links.len();
    for (row, link) in builder.links.rows.iter().enumerate() {
        let found = match link.held {
            Some(kind) => Err(kind),
            None => {
                let above = || target(&link.parent, find(&link.parent));
                let found = find(&link.account).and_then(|account| Some((account, above()?)));
                found.ok_or(FaultKind::StrayLink)
            }
        };
        match found {
            Ok((account, target)) => links.push(Link { account, rank: link.rank, target }),
            Err(reason) => {
                if reason == FaultKind::StrayLink {
                    let (account, parent) = (link.account.to_string(), link.parent.to_string());
                    let location = builder.links.locations.of("links", row);
                    let same_record = same_record_of(&account, index);
                    report.add(
                        Problem::StrayLink { account, parent, same_record },
                        Some(location),
                        builder.policy.remedy(reason),
                    );
                }
                let id = link.account.to_string();
                Arc::make_mut(&mut held.superseded).push(SupersededRow {
                    table: Arc::from("links"),
                    id,
                    reason,
                });
            }
        }
    }
    if !builder.links.rows.is_empty() {
        let (offered, loaded) = (builder.links.rows.len(), links.len() - before);
        let counts = RowCounts { offered, loaded, quarantined: offered - loaded };
        report.tables.insert(Arc::from("links"), counts);
    }
    if links.len() > before {
        links.sort_by_key(|link| (link.account, link.rank));
    }
    links
}

// The links of the accounts that do not simply name one parent that exists in their row.
fn several_or_missing(
    links: &[Link],
    standing: &[u32],
    builder: &BookBuilder,
) -> BTreeMap<u32, Vec<ParentLink>> {
    let mut unusual = BTreeMap::new();
    for own in links.chunk_by(|a, b| a.account == b.account) {
        let [first, rest @ ..] = own else { continue };
        // The row names an only parent that exists, unless that stands in the links.
        let row = standing.get(first.account as usize).map_or(0, |row| *row as usize);
        let of_row = builder.accounts.parents.text(row).is_some();
        if rest.is_empty() && of_row && !matches!(first.target, Target::Missing(_)) {
            continue;
        }
        let name = |target: &Target| match target {
            Target::Here(account) => {
                let row = standing.get(*account as usize).map_or(0, |row| *row as usize);
                Some(AccountId::trusted(builder.accounts.ids.text(row)?))
            }
            Target::Missing(id) => Some(id.clone()),
            Target::Ground(_) => None,
        };
        let links: Vec<ParentLink> = own
            .iter()
            .filter_map(|link| Some(ParentLink { rank: link.rank, parent: name(&link.target)? }))
            .collect();
        unusual.insert(first.account, super::held::preferred_first(links));
    }
    unusual
}

// Every declared parent of a row: what `several_or_missing` kept, or the one parent of the row.
fn all_links(row: u32, kept: Option<&Vec<ParentLink>>, builder: &BookBuilder) -> Vec<ParentLink> {
    kept.cloned().unwrap_or_else(|| {
        let parent = builder.accounts.parents.text(row as usize);
        parent
            .and_then(|p| AccountId::new(p).ok())
            .map(|parent| ParentLink { rank: 0, parent })
            .into_iter()
            .collect()
    })
}

// Rings in the declared links that the choice of parents leaves open.
fn report_link_cycles(links: &[Link], standing: &[u32], builder: &BookBuilder, report: &mut LoadReport) {
    let mut several: Vec<u32> = Vec::new();
    for own in links.chunk_by(|a, b| a.account == b.account) {
        if own.windows(2).any(|pair| matches!(pair, [a, b] if a.target != b.target)) {
            several.extend(own.first().map(|link| link.account));
        }
    }
    if several.is_empty() {
        return;
    }
    let name = |account: &u32| {
        let row = standing.get(*account as usize).map_or(0, |row| *row as usize);
        AccountId::trusted(builder.accounts.ids.text(row).unwrap_or_default())
    };
    let existing = links.iter().filter_map(|link| match link.target {
        Target::Here(parent) => Some((link.account, parent)),
        Target::Ground(_) | Target::Missing(_) => None,
    });
    let declares_several = |account: u32| several.binary_search(&account).is_ok();
    let rings = link_rings(narrow(standing.len()), existing, &declares_several);
    let mut rings: Vec<Vec<AccountId>> = rings
        .into_iter()
        .map(|members| {
            let mut ids: Vec<AccountId> = members.iter().map(name).collect();
            ids.sort();
            ids
        })
        .collect();
    rings.sort();
    for members in rings {
        let fault = TreeFault::LinkCycle { members };
        report.add(Problem::Tree(fault), None, builder.policy.remedy(FaultKind::LinkCycle));
    }
}

fn row_of(schema: &Schema, intake: &AccountIntake, row: u32, parents: Vec<ParentLink>) -> AccountRow {
    let row = row as usize;
    let kind = intake.kinds.get(row).copied().unwrap_or(0);
    let known = intake.held.get(&row) != Some(&FaultKind::UnknownType);
    let kind = schema.type_at(TypeId::new(usize::from(kind))).filter(|_| known);
    let kind = kind.map_or("", |kind| kind.name());
    let mut account = AccountRow::new(AccountId::trusted(intake.ids.text(row).unwrap_or_default()), kind);
    account.parents = parents;
    let product = intake.products.get(row).copied().filter(|p| *p != NO_PRODUCT);
    let product = product.and_then(|p| schema.product_at(ProductId::new(usize::from(p))));
    account.product = product.map(|p| Arc::from(p.name()));
    for (attribute, column) in schema.attributes().zip(&intake.columns) {
        if let Some(value) = column.get(row).and_then(|raw| value_of(raw, attribute.kind())) {
            account.values.push((Arc::from(attribute.name()), value));
        }
    }
    account
}
