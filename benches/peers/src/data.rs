//! What do all contestants get?
//!
//! The reference book of `perennial::testkit`, read once through its source. Rows keep their shuffled order
//! of arrival for the question that builds the tree; for the roll-up, accounts are numbered in the order of
//! their ids, so that the accounts of a tree lie side by side for everybody.

use std::ops::ControlFlow;

use perennial::source::{Batch, Cells, ScanRequest, Source, TableName};
use perennial::testkit::ReferenceBook;

use crate::Outcome;
use crate::answer::Total;

/// How many metrics each account has.
pub const METRICS: usize = 8;

/// The accounts, as plain arrays.
pub struct Data {
    pub book: ReferenceBook,
    /// Id and parent of each account in order of arrival.
    pub arrivals: Vec<(String, Option<String>)>,
    /// The parent of each account by number.
    pub parents: Vec<Option<u32>>,
    /// Units of the last digit, by metric and account.
    pub metrics: [Vec<Option<i64>>; METRICS],
    /// Cents.
    pub contract_values: Vec<Option<i64>>,
    /// What segments ask besides.
    pub nps: Vec<Option<i64>>,
    pub regions: Vec<Option<String>>,
    pub industries: Vec<Option<String>>,
}

impl Data {
    pub fn new(accounts: usize) -> Outcome<Self> {
        let book = ReferenceBook::new(accounts, 7);
        let len = book.len();
        let mut data = Self {
            arrivals: Vec::with_capacity(len),
            parents: (0..len)
                .map(|number| book.parent(number).map(to_u32).transpose())
                .collect::<Outcome<_>>()?,
            metrics: std::array::from_fn(|_| vec![None; len]),
            contract_values: vec![None; len],
            nps: vec![None; len],
            regions: vec![None; len],
            industries: vec![None; len],
            book,
        };
        let request = ScanRequest::for_schema(&data.book.schema(), TableName::Accounts);
        let source = data.book.source();
        let mut failed = Ok(());
        source.scan(&request, &mut |batch| match data.take(&batch) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Err(error);
                ControlFlow::Break(())
            }
        })?;
        failed.map(|()| data)
    }

    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// What every subtree adds up to, computed the slow and obvious way: each account to all above it.
    pub fn totals(&self) -> Vec<Total> {
        let mut totals = vec![Total::default(); self.len()];
        for number in 0..self.len() {
            let own = self.own(number);
            let mut above = u32::try_from(number).ok();
            while let Some(total) = above.and_then(|up| totals.get_mut(up as usize)) {
                total.merge(&own);
                above = above.and_then(|up| self.parents[up as usize]);
            }
        }
        totals
    }

    /// What an account is worth itself.
    pub fn own(&self, number: usize) -> Total {
        let value = self.contract_values[number];
        Total {
            sums: std::array::from_fn(|metric| self.metrics[metric][number].unwrap_or(0)),
            count: 1,
            least: value.unwrap_or(i64::MAX),
            most: value.unwrap_or(i64::MIN),
        }
    }

    fn take(&mut self, batch: &Batch) -> Outcome<()> {
        let cells = |name: &str| batch.cells(name).ok_or_else(|| format!("the source has no `{name}`"));
        let text = |name: &str| match cells(name)? {
            Cells::Text(texts) => Ok::<_, Box<dyn std::error::Error>>(texts),
            _ => Err(format!("`{name}` is no text").into()),
        };
        let (ids, parents) = (text("id")?, text("parent")?);
        let Cells::Money { minor, .. } = cells("contract_value")? else {
            return Err("`contract_value` is no money".into());
        };
        for (row, value) in minor.iter().enumerate() {
            let id = ids.get(row).ok_or("an account without an id")?;
            let number = number_of(id)?;
            self.arrivals.push((id.to_owned(), parents.get(row).map(str::to_owned)));
            self.contract_values[number] = *value;
        }
        let (Cells::Int(nps), regions, industries) = (cells("nps")?, text("region")?, text("industry")?)
        else {
            return Err("`nps` is no whole number".into());
        };
        for row in 0..ids.len() {
            let number = number_of(ids.get(row).ok_or("an account without an id")?)?;
            self.nps[number] = nps.get(row).copied().flatten();
            self.regions[number] = regions.get(row).map(str::to_owned);
            self.industries[number] = industries.get(row).map(str::to_owned);
        }
        for (metric, values) in self.metrics.iter_mut().enumerate() {
            let name = format!("m{}", metric + 1);
            let Cells::Decimal { units, .. } = cells(&name)? else {
                return Err(format!("`{name}` is no decimal").into());
            };
            for (row, value) in units.iter().enumerate() {
                values[number_of(ids.get(row).ok_or("an account without an id")?)?] = *value;
            }
        }
        Ok(())
    }
}

/// The number of an account, as its id says it.
pub fn number_of(id: &str) -> Outcome<usize> {
    Ok(id.trim_start_matches('a').parse()?)
}

/// Account numbers fit 32 bits: a book has fewer than 2^30 accounts.
pub fn to_u32(number: usize) -> Outcome<u32> {
    Ok(u32::try_from(number)?)
}

/// The level of each account, from 1 at a root, computed the slow and obvious way.
pub fn levels(parents: &[Option<u32>]) -> Vec<u32> {
    let climb = |number: usize| {
        let above = |up: &u32| parents[*up as usize];
        let lineage = std::iter::successors(parents[number], above);
        1 + u32::try_from(lineage.count()).unwrap_or(u32::MAX)
    };
    (0..parents.len()).map(climb).collect()
}
