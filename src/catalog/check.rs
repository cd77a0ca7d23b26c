//! Is one definition valid, and what does it read?

use super::entry::Gives;
use super::names::CatalogNames;
use super::status::reads_status;
use crate::define::{Compiled, Define, Form, Output};
use crate::expr::{Checked, LacksRate, Name};

/// What a definition gives to those that read it, output by output; what it reads itself is among the names.
pub(super) fn gives(definition: &dyn Define, compiled: &Compiled, names: &CatalogNames) -> Vec<Gives> {
    if let Some(metric) = compiled.metric() {
        let name = Name::new(metric.checked().kind().clone());
        return vec![Gives::Metric(name.lacking_rate_where(LacksRate::of_metric(metric.checked())))];
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
            let name = name.lacking_rate_where(lacks_rate(compiled, names));
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

/// The question whether the column of a definition is missing for want of a rate. An expression or a roll-up says so; other functions, of one
/// account or of the whole book, give what they give for a value that is missing.
fn lacks_rate(compiled: &Compiled, names: &CatalogNames) -> Option<LacksRate> {
    match &compiled.form {
        Form::Row(_) => LacksRate::of_value(compiled.answer()?),
        Form::Tree(of) => of.lacks_rate(names),
        Form::Whole(_) | Form::Named(_) | Form::Recorded(_) => None,
    }
}
