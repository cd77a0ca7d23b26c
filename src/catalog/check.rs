//! Is one definition valid, and what does it read?

use super::entry::Gives;
use super::names::CatalogNames;
use super::status::reads_status;
use crate::define::{Compiled, Define, Form, Output};
use crate::expr::{Checked, LackingEvents, LacksRate, Name};

/// What a definition gives to those that read it, output by output; what it reads itself is among the names. `lacks` is by what it is known whether its column
/// lacks a rate.
pub(super) fn gives(
    definition: &dyn Define,
    compiled: &Compiled,
    lacks: Option<&LacksRate>,
    names: &CatalogNames,
) -> Vec<Gives> {
    if let Some(metric) = compiled.metric() {
        let name = Name::new(metric.checked().kind().clone());
        let lacks = LackingEvents::of(metric.checked()).map(LacksRate::Events);
        return vec![Gives::Metric(name.lacking_rates(lacks))];
    }
    let expressions = compiled.expressions();
    let reads_status = || expressions.iter().any(|checked| reads_status(checked, names));
    let is_row = matches!(compiled.form, Form::Row(_));
    let gives = |output: &Output| match &output.kind {
        Some(kind) => {
            let name = Name::new(kind.clone());
            // What is merged or compared says nothing of one account's own status.
            let is_computed = is_row && reads_status();
            let name = if is_computed { name.computed_from_status() } else { name };
            let name = name.lacking_rates(lacks.cloned());
            Gives::Column(name, definition.text())
        }
        None => {
            let chain = |id: &str| match names.entries.segment(id)?.gives.first() {
                Some(Gives::Segment { chain, .. }) => Some(*chain),
                _ => None,
            };
            let asked = expressions.iter().flat_map(|checked| Checked::reads_segments(checked));
            let chain = 1 + asked.filter_map(chain).max().unwrap_or(0);
            Gives::Segment { chain, reads_status: reads_status() }
        }
    };
    compiled.outputs.iter().map(gives).collect()
}

/// The question whether the column of a definition lacks a rate; `None` where it needs none. An expression or a roll-up says so; other functions, of one
/// account or of the whole book, give what they give for a value that is missing.
pub(super) fn rate_question(compiled: &Compiled, names: &CatalogNames) -> Option<Checked> {
    let is_column = compiled.outputs.iter().all(|output| output.kind.is_some());
    match &compiled.form {
        Form::Row(_) => compiled.answer().filter(|_| is_column)?.rate_question(),
        Form::Tree(of) => of.rate_question(names),
        Form::Whole(_) | Form::Named(_) | Form::Recorded(_) => None,
    }
}
