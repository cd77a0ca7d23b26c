//! Where do the columns lie that are folded, and can they be?
//!
//! What cannot be folded is refused here; running a plan cannot fail.

use std::sync::Arc;

use super::candidate::Ties;
use super::definition::{Fold, FoldOperator, Passes};
use super::mask::{Filter, FilterColumn, Passing};
use super::{MAX_FOLDED_VALUES, Reach};
use crate::model::{AccountType, Attribute, AttributeType, EnumValues, Schema, SystemAttribute, TableId};

/// Folds by place, ready to run on any view of a book with this schema. Cloning is cheap.
#[derive(Debug, Clone)]
pub(crate) struct FoldPlan {
    pub(super) schema: Arc<Schema>,
    pub(super) nodes: Arc<[Node]>,
}

/// A fold by place instead of by name.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) table: Option<usize>,
    pub(super) filters: Vec<Filter>,
    pub(super) reach: Reach,
    /// The status column and the codes that are cancelled, where those are left out.
    pub(super) cancelled: Option<(usize, Passing)>,
    pub(super) work: Work,
    /// Attributes of accounts that it reads.
    pub(super) attributes: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Work {
    /// Of rows with a value in each of some columns.
    Count(Vec<usize>),
    /// Of the others.
    Without(Vec<usize>),
    Sum(Measure),
    Ratio(Measure, Measure),
    /// The smallest key; of the negated key for a maximum.
    Least {
        column: usize,
        largest: bool,
    },
    Dated {
        by: usize,
        ties: Ties,
    },
    Distribution {
        column: usize,
        size: usize,
    },
}

/// A column that is summed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    pub(super) column: usize,
    /// Its values are whole numbers far below 64 bits.
    pub(super) is_narrow: bool,
}

impl FoldPlan {
    /// Of some folds; `None` where one of them cannot be folded.
    pub(crate) fn new(schema: &Arc<Schema>, folds: &[Fold]) -> Option<Self> {
        let nodes: Option<Vec<Node>> = folds.iter().map(|fold| Node::of(schema, fold)).collect();
        Some(Self { schema: Arc::clone(schema), nodes: nodes?.into() })
    }

    /// How many folds there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }
}

impl Node {
    /// `None` where it cannot be folded: a column that is not there, or of another type.
    pub(super) fn of(schema: &Schema, fold: &Fold) -> Option<Self> {
        let table = match &fold.table {
            None => None,
            Some(table) => Some(schema.table(table)?.index()),
        };
        let columns = Columns { schema, table };
        let filters = fold.filters.iter().map(|(column, passes)| columns.filter(column, passes));
        let filters: Vec<Filter> = filters.collect::<Option<_>>()?;
        let work = columns.work(&fold.operator)?;
        let codes = schema.cancelled_codes();
        let status = schema.system_attribute(SystemAttribute::Status);
        let cancelled = status.filter(|_| !fold.with_cancelled && !codes.is_empty()).map(|status| {
            let values = schema.attribute_at(status).and_then(|status| status.kind().values());
            let flags = (0..values.map_or(0, EnumValues::len))
                .map(|code| u16::try_from(code).is_ok_and(|code| codes.contains(&code)));
            (status.index(), Passing::Codes(flags.collect()))
        });
        let mut attributes: Vec<usize> = cancelled.iter().map(|(column, _)| *column).collect();
        if table.is_none() {
            attributes.extend(filters.iter().filter_map(|filter| match filter.column {
                FilterColumn::Column(column) => Some(column),
                FilterColumn::AccountType | FilterColumn::Product => None,
            }));
            attributes.extend(work.columns());
        }
        let reach = fold.reach;
        Some(Self { table, filters, reach, cancelled, work, attributes })
    }
}

/// The columns of the rows that are folded.
#[derive(Clone, Copy)]
struct Columns<'c> {
    schema: &'c Schema,
    table: Option<usize>,
}

impl<'c> Columns<'c> {
    fn find(self, column: &str) -> Option<(usize, &'c Attribute)> {
        if let Some(table) = self.table {
            let table = self.schema.table_at(TableId::new(table))?;
            return table.column_id(column).and_then(|id| Some((id.index(), table.column_at(id)?)));
        }
        self.schema.attribute(column).and_then(|id| Some((id.index(), self.schema.attribute_at(id)?)))
    }

    fn filter(self, column: &str, passes: &Passes) -> Option<Filter> {
        let codes = |known: &EnumValues| {
            let Passes::Texts(texts) = passes else { return None };
            let mut flags = vec![false; known.len()];
            for text in texts {
                *flags.get_mut(usize::from(known.code(text)?))? = true;
            }
            Some(Passing::Codes(flags.into()))
        };
        let (column, passing) = match (self.table, column) {
            (None, "account_type") => {
                let types = EnumValues::new(self.schema.account_types().map(AccountType::name));
                (FilterColumn::AccountType, codes(&types)?)
            }
            (None, "product") => (FilterColumn::Product, codes(self.schema.product_values())?),
            _ => {
                let (place, attribute) = self.find(column)?;
                let passing = match (attribute.kind(), passes) {
                    (AttributeType::Bool, Passes::Truth(truth)) => Passing::Truth(*truth),
                    (kind, _) => codes(kind.values()?)?,
                };
                (FilterColumn::Column(place), passing)
            }
        };
        Some(Filter { column, passing })
    }

    fn work(self, operator: &FoldOperator) -> Option<Work> {
        Some(match operator {
            FoldOperator::Count(columns) => Work::Count(self.places(columns)?),
            FoldOperator::Without(columns) => Work::Without(self.places(columns)?),
            FoldOperator::Sum(column) => Work::Sum(self.measure(column)?),
            FoldOperator::Ratio(above, below) => Work::Ratio(self.measure(above)?, self.measure(below)?),
            FoldOperator::Least(column) => Work::Least { column: self.key(column)?, largest: false },
            FoldOperator::Greatest(column) => Work::Least { column: self.key(column)?, largest: true },
            FoldOperator::Dated { of, by, last } => {
                let ties = Ties { table: self.table, column: self.find(of)?.0, last: *last };
                Work::Dated { by: self.key(by)?, ties }
            }
            FoldOperator::Distribution(column) => {
                let (column, attribute) = self.find(column)?;
                let size = match attribute.kind() {
                    AttributeType::Bool => 2,
                    kind => kind.values()?.len(),
                };
                Work::Distribution { column, size: Some(size).filter(|size| *size <= MAX_FOLDED_VALUES)? }
            }
        })
    }

    fn measure(self, column: &str) -> Option<Measure> {
        let (column, attribute) = self.find(column)?;
        let is_narrow = match attribute.kind() {
            AttributeType::Int | AttributeType::Decimal { .. } | AttributeType::Money(_) => true,
            AttributeType::Duration | AttributeType::Double => false,
            _ => return None,
        };
        Some(Measure { column, is_narrow })
    }

    fn places(self, columns: &[Arc<str>]) -> Option<Vec<usize>> {
        columns.iter().map(|column| Some(self.find(column)?.0)).collect()
    }

    /// A column whose values are ordered by a key.
    fn key(self, column: &str) -> Option<usize> {
        let (column, attribute) = self.find(column)?;
        let is_key = !matches!(
            attribute.kind(),
            AttributeType::Bool
                | AttributeType::Text
                | AttributeType::List
                | AttributeType::Enum(_)
                | AttributeType::MixedMoney { .. }
        );
        is_key.then_some(column)
    }
}

impl Work {
    /// The columns that it reads.
    fn columns(&self) -> Vec<usize> {
        match self {
            Self::Count(columns) | Self::Without(columns) => columns.clone(),
            Self::Sum(measure) => vec![measure.column],
            Self::Ratio(above, below) => vec![above.column, below.column],
            Self::Dated { by, ties } => vec![*by, ties.column],
            Self::Least { column, .. } | Self::Distribution { column, .. } => vec![*column],
        }
    }
}
