//! How do the cells of batches become columns, and which do not fit?

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::input_ids::InputIds;
use super::report::{LoadReport, Problem, RowLocation};
use crate::column::{Raw, Staging, Storage, raw_of};
use crate::model::limits::{MAX_INT, MAX_UNITS};
use crate::model::{
    Attribute, AttributeId, AttributeType, ChildTable, ColumnId, Date, Schema, Timestamp, TypeId, Value,
    ValueFault, ValueFaultKind,
};
use crate::source::{Batch, Cell, Cells};
use crate::tree::{FaultKind, NO_PRODUCT, Policy, Remedy};

/// Where the rows of each batch came from.
#[derive(Debug, Default)]
pub(super) struct Locations {
    // First row of each batch, its origin and the lines of its rows.
    batches: Vec<(usize, Option<Arc<str>>, Vec<u64>)>,
}

impl Locations {
    pub(super) fn note(&mut self, first: usize, batch: &Batch) {
        let lines = (0..batch.rows()).map_while(|row| batch.line(row)).collect();
        self.batches.push((first, batch.origin().cloned(), lines));
    }

    pub(super) fn of(&self, table: &str, row: usize) -> RowLocation {
        let place = self.batches.partition_point(|(first, _, _)| *first <= row).saturating_sub(1);
        let (origin, line) = match self.batches.get(place) {
            Some((first, origin, lines)) => (origin.clone(), lines.get(row - first).copied()),
            None => (None, None),
        };
        RowLocation { table: Arc::from(table), origin, line: line.unwrap_or(row as u64 + 1) }
    }
}

/// Account rows in order of arrival.
#[derive(Debug)]
pub(super) struct AccountIntake {
    pub(super) ids: Staging,
    pub(super) parents: Staging,
    pub(super) kinds: Vec<u16>,
    pub(super) products: Vec<u16>,
    pub(super) columns: Vec<Staging>,
    /// Rows that are held for what they say themselves.
    pub(super) held: HashMap<usize, FaultKind>,
    /// Attributes of held rows whose value did not fit or does not apply.
    pub(super) unfit: HashMap<usize, Vec<Arc<str>>>,
    pub(super) locations: Locations,
}

impl AccountIntake {
    pub(super) fn new(schema: &Schema) -> Self {
        let columns =
            schema.attributes().map(|attribute| Staging::new(Storage::of(attribute.kind()))).collect();
        Self {
            ids: Staging::new(Storage::Text),
            parents: Staging::new(Storage::Text),
            kinds: Vec::new(),
            products: Vec::new(),
            columns,
            held: HashMap::new(),
            unfit: HashMap::new(),
            locations: Locations::default(),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn push(
        &mut self,
        batch: &Batch,
        schema: &Schema,
        allowed: &InputIds,
        policy: &Policy,
        report: &mut LoadReport,
    ) {
        let first = self.rows();
        self.locations.note(first, batch);
        push_ids(&mut self.ids, batch.cells("id"), batch.rows());
        for row in first..first + batch.rows() {
            let id = self.ids.text(row).unwrap_or_default();
            if let Err(error) = allowed.check_account(id) {
                let problem = Problem::InvalidId { id: id.to_owned(), error };
                let location = self.locations.of("accounts", row);
                report.add(problem, Some(location), policy.remedy(FaultKind::InvalidId));
                self.held.insert(row, FaultKind::InvalidId);
            }
        }
        push_ids(&mut self.parents, batch.cells("parent"), batch.rows());
        for row in first..first + batch.rows() {
            // Nobody can have such an id: the account has a parent, and it does not exist.
            if let Some(Err(error)) = self.parents.text(row).map(|id| allowed.check_account(id)) {
                let id = self.parents.text(row).unwrap_or_default().to_owned();
                let location = self.locations.of("accounts", row);
                report.add(
                    Problem::InvalidId { id, error },
                    Some(location),
                    policy.remedy(FaultKind::InvalidId),
                );
                self.held.entry(row).or_insert(FaultKind::MissingParent);
            }
        }
        self.push_kinds(batch, first, schema, policy, report);
        self.push_products(batch, first, schema, policy, report);
        let mut faults = Vec::new();
        for (place, (attribute, column)) in schema.attributes().zip(&mut self.columns).enumerate() {
            match batch.cells(attribute.name()) {
                Some(cells) => push_cells(column, cells, attribute, &mut |row, kind| {
                    faults.push((first + row, place, kind));
                }),
                None => column.pad(first + batch.rows()),
            }
        }
        self.check_required(first, batch.rows(), schema, &mut faults);
        faults.sort_by_key(|(row, place, _)| (*row, *place));
        for (row, place, kind) in faults {
            self.value_fault(row, place, kind, schema, policy, report);
        }
    }

    fn value_fault(
        &mut self,
        row: usize,
        place: usize,
        kind: ValueFaultKind,
        schema: &Schema,
        policy: &Policy,
        report: &mut LoadReport,
    ) {
        let attribute = schema.attribute_at(AttributeId::new(place)).map_or("", Attribute::name).to_owned();
        let account = self.ids.text(row).unwrap_or_default().to_owned();
        let problem = Problem::Value { account, fault: ValueFault { attribute, kind } };
        let remedy = policy.remedy(problem.kind());
        match remedy {
            Remedy::Quarantine => {
                if let Problem::Value { fault, .. } = &problem
                    && fault.kind != ValueFaultKind::Required
                {
                    self.unfit.entry(row).or_default().push(Arc::from(fault.attribute.as_str()));
                }
                self.held.entry(row).or_insert(problem.kind());
            }
            // What did not fit is missing already; what does not apply becomes so.
            _ => self.columns.iter_mut().skip(place).take(1).for_each(|column| column.clear(row)),
        }
        report.add(problem, Some(self.locations.of("accounts", row)), remedy);
    }

    fn push_kinds(
        &mut self,
        batch: &Batch,
        first: usize,
        schema: &Schema,
        policy: &Policy,
        report: &mut LoadReport,
    ) {
        let only = (schema.account_types().len() == 1).then_some(0_u16);
        let mut names: HashMap<String, Option<u16>> = HashMap::new();
        for row in 0..batch.rows() {
            let name = text_of(batch.cells("account_type"), row);
            let kind = match &name {
                // A schema with one type needs no column that names it.
                None => only,
                Some(name) => match names.get(&**name) {
                    Some(kind) => *kind,
                    None => {
                        let kind = schema.account_type(name).and_then(|id| u16::try_from(id.index()).ok());
                        names.insert(name.to_string(), kind);
                        kind
                    }
                },
            };
            self.kinds.push(kind.unwrap_or(0));
            if kind.is_none() {
                let row = first + row;
                let account = self.ids.text(row).unwrap_or_default().to_owned();
                let problem = Problem::UnknownType { account, name: name.unwrap_or_default().into_owned() };
                report.add(
                    problem,
                    Some(self.locations.of("accounts", row)),
                    policy.remedy(FaultKind::UnknownType),
                );
                self.held.entry(row).or_insert(FaultKind::UnknownType);
            }
        }
    }

    fn push_products(
        &mut self,
        batch: &Batch,
        first: usize,
        schema: &Schema,
        policy: &Policy,
        report: &mut LoadReport,
    ) {
        for row in 0..batch.rows() {
            let name = text_of(batch.cells("product"), row).filter(|name| !name.is_empty());
            let product = name.as_deref().map(|name| schema.product_values().code(name));
            self.products.push(product.flatten().unwrap_or(NO_PRODUCT));
            if product == Some(None) {
                let row = first + row;
                let account = self.ids.text(row).unwrap_or_default().to_owned();
                let problem =
                    Problem::UnknownProduct { account, name: name.unwrap_or_default().into_owned() };
                let remedy = policy.remedy(FaultKind::UnknownProduct);
                report.add(problem, Some(self.locations.of("accounts", row)), remedy);
                if remedy != Remedy::Clear {
                    self.held.entry(row).or_insert(FaultKind::UnknownProduct);
                }
            }
        }
    }

    // Required attributes without a value, and values where the attribute does not apply.
    fn check_required(
        &self,
        first: usize,
        rows: usize,
        schema: &Schema,
        faults: &mut Vec<(usize, usize, ValueFaultKind)>,
    ) {
        let unfit: HashSet<(usize, usize)> = faults.iter().map(|(row, place, _)| (*row, *place)).collect();
        for (place, column) in self.columns.iter().enumerate() {
            let attribute = AttributeId::new(place);
            let types = 0..schema.account_types().len();
            let flags: Vec<(bool, bool)> = types
                .map(|kind| {
                    (
                        schema.requires(attribute, TypeId::new(kind)),
                        schema.applies(attribute, TypeId::new(kind)),
                    )
                })
                .collect();
            if flags.iter().all(|(required, applies)| !required && *applies) {
                continue;
            }
            for row in first..first + rows {
                let kind = self.kinds.get(row).map_or(0, |kind| usize::from(*kind));
                if self.held.get(&row) == Some(&FaultKind::UnknownType) {
                    continue;
                }
                let Some((required, applies)) = flags.get(kind) else { continue };
                match (column.get(row).is_some(), required, applies) {
                    (false, true, _) if !unfit.contains(&(row, place)) => {
                        faults.push((row, place, ValueFaultKind::Required));
                    }
                    (true, _, false) => {
                        let name = schema.type_at(TypeId::new(kind)).map_or("", |t| t.name()).to_owned();
                        faults.push((row, place, ValueFaultKind::NotApplicable { account_type: name }));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Further declared parents in order of arrival.
#[derive(Debug, Default)]
pub(super) struct LinkIntake {
    pub(super) rows: Vec<LinkRow>,
    pub(super) locations: Locations,
}

/// One further declared parent.
#[derive(Debug)]
pub(super) struct LinkRow {
    pub(super) account: Box<str>,
    /// Empty when the row names none.
    pub(super) parent: Box<str>,
    pub(super) rank: u32,
    /// Why the row is held for what it says itself.
    pub(super) held: Option<FaultKind>,
}

impl LinkIntake {
    pub(super) fn push(
        &mut self,
        batch: &Batch,
        allowed: &InputIds,
        policy: &Policy,
        report: &mut LoadReport,
    ) {
        self.locations.note(self.rows.len(), batch);
        for row in 0..batch.rows() {
            let account = text_of(batch.cells("id"), row).unwrap_or_default();
            let parent = text_of(batch.cells("parent"), row).unwrap_or_default();
            let rank = match batch.cells("rank").map(|cells| cells.cell(row)) {
                None | Some(Cell::Absent | Cell::Null) => Some(0),
                Some(Cell::Value(Value::Int(rank))) => u32::try_from(rank).ok(),
                Some(_) => None,
            };
            let mut link = LinkRow {
                account: Box::from(&*account),
                parent: Box::from(&*parent),
                rank: rank.unwrap_or(0),
                held: None,
            };
            let mut problems = Vec::new();
            for text in [&account, &parent].into_iter().filter(|text| !text.is_empty()) {
                if let Err(error) = allowed.check_account(text) {
                    problems.push(Problem::InvalidId { id: text.to_string(), error });
                }
            }
            if rank.is_none() {
                problems.push(Problem::UnreadableRank {
                    account: account.to_string(),
                    parent: parent.to_string(),
                });
            }
            for problem in problems {
                let kind = problem.kind();
                let remedy = policy.remedy(kind);
                if remedy != Remedy::Clear {
                    link.held = Some(kind);
                }
                report.add(problem, Some(self.locations.of("links", self.rows.len())), remedy);
            }
            self.rows.push(link);
        }
    }
}

/// Child rows of one table in order of arrival.
#[derive(Debug)]
pub(super) struct ChildIntake {
    pub(super) name: Arc<str>,
    pub(super) ids: Staging,
    pub(super) accounts: Staging,
    pub(super) columns: Vec<Staging>,
    pub(super) held: HashMap<usize, FaultKind>,
    pub(super) locations: Locations,
}

impl ChildIntake {
    pub(super) fn new(table: &ChildTable) -> Self {
        Self {
            name: Arc::from(table.name()),
            ids: Staging::new(Storage::Text),
            accounts: Staging::new(Storage::Text),
            columns: table.columns().map(|column| Staging::new(Storage::of(column.kind()))).collect(),
            held: HashMap::new(),
            locations: Locations::default(),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn push(
        &mut self,
        batch: &Batch,
        (number, table): (usize, &ChildTable),
        allowed: &InputIds,
        policy: &Policy,
        report: &mut LoadReport,
    ) {
        let first = self.rows();
        self.locations.note(first, batch);
        push_ids(&mut self.ids, batch.cells("id"), batch.rows());
        push_ids(&mut self.accounts, batch.cells("account"), batch.rows());
        for row in first..first + batch.rows() {
            let id = self.ids.text(row).unwrap_or_default();
            if let Err(error) = allowed.check_child(number, id) {
                let problem = Problem::InvalidId { id: id.to_owned(), error };
                report.add(
                    problem,
                    Some(self.locations.of(&self.name, row)),
                    policy.remedy(FaultKind::InvalidId),
                );
                self.held.insert(row, FaultKind::InvalidId);
            }
        }
        let mut faults = Vec::new();
        for (place, (attribute, column)) in table.columns().zip(&mut self.columns).enumerate() {
            let before = faults.len();
            match batch.cells(attribute.name()) {
                Some(cells) => push_cells(column, cells, attribute, &mut |row, kind| {
                    faults.push((first + row, place, kind));
                }),
                None => column.pad(first + batch.rows()),
            }
            if attribute.is_required() {
                let unfit: HashSet<usize> = faults.iter().skip(before).map(|fault| fault.0).collect();
                let rows = first..first + batch.rows();
                let missing = rows.filter(|row| column.get(*row).is_none() && !unfit.contains(row));
                faults.extend(missing.map(|row| (row, place, ValueFaultKind::Required)).collect::<Vec<_>>());
            }
        }
        check_currencies(batch, table, &mut |row, place, kind| faults.push((first + row, place, kind)));
        faults.sort_by_key(|(row, place, _)| (*row, *place));
        for (row, place, kind) in faults {
            let attribute = table.column_at(ColumnId::new(place)).map_or("", Attribute::name).to_owned();
            let account = self.ids.text(row).unwrap_or_default().to_owned();
            let problem = Problem::Value { account, fault: ValueFault { attribute, kind } };
            let remedy = policy.remedy(problem.kind());
            match remedy {
                Remedy::Quarantine => {
                    self.held.entry(row).or_insert(problem.kind());
                }
                // An amount of another currency than its row's is in the column already.
                _ => self.columns.iter_mut().skip(place).take(1).for_each(|column| column.clear(row)),
            }
            report.add(problem, Some(self.locations.of(&self.name, row)), remedy);
        }
    }
}

// Amounts of mixed money whose currency differs from the currency column of their row.
fn check_currencies(batch: &Batch, table: &ChildTable, fault: &mut dyn FnMut(usize, usize, ValueFaultKind)) {
    for (place, attribute) in table.columns().enumerate() {
        let AttributeType::MixedMoney { currency_column } = attribute.kind() else { continue };
        let Some(cells) = batch.cells(attribute.name()) else { continue };
        for row in 0..batch.rows() {
            let Cell::Value(Value::Money(money)) = cells.cell(row) else { continue };
            let named = text_of(batch.cells(currency_column), row);
            if named.as_deref() != Some(money.currency().code()) {
                let expected = named.map_or_else(|| "no currency".to_owned(), Cow::into_owned);
                fault(
                    row,
                    place,
                    ValueFaultKind::WrongCurrency { expected, found: money.currency().to_string() },
                );
            }
        }
    }
}

fn push_ids(column: &mut Staging, cells: Option<&Cells>, rows: usize) {
    match cells {
        // Empty text is no id: where a parent or an account is named, it names none.
        Some(Cells::Text(texts)) => {
            for text in texts.iter() {
                column.push(text.filter(|t| !t.is_empty()).map(|t| Raw::Text(Cow::Borrowed(t))));
            }
        }
        _ => {
            for row in 0..rows {
                column.push(
                    text_of(cells, row)
                        .filter(|t| !t.is_empty())
                        .map(|t| Raw::Text(Cow::Owned(t.into_owned()))),
                );
            }
        }
    }
}

// A cell that names something. Numbers are ids, too: many hosts have integer keys.
pub(super) fn text_of(cells: Option<&Cells>, row: usize) -> Option<Cow<'_, str>> {
    match cells? {
        Cells::Text(texts) => texts.get(row).map(Cow::Borrowed),
        other => match other.cell(row) {
            Cell::Value(Value::Int(id)) => Some(Cow::Owned(id.to_string())),
            Cell::Value(Value::Text(text)) => Some(Cow::Owned(text.to_string())),
            // Whole numbers arrive as doubles from tables that have no nullable integers; whatever else
            // stands there names something that will not be found, and is reported as that.
            Cell::Value(value) => Some(Cow::Owned(value.to_string())),
            Cell::Unreadable { text, .. } => Some(Cow::Owned(text)),
            Cell::Absent | Cell::Null => None,
        },
    }
}

/// Adds the cells of a batch to a column; a cell that does not fit is missing and reported by row.
fn push_cells(
    column: &mut Staging,
    cells: &Cells,
    attribute: &Attribute,
    fault: &mut dyn FnMut(usize, ValueFaultKind),
) {
    let units = |cell: &Option<i64>| cell.filter(|u| (-MAX_UNITS..=MAX_UNITS).contains(u));
    // The usual cases, a column of one kind for an attribute of that kind, without a tag per cell.
    match (attribute.kind(), cells) {
        (AttributeType::Int, Cells::Int(values))
            if values.iter().flatten().all(|v| (-MAX_INT..=MAX_INT).contains(v)) =>
        {
            column.extend_i64(values.iter().copied());
        }
        (AttributeType::Decimal { scale }, Cells::Decimal { scale: own, units: values })
            if scale == own && values.iter().all(|v| units(v) == *v) =>
        {
            column.extend_i64(values.iter().copied());
        }
        (AttributeType::Money(currency), Cells::Money { currency: own, minor })
            if currency == own && minor.iter().all(|v| units(v) == *v) =>
        {
            column.extend_i64(minor.iter().copied());
        }
        (AttributeType::Double, Cells::Double(values)) if values.iter().flatten().all(|v| v.is_finite()) => {
            // Adding zero turns -0.0 into 0.0 and changes nothing else.
            column.extend_f64(values.iter().map(|value| value.map(|v| v + 0.0)));
        }
        (AttributeType::Date, Cells::Date(values)) => {
            column.extend_i32(values.iter().map(|value| value.as_ref().map(Date::days)));
        }
        (AttributeType::Timestamp, Cells::Timestamp(values)) => {
            column.extend_i64(values.iter().map(|value| value.as_ref().map(Timestamp::micros)));
        }
        (AttributeType::Bool, Cells::Bool(values)) => {
            values.iter().for_each(|value| column.push(value.map(Raw::Bool)));
        }
        (AttributeType::Text, Cells::Text(texts)) => {
            for (row, text) in texts.iter().enumerate() {
                let checked = text.map(|t| attribute.check_text(t).map(|()| Raw::Text(Cow::Borrowed(t))));
                push_checked(column, row, checked, fault);
            }
        }
        (AttributeType::Enum(values) | AttributeType::Band(values), Cells::Text(texts)) => {
            let mut last: Option<(&str, u16)> = None;
            for (row, text) in texts.iter().enumerate() {
                let code = |t| match last {
                    Some((known, code)) if known == t => Ok(code),
                    _ => attribute.code_of(values, t).ok_or_else(|| crate::model::not_allowed(values, t)),
                };
                let coded = text.map(code);
                if let (Some(t), Some(Ok(code))) = (text, &coded) {
                    last = Some((t, *code));
                }
                push_checked(column, row, coded.map(|c| c.map(Raw::Code)), fault);
            }
        }
        _ => {
            for row in 0..cells.len() {
                let checked = accept(cells.cell(row), attribute);
                push_checked(column, row, checked, fault);
            }
        }
    }
}

fn push_checked(
    column: &mut Staging,
    row: usize,
    cell: Option<Result<Raw<'_>, ValueFaultKind>>,
    fault: &mut dyn FnMut(usize, ValueFaultKind),
) {
    match cell {
        Some(Ok(raw)) => column.push(Some(raw)),
        Some(Err(kind)) => {
            column.push(None);
            fault(row, kind);
        }
        None => column.push(None),
    }
}

/// A cell as an attribute stores it; `None` when there is no value.
pub(super) fn accept(cell: Cell, attribute: &Attribute) -> Option<Result<Raw<'static>, ValueFaultKind>> {
    match cell {
        Cell::Absent | Cell::Null => None,
        Cell::Unreadable { text, expected, reason } => {
            Some(Err(ValueFaultKind::Unreadable { expected, text, reason }))
        }
        Cell::Value(value) => Some(attribute.accept(value).and_then(|accepted| {
            let out_of_range = || ValueFaultKind::OutOfRange { text: accepted.to_string() };
            raw_of(&accepted, attribute).ok_or_else(out_of_range)
        })),
    }
}
