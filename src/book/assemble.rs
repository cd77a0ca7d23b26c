//! How do rows in order of arrival become a book?
//!
//! Repeated ids first; then every account gets its place or the reason why it has none; then the
//! forest is arranged, cut into chunks, and each column gathered chunk by chunk.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::builder::BookBuilder;
use super::intake::{AccountIntake, ChildIntake};
use super::report::{LoadReport, Problem, RowCounts};
use super::row_index::RowIndex;
use super::{
    Book, Chunk, Held, HeldAccount, HeldChild, HeldReason, Inner, Limb, LoadError, SupersededRow, TableBlock,
};
use crate::column::{Storage, value_of};
use crate::model::{
    AccountId, AccountIdx, AccountRow, AttributeType, ChildId, ChildRow, ChildTable, ColumnId, Money,
    ParentLink, ProductId, Schema, TypeId, Value,
};
use crate::set::Layout;
use crate::tree::arrange::arrange;
use crate::tree::pack::{LimbTarget, Packed, pack};
use crate::tree::resolve::{Declared, Link, NoGround, Place, Target, Up, resolve};
use crate::tree::{FaultKind, NO_PRODUCT, NONE, Policy, Remedy, Shape, TagIndex, TreeFault};

// Row numbers fit: the limit on accounts is below 2^30.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NONE)
}

pub(super) fn assemble(mut builder: BookBuilder) -> Result<(Book, LoadReport), LoadError> {
    let mut report = std::mem::take(&mut builder.report);
    let (schema, policy) = (Arc::clone(&builder.schema), builder.policy.clone());
    let mut held = Held::default();
    let index = RowIndex::build(&builder.accounts.ids);
    let placed = place_accounts(&builder, &index, &mut held, &mut report);
    let offered = builder.accounts.rows();
    report.tables.shift_insert(
        0,
        Arc::from("accounts"),
        RowCounts { offered, loaded: placed.rows.len(), quarantined: held.held_accounts() },
    );

    // Who stands where, as places of `placed.rows`.
    let ids = &builder.accounts.ids;
    let id = |place: u32| {
        placed.rows.get(place as usize).and_then(|row| ids.text(*row as usize)).unwrap_or_default()
    };
    let forest = arrange(&placed.parents, |a, b| id(a).cmp(id(b)));
    describe(&forest.parent, &mut report);
    let packed = pack(&forest, NONE, builder.chunk_rows);
    drop(forest);
    let home_of = locate(&packed, placed.rows.len());
    let children = place_children(&builder, &index, &placed, &home_of, &mut held, &mut report);
    let hashes = index.into_hashes();
    report.finish();
    if report.is_rejected() {
        return Err(LoadError::Rejected { report: Box::new(report) });
    }

    let rows_of: Vec<Vec<u32>> = packed
        .chunks
        .iter()
        .map(|chunk| chunk.items.iter().filter_map(|item| placed.rows.get(*item as usize).copied()).collect())
        .collect();
    let mut entries: Vec<(u64, u32)> = Vec::with_capacity(placed.rows.len());
    let mut shapes: Vec<Arc<Shape>> = Vec::with_capacity(packed.chunks.len());
    for ((slot, chunk), rows) in (0_u32..).zip(&packed.chunks).zip(&rows_of) {
        let of = |codes: &[u16], default| -> Vec<u16> {
            rows.iter().map(|row| codes.get(*row as usize).copied().unwrap_or(default)).collect()
        };
        let own: Vec<u64> = rows.iter().map(|row| hashes.get(*row as usize).copied().unwrap_or(0)).collect();
        let ids = rows.iter().map(|row| ids.text(*row as usize).unwrap_or_default());
        let kinds = of(&builder.accounts.kinds, 0);
        let products = of(&builder.accounts.products, NO_PRODUCT);
        shapes.push(Arc::new(Shape::build(ids, own.iter().copied(), chunk.parent.clone(), kinds, products)));
        entries.extend(own.into_iter().map(|hash| (hash, slot)));
    }
    drop(hashes);
    let index = TagIndex::build(entries.into_iter());
    // Column by column, so that each staging column is gone before the next is gathered.
    let mut columns: Vec<Vec<Option<Arc<crate::column::Block>>>> = vec![Vec::new(); packed.chunks.len()];
    let AccountIntake { columns: staging, .. } = builder.accounts;
    for column in staging {
        for (chunk, rows) in columns.iter_mut().zip(&rows_of) {
            chunk.push(column.gather(rows).map(Arc::new));
        }
    }
    let mut tables: Vec<Vec<Option<Arc<TableBlock>>>> = vec![Vec::new(); packed.chunks.len()];
    let mut child_index = Vec::new();
    for ((intake, table), sorted) in builder.children.into_iter().zip(schema.tables()).zip(children) {
        child_index.push(Arc::new(gather_children(&intake, table, &sorted, &packed, &mut tables)));
    }

    let layout = Layout::new(packed.chunks.iter().map(|chunk| narrow(chunk.items.len())));
    let chunks = packed
        .chunks
        .iter()
        .zip(shapes)
        .zip(columns.into_iter().zip(tables))
        .map(|((packed, shape), (columns, tables))| {
            let limbs = packed.limbs.iter().filter_map(|limb| match limb.target {
                LimbTarget::New(slot) => Some(Limb { anchor: limb.anchor, before: limb.before, slot }),
                LimbTarget::Kept(_) => None,
            });
            let home = packed.home.map(|(slot, row)| AccountIdx::new(slot, row));
            Some(Arc::new(Chunk { shape, home, limbs: limbs.collect(), columns, tables }))
        })
        .collect();
    let inner = Inner {
        schema,
        policy,
        chunk_rows: builder.chunk_rows,
        version: 0,
        layout,
        chunks,
        trunk: packed.top.into(),
        index: Arc::new(index),
        child_index,
        held: Arc::new(held),
    };
    Ok((Book(Arc::new(inner)), report))
}

/// The accounts that are in the book.
struct Placed {
    /// Staging rows.
    rows: Vec<u32>,
    /// The place in `rows` of each one's parent, or `NONE`.
    parents: Vec<u32>,
    /// The place in `rows` of each staging row, or `NONE`.
    place_of: Vec<u32>,
}

#[expect(clippy::indexing_slicing, reason = "accounts are numbered below the length of `standing`")]
fn place_accounts(
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
    let find = |id: &str| {
        let row = index.find(id)?;
        let row = superseded.get(&row).copied().unwrap_or(row);
        number.get(row as usize).copied().filter(|account| *account != NONE)
    };
    let mut links = declared_links(builder, &standing, &find, held, report);
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
    for (fault, remedy) in resolution.faults {
        let row = fault.account().and_then(|id| index.find(id.as_str()));
        let location = row.map(|row| intake.locations.of("accounts", row as usize));
        report.add(Problem::Tree(fault), location, remedy);
    }
    let mut placed = Placed { rows: Vec::new(), parents: Vec::new(), place_of: vec![NONE; intake.rows()] };
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
                held.hold(HeldAccount { row: row_of(schema, intake, *row, parents), reason });
            }
        }
        if let (Some(own), Place::Root | Place::Under(_)) = (own, place) {
            held.keep_links(account_id(), own.clone());
        }
    }
    placed
}

// Rows that repeat an id: each with the row that stands for it (itself when none does).
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
        let problem = Problem::RepeatedId { account: account.clone(), rows: rows.len(), identical };
        report.add(problem, Some(location), remedy);
        // Identical rows say the same thing; of different ones, which is right is unknown unless the
        // policy prefers one.
        let stands = (identical || remedy == Remedy::Prefer).then(|| rows.first().copied()).flatten();
        for row in rows {
            if Some(row) != stands {
                superseded.insert(row, stands.unwrap_or(row));
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
    let held = intake.held.get(&(row as usize));
    format!("{parent:?} {kind:?} {product:?} {values:?} {held:?}")
}

fn declared_links(
    builder: &BookBuilder,
    standing: &[u32],
    find: &dyn Fn(&str) -> Option<u32>,
    held: &mut Held,
    report: &mut LoadReport,
) -> Vec<Link> {
    let intake = &builder.accounts;
    let target = |parent: &str| match find(parent) {
        Some(account) => Some(Target::Here(account)),
        None => AccountId::new(parent).ok().map(Target::Missing),
    };
    let mut links = Vec::new();
    for (account, row) in (0_u32..).zip(standing) {
        let Some(parent) = intake.parents.text(*row as usize) else { continue };
        // A parent that no id could be was reported when it was taken in, and its account is held.
        links.extend(target(parent).map(|target| Link { account, rank: 0, target }));
    }
    let before = links.len();
    for (row, link) in builder.links.rows.iter().enumerate() {
        let found = match link.held {
            Some(kind) => Err(kind),
            None => {
                let found = find(&link.account).and_then(|account| Some((account, target(&link.parent)?)));
                found.ok_or(FaultKind::StrayLink)
            }
        };
        match found {
            Ok((account, target)) => links.push(Link { account, rank: link.rank, target }),
            Err(reason) => {
                if reason == FaultKind::StrayLink {
                    let (account, parent) = (link.account.to_string(), link.parent.to_string());
                    let location = builder.links.locations.of("links", row);
                    report.add(
                        Problem::StrayLink { account, parent },
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

// The links of the accounts that do not simply name one parent that exists.
fn several_or_missing(
    links: &[Link],
    standing: &[u32],
    builder: &BookBuilder,
) -> BTreeMap<u32, Vec<ParentLink>> {
    let mut unusual = BTreeMap::new();
    for own in links.chunk_by(|a, b| a.account == b.account) {
        let [first, rest @ ..] = own else { continue };
        if rest.is_empty() && !matches!(first.target, Target::Missing(_)) {
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

// Rings in the declared links, where some account declares several parents; without such an account
// they are the cycles of the tree, and are reported as those.
fn report_link_cycles(links: &[Link], standing: &[u32], builder: &BookBuilder, report: &mut LoadReport) {
    if !links.windows(2).any(|pair| matches!(pair, [a, b] if a.account == b.account)) {
        return;
    }
    let mut graph = petgraph::graph::DiGraph::<u32, ()>::with_capacity(standing.len(), links.len());
    for account in 0..narrow(standing.len()) {
        graph.add_node(account);
    }
    for link in links {
        if let Target::Here(parent) = link.target
            && parent != link.account
        {
            graph.add_edge(link.account.into(), parent.into(), ());
        }
    }
    // Kosaraju's algorithm, since petgraph's version of Tarjan's recurses on the depth of the data.
    let name = |node: &petgraph::graph::NodeIndex| {
        let row = standing.get(node.index()).map_or(0, |row| *row as usize);
        AccountId::trusted(builder.accounts.ids.text(row).unwrap_or_default())
    };
    let mut rings: Vec<Vec<AccountId>> = petgraph::algo::kosaraju_scc(&graph)
        .into_iter()
        .filter(|members| members.len() > 1)
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

// Figures of the tree for the report.
fn describe(parents: &[u32], report: &mut LoadReport) {
    let mut level = vec![1_usize; parents.len()];
    let mut is_parent = vec![false; parents.len()];
    for (position, parent) in parents.iter().enumerate() {
        let Some(above) = level.get(*parent as usize).copied() else { continue };
        report.subsidiaries += 1;
        if let Some(own) = level.get_mut(position) {
            *own = above + 1;
        }
        if let Some(flag) = is_parent.get_mut(*parent as usize) {
            *flag = true;
        }
    }
    report.parents = is_parent.into_iter().filter(|is| *is).count();
    report.levels = level.into_iter().max().unwrap_or(0);
}

// The chunk and row of each placed account.
fn locate(packed: &Packed, accounts: usize) -> Vec<(u32, u32)> {
    let mut homes = vec![(NONE, NONE); accounts];
    for (slot, chunk) in (0_u32..).zip(&packed.chunks) {
        for (row, item) in (0_u32..).zip(&chunk.items) {
            if let Some(home) = homes.get_mut(*item as usize) {
                *home = (slot, row);
            }
        }
    }
    homes
}

/// A child row in the order of the book: chunk, account row, staging row.
type SortedChild = (u32, u32, u32);

fn place_children(
    builder: &BookBuilder,
    index: &RowIndex<'_>,
    placed: &Placed,
    homes: &[(u32, u32)],
    held: &mut Held,
    report: &mut LoadReport,
) -> Vec<Vec<SortedChild>> {
    // A held account's children are held with it.
    // Of a repeated id another row than the first may stand: looked for once.
    let mut standing: HashMap<u32, Option<u32>> = HashMap::new();
    let mut place = |id: &str| {
        let mut row = index.find(id)?;
        if placed.place_of.get(row as usize) == Some(&NONE) {
            let stands = |other: &u32| placed.place_of.get(*other as usize) != Some(&NONE);
            row = (*standing.entry(row).or_insert_with(|| index.rows_with(row).find(stands)))?;
        }
        homes.get(*placed.place_of.get(row as usize)? as usize).copied()
    };
    let mut sorted = Vec::new();
    for (intake, table) in builder.children.iter().zip(builder.schema.tables()) {
        let mut rows: Vec<SortedChild> = Vec::with_capacity(intake.rows());
        let repeated = repeated_children(intake, &builder.policy, report);
        let mut quarantined = 0;
        for row in 0..intake.rows() {
            let reason = match (intake.held.get(&row), repeated.get(&narrow(row))) {
                (Some(kind), _) | (None, Some(kind)) => Err(*kind),
                (None, None) => match intake.accounts.text(row) {
                    None => Err(FaultKind::ChildWithoutAccount),
                    Some(account) => place(account).ok_or(FaultKind::ChildOfUnknownAccount),
                },
            };
            match reason {
                Ok((slot, account)) => rows.push((slot, account, narrow(row))),
                Err(kind) => {
                    quarantined += 1;
                    hold_child(intake, table, row, kind, &builder.policy, held, report);
                }
            }
        }
        rows.sort_unstable_by(|a, b| {
            let id = |row: u32| intake.ids.text(row as usize);
            (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| id(a.2).cmp(&id(b.2)))
        });
        let counts = RowCounts { offered: intake.rows(), loaded: rows.len(), quarantined };
        report.tables.insert(Arc::clone(&intake.name), counts);
        sorted.push(rows);
    }
    sorted
}

// Rows whose id stands in several rows: which is right is unknown, so all are held.
fn repeated_children(
    intake: &ChildIntake,
    policy: &Policy,
    report: &mut LoadReport,
) -> HashMap<u32, FaultKind> {
    let mut repeated = HashMap::new();
    for rows in RowIndex::build(&intake.ids).repeated() {
        let Some(first) = rows.iter().min().copied() else { continue };
        if intake.held.get(&(first as usize)) == Some(&FaultKind::InvalidId) {
            continue;
        }
        let child = intake.ids.text(first as usize).unwrap_or_default().to_owned();
        let location = intake.locations.of(&intake.name, first as usize);
        let problem = Problem::RepeatedChild { child, rows: rows.len() };
        report.add(problem, Some(location), policy.remedy(FaultKind::RepeatedChild));
        repeated.extend(rows.into_iter().map(|row| (row, FaultKind::RepeatedChild)));
    }
    repeated
}

fn hold_child(
    intake: &ChildIntake,
    table: &ChildTable,
    row: usize,
    reason: FaultKind,
    policy: &Policy,
    held: &mut Held,
    report: &mut LoadReport,
) {
    let child = intake.ids.text(row).unwrap_or_default().to_owned();
    let account = intake.accounts.text(row);
    let problem = match (reason, account) {
        (FaultKind::ChildWithoutAccount, _) => Some(Problem::ChildWithoutAccount { child: child.clone() }),
        (FaultKind::ChildOfUnknownAccount, Some(account)) => {
            Some(Problem::ChildOfUnknownAccount { child: child.clone(), account: account.to_owned() })
        }
        // Reported when it was found.
        _ => None,
    };
    if let Some(problem) = problem {
        report.add(problem, Some(intake.locations.of(&intake.name, row)), policy.remedy(reason));
    }
    let Ok(id) = ChildId::new(child.as_str()) else {
        Arc::make_mut(&mut held.superseded).push(SupersededRow {
            table: Arc::clone(&intake.name),
            id: child,
            reason,
        });
        return;
    };
    let account = account.and_then(|account| AccountId::new(account).ok());
    let mut values = Vec::new();
    for (column, cells) in table.columns().zip(&intake.columns) {
        let Some(raw) = cells.get(row) else { continue };
        let value = match column.kind() {
            AttributeType::MixedMoney { currency_column } => {
                let place = table.column_id(currency_column).map(ColumnId::index);
                let named = place.and_then(|p| Some((p, intake.columns.get(p)?.get(row)?)));
                let currency = named.and_then(|(p, raw)| {
                    let kind = table.columns().nth(p)?.kind();
                    value_of(raw, kind)?.as_text()?.parse().ok()
                });
                match (raw, currency) {
                    (crate::column::Raw::I64(minor), Some(currency)) => {
                        Some(Value::Money(Money::from_minor(i128::from(minor), currency)))
                    }
                    _ => None,
                }
            }
            kind => value_of(raw, kind),
        };
        values.extend(value.map(|value| (Arc::from(column.name()), value)));
    }
    let row = ChildRow { id, account: account.clone(), values };
    // Only a row that waits for its account can be released.
    let waits = if reason == FaultKind::ChildOfUnknownAccount { account } else { None };
    Arc::make_mut(&mut held.children).entry(waits).or_default().push(HeldChild {
        table: Arc::clone(&intake.name),
        row,
        reason,
    });
}

fn gather_children(
    intake: &ChildIntake,
    table: &ChildTable,
    sorted: &[SortedChild],
    packed: &Packed,
    tables: &mut [Vec<Option<Arc<TableBlock>>>],
) -> TagIndex {
    let storages: Vec<Storage> = table.columns().map(|column| Storage::of(column.kind())).collect();
    let mut entries: Vec<(u64, u32)> = Vec::with_capacity(sorted.len());
    let mut rest = sorted;
    for ((slot, chunk), blocks) in (0_u32..).zip(&packed.chunks).zip(tables) {
        let count = rest.partition_point(|child| child.0 == slot);
        let (own, after) = rest.split_at(count);
        rest = after;
        let owners: Vec<u32> = own.iter().map(|child| child.1).collect();
        let staging = |row: usize| own.get(row).map_or(0, |child| child.2 as usize);
        let block = TableBlock::build(
            chunk.items.len(),
            &owners,
            |row| intake.ids.text(staging(row)).unwrap_or_default(),
            &storages,
            |column, row| intake.columns.get(column)?.get(staging(row)),
        );
        entries.extend(block.iter().flat_map(super::children::TableBlock::hashes).map(|hash| (hash, slot)));
        blocks.push(block.map(Arc::new));
    }
    TagIndex::build(entries.into_iter())
}
