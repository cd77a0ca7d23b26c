//! Which rows and columns does a fold read, and with which operator?

use std::sync::Arc;

use super::Reach;

/// A fold up the tree: an operator over attributes of accounts, or over columns of a child table.
///
/// Nothing in, nothing out: of no rows there is no sum; a count of no rows is 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Fold {
    pub(crate) operator: FoldOperator,
    pub(crate) table: Option<Arc<str>>,
    /// Columns and the values of them that pass; all must hold.
    pub(crate) filters: Vec<(Arc<str>, Passes)>,
    pub(crate) reach: Reach,
    pub(crate) with_cancelled: bool,
}

/// What is done with the rows, and with which columns of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum FoldOperator {
    /// How many there are that have a value in each of some columns.
    Count(Vec<Arc<str>>),
    /// How many there are that have none in one of them.
    Without(Vec<Arc<str>>),
    Sum(Arc<str>),
    /// Both sums, over the rows that have both values.
    Ratio(Arc<str>, Arc<str>),
    Least(Arc<str>),
    Greatest(Arc<str>),
    /// The row with the first or last value of another column, of those that have both; of several, that with the least value, or
    /// the greatest.
    Dated {
        of: Arc<str>,
        by: Arc<str>,
        last: bool,
    },
    /// How many rows have each value of an enumeration or band, or false and true.
    Distribution(Arc<str>),
}

/// The values of a column that pass a filter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Passes {
    Truth(bool),
    /// Of an enumeration or band; of accounts, of `account_type` and `product` as well.
    Texts(Vec<Arc<str>>),
}
