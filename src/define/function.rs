//! What is computed of what is read?

use std::fmt::Debug;

use crate::aggregate::Standing;
use crate::expr::{Cell, Flat, Val};
use crate::model::{AsOf, Date, Rates};

/// A pure function of what is read of one account.
pub(crate) trait RowFunction: Debug + Send + Sync {
    /// Computes the outputs, each of which is missing until it is set; in their order.
    fn row(&self, arguments: &Arguments<'_>, outputs: &mut [Cell]);
}

/// A pure function of what is read of all accounts that are seen.
pub(crate) trait WholeFunction: Debug + Send + Sync {
    /// The outputs in order, each for all accounts side by side. Values of hidden accounts are ignored.
    fn whole(&self, standing: &Standing, inputs: &[Flat]) -> Vec<Flat>;
}

/// What a function is given of one account.
pub(crate) struct Arguments<'a> {
    pub(crate) all: &'a [Argument<'a>],
    /// The moment of the question, where the form says that it is read.
    pub(crate) as_of: Option<&'a AsOf>,
    /// The rates of days, where the form says that they are asked and there are any.
    pub(crate) rates: Option<&'a dyn Rates>,
}

/// One input of an account.
#[derive(Debug, Clone)]
pub(crate) enum Argument<'a> {
    Value(Val<'a>),
    /// Row by row, the columns of each.
    Rows(Vec<Vec<Cell>>),
    /// Day by day, in order.
    Records(Vec<(Date, Cell)>),
}
