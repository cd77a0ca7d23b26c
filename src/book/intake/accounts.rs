//! Which account rows did batches bring, and what is wrong with each by itself?

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::columns::{push_cells, push_ids};
use super::{IntakeContext, Locations};
use crate::book::report::Problem;
use crate::column::{Staging, Storage};
use crate::model::{Attribute, AttributeId, Schema, TypeId, ValueFault, ValueFaultKind};
use crate::source::Batch;
use crate::tree::{FaultKind, NO_PRODUCT, Remedy};

/// Account rows in order of arrival.
#[derive(Debug)]
pub(in crate::book) struct AccountIntake {
    pub(in crate::book) ids: Staging,
    pub(in crate::book) parents: Staging,
    pub(in crate::book) kinds: Vec<u16>,
    pub(in crate::book) products: Vec<u16>,
    pub(in crate::book) columns: Vec<Staging>,
    /// Rows that are held for what they say themselves.
    pub(in crate::book) held: HashMap<usize, FaultKind>,
    /// Attributes of held rows whose value did not fit or does not apply.
    pub(in crate::book) unfit: HashMap<usize, Vec<Arc<str>>>,
    pub(in crate::book) locations: Locations,
}

impl AccountIntake {
    pub(in crate::book) fn new(schema: &Schema) -> Self {
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

    pub(in crate::book) fn rows(&self) -> usize {
        self.ids.len()
    }

    pub(in crate::book) fn push(&mut self, context: &mut IntakeContext<'_>, batch: &Batch, schema: &Schema) {
        let first = self.rows();
        self.locations.note(first, batch);
        push_ids(&mut self.ids, batch.cells("id"), batch.rows());
        for row in first..first + batch.rows() {
            let id = self.ids.text(row).unwrap_or_default();
            if let Err(problem) = context.check_account(id) {
                context.fault(problem, self.locations.of("accounts", row));
                self.held.insert(row, FaultKind::InvalidId);
            }
        }
        push_ids(&mut self.parents, batch.cells("parent"), batch.rows());
        for row in first..first + batch.rows() {
            // Nobody can have such an id: the account has a parent, and it does not exist.
            if let Some(Err(problem)) = self.parents.text(row).map(|id| context.check_account(id)) {
                context.fault(problem, self.locations.of("accounts", row));
                self.held.entry(row).or_insert(FaultKind::MissingParent);
            }
        }
        self.push_kinds(context, batch, first, schema);
        self.push_products(context, batch, first, schema);
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
            self.value_fault(context, row, place, kind, schema);
        }
    }

    fn value_fault(
        &mut self,
        context: &mut IntakeContext<'_>,
        row: usize,
        place: usize,
        kind: ValueFaultKind,
        schema: &Schema,
    ) {
        let attribute = schema.attribute_at(AttributeId::new(place)).map_or("", Attribute::name).to_owned();
        let account = self.ids.text(row).unwrap_or_default().to_owned();
        let unfit = (kind != ValueFaultKind::Required).then(|| Arc::from(attribute.as_str()));
        let problem = Problem::Value { account, fault: ValueFault { attribute, kind } };
        let fault = problem.kind();
        match context.fault(problem, self.locations.of("accounts", row)) {
            Remedy::Quarantine => {
                if let Some(attribute) = unfit {
                    self.unfit.entry(row).or_default().push(attribute);
                }
                self.held.entry(row).or_insert(fault);
            }
            // What did not fit is missing already; what does not apply becomes so.
            _ => self.columns.iter_mut().skip(place).take(1).for_each(|column| column.clear(row)),
        }
    }

    fn push_kinds(&mut self, context: &mut IntakeContext<'_>, batch: &Batch, first: usize, schema: &Schema) {
        let only = (schema.account_types().len() == 1).then_some(0_u16);
        let mut names: HashMap<String, Option<u16>> = HashMap::new();
        for row in 0..batch.rows() {
            let name = batch.name_at("account_type", row);
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
                context.fault(problem, self.locations.of("accounts", row));
                self.held.entry(row).or_insert(FaultKind::UnknownType);
            }
        }
    }

    fn push_products(
        &mut self,
        context: &mut IntakeContext<'_>,
        batch: &Batch,
        first: usize,
        schema: &Schema,
    ) {
        for row in 0..batch.rows() {
            let name = batch.name_at("product", row).filter(|name| !name.is_empty());
            let product = name.as_deref().map(|name| schema.product_values().code(name));
            self.products.push(product.flatten().unwrap_or(NO_PRODUCT));
            if product == Some(None) {
                let row = first + row;
                let account = self.ids.text(row).unwrap_or_default().to_owned();
                let problem =
                    Problem::UnknownProduct { account, name: name.unwrap_or_default().into_owned() };
                let remedy = context.fault(problem, self.locations.of("accounts", row));
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
