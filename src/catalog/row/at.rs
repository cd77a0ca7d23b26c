//! A function of one account at a moment.

use std::sync::Arc;

use super::part::PartAt;
use crate::expr::RowProgram;
use crate::model::{AsOf, Date, Value};

/// A function of one account at a moment.
#[derive(Debug, Clone)]
pub(crate) struct RowAt {
    pub(in crate::catalog) asked: Option<RowProgram>,
    pub(super) parts: Arc<[PartAt]>,
    /// The day, where earlier ones are read.
    pub(super) day: Option<Date>,
    /// The moment, where a function reads it.
    pub(super) moment: Option<AsOf>,
    /// The parameters that are read.
    pub(super) parameters: Vec<Option<Value>>,
}

impl RowAt {
    /// Does it say the same as that of the same function at another moment?
    pub(in crate::catalog) fn is_same(&self, other: &Self) -> bool {
        let moment = match (&self.moment, &other.moment) {
            (Some(own), Some(other)) => own.is_same(other),
            (None, None) => true,
            _ => false,
        };
        let mut parts = self.parts.iter().zip(&*other.parts);
        let same_part = |(own, other): (&PartAt, &PartAt)| {
            let mut tables = own.tables.iter().zip(&other.tables);
            let mut events = own.events.iter().zip(&other.events);
            same(own.own.as_ref(), other.own.as_ref())
                && tables.all(|(own, other)| own.is_same(other))
                && events.all(|((_, own), (_, other))| own.is_same(other))
        };
        same(self.asked.as_ref(), other.asked.as_ref())
            && (self.day, &self.parameters) == (other.day, &other.parameters)
            && moment
            && parts.all(same_part)
    }
}

fn same(own: Option<&RowProgram>, other: Option<&RowProgram>) -> bool {
    match (own, other) {
        (Some(own), Some(other)) => own.is_same(other),
        (None, None) => true,
        _ => false,
    }
}
