//! What was a derived value computed from?

use super::Catalog;
use super::entry::Asked;
use super::step::Work;
use crate::aggregate::{RollUpAt, UsageView};
use crate::book::View;
use crate::define::{Form, Space};
use crate::expr::{Behind, Supply};
use crate::model::AccountIdx;

impl Catalog {
    /// What a column was computed from at an account of a view; `None` for one that is not defined. Of a roll-up, `width` accounts
    /// are named.
    pub(crate) fn provenance<'c>(
        &'c self,
        (name, place, width): (&str, AccountIdx, usize),
        view: &View,
        usage: Option<&UsageView>,
        supply: &dyn Supply,
    ) -> Option<Behind<'c>> {
        let (_, placed) = self.names.entries.read(Asked::new(Space::Columns, name))?;
        let work = || Some(&self.steps.get(self.step_of(self.column(name)?)?)?.work);
        let compiled = &placed.entry.compiled;
        Some(match &compiled.form {
            Form::Row(_) => match compiled.answer() {
                Some(checked) => Behind::Expression(checked),
                None => {
                    let Work::Row(of) = work()? else { return None };
                    let recorded = of.recorded()?;
                    Behind::Past { of: recorded.of.clone(), on: recorded.on(view.as_of().date()) }
                }
            },
            Form::Whole(of) => Behind::Ranking(of.inputs.first()?),
            Form::Tree(_) => {
                let Work::Tree(of) = work()? else { return None };
                let programs = of.plan.at(view.as_of());
                let at = RollUpAt { view, programs: &programs, supply, usage };
                Behind::RollUp(of.plan.parts(at, place, &supply.column_at(name, place), width)?)
            }
            Form::Named(_) => return None,
        })
    }
}
