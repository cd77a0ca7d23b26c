//! What was a derived value computed from?

use super::Catalog;
use super::definition::Definition;
use super::derived::days_before;
use super::entry::{Asked, Compiled, Space};
use super::step::Work;
use crate::aggregate::{RollUpAt, UsageView};
use crate::book::View;
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
        let (_, entry) = self.names.entries.read(Asked::new(Space::Columns, name))?;
        Some(match (&entry.compiled, &*entry.definition) {
            (Compiled::Attribute(checked), _) => Behind::Expression(checked),
            (Compiled::Ranking(of), _) => Behind::Ranking(&of.0),
            (Compiled::Past(_), Definition::Past(past)) => {
                Behind::Past { of: past.of.clone(), on: days_before(view.as_of(), past.days_ago) }
            }
            (Compiled::RollUp(_), _) => {
                let step = self.steps.get(self.column_step(name)?)?;
                let Work::RollUp(of) = &step.work else { return None };
                let programs = of.plan.at(view.as_of());
                let at = RollUpAt { view, programs: &programs, supply, usage };
                Behind::RollUp(of.plan.parts(at, place, &supply.column_at(name, place), width)?)
            }
            _ => return None,
        })
    }
}
