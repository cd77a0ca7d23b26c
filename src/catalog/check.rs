//! Is one definition valid, and what does it read?

use std::sync::Arc;

use super::definition::Definition;
use super::entry::{Compiled, Gives};
use super::fault::CatalogFaultKind;
use super::names::CatalogNames;
use super::status::reads_status;
use crate::aggregate::{CheckedMetric, CheckedRollUp, MetricFaultKind, Over, RollUpFaultKind};
use crate::expr::{Checked, Checker, ExprLimits, Name, NameText, Names, Of, Source};
use crate::model::{Schema, Zones, hint};

/// What a check knows beside names.
#[derive(Clone, Copy)]
pub(super) struct Rules<'r> {
    pub(super) schema: &'r Schema,
    pub(super) zones: &'r dyn Zones,
    pub(super) limits: &'r ExprLimits,
    /// The names without definitions: metrics read no others.
    pub(super) bare: &'r CatalogNames,
}

/// What a definition means, and what it reads; else all that is wrong with it but its name.
pub(super) fn check(
    definition: &Definition,
    names: &dyn Names,
    rules: Rules<'_>,
) -> Result<(Compiled, Vec<Source>), Vec<CatalogFaultKind>> {
    let checker = Checker::new(names).with_zones(rules.zones).with_limits(rules.limits.clone());
    let wrong = |errors| vec![CatalogFaultKind::Expression(errors)];
    let compiled = match definition {
        Definition::Attribute(of) => Compiled::Attribute(checker.check(&of.expression).map_err(wrong)?),
        Definition::Segment(of) => {
            Compiled::Segment(checker.check_ast_predicate(of.expression().clone()).map_err(wrong)?)
        }
        Definition::Past(of) => match names.name(Of::Account, of.of()) {
            Some(name) => Compiled::Past(name.kind().clone()),
            None => {
                let mut all: Vec<String> = Vec::new();
                names.each(Of::Account, &mut |name| all.push(name.to_owned()));
                let hint = hint(of.of(), all.iter().map(String::as_str));
                let what = format!("there is no attribute `{}`{hint}", of.of());
                return Err(vec![CatalogFaultKind::Other(what)]);
            }
        },
        Definition::Metric(of) => {
            let named = |kind: &MetricFaultKind| !matches!(kind, MetricFaultKind::Name(_));
            let faults = |kinds: Vec<MetricFaultKind>| {
                kinds.into_iter().filter(named).map(CatalogFaultKind::Metric).collect::<Vec<_>>()
            };
            Compiled::Metric(Arc::new(CheckedMetric::new(of, rules.bare).map_err(faults)?))
        }
        Definition::RollUp(of) => {
            let checked = CheckedRollUp::new(of, rules.schema, names, rules.zones, rules.limits);
            let named = |kind: &RollUpFaultKind| !matches!(kind, RollUpFaultKind::Name(_));
            let faults = |kinds: Vec<RollUpFaultKind>| {
                kinds.into_iter().filter(named).map(CatalogFaultKind::RollUp).collect::<Vec<_>>()
            };
            Compiled::RollUp(Box::new(checked.map_err(faults)?))
        }
        Definition::Ranking(of) => {
            let value = checker.check(&of.of);
            let within = of.within.as_ref().map(|within| checker.check(within)).transpose();
            match (value, within) {
                (Ok(value), Ok(within)) => {
                    if !value.kind().is_ordered() {
                        let what = format!("{} has no order to rank by", value.kind());
                        return Err(vec![CatalogFaultKind::Other(what)]);
                    }
                    let is_number = value.kind().is_number() || value.kind().is_money();
                    if of.at_least.is_some() && !is_number {
                        let what = format!("`at_least` is a number, and {} is none", value.kind());
                        return Err(vec![CatalogFaultKind::Other(what)]);
                    }
                    if let Some(within) = within.as_ref().filter(|within| !within.kind().is_scalar()) {
                        let what = format!("{} cannot say who are peers", within.kind());
                        return Err(vec![CatalogFaultKind::Other(what)]);
                    }
                    Compiled::Ranking(Box::new((value, within)))
                }
                (value, within) => {
                    let errors = value.err().into_iter().chain(within.err());
                    return Err(errors.map(CatalogFaultKind::Expression).collect());
                }
            }
        }
    };
    let reads = sources(&compiled, definition);
    Ok((compiled, reads))
}

/// What a definition reads by its expressions, and by whose rows it reads.
fn sources(compiled: &Compiled, definition: &Definition) -> Vec<Source> {
    let mut reads: Vec<Source> = Vec::new();
    match definition {
        Definition::Past(of) => reads.push(Source::Attribute(Arc::from(of.of()))),
        Definition::RollUp(of) => match of.rows() {
            Over::Accounts => {}
            Over::Table(table) => reads.push(Source::Table(table.clone())),
            Over::Events { event, .. } => reads.push(Source::Event(event.clone())),
        },
        _ => {}
    }
    let of_metric = match compiled {
        Compiled::Metric(metric) => Some(metric.checked()),
        _ => None,
    };
    for source in compiled.expressions().into_iter().chain(of_metric).flat_map(Checked::sources) {
        if !reads.contains(&source) {
            reads.push(source);
        }
    }
    reads
}

/// What a definition gives to those that read it; what it reads itself is among the names.
pub(super) fn gives(definition: &Definition, compiled: &Compiled, names: &CatalogNames) -> Gives {
    match compiled {
        Compiled::Metric(metric) => Gives::Metric(Name::new(metric.checked().kind().clone())),
        Compiled::Segment(checked) => {
            let chain = |id: &str| match names.entries.segment(id)?.gives {
                Gives::Segment { chain, .. } => Some(chain),
                _ => None,
            };
            let chain = 1 + checked.reads_segments().filter_map(chain).max().unwrap_or(0);
            Gives::Segment { chain, reads_status: reads_status(checked, names) }
        }
        Compiled::Attribute(_) | Compiled::Past(_) | Compiled::RollUp(_) | Compiled::Ranking(_) => {
            let text = match definition {
                Definition::Attribute(of) => NameText {
                    label: of.label.clone(),
                    documentation: of.description.clone(),
                    unit: of.unit.clone(),
                },
                Definition::RollUp(of) => {
                    NameText { label: None, documentation: of.documentation().map(Arc::from), unit: None }
                }
                _ => NameText::default(),
            };
            // All of these have a type.
            let kind = compiled.kind().unwrap_or(crate::expr::Type::Bool);
            let name = Name::new(kind);
            let is_computed =
                matches!(compiled, Compiled::Attribute(checked) if reads_status(checked, names));
            Gives::Column(if is_computed { name.computed_from_status() } else { name }, text)
        }
    }
}
