//! How are the roll-ups of a plan computed for all accounts of a view?

use std::sync::Arc;

use super::answers::{Answers, Keep, RollUpAnswers, RollUpColumn, RollUpResult};
use super::evaluate::{Rows, Standing};
use super::plain::{PlainAnswers, PlainOf};
use super::plan::{Entry, Kind, RollUpInputs, RollUpPlan};
use crate::aggregate::usage::UsageView;
use crate::book::View;
use crate::expr::{Cancelled, RowColumns, Supply};

impl RollUpPlan {
    /// The answers for every visible account, as if what is not visible did not exist. Roll-ups over events find none.
    ///
    /// # Complexity
    ///
    /// One pass over the rows for each expression, and one over the tree for each roll-up; O(rows × log rows) where values
    /// are counted once or ranked.
    #[must_use]
    pub fn run(&self, view: &View) -> RollUpAnswers {
        let done = self.evaluate(view, None, None);
        done.unwrap_or_else(|Cancelled| RollUpAnswers::none(view))
    }

    /// The same with usage: for roll-ups over events, and expressions that ask them.
    #[must_use]
    pub fn run_with(&self, usage: &UsageView) -> RollUpAnswers {
        let done = self.evaluate(usage.view(), Some(usage), None);
        done.unwrap_or_else(|Cancelled| RollUpAnswers::none(usage.view()))
    }

    /// The answers after a change: those of [`RollUpPlan::run`], to the last bit, whatever `before` is. Of roll-ups over plain columns
    /// (a count, sum, mean, ratio, minimum, maximum, first, last or distribution of columns, filtered by values of enumerations) the
    /// results that the change did not touch are reused; all others are recomputed, and roll-ups over events have no rows. Where many
    /// definitions are maintained after every change, use an [`Engine`](crate::engine::Engine).
    ///
    /// # Complexity
    ///
    /// Of roll-ups over plain columns, that of the chunks on the way from what changed to the roots; of others that of
    /// [`RollUpPlan::run`].
    #[must_use]
    pub fn refresh(&self, view: &View, before: &RollUpAnswers) -> RollUpAnswers {
        let done = self.evaluate(view, None, Some(before));
        done.unwrap_or_else(|Cancelled| RollUpAnswers::none(view))
    }

    /// `before` are the answers of this plan on another view, from which what is the same may be taken over.
    fn evaluate(
        &self,
        view: &View,
        usage: Option<&UsageView>,
        before: Option<&RollUpAnswers>,
    ) -> Result<RollUpAnswers, Cancelled> {
        let (view, usage) = self.at_own_rates(view, usage);
        let (view, usage) = (&*view, usage.as_deref());
        let (supply, stop) = (usage.map(|usage| usage as &dyn Supply), &|| false);
        let known = Arc::ptr_eq(&self.schema, view.schema()) || self.schema == *view.schema();
        if !known {
            return Ok(RollUpAnswers::none(view));
        }
        let (plain, others) = match &self.split {
            Some(split) => {
                let folded = split.plain.all(view, before.and_then(RollUpAnswers::folded));
                (Some((folded, split)), &split.others)
            }
            None => (None, self),
        };
        let columns = if others.roll_ups.is_empty() {
            Vec::new()
        } else {
            let programs = self.at(view.as_of());
            let standing = Standing::new(view);
            others.each(
                &standing,
                RollUpInputs { programs: &programs, usage, supply, rates: view.dated_rates() },
                stop,
                &|entry, rows| standing.column(&entry.checked, rows, entry.places),
            )?
        };
        let mut columns = columns.into_iter().map(Answers::Column);
        let answers = self.roll_ups.iter().enumerate().filter_map(|(at, (name, entry))| {
            let folded = plain.as_ref().and_then(|(totals, split)| {
                let of = split.places.get(at).copied().flatten()?;
                Some(Answers::Plain(Box::new(PlainAnswers::new(&entry.checked, of, totals))))
            });
            Some((name.clone(), folded.or_else(|| columns.next())?))
        });
        Ok(RollUpAnswers::new(view, answers.collect()))
    }

    /// The answers for the accounts of a view, by roll-up; states of which they are made instead, where these are kept and the
    /// roll-up has such.
    pub(crate) fn results(
        &self,
        standing: &Standing,
        inputs: RollUpInputs<'_>,
        keep: Keep,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<RollUpResult>, Cancelled> {
        if let Some(split) = self.split.as_deref().filter(|_| keep == Keep::Values) {
            let mut others = split.others.results(standing, inputs, keep, stop)?.into_iter();
            if stop() {
                return Err(Cancelled);
            }
            let totals = split.plain.all(&standing.view, None);
            let fold = |(entry, of): (&Entry, PlainOf)| {
                if stop() {
                    return Err(Cancelled);
                }
                let plain = PlainAnswers::new(&entry.checked, of, &totals);
                let column = RollUpColumn::of_plain(&plain, &standing.tree.slots, &standing.view);
                Ok(RollUpResult::Column(column))
            };
            let plain = self.roll_ups.values().zip(&split.places);
            let plain: Vec<(&Entry, PlainOf)> =
                plain.filter_map(|(entry, of)| Some((entry, (*of)?))).collect();
            #[cfg(feature = "rayon")]
            let plain: Result<Vec<RollUpResult>, Cancelled> = {
                use rayon::prelude::*;
                plain.into_par_iter().map(fold).collect()
            };
            #[cfg(not(feature = "rayon"))]
            let plain: Result<Vec<RollUpResult>, Cancelled> = plain.into_iter().map(fold).collect();
            let mut plain = plain?.into_iter();
            let results = split.places.iter().filter_map(|of| match of {
                Some(_) => plain.next(),
                None => others.next(),
            });
            return Ok(results.collect());
        }
        self.each(
            standing,
            inputs,
            stop,
            &|entry, rows| match entry.linear().filter(|_| keep == Keep::States) {
                Some(of) => {
                    let states = standing.linear(&entry.checked, &of, rows, entry.places);
                    let receives = standing.receivers(&entry.checked);
                    RollUpResult::States(of, states, receives)
                }
                None => RollUpResult::Column(standing.column(&entry.checked, rows, entry.places)),
            },
        )
    }

    /// Something of each roll-up and of the rows that it reads.
    fn each<T: Send>(
        &self,
        standing: &Standing,
        RollUpInputs { programs, usage, supply, rates }: RollUpInputs<'_>,
        stop: &(dyn Fn() -> bool + Sync),
        of: &(dyn Fn(&Entry, &Rows<'_>) -> T + Sync),
    ) -> Result<Vec<T>, Cancelled> {
        let mut read: Vec<Option<RowColumns>> = Vec::with_capacity(self.groups.len());
        for (group, program) in self.groups.iter().zip(programs) {
            read.push(match group.over {
                Kind::Accounts | Kind::Table(_) => {
                    Some(program.run(&standing.view, &standing.tree, supply, stop)?)
                }
                Kind::Events(..) => None,
            });
        }
        let one = |entry: &Entry| -> Result<T, Cancelled> {
            if stop() {
                return Err(Cancelled);
            }
            let columns = read.get(entry.group).and_then(Option::as_ref);
            let rows =
                self.groups.get(entry.group).map_or(Rows::None, |group| group.rows(columns, usage, rates));
            Ok(of(entry, &rows))
        };
        let entries: Vec<&Entry> = self.roll_ups.values().collect();
        #[cfg(feature = "rayon")]
        if entries.len() > 1 {
            use rayon::prelude::*;
            return entries.par_iter().map(|entry| one(entry)).collect();
        }
        entries.iter().map(|entry| one(entry)).collect()
    }
}
