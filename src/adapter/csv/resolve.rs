//! Does a mapping make sense, and what is read then?
//!
//! All of it is checked, whatever is found: one pass over the tables gives every fault.

use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;
use indexmap::map::Entry;

use super::column::{Alternative, Column, EmptyCell, Origin, Step};
use super::heading;
use super::hint::did_you_mean;
use super::limits::MAX_FOOTER_ROWS;
use super::mapping_error::{CsvMappingFault, CsvMappingFaultKind as Fault};
use super::number;
use super::plan::{AlternativePlan, ColumnPlan, OriginPlan, StepPlan, TablePlan};
use super::read_cell::{CellReader, ReadCell, RowCurrency};
use super::records::Records;
use super::table::CsvTable;
use super::text_format::is_text;
use crate::source::TableName;
use crate::{AccountType, Attribute, AttributeType, ChildTable, Currency, Product, Schema, Value};

/// Checks one mapping; its faults go to `faults`, and nothing is returned if there are any.
pub(super) fn resolve(
    schema: &Schema,
    table: &CsvTable,
    faults: &mut Vec<CsvMappingFault>,
) -> Option<TablePlan> {
    let before = faults.len();
    let mut report = |target: Option<&str>, kind: Fault| {
        faults.push(CsvMappingFault::new(table.table.clone(), table.input.name(), target, kind));
    };
    let delimiter =
        table.delimiter.byte().map_err(|delimiter| report(None, Fault::Delimiter { delimiter })).ok();
    if table.footer_rows > MAX_FOOTER_ROWS {
        report(None, Fault::FooterRows { rows: table.footer_rows });
    }
    let layout = delimiter.map(|delimiter| table.layout(delimiter));
    let opened = layout.as_ref().map(|layout| Records::open(&table.input, layout));
    let mut records = match opened {
        Some(Ok(records)) => Some(records),
        Some(Err(error)) => {
            report(None, Fault::File(error));
            None
        }
        None => None,
    };
    let mut targets = targets(schema, &table.table, &mut report)?;
    for text in &table.texts {
        match targets.entry(Arc::clone(text)) {
            Entry::Occupied(_) => report(Some(text), Fault::KnownTarget),
            Entry::Vacant(target) => {
                target.insert(Attribute::new(text, AttributeType::Text));
            }
        }
    }
    let resolver = Resolver { schema, table, records: records.as_ref(), targets: &targets };
    let (columns, by_name) = resolver.columns(&mut report);
    if faults.len() > before {
        let unexplained = faults.iter().skip(before).any(|fault| is_unexplained(fault.kind()));
        if let (true, Some(records), Some(delimiter)) = (unexplained, &mut records, delimiter) {
            let described = heading::describe(records, delimiter);
            faults.push(CsvMappingFault::new(table.table.clone(), table.input.name(), None, described));
        }
        return None;
    }
    let header = Arc::clone(records?.header());
    let (table_name, input) = (table.table.clone(), table.input.clone());
    Some(TablePlan { table: table_name, input, layout: layout?, header, columns, by_name })
}

// A missing column without a similar name in the file.
fn is_unexplained(fault: &Fault) -> bool {
    match fault {
        Fault::NotMapped { hint } | Fault::UnknownColumn { hint, .. } => hint.is_empty(),
        _ => false,
    }
}

type Report<'f> = dyn FnMut(Option<&str>, Fault) + 'f;
type Targets = IndexMap<Arc<str>, Attribute>;

// What may be mapped in a table.
fn targets(schema: &Schema, table: &TableName, report: &mut Report<'_>) -> Option<Targets> {
    let structure = |names: &[&str]| -> Vec<Attribute> {
        let kind = |name| match name {
            "rank" => AttributeType::Int,
            "on" => AttributeType::Date,
            "part" => AttributeType::Bool,
            _ => AttributeType::Text,
        };
        names.iter().map(|name| Attribute::new(name, kind(*name))).collect()
    };
    let attributes: Vec<Attribute> = match table {
        TableName::Accounts => {
            let mut all = structure(&["id", "parent", "account_type", "product"]);
            all.extend(schema.attributes().cloned());
            all
        }
        TableName::Links => structure(&["id", "parent", "rank"]),
        TableName::Successions => structure(&["id", "successor", "on", "rank", "part"]),
        TableName::Child(name) => {
            let Some(child) = schema.table(name).and_then(|id| schema.table_at(id)) else {
                let hint = did_you_mean(name, schema.tables().map(ChildTable::name));
                report(None, Fault::UnknownTable { hint });
                return None;
            };
            let mut all = structure(&["id", "account"]);
            all.extend(child.columns().cloned());
            all
        }
    };
    Some(attributes.into_iter().map(|attribute| (Arc::from(attribute.name()), attribute)).collect())
}

const fn needed(table: &TableName) -> &'static [&'static str] {
    match table {
        TableName::Accounts => &["id", "account_type"],
        TableName::Links => &["id", "parent"],
        TableName::Successions => &["id", "successor", "on"],
        TableName::Child(_) => &["id", "account"],
    }
}

struct Resolver<'m> {
    schema: &'m Schema,
    table: &'m CsvTable,
    // Not known when the file could not be opened.
    records: Option<&'m Records>,
    targets: &'m Targets,
}

impl Resolver<'_> {
    // The plan of each column of the table, and the columns that are mapped by their own names.
    fn columns(&self, report: &mut Report<'_>) -> (Vec<Arc<ColumnPlan>>, Vec<Arc<str>>) {
        let mut plans: IndexMap<Arc<str>, ColumnPlan> = IndexMap::new();
        let mut mapped: HashSet<&str> = HashSet::new();
        for (target, column) in &self.table.columns {
            if !mapped.insert(target) {
                report(Some(target), Fault::RepeatedTarget);
                continue;
            }
            let Some(attribute) = self.targets.get(target) else {
                let hint = did_you_mean(target, self.targets.keys().map(|known| &**known));
                report(Some(target), Fault::UnknownTarget { hint });
                continue;
            };
            plans.insert(Arc::clone(target), self.column(attribute, column, report));
        }
        let header = self.records.map_or(&[][..], |records| records.header());
        let same = if self.table.same_names { header } else { &[] };
        let mut by_name = Vec::new();
        for name in same {
            // A repeated name is reported once.
            if mapped.contains(&**name) || plans.contains_key(name) {
                continue;
            }
            if let Some(attribute) = self.targets.get(name) {
                by_name.push(Arc::clone(name));
                plans.insert(Arc::clone(name), self.column(attribute, &Column::from(name), report));
            }
        }
        // A header that is not known might have had what is missing here.
        let complete = self.records.is_some() || !self.table.same_names;
        for &name in needed(&self.table.table) {
            if complete && !plans.contains_key(name) {
                let hint = did_you_mean(name, header.iter().map(|own| &**own));
                report(Some(name), Fault::NotMapped { hint });
            }
        }
        (with_currencies(plans, complete, report), by_name)
    }

    fn column(&self, attribute: &Attribute, column: &Column, report: &mut Report<'_>) -> ColumnPlan {
        let mut faults = Vec::new();
        let alternatives: Vec<AlternativePlan> = column
            .alternatives
            .iter()
            .filter_map(|alternative| self.alternative(attribute, alternative, &mut faults))
            .collect();
        if let (Some(text), Some(first)) = (&column.default, alternatives.first()) {
            self.check_text("default value", text, attribute, &first.reader, &mut faults);
        }
        let kind = attribute.kind().clone();
        let empty = match column.empty {
            None if self.table.empty == EmptyCell::Text && !is_text(&kind) => EmptyCell::Missing,
            own => own.unwrap_or(self.table.empty),
        };
        if empty == EmptyCell::Text && !is_text(&kind) {
            faults.push(Fault::Setting { setting: "empty text", kind: kind.kind() });
        }
        for fault in faults {
            report(Some(attribute.name()), fault);
        }
        let (target, default) = (Arc::from(attribute.name()), column.default.clone());
        ColumnPlan { target, kind, alternatives, default, empty, currency: None }
    }

    fn alternative(
        &self,
        attribute: &Attribute,
        alternative: &Alternative,
        faults: &mut Vec<Fault>,
    ) -> Option<AlternativePlan> {
        let kind = attribute.kind().clone();
        let looked_up = alternative.steps.iter().any(|step| matches!(step, Step::Lookup(_)));
        let mut format = alternative.format.clone();
        // What comes from elsewhere is not written the way this file is.
        if !looked_up && !matches!(alternative.origin, Origin::Constant(_)) {
            format = format.or_table(&self.table.format, &kind);
        }
        format.check(&kind, faults);
        let reader = CellReader { kind, format };
        let last = alternative.steps.len().saturating_sub(1);
        let mut steps = Vec::with_capacity(alternative.steps.len());
        for (place, step) in alternative.steps.iter().enumerate() {
            match step {
                Step::Map(map) => {
                    if place == last {
                        let mut texts: Vec<&Arc<str>> =
                            map.values().filter(|text| !text.is_empty()).collect();
                        texts.sort_unstable();
                        texts.dedup();
                        for text in texts {
                            self.check_text("mapped text", text, attribute, &reader, faults);
                        }
                    }
                    steps.push(StepPlan::Map(Arc::clone(map)));
                }
                Step::Lookup(table) => steps.extend(table.load(faults).map(StepPlan::Lookup)),
            }
        }
        let origin = self.origin(&alternative.origin, faults)?;
        if let (OriginPlan::Constant(text), true) = (&origin, steps.is_empty()) {
            self.check_text("constant", text, attribute, &reader, faults);
        }
        Some(AlternativePlan { origin, steps, reader })
    }

    fn origin(&self, origin: &Origin, faults: &mut Vec<Fault>) -> Option<OriginPlan> {
        match origin {
            Origin::Header(name) => self.field(name, faults).map(OriginPlan::Field),
            Origin::Constant(text) => Some(OriginPlan::Constant(Arc::clone(text))),
            Origin::RowNumber { prefix } => Some(OriginPlan::RowNumber { prefix: Arc::clone(prefix) }),
            Origin::Joined { columns, separator } => {
                let fields: Vec<usize> = columns.iter().filter_map(|name| self.field(name, faults)).collect();
                Some(OriginPlan::Joined { fields, separator: Arc::clone(separator) })
            }
        }
    }

    fn field(&self, name: &Arc<str>, faults: &mut Vec<Fault>) -> Option<usize> {
        let records = self.records?;
        match records.column(name) {
            Some(Ok(place)) => Some(place),
            Some(Err(repeated)) => {
                faults.push(Fault::File(repeated));
                None
            }
            None => {
                let hint = did_you_mean(name, records.header().iter().map(|own| &**own));
                faults.push(Fault::UnknownColumn { name: name.to_string(), hint });
                None
            }
        }
    }

    // Text that does not come from a row can be judged now.
    fn check_text(
        &self,
        what: &'static str,
        text: &Arc<str>,
        attribute: &Attribute,
        reader: &CellReader,
        faults: &mut Vec<Fault>,
    ) {
        let unknown = |kind: &str, hint: String| Some(format!("unknown {kind}{hint}"));
        let accounts = self.table.table == TableName::Accounts;
        let reason = match attribute.name() {
            "account_type" if accounts => match self.schema.account_type(text) {
                Some(_) => None,
                None => unknown(
                    "account type",
                    did_you_mean(text, self.schema.account_types().map(AccountType::name)),
                ),
            },
            "product" if accounts => match self.schema.product(text) {
                Some(_) => None,
                None => unknown("product", did_you_mean(text, self.schema.products().map(Product::name))),
            },
            _ => misfit(text, attribute, reader),
        };
        if let Some(reason) = reason {
            faults.push(Fault::FixedText { what, text: text.chars().take(60).collect(), reason });
        }
    }
}

fn with_currencies(
    plans: IndexMap<Arc<str>, ColumnPlan>,
    complete: bool,
    report: &mut Report<'_>,
) -> Vec<Arc<ColumnPlan>> {
    let (mixed, plain): (Vec<ColumnPlan>, Vec<ColumnPlan>) =
        plans.into_values().partition(|plan| matches!(plan.kind, AttributeType::MixedMoney { .. }));
    let mut columns: Vec<Arc<ColumnPlan>> = plain.into_iter().map(Arc::new).collect();
    for mut plan in mixed {
        if let AttributeType::MixedMoney { currency_column } = &plan.kind {
            plan.currency = columns.iter().find(|other| other.target == *currency_column).cloned();
            if plan.currency.is_none() && complete {
                let name = currency_column.to_string();
                report(Some(&plan.target), Fault::CurrencyNotMapped { name });
            }
        }
        columns.push(Arc::new(plan));
    }
    columns
}

fn misfit(text: &str, attribute: &Attribute, reader: &CellReader) -> Option<String> {
    // Whether a text is an amount does not depend on the currency; that of its sign is used, if it has one.
    let sign = number::written(text.trim(), &reader.format).and_then(|written| written.sign);
    let currency = sign.unwrap_or(Currency::USD);
    let value = match reader.read(text, RowCurrency::Known(currency)) {
        ReadCell::Text(text) => Value::text(text),
        ReadCell::Value(value) => value,
        ReadCell::Unreadable(_, reason) => {
            let word = attribute.kind().kind().word();
            return Some(
                reason.map_or_else(|| format!("it is no {word}"), |why| format!("it is no {word}: {why}")),
            );
        }
        ReadCell::Null | ReadCell::Absent => return None,
    };
    attribute.accept(value).err().map(|fault| fault.to_string())
}
