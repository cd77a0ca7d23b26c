//! Is one definition valid, and what does it read?

use super::entry::Gives;
use super::names::CatalogNames;
use super::status::reads_status;
use crate::define::{Compiled, Define, Form, Output};
use crate::expr::{Checked, MissingRateFlag, Name, UnratedEvents};

/// What a definition gives to those that read it, output by output; what it reads itself is among the names. `lacks` says where a rate of its column is missing.
pub(super) fn gives(
    definition: &dyn Define,
    compiled: &Compiled,
    lacks: Option<&MissingRateFlag>,
    names: &CatalogNames,
) -> Vec<Gives> {
    if let Some(metric) = compiled.metric() {
        let name = Name::new(metric.checked().kind().clone());
        let lacks = UnratedEvents::of(metric.checked()).map(MissingRateFlag::Events);
        return vec![Gives::Metric(name.with_missing_rates(lacks))];
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
            let name = name.with_missing_rates(lacks.cloned());
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

/// The boolean expression: is a rate of the definition's column missing? `None` if no rate is needed, and for functions other than expressions and roll-ups (rankings, past
/// values, a host's own kinds), which take a missing value like any other.
pub(super) fn rate_missing(compiled: &Compiled, names: &CatalogNames) -> Option<Checked> {
    let is_column = compiled.outputs.iter().all(|output| output.kind.is_some());
    match &compiled.form {
        Form::Row(_) => compiled.answer().filter(|_| is_column)?.rate_missing(),
        Form::Tree(of) => of.rate_missing(names),
        Form::Whole(_) | Form::Named(_) | Form::Recorded(_) => None,
    }
}
