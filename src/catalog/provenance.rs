//! What was a derived value computed from?

use super::Catalog;
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
        let work = || Some(&self.steps.get(self.column_step(name)?)?.work);
        Some(match &entry.compiled {
            Compiled::Attribute(checked) => Behind::Expression(checked),
            Compiled::Ranking(of) => Behind::Ranking(&of.0),
            Compiled::Past(_) => {
                let Work::Past(recorded) = work()? else { return None };
                Behind::Past { of: recorded.of.clone(), on: recorded.on(view.as_of()) }
            }
            Compiled::RollUp(_) => {
                let Work::RollUp(of) = work()? else { return None };
                let programs = of.plan.at(view.as_of());
                let at = RollUpAt { view, programs: &programs, supply, usage };
                Behind::RollUp(of.plan.parts(at, place, &supply.column_at(name, place), width)?)
            }
            Compiled::Metric(_) | Compiled::Segment(_) => return None,
        })
    }
}
